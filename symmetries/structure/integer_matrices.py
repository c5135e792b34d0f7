"""Exact linear algebra of integer matrices whose rows are vectors: products, spans, null spaces, signatures."""

from __future__ import annotations

from itertools import pairwise
from math import gcd
from typing import Any, TypeAlias

import numpy as np
from flint import fmpz_mat, fmpz_poly

Integers: TypeAlias = np.ndarray[Any, Any]
"""Integers as 64-bit numbers where they fit, else as Python integers."""

EXACT_DOUBLES = 2**53
EXACT_WORDS = 2**62
SMALL = 4
"""A basis with no larger entry is not reduced further."""


def integers(values: Any, shape: tuple[int, ...] | None = None) -> Integers:
    """An integer array, in 64-bit words when its entries fit.

    >>> integers([[1, 2]]).dtype.name, integers([[2**70]]).dtype.name
    ('int64', 'object')
    """
    array = np.array(values, dtype=object) if not isinstance(values, np.ndarray) else values
    array = array.reshape(shape) if shape is not None else array
    if array.dtype == object:
        return array.astype(np.int64) if height(array) < EXACT_WORDS else array
    return array.astype(np.int64)


def height(array: Integers) -> int:
    """Largest absolute value.

    >>> height(integers([[1, -7]]))
    7
    """
    return int(max(array.max(), -array.min())) if array.size else 0


def product(left: Integers, right: Integers) -> Integers:
    """Matrix product without rounding, in double precision where that is exact.

    >>> product(integers([[2**40, 1]]), integers([[2**40], [1]])).tolist()
    [[1208925819614629174706177]]
    """
    rows, inner, columns = left.shape[0], left.shape[1], right.shape[1]
    if not rows or not inner or not columns:
        return np.zeros((rows, columns), dtype=np.int64)
    bound = height(left) * height(right) * inner
    if bound < EXACT_DOUBLES:
        exact: Integers = (left.astype(float) @ right.astype(float)).astype(np.int64)
        return exact
    if bound < EXACT_WORDS:
        words: Integers = left.astype(np.int64) @ right.astype(np.int64)
        return words
    return from_flint(to_flint(left) * to_flint(right))


def to_flint(array: Integers) -> fmpz_mat:
    """A matrix for FLINT."""
    rows, columns = array.shape
    return fmpz_mat(rows, columns, array.reshape(-1).tolist())


def from_flint(matrix: fmpz_mat) -> Integers:
    """A matrix from FLINT."""
    return integers([int(entry) for entry in matrix.entries()], (matrix.nrows(), matrix.ncols()))


def inverse_of(matrix: fmpz_mat) -> tuple[fmpz_mat, int]:
    """The inverse of a regular matrix, as integers over one denominator."""
    inverse: Any = matrix.inv()
    top, bottom = inverse.numer_denom()
    return top, int(bottom)


def rank(rows: Integers) -> int:
    """Rank over the rationals.

    >>> rank(integers([[1, 2], [2, 4]]))
    1
    """
    return int(to_flint(rows).rank()) if rows.size else 0


