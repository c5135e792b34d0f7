"""Lengths of shortest geodesics, where a formula is known; accurate for small distances and for large ones."""

from __future__ import annotations

from manifolds.array_api import Array, identity, namespace
from manifolds.form import Form


def subspace_distance(form: Form, X: Array, Y: Array) -> Array:
    """The norm of the principal angles of the subspaces that two orthonormal frames span.

    Source: A. Bjorck, G. H. Golub, "Numerical methods for computing angles between linear subspaces", Math. Comp. 27
    (1973) 579-594.

    Examples
    --------
    >>> import numpy as np
    >>> from manifolds.form import OrthogonalForm
    >>> subspace_distance(OrthogonalForm(2, 1), np.array([[1.0], [0.0]]), np.array([[0.0], [1.0]])) / np.pi
    np.float64(0.5)
    """
    xp = namespace(X)
    overlap = form.pair(X, Y)
    angles = xp.atan2(
        xp.flip(xp.linalg.svdvals(Y - X @ overlap), axis=-1), xp.linalg.svdvals(overlap)
    )  # sines increase as cosines decrease
    return xp.sqrt(xp.sum(angles**2, axis=-1))


def group_distance(form: Form, X: Array, Y: Array) -> Array:
    """The norm of the rotation angles of X* Y times the root of 1/2; infinite between components.

    Examples
    --------
    >>> import numpy as np
    >>> from manifolds.form import OrthogonalForm
    >>> quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    >>> group_distance(OrthogonalForm(2, 2), np.eye(2), quarter) / np.pi
    np.float64(0.5)
    """
    xp = namespace(X)
    turn = form.pair(X, Y)
    one = identity(xp, form.n, X)
    sines, cosines = xp.linalg.svdvals(turn - one), xp.linalg.svdvals(turn + one)
    angles = 2 * xp.atan2(sines, xp.flip(cosines, axis=-1))
    length = xp.sqrt(0.5 * xp.sum(angles**2, axis=-1))
    if form.field == "complex":
        return length
    return xp.where(xp.linalg.det(turn) > 0, length, float("inf") * xp.ones_like(length))


def sphere_distance(X: Array, Y: Array) -> Array:
    """The angle between two unit vectors.

    Examples
    --------
    >>> import numpy as np
    >>> sphere_distance(np.array([[1.0], [0.0]]), np.array([[-1.0], [0.0]])) / np.pi
    np.float64(1.0)
    """
    xp = namespace(X)
    return 2 * xp.atan2(xp.linalg.matrix_norm(X - Y), xp.linalg.matrix_norm(X + Y))
