"""Products of spaces: a point is one array for each name, and every operation goes factor by factor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

from manifolds.array_api import Array, namespace
from manifolds.checks import Seed, generator
from manifolds.errors import InputError
from manifolds.space import Space, refuse_length

Parts = dict[str, Any]
"""What belongs to each factor, by its name."""


@final
class Product(Space):
    r"""The product of spaces by name, with :math:`\langle D, D' \rangle = \sum_k \langle D_k, D'_k \rangle`.

    Parameters
    ----------
    factors : mapping of str to Space

    Raises
    ------
    InputError
        If there is no factor, or one is no space.

    Examples
    --------
    >>> import numpy as np
    >>> from manifolds.spaces import Stiefel
    >>> from manifolds.vector_spaces import Euclidean
    >>> space = Product({"W": Stiefel(3, 1), "b": Euclidean(3)})
    >>> Y = space.random(0)
    >>> sorted(Y), space.dimension, space.pack(Y).shape
    (['W', 'b'], 5, (6,))
    """

    def __init__(self, factors: Mapping[str, Space]) -> None:
        if not isinstance(factors, Mapping):
            raise InputError(
                f"the factors are of the type {type(factors).__name__}",
                why="a product is made of spaces, each with a name",
                cure='write Product({"W": Stiefel(5, 2), "b": Euclidean(5)})',
            )
        self.factors = dict(factors)
        for name, factor in self.factors.items():
            if not isinstance(name, str) or not isinstance(factor, Space):
                raise InputError(
                    f"the factor {name!r} is {factor!r}",
                    why="a product is made of spaces, each with a name",
                    cure='write Product({"W": Stiefel(5, 2), "b": Euclidean(5)})',
                )
        if not self.factors:
            raise InputError(
                "a product without factors", why="it has no points to move", cure="give at least one space"
            )

    @property
    def compact(self) -> bool:  # type: ignore[override]
        """Whether every factor is compact."""
        return all(factor.compact for factor in self.factors.values())

    @property
    def name(self) -> str:
        """The names of the factors."""
        return f"Product({{{', '.join(f'{name!r}: {factor.name}' for name, factor in self.factors.items())}}})"

    @property
    def dimension(self) -> int:
        """The sum of the dimensions."""
        return sum(factor.dimension for factor in self.factors.values())

    @property
    def shape(self) -> dict[str, Any]:
        """The shape of each part of a point."""
        return {name: factor.shape for name, factor in self.factors.items()}

    @property
    def size(self) -> int:
        """The number of entries of all parts."""
        return sum(factor.size for factor in self.factors.values())

    def section(self, Y: Parts, *, carried: Parts | None = None, check: bool = True) -> Parts:
        """The context of each part."""
        state = dict.fromkeys(self.factors) if carried is None else carried
        return self._each(lambda F, y, c: F.section(y, carried=c, check=check), Y=Y, carried=state)

    def lift(self, context: Parts, G: Parts, *, check: bool = True) -> Parts:
        """The coordinates of the gradient, part by part."""
        return self._each(lambda F, c, g: F.lift(c, g, check=check), context=context, G=G)

    def retract(self, context: Parts, W: Parts, *, check: bool = True) -> Parts:
        """The next point, part by part."""
        return self._each(lambda F, c, w: F.retract(c, w, check=check), context=context, W=W)

    def advance(self, context: Parts, W: Parts) -> tuple[Parts, Parts | None]:
        """The next point, and what is carried where a factor carries something."""
        moved = self._each(lambda F, c, w: F.advance(c, w), context=context, W=W)
        carried = {name: pair[1] for name, pair in moved.items()}
        nothing = all(part is None for part in carried.values())
        return {name: pair[0] for name, pair in moved.items()}, None if nothing else carried

    def tangent(self, context: Parts, D: Parts) -> Parts:
        """The tangent vector, part by part."""
        return self._each(lambda F, c, d: F.tangent(c, d), context=context, D=D)

    def coordinates(self, context: Parts, X: Parts) -> Parts:
        """The coordinates of a tangent vector, part by part."""
        return self._each(lambda F, c, x: F.coordinates(c, x), context=context, X=X)

    def horizontal(self, D: Parts) -> Parts:
        """The nearest coordinates, part by part."""
        return self._each(lambda F, d: F.horizontal(d), D=D)

    def scaled(self, D: Parts, factor: Array) -> Parts:
        """Coordinates times one number for each point of a batch."""
        return self._each(lambda F, d: F.scaled(d, factor), D=D)

    def inner(self, D1: Parts, D2: Parts) -> Array:
        """The sum of the inner products of the parts."""
        return _sum(self._each(lambda F, a, b: F.inner(a, b), D1=D1, D2=D2))

    def error(self, Y: Parts) -> Array:
        """The largest error of the parts."""
        errors = list(self._each(lambda F, y: F.error(y), Y=Y).values())
        worst = errors[0]
        for other in errors[1:]:
            worst = namespace(worst).maximum(worst, other)
        return worst

    def belongs(self, Y: Parts, tolerance: float | None = None) -> bool:
        """Whether every part belongs to its factor."""
        return all(self._each(lambda F, y: F.belongs(y, tolerance), Y=Y).values())

    def project(self, Y: Parts) -> Parts:
        """A point near Y, part by part."""
        return self._each(lambda F, y: F.project(y), Y=Y)

    def random(self, rng: Seed, batch: int | tuple[int, ...] = (), *, like: Any = None) -> Parts:
        """Random points, the factors in their order."""
        rng = generator(rng)
        return {name: factor.random(rng, batch, like=like) for name, factor in self.factors.items()}

    def random_coordinates(self, rng: Seed, batch: int | tuple[int, ...] = (), *, like: Any = None) -> Parts:
        """Random coordinates, the factors in their order."""
        rng = generator(rng)
        return {name: factor.random_coordinates(rng, batch, like=like) for name, factor in self.factors.items()}

    def distance(self, X: Parts, Y: Parts) -> Array:
        """The root of the sum of the squared distances."""
        square = _sum(self._each(lambda F, x, y: F.distance(x, y) ** 2, X=X, Y=Y))
        return namespace(square).sqrt(square)

    def pack(self, Y: Parts) -> Array:
        """One vector of all entries, the factors in their order."""
        parts = list(self._each(lambda F, y: F.pack(y), Y=Y).values())
        return namespace(parts[0]).concat(parts)

    def unpack(self, vector: Array) -> Parts:
        """The point of such a vector."""
        refuse_length(self, vector)
        parts, start = {}, 0
        for name, factor in self.factors.items():
            parts[name] = factor.unpack(vector[start : start + factor.size])
            start += factor.size
        return parts

    def _each(self, operation: Callable[..., Any], **arguments: Any) -> Parts:
        """The operation on each factor and the parts of the arguments that belong to it."""
        for what, parts in arguments.items():
            if not isinstance(parts, Mapping) or parts.keys() != self.factors.keys():
                given = sorted(parts) if isinstance(parts, Mapping) else f"of type {type(parts).__name__}"
                raise InputError(
                    f"{what} is {given}, the factors are {sorted(self.factors)}",
                    why="a point of a product, and all that belongs to it, is one array for each factor, by name",
                    cure=f"give a dictionary with the keys {sorted(self.factors)}",
                )
        return {
            name: operation(factor, *(parts[name] for parts in arguments.values()))
            for name, factor in self.factors.items()
        }


def _sum(parts: Parts) -> Array:
    """The sum of the parts."""
    first, *others = parts.values()
    for other in others:
        first = first + other
    return first
