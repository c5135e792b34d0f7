"""What the public methods of spaces ask of points, gradients and steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from manifolds.array_api import Array, is_floating, namespace
from manifolds.errors import InputError


def require_entries(value: Any, *, shape: tuple[int, ...], field: str | None, what: str, space: str) -> Array:
    """An array of the shape, after any leading axes, and of the field.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> import numpy as np
    >>> require_entries(np.ones((5, 3, 2)), shape=(3, 2), field="real", what="Y", space="Stiefel(3, 2)").shape
    (5, 3, 2)
    """
    xp = namespace(value)
    own = tuple(value.shape)
    if len(own) < len(shape) or own[len(own) - len(shape) :] != shape:
        wanted = ", ".join(map(str, ("...", *shape)))
        raise InputError(
            f"{what} has the shape {own}",
            why=f"a point of {space} has the shape {shape}, after any number of leading axes" + _evenness(own, space),
            cure=f"give an array of shape ({wanted})",
        )
    fields = [field] if field else ["real", "complex"]
    if not any(is_floating(xp, value, field=name) for name in fields):
        raise InputError(
            f"{what} has entries of type {value.dtype}",
            why=f"{space} is made of {field or 'real or complex'} floating-point numbers",
            cure=_cure(xp, value, field),
        )
    return value


def require_precision(value: Array, *, what: str) -> Array:
    """Refuse half and extended precision of NumPy, in which it has no factorisations of matrices.

    Raises
    ------
    InputError
        If the array has such a type.

    Examples
    --------
    >>> import numpy as np
    >>> require_precision(np.ones(2, dtype=np.float32), what="Y").dtype
    dtype('float32')
    """
    if isinstance(value.dtype, np.dtype) and value.dtype.char not in "fdFD":
        raise InputError(
            f"{what} has entries of type {value.dtype}",
            why="matrices are factorised in single or in double precision",
            cure="convert it to float64, or to complex128",
        )
    return value


def _evenness(shape: tuple[int, ...], space: str) -> str:
    """A word on odd sizes where symplectic frames are wanted."""
    odd = space.startswith("Symplectic") and any(size % 2 for size in shape[-2:])
    return "; symplectic frames have an even number of rows and columns" if odd else ""


def _cure(xp: Any, value: Array, field: str | None) -> str:
    """What to do about entries of a wrong type."""
    if field == "real" and is_floating(xp, value, field="complex"):
        return 'take the space of complex frames, such as Stiefel(N, n, field="complex")'
    if field == "complex" and is_floating(xp, value, field="real"):
        return "make it complex, or take the space without field='complex'"
    return "convert it to floating-point numbers, such as float64"


def require_alike(value: Array, point: Array, *, what: str) -> None:
    """Refuse an array of another shape, library, type or device than the point.

    Raises
    ------
    InputError
        If one differs.

    Examples
    --------
    >>> import numpy as np
    >>> require_alike(np.ones(2, dtype=np.float32), np.ones(2), what="the gradient")
    Traceback (most recent call last):
    ...
    manifolds.errors.InputError: the gradient has entries of type float32, the point of type float64
      why: a step computes with one type on one device
      try: convert the gradient to the type of the point
    """
    if namespace(value) is not namespace(point):
        ours, theirs = (namespace(array).__name__.rpartition(".")[2] for array in (value, point))
        raise InputError(
            f"{what} is an array of {ours}, the point one of {theirs}",
            why="a step computes with one array library",
            cure=f"convert {what} to the library of the point",
        )
    if tuple(value.shape) != tuple(point.shape):
        raise InputError(
            f"{what} has the shape {tuple(value.shape)}, the point the shape {tuple(point.shape)}",
            why="gradients, steps and coordinates have the shape of the point",
            cure=f"give an array of shape {tuple(point.shape)}",
        )
    if value.dtype != point.dtype:
        raise InputError(
            f"{what} has entries of type {value.dtype}, the point of type {point.dtype}",
            why="a step computes with one type on one device",
            cure=f"convert {what} to the type of the point",
        )
    if value.device != point.device:
        raise InputError(
            f"{what} lies on {value.device}, the point on {point.device}",
            why="a step computes with one type on one device",
            cure=f"move {what} to the device of the point",
        )


def require_finite(value: Array, *, what: str, why: str, cure: str) -> None:
    """Refuse an array with an entry that is not finite.

    Raises
    ------
    InputError
        If there is one; it names the first.

    Examples
    --------
    >>> import numpy as np
    >>> require_finite(np.array([0.0, np.nan]), what="the gradient", why="no step", cure="look for an overflow")
    Traceback (most recent call last):
    ...
    manifolds.errors.InputError: the gradient is not finite at index (1,)
      why: no step
      try: look for an overflow
    """
    xp = namespace(value)
    finite = xp.isfinite(value)
    if not xp.all(finite):
        where = tuple(int(axis[0]) for axis in xp.nonzero(~finite)) if value.ndim else ()
        raise InputError(f"{what} is not finite at index {where}", why=why, cure=cure)


def require_gradient(value: Array, point: Array) -> None:
    """Refuse a gradient that does not fit the point, or that is not finite.

    Raises
    ------
    InputError
        Saying which.

    Examples
    --------
    >>> import numpy as np
    >>> require_gradient(np.ones(2), np.ones(2))
    """
    require_alike(value, point, what="the gradient")
    require_finite(
        value,
        what="the gradient",
        why="a step along it would lead to no point",
        cure="leave the step out, and look where the loss overflows or is not defined",
    )
