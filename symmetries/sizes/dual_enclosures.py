"""Enclosures as the numbers of an evaluation: every value is an interval that holds the exact one."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, final

from flint import arb, fmpq

from symmetries.dual import HOLE, Hole
from symmetries.dual_functions import Entry
from symmetries.dual_numbers import HOLDS, Ordered

OPPOSITE = {">": "<=", "<=": ">", "<": ">=", ">=": "<", "==": "!=", "!=": "=="}

LARGEST_EXPONENT = 10**6


@final
class Enclosures(Ordered):
    """Intervals at the precision of ``flint.ctx``; what an interval does not decide has no value.

    Two values whose intervals do not meet differ for certain, however much the terms of an expression cancel.

    >>> third = Enclosures().constant(Fraction(1, 3))
    >>> bool(third * 3 == 1), bool((third * 3 - 1).contains(0))
    (False, True)
    """

    def constant(self, value: Fraction | int) -> Any:
        """A rational number."""
        fraction = Fraction(value)
        return arb(fmpq(fraction.numerator, fraction.denominator))

    def invert(self, x: Any) -> Any:
        """1 / x where x is not zero for certain."""
        return HOLE if isinstance(x, Hole) or x.contains(0) else 1 / x

    def function(self, name: str, x: Any) -> tuple[Any, Any]:
        """A function; its derivative is not enclosed."""
        if isinstance(x, Hole) or (name == "log" and not x > 0) or (name == "exp" and not abs(x) < LARGEST_EXPONENT):
            return HOLE, HOLE
        if name == "normal_cdf":
            return (-x / arb(2).sqrt()).erfc() / 2, HOLE
        return getattr(x, name)(), HOLE

    def root(self, x: Any, exponent: Fraction) -> tuple[Any, Any]:
        """Roots of positive numbers, and of zero where it is exact."""
        if isinstance(x, Hole) or not x > 0:
            return (x, HOLE) if not isinstance(x, Hole) and x == 0 and exponent > 0 else (HOLE, HOLE)
        return x ** self.constant(exponent), HOLE

    def rooted(self, x: Entry, exponent: Fraction) -> Entry:
        """A root."""
        return Entry(self, self.root(x.value, exponent)[0], x.tangent)

    def absolute(self, x: Entry) -> Entry:
        """The absolute value."""
        return x if isinstance(x.value, Hole) else Entry(self, abs(x.value), x.tangent)

    def choose(self, relation: str, u: Entry, a: Entry, b: Entry) -> Entry:
        """One of two values, where the relation holds or fails for certain."""
        if isinstance(u.value, Hole):
            return Entry(self, HOLE, HOLE)
        if HOLDS[relation](u.value):
            return a
        return b if HOLDS[OPPOSITE[relation]](u.value) else Entry(self, HOLE, HOLE)

    def pi(self) -> Any:
        """The circle number."""
        return arb.pi()
