"""Spaces on which optimizers run: vector spaces, homogeneous spaces and their products, under one protocol."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, TypeAlias

from manifolds.array_api import Array, namespace
from manifolds.checks import Seed
from manifolds.errors import InputError

Point: TypeAlias = Any
"""An array, or arrays by name for a product; leading axes are a batch of points."""

Coordinates: TypeAlias = Any
"""An array of the shape of the point, or such arrays by name."""

Context: TypeAlias = Any
"""What a section is at a point; to be handed to the other methods of the space that made it."""


class Space(ABC):
    r"""A space of points, each tangent space of which has coordinates in one fixed vector space.

    One step of any rule: `ctx = space.section(Y)`, `D = space.lift(ctx, G)` for the Euclidean gradient G of the loss, W
    = what the rule makes of D, `Y = space.retract(ctx, W)`. Coordinates have the shape of the point, and they are
    compared between points as they are, without any transport. Nothing is stored but the point.

    The methods take `check=False` to leave out the look at their arguments, for use within a loop.

    Source: B. Brantner, "Generalizing Adam to Manifolds for Efficiently Training Transformers", arXiv:2305.16901.

    Examples
    --------
    Gradient descent to the leading eigenvector of a matrix:

    >>> import numpy as np
    >>> from manifolds.spaces import Stiefel
    >>> A, space = np.diag([3.0, 2.0, 1.0]), Stiefel(3, 1)
    >>> Y = space.random(0)
    >>> for step in range(200):
    ...     context = space.section(Y)
    ...     Y = space.retract(context, -0.1 * space.lift(context, -2 * A @ Y))
    >>> np.abs(Y).round(6).ravel()
    array([1., 0., 0.])
    """

    compact: ClassVar[bool] = False
    """Whether the space is bounded: then the decay of weights makes no sense."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Such as `Stiefel(5, 2)`."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """The dimension as a real manifold."""

    @property
    @abstractmethod
    def shape(self) -> Any:
        """The shape of one point, or the shapes by name."""

    @property
    @abstractmethod
    def size(self) -> int:
        """The number of entries of one point."""

    # One step.

    @abstractmethod
    def section(self, Y: Point, *, carried: Any = None, check: bool = True) -> Context:
        """The context of a point, in which gradients are lifted and steps are made.

        Parameters
        ----------
        Y : point, or a batch of them
        carried : what `advance` returned beside Y, for a space whose section is transported; None at the start
        check : bool
            Whether to look at the argument first.

        Raises
        ------
        InputError
            If Y has another shape or type, or is not on the space.
        """

    @abstractmethod
    def lift(self, context: Context, G: Any, *, check: bool = True) -> Coordinates:
        """The coordinates of the gradient: the gradient of the loss in the coordinates, in the metric of `inner`.

        Parameters
        ----------
        context : what `section` returned
        G : the Euclidean gradient at the point, of its shape
        check : bool
            Whether to look at the argument first.

        Raises
        ------
        InputError
            If G has another shape, type or device than the point, or is not finite.
        """

    @abstractmethod
    def retract(self, context: Context, W: Coordinates, *, check: bool = True) -> Point:
        """The point that the step with coordinates W leads to.

        Parameters
        ----------
        context : what `section` returned
        W : coordinates
        check : bool
            Whether to look at the argument first, and at the result.

        Raises
        ------
        InputError
            If W has another shape or type, or leads to nowhere, or is so long that rounding leads off the space.
        """

    def advance(self, context: Context, W: Coordinates) -> tuple[Point, Any]:
        """The next point, unchecked, and what the next `section` wants as `carried`: None unless it is transported."""
        return self.retract(context, W, check=False), None

    # Geometry.

    @abstractmethod
    def tangent(self, context: Context, D: Coordinates) -> Any:
        """The tangent vector, as an array of the shape of the point, that has the coordinates D."""

    @abstractmethod
    def coordinates(self, context: Context, X: Any) -> Coordinates:
        """The coordinates of a tangent vector, of the tangential part of any other X."""

    @abstractmethod
    def horizontal(self, D: Coordinates) -> Coordinates:
        """The coordinates nearest to any array of their shape."""

    @abstractmethod
    def inner(self, D1: Coordinates, D2: Coordinates) -> Array:
        """The inner product of coordinates, one number for each point of a batch."""

    def norm(self, D: Coordinates) -> Array:
        """The length of coordinates, one number for each point of a batch."""
        square = self.inner(D, D)
        return namespace(square).sqrt(square)

    def scaled(self, D: Coordinates, factor: Array) -> Coordinates:
        """Coordinates times one number for each point of a batch."""
        return factor[(..., *(None,) * len(self.shape))] * D

    def shortened(self, W: Coordinates, radius: float) -> Coordinates:
        """A step that is cut to the length `radius` where it is longer: a trust region, for spaces without bound."""
        length = self.norm(W)
        xp = namespace(length)
        return self.scaled(W, radius / xp.where(length > radius, length, radius + 0 * length))

    # Points.

    @abstractmethod
    def error(self, Y: Point) -> Array:
        """By how much a point misses the space, one number for each point of a batch."""

    @abstractmethod
    def belongs(self, Y: Point, tolerance: float | None = None) -> bool:
        """Whether every point of a batch is on the space; the default tolerance is the square root of the rounding."""

    @abstractmethod
    def project(self, Y: Any) -> Point:
        """A point of the space near Y."""

    @abstractmethod
    def random(self, rng: Seed, batch: int | tuple[int, ...] = (), *, like: Any = None) -> Point:
        """Random points.

        Parameters
        ----------
        rng : int or numpy.random.Generator
            The same seed gives the same points, in every array library.
        batch : int or tuple of int
            Leading axes.
        like : array
            The points are of its library, type and device; of NumPy in double precision without it.
        """

    @abstractmethod
    def random_coordinates(self, rng: Seed, batch: int | tuple[int, ...] = (), *, like: Any = None) -> Coordinates:
        """Random coordinates; the parameters are those of `random`."""

    def distance(self, X: Point, Y: Point) -> Array:
        """The length of the shortest geodesic, one number for each pair of a batch.

        Raises
        ------
        InputError
            If no formula is known for this space, or what is given are no points of its shape and type.
        """
        raise InputError(
            f"{self.name} has no distance",
            why="no closed formula is known for the length of a shortest geodesic there",
            cure="compare points by the norm of their difference, or by space.error",
        )

    # Vectors.

    def pack(self, Y: Point) -> Array:
        """One vector of all entries of a point, in declaration order, row by row."""
        return namespace(Y).reshape(Y, (-1,))

    def unpack(self, vector: Array) -> Point:
        """The point of such a vector.

        Raises
        ------
        InputError
            If it has another length.
        """
        refuse_length(self, vector)
        return namespace(vector).reshape(vector, self.shape)

    def __repr__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, Space) and self.name == other.name

    def __hash__(self) -> int:
        return hash((type(self), self.name))


def refuse_length(space: Space, vector: Array) -> None:
    """Refuse what is no vector of the entries of a point.

    Raises
    ------
    InputError
        If the shape is another one.
    """
    namespace(vector)
    if tuple(vector.shape) != (space.size,):
        raise InputError(
            f"a vector of the shape {tuple(vector.shape)} is no point of {space.name}",
            why=f"a point of it has {space.size} entries",
            cure=f"give a vector of shape ({space.size},)",
        )


def entries(shape: tuple[int, ...]) -> int:
    """The number of entries of an array.

    Examples
    --------
    >>> entries((3, 2))
    6
    """
    return math.prod(shape)
