r"""Sections: for a frame Y, an element :math:`\lambda(Y)` of the group with :math:`\lambda(Y) E = Y`, in closed form.

No section is stored as a matrix of the size of the group, except the one that is carried along. A section acts on tall
matrices by products whose cost is proportional to their number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from manifolds.array_api import Array, Namespace, identity, inverse, is_within, namespace, on_host
from manifolds.form import DefiniteForm, Form
from manifolds.frame_section import frame_section, is_frame, one_stage_section
from manifolds.section import ReflectionSection, Section

_WORST = 100.0  # the largest entry of K^-1 for which the one-stage section is kept


@final
@dataclass(frozen=True, eq=False)
class MatrixSection(Section):
    """A section that is a matrix: the frame itself where it is a group element, or one that is carried along.

    Parameters
    ----------
    form : Form
    matrix : array of shape (..., R, R)
    """

    form: Form
    matrix: Array

    def apply(self, V: Array) -> Array:
        """The matrix times V."""
        return self.matrix @ V

    def solve(self, X: Array) -> Array:
        """The adjoint of the matrix times X."""
        return self.form.pair(self.matrix, X)

    def pull_back(self, G: Array) -> Array:
        """The (conjugate) transpose of the matrix times G."""
        return self.form.transpose(self.matrix) @ G

    def conditioning(self) -> Array:
        """The spectral norm of the matrix."""
        return namespace(self.matrix).linalg.matrix_norm(self.matrix, ord=2)


@final
@dataclass(frozen=True, eq=False)
class ComposedSection(Section):
    """The product of two sections.

    Parameters
    ----------
    first, second : Section
        The factors, from left to right.
    """

    first: ReflectionSection
    second: ReflectionSection

    def apply(self, V: Array) -> Array:
        """The product times V, which is overwritten."""
        return self.first.apply(self.second.apply(V))

    def solve(self, X: Array) -> Array:
        """The inverse of the product times X."""
        return self.second.solve(self.first.solve(X))

    def pull_back(self, G: Array) -> Array:
        """The transpose of the product times G."""
        return self.second.pull_back(self.first.pull_back(G))

    def conditioning(self) -> Array:
        """The larger of both."""
        return namespace(self.second.P).maximum(self.first.conditioning(), self.second.conditioning())


def closed_section(form: Form, Y: Array, *, look: bool = False, reflect: bool = False) -> Section:
    """The section in closed form: it depends on Y alone.

    Parameters
    ----------
    form : Form
    Y : array of shape (..., R, m)
    look : bool
        Whether to look at numbers, to keep away from singularities, even if that means to wait for a device.
    reflect : bool
        Whether steps will be made by the block reflection itself, as after the exponential.

    Source: B. Brantner, "Generalizing Adam to Manifolds for Efficiently Training Transformers", arXiv:2305.16901, for
    the use of sections; block reflections after R. Schreiber, B. Parlett, "Block reflectors: theory and computation",
    SIAM J. Numer. Anal. 25 (1988) 189-205.

    Examples
    --------
    >>> import numpy as np
    >>> from manifolds.form import OrthogonalForm
    >>> Y = np.array([[0.6], [0.0], [0.8]])
    >>> closed_section(OrthogonalForm(3, 1), Y).apply(np.array([[1.0], [0.0], [0.0]])).round(12)
    array([[0.6],
           [0. ],
           [0.8]])
    """
    xp = namespace(Y)
    if form.n == form.N:
        return group_section(xp, form, Y)
    if not isinstance(form, DefiniteForm):
        return two_stage_section(xp, form, Y, look=look)
    if _has_room(form) and on_host(Y) and not reflect:
        section = frame_section(xp, form, Y)
        small = is_within(xp, section.inverse, _WORST) or bool(xp.all(xp.abs(section.inverse) <= _WORST))
        if small and is_frame(xp, Y):
            return section
    return reflection_section(xp, form, Y, look=look)


def _has_room(form: Form) -> bool:
    """Whether the one-stage section is singular on so thin a set that it is used away from it."""
    return form.N - form.n >= max(form.n, 4)


def group_section(xp: Namespace, form: Form, Y: Array) -> MatrixSection:
    """Y itself where frames are group elements, after one Newton step towards the group so that no error grows."""
    return MatrixSection(form, Y @ (1.5 * identity(xp, form.columns, Y) - 0.5 * form.pair(Y, Y)))


def reflection_section(xp: Namespace, form: Form, Y: Array, *, look: bool) -> ReflectionSection:
    """One stage, for orthonormal frames: S = -I, or the polar variant where that would be ill conditioned.

    The one-stage section is singular where the head of Y has the eigenvalue -1, a set of codimension N - n. It is used
    where that is at least n and at least 4, and replaced near the set if the numbers can be looked at without waiting
    for a device. The polar variant has an inverse of K of norm at most 1 everywhere.
    """
    if not _has_room(form):
        return polar_section(xp, form, Y)
    section = one_stage_section(xp, form, Y)
    if not (look or on_host(Y)):
        return section
    good = xp.max(xp.abs(section.inverse), axis=(-2, -1)) <= _WORST
    if xp.all(good):
        return section
    other, good = polar_section(xp, form, Y), good[..., None, None]
    S = xp.where(good, -identity(xp, form.columns, Y), other.S)
    P = xp.where(good, -section.P, other.P)
    return ReflectionSection(form, P, xp.where(good, section.inverse, other.inverse), S)


def polar_section(xp: Namespace, form: Form, Y: Array) -> ReflectionSection:
    """The section with S = -U for the polar factor U of the head of Y; then K is at least I, for orthonormal frames."""
    head = form.head(Y)
    S = -unitary_factor(xp, form, head)
    P = form.set_head(-Y, S - head)
    turned = form.star(head) @ S
    return ReflectionSection(form, P, inverse(xp, 0.5 * (form.pair(P, P) + form.star(turned) - turned)), S)


def unitary_factor(xp: Namespace, form: Form, H: Array) -> Array:
    """The polar factor of the head of an orthonormal frame; unitary for symplectic forms, singular heads included."""
    if form.copies == 1:
        U, _, V = xp.linalg.svd(H, full_matrices=False)
        return U @ V
    n = form.n
    U, _, V = xp.linalg.svd(H[..., :n, :n] + 1j * H[..., n:, :n], full_matrices=False)
    return real_form(xp, U @ V)


def two_stage_section(xp: Namespace, form: Form, Y: Array, *, look: bool) -> ComposedSection:
    r"""For symplectic frames: a unitary frame near Y first, then the rest, of which the head has no eigenvalue -1.

    With :math:`Z = \frac12 (Y_{11} + Y_{22} + i (Y_{21} - Y_{12}))` the matrix :math:`Z^H Z - I` is positive
    semidefinite, so that :math:`Z (Z^H Z)^{-1/2}` is well conditioned everywhere.
    """
    first = reflection_section(xp, form, unitary_part(xp, form, Y), look=look)
    return ComposedSection(first, one_stage_section(xp, form, first.solve(Y)))


def unitary_part(xp: Namespace, form: Form, Y: Array) -> Array:
    """The frame that is both symplectic and orthonormal, nearest to the complex-linear part of Y."""
    N, n = form.N, form.n
    Z = (Y[..., :N, :n] + Y[..., N:, n:]) + 1j * (Y[..., N:, :n] - Y[..., :N, n:])
    values, vectors = xp.linalg.eigh(xp.conj(Z).mT @ Z)
    Z = Z @ ((vectors / xp.sqrt(values + 0j)[..., None, :]) @ xp.conj(vectors).mT)
    return real_form(xp, Z)


def real_form(xp: Namespace, Z: Array) -> Array:
    """The real matrix of the complex-linear map Z."""
    real, imaginary = xp.real(Z), xp.imag(Z)
    return xp.concat([xp.concat([real, -imaginary], axis=-1), xp.concat([imaginary, real], axis=-1)], axis=-2)
