"""Quotients of polynomials over the rationals in rings of SymPy, with denominators kept as power products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, final

Poly: TypeAlias = Any
"""An element of a sparse polynomial ring of SymPy."""

MAX_TERMS = 20_000
MAX_WORK = 4_000_000


class TooLarge(Exception):
    """A polynomial has too many terms; the caller answers by numbers."""


def product(left: Poly, right: Poly) -> Poly:
    """Product of polynomials, refused when it would be large."""
    if len(left) * len(right) > MAX_WORK:
        raise TooLarge
    result = left * right
    if len(result) > MAX_TERMS:
        raise TooLarge
    return result


@final
class Ratio:
    """numerator / product of polynomials ** exponents.

    Parameters
    ----------
    numerator: polynomial.
    denominator: exponents of primitive polynomials.
    """

    __slots__ = ("denominator", "numerator")

    def __init__(self, numerator: Poly, denominator: Mapping[Poly, int] | None = None) -> None:
        self.numerator = numerator
        self.denominator: Mapping[Poly, int] = denominator if denominator and numerator else {}

    def over(self, common: Mapping[Poly, int]) -> Poly:
        """The numerator over a common denominator."""
        result = self.numerator
        for factor, exponent in common.items():
            for _ in range(exponent - self.denominator.get(factor, 0)):
                result = product(result, factor)
        return result

    def __add__(self, other: Ratio) -> Ratio:
        if not other.numerator:
            return self
        if not self.numerator:
            return other
        if self.denominator == other.denominator:
            return Ratio(self.numerator + other.numerator, self.denominator)
        common = dict(self.denominator)
        for factor, exponent in other.denominator.items():
            common[factor] = max(common.get(factor, 0), exponent)
        return Ratio(self.over(common) + other.over(common), common)

    def __radd__(self, other: int) -> Ratio:
        return self  # a sum of an array begins with 0

    def __neg__(self) -> Ratio:
        return Ratio(-self.numerator, self.denominator)

    def __sub__(self, other: Ratio) -> Ratio:
        return self + -other

    def __mul__(self, other: Ratio) -> Ratio:
        numerator = product(self.numerator, other.numerator)
        if not numerator:
            return Ratio(numerator)
        denominator = dict(self.denominator)
        for factor, exponent in other.denominator.items():
            denominator[factor] = denominator.get(factor, 0) + exponent
        return Ratio(*cancelled(numerator, denominator))

    def __pow__(self, exponent: int) -> Ratio:
        result = Ratio(self.numerator.ring.one)
        for _ in range(exponent):
            result = result * self
        return result

    def inverse(self) -> Ratio:
        """1 / x."""
        below = self.numerator
        top = below.ring.one
        for factor, exponent in self.denominator.items():
            for _ in range(exponent):
                top = product(top, factor)
        if below.is_ground:
            return Ratio(top * (1 / below.LC))
        content, primitive = below.primitive()
        if primitive.LC < 0:
            content, primitive = -content, -primitive
        return Ratio(*cancelled(top * (1 / content), {primitive: 1}))


def cancelled(numerator: Poly, denominator: dict[Poly, int]) -> tuple[Poly, dict[Poly, int]]:
    """Factors of the denominator that divide the numerator taken out of both."""
    for factor in list(denominator):
        while denominator[factor]:
            quotient, remainder = numerator.div(factor)
            if remainder:
                break
            numerator = quotient
            denominator[factor] -= 1
        if not denominator[factor]:
            del denominator[factor]
    return numerator, denominator
