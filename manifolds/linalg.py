"""Batched linear algebra: exponential, its derivative, polar factors.

Every function takes arrays of shape `(..., n, n)` and works on all leading axes at once; `expm` those of any array
library and any floating-point type, the others real ones of NumPy. SciPy is imported when it is first needed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from manifolds import array_api
from manifolds.checks import Array
from manifolds.errors import InputError

_DEGREE_16_RADIUS = 0.75  # where the Taylor polynomial of degree 16 has a backward error below 2^-53
_COEFFICIENTS = [1.0 / math.factorial(k) for k in range(17)]
_LARGEST_OWN_SIZE = 16
_FEWEST_OWN_MATRICES = 8
_MOST_SQUARINGS = 5


def expm(X: Any) -> Any:
    r"""The exponential :math:`\exp X = \sum_{k \ge 0} X^k / k!` of each matrix.

    Many small matrices are scaled, put into the Taylor polynomial of degree 16 and squared, all at once; large
    matrices, few matrices and matrices of large norm go through `scipy.linalg.expm`.

    Parameters
    ----------
    X : array of shape (..., n, n)
        Of NumPy or another library, whose own exponential is taken where it has one; real or complex, and the result
        is of its type.

    Examples
    --------
    >>> expm(np.array([[0.0, 1.0], [0.0, 0.0]]))
    array([[1., 1.],
           [0., 1.]])
    """
    if not isinstance(X, np.ndarray):
        return _expm_elsewhere(X)
    count = math.prod(X.shape[:-2])
    if count == 0:
        return np.zeros_like(X)
    if X.shape[-1] > _LARGEST_OWN_SIZE or count < _FEWEST_OWN_MATRICES:
        from scipy.linalg import expm as scipy_expm

        return scipy_expm(X)
    flat = X.reshape(count, *X.shape[-2:])
    norms = np.abs(flat).sum(axis=-2).max(axis=-1)
    with np.errstate(divide="ignore"):
        squarings = np.ceil(np.log2(norms / _DEGREE_16_RADIUS)).clip(min=0)
    large = squarings > _MOST_SQUARINGS
    if not large.any():
        return _scaled_taylor(flat, squarings.astype(int)).reshape(X.shape)
    result = np.empty_like(flat)
    result[~large] = _scaled_taylor(flat[~large], squarings[~large].astype(int))
    from scipy.linalg import expm as scipy_expm

    result[large] = scipy_expm(flat[large])
    return result.reshape(X.shape)


def _expm_elsewhere(X: Any) -> Any:
    """exp of the matrices of another library, by its own function or by one number of squarings for all of them."""
    xp = array_api.namespace(X)
    if hasattr(xp.linalg, "matrix_exp"):
        return xp.linalg.matrix_exp(X)
    largest = float(xp.max(xp.sum(xp.abs(X), axis=-2))) if math.prod(X.shape) else 0.0
    squarings = max(0, math.ceil(math.log2(max(largest, _DEGREE_16_RADIUS) / _DEGREE_16_RADIUS)))
    result = _taylor(array_api.identity(xp, X.shape[-1], X), X / 2.0**squarings)
    for _ in range(squarings):
        result = result @ result
    return result


def _scaled_taylor(X: Array, squarings: Array) -> Array:
    """exp of a stack, the k-th matrix halved `squarings[k]` times before and squared as often afterwards."""
    scale = np.exp2(-squarings)[:, None, None].astype(X.real.dtype)
    result = _taylor(np.eye(X.shape[-1], dtype=X.dtype), X * scale)
    for level in range(int(squarings.max(initial=0))):
        rest = squarings > level
        if rest.all():
            result = result @ result
        else:
            result[rest] = result[rest] @ result[rest]
    return result


def _taylor(one: Any, X: Any) -> Any:
    """The Taylor polynomial of degree 16 of exp, by Paterson and Stockmeyer's scheme."""
    c = _COEFFICIENTS
    X2 = X @ X
    X3, X4 = X2 @ X, X2 @ X2
    power = [one, X, X2, X3]

    def block(first: int) -> Any:
        """Four terms of the polynomial, from one power on."""
        return c[first] * power[0] + c[first + 1] * power[1] + c[first + 2] * power[2] + c[first + 3] * power[3]

    result = c[16] * X4 + block(12)
    for first in (8, 4, 0):
        result = result @ X4 + block(first)
    return result


def expm_frechet(X: Array, Y: Array) -> tuple[Array, Array]:
    r"""The exponential and its derivative :math:`L(X, Y) = \frac{d}{dt} \exp(X + tY)|_{t=0}`.

    They are read off one exponential, :math:`\exp\begin{pmatrix} X & Y \\ 0 & X \end{pmatrix}
    = \begin{pmatrix} \exp X & L(X, Y) \\ 0 & \exp X \end{pmatrix}`.

    Parameters
    ----------
    X, Y : arrays of shapes (..., n, n) that broadcast
        The point and the direction.

    Returns
    -------
    exponential, derivative : arrays of shape (..., n, n)

    Examples
    --------
    >>> exponential, derivative = expm_frechet(np.zeros((2, 2)), np.eye(2))
    >>> derivative
    array([[1., 0.],
           [0., 1.]])
    """
    X, Y = np.broadcast_arrays(X, Y)
    n = X.shape[-1]
    # The derivative is linear in Y, so Y takes the size of X or 1: a larger one would cost accuracy in squarings.
    scale = np.abs(Y).max(axis=(-2, -1), keepdims=True, initial=0.0)
    unit = np.abs(X).max(axis=(-2, -1), keepdims=True, initial=1.0)
    scale = np.where(scale > 0, scale, 1.0)
    block = np.zeros((*X.shape[:-2], 2 * n, 2 * n))
    block[..., :n, :n] = block[..., n:, n:] = X
    block[..., :n, n:] = Y / scale * unit
    whole = expm(block)
    return whole[..., :n, :n], whole[..., :n, n:] / unit * scale


