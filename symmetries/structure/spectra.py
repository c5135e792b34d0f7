"""Kinds of matrices by their eigenvalues, decided exactly: rotations, scalings, nilpotent ones."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from typing import Literal, TypeAlias

import numpy as np
from flint import fmpz_poly

from symmetries.structure.integer_matrices import Integers, characteristic_polynomial, from_flint, to_flint
from symmetries.structure.real_roots import count_real_roots

Spectrum: TypeAlias = Literal["zero", "compact", "scaling", "nilpotent", "mixed"]
"""Of a matrix: zero; semisimple with imaginary eigenvalues; semisimple with real ones; nilpotent; anything else."""


def spectrum(matrix: Integers) -> Spectrum:
    """The kind of a matrix, from the roots of its characteristic polynomial, counted exactly.

    >>> rows = ([[0, 1], [-4, 0]], [[0, 1], [2, 0]], [[0, 1], [0, 0]], [[1, 1], [-1, 1]])
    >>> [spectrum(np.array(one)) for one in rows]
    ['compact', 'scaling', 'nilpotent', 'mixed']
    """
    if not matrix.any():
        return "zero"
    radical = fmpz_poly([1])
    for factor, _ in characteristic_polynomial(matrix).factor()[1]:
        radical *= factor
    if radical == fmpz_poly([0, 1]):
        return "nilpotent"
    if polynomial_value(radical, matrix).any():
        return "mixed"
    if count_real_roots(radical) == radical.degree():
        return "scaling"
    rest = radical if radical[0] != 0 else fmpz_poly(radical.coeffs()[1:])
    if any(value != 0 for value in rest.coeffs()[1::2]):
        return "mixed"
    squares = fmpz_poly(rest.coeffs()[0::2])
    return "compact" if count_real_roots(squares, negative=True) == squares.degree() else "mixed"


def is_periodic(polynomial: fmpz_poly) -> bool:
    r"""Whether exp(tA) comes back to 1, for a rotation A with this characteristic polynomial.

    All frequencies must be rational multiples of one. The square of one is rational then: a conjugate of it is the
    square of another, a ratio of conjugates that is rational is 1 or -1, and squares of frequencies are positive.

    >>> [is_periodic(fmpz_poly(one)) for one in ([4, 0, 5, 0, 1], [2, 0, 3, 0, 1], [2, 0, 4, 0, 1], [3, 0, 1])]
    [True, False, False, True]
    """
    squares: list[Fraction] = []
    for factor, _ in polynomial.factor()[1]:
        if factor.degree() == 2:
            squares.append(Fraction(int(factor[0]), int(factor[2])))
        elif factor.degree() > 2:
            return False
    ratios = [square / squares[0] for square in squares]
    return all(isqrt(each.numerator * each.denominator) ** 2 == each.numerator * each.denominator for each in ratios)


def polynomial_value(polynomial: fmpz_poly, matrix: Integers) -> Integers:
    """A polynomial of a matrix."""
    flint = to_flint(matrix)
    unit = to_flint(np.eye(len(matrix), dtype=np.int64))
    total = unit * 0
    for coefficient in reversed(polynomial.coeffs()):
        total = total * flint + unit * int(coefficient)
    return from_flint(total)
