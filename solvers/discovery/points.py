"""Where the points come from: a list of the user's, or an endless supply."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.discovery.family import Arrays
from solvers.function_answers import read_space
from solvers.steps.hyperparameters import POSITIVE, read_number
from symmetries.actions.parameter_space import FloatArray, ParameterSpace
from symmetries.arguments import read_reals
from symmetries.expression import Shape

FLAT = "w"
"""Name of the parameter of a function of one flat vector."""


@final
@dataclass(frozen=True, eq=False)
class PointSource:
    """Points by name of the parameter.

    Parameters
    ----------
    listed: the points that were given, None for an endless supply.
    draw: makes a point from a generator.
    """

    listed: Sequence[Arrays] | None
    draw: Callable[[np.random.Generator], Arrays]

    @property
    def endless(self) -> bool:
        """Whether there are always more points."""
        return self.listed is None

    def points(self, rng: np.random.Generator) -> Iterator[Arrays]:
        """The points: the given ones in random order, each once; or new ones for ever."""
        if self.listed is None:
            while True:
                yield self.draw(rng)
        for place in rng.permutation(len(self.listed)):
            yield self.listed[place]


def read_points(points: Any, shapes: Mapping[str, Shape]) -> list[Arrays]:
    """Given points, repeated ones left out.

    Raises
    ------
    InputError: they are no points of these shapes, or not finite.

    >>> len(read_points([[1.0, 2.0], [1.0, 2.0], [0.0, 1.0]], {"w": (2,)}))
    2
    """
    space = ParameterSpace(dict(shapes))
    if isinstance(points, Mapping):
        raise InputError("one point", why="symmetries are seen at many points", cure="give a list of points")
    if isinstance(points, Sequence) and any(isinstance(one, Mapping) for one in points):
        if not all(isinstance(one, Mapping) for one in points):
            raise InputError("the points", why="some go by name and some do not", cure="give all in one form")
        flat = np.array([space.flat(one) for one in points])
    else:
        flat = read_reals(points, what="the points")
        flat = flat.reshape(-1, 1) if flat.ndim == 1 and space.size == 1 else flat
    if flat.ndim != 2 or flat.shape[1] != space.size:
        raise InputError(
            f"points of the shape {list(flat.shape)}",
            why=f"points on {space.size} coordinates have the shape [points, {space.size}]",
            cure="give one row for each point",
        )
    if not len(flat):
        raise InputError("the points", why="there are none", cure="give some, or None to have them drawn")
    if not np.isfinite(flat).all():
        raise InputError("the points", why="they contain NaN or infinity", cure="give finite numbers")
    kept = np.sort(np.unique(flat, axis=0, return_index=True)[1])
    return [space.split(flat[place]) for place in kept]


def shapes_of(points: Any, size: int | None, shapes: Mapping[str, Shape] | None) -> dict[str, Shape]:
    """The shapes that points, a size or shapes tell of.

    >>> shapes_of(np.zeros((5, 3)), None, None), shapes_of([{"W": np.zeros((2, 2))}], None, None)
    ({'w': (3,)}, {'W': (2, 2)})
    """
    if size is not None and shapes is not None:
        raise InputError("size beside shapes", why="both say what a point is", cure="leave one of them out")
    if size is not None or shapes is not None:
        return dict(read_space(size, shapes).shapes) if size is None else {FLAT: read_space(size, None).shapes["w"]}
    if isinstance(points, Sequence) and len(points) and isinstance(points[0], Mapping):
        return {str(name): np.shape(value) for name, value in points[0].items()}
    given: FloatArray = read_reals(points, what="the points") if points is not None else np.zeros(0)
    if given.ndim != 2 or not given.shape[1]:
        raise InputError(
            "the number of coordinates",
            why="neither points of the shape [points, coordinates] nor a size nor shapes were given",
            cure="write size=3, shapes={'W': (3, 2)} or give points",
        )
    return {FLAT: (given.shape[1],)}


def sampler(
    sample: Callable[[np.random.Generator], Any] | None, scale: float, shapes: Mapping[str, Shape]
) -> Callable[[np.random.Generator], Arrays]:
    """The function that draws points."""
    if sample is None:
        size = read_number(scale, name="scale", interval=POSITIVE)
        return lambda rng: {name: size * rng.standard_normal(shape) for name, shape in shapes.items()}
    if not callable(sample):
        raise InputError(f"sample={sample!r}", why="it is no function", cure="give a function of a generator")
    space = ParameterSpace(dict(shapes))
    return lambda rng: space.split(_one(space, sample(rng)))


def _one(space: ParameterSpace, point: Any) -> FloatArray:
    """A point that the user's function drew."""
    flat = space.flat(point)
    if flat.shape != (space.size,) or not np.isfinite(flat).all():
        raise InputError("a point that sample drew", why=f"it is no {space.size} finite numbers", cure="draw one point")
    return flat
