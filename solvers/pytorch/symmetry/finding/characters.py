"""Characters: by which factors a hidden unit may be scaled, as products of powers of unknown scalings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import final


@final
@dataclass(frozen=True)
class Character:
    r"""The factor :math:`\prod_v|s_v|^{a_v}\prod_v\operatorname{sign}(s_v)^{b_v}` of unknown scalings s.

    Parameters
    ----------
    log: the exponents a that are not zero, by variable, in the order of the variables.
    sign: the variables whose sign takes part.

    >>> one = Character.of(1)
    >>> one + one == one.power(2), (one - one).is_trivial()
    (True, True)
    """

    log: tuple[tuple[int, Fraction], ...] = ()
    sign: frozenset[int] = frozenset()

    @classmethod
    def of(cls, variable: int) -> Character:
        """The scaling of one variable itself."""
        return cls(((variable, Fraction(1)),), frozenset((variable,)))

    @classmethod
    def from_parts(cls, log: Mapping[int, Fraction], sign: frozenset[int]) -> Character:
        """The character of exponents, zeros left out."""
        return cls(tuple(sorted((v, a) for v, a in log.items() if a)), sign)

    def __add__(self, other: Character) -> Character:
        """The product of the factors."""
        log = dict(self.log)
        for variable, exponent in other.log:
            log[variable] = log.get(variable, Fraction(0)) + exponent
        return Character.from_parts(log, self.sign ^ other.sign)

    def __neg__(self) -> Character:
        """The inverse factor."""
        return Character(tuple((v, -a) for v, a in self.log), self.sign)

    def __sub__(self, other: Character) -> Character:
        """The quotient of the factors."""
        return self + (-other)

    def power(self, degree: Fraction | int) -> Character:
        """The factor to a power; to a broken power it is of the absolute value."""
        degree = Fraction(degree)
        sign = self.sign if degree.denominator == 1 and degree.numerator % 2 else frozenset()
        return Character.from_parts({v: a * degree for v, a in self.log}, sign)

    def magnitude(self) -> Character:
        """The absolute value of the factor."""
        return Character(self.log)

    def direction(self) -> Character:
        """The sign of the factor."""
        return Character((), self.sign)

    def is_trivial(self) -> bool:
        """Whether the factor is one whatever the scalings."""
        return not self.log and not self.sign

    def renamed(self, names: Mapping[int, int]) -> Character:
        """The character of other variables in the places of these."""
        log = {names.get(v, v): a for v, a in self.log}
        return Character.from_parts(log, frozenset(names.get(v, v) for v in self.sign))


TRIVIAL = Character()
"""The factor one."""
