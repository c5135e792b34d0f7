"""What functions of the user's return, and the shapes that they are given, refused when they are no numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from manifolds.errors import InputError
from symmetries.actions.parameter_space import FloatArray, ParameterSpace


def read_numbers(answer: Any, name: str, *, size: int | None = None) -> FloatArray:
    """Real numbers that a function returned.

    Raises
    ------
    InputError: they are none, or another number of them than ``size``.

    >>> float(read_numbers(np.float32(0.5), "value", size=1)[()])
    0.5
    """
    try:
        array = np.asarray(answer)
        if array.dtype.kind == "O" and answer is not None:
            array = array.astype(float)
    except (TypeError, ValueError):
        array = np.asarray("")
    if array.dtype.kind not in "fiu" or size not in (None, array.size):
        raise InputError(
            f"the {name} is of the type {type(answer).__name__}",
            why="a real number is needed" if size else "an array of real numbers is needed",
            cure="return a float" if size else "return an array of the shape of the point",
        )
    return array.astype(float)


def read_space(size: int | None, shapes: Any) -> ParameterSpace:
    """The parameter space of an objective of functions."""
    if (size is None) == (shapes is None):
        raise InputError(
            "the size of the objective", why="one of size and shapes is needed", cure="write size=3, for example"
        )
    if shapes is not None:
        if not isinstance(shapes, Mapping) or not shapes:
            raise InputError(f"shapes={shapes!r}", why="they go by name", cure='write {"W": (3, 2), "b": (3,)}')
        return ParameterSpace({str(name): _read_shape(str(name), shape) for name, shape in shapes.items()})
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise InputError(f"size={size!r}", why="it is no number of parameters", cure="give an integer from 1 up")
    return ParameterSpace({"w": (int(size),)})


def _read_shape(name: str, shape: Any) -> tuple[int, ...]:
    """The shape of one parameter."""
    given = tuple(shape) if isinstance(shape, Iterable) else (None,)
    if any(isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1 for k in given):
        raise InputError(f"the shape {shape!r} of {name!r}", why="it is no list of lengths", cure="write (3, 2) or ()")
    return tuple(int(k) for k in given)
