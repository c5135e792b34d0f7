r"""The transported section: :math:`\Lambda \leftarrow \Lambda R(\bar B)`, a matrix of the size of the group.

It is the section of the original algorithm. Its cost is proportional to the square of the number of rows; the closed
section has none of it.
"""

from __future__ import annotations

from manifolds.array_api import Array, identity, inverse, namespace
from manifolds.form import Form
from manifolds.linalg import expm
from manifolds.sections import MatrixSection, closed_section


def dense_section(form: Form, Y: Array) -> MatrixSection:
    """The closed section as a matrix of shape (..., R, R).

    Examples
    --------
    >>> import numpy as np
    >>> from manifolds.form import OrthogonalForm
    >>> dense_section(OrthogonalForm(2, 1), np.array([[0.6], [0.8]])).matrix.round(12)
    array([[ 0.6, -0.8],
           [ 0.8,  0.6]])
    """
    xp = namespace(Y)
    start = identity(xp, form.rows, Y) + xp.zeros((*Y.shape[:-2], 1, 1), dtype=Y.dtype, device=Y.device)
    return MatrixSection(form, closed_section(form, Y).apply(start))


def frame(form: Form, like: Array) -> Array:
    """The frame E, once for each matrix of a batch.

    Examples
    --------
    >>> import numpy as np
    >>> from manifolds.form import SymplecticForm
    >>> frame(SymplecticForm(2, 1), np.zeros((4, 2))).T
    array([[1., 0., 0., 0.],
           [0., 0., 1., 0.]])
    """
    xp = namespace(like)
    return form.set_head(xp.zeros_like(like), identity(xp, form.columns, like))


def horizontal_element(form: Form, D: Array) -> Array:
    r"""The element :math:`\bar B = D E^* - E D^* - E (E^* D) E^*` of the Lie algebra that has the columns D.

    Examples
    --------
    >>> import numpy as np
    >>> from manifolds.form import OrthogonalForm
    >>> horizontal_element(OrthogonalForm(2, 1), np.array([[0.0], [2.0]]))
    array([[ 0., -2.],
           [ 2.,  0.]])
    """
    left, right = _factors(form, D)
    return left @ right


def _factors(form: Form, D: Array) -> tuple[Array, Array]:
    """The columns [D, E] and the rows [E*; -D* - A E*], of which the element is the product."""
    xp = namespace(D)
    E, one = frame(form, D), identity(xp, form.rows, D)
    rows = form.pair(E, one + xp.zeros_like(D[..., :1, :1]))
    below = -form.pair(D, one) - form.head(D) @ rows
    return xp.concat([D, E], axis=-1), xp.concat([rows, below], axis=-2)


def transported(form: Form, matrix: Array, W: Array, *, retraction: str) -> tuple[Array, Array]:
    r"""The frame after a step, and the section :math:`\Lambda R(\bar B)` there.

    Parameters
    ----------
    form : Form
    matrix : array of shape (..., R, R)
        The section before the step.
    W : array of shape (..., R, m)
        The step, horizontal.
    retraction : "cayley" or "geodesic"

    Source: B. Brantner, "Generalizing Adam to Manifolds for Efficiently Training Transformers", arXiv:2305.16901.

    Examples
    --------
    >>> import numpy as np
    >>> from manifolds.form import OrthogonalForm
    >>> Y, section = transported(OrthogonalForm(2, 1), np.eye(2), np.array([[0.0], [np.pi / 2]]), retraction="geodesic")
    >>> Y.round(12) + 0.0
    array([[0.],
           [1.]])
    """
    xp = namespace(W)
    left, right = _factors(form, W)
    small = right @ left
    one = identity(xp, 2 * form.columns, W)
    if retraction == "cayley":
        middle = inverse(xp, one - 0.5 * small)
    else:
        upper = xp.concat([small, one + 0 * small], axis=-1)
        middle = expm(xp.concat([upper, xp.zeros_like(upper)], axis=-2))[..., : small.shape[-1], small.shape[-1] :]
    moved = matrix + (matrix @ left) @ (middle @ right)
    E = frame(form, W)
    return moved @ E, moved
