r"""The quadratic :math:`\tfrac12 w^\top A w + b^\top w + c` of a loss, with rational coefficients, exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, final

import numpy as np

from solvers.equivalence.exact_arrays import IntArray, common_denominator, exact_fraction
from symmetries.actions.parameter_space import FloatArray

BITS = 1 << 53


@final
@dataclass(frozen=True)
class Quadratic:
    r"""A quadratic function, :math:`q(w) = \tfrac{1}{2D} (w, 1)^\top Q\, (w, 1)` with a symmetric integer matrix Q.

    Parameters
    ----------
    form: the matrix Q, shape (n + 1, n + 1), Python integers.
    denominator: the positive integer D.

    >>> quadratic = Quadratic.from_matrix([[2.0, 0.0], [0.0, 0.5]])
    >>> quadratic.hessian.tolist(), quadratic.value([1, 1])
    ([[2.0, 0.0], [0.0, 0.5]], Fraction(5, 4))
    """

    form: IntArray
    denominator: int

    @staticmethod
    def from_matrix(matrix: Any) -> Quadratic:
        """The quadratic half of w.A w of a symmetric matrix of doubles, taken as the rational numbers that they are."""
        entries = np.asarray(matrix, dtype=float)
        size = len(entries)
        form: IntArray = np.zeros((size + 1, size + 1), dtype=object)
        form[:size, :size], denominator = integers(entries)
        return Quadratic(form, denominator)

    @staticmethod
    def from_polynomial(terms: Mapping[tuple[int, ...], Fraction], size: int) -> Quadratic:
        """The quadratic with the given coefficients, by the exponents of its monomials."""
        denominator = common_denominator({value.denominator for value in terms.values()})
        form: IntArray = np.zeros((size + 1, size + 1), dtype=object)
        for exponents, value in terms.items():
            whole = int(value * denominator)
            places = [k for k, exponent in enumerate(exponents) for _ in range(exponent)]
            i, j = (*places, size, size)[:2]
            form[i, j] += whole
            form[j, i] += whole
        return Quadratic(form, denominator)

    @property
    def size(self) -> int:
        """The number n of parameters."""
        return len(self.form) - 1

    @cached_property
    def hessian(self) -> FloatArray:
        """The matrix A, each entry the nearest double."""
        return self._floats(self.form[:-1, :-1])

    @cached_property
    def linear(self) -> FloatArray:
        """The vector b, each entry the nearest double."""
        return self._floats(self.form[:-1, -1])

    def _floats(self, values: IntArray) -> FloatArray:
        """Integers over the denominator as doubles."""
        flat = [value / self.denominator if value else 0.0 for value in values.ravel().tolist()]
        return np.array(flat, dtype=float).reshape(values.shape)

    def value(self, w: Sequence[Any]) -> Fraction:
        """q(w) at a rational point, exactly."""
        x, scale = homogeneous(w)
        return Fraction(int(x @ (self.form @ x)), 2 * self.denominator * scale**2)

    def gradient(self, w: Sequence[Any]) -> list[Fraction]:
        """A w + b at a rational point, exactly."""
        x, scale = homogeneous(w)
        return [Fraction(int(value), self.denominator * scale) for value in self.form[:-1] @ x]


def homogeneous(w: Sequence[Any]) -> tuple[IntArray, int]:
    """A rational point as integers (x, s) with w = x/s, and s appended to x."""
    fractions = [value if isinstance(value, Fraction) else exact_fraction(float(value)) for value in w]
    scale = common_denominator({value.denominator for value in fractions})
    x = np.empty(len(fractions) + 1, dtype=object)
    x[:] = [*(value.numerator * (scale // value.denominator) for value in fractions), scale]
    return x, scale


def integers(array: FloatArray) -> tuple[IntArray, int]:
    """Doubles as integers over a common power of two.

    >>> integers(np.array([0.5, 3.0]))
    (array([1, 6], dtype=object), 2)
    """
    mantissas, exponents = np.frexp(array)
    lowest = int(exponents[array != 0].min()) - 53 if array.any() else 0
    common_denominator({1 << max(-lowest, 0)})
    whole = np.asarray(mantissas * BITS, dtype=np.int64).astype(object)
    shifts = [1 << max(int(e) - 53 - lowest, 0) for e in np.where(array != 0, exponents, 0).ravel().tolist()]
    values: IntArray = whole * np.array(shifts, dtype=object).reshape(array.shape)
    common = int(np.gcd.reduce(values.ravel())) if array.size else 1
    even = common & -common if common else 1
    if lowest >= 0:
        return values * (1 << lowest), 1
    spare = min(even.bit_length() - 1, -lowest)
    return values // (1 << spare), 1 << (-lowest - spare)
