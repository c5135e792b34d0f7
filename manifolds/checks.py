"""What every public function asks of its arguments: sizes, seeds, shapes and matrices that are real and finite."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifolds.errors import InputError

Array = NDArray[np.float64]
Seed = int | np.random.Generator


def whole_number(value: Any, *, name: str, least: int = 1) -> int:
    """The size `value` as an integer of at least `least`.

    Raises
    ------
    InputError
        If it is no whole number, or too small.

    Examples
    --------
    >>> whole_number(3, name="n")
    3
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise InputError(
            f"{name} = {value!r} is not a size",
            why="a size counts rows and columns, so it is a whole number, given as an integer",
            cure=f"give an integer of at least {least}",
        )
    if value < least:
        raise InputError(
            f"{name} = {value} is too small",
            why=f"the smallest is {least}",
            cure=f"give an integer of at least {least}",
        )
    return int(value)


def generator(rng: Seed) -> np.random.Generator:
    """The NumPy generator of a seed, or the generator itself.

    Examples
    --------
    >>> bool(generator(0).integers(10) == generator(0).integers(10))
    True
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, bool | np.bool_) or not isinstance(rng, int | np.integer) or rng < 0:
        raise InputError(
            f"rng = {rng!r} is no source of random numbers",
            why="only a seed or a generator gives the same numbers on every run",
            cure="give an integer of at least 0, or numpy.random.default_rng(seed)",
        )
    return np.random.default_rng(int(rng))


def batch_shape(shape: int | tuple[int, ...]) -> tuple[int, ...]:
    """The leading axes that are asked for, as a tuple.

    Examples
    --------
    >>> batch_shape(5), batch_shape((2, 3)), batch_shape(())
    ((5,), (2, 3), ())
    """
    axes = shape if isinstance(shape, tuple | list) else (shape,)
    return tuple(whole_number(axis, name="shape", least=0) for axis in axes)


def real_array(value: ArrayLike, *, what: str) -> Array:
    """The value as an array of float64.

    Raises
    ------
    InputError
        If it is ragged, complex or not made of numbers.

    Examples
    --------
    >>> real_array([[1, 2]], what="g")
    array([[1., 2.]])
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(
            f"{what} is not an array", why=str(error), cure="give rows of equal length, all of them numbers"
        ) from error
    if array.dtype.kind == "c":
        raise InputError(
            f"{what} is complex",
            why="matrices here are real; a complex group is given in its real form",
            cure="give real numbers; Unitary(n).from_complex makes a real matrix of a complex one",
        )
    if array.dtype.kind not in "fiu":
        raise InputError(
            f"{what} has entries of type {array.dtype}",
            why="only real numbers can be computed with",
            cure="give an array of floats or integers",
        )
    return array.astype(np.float64, copy=False)


def square_matrices(value: ArrayLike, size: int, *, what: str) -> Array:
    """The value as a finite array of shape `(..., size, size)`.

    Raises
    ------
    InputError
        If the shape is another one, or an entry is not finite.

    Examples
    --------
    >>> square_matrices([[0, -1], [1, 0]], 2, what="g").shape
    (2, 2)
    """
    array = value if type(value) is np.ndarray and value.dtype == np.float64 else real_array(value, what=what)
    if array.ndim < 2 or array.shape[-1] != size or array.shape[-2] != size:
        raise InputError(
            f"{what} has the shape {array.shape}",
            why=f"the matrices here are {size} x {size}, after any number of leading axes",
            cure=f"give an array of shape (..., {size}, {size})",
        )
    total = np.vdot(array, array)
    if not total < np.inf and not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InputError(
            f"{what} is not finite: the entry {where} is {array[where]}",
            why="a matrix of a group has finite entries",
            cure="look for an overflow or a division by zero where it was computed",
        )
    return array


def square_sum(A: Array) -> Any:
    """The sum of the squares of the entries of each matrix.

    Examples
    --------
    >>> float(square_sum(np.array([[1.0, 2.0], [3.0, 4.0]])))
    30.0
    """
    if A.ndim == 2:
        return np.vdot(A, A)
    with np.errstate(over="ignore"):
        return (A * A).sum(axis=(-2, -1))


def worst_index(values: Array) -> tuple[tuple[int, ...], float]:
    """Where an array is largest, and its value there; an entry that is no number counts as largest.

    Examples
    --------
    >>> worst_index(np.array([0.0, 2.0, 1.0]))
    ((1,), 2.0)
    """
    values = np.asarray(values, dtype=float)
    flat = np.where(np.isnan(values), np.inf, values)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(flat)), flat.shape))
    return index, float(values[index])


def place(index: tuple[int, ...]) -> str:
    """The words for a position in a batch; none for a single matrix.

    Examples
    --------
    >>> place((3,)), place(())
    (' at index (3,)', '')
    """
    return f" at index {index}" if index else ""
