"""Generators that people can read: a reduced basis of a numerical null space, and rational numbers for its entries."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import scipy.linalg

from symmetries.actions.parameter_space import FloatArray

LARGEST_DENOMINATOR = 1_000

SHARE = 0.1
"""Denominators stay below this share of the number at which every number is near some fraction."""


def reduced(null: FloatArray) -> FloatArray:
    """The basis of the same space that is the identity on well chosen columns.

    Parameters
    ----------
    null: a basis as rows, shape (dimension, unknowns).

    >>> reduced(np.array([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0]])).round(12).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    if not len(null):
        return null
    order = scipy.linalg.qr(null, mode="r", pivoting=True, check_finite=False)[1]
    pivots = np.sort(order[: len(null)])
    basis = scipy.linalg.solve(null[:, pivots], null)
    basis[:, pivots] = np.eye(len(null))
    return basis


def rational(value: float, tolerance: float) -> Fraction | None:
    """The fraction with a small denominator within a relative tolerance of a number, None when there is none.

    >>> rational(0.3333333333, 1e-8), rational(2**0.5, 1e-8)
    (Fraction(1, 3), None)
    """
    if value == 0:
        return Fraction(0)
    if abs(value) < 1:  # the inverse of a large number is as simple as the number
        inverse = rational(1 / value, tolerance) if abs(value) > 1e-9 else None
        return None if inverse is None or inverse == 0 else 1 / inverse
    near = Fraction(value).limit_denominator(max(1, min(LARGEST_DENOMINATOR, int(SHARE / tolerance**0.5))))
    return near if abs(float(near) - value) <= tolerance * abs(value) else None


def cleaned(coefficients: FloatArray, tolerance: float) -> FloatArray:
    """Coefficients with the rounding removed: entries near zero are zero, entries near fractions are fractions."""
    largest = float(np.max(np.abs(coefficients), initial=0.0))
    kept = np.where(np.abs(coefficients) <= tolerance * largest, 0.0, coefficients)
    for k in np.flatnonzero(kept):
        near = rational(float(kept[k]), tolerance)
        kept[k] = kept[k] if near is None else float(near)
    return kept
