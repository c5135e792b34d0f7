r"""Arrays of affine functions with rational coefficients, :math:`F_k(w) = \sum_i B_{ki} w_i + c_k`, exactly.

Coefficients are integers over one common denominator; a function is a row (B_k, c_k) that acts on (w, 1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias, final

import numpy as np

IntArray: TypeAlias = np.ndarray[Any, np.dtype[np.object_]]

MAX_COEFFICIENTS = 4_000_000
"""Most coefficients of one array."""

MAX_BITS = 8_192
"""Most bits of a common denominator."""

MAX_EXPONENT = 64
"""Highest power of a number."""


@final
class NotExactError(Exception):
    """A loss has no exact quadratic that can be computed here; the message says why."""


@final
@dataclass(frozen=True)
class Fixed:
    """An array of numbers, integers over a common denominator."""

    values: IntArray
    denominator: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", np.asarray(self.values, dtype=object))  # NumPy unwraps arrays without axes

    @staticmethod
    def of(fractions: Sequence[Fraction], shape: tuple[int, ...]) -> Fixed:
        """From fractions, row by row."""
        denominator = common_denominator({value.denominator for value in fractions})
        values = np.empty(len(fractions), dtype=object)
        values[:] = [value.numerator * (denominator // value.denominator) for value in fractions]
        return Fixed(values.reshape(shape), denominator)

    @property
    def fractions(self) -> list[Fraction]:
        """The numbers, row by row."""
        return [Fraction(int(value), self.denominator) for value in self.values.ravel()]


@final
@dataclass(frozen=True)
class Affine:
    """An array of affine functions: rows of shape (size, n + 1), and the array's shape."""

    rows: IntArray
    denominator: int
    shape: tuple[int, ...]

    def spread(self, shape: tuple[int, ...]) -> IntArray:
        """The rows of the array broadcast to a shape."""
        check_size(math.prod(shape) * self.rows.shape[1])
        places = np.arange(len(self.rows)).reshape(self.shape)
        return self.rows[np.broadcast_to(places, shape).ravel()]

    def moved(self, places: np.ndarray[Any, Any]) -> Affine:
        """The functions at places of the flat array, in the shape of the places."""
        return Affine(self.rows[places.ravel()], self.denominator, places.shape)

    @property
    def places(self) -> np.ndarray[Any, Any]:
        """The place of every entry."""
        return np.arange(len(self.rows)).reshape(self.shape)


def common_denominator(denominators: set[int]) -> int:
    """The least common multiple, refused when it is too long."""
    result = 1
    for denominator in denominators:
        result = math.lcm(result, denominator)
        if result.bit_length() > MAX_BITS:
            raise NotExactError("the numbers have too many different denominators")
    return result


def check_size(entries: int) -> None:
    """Refuse arrays that are too large."""
    if entries > MAX_COEFFICIENTS:
        raise NotExactError(f"the exact quadratic needs more than {MAX_COEFFICIENTS} coefficients")


def exact_fraction(value: float) -> Fraction:
    """The rational number that a double is, refused when it is infinite or NaN."""
    if not math.isfinite(value):
        raise NotExactError("a number is not finite")
    return Fraction(value)


def total(parts: Sequence[Fixed | Affine], shape: tuple[int, ...]) -> Fixed | Affine:
    """The sum of arrays, broadcast to a shape."""
    denominator = common_denominator({part.denominator for part in parts})
    moving = [part for part in parts if isinstance(part, Affine)]
    fixed: IntArray = np.zeros(shape, dtype=object)
    for part in parts:
        if isinstance(part, Fixed):
            fixed = fixed + part.values * (denominator // part.denominator)
    if not moving:
        return Fixed(fixed, denominator)
    rows = moving[0].spread(shape) * (denominator // moving[0].denominator)
    for other in moving[1:]:
        rows = rows + other.spread(shape) * (denominator // other.denominator)
    rows[:, -1] = rows[:, -1] + np.asarray(fixed, dtype=object).ravel()
    return Affine(rows, denominator, shape)


def product(parts: Sequence[Fixed], shape: tuple[int, ...]) -> Fixed:
    """The entrywise product of numbers, broadcast to a shape."""
    values: IntArray = np.ones(shape, dtype=object)
    denominator = 1
    for part in parts:
        values, denominator = values * part.values, denominator * part.denominator
    return Fixed(values, denominator)


def scaled(array: Affine, factor: Fixed, shape: tuple[int, ...]) -> Affine:
    """Affine functions times numbers."""
    values = np.broadcast_to(factor.values, shape).ravel()
    return Affine(array.spread(shape) * values[:, None], array.denominator * factor.denominator, shape)


def power(array: Fixed, exponent: Fraction) -> Fixed:
    """An integer power of numbers."""
    if exponent.denominator != 1 or abs(exponent) > MAX_EXPONENT:
        raise NotExactError("a root or a high power of a number is in it")
    if exponent < 0 and not all(array.values.ravel()):
        raise NotExactError("a division by zero is in it")
    return Fixed.of([value ** int(exponent) for value in array.fractions], array.values.shape)


def matrix_product(left: IntArray, right: IntArray) -> IntArray:
    """The product of two matrices of integers."""
    from flint import fmpz_mat

    (rows, inner), columns = left.shape, right.shape[1]
    check_size(max(rows * inner, inner * columns, rows * columns))
    whole = fmpz_mat(rows, inner, left.ravel().tolist()) * fmpz_mat(inner, columns, right.ravel().tolist())
    result = np.empty(rows * columns, dtype=object)
    result[:] = [int(value) for value in whole.entries()]
    return result.reshape(rows, columns)


def as_matrix(array: Any, *, left: bool) -> Any:
    """An array of one or two axes as a matrix that stands on a side of a product."""
    return array.reshape(-1, array.shape[-1]) if left else array.reshape(array.shape[0], -1)


def matmul(left: Fixed | Affine, right: Fixed | Affine, shape: tuple[int, ...]) -> Fixed | Affine:
    """A matrix product of which at most one factor moves."""
    denominator = left.denominator * right.denominator
    if isinstance(left, Fixed) and isinstance(right, Fixed):
        values = matrix_product(as_matrix(left.values, left=True), as_matrix(right.values, left=False))
        return Fixed(values.reshape(shape), denominator)
    if isinstance(left, Fixed):
        assert isinstance(right, Affine)
        inner = right.shape[0]
        rows = matrix_product(as_matrix(left.values, left=True), right.rows.reshape(inner, -1))
        return Affine(rows.reshape(-1, right.rows.shape[1]), denominator, shape)
    assert isinstance(right, Fixed)
    inner, width = left.shape[-1], left.rows.shape[1]
    check_size(left.rows.size)
    turned = left.rows.reshape(-1, inner, width).transpose(1, 0, 2).reshape(inner, -1)
    rows = matrix_product(as_matrix(right.values, left=False).T, turned)
    back = rows.reshape(rows.shape[0], -1, width).transpose(1, 0, 2)
    return Affine(back.reshape(-1, width), denominator, shape)
