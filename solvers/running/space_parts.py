r"""The parameters of an objective as points of spaces: each is one point, or a batch of points, of its space."""

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
    is_complex: whether pairs of numbers are real and imaginary parts.
    """

    name: str
    space: Space | None
    shape: tuple[int, ...]
    entries: slice
    is_complex: bool = False

    def read(self, vector: FloatArray) -> Any:
        """The points, or what has their shape, out of a vector of all parameters."""
        array = vector[self.entries].reshape(self.shape)
        return array.view(complex)[..., 0] if self.is_complex else array

    def write(self, array: Any) -> FloatArray:
        """The numbers of an array of the shape of the points."""
        return np.ascontiguousarray(array).view(float).ravel() if self.is_complex else np.asarray(array).ravel()

    def weights(self) -> FloatArray:
        """The squared length of each unit vector: 1/2 in the head of frames, whose entries come in pairs."""
        space, size = self.space, math.prod(self.shape)
        if space is None or isinstance(space, Projectors) or (isinstance(space, Homogeneous) and space.subspaces):
            return np.ones(size)
        if isinstance(space, Homogeneous):
            columns = space.form.columns
            one = space.form.set_head(np.ones(space.shape), np.full((columns, columns), 0.5))
            return np.broadcast_to(one[..., None] if self.is_complex else one, self.shape).ravel()
        return np.tile(measured_weights(space), size // space.size)


def read_parts(space: Any, parameters: ParameterSpace) -> tuple[Part, ...]:
    """The parameters in order, each on its space.

    Parameters
    ----------
    space: a space, one of geomstats, a :class:`~manifolds.space_products.Product`, or spaces by the names of the
        parameters, of which those left out and those that are None are vectors.
    parameters: names and shapes; leading axes are a batch, and complex entries are pairs in a last axis of two.

    Raises
    ------
    InputError: it is no space, or its points are not the parameters.

    >>> [part.shape for part in read_parts({"U": Euclidean((2, 1))}, ParameterSpace({"U": (2, 1), "b": ()}))]
    [(2, 1), ()]
    """
    parts, start = [], 0
    for name, one in _spaces_by_name(space, parameters).items():
        stop = start + math.prod(parameters.shapes[name])
        parts.append(_part(name, one, parameters, slice(start, stop)))
        start = stop
    return tuple(parts)


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
        known = read_one(space)
        raise _unfit(space, parameters, f"its points have {known.size} entries, in the shape {known.shape}")
    return {names[0]: space}


def read_one(space: Any) -> Space:
    """The space of one parameter, taken over from geomstats where it is one of its spaces.

    Raises
    ------
    InputError: it is no space, or a product.

    >>> read_one(Euclidean(3))
    Euclidean((3,))
    """
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
    space = read_one(given)
    is_complex = getattr(space, "field", "real") == "complex"
    own = tuple(space.shape) + ((2,) if is_complex else ())
    if shape == (math.prod(own),):
        shape = own
    elif shape[len(shape) - len(own) :] != own or len(shape) < len(own):
        why = f"its points have {math.prod(own)} entries, in the shape {own}, and {name!r} has the shape {shape}"
        raise _unfit(space, parameters, why)
    return Part(name, None if isinstance(space, Euclidean) else space, shape, entries, is_complex)


def _unfit(space: Any, parameters: ParameterSpace, why: str) -> InputError:
    """The error about a space whose points are not the parameters."""
    listed = ", ".join(f"{name}{list(shape)}" for name, shape in parameters.shapes.items())
    return InputError(
        f"the space {space!r} for the parameters {listed}",
        why=why,
        cure="give the space of the parameter, with leading axes for a batch, or {name: space, ...}",
    )


def measured_weights(space: Space) -> FloatArray:
    """The squared lengths of the unit vectors of a space of the user.

    Raises
    ------
    InputError: unit vectors are not orthogonal, so that no scaling makes them a basis.

    >>> from manifolds.spaces import Stiefel
    >>> measured_weights(Stiefel(3, 1)).tolist()
    [0.5, 1.0, 1.0]
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
