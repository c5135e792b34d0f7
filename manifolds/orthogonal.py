"""The groups that preserve a bilinear form, and of these the orthogonal ones: O(n), SO(n), O(p,q)."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from manifolds._geomstats import load_geomstats
from manifolds.checks import Array, square_sum, whole_number
from manifolds.conditions import Condition
from manifolds.errors import InputError
from manifolds.groups import LOG_ERROR, MatrixGroup
from manifolds.linalg import expm, form_polar, polar, rotation_polar
from manifolds.logarithms import log_error, so_log


class FormGroup(MatrixGroup):
    r"""The matrices that preserve a bilinear form: :math:`g^{\mathsf T} M g = M`, with :math:`M` symmetric or
    skew-symmetric.

    With the adjoint :math:`A^* = M^{-1} A^{\mathsf T} M` of the form, :math:`g^{-1} = g^*`, and the Lie algebra is that
    of the :math:`X` with :math:`X^* = -X`. The logarithm commutes with :math:`^*`, so the principal logarithm of an
    element lies in the algebra.

    Parameters
    ----------
    form : array of shape (n, n)
        The matrix :math:`M`, orthogonal as well.
    """

    def __init__(self, *, form: Array, name: str, algebra_name: str | None) -> None:
        super().__init__(size=len(form), name=name, algebra_name=algebra_name)
        self.form = form
        self.form.setflags(write=False)

    def adjoint_of_form(self, A: Array) -> Array:
        r""":math:`A^* = M^{-1} A^{\mathsf T} M`."""
        return self.form.T @ A.mT @ self.form

    def conditions(self, g: Array) -> list[Condition]:
        """The form is preserved."""
        residual = g.mT @ self.form @ g - self.form
        scale = np.abs(g).mT @ np.abs(self.form) @ np.abs(g)
        return [Condition.matrix(f"g^T {self._letter} g = {self._letter}", residual, scale=scale)]

    _letter = "M"

    def nearest(self, A: Array) -> Array:
        """The factor of the generalised polar decomposition that preserves the form."""
        return form_polar(A, self.form)

    def nearest_algebra(self, A: Array) -> Array:
        r""":math:`(A - A^*) / 2`."""
        return 0.5 * (A - self.adjoint_of_form(A))

    def _algebra_error2(self, X: Array) -> Any:
        rest = X + self.adjoint_of_form(X)
        return 0.25 * square_sum(rest)

    def _inverse(self, g: Array) -> Array:
        return self.adjoint_of_form(g)


def rotation_generators(n: int) -> Array:
    """The basis of so(n) as in geomstats: a quarter turn; the turns about three axes; for n > 3 the E_ij - E_ji, i < j.

    Examples
    --------
    >>> rotation_generators(2)[0]
    array([[ 0., -1.],
           [ 1.,  0.]])
    """
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    if n == 2:
        pairs = [(1, 0)]
    if n == 3:
        pairs = [(2, 1), (0, 2), (1, 0)]
    basis = np.zeros((len(pairs), n, n))
    for k, (i, j) in enumerate(pairs):
        basis[k, i, j], basis[k, j, i] = 1.0, -1.0
    return basis


class _OrthogonalMatrices(FormGroup):
    """What O(n) and SO(n) share: everything but the determinant."""

    def algebra_basis(self) -> Array:
        """The infinitesimal rotations of the coordinate planes."""
        return rotation_generators(self.size)

    def adjoint_of_form(self, A: Array) -> Array:
        """The transpose."""
        return A.mT

    def conditions(self, g: Array) -> list[Condition]:
        """The columns are orthonormal."""
        return [Condition.matrix("g^T g = I", g.mT @ g - self.form)]

    def _exp_batch(self, X: Array) -> Array:
        if self.size == 2:
            return _plane_exp(X)
        return _space_exp(X) if self.size == 3 else expm(X)

    def _log(self, g: Array) -> Array:
        if g.ndim > 2 or self.size == 1:
            return so_log(g)
        try:
            X = self._geomstats_log(g)
        except ValueError:  # geomstats refuses half turns; so does `so_log`, which names the eigenvalue
            return so_log(g)
        # Near the angle pi the general algorithm loses digits, or turns complex; the planes of the rotation do not.
        if not log_error(X, g) < LOG_ERROR * self.size:
            return so_log(g)
        return self.nearest_algebra(X)

    def _make_geomstats(self) -> Any:
        if self.size == 1:
            return super()._make_geomstats()
        return load_geomstats("geometry.special_orthogonal").SpecialOrthogonal(self.size)


@final
class Orthogonal(_OrthogonalMatrices):
    r""":math:`\mathrm O(n)`: :math:`g^{\mathsf T} g = 1`.

    Compact, with two components. `exp` reaches that of the identity only, and is injective on the skew-symmetric
    matrices with eigenvalues :math:`i\theta`, :math:`|\theta| < \pi`. `project` gives the nearest element, the polar
    factor.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> group = Orthogonal(3)
    >>> group, group.algebra_name, group.dimension
    (O(3), 'so(3)', 3)
    >>> group.project(np.diag([3.0, -2.0, 1.0])).diagonal()
    array([ 1., -1.,  1.])
    """

    def __init__(self, n: int) -> None:
        n = whole_number(n, name="n")
        super().__init__(form=np.eye(n), name=f"O({n})", algebra_name=_so_name(n))

    def nearest(self, A: Array) -> Array:
        """The polar factor."""
        return polar(A)

    @property
    def components(self) -> Array:
        """The identity and a reflection."""
        reflection = np.eye(self.size)
        reflection[0, 0] = -1.0
        return np.stack([np.eye(self.size), reflection])

    def _log(self, g: Array) -> Array:
        if (np.linalg.det(g) < 0).any():
            raise InputError(
                f"an element of {self.name} of determinant -1 has no real logarithm",
                why="it has the eigenvalue -1 an odd number of times; the exponential of a real matrix has det > 0",
                cure="multiply it with a fixed reflection first",
            )
        return super()._log(g)


@final
class SpecialOrthogonal(_OrthogonalMatrices):
    r""":math:`\mathrm{SO}(n)`, the rotations: :math:`g^{\mathsf T} g = 1`, :math:`\det g = 1`.

    Compact and connected. `exp` is injective on the skew-symmetric matrices with eigenvalues :math:`i\theta`,
    :math:`|\theta| < \pi`; `log` inverts it, also very near the angle :math:`\pi`, and refuses a rotation by
    :math:`\pi`. `project` gives the nearest rotation. The basis is that of geomstats; for :math:`n = 3` the turns about
    the three axes.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> group = SpecialOrthogonal(3)
    >>> group, group.algebra_name, group.dimension
    (SO(3), 'so(3)', 3)
    >>> turn = group.exp(group.combine([0.0, 0.0, 1.0]))
    >>> group.coordinates(group.log(turn)).round(12) + 0.0
    array([0., 0., 1.])
    """

    def __init__(self, n: int) -> None:
        n = whole_number(n, name="n")
        self._has_geomstats = n > 1
        super().__init__(form=np.eye(n), name=f"SO({n})", algebra_name=_so_name(n))

    def conditions(self, g: Array) -> list[Condition]:
        """The columns are orthonormal, and the determinant is 1."""
        determinant = Condition.number("det g = 1", np.linalg.det(g) - 1.0)
        # A small departure from orthonormal columns moves the determinant as well: what is asked of it is its sign.
        missed = np.where(determinant.missed_by < 0.5, 0.0, determinant.missed_by)
        return [*super().conditions(g), Condition("det g = 1", missed)]

    def nearest(self, A: Array) -> Array:
        """The nearest rotation."""
        return rotation_polar(A)


@final
class IndefiniteOrthogonal(FormGroup):
    r""":math:`\mathrm O(p, q)`: :math:`g^{\mathsf T} M g = M` with :math:`M = \mathrm{diag}(1, \dots, 1, -1, \dots,
    -1)`, :math:`p` times 1.

    With :math:`p, q \ge 1` it has four components; `exp` reaches that of the identity, not everywhere. It is injective
    on the algebra elements whose eigenvalues have imaginary part in :math:`(-\pi, \pi)`. `project` gives the factor of
    the generalised polar decomposition, near the matrix where that is near the group.

    Parameters
    ----------
    p, q : int

    Examples
    --------
    >>> group = IndefiniteOrthogonal(1, 3)
    >>> group, group.algebra_name, group.dimension
    (O(1,3), 'so(1,3)', 6)
    """

    def __init__(self, p: int, q: int) -> None:
        p, q = whole_number(p, name="p"), whole_number(q, name="q")
        self.p, self.q = p, q
        form = np.diag([1.0] * p + [-1.0] * q)
        super().__init__(form=form, name=f"O({p},{q})", algebra_name=f"so({p},{q})")

    def algebra_basis(self) -> Array:
        """The turns within the two blocks and the boosts between them."""
        generators = []
        for i in range(self.size):
            for j in range(i + 1, self.size):
                E = np.zeros((self.size, self.size))
                E[i, j], E[j, i] = 1.0, -self.form[i, i] * self.form[j, j]
                generators.append(E)
        return np.array(generators)

    @property
    def components(self) -> Array:
        """The identity and the reflections of one positive axis, of one negative axis, and of both."""
        result = np.stack([np.eye(self.size)] * 4)
        result[[1, 3], 0, 0] = -1.0
        result[[2, 3], -1, -1] = -1.0
        return result


def _so_name(n: int) -> str:
    return f"so({n})" if n > 1 else "0"


def _plane_exp(X: Array) -> Array:
    angle = 0.5 * (X[..., 1, 0] - X[..., 0, 1])
    result = np.empty(X.shape)
    result[..., 0, 0] = result[..., 1, 1] = np.cos(angle)
    result[..., 1, 0] = np.sin(angle)
    result[..., 0, 1] = -result[..., 1, 0]
    return result


def _space_exp(X: Array) -> Array:
    r"""Rodrigues: :math:`1 + \frac{\sin\theta}{\theta} X + \frac{1 - \cos\theta}{\theta^2} X^2`, :math:`\theta^2 =
    |X|^2 / 2`."""
    angle = np.sqrt(0.5 * (X * X).sum(axis=(-2, -1)))[..., None, None]
    return np.eye(3) + np.sinc(angle / np.pi) * X + 0.5 * np.sinc(0.5 * angle / np.pi) ** 2 * (X @ X)
