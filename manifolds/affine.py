"""Groups with translations, semidirect products of a linear group and the space it acts on: SE(n), Aff(n,R), others."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from manifolds._geomstats import load_geomstats
from manifolds.checks import Array, real_array, square_matrices, square_sum, whole_number
from manifolds.conditions import Condition
from manifolds.errors import InputError
from manifolds.general_linear import GeneralLinear
from manifolds.groups import LOG_ERROR, MatrixGroup
from manifolds.linalg import phi
from manifolds.logarithms import log_error
from manifolds.orthogonal import SpecialOrthogonal


class GroupWithTranslations(MatrixGroup):
    r""":math:`G \ltimes \mathbb R^{n \times k}`: the matrices :math:`\begin{pmatrix} g & V \\ 0 & 1 \end{pmatrix}` with
    :math:`g \in G`.

    The product is :math:`(g, V)(h, W) = (gh, gW + V)`. It acts on :math:`\mathbb R^{n \times k}` from the left by
    :math:`W \mapsto gW + V`. With :math:`\varphi(X) = \int_0^1 \exp(sX)\,ds`, :math:`\exp(X, V) = (\exp X, \varphi(X)
    V)` and :math:`\log(g, V) = (\log g, \varphi(\log g)^{-1} V)`. The basis takes that of the linear group first, then
    the entries of :math:`V`, row by row.

    Parameters
    ----------
    linear : MatrixGroup
        The group :math:`G` of :math:`n \times n` matrices.
    copies : int
        The number :math:`k` of columns of :math:`V`.
    """

    def __init__(self, linear: MatrixGroup, *, copies: int, name: str, algebra_name: str | None) -> None:
        self.linear = linear
        self.copies = whole_number(copies, name="copies")
        super().__init__(size=linear.size + copies, name=name, algebra_name=algebra_name)

    def split(self, g: ArrayLike) -> tuple[Array, Array]:
        """The linear part and the translation of each matrix.

        Examples
        --------
        >>> SpecialEuclidean(2).split(np.eye(3))[1].ravel()
        array([0., 0.])
        """
        return self._split(square_matrices(g, self.size, what="g"))

    def _split(self, g: Array) -> tuple[Array, Array]:
        n = self.linear.size
        return g[..., :n, :n], g[..., :n, n:]

    def join(self, linear: ArrayLike, translation: ArrayLike) -> Array:
        r"""The element :math:`(g, V)` of a linear part and a translation, whose leading axes broadcast.

        Parameters
        ----------
        linear : array of shape (..., n, n)
        translation : array of shape (..., n, k)

        Examples
        --------
        >>> SpecialEuclidean(2).join(np.eye(2), [[5.0], [7.0]])
        array([[1., 0., 5.],
               [0., 1., 7.],
               [0., 0., 1.]])
        """
        n = self.linear.size
        A, V = square_matrices(linear, n, what="linear"), real_array(translation, what="translation")
        if V.ndim < 2 or V.shape[-2:] != (n, self.copies):
            raise InputError(
                f"translation has the shape {V.shape}",
                why=f"the translations of {self.name} are {n} x {self.copies}",
                cure=f"give an array of shape (..., {n}, {self.copies})",
            )
        return self._join(A, V, corner=1.0)

    def _join(self, A: Array, V: Array, *, corner: float) -> Array:
        n, axes = self.linear.size, np.broadcast_shapes(A.shape[:-2], V.shape[:-2])
        result = np.zeros((*axes, self.size, self.size))
        result[..., :n, :n], result[..., :n, n:] = A, V
        result[..., n:, n:] = corner * np.eye(self.copies)
        return result

    def algebra_basis(self) -> Array:
        """The basis of the linear group, then the translations."""
        n, k = self.linear.size, self.copies
        turns = self._join(self.linear.basis, np.zeros((n, k)), corner=0.0)
        moves = self._join(np.zeros((n, n)), np.eye(n * k).reshape(n * k, n, k), corner=0.0)
        return np.concatenate([turns, moves])

    def conditions(self, g: Array) -> list[Condition]:
        """The linear part is in its group, and the last rows are those of the identity."""
        n = self.linear.size
        inner = [
            Condition(f"{c.statement} for the linear part", c.missed_by, c.found, c.found_name)
            for c in self.linear.conditions(g[..., :n, :n])
        ]
        return [*inner, Condition.matrix("the last rows are (0, 1)", g[..., n:, :] - np.eye(self.size)[n:])]

    def nearest(self, A: Array) -> Array:
        """The linear part made an element of its group, the translation kept."""
        linear, translation = self._split(A)
        return self._join(self.linear.nearest(linear), translation, corner=1.0)

    def nearest_algebra(self, A: Array) -> Array:
        """The linear part projected on its algebra, the translation kept."""
        linear, translation = self._split(A)
        return self._join(self.linear.nearest_algebra(linear), translation, corner=0.0)

    def _algebra_error2(self, X: Array) -> Any:
        n = self.linear.size
        return self.linear._algebra_error2(X[..., :n, :n]) + square_sum(X[..., n:, :])

    @property
    def components(self) -> Array:
        """Those of the linear group."""
        n, k = self.linear.size, self.copies
        return self._join(self.linear.components, np.zeros((n, k)), corner=1.0)

    def _random_component(self, rng: np.random.Generator, axes: tuple[int, ...]) -> Array:
        n, k = self.linear.size, self.copies
        return self._join(self.linear._random_component(rng, axes), np.zeros((n, k)), corner=1.0)

    def _inverse(self, g: Array) -> Array:
        linear, translation = self._split(g)
        inverse = self.linear._inverse(linear)
        return self._join(inverse, -inverse @ translation, corner=1.0)

    def _log(self, g: Array) -> Array:
        linear, translation = self._split(g)
        X = self.linear._log(linear)
        return self._join(X, np.asarray(np.linalg.solve(phi(X), translation), dtype=float), corner=0.0)

    @property
    def _key(self) -> tuple[object, ...]:
        return (*super()._key, self.linear._key, self.copies)


@final
class SemidirectProduct(GroupWithTranslations):
    r""":math:`G \ltimes \mathbb R^{n \times k}` for a group :math:`G` of :math:`n \times n` matrices, as matrices of
    :math:`n + k` rows.

    See `GroupWithTranslations`, whose laws hold for every :math:`G`. `exp` is injective on the algebra elements whose
    eigenvalues have imaginary part in :math:`(-\pi, \pi)`. `project` projects the linear part and keeps the
    translation.

    Parameters
    ----------
    linear : MatrixGroup
    copies : int
        The number :math:`k` of vectors on which :math:`G` acts at once.

    Examples
    --------
    >>> from manifolds import Symplectic
    >>> group = SemidirectProduct(Symplectic(1))
    >>> group, group.algebra_name, group.dimension
    (Sp(2,R) |x R^2, 'sp(2,R) |x R^2', 5)
    """

    def __init__(self, linear: MatrixGroup, *, copies: int = 1) -> None:
        if not isinstance(linear, MatrixGroup):
            raise InputError(
                f"{linear!r} is no group", why="the factor that acts is a MatrixGroup", cure="give SpecialOrthogonal(3)"
            )
        copies = whole_number(copies, name="copies")
        space = f"R^{linear.size * copies}"
        super().__init__(
            linear,
            copies=copies,
            name=f"{_grouped(linear.name)} |x {space}",
            algebra_name=semidirect_name(linear.algebra_name, space),
        )


def _grouped(name: str) -> str:
    return f"({name})" if " " in name else name


def semidirect_name(linear: str | None, space: str) -> str | None:
    """The name of a semidirect sum in the printed grammar, the part that acts first.

    Examples
    --------
    >>> semidirect_name("so(3)", "R^3"), semidirect_name("so(3) + R^1", "R^4"), semidirect_name("0", "R^1")
    ('so(3) |x R^3', '(so(3) + R^1) |x R^4', 'R^1')
    """
    if linear is None:
        return None
    return space if linear == "0" else f"{_grouped(linear)} |x {space}"


@final
class SpecialEuclidean(GroupWithTranslations):
    r""":math:`\mathrm{SE}(n)`, the rigid motions :math:`w \mapsto gw + v` with :math:`g \in \mathrm{SO}(n)`, as
    matrices of :math:`n + 1` rows.

    `exp` is injective where the rotation is by angles below :math:`\pi`. `project` takes the nearest rotation and keeps
    the translation. The basis is that of geomstats: the rotations, then the translations.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> group = SpecialEuclidean(3)
    >>> group, group.algebra_name, group.size, group.dimension
    (SE(3), 'so(3) |x R^3', 4, 6)
    """

    def __init__(self, n: int) -> None:
        linear = SpecialOrthogonal(n)
        self._has_geomstats = n > 1
        super().__init__(linear, copies=1, name=f"SE({n})", algebra_name=semidirect_name(linear.algebra_name, f"R^{n}"))

    def _log(self, g: Array) -> Array:
        if g.ndim > 2 or self.linear.size == 1:
            return super()._log(g)
        X = self._geomstats_log(g)
        if not log_error(X, g) < LOG_ERROR * self.size:
            return super()._log(g)
        return self.nearest_algebra(X)

    def _make_geomstats(self) -> Any:
        if self.linear.size == 1:
            return super()._make_geomstats()
        return load_geomstats("geometry.special_euclidean").SpecialEuclidean(self.linear.size)


@final
class AffineGroup(GroupWithTranslations):
    r""":math:`\mathrm{Aff}(n, \mathbb R)`, the invertible affine maps :math:`w \mapsto gw + v`, as matrices of :math:`n
    + 1` rows.

    `exp` is injective on the algebra elements whose eigenvalues have imaginary part in :math:`(-\pi, \pi)`.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> group = AffineGroup(2)
    >>> group, group.algebra_name, group.size, group.dimension
    (Aff(2,R), 'aff(2)', 3, 6)
    """

    def __init__(self, n: int) -> None:
        super().__init__(GeneralLinear(n), copies=1, name=f"Aff({n},R)", algebra_name=f"aff({n})")
