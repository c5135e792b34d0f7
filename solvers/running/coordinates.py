r"""Where a minimisation lives: how gradients become coordinates of a step, and steps become points.

In Euclidean space the coordinates are the gradient itself and the point moves to w + W.  On another space a section is
chosen at each point, the gradient is lifted to coordinates D, and the step W is retracted.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.objective import Objective
from solvers.steps.retraction_line import Line, straight_line
from symmetries.actions.parameter_space import FloatArray, ParameterSpace, Point


class Coordinates(ABC):
    """Coordinates of steps, as flat vectors, so that every rule runs in them."""

    is_euclidean = False
    """Whether the coordinates at all points are those of the parameters."""

    is_compact = False
    """Whether the whole space is bounded."""

    def start(self, w: FloatArray, gradient: FloatArray) -> FloatArray:
        """A point to start from, refused when it is none of the space, or the gradient there none of a loss on it."""
        return w

    @abstractmethod
    def lift(self, w: FloatArray, gradient: FloatArray, carried: Any) -> tuple[Any, FloatArray]:
        """The section at w and the coordinates of a gradient, a vector; ``carried`` is what the last step returned."""

    @abstractmethod
    def advance(self, section: Any, w: FloatArray, displacement: FloatArray) -> tuple[FloatArray, Any]:
        """The point that a displacement leads to, NaN where it leads to none, and what the next section wants."""

    @abstractmethod
    def position(self, section: Any, w: FloatArray) -> FloatArray:
        r"""What weight decay multiplies: the coordinates of the gradient of :math:`\tfrac12\|w\|^2`."""

    @abstractmethod
    def isometric(self, coordinates: FloatArray) -> FloatArray:
        """Coordinates scaled so that their inner products are those of the space."""

    @abstractmethod
    def from_isometric(self, vector: FloatArray) -> FloatArray:
        """The coordinates of such a vector."""

    @abstractmethod
    def longest(self, displacement: FloatArray) -> float:
        """The largest factor by which a displacement stays within the trust region."""

    @abstractmethod
    def describe(self) -> str:
        """The space in words."""

    def line(self, objective: Objective, section: Any, w: FloatArray, coordinates: FloatArray) -> Line:
        """The objective along displacements from w, and the derivative there, from the coordinates of the gradient."""
        return straight_line(objective, w, coordinates)

    def norm(self, coordinates: FloatArray) -> float:
        """The length of coordinates; it overflows no earlier than its value does."""
        vector = self.isometric(coordinates)
        if vector.size < 64:
            return math.hypot(*vector)
        with np.errstate(over="ignore"):
            length = float(np.linalg.norm(vector))
            if math.isfinite(length) or not np.isfinite(vector).all():
                return length
            largest = float(np.abs(vector).max())
            return largest * float(np.linalg.norm(vector / largest))


@final
class EuclideanCoordinates(Coordinates):
    """The parameters themselves.

    >>> EuclideanCoordinates().advance(None, np.ones(2), np.array([1.0, 0.0]))[0].tolist()
    [2.0, 1.0]
    """

    is_euclidean = True

    def lift(self, w: FloatArray, gradient: FloatArray, carried: Any) -> tuple[Any, FloatArray]:
        """The gradient itself."""
        return None, gradient

    def advance(self, section: Any, w: FloatArray, displacement: FloatArray) -> tuple[FloatArray, Any]:
        """w + W."""
        return w + displacement, None

    def position(self, section: Any, w: FloatArray) -> FloatArray:
        """The point itself."""
        return w

    def isometric(self, coordinates: FloatArray) -> FloatArray:
        """The coordinates themselves."""
        return coordinates

    def from_isometric(self, vector: FloatArray) -> FloatArray:
        """The vector itself."""
        return vector

    def longest(self, displacement: FloatArray) -> float:
        """Without bound."""
        return math.inf

    def describe(self) -> str:
        """The name."""
        return "Euclidean"


def read_point(parameters: ParameterSpace, w: Any) -> Point:
    """A start in a form that objectives read.

    An array of the shape of the only parameter becomes a vector, and complex entries become pairs in a last axis.

    >>> read_point(ParameterSpace({"Y": (3, 2)}), np.ones((3, 2))).shape
    (6,)
    """
    if isinstance(w, Mapping):
        return {name: _pairs(one) for name, one in w.items()}
    w = _pairs(w)
    is_array = isinstance(w, np.ndarray | np.generic) and w.ndim != 1
    return w.ravel() if is_array and list(parameters.shapes.values()) == [w.shape] else w


def point_like(parameters: ParameterSpace, flat: FloatArray, given: Any) -> Any:
    """A vector in the form in which the start was given: a vector, an array, or arrays by name.

    >>> point_like(ParameterSpace({"Y": (2, 1)}), np.ones(2), np.zeros((2, 1))).shape
    (2, 1)
    """
    if isinstance(given, Mapping):
        return {name: _in_form(one, given[name]) for name, one in parameters.split(flat).items()}
    return _in_form(flat, given)


def _pairs(array: Any) -> Any:
    """Complex entries as pairs of numbers; anything else as it is."""
    if isinstance(array, np.ndarray | np.generic) and array.dtype.kind == "c":
        return np.ascontiguousarray(array, dtype=complex).view(float).reshape(*array.shape, 2)
    return array


def _in_form(array: FloatArray, given: Any) -> Any:
    """Numbers in the shape and field of a given array."""
    if isinstance(given, np.ndarray) and given.dtype.kind == "c":
        return np.ascontiguousarray(array).ravel().view(complex).reshape(given.shape)
    return array.reshape(given.shape) if isinstance(given, np.ndarray | np.generic) and given.ndim != 1 else array


def require_no_decay(rule: Any, coordinates: Coordinates) -> None:
    r"""Refuse decoupled weight decay where all points have one norm.

    The gradient of :math:`\tfrac12\|Y\|^2` is normal to a compact frame space, so its coordinates are zero.

    Raises
    ------
    InputError: the rule decays weights and the space is compact.
    """
    decay = getattr(rule, "weight_decay", 0.0)
    if decay and coordinates.is_compact:
        raise InputError(
            f"weight_decay={decay!r} on {coordinates.describe()}",
            why="all its points have the same norm, so that decay would move none of them",
            cure="set weight_decay=0; in a product with vector spaces the decay acts on those alone",
        )
