r"""Retractions at E: the frame :math:`R(\bar B) E` for a horizontal :math:`\bar B`, from its columns D alone.

Both are computed from the head :math:`A = E^* D` and the small matrix :math:`Q = D_\perp^* D_\perp` of the tail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from manifolds.array_api import Array, Namespace, identity, inverse
from manifolds.form import Form
from manifolds.linalg import expm

Factors: TypeAlias = tuple[Array, Array]
"""Head of the new frame, and the small matrix by which the tail of D is multiplied."""


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

    Source: T. Bendokat, R. Zimmermann, "The real symplectic Stiefel and Grassmann manifolds", arXiv:2108.12447,
    Proposition 5.2, in other coordinates.
    """
    one = identity(xp, form.columns, D)
    C = one + 0.25 * form.tail_gram(D)
    if not flat:
        C -= 0.5 * form.head(D)
    C = inverse(xp, C)
    return 2.0 * C - one, C


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
    """
    Q, m = form.tail_gram(D), form.columns
    one = identity(xp, m, D)
    size = xp.sqrt(xp.max(xp.sum(xp.abs(Q), axis=-2, keepdims=True), axis=-1, keepdims=True))
    size = xp.where(size > 0, size, xp.ones_like(size))
    A = xp.zeros_like(Q) if flat else form.head(D)
    lower = xp.concat([one * size, xp.zeros_like(Q)], axis=-1)
    F = expm(xp.concat([xp.concat([A, -Q / size], axis=-1), lower], axis=-2))
    return F[..., :m, :m], F[..., m:, :m] / size


RETRACTIONS: dict[str, Callable[..., Factors]] = {"cayley": cayley, "geodesic": geodesic}