def echelon(rows: Integers) -> tuple[Integers, int, list[int]]:
    """Reduced echelon form of the row space: integer rows, the common pivot value, and the pivot columns.

    >>> form, value, pivots = echelon(integers([[2, 1], [4, 2]]))
    >>> form.tolist(), value, pivots
    ([[2, 1]], 2, [0])
    """
    if not rows.size:
        return np.zeros((0, rows.shape[1]), dtype=np.int64), 1, []
    reduced, value, count = to_flint(rows).rref()
    form = from_flint(reduced)[: int(count)]
    common = abs(int(value)) if count else 1
    for entry in form.reshape(-1).tolist():
        if common == 1:
            break
        common = gcd(common, entry)
    sign = -1 if int(value) < 0 else 1
    form = integers(form // (common * sign)) if common * sign != 1 else form
    pivots = [int(np.flatnonzero(row)[0]) for row in form]
    return form, int(form[0, pivots[0]]) if pivots else 1, pivots


def saturated_basis(rows: Integers) -> Integers:
    """A reduced basis of all integer vectors in the rational span of the rows.

    >>> saturated_basis(integers([[2, 0, 2], [0, 3, 3]])).tolist()
    [[1, 0, 1], [0, 1, 1]]
    """
    form, value, pivots = echelon(rows)
    count = len(pivots)
    if count == 0:
        return form
    if count == rows.shape[1]:
        return np.eye(count, dtype=np.int64)
    if value != 1:
        # integer vectors are c R with c integer and c Q integer, for R = [1 | Q]: the dual of the lattice spanned by
        # the unit vectors and the columns of Q
        free = sorted(set(range(rows.shape[1])) - set(pivots))
        dual = np.concatenate([form[:, free].T % value, value * np.eye(count, dtype=object)]).astype(object)
        hermite = to_flint(dual).hnf().tolist()[:count]
        inverse, bottom = inverse_of(fmpz_mat(hermite))
        change = from_flint(inverse.transpose() * value)
        form = integers(product(change, form) // (value * bottom))
    return reduced(form)


def reduced(rows: Integers) -> Integers:
    """The same lattice with short basis vectors, by the algorithm of Lenstra, Lenstra and Lovász."""
    if height(rows) <= SMALL or len(rows) == 0:
        return rows
    return from_flint(to_flint(rows).lll())


def null_vectors(matrix: Integers) -> Integers:
    """A reduced basis of the integer vectors v, as rows, with matrix v = 0.

    >>> null_vectors(integers([[1, 2, 0]])).tolist()
    [[-2, 1, 0], [0, 0, 1]]
    """
    form, value, pivots = echelon(matrix)
    free = sorted(set(range(matrix.shape[1])) - set(pivots))
    vectors = np.zeros((len(free), matrix.shape[1]), dtype=object)
    for row, column in enumerate(free):
        vectors[row, column] = value
        vectors[row, pivots] = -form[:, column]
    return integers(vectors) if value == 1 and height(form) <= SMALL else saturated_basis(integers(vectors))


def kills(rows: Integers) -> Integers:
    """A basis of the integer vectors c, as rows, with c rows = 0."""
    return null_vectors(rows.T)


def coordinates(basis: Integers, vectors: Integers) -> tuple[Integers, int] | None:
    """Coordinates of vectors in independent rows, as integers over one denominator; None when one lies outside.

    >>> found = coordinates(integers([[2, 0], [0, 3]]), integers([[1, 0]]))
    >>> found[0].tolist(), found[1]
    ([[1, 0]], 2)
    """
    if not len(basis):
        return None if np.any(vectors) else (np.zeros((len(vectors), 0), dtype=np.int64), 1)
    pivots = echelon(basis)[2]
    if len(pivots) < len(basis):
        return None
    top, denominator = inverse_of(to_flint(basis[:, pivots]))
    found = product(vectors[:, pivots], from_flint(top))
    if np.any(product(found, basis) - _times(vectors, denominator)):
        return None
    common = denominator
    for entry in found.reshape(-1).tolist():
        if common in (1, -1):
            break
        common = gcd(common, entry)
    common = -abs(common) if denominator < 0 else abs(common)
    return integers(found // common), denominator // common


def _times(array: Integers, factor: int) -> Integers:
    """A multiple, without overflow."""
    if height(array) * abs(factor) < EXACT_WORDS:
        scaled: Integers = array * factor
        return scaled
    return integers(array.astype(object) * factor)


def signature(form: Integers) -> tuple[int, int, int]:
    """Numbers of positive, negative and zero squares of a symmetric form.

    All roots of the characteristic polynomial of a symmetric matrix are real, so the sign changes of its coefficients
    count the positive ones exactly (Descartes' rule).

    >>> signature(integers([[0, 1, 0], [1, 0, 0], [0, 0, 0]]))
    (1, 1, 1)
    """
    size = len(form)
    if size == 0:
        return (0, 0, 0)
    coefficients = [int(value) for value in to_flint(form).charpoly().coeffs()]
    zeros = next(k for k, value in enumerate(coefficients) if value)
    signs = [value > 0 for value in coefficients if value]
    positive = sum(one != other for one, other in pairwise(signs))
    return positive, size - zeros - positive, zeros


def characteristic_polynomial(matrix: Integers) -> fmpz_poly:
    """det(t - matrix).

    >>> print(characteristic_polynomial(integers([[0, 1], [-1, 0]])))
    x^2 + 1
    """
    return to_flint(matrix).charpoly()


def random_rows(count: int, size: int, rng: np.random.Generator, bound: int = 3) -> Integers:
    """Small random integer vectors, none of them zero."""
    rows = rng.integers(-bound, bound + 1, size=(count, size))
    for row in rows:
        if size and not row.any():
            row[int(rng.integers(size))] = 1
    return rows
