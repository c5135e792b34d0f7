"""Random frames, and the frame next to a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from manifolds.array_api import Array, Namespace, identity, inverse, namespace
from manifolds.errors import InputError
from manifolds.form import Form
from manifolds.sections import real_form
from manifolds.vector_spaces import gaussian

_STEPS = 40


def random_frame(form: Form, rng: np.random.Generator, axes: tuple[int, ...]) -> Any:
    """Uniformly distributed orthonormal frames; unitary ones in real form for the symplectic form.

    Examples
    --------
    >>> from manifolds.form import OrthogonalForm
    >>> Y = random_frame(OrthogonalForm(5, 2), np.random.default_rng(0), ())
    >>> (Y.T @ Y).round(12) + 0.0
    array([[1., 0.],
           [0., 1.]])
    """
    field = "complex" if form.copies == 2 else form.field
    Q, R = np.linalg.qr(gaussian(rng, (*axes, form.N, form.n), field))
    diagonal = np.diagonal(R, axis1=-2, axis2=-1)
    Q = Q * (diagonal / np.abs(diagonal))[..., None, :]  # the factor with a positive diagonal is uniform
    return real_form(np, Q) if form.copies == 2 else Q


def closest_frame(form: Form, Y: Array) -> Array:
    r"""The factor :math:`Y (Y^* Y)^{-1/2}`, the nearest frame where the form is definite.

    Raises
    ------
    InputError
        If Y* Y is singular, or has an eigenvalue on the negative half of the real line.

    Examples
    --------
    >>> from manifolds.form import OrthogonalForm
    >>> closest_frame(OrthogonalForm(2, 1), np.array([[3.0], [4.0]]))
    array([[0.6],
           [0.8]])
    """
    xp = namespace(Y)
    if form.copies == 1:
        U, values, V = xp.linalg.svd(Y, full_matrices=False)
        if bool(xp.any(values[..., -1] <= 4 * xp.finfo(Y.dtype).eps * values[..., 0])):
            raise _no_frame("its columns depend on each other, so that several frames are equally near")
        return U @ V
    root = _inverse_root(xp, form.pair(Y, Y))
    one = identity(xp, form.columns, Y)
    Y = Y @ root
    for _ in range(2):  # Newton steps, which square what rounding left
        Y = Y @ (1.5 * one - 0.5 * form.pair(Y, Y))
    return Y


def _inverse_root(xp: Namespace, X: Array) -> Array:
    """X^(-1/2) by Newton's iteration in its product form.

    Source: E. D. Denman, A. N. Beavers, "The matrix sign function and computations in systems", Appl. Math. Comput. 2
    (1976) 63-94.
    """
    A, B = X, identity(xp, X.shape[-1], X) + 0 * X
    bound = 100 * X.shape[-1] * xp.finfo(X.dtype).eps
    for _ in range(_STEPS):
        A, B, old = 0.5 * (A + inverse(xp, B)), 0.5 * (B + inverse(xp, A)), B
        change, size = (xp.linalg.matrix_norm(M) for M in (B - old, B))
        if not bool(xp.all(xp.isfinite(change))):
            break
        if bool(xp.all(change <= bound * size)):
            return B
    raise _no_frame("Y* Y is singular or has a negative eigenvalue, where the factor is not defined")


def _no_frame(reason: str) -> InputError:
    """No frame is near."""
    return InputError(
        "there is no single frame near to Y", why=reason, cure="give a matrix nearer to the space, or space.random(rng)"
    )