def phi(X: Array) -> Array:
    r"""The entire function :math:`\varphi(X) = \int_0^1 \exp(sX)\,ds = \sum_{k \ge 0} X^k / (k+1)!` of each matrix.

    It is invertible unless :math:`X` has an eigenvalue :math:`2\pi i k` with an integer :math:`k \ne 0`.

    Examples
    --------
    >>> phi(np.zeros((2, 2)))
    array([[1., 0.],
           [0., 1.]])
    """
    n = X.shape[-1]
    block = np.zeros((*X.shape[:-2], 2 * n, 2 * n))
    block[..., :n, :n] = X
    block[..., :n, n:] = np.eye(n)
    return expm(block)[..., :n, n:]


def polar(A: Array) -> Array:
    r"""The orthogonal polar factor of each matrix, the orthogonal matrix nearest to it in the Frobenius norm.

    Raises
    ------
    InputError
        If a matrix is singular: it has more than one nearest orthogonal matrix.

    Examples
    --------
    >>> polar(np.array([[2.0, 0.0], [0.0, -3.0]]))
    array([[ 1.,  0.],
           [ 0., -1.]])
    """
    U, values, Vt = np.linalg.svd(A)
    _refuse_singular(values[..., -1], values[..., 0], kind="orthogonal matrix")
    return U @ Vt


def rotation_polar(A: Array) -> Array:
    """The orthogonal matrix of determinant 1 nearest to each matrix in the Frobenius norm.

    Raises
    ------
    InputError
        If a matrix has more than one nearest rotation.

    Examples
    --------
    >>> rotation_polar(np.array([[2.0, 0.0], [0.0, -1.0]]))
    array([[1., 0.],
           [0., 1.]])
    """
    U, values, Vt = np.linalg.svd(A)
    sign = np.where(np.linalg.det(U) * np.linalg.det(Vt) < 0, -1.0, 1.0)
    margin = values[..., -1] * sign + values[..., -2] if A.shape[-1] > 1 else np.ones(A.shape[:-2])
    _refuse_singular(margin, np.maximum(values[..., 0], np.finfo(float).tiny), kind="rotation")
    U = U.copy()
    U[..., :, -1] *= sign[..., None]
    return U @ Vt


def _refuse_singular(smallest: Array, largest: Array, *, kind: str) -> None:
    if (smallest <= 4 * np.finfo(float).eps * largest).any():
        raise InputError(
            f"there is no single nearest {kind}",
            why="the matrix is singular, so that several are equally near",
            cure="give a matrix nearer to the group",
        )


def form_polar(A: Array, form: Array, *, steps: int = 60) -> Array:
    r"""The factor of :math:`A` that preserves a bilinear form: :math:`S = A\,(A^* A)^{-1/2}` with :math:`A^* = M^{-1}
    A^{\mathsf T} M`.

    Newton's iteration :math:`S \leftarrow \frac12 (S + S^{-*})` converges to it whenever :math:`A^* A` has no
    eigenvalue on the closed negative half of the real line, in particular near the group.

    Parameters
    ----------
    A : array of shape (..., n, n)
    form : array of shape (n, n)
        The matrix :math:`M` of the form, invertible, symmetric or skew-symmetric.
    steps : int
        The most iterations.

    Raises
    ------
    InputError
        If the iteration does not settle.

    Source: N. J. Higham, D. S. Mackey, N. Mackey, F. Tisseur, "Computing the polar decomposition and the matrix sign
    decomposition in matrix groups", SIAM J. Matrix Anal. Appl. 25 (2004) 1178-1192.

    Examples
    --------
    >>> J = np.array([[0.0, 1.0], [-1.0, 0.0]])
    >>> form_polar(np.array([[2.0, 0.0], [0.0, 2.0]]), J)
    array([[1., 0.],
           [0., 1.]])
    """
    inverse_form = np.linalg.inv(form)
    S = A
    for _ in range(steps):
        try:
            new = 0.5 * (S + inverse_form @ np.linalg.inv(S).mT @ form)
        except np.linalg.LinAlgError:
            break
        if not np.isfinite(new).all():
            break
        change, size = np.abs(new - S).max(initial=0.0, axis=(-2, -1)), np.abs(new).max(initial=0.0, axis=(-2, -1))
        S = new
        if (change <= 1e-8 * size).all():  # the error is the square of that after one more step
            return 0.5 * (S + inverse_form @ np.linalg.inv(S).mT @ form)
    raise InputError(
        "there is no nearest matrix that preserves the form",
        why="A* A has an eigenvalue on the negative real axis or is singular, where the polar factor is not defined",
        cure="give a matrix nearer to the group",
    )
