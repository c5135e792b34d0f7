"""Real roots of integer polynomials, counted and kept apart exactly by Sturm's theorem."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from flint import fmpq, fmpq_poly, fmpz_poly


def sturm_chain(polynomial: fmpz_poly) -> list[fmpq_poly]:
    """The chain p, p', and the negative remainders."""
    chain = [fmpq_poly(polynomial), fmpq_poly(polynomial.derivative())]
    while chain[-1].degree() > 0:
        rest = -(chain[-2] % chain[-1])
        if rest.degree() < 0:
            break
        chain.append(rest)
    return [part for part in chain if part.degree() >= 0]


def sign_changes(chain: list[fmpq_poly], at: Fraction | None, *, end: int = 1) -> int:
    """Sign changes of the chain at a number, or at plus or minus infinity."""
    if at is None:
        values = [part[part.degree()] * end ** part.degree() for part in chain]
    else:
        values = [part(fmpq(at.numerator, at.denominator)) for part in chain]
    signs = [value > 0 for value in values if value != 0]
    return sum(one != other for one, other in pairwise(signs))


def count_real_roots(polynomial: fmpz_poly, *, negative: bool = False) -> int:
    """Number of different real roots, or of negative ones.

    >>> count_real_roots(fmpz_poly([-2, 0, 1])), count_real_roots(fmpz_poly([-2, 0, 1]), negative=True)
    (2, 1)
    """
    if polynomial.degree() < 1:
        return 0
    chain = sturm_chain(polynomial)
    below = sign_changes(chain, None, end=-1)
    if negative:  # the theorem counts a root at the right end too
        return below - sign_changes(chain, Fraction(0)) - (polynomial[0] == 0)
    return below - sign_changes(chain, None)


def real_cuts(polynomial: fmpz_poly) -> list[tuple[Fraction, Fraction]]:
    """For each real root of an irreducible polynomial, rationals below and above it with no other root between.

    >>> real_cuts(fmpz_poly([-2, 0, 1]))
    [(Fraction(-4, 1), Fraction(0, 1)), (Fraction(0, 1), Fraction(4, 1))]
    """
    if polynomial.degree() == 1:
        root = Fraction(-int(polynomial[0]), int(polynomial[1]))
        return [(root - 1, root + 1)]
    chain = sturm_chain(polynomial)
    top = abs(int(polynomial[polynomial.degree()]))
    bound = Fraction(2 + max(abs(int(value)) for value in polynomial.coeffs()) // top)
    return _isolate(chain, -bound, bound)


def _isolate(chain: list[fmpq_poly], low: Fraction, high: Fraction) -> list[tuple[Fraction, Fraction]]:
    """Halves of an interval until each has one root; no end is a root, since these are irrational."""
    count = sign_changes(chain, low) - sign_changes(chain, high)
    if count < 2:
        return [(low, high)] * count
    middle = (low + high) / 2
    return _isolate(chain, low, middle) + _isolate(chain, middle, high)
