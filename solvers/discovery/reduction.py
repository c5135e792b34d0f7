"""Generators that people can read: a reduced basis of a numerical null space, and rational numbers for its entries."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import scipy.linalg

from symmetries.actions.parameter_space import FloatArray

LARGEST_DENOMINATOR = 3_200
"""Denominators of fractions up to squares of those of structural constants."""

LESS = 1e-3
"""Weight of the columns that are not preferred."""

FULLER = 2.0
"""Rows with that many times the entries of a usual row are made sparser."""

PASSES = 4
"""How often each of them is gone through."""

MOST_FULL = 16
"""Rows that are made sparser at most."""

SHARE = 0.1
"""Denominators stay below this share of the number at which every number is near some fraction."""


def reduced(null: FloatArray, preferred: FloatArray | None = None) -> FloatArray:
    """The basis of the same space that is the identity on well chosen columns.

    Parameters
    ----------
    null: a basis as rows, shape (dimension, unknowns).
    preferred: columns to choose first, where they are independent enough; shape (unknowns,), boolean.

    >>> reduced(np.array([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0]])).round(12).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    if not len(null):
        return null
    weights = 1.0 if preferred is None else np.where(preferred, 1.0, LESS)
    order = scipy.linalg.qr(null * weights, mode="r", pivoting=True, check_finite=False)[1]
    pivots = np.sort(order[: len(null)])
    basis = scipy.linalg.solve(null[:, pivots], null)
    basis[:, pivots] = np.eye(len(null))
    return basis


def sparser(basis: FloatArray, tidy: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """The basis with multiples of other rows taken from the rows that are much fuller than most, where that helps.

    Parameters
    ----------
    basis: rows, shape (dimension, unknowns).
    tidy: coefficients of the same field with more zeros.

    >>> sparser(np.array([[1.0, 0, 0, 0], [0, 1.0, 0, 0], [1.0, 1.0, 1.0, 1.0]]), lambda row: row).tolist()[2]
    [0.0, 0.0, 1.0, 1.0]
    """
    answer = basis.copy()
    counts = np.count_nonzero(basis, axis=1)
    full = np.flatnonzero(counts > FULLER * np.median(counts)) if len(basis) else np.zeros(0, dtype=int)
    for place in np.tile(full[:MOST_FULL], PASSES):
        for other in np.argsort(np.count_nonzero(answer, axis=1)):
            factor = _common_factor(answer[place], answer[other]) if other != place else 0.0
            if factor:
                tried = tidy(answer[place] - factor * answer[other])
                if 0 < np.count_nonzero(tried) < np.count_nonzero(answer[place]):
                    answer[place] = tried
    return answer


def _common_factor(row: FloatArray, other: FloatArray) -> float:
    """The most frequent ratio of two rows where both have entries; 0 where they share none."""
    both = np.flatnonzero((row != 0) & (other != 0))
    if not len(both):
        return 0.0
    ratios = row[both] / other[both]
    values, counts = np.unique(np.round(ratios, 6), return_counts=True)
    return float(ratios[np.argmin(np.abs(ratios - values[np.argmax(counts)]))])


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
