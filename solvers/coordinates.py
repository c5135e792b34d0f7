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
from manifolds.space import Space
from symmetries.actions.parameter_space import FloatArray, ParameterSpace


class Coordinates(ABC):
    """Coordinates of steps, as flat vectors, so that every rule runs in them."""

    is_euclidean = False
    """Whether the coordinates at all points are those of the parameters."""

    def start(self, w: FloatArray) -> FloatArray:
        """A point to start from, refused when it is none of the space."""
        return w

    @abstractmethod
    def lift(self, w: FloatArray, gradient: FloatArray, carried: Any) -> tuple[Any, FloatArray]:
        """The section at w and the coordinates of a gradient, a vector; ``carried`` is what the last step returned."""

    @abstractmethod
    def advance(self, section: Any, w: FloatArray, displacement: FloatArray) -> tuple[FloatArray, Any]:
        """The point that a displacement leads to, and what the next section wants to know."""

    @abstractmethod
    def norm(self, coordinates: FloatArray) -> float:
        """The length of coordinates."""

    @abstractmethod
    def describe(self) -> str:
        """The space in words."""


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

    def norm(self, coordinates: FloatArray) -> float:
        """The Euclidean norm, which does not overflow before its entries do where they are few."""
        return math.hypot(*coordinates) if coordinates.size < 64 else float(np.linalg.norm(coordinates))

    def describe(self) -> str:
        """The name."""
        return "Euclidean"


@final
class SpaceCoordinates(Coordinates):
    """The coordinates of a space, packed into vectors.

    Parameters
    ----------
    parameters: names and shapes of the parameters.
    space: the space; of several parameters the product of theirs, by name.

    Raises
    ------
    InputError: the points of the space are no such parameters.
    """

    def __init__(self, parameters: ParameterSpace, space: Space) -> None:
        self._space = space
        shape = space.shape
        names = list(parameters.shapes)
        fits = list(shape) == names if isinstance(shape, Mapping) else len(names) == 1
        if not fits or space.size != parameters.size:
            raise InputError(
                f"the space {space!r} for the parameters {_listed(parameters)}",
                why=f"its points have {space.size} entries, in the shape {shape}",
                cure="give the space of the parameter, or Product({name: space, ...}) in the order of the parameters",
            )

    def start(self, w: FloatArray) -> FloatArray:
        """A point to start from, refused when it is none of the space."""
        self._space.section(self._space.unpack(w))
        return w

    def lift(self, w: FloatArray, gradient: FloatArray, carried: Any) -> tuple[Any, FloatArray]:
        """The section and the packed coordinates."""
        section = self._space.section(self._space.unpack(w), carried=carried, check=False)
        lifted = self._space.lift(section, self._space.unpack(gradient), check=False)
        return section, np.asarray(self._space.pack(lifted))

    def advance(self, section: Any, w: FloatArray, displacement: FloatArray) -> tuple[FloatArray, Any]:
        """The retracted point and what the space carries along."""
        point, carried = self._space.advance(section, self._space.unpack(displacement))
        return np.asarray(self._space.pack(point)), carried

    def norm(self, coordinates: FloatArray) -> float:
        """The norm of the space."""
        return float(self._space.norm(self._space.unpack(coordinates)))

    def describe(self) -> str:
        """The name of the space."""
        return self._space.name


def read_space(space: Any, parameters: ParameterSpace) -> Coordinates:
    """The coordinates of a space; of Euclidean space for None.

    Raises
    ------
    InputError: it is no space, or its points are not the parameters.

    >>> read_space(None, ParameterSpace({"w": (2,)})).describe()
    'Euclidean'
    """
    if space is None:
        return EuclideanCoordinates()
    if not isinstance(space, Space):
        raise InputError(
            f"space={space!r}",
            why="it is no space",
            cure="give a space such as Stiefel(20, 3), a Product of spaces, or None for Euclidean space",
        )
    return SpaceCoordinates(parameters, space)


def _listed(parameters: ParameterSpace) -> str:
    """Names with their shapes."""
    return ", ".join(f"{name}{list(shape)}" for name, shape in parameters.shapes.items())
