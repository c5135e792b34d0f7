"""Real roots of irreducible polynomials, kept apart by rational numbers."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from flint import fmpz_poly


def real_cuts(polynomial: fmpz_poly) -> list[tuple[Fraction, Fraction]]:
    """For each real root of an irreducible polynomial, rationals below and above it with no other root between.

    >>> real_cuts(fmpz_poly([-2, 0, 1]))
    [(Fraction(-3, 1), Fraction(0, 1)), (Fraction(0, 1), Fraction(3, 1))]
    """
    from sympy import Poly, Symbol

    if polynomial.degree() == 1:
        root = Fraction(-int(polynomial[0]), int(polynomial[1]))
        return [(root - 1, root + 1)]
    poly = Poly([int(value) for value in reversed(polynomial.coeffs())], Symbol("t"))
    spans = [(Fraction(int(a.p), int(a.q)), Fraction(int(b.p), int(b.q))) for (a, b), _ in poly.intervals()]
    if not spans:
        return []
    cuts = [spans[0][0] - 1]
    cuts += [(left[1] + right[0]) / 2 for left, right in pairwise(spans)]
    cuts.append(spans[-1][1] + 1)
    return list(pairwise(cuts))
