"""The array library of an argument, by the Python array API, and the few operations that its standard leaves out."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

import array_api_compat
import numpy as np

from manifolds.errors import InputError

Array: TypeAlias = Any
"""An array of any library that follows the Python array API, such as NumPy and PyTorch."""

Namespace: TypeAlias = Any
"""The functions of such a library."""

# NumPy has followed the standard itself since 2.0; the others are found once for each type, which takes microseconds.
_NAMESPACES: dict[type, Namespace] = {np.ndarray: np}

# With larger matrices the BLAS of SciPy may start threads of its own beside those of NumPy, which slows both down.
_LARGEST_SMALL_SIZE = 64


def namespace(array: Array) -> Namespace:
    """The array library of an array.

    Raises
    ------
    InputError
        If it is no array.

    Examples
    --------
    >>> namespace(np.zeros(3)).__name__
    'numpy'
    """
    kind = type(array)
    found = np if isinstance(array, np.generic) else _NAMESPACES.get(kind)
    if found is None:
        try:
            found = array_api_compat.array_namespace(array)
        except TypeError as error:
            raise InputError(
                f"an object of type {kind.__name__} is no array",
                why="points, gradients and coordinates are arrays of a library that follows the Python array API",
                cure="give an array of NumPy or a tensor of PyTorch, such as numpy.asarray(value)",
            ) from error
        _NAMESPACES[kind] = found
    return found


def is_floating(xp: Namespace, array: Array, *, field: str) -> bool:
    """Whether the entries are floating-point numbers of the field, `"real"` or `"complex"`.

    Examples
    --------
    >>> is_floating(np, np.zeros(3), field="real"), is_floating(np, np.zeros(3), field="complex")
    (True, False)
    """
    dtype = array.dtype
    if isinstance(dtype, np.dtype):
        return dtype.kind == ("c" if field == "complex" else "f")
    return bool(xp.isdtype(dtype, f"{field} floating"))


def precision(xp: Namespace, array: Array) -> float:
    """The distance from 1 to the next larger number of the type of an array.

    Examples
    --------
    >>> precision(np, np.zeros(3, dtype=np.float32))
    1.1920928955078125e-07
    """
    return float(xp.finfo(array.dtype).eps)


def on_host(array: Array) -> bool:
    """Whether its numbers lie in the memory of the processor, so that looking at one does not wait for a device.

    Examples
    --------
    >>> on_host(np.zeros(3))
    True
    """
    return type(array) is np.ndarray or str(getattr(array, "device", "cpu")).startswith("cpu")


def identity(xp: Namespace, size: int, like: Array) -> Array:
    """The identity matrix in the type and on the device of another array.

    Examples
    --------
    >>> identity(np, 2, np.zeros(3, dtype=np.float32)).dtype
    dtype('float32')
    """
    return xp.eye(size, dtype=like.dtype, device=like.device)


def copied(xp: Namespace, array: Array) -> Array:
    """A copy that may be written to.

    Examples
    --------
    >>> a = np.zeros(2)
    >>> copied(np, a) is a
    False
    """
    return array.copy() if xp is np else array * 1


def converted(array: Array, like: Array | None) -> Array:
    """An array of NumPy in the library, type and device of another array; itself for None.

    Complex numbers stay complex, in the precision of the other array.

    Raises
    ------
    InputError
        If the other array does not hold floating-point numbers.

    Examples
    --------
    >>> converted(np.ones(2), np.zeros(3, dtype=np.float32)).dtype
    dtype('float32')
    """
    if like is None:
        return array
    xp = namespace(like)
    if not any(is_floating(xp, like, field=field) for field in ("real", "complex")):
        raise InputError(
            f"like has entries of type {like.dtype}",
            why="points and coordinates are made of floating-point numbers, which would be cut off",
            cure="give an array of floating-point numbers, such as numpy.zeros(1)",
        )
    dtype = xp.result_type(like.dtype, xp.complex64) if array.dtype.kind == "c" else like.dtype
    return xp.asarray(array, dtype=dtype, device=like.device)


def inverse(xp: Namespace, A: Array) -> Array:
    """The inverse of each matrix, NaN where there is none: no exception, and no wait for a device.

    Examples
    --------
    >>> inverse(np, np.array([[[2.0]], [[0.0]]])).ravel()
    array([0.5, nan])
    """
    if xp is np:
        try:
            return np.linalg.inv(A)
        except np.linalg.LinAlgError:
            singular = np.linalg.slogdet(A)[0] == 0  # a determinant itself may underflow
            A = np.where(singular[..., None, None], np.eye(A.shape[-1], dtype=A.dtype), A)
            return np.where(singular[..., None, None], np.nan, np.linalg.inv(A)).astype(A.dtype)
    quiet = getattr(xp.linalg, "inv_ex", None)
    if quiet is None:
        return xp.linalg.inv(A)
    result, info = quiet(A)
    return xp.where((info > 0)[..., None, None], xp.asarray(float("nan"), dtype=A.dtype, device=A.device), result)


def quick_inverse(xp: Namespace, A: Array) -> Array:
    """The same, of one small matrix of NumPy without the overhead of NumPy.

    Examples
    --------
    >>> quick_inverse(np, np.array([[2.0]]))
    array([[0.5]])
    """
    routines = _lapack(A.dtype.char) if xp is np and A.ndim == 2 and A.shape[-1] <= _LARGEST_SMALL_SIZE else None
    if routines is not None:
        factors, pivots, info = routines[0](A.T)
        if info == 0:
            return routines[1](factors, pivots, overwrite_lu=True)[0].T
    return inverse(xp, A)


@cache
def _lapack(kind: str) -> Any:
    """The routines that factor and invert matrices of a type, None where there are none."""
    from scipy.linalg import lapack

    return lapack.get_lapack_funcs(("getrf", "getri"), dtype=kind) if kind in "fdFD" else None


def is_within(xp: Namespace, A: Array, bound: float) -> bool:
    """Whether the Frobenius norm of each matrix is at most a bound; it waits for a device.

    Examples
    --------
    >>> is_within(np, np.array([[3.0, 4.0]]), 5.0), is_within(np, np.array([[np.nan]]), 5.0)
    (True, False)
    """
    if xp is np and A.ndim == 2:
        return bool(np.vdot(A, A).real <= bound * bound)
    return bool(xp.all(norm(xp, A) <= bound))


def norm(xp: Namespace, A: Array) -> Array:
    """The Frobenius norm of each matrix.

    Examples
    --------
    >>> norm(np, np.array([[3.0, 4.0]]))
    np.float64(5.0)
    """
    return xp.linalg.matrix_norm(A)
