"""Parameter space: names and shapes of what a group moves, and its points as flat vectors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.arguments import read_reals
from symmetries.expression import Shape, entry_names

if TYPE_CHECKING:
    from symmetries.loss import Loss

FloatArray: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Point: TypeAlias = "FloatArray | Mapping[str, Any]"


@final
@dataclass(frozen=True)
class ParameterSpace:
    """The parameters of a loss, then the data that moves with them, as coordinates.

    Parameters
    ----------
    shapes: the shapes by name, in order; entries are taken row by row.

    >>> space = ParameterSpace({"U": (2, 1), "b": ()})
    >>> space.entries, space.size
    (('U[0,0]', 'U[1,0]', 'b'), 3)
    >>> space.flat({"U": [[1], [2]], "b": 3}).tolist()
    [1.0, 2.0, 3.0]
    """

    shapes: Mapping[str, Shape]

    @classmethod
    def of(cls, loss: Loss) -> ParameterSpace:
        """The space that the symmetries of a loss act on."""
        moving = {name: item.shape for name, item in loss.data.items() if item.moves}
        return cls({**loss.parameters, **moving})

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        return tuple(entry for name, shape in self.shapes.items() for entry in entry_names(name, shape))

    def flat(self, w: Point) -> FloatArray:
        """A point as a vector of shape (n,), or points as an array of shape (..., n)."""
        if isinstance(w, Mapping):
            return self._joined(w)
        flat = read_reals(w, what="a point")
        if flat.ndim == 0 or flat.shape[-1] != self.size:
            raise InputError(
                f"a point has the shape {list(flat.shape)}",
                why=f"the parameters {', '.join(self.shapes)} are {self.size} numbers in one vector",
                cure="flatten the parameters of the same loss in declaration order, row by row",
            )
        return flat

    def _joined(self, w: Mapping[str, Any]) -> FloatArray:
        """The vector of named arrays."""
        if w.keys() != self.shapes.keys():
            wrong = sorted(w.keys() ^ self.shapes.keys())
            raise InputError(
                f"a point with {', '.join(map(repr, w)) or 'no names'}",
                why=f"it must name {', '.join(map(repr, self.shapes))} and nothing else; {wrong[0]!r} does not fit",
                cure="give a point of the loss that the action was made for",
            )
        parts = []
        for name, shape in self.shapes.items():
            value = read_reals(w[name], what=f"the point's {name!r}")
            if value.shape != shape:
                raise InputError(
                    f"the point's {name!r} has the shape {list(value.shape)}",
                    why=f"{name!r} has the shape {list(shape)}",
                    cure="make the two agree",
                )
            parts.append(value.ravel())
        return np.concatenate(parts)

    def split(self, flat: FloatArray) -> dict[str, FloatArray]:
        """A vector as named arrays; leading axes stay in front."""
        parts, start = {}, 0
        for name, shape in self.shapes.items():
            stop = start + math.prod(shape)
            parts[name] = flat[..., start:stop].reshape((*flat.shape[:-1], *shape))
            start = stop
        return parts

    def like(self, flat: FloatArray, w: Point) -> Any:
        """A vector in the form in which a point was given."""
        return self.split(flat) if isinstance(w, Mapping) else flat
