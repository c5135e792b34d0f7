r"""The coordinates of spaces as flat vectors: each parameter is one point of its space, or a batch of points."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from manifolds.homogeneous import Homogeneous
from manifolds.projectors import Projectors
from manifolds.space import Space
from manifolds.space_products import Product
from manifolds.vector_spaces import Euclidean
from solvers.coordinates import Coordinates, EuclideanCoordinates
from solvers.hyperparameters import POSITIVE, read_number
from solvers.objective import Objective
from solvers.retraction_line import Line, RetractedObjective
from symmetries.actions.parameter_space import FloatArray, ParameterSpace

_CHUNK = 2**22  # entries of unit vectors whose lengths are asked for at once


@final
@dataclass(frozen=True)
class Part:
    """A parameter and its space.

    Parameters
    ----------
    name: of the parameter.
    space: of each of its points; None stands for a vector space.
    shape: of the parameter: batch axes, those of a point, and for complex entries a last axis of two.
    entries: where its numbers lie in the vector of all parameters.
    """

    name: str
    space: Space | None
    shape: tuple[int, ...]
    entries: slice

    def read(self, vector: FloatArray) -> Any:
        """The points, or what has their shape, out of a vector of all parameters."""
        array = vector[self.entries].reshape(self.shape)
        return array.view(complex)[..., 0] if self.is_complex else array

    def write(self, array: Any) -> FloatArray:
        """The numbers of an array of the shape of the points."""
        return np.ascontiguousarray(array).view(float).ravel() if self.is_complex else np.asarray(array).ravel()

    @property
    def is_complex(self) -> bool:
        """Whether pairs of numbers are real and imaginary parts."""
        return getattr(self.space, "field", "real") == "complex"

    def weights(self) -> FloatArray:
        """The squared length of each unit vector: 1/2 in the head of frames, whose entries come in pairs."""
        space, size = self.space, math.prod(self.shape)
        if space is None or isinstance(space, Projectors) or (isinstance(space, Homogeneous) and space.subspaces):
            return np.ones(size)
        if isinstance(space, Homogeneous):
            columns = space.form.columns
            one = space.form.set_head(np.ones(space.shape), np.full((columns, columns), 0.5))
            return np.broadcast_to(one[..., None] if self.is_complex else one, self.shape).ravel()
        return np.tile(_measured_weights(space), size // space.size)


@final
class SpaceCoordinates(Coordinates):
    """The coordinates of spaces, packed into vectors.

    Parameters
    ----------
    parts: the parameters in order, at least one on a space that is no vector space.
    trust_radius: longest step of each point, in the norm of its space; None without bound. Vector spaces have none.
    """

    def __init__(self, parts: tuple[Part, ...], *, trust_radius: float | None = None) -> None:
        self._parts, self._radius = parts, trust_radius
        self._scale = np.sqrt(np.concatenate([part.weights() for part in parts]))
        self._is_scaled = bool((self._scale != 1).any())
        self._last: tuple[FloatArray, FloatArray, Any, tuple[Any, FloatArray]] | None = None

    @property
    def is_compact(self) -> bool:  # type: ignore[override]
        """Whether every parameter lives on a compact space."""
        return all(part.space is not None and part.space.compact for part in self._parts)

    def start(self, w: FloatArray) -> FloatArray:
        """A point to start from, refused when it is none of the space."""
        for part in self._parts:
            if part.space is not None:
                try:
                    part.space.section(part.read(w))
                except InputError as error:
                    raise InputError(f"the start {part.name!r}: {error.what}", why=error.why, cure=error.cure) from None
        return w

    def lift(self, w: FloatArray, gradient: FloatArray, carried: Any) -> tuple[Any, FloatArray]:
        """The sections and the packed coordinates; those of the last call are kept for the next step."""
        last = self._last
        if last is not None and last[0] is w and last[1] is gradient and last[2] is carried:
            return last[3]
        sections, lifted = [], np.array(gradient, dtype=float)
        with np.errstate(over="ignore", invalid="ignore"):
            for k, part in enumerate(self._parts):
                section = None
                if part.space is not None:
                    along = None if carried is None else carried[k]
                    section = part.space.section(part.read(w), carried=along, check=False)
                    lifted[part.entries] = part.write(part.space.lift(section, part.read(gradient), check=False))
                sections.append(section)
        self._last = (w, gradient, carried, (tuple(sections), lifted))
        return self._last[3]

    def advance(self, section: Any, w: FloatArray, displacement: FloatArray) -> tuple[FloatArray, Any]:
        """The retracted point and what the spaces carry along; NaN where a step leads off its space."""
        moved, carried = w + displacement, [None] * len(self._parts)
        with np.errstate(all="ignore"):
            for k, part in enumerate(self._parts):
                if part.space is not None:
                    point, carried[k] = self._moved(part, section[k], part.read(displacement))
                    moved[part.entries] = np.nan if point is None else part.write(point)
        return moved, None if all(one is None for one in carried) else tuple(carried)

    def _moved(self, part: Part, section: Any, W: Any) -> tuple[Any, Any]:
        """The next points of one parameter, None where a step is not finite or leads to no point of the space."""
        space = part.space
        if space is None or not np.isfinite(W).all():
            return None, None
        W = space.horizontal(W)
        if self._radius is not None:
            W = space.shortened(W, self._radius)
        try:
            point, carried = space.advance(section, W)
        except np.linalg.LinAlgError:
            return None, None
        return (point, carried) if np.isfinite(point).all() and space.belongs(point) else (None, None)

    def position(self, section: Any, w: FloatArray) -> FloatArray:
        """The lifted point; zero on compact spaces."""
        lifted = w.copy()
        for one, part in zip(section, self._parts, strict=True):
            if part.space is not None:
                lifted[part.entries] = part.write(part.space.lift(one, part.read(w), check=False))
        return lifted

    def line(self, objective: Objective, section: Any, w: FloatArray, coordinates: FloatArray) -> Line:
        """The objective along retractions from w."""
        retracted = RetractedObjective(objective, lambda W: self.advance(section, w, W)[0])
        slope = coordinates * self._scale**2
        return Line(objective=retracted, origin=np.zeros_like(w), slope=slope)

    def isometric(self, coordinates: FloatArray) -> FloatArray:
        """Coordinates with the head of frames over the root of two."""
        return coordinates * self._scale if self._is_scaled else coordinates

    def from_isometric(self, vector: FloatArray) -> FloatArray:
        """The coordinates of such a vector."""
        return vector / self._scale if self._is_scaled else vector

    def longest(self, displacement: FloatArray) -> float:
        """The largest factor by which a displacement stays within the trust region."""
        if self._radius is None:
            return math.inf
        curved = [(part.space, part.read(displacement)) for part in self._parts if part.space is not None]
        longest = max(float(np.max(space.norm(W))) for space, W in curved)
        return self._radius / longest if longest > 0 else math.inf

    def describe(self) -> str:
        """The names of the spaces."""
        names = [f"{part.name!r}: {part.space.name if part.space else 'Euclidean'}" for part in self._parts]
        words = "{" + ", ".join(names) + "}" if len(names) > 1 else names[0].partition(": ")[2]
        return words if self._radius is None else f"{words} with trust_radius={self._radius!r}"


def read_space(space: Any, parameters: ParameterSpace, *, trust_radius: Any = None) -> Coordinates:
    """The coordinates of a space; of Euclidean space for None.

    Parameters
    ----------
    space: a space, one of geomstats, a :class:`~manifolds.space_products.Product`, or spaces by the names of the
        parameters, of which those left out and those that are None are vectors.
    parameters: names and shapes; leading axes are a batch, and complex entries are pairs in a last axis of two.
    trust_radius: longest step of each point on a curved space.

    Raises
    ------
    InputError: it is no space, its points are not the parameters, or there is no step for the radius to bound.

    >>> read_space(None, ParameterSpace({"w": (2,)})).describe()
    'Euclidean'
    """
    radius = None if trust_radius is None else read_number(trust_radius, name="trust_radius", interval=POSITIVE)
    parts, start = [], 0
    for name, one in _spaces_by_name(space, parameters).items():
        stop = start + math.prod(parameters.shapes[name])
        parts.append(_part(name, one, parameters, slice(start, stop)))
        start = stop
    if any(part.space is not None for part in parts):
        return SpaceCoordinates(tuple(parts), trust_radius=radius)
    if radius is not None:
        raise InputError(
            f"trust_radius={radius!r} in Euclidean space",
            why="it bounds the steps on curved spaces, where a long step may lead far away",
            cure="leave it away, or give a space such as SymplecticStiefel(10, 2)",
        )
    return EuclideanCoordinates()


def _spaces_by_name(space: Any, parameters: ParameterSpace) -> dict[str, Any]:
    """The space of each parameter, in the order of the parameters."""
    names = list(parameters.shapes)
    if space is None:
        return dict.fromkeys(names)
    if isinstance(space, Product) and space.factors.keys() != parameters.shapes.keys():
        raise _unfit(space, parameters, f"its factors are {', '.join(space.factors)}")
    given = space.factors if isinstance(space, Product) else space
    if isinstance(given, Mapping):
        unknown = [str(name) for name in given if name not in parameters.shapes]
        if unknown:
            raise _unfit(space, parameters, f"there is no parameter {unknown[0]!r}")
        return {name: given.get(name) for name in names}
    if len(names) > 1:
        known = _read_one(space)
        raise _unfit(space, parameters, f"its points have {known.size} entries, in the shape {known.shape}")
    return {names[0]: space}


def _read_one(space: Any) -> Space:
    """The space of one parameter."""
    if isinstance(space, Space) and not isinstance(space, Product):
        return space
    if type(space).__module__.startswith("geomstats."):
        from manifolds.geomstats_spaces import space_from_geomstats

        return space_from_geomstats(space)
    raise InputError(
        f"space={space!r}",
        why="it is no space" if not isinstance(space, Product) else "a product within a product has no parameter",
        cure='give a space such as Stiefel(20, 3), spaces by name as in {"U": Stiefel(20, 3), "b": None}, or None',
    )


def _part(name: str, given: Any, parameters: ParameterSpace, entries: slice) -> Part:
    """A parameter on its space."""
    shape = tuple(parameters.shapes[name])
    if given is None:
        return Part(name, None, shape, entries)
    space = _read_one(given)
    own = tuple(space.shape) + ((2,) if getattr(space, "field", "real") == "complex" else ())
    if shape == (math.prod(own),):
        shape = own
    elif shape[len(shape) - len(own) :] != own or len(shape) < len(own):
        why = f"its points have {math.prod(own)} entries, in the shape {own}, and {name!r} has the shape {shape}"
        raise _unfit(space, parameters, why)
    return Part(name, None if isinstance(space, Euclidean) else space, shape, entries)


def _unfit(space: Any, parameters: ParameterSpace, why: str) -> InputError:
    """The error about a space whose points are not the parameters."""
    listed = ", ".join(f"{name}{list(shape)}" for name, shape in parameters.shapes.items())
    return InputError(
        f"the space {space!r} for the parameters {listed}",
        why=why,
        cure="give the space of the parameter, with leading axes for a batch, or {name: space, ...}",
    )


def _measured_weights(space: Space) -> FloatArray:
    """The squared lengths of the unit vectors of a space of the user.

    Raises
    ------
    InputError: unit vectors are not orthogonal, so that no scaling makes them a basis.
    """
    size = space.size
    weights = np.empty(size)
    for first in range(0, size, max(1, _CHUNK // size)):
        units = np.eye(min(size - first, max(1, _CHUNK // size)), size, first).reshape(-1, *space.shape)
        weights[first : first + len(units)] = space.inner(units, units)
    tried = np.cos(np.arange(1.0, size + 1))
    one = tried.reshape(space.shape)
    if not np.isclose(float(space.inner(one, one)), float(weights @ tried**2), rtol=1e-9):
        raise InputError(
            f"the inner product of {space!r}",
            why="it is not a weighted sum of products of entries, so that lengths cannot be read off coordinates",
            cure="use coordinates in which the metric is diagonal",
        )
    return weights
