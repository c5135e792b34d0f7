r"""The section at an orthonormal frame by one small inverse, and the Cayley transform from there.

The block reflection with :math:`P = E + Y` and :math:`K = \frac12 (P^* P + Y_h^* - Y_h)`, for the head :math:`Y_h`, has
:math:`K = I + Y_h^*` where :math:`Y^* Y = I`: products with gradients and steps need neither P nor its Gram matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import final

import numpy as np

from manifolds.array_api import (
    Array,
    Namespace,
    copied,
    identity,
    inverse,
    is_within,
    namespace,
    precision,
    quick_inverse,
)
from manifolds.form import DefiniteForm, Form
from manifolds.retractions import LONG, retracted
from manifolds.section import ReflectionSection, Section

_SHORT = 0.4  # (1 + 0.4)^2 - 1 is below 1: up to here the error of the frame shrinks without being known
_ROUNDING = 1e3  # in units of the precision: an error of a frame above this is not one of rounding


def one_stage_section(xp: Namespace, form: Form, Y: Array) -> ReflectionSection:
    """The section with S = -I, and P = E + Y: the sign of P does not matter."""
    head = form.head(Y)
    P = form.set_head(copied(xp, Y), head + identity(xp, form.columns, Y))
    return ReflectionSection(form, P, inverse(xp, 0.5 * (form.pair(P, P) + form.star(head) - head)))


def frame_section(xp: Namespace, form: DefiniteForm, Y: Array) -> FrameSection:
    """The same section, at an orthonormal frame."""
    one = identity(xp, form.columns, Y)
    return FrameSection(form, Y, one, quick_inverse(xp, one + form.star(form.head(Y))))


def is_frame(xp: Namespace, Y: Array) -> bool:
    """Whether Y is an orthonormal frame up to rounding, as far as one direction tells; what it misses is harmless.

    Examples
    --------
    >>> is_frame(np, np.array([[0.6], [0.8]])), is_frame(np, np.array([[0.6], [0.8000001]]))
    (True, False)
    """
    x, square = _direction(Y.shape[-1])
    bound = _ROUNDING * precision(xp, Y) * square
    image = Y @ xp.asarray(x, dtype=Y.dtype, device=Y.device)
    if xp is np and Y.ndim == 2:
        return bool(abs(np.vdot(image, image).real - square) <= bound)
    return bool(xp.all(xp.abs(xp.sum(xp.abs(image) ** 2, axis=(-2, -1)) - square) <= bound))


@cache
def _direction(size: int) -> tuple[Array, float]:
    """A column without zeros or pattern, and its square."""
    x = np.cos(np.arange(1.0, size + 1))[:, None]
    return x, float(np.vdot(x, x))


@final
@dataclass(frozen=True, eq=False)
class FrameSection(Section):
    r"""The section :math:`\lambda = (I - P K^{-1} P^*)\,\mathrm{diag}(-I, I)` at an orthonormal frame on the host.

    Parameters
    ----------
    form : DefiniteForm
    Y : array of shape (..., R, m)
    one : array of shape (m, m)
        The identity.
    inverse : array of shape (..., m, m)
        The inverse of :math:`I + Y_h^*`.

    Examples
    --------
    >>> import numpy as np
    >>> from manifolds.form import OrthogonalForm
    >>> section = frame_section(np, OrthogonalForm(2, 1), np.array([[0.6], [0.8]]))
    >>> section.cayley(np.array([[0.0], [2.0]]), flat=True).round(12)
    array([[-0.8],
           [ 0.6]])
    """

    form: DefiniteForm
    Y: Array
    one: Array
    inverse: Array

    @cached_property
    def reflection(self) -> ReflectionSection:
        """The section as a block reflection, which lies in the group whatever the error of the frame is."""
        return one_stage_section(namespace(self.Y), self.form, self.Y)

    def apply(self, V: Array) -> Array:
        """The section times V, which is overwritten."""
        return self.reflection.apply(V)

    def solve(self, X: Array) -> Array:
        """The inverse of the section times X."""
        return self.reflection.solve(X)

    def pull_back(self, G: Array) -> Array:
        r"""The (conjugate) transpose times G, which is :math:`G - Y K^{-*} P^* G` with the head :math:`Y^* G`."""
        form = self.form
        head = form.pair(self.Y, G)
        T = self.Y @ -(form.star(self.inverse) @ (head + form.head(G)))
        T += G
        return form.set_head(T, head)

    def conditioning(self) -> Array:
        """The spectral norm of the inverse."""
        return namespace(self.Y).linalg.matrix_norm(self.inverse, ord=2)

    def cayley(self, D: Array, *, flat: bool) -> Array:
        r"""The section times the Cayley transform of the step D.

        With :math:`C = I - \frac12 A + \frac14 Q` for the head A and the Gram matrix :math:`Q = D_\perp^* D_\perp` of
        the tail, and :math:`b = K^{-1} Y_\perp^* D_\perp`, the new frame is

        .. math:: \Bigl(Y R + \begin{pmatrix} -b \\ D_\perp \end{pmatrix}\Bigr) C^{-1},\qquad R = 2I - C - b.

        If :math:`Y^* Y = I + F`, the Gram matrix of the bracket is :math:`(2I - C)^* (2I - C) + Q + R^* F R`, and that
        is :math:`C^* C` when :math:`Q + R^* F R` stands for Q in C: then the new frame has no such error. In a short
        step R is near I, and :math:`Q + F` is the Gram matrix of :math:`(Y_h, Y_\perp + D_\perp)` without its mixed
        terms and I: one Gram matrix serves both the step and the correction. In a longer step F is computed too.

        Parameters
        ----------
        D : array of shape (..., R, m)
        flat : bool
            Whether the head is zero.
        """
        form, Y, one, xp = self.form, self.Y, self.one, namespace(D)
        tail = form.tail(D)
        mixed = form.transpose(form.tail(Y)) @ tail
        b = self.inverse @ mixed
        turn = self._sum_gram(D) - one
        turn -= mixed + form.star(mixed)
        turn *= 0.25
        if not flat:
            turn -= 0.5 * form.head(D)
        away = turn + b  # C - I and I - R
        if not is_within(xp, away, _SHORT):
            if xp.any(xp.abs(one + turn) > LONG):
                return self.apply(retracted(form, D, retraction="cayley", flat=flat))
            R, F = one - away, form.pair(Y, Y) - one
            correction = 0.25 * (form.star(R) @ F @ R - F)
            turn, away = turn + correction, away + correction
        moved = Y @ (one - away)
        moved[..., : form.n, :] -= b
        moved[..., form.n :, :] += tail
        return moved @ quick_inverse(xp, one + turn)

    def _sum_gram(self, D: Array) -> Array:
        """The Gram matrix of the frame with the tail of D added to its own; the tall sum is free again afterwards."""
        both = self.form.set_head(self.Y + D, self.form.head(self.Y))
        return self.form.pair(both, both)
