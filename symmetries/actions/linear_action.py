r"""The group that linear and affine generators integrate to, acting by matrices.

An affine map w -> A w + b is the matrix [[A, b], [0, 1]] on (w, 1).  Coordinates that never mix under any generator are
separate blocks, so that an exponential costs the cubes of the blocks' sizes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np

from manifolds.errors import InputError
from symmetries.action import GroupAction
from symmetries.actions.numeric_fields import constant_values, foreign_names
from symmetries.actions.one_parameter import one_parameter_group
from symmetries.actions.parameter_space import FloatArray
from symmetries.actions.representations import LARGEST_REPRESENTATION
from symmetries.algebra import require_polynomials
from symmetries.arguments import read_reals
from symmetries.fields import VectorField

if TYPE_CHECKING:
    from symmetries.finite_action import FiniteAction
    from symmetries.loss import Loss

SINGULAR = 1e-13
"""Reciprocal condition number below which a matrix counts as not invertible."""


@final
class LinearAction(GroupAction):
    r"""The action :math:`w \mapsto A w + b` of the group that linear or affine fields generate.

    Elements are the homogeneous matrices [[A, b], [0, 1]], shape (n + 1, n + 1), or A alone when no field has a
    constant part.

    Parameters
    ----------
    loss: the loss.
    generators: the fields, linear or affine in the coordinates.
    constants: values of structural constants in their coefficients.
    """

    is_exact = True
    is_affine = True

    def __init__(
        self, loss: Loss, generators: Sequence[VectorField], *, constants: Mapping[str, float] | None = None
    ) -> None:
        super().__init__(loss, dimension=len(generators), domain="everywhere", constants=constants)
        self.generators = tuple(generators)
        place = {entry: k for k, entry in enumerate(self.space.entries)}
        values = constant_values(foreign_names(self.generators, place), constants)
        self._entries = _matrix_entries(self.generators, place, values, self.space.size)
        self.affine = bool((self._entries[2] == self.space.size).any())
        self.order = self.space.size + self.affine
        self._blocks = _blocks(self._entries, self.order)

    @property
    def identity(self) -> FloatArray:
        """The identity matrix."""
        return np.eye(self.order)

    def matrix(self, t: Any) -> FloatArray:
        """The Lie algebra element sum_k t_k X_k as a matrix, shape (order, order)."""
        coordinates = self.coordinates(t)
        generator, row, column, value = self._entries
        result = np.zeros((self.order, self.order))
        np.add.at(result, (row, column), coordinates[generator] * value)
        return result

    def exp(self, t: Any) -> FloatArray:
        """The matrix exponential of the Lie algebra element of coordinates t."""
        from manifolds import GeneralLinear

        whole = self.matrix(t)
        result = np.eye(self.order)
        known: dict[bytes, FloatArray] = {}
        for block in self._blocks:
            part = np.ascontiguousarray(whole[np.ix_(block, block)])
            key = part.tobytes()
            if key not in known:
                known[key] = GeneralLinear(len(block)).exp(part)
            result[np.ix_(block, block)] = known[key]
        return result

    def compose(self, g: FloatArray, h: FloatArray) -> FloatArray:
        """The matrix product."""
        return self._checked(g) @ self._checked(h)

    def inverse(self, g: FloatArray) -> FloatArray:
        """The inverse matrix."""
        return np.linalg.inv(self._checked(g))

    def exact_fields(self) -> tuple[VectorField, ...]:
        """The generators."""
        return self.generators

    def closed_form(self, k: int) -> FiniteAction | None:
        """The flow of generator k in formulas, by the exact matrix exponential."""
        return one_parameter_group(self.generators[self._number(k)], time=self.time)

    def _act(self, g: FloatArray, w: FloatArray) -> FloatArray:
        matrix = self._checked(g)
        if not self.affine:
            return w @ matrix.T
        return w @ matrix[:-1, :-1].T + matrix[:-1, -1]

    def _fields(self, w: FloatArray) -> FloatArray:
        generator, row, column, value = self._entries
        extended = np.append(w, 1.0)
        result = np.zeros((self.dimension, self.order))
        np.add.at(result, (generator, row), value * extended[column])
        return result[:, : self.space.size]

    def representation(self) -> FloatArray | None:
        """The homogeneous matrices of the generators."""
        if self.dimension * self.order**2 > LARGEST_REPRESENTATION:
            return None
        generator, row, column, value = self._entries
        result = np.zeros((self.dimension, self.order, self.order))
        np.add.at(result, (generator, row, column), value)
        return result

    def _pullback(self, w: FloatArray, covector: FloatArray) -> FloatArray:
        generator, row, column, value = self._entries
        terms = value * np.append(w, 1.0)[column] * covector[row]
        return np.bincount(generator, weights=terms, minlength=self.dimension)

    def _jacobian(self, g: FloatArray, w: FloatArray) -> FloatArray:
        del w
        size = self.space.size
        return self._checked(g)[:size, :size].copy()

    def _checked(self, g: Any) -> FloatArray:
        """An element, refused when it is no invertible matrix of the right form."""
        matrix = read_reals(g, what="a group element")
        if matrix.shape != (self.order, self.order):
            raise InputError(
                f"a group element of the shape {list(matrix.shape)}",
                why=f"the group acts by matrices of order {self.order}",
                cure="take elements from exp(), compose() and inverse() of this action, or give coordinates",
            )
        if self.affine and not np.allclose(matrix[-1], np.eye(self.order)[-1], atol=1e-12):
            raise InputError(
                "a group element",
                why=f"the last row of an affine map is (0, ..., 0, 1), and it is off by {_off(matrix):.1e}",
                cure="write [[A, b], [0, 1]]",
            )
        condition = 1 / np.linalg.cond(matrix, 1) if np.isfinite(matrix).all() else 0.0
        if not condition > SINGULAR:
            raise InputError(
                "a group element",
                why=f"the matrix is not invertible: its reciprocal condition number is {condition:.1e}",
                cure="give an invertible matrix",
            )
        return matrix


def _off(matrix: FloatArray) -> float:
    """How far the last row is from (0, ..., 0, 1)."""
    return float(np.abs(matrix[-1] - np.eye(len(matrix))[-1]).max())


def _matrix_entries(
    generators: Sequence[VectorField], place: Mapping[str, int], constants: Mapping[str, float], one: int
) -> tuple[Any, Any, Any, FloatArray]:
    """Entries (generator, row, column, value) of the matrices of the fields; column ``one`` is the constant part."""
    rows: list[tuple[int, int, int, float]] = []
    for k, field in enumerate(generators):
        for entry, polynomial in require_polynomials(field).items():
            for monomial, coefficient in polynomial.items():
                value, column = float(coefficient), one
                for name, exponent in monomial:
                    if name in place:
                        column = place[name]
                    elif name in constants:
                        value *= constants[name] ** exponent
                    else:
                        raise InputError(
                            f"the constant {name!r} has no value",
                            why=f"the generator {field} depends on it",
                            cure=f"give constants={{{name!r}: ...}}",
                        )
                rows.append((k, place[entry], column, value))
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    index = [np.array(column, dtype=np.int64) for column in columns[:3]]
    return index[0], index[1], index[2], np.array(columns[3], dtype=float)


def _blocks(entries: tuple[Any, Any, Any, FloatArray], order: int) -> list[Any]:
    """Index sets of the coordinates that move each other; those that never move are left out."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    _, row, column, _ = entries
    graph = coo_array((np.ones(len(row)), (row, column)), shape=(order, order))
    _, labels = connected_components(graph, directed=False)
    moved = np.unique(labels[np.concatenate([row, column])])
    return [np.flatnonzero(labels == label) for label in moved]
