"""Principal logarithms, batched: of rotations and unitary matrices by their planes, of any matrix by square roots."""

from __future__ import annotations

from typing import Any

import numpy as np

from manifolds.checks import Array, place
from manifolds.errors import InputError
from manifolds.linalg import expm

CUT = 1e-12
"""A rotation by an angle nearer to pi than this has no logarithm that its entries determine."""

NEGATIVE_AXIS = 1e-10
"""An eigenvalue of negative real part counts as negative when its imaginary part is smaller than this, relatively."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_MOST_ROOTS = 60


def so_log(R: Array) -> Array:
    r"""The principal logarithm of rotations: skew-symmetric, with eigenvalues :math:`i\theta`, :math:`|\theta| < \pi`.

    For two rows the angle, for three the unit quaternion, for more the rotation planes of :math:`R`: they are those of
    the polar factor of :math:`I + R`, which is :math:`R^{1/2}`, and their angles are read off :math:`R` itself, so that
    angles near :math:`\pi` and near 0 are as exact as the entries.

    Parameters
    ----------
    R : array of shape (..., n, n)
        Orthogonal matrices of determinant 1.

    Raises
    ------
    InputError
        If a rotation has the eigenvalue -1.

    Examples
    --------
    >>> so_log(np.array([[0.0, -1.0], [1.0, 0.0]])).round(4)
    array([[ 0.    , -1.5708],
           [ 1.5708,  0.    ]])
    """
    n = R.shape[-1]
    if n == 1:
        return np.zeros_like(R)
    if n == 2:
        return _plane_log(R)
    if n == 3:
        return _space_log(R)
    logarithm = unitary_log(R).real
    return 0.5 * (logarithm - logarithm.mT)


def _plane_log(R: Array) -> Array:
    angle = np.arctan2(R[..., 1, 0] - R[..., 0, 1], R[..., 0, 0] + R[..., 1, 1])
    _refuse_half_turn(np.pi - np.abs(angle))
    result = np.zeros(R.shape)
    result[..., 0, 1], result[..., 1, 0] = -angle, angle
    return result


def _space_log(R: Array) -> Array:
    """By the unit quaternion (w, v) of each rotation, computed from the largest of its four squares."""
    diagonal = np.diagonal(R, axis1=-2, axis2=-1)
    trace = diagonal.sum(axis=-1)
    squares = np.concatenate([trace[..., None], diagonal], axis=-1)
    largest = squares.argmax(axis=-1)
    a, b, c = R[..., 2, 1] - R[..., 1, 2], R[..., 0, 2] - R[..., 2, 0], R[..., 1, 0] - R[..., 0, 1]
    p, q, r = R[..., 1, 0] + R[..., 0, 1], R[..., 0, 2] + R[..., 2, 0], R[..., 2, 1] + R[..., 1, 2]
    x, y, z = diagonal[..., 0], diagonal[..., 1], diagonal[..., 2]
    rows = [(1 + trace, a, b, c), (a, 1 + x - y - z, p, q), (b, p, 1 + y - x - z, r), (c, q, r, 1 + z - x - y)]
    quaternion = np.choose(largest, [np.stack(row) for row in rows]) if R.ndim > 2 else np.stack(rows[int(largest)])
    real, vector = quaternion[0], np.moveaxis(quaternion[1:], 0, -1)
    flip = np.where(real < 0, -1.0, 1.0)
    length = np.sqrt((vector * vector).sum(axis=-1))
    half = np.arctan2(length, np.abs(real))
    _refuse_half_turn(np.pi - 2 * half)
    axis = vector * (flip * 2 * half / np.where(length > 0, length, 1.0))[..., None]
    result = np.zeros(R.shape)
    result[..., 2, 1], result[..., 0, 2], result[..., 1, 0] = axis[..., 0], axis[..., 1], axis[..., 2]
    return result - result.mT


def _refuse_half_turn(margin: Array) -> None:
    near = np.asarray(margin) < CUT
    if near.any():
        index = tuple(int(i) for i in np.argwhere(near)[0])
        raise InputError(
            f"the matrix{place(index)} has no principal logarithm: it has the eigenvalue -1",
            why="a rotation by the angle pi is the exponential of two different matrices of angle pi, X and -X",
            cure="compose it with a small rotation first, or take the logarithms of its factors",
        )


def unitary_log(Z: Any) -> Any:
    r"""The principal logarithm of unitary matrices: skew-Hermitian, with eigenvalues :math:`i\theta`, :math:`|\theta| <
    \pi`.

    Parameters
    ----------
    Z : real or complex array of shape (..., n, n)

    Raises
    ------
    InputError
        If a matrix has the eigenvalue -1.

    Examples
    --------
    >>> unitary_log(np.array([[1j]])).imag.round(4)
    array([[1.5708]])
    """
    angles, vectors = unitary_angles(Z)
    _refuse_half_turn(np.pi - np.abs(angles).max(axis=-1))
    return from_angles(angles, vectors)


def unitary_angles(Z: Any) -> tuple[Array, Any]:
    r"""Angles :math:`\theta_j \in (-\pi, \pi]` and orthonormal eigenvectors of unitary matrices: :math:`Z v_j =
    e^{i\theta_j} v_j`.

    The vectors are those of the Hermitian matrix :math:`-i(Q - 1)(Q + 1)^{-1}`, of norm at most 1, where :math:`Q =
    Z^{1/2}` is the polar factor of :math:`1 + Z`; the angles are those of the numbers :math:`v_j^{\mathsf H} Z v_j`.

    Examples
    --------
    >>> angles, vectors = unitary_angles(np.diag([1.0, 1.0j]))
    >>> angles.round(4)
    array([0.    , 1.5708])
    """
    one = np.eye(Z.shape[-1])
    U, _, Vh = np.linalg.svd(one + Z)
    Q = U @ Vh
    K = -1j * np.linalg.solve((one + Q).mT, (Q - one).mT).mT
    _, vectors = np.linalg.eigh(0.5 * (K + K.conj().mT))
    values = (vectors.conj() * (Z @ vectors)).sum(axis=-2)
    return np.angle(values), vectors


def from_angles(angles: Array, vectors: Any) -> Any:
    r"""The skew-Hermitian matrix :math:`\sum_j i\theta_j\, v_j v_j^{\mathsf H}`.

    Examples
    --------
    >>> from_angles(np.array([1.0, 2.0]), np.eye(2)).imag
    array([[1., 0.],
           [0., 2.]])
    """
    return (vectors * (1j * angles)[..., None, :]) @ vectors.conj().mT


def logm(A: Array) -> Array:
    r"""The principal logarithm of real matrices: the one with eigenvalues of imaginary part in :math:`(-\pi, \pi)`.

    Square roots by the product form of the Denman-Beavers iteration until :math:`A^{1/2^k}` is near the identity, then
    :math:`\log(1 + E) = \int_0^1 E\,(1 + xE)^{-1}\,dx` by Gauss's rule with 8 nodes, which is the Padé approximant.

    Parameters
    ----------
    A : array of shape (..., n, n)

    Returns
    -------
    array of shape (..., n, n)
        Poor or not a number where the iteration fails, for eigenvalues of very different size; see `log_error`.

    Raises
    ------
    InputError
        If a matrix has an eigenvalue on the closed negative real axis; the eigenvalue is named.

    Source: N. J. Higham, "Functions of Matrices", SIAM 2008, chapters 6 and 11.

    Examples
    --------
    >>> logm(np.array([[1.0, 1.0], [0.0, 1.0]]))
    array([[0., 1.],
           [0., 0.]])
    """
    refuse_negative_eigenvalues(A)
    one = np.eye(A.shape[-1])
    flat = A.reshape(-1, *A.shape[-2:]).copy()
    roots = np.zeros(len(flat), dtype=int)
    for _ in range(_MOST_ROOTS):
        far = np.abs(flat - one).sum(axis=-2).max(axis=-1) > 0.25
        if not far.any():
            break
        flat[far] = _square_roots(flat[far])
        roots[far] += 1
    E = flat - one
    result = sum(
        0.5 * weight * np.linalg.solve(one + 0.5 * (node + 1) * E, E)
        for node, weight in zip(_NODES, _WEIGHTS, strict=True)
    )
    return (result * np.exp2(roots)[:, None, None]).reshape(A.shape)


def _square_roots(A: Array) -> Array:
    """The principal square roots of a stack; not a number where the iteration breaks down."""
    one = np.eye(A.shape[-1])
    M, X = A, A
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _ in range(30):
            try:
                inverse = np.linalg.inv(M)
            except np.linalg.LinAlgError:
                return np.full_like(A, np.nan)
            X = 0.5 * X @ (one + inverse)
            M = 0.5 * (one + 0.5 * (M + inverse))
            if not (np.abs(M - one).max() > 1e-15 * A.shape[-1]):
                break
    return X


def refuse_negative_eigenvalues(A: Array) -> None:
    """Raise `InputError` and name the eigenvalue, if a matrix has one on the closed negative real axis.

    Examples
    --------
    >>> refuse_negative_eigenvalues(np.eye(2))
    """
    values = np.linalg.eigvals(A)
    size = np.abs(values)
    negative = (size == 0) | ((values.real < 0) & (np.abs(values.imag) <= NEGATIVE_AXIS * size))
    if negative.any():
        index = tuple(int(i) for i in np.argwhere(negative)[0])
        raise InputError(
            f"the matrix{place(index[:-1])} has no principal logarithm: it has the eigenvalue {values[index].real:.6g}",
            why="the principal logarithm exists for matrices without eigenvalues on the closed negative real axis",
            cure="write it as a product of matrices nearer to the identity and take their logarithms",
        )


def log_error(X: Array, g: Array) -> Array:
    r"""How far :math:`\exp X` is from :math:`g`: :math:`\max|\exp X - g| / \max|g|` for each matrix.

    Examples
    --------
    >>> float(log_error(np.zeros((2, 2)), np.eye(2)))
    0.0
    """
    finite = np.where(np.isfinite(X), X, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.abs(expm(finite) - g).max(axis=(-2, -1)) / np.abs(g).max(axis=(-2, -1))
    return np.where(np.isfinite(X).all(axis=(-2, -1)) & np.isfinite(error), error, np.inf)
