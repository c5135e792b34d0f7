r"""Fields with polynomial components, :math:`X = \sum_k c_k m_k(w)\,\partial/\partial w_{i(k)}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import numpy as np

from solvers.discovery.family import Arrays, Coefficients, Equation, Family, flat
from symmetries.actions.parameter_space import FloatArray
from symmetries.ansatz import Affine, Ansatz, Diagonal, Linear
from symmetries.fields import Monomial


@final
class GradedFamily(Family):
    """The linear, affine, polynomial and diagonal fields.

    Parameters
    ----------
    shapes: the shape of each parameter.
    ansatz: ``Linear()``, ``Affine()``, ``Polynomial(d)`` or ``Diagonal()``.

    >>> GradedFamily({"w": (3,)}, Affine()).count
    12
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], ansatz: Ansatz) -> None:
        super().__init__(shapes)
        self.ansatz = ansatz
        self.name = ansatz.name
        self.brackets_stay = isinstance(ansatz, Linear | Affine | Diagonal)
        self.commutes = isinstance(ansatz, Diagonal)
        size = self.space.size
        unknowns = ansatz.unknowns(size)
        self._exponents = np.eye(size, dtype=np.int64) if unknowns.monomials is None else unknowns.monomials
        self._component, self._monomial = unknowns.component, unknowns.monomial
        self._linear = unknowns.monomials is None

    @property
    def count(self) -> int:
        """Number of unknown coefficients."""
        return len(self._component)

    def _monomials(self, w: FloatArray) -> FloatArray:
        """The monomials at a point, or at points (the last axis holds the coordinates)."""
        if self._linear:
            return w
        return np.prod(w[..., None, :] ** self._exponents, axis=-1)

    def equation(self, point: Arrays, gradient: Arrays, *, length: float) -> Equation:
        """The equation of a point, whose gradient is divided by its length."""
        monomials = self._monomials(flat(point, self.space))[self._monomial]
        row = (flat(gradient, self.space) / length)[self._component] * monomials
        return Equation(row, row**2, monomials**2)

    def field(self, coefficients: FloatArray, point: Arrays) -> FloatArray:
        """X at a point as a vector of shape (n,)."""
        monomials = self._monomials(flat(point, self.space))
        return np.bincount(self._component, weights=coefficients * monomials[self._monomial], minlength=self.space.size)

    def observed(self, points: FloatArray) -> float:
        """The least singular value of the monomials at the points, each divided by its length."""
        table = self._monomials(points)
        lengths = np.linalg.norm(table, axis=0)
        if not lengths.all() or len(table) < table.shape[1]:
            return 0.0
        if isinstance(self.ansatz, Diagonal):
            return 1.0
        return float(np.linalg.svd(table / lengths, compute_uv=False)[-1])

    def matrix(self, coefficients: FloatArray) -> FloatArray:
        """The matrix A of shape (n, n) of a linear field, (A, b) of shape (n, n + 1) of an affine one."""
        size = self.space.size
        if isinstance(self.ansatz, Diagonal):
            return np.diag(coefficients)
        table = coefficients.reshape(size, -1)
        if isinstance(self.ansatz, Affine):
            order = np.argmax(self._exponents[1:], axis=1)  # the constant comes first among the monomials
            placed = np.zeros_like(table)
            placed[:, order], placed[:, -1] = table[:, 1:], table[:, 0]
            return placed
        return table

    def _coefficients(self, matrix: FloatArray) -> FloatArray:
        """The inverse of :meth:`matrix`."""
        if isinstance(self.ansatz, Diagonal):
            return np.diag(matrix).copy()
        if isinstance(self.ansatz, Affine):
            order = np.argmax(self._exponents[1:], axis=1)
            return np.column_stack([matrix[:, -1], matrix[:, order]]).ravel()
        return matrix.ravel()

    def bracket(self, left: FloatArray, right: FloatArray) -> FloatArray | None:
        """Coefficients of the Lie bracket of two fields, up to its sign; None for polynomial ones."""
        if not self.brackets_stay:
            return None
        a, b = self.matrix(left), self.matrix(right)
        size = self.space.size
        product = a[:, :size] @ b - b[:, :size] @ a
        return self._coefficients(product)

    def parts(self, coefficients: FloatArray) -> FloatArray:
        """The matrix of a linear or affine field, the factors of a diagonal one, else a table (component, monomial)."""
        if isinstance(self.ansatz, Diagonal):
            return coefficients
        return self.matrix(coefficients) if self.brackets_stay else coefficients.reshape(self.space.size, -1)

    def polynomials(self, coefficients: FloatArray) -> Coefficients:
        """The field as a polynomial one."""
        names = self.entries
        return {
            (names[self._component[k]], self._named(int(self._monomial[k]), names)): float(coefficients[k])
            for k in np.flatnonzero(coefficients)
        }

    def _named(self, index: int, names: tuple[str, ...]) -> Monomial:
        """One monomial by the names of the coordinates."""
        exponents = self._exponents[index]
        return tuple(sorted((names[j], int(exponents[j])) for j in np.flatnonzero(exponents)))
