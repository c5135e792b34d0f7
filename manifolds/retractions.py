r"""Retractions at E: the frame :math:`R(\bar B) E` for a horizontal :math:`\bar B`, from its columns D alone.

Both are computed from the head :math:`A = E^* D` and the small matrix :math:`Q = D_\perp^* D_\perp` of the tail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from manifolds.array_api import Array, Namespace, identity, inverse, namespace, on_host
from manifolds.form import Form
from manifolds.linalg import expm

Factors: TypeAlias = tuple[Array, Array, Array]
"""Head of the new frame, the small matrix by which the tail of D is multiplied, and one that tells how long D is."""

LONG = 4.0
"""The largest entry of the small matrix for which rounding needs no correction."""


def cayley(xp: Namespace, form: Form, D: Array, *, flat: bool) -> Factors:
    r"""The columns of the Cayley transform :math:`(I - \frac12 \bar B)^{-1} (I + \frac12 \bar B)`.

    With :math:`C = I - \frac12 A + \frac14 Q` they are :math:`2 C^{-1} - I` and :math:`D_\perp C^{-1}`.

    Parameters
    ----------
    xp : array library
    form : Form
    D : array of shape (..., R, m)
    flat : bool
        Whether the head is zero.

    Source: T. Bendokat, R. Zimmermann, "The real symplectic Stiefel and Grassmann manifolds: metrics, geodesics and
    applications", arXiv:2108.12447, Proposition 5.2, in other coordinates.

    Examples
    --------
    >>> import numpy as np
    >>> from manifolds.form import OrthogonalForm
    >>> head, factor, _ = cayley(np, OrthogonalForm(2, 1), np.array([[0.0], [2.0]]), flat=True)
    >>> head, factor
    (array([[0.]]), array([[0.5]]))
    """
    one = identity(xp, form.columns, D)
    C = one + 0.25 * form.tail_gram(D)
    if not flat:
        C -= 0.5 * form.head(D)
    inverted = inverse(xp, C)
    return 2.0 * inverted - one, inverted, C


def geodesic(xp: Namespace, form: Form, D: Array, *, flat: bool) -> Factors:
    r"""The columns of the exponential :math:`\exp \bar B`.

    With :math:`F = \exp \begin{pmatrix} A & -Q \\ I & 0 \end{pmatrix}` they are :math:`F_{11}` and
    :math:`D_\perp F_{21}`. The matrix is balanced first: its norm is then about that of D, not of its square.

    Parameters
    ----------
    xp : array library
    form : Form
    D : array of shape (..., R, m)
    flat : bool
        Whether the head is zero.

    Examples
    --------
    >>> import numpy as np
    >>> from manifolds.form import OrthogonalForm
    >>> head, factor, _ = geodesic(np, OrthogonalForm(2, 1), np.array([[0.0], [np.pi / 2]]), flat=True)
    >>> head.round(12) + 0.0, (factor * np.pi / 2).round(12)
    (array([[0.]]), array([[1.]]))
    """
    Q, m = form.tail_gram(D), form.columns
    one = identity(xp, m, D)
    size = xp.sqrt(xp.max(xp.sum(xp.abs(Q), axis=-2, keepdims=True), axis=-1, keepdims=True))
    size = xp.where(size > 0, size, xp.ones_like(size))
    A = xp.zeros_like(Q) if flat else form.head(D)
    lower = xp.concat([one * size, xp.zeros_like(Q)], axis=-1)
    whole = xp.concat([xp.concat([A, -Q / size], axis=-1), lower], axis=-2)
    F = expm(whole)
    return F[..., :m, :m], F[..., m:, :m] / size, whole


RETRACTIONS: dict[str, Callable[..., Factors]] = {"cayley": cayley, "geodesic": geodesic}


def retracted(form: Form, D: Array, *, retraction: str, flat: bool) -> Array:
    """The frame to which the step D leads from E.

    After a long step, which no optimizer should make, two Newton steps take back what rounding did to an orthonormal
    frame; where the numbers cannot be looked at without waiting for a device, they are left out.

    Parameters
    ----------
    form : Form
    D : array of shape (..., R, m)
    retraction : "cayley" or "geodesic"
    flat : bool
        Whether the head is zero.

    Examples
    --------
    >>> import numpy as np
    >>> from manifolds.form import OrthogonalForm
    >>> D = np.array([[0.0], [np.pi / 2]])
    >>> retracted(OrthogonalForm(2, 1), D, retraction="geodesic", flat=True).round(12) + 0.0
    array([[0.],
           [1.]])
    """
    xp = namespace(D)
    head, factor, size = RETRACTIONS[retraction](xp, form, D, flat=flat)
    V = form.set_head(D @ factor, head)
    if form.copies == 1 and on_host(D) and xp.any(xp.abs(size) > LONG):
        one = identity(xp, form.columns, D)
        for _ in range(2):
            V = V @ (1.5 * one - 0.5 * form.pair(V, V))
    return V
