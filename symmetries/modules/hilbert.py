"""Counting monomials: the Hilbert function of a monomial ideal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import comb

Exponents = tuple[int, ...]


def count_multiples(monomials: Iterable[Exponents], variables: int, degree: int) -> int:
    r"""Number of monomials of degree at most ``degree`` that a given monomial divides.

    With the numerator :math:`K(t)` of the Hilbert series of the quotient by the ideal I of the monomials, it is the
    coefficient of :math:`t^d` in :math:`(1 - K(t)) / (1 - t)^{n+1}`.

    >>> count_multiples([(2, 0), (0, 1)], 2, 3)
    8

    Source: D. Bayer, M. Stillman, "Computation of Hilbert functions" (1992).
    """
    numerator = hilbert_numerator(list(monomials))
    total = 0
    for power, coefficient in numerator.items():
        if power <= degree:
            total -= coefficient * comb(degree - power + variables, variables)
    return total + (comb(degree + variables, variables) if degree >= 0 else 0)


def hilbert_numerator(monomials: Sequence[Exponents]) -> dict[int, int]:
    """Numerator K(t) of the Hilbert series K(t)/(1 - t)^n of the quotient by the ideal, coefficients by power.

    From the exact sequence of the ideal J without its last monomial m: K(J + m) = K(J) - t^deg(m) K(J : m).

    >>> hilbert_numerator([(2, 0), (0, 1)])
    {0: 1, 1: -1, 2: -1, 3: 1}
    """
    least = minimal_monomials(monomials)
    return {power: value for power, value in sorted(_numerator(least).items()) if value}


def minimal_monomials(monomials: Iterable[Exponents]) -> tuple[Exponents, ...]:
    """The monomials that no other one divides.

    >>> minimal_monomials([(1, 1), (0, 1), (3, 0)])
    ((0, 1), (3, 0))
    """
    kept: list[Exponents] = []
    for monomial in sorted(set(monomials), key=lambda one: (sum(one), one)):
        if not any(all(a <= b for a, b in zip(small, monomial, strict=True)) for small in kept):
            kept.append(monomial)
    return tuple(kept)


def _numerator(monomials: tuple[Exponents, ...]) -> dict[int, int]:
    if _are_coprime(monomials):
        result = {0: 1}
        for monomial in monomials:
            result = _minus_shifted(result, result, sum(monomial))
        return result
    head, last = monomials[:-1], monomials[-1]
    quotient = minimal_monomials(tuple(max(a - b, 0) for a, b in zip(monomial, last, strict=True)) for monomial in head)
    return _minus_shifted(_numerator(head), _numerator(quotient), sum(last))


def _are_coprime(monomials: tuple[Exponents, ...]) -> bool:
    return all(sum(map(bool, column)) <= 1 for column in zip(*monomials, strict=True))


def _minus_shifted(left: dict[int, int], right: dict[int, int], power: int) -> dict[int, int]:
    result = dict(left)
    for exponent, value in right.items():
        result[exponent + power] = result.get(exponent + power, 0) - value
    return result
