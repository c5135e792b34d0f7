r"""The coordinates of spaces as flat vectors: gradients are lifted and steps retracted, parameter by parameter."""

from __future__ import annotations

import math
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from manifolds.homogeneous import Homogeneous
from manifolds.projectors import Projectors
from solvers.objective import Objective
from solvers.running.coordinates import Coordinates, EuclideanCoordinates
from solvers.running.space_parts import Part, read_parts
from solvers.steps.hyperparameters import POSITIVE, read_number
from solvers.steps.retraction_line import Line, RetractedObjective
from symmetries.actions.parameter_space import FloatArray, ParameterSpace

_TURN = 1e-4
"""Part of a gradient along turns of the frame that may be an error of the gradient."""

_FLAT = 1e-8
"""Lengths of gradients up to which they may be rounding alone."""

_SHORT = 100.0
"""Entries of steps on the compact spaces of this package, up to which rounding cannot lead off them."""


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

    def start(self, w: FloatArray, gradient: FloatArray) -> FloatArray:
        """A point to start from, refused when it is none of the space, or the gradient there none of a loss on it."""
        for part in self._parts:
            if part.space is not None:
                try:
                    section = part.space.section(part.read(w))
                except InputError as error:
                    raise InputError(f"the start {part.name!r}: {error.what}", why=error.why, cure=error.cure) from None
                if isinstance(part.space, Homogeneous) and part.space.subspaces:
                    _require_invariant(part, part.space, section, part.read(gradient))
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
                    try:
                        section = part.space.section(part.read(w), carried=along, check=False)
                        lifted[part.entries] = part.write(part.space.lift(section, part.read(gradient), check=False))
                    except np.linalg.LinAlgError:
                        lifted[part.entries] = np.nan  # the point is so far away that its section overflows
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
        is_safe = space.compact and isinstance(space, Homogeneous | Projectors) and np.abs(W).max() < _SHORT
        stays = np.isfinite(point).all() and (is_safe or space.belongs(point))
        return (point, carried) if stays else (None, None)

    def position(self, section: Any, w: FloatArray) -> FloatArray:
        """The lifted point; zero on compact spaces."""
        lifted = w.copy()
        for one, part in zip(section, self._parts, strict=True):
            if part.space is not None:
                moved = np.nan if one is None else part.write(part.space.lift(one, part.read(w), check=False))
                lifted[part.entries] = moved
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
    space, parameters: see :func:`~solvers.running.space_parts.read_parts`.
    trust_radius: longest step of each point on a curved space.

    Raises
    ------
    InputError: it is no space, its points are not the parameters, or there is no step for the radius to bound.

    >>> read_space(None, ParameterSpace({"w": (2,)})).describe()
    'Euclidean'
    """
    radius = None if trust_radius is None else read_number(trust_radius, name="trust_radius", interval=POSITIVE)
    parts = read_parts(space, parameters)
    if any(part.space is not None for part in parts):
        return SpaceCoordinates(parts, trust_radius=radius)
    if radius is not None:
        raise InputError(
            f"trust_radius={radius!r} in Euclidean space",
            why="it bounds the steps on curved spaces, where a long step may lead far away",
            cure="leave it away, or give a space such as SymplecticStiefel(10, 2)",
        )
    return EuclideanCoordinates()


def _require_invariant(part: Part, space: Homogeneous, section: Any, gradient: Any) -> None:
    """Refuse a loss that changes when the frame of a subspace is turned; the skew part of the head is the rate."""
    whole = section.section.pull_back(gradient)
    head = space.form.head(whole)
    turned = float(np.linalg.norm(head - space.form.star(head)))
    if turned > max(_TURN * float(np.linalg.norm(whole)), _FLAT):
        raise InputError(
            f"a loss on {space.name} that depends on the frame by which {part.name!r} is given",
            why=f"turning the frame within its subspace changes the loss, at a rate of up to {turned:.1e}",
            cure=f"take {type(space).__name__.replace('Grassmann', 'Stiefel')}, whose points are frames",
        )
