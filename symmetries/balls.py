"""Dual evaluation by ball arithmetic: every number comes with a rigorous bound of its error."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, final

from flint import arb, ctx, fmpq

from symmetries.dual import HOLE, Hole
from symmetries.dual_functions import Entry
from symmetries.dual_numbers import Ordered

BITS_PER_DIGIT = 3.33

CERTAINLY: dict[str, tuple[Callable[[Any], bool], Callable[[Any], bool]]] = {
    ">": (lambda x: x > 0, lambda x: x <= 0),
    ">=": (lambda x: x >= 0, lambda x: x < 0),
    "<": (lambda x: x < 0, lambda x: x >= 0),
    "<=": (lambda x: x <= 0, lambda x: x > 0),
    "==": (lambda x: bool(x == 0), lambda x: x > 0 or x < 0),
    "!=": (lambda x: x > 0 or x < 0, lambda x: bool(x == 0)),
}
"""For each relation, whether a ball is certainly in it to zero, and whether it certainly is not."""


@final
class Balls(Ordered):
    """Real numbers as balls; what cannot be decided at the working precision is undefined."""

    def constant(self, value: Fraction | int) -> Any:
        """A ball around a rational number."""
        fraction = Fraction(value)
        return arb(fmpq(fraction.numerator, fraction.denominator))

    def invert(self, x: Any) -> Any:
        """1 / x."""
        return 1 / x if _apart(x) else HOLE

    def function(self, name: str, x: Any) -> tuple[Any, Any]:
        """A function with its derivative."""
        if isinstance(x, Hole) or (name == "log" and not x > 0) or (name == "exp" and not abs(x) < 10**6):
            return HOLE, HOLE
        match name:
            case "exp":
                value = x.exp()
                return value, value
            case "log":
                return x.log(), 1 / x
            case "sin":
                return x.sin(), x.cos()
            case "cos":
                return x.cos(), -x.sin()
            case "atan":
                return x.atan(), 1 / (1 + x * x)
            case "erf":
                return x.erf(), 2 / arb.pi().sqrt() * (-x * x).exp()
            case _:
                root = arb(2).sqrt()
                return (-x / root).erfc() / 2, (-x * x / 2).exp() / (2 * arb.pi()).sqrt()

    def root(self, x: Any, exponent: Fraction) -> tuple[Any, Any]:
        """Roots of positive numbers."""
        if isinstance(x, Hole) or not x > 0:
            zero = not isinstance(x, Hole) and bool(x == 0) and exponent > 0
            return (self.constant(0), HOLE) if zero else (HOLE, HOLE)
        value = x ** self.constant(exponent)
        return value, self.constant(exponent) * value / x

    def absolute(self, x: Entry) -> Entry:
        """The absolute value."""
        if _apart(x.value):
            return x * -1 if x.value < 0 else x
        return x if _still_zero(x) else Entry(self, HOLE, HOLE)

    def positive_part(self, x: Entry) -> Entry:
        """max(0, x), exactly zero for negative x."""
        return self.choose(">", x, x, Entry(self, self.constant(0), self.constant(0)))

    def choose(self, relation: str, u: Entry, a: Entry, b: Entry) -> Entry:
        """One of two values."""
        if _apart(u.value) or _still_zero(u):
            holds, fails = CERTAINLY[relation]
            if holds(u.value):
                return a
            if fails(u.value):
                return b
        return Entry(self, HOLE, HOLE)

    def pi(self) -> Any:
        """The circle number."""
        return arb.pi()


def certainly_nonzero(evaluate: Callable[[Balls], tuple[Any, Any]], digits: int) -> Any | None:
    """A decimal of many digits when a quantity is certainly not zero and the loss has a value; None otherwise.

    Parameters
    ----------
    evaluate: the quantity and the loss in an arithmetic.
    digits: the working precision.

    >>> third = lambda numbers: (numbers.constant(Fraction(1, 3)), numbers.constant(1))
    >>> print(certainly_nonzero(third, 20))
    0.333333333333333
    """
    import mpmath

    previous = ctx.prec
    ctx.prec = int(BITS_PER_DIGIT * digits) + 16
    try:
        value, loss = evaluate(Balls())
        if isinstance(loss, Hole) or not loss.is_finite() or not _apart(value) or not value.is_finite():
            return None
        with mpmath.workdps(digits):
            return mpmath.mpf(value.mid().str(30, radius=False))
    finally:
        ctx.prec = previous


def _apart(x: Any) -> bool:
    """Whether a number certainly is not zero."""
    return not isinstance(x, Hole) and bool(x > 0 or x < 0)


def _still_zero(x: Entry) -> bool:
    """Whether a dual number is zero and does not move."""
    return not isinstance(x.value, Hole) and bool(x.value == 0) and bool(x.tangent == 0)
