r"""Fields that act on the axes of arrays, for functions of many parameters: few unknowns, whatever the arrays hold."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from array_api_compat import array_namespace

from manifolds.errors import InputError
from solvers.discovery.family import Arrays, Coefficients, Equation, Family, as_numbers, flat
from symmetries.actions.parameter_space import FloatArray
from symmetries.ansatz import Ansatz, Unknowns
from symmetries.expression import entry_names

WRITTEN = 2_000
"""Coordinates up to which a field is written entry by entry."""


class AxisAnsatz(Ansatz):
    """A family of fields that moves each axis of each array by itself."""

    @abstractmethod
    def is_matrix(self, length: int) -> bool:
        """Whether an axis of this length is moved by a matrix; else by a scaling of each index."""

    def count(self, coordinates: int) -> int:
        """Number of unknown coefficients when every coordinate is a scalar."""
        return coordinates

    def unknowns(self, coordinates: int) -> Unknowns:
        """The spanning fields."""
        raise InputError(
            f"the ansatz {self.name}", why="its fields are no single monomials", cure="give it to solvers.discover"
        )


@final
@dataclass(frozen=True)
class AxisScalings(AxisAnsatz):
    r"""A factor for every index of every axis: :math:`X_W = DW + WE` with diagonal D, E for each matrix W.

    A matrix of shape (m, k) gives m + k unknowns, a vector m, a scalar 1: the scalings of hidden units are among them
    for networks of any depth.

    >>> AxisScalings().name
    'axis-scalings'
    """

    @property
    def name(self) -> str:
        """Name of the family."""
        return "axis-scalings"

    def is_matrix(self, length: int) -> bool:
        """Never: every axis is scaled."""
        return False


@final
@dataclass(frozen=True)
class AxisMatrices(AxisAnsatz):
    r"""A matrix for every axis of every array, :math:`X_W = AW + WB`, and scalings where an axis is long.

    Parameters
    ----------
    up_to: largest length of an axis that a matrix moves; longer ones are scaled.

    Raises
    ------
    InputError: the length is no integer from 1 up.

    >>> AxisMatrices(16).is_matrix(16), AxisMatrices(16).is_matrix(17)
    (True, False)
    """

    up_to: int = 16

    def __post_init__(self) -> None:
        if isinstance(self.up_to, bool) or not isinstance(self.up_to, int) or self.up_to < 1:
            raise InputError(
                f"the ansatz AxisMatrices({self.up_to!r})",
                why="the length must be an integer from 1 up",
                cure="write AxisMatrices(16)",
            )

    @property
    def name(self) -> str:
        """Name of the family."""
        return f"axis-matrices:{self.up_to}"

    def is_matrix(self, length: int) -> bool:
        """Whether the axis is short enough."""
        return length <= self.up_to


@final
@dataclass(frozen=True)
class Axis:
    """One axis of one array with its unknowns.

    Parameters
    ----------
    parameter: name of the array.
    number: which axis, from 0; a scalar has the axis 0 of length 1.
    length: its length.
    start: place of its first unknown.
    matrix: whether a matrix moves it.
    """

    parameter: str
    number: int
    length: int
    start: int
    matrix: bool

    @property
    def stop(self) -> int:
        """Place behind its last unknown."""
        return self.start + (self.length**2 if self.matrix else self.length)

    @property
    def identity(self) -> FloatArray:
        """Coefficients of the identity."""
        return np.eye(self.length).ravel() if self.matrix else np.ones(self.length)

    def as_matrix(self, coefficients: FloatArray) -> FloatArray:
        """Its coefficients as a matrix."""
        own = coefficients[self.start : self.stop]
        return own.reshape(self.length, self.length) if self.matrix else np.diag(own)


@final
class AxisFamily(Family):
    """The fields of an axis ansatz, or of ``Blocks()``.

    Parameters
    ----------
    shapes: the shape of each parameter.
    ansatz: :class:`AxisScalings`, :class:`AxisMatrices`, or None for a matrix on every axis.

    >>> AxisFamily({"W": (3, 4), "b": (3,)}, AxisScalings()).count
    10
    """

    brackets_stay = True

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], ansatz: AxisAnsatz | None) -> None:
        super().__init__(shapes)
        self.name = "blocks" if ansatz is None else ansatz.name
        axes: list[Axis] = []
        for parameter, shape in self.space.shapes.items():
            for number, length in enumerate(shape or (1,)):
                matrix = ansatz is None or ansatz.is_matrix(length)
                axes.append(Axis(parameter, number, length, axes[-1].stop if axes else 0, matrix))
        self.axes = tuple(axes)
        self.commutes = not any(axis.matrix and axis.length > 1 for axis in axes)

    @property
    def count(self) -> int:
        """Number of unknown coefficients."""
        return self.axes[-1].stop

    def equation(self, point: Arrays, gradient: Arrays, *, length: float) -> Equation:
        """The equation of a point, whose gradient is divided by its length."""
        answer = np.empty((3, self.count))
        for axis in self.axes:
            values = _unfolded(point[axis.parameter], axis)
            slopes = _unfolded(gradient[axis.parameter], axis)
            answer[:, axis.start : axis.stop] = _contracted(values, slopes, axis, length)
        return Equation(*answer)

    def field(self, coefficients: FloatArray, point: Arrays) -> FloatArray:
        """X at a point as a vector of shape (n,)."""
        moved = {name: np.zeros(shape) for name, shape in self.space.shapes.items()}
        for axis in self.axes:
            own = coefficients[axis.start : axis.stop]
            value = as_numbers(point[axis.parameter])
            front = np.moveaxis(value.reshape(value.shape or (1,)), axis.number, 0)
            if axis.matrix:
                turned = np.tensordot(axis.as_matrix(coefficients), front, axes=1)
            else:
                turned = own.reshape(-1, *[1] * (front.ndim - 1)) * front
            moved[axis.parameter] += np.moveaxis(turned, 0, axis.number).reshape(value.shape)
        return flat(moved, self.space)

    def _pairs(self) -> Iterator[tuple[Axis, Axis]]:
        """The first axis of each array with each of its other axes."""
        for axis in self.axes:
            if axis.number == 0:
                first = axis
            else:
                yield first, axis

    def trivial(self) -> FloatArray:
        """Coefficients of fields that are zero everywhere: the identity on one axis, its opposite on another."""
        rows = []
        for first, other in self._pairs():
            row = np.zeros(self.count)
            row[first.start : first.stop], row[other.start : other.stop] = first.identity, -other.identity
            rows.append(row)
        return np.array(rows).reshape(-1, self.count)

    def bracket(self, left: FloatArray, right: FloatArray) -> FloatArray | None:
        """Coefficients of the Lie bracket of two fields, up to its sign."""
        answer = np.zeros(self.count)
        for axis in self.axes:
            if axis.matrix:
                a, b = axis.as_matrix(left), axis.as_matrix(right)
                answer[axis.start : axis.stop] = (a @ b - b @ a).ravel()
        return answer

    def tidy(self, coefficients: FloatArray, rounding: float) -> FloatArray:
        """Coefficients of the same field with more zeros.

        The most frequent factor of one axis is moved to another where that makes more of them zero.
        """
        tidied = coefficients.copy()
        bound = rounding * float(np.max(np.abs(tidied), initial=0.0))
        for first, other in self._pairs():
            ones, others = np.diag(first.as_matrix(tidied)), np.diag(other.as_matrix(tidied))
            shifts = (0.0, _most_frequent(others, bound), -_most_frequent(ones, bound))
            counts = [np.sum(np.abs(ones + c) > bound) + np.sum(np.abs(others - c) > bound) for c in shifts]
            shift = shifts[int(np.argmin(counts))]
            tidied[other.start : other.stop] -= shift * other.identity
            tidied[first.start : first.stop] += shift * first.identity
        tidied[np.abs(tidied) <= rounding * np.max(np.abs(tidied), initial=0.0)] = 0.0
        return tidied

    def parts(self, coefficients: FloatArray) -> dict[tuple[str, int], FloatArray]:
        """The matrix, or the vector of factors, of each axis that moves, by array and axis."""
        owns = {
            (axis.parameter, axis.number): axis.as_matrix(coefficients)
            if axis.matrix
            else coefficients[axis.start : axis.stop]
            for axis in self.axes
        }
        return {place: own for place, own in owns.items() if own.any()}

    def polynomials(self, coefficients: FloatArray) -> Coefficients | None:
        """The field as a linear one; None for many coordinates."""
        if self.space.size > WRITTEN:
            return None
        result: Coefficients = {}
        for axis in self.axes:
            shape = self.space.shapes[axis.parameter]
            names = np.array(entry_names(axis.parameter, shape), dtype=object).reshape(shape or (1,))
            front = np.moveaxis(names, axis.number, 0).reshape(axis.length, -1)
            matrix = axis.as_matrix(coefficients)
            for i, j in zip(*np.nonzero(matrix), strict=True):
                for target, source in zip(front[i], front[j], strict=True):
                    place = (str(target), ((str(source), 1),))
                    result[place] = result.get(place, 0.0) + float(matrix[i, j])
        return {place: value for place, value in result.items() if value}


def _most_frequent(values: FloatArray, bound: float) -> float:
    """The number that occurs most often, up to a bound."""
    if not bound:
        return 0.0
    found, counts = np.unique(np.round(values / bound), return_counts=True)
    near = np.abs(values / bound - found[np.argmax(counts)]) < 1
    return float(np.median(values[near]))


def _unfolded(array: Any, axis: Axis) -> Any:
    """The array as a matrix whose rows belong to the indices of an axis."""
    xp = array_namespace(array)
    shaped = xp.reshape(array, tuple(array.shape) or (1,))
    return xp.reshape(xp.moveaxis(shaped, axis.number, 0), (axis.length, math.prod(shaped.shape) // axis.length))


def _contracted(values: Any, slopes: Any, axis: Axis, length: float) -> FloatArray:
    """The three rows of an equation that belong to one axis."""
    xp = array_namespace(values)
    if axis.matrix:
        w, g = xp.astype(values, xp.float64), xp.astype(slopes, xp.float64) / length
        row, terms = g @ w.T, (g * g) @ (w * w).T
        sizes = xp.broadcast_to(xp.sum(w * w, axis=1), (axis.length, axis.length))
        return np.array([as_numbers(part).ravel() for part in (row, terms, sizes)])
    products = values * slopes
    sums = [xp.sum(part, axis=1, dtype=xp.float64) for part in (products, products * products, values * values)]
    row, terms, sizes = (as_numbers(part) for part in sums)
    return np.array([row / length, terms / length**2, sizes])
