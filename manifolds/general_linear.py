"""The groups that are cut out by the determinant or by positivity: GL(n,R), GL+(n,R), SL(n,R), positive diagonal."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from manifolds._geomstats import load_geomstats
from manifolds.checks import Array, place, whole_number
from manifolds.conditions import Condition
from manifolds.errors import InputError
from manifolds.groups import MatrixGroup


def matrix_units(n: int) -> Array:
    """The matrices with a single entry 1, row by row, of shape `(n^2, n, n)`.

    Examples
    --------
    >>> matrix_units(2)[1]
    array([[0., 1.],
           [0., 0.]])
    """
    return np.eye(n * n).reshape(n * n, n, n)


def invertible(g: Array) -> Condition:
    """The condition that matrices are invertible to the precision of their entries, whatever the units of the axes.

    Rows and then columns are scaled to the largest entry 1, and the singular values of the result are compared.

    Examples
    --------
    >>> invertible(np.diag([1.0, 0.0])).missed_by
    array(1.)
    """
    for axis in (-1, -2):
        largest = np.abs(g).max(axis=axis, keepdims=True)
        g = g / np.where(largest > 0, largest, 1.0)
    values = np.linalg.svd(g, compute_uv=False)
    ratio = values[..., -1] / np.where(values[..., 0] > 0, values[..., 0], 1.0)
    enough = ratio > g.shape[-1] * np.finfo(float).eps
    return Condition.holds(
        "g is invertible",
        enough,
        found=ratio,
        found_name="with rows and columns scaled, its smallest singular value over its largest",
    )


def _refuse(failed: Any, what: str, why: str) -> None:
    if np.any(failed):
        index = tuple(int(i) for i in np.argwhere(failed)[0])
        raise InputError(f"A{place(index)} {what}", why=why, cure="give a matrix nearer to the group")


@final
class GeneralLinear(MatrixGroup):
    r""":math:`\mathrm{GL}(n, \mathbb R)`, the invertible matrices; :math:`\mathrm{GL}^+`, those of positive
    determinant.

    The basis of :math:`\mathfrak{gl}(n, \mathbb R)` is that of the matrix units, row by row. `exp` is injective on the
    matrices whose eigenvalues have imaginary part in :math:`(-\pi, \pi)`. The group is open in the space of matrices:
    `project` gives an element back as it is and refuses any other matrix, since none is nearest.

    Parameters
    ----------
    n : int
    positive_determinant : bool
        Whether only the component of the identity is meant.

    Examples
    --------
    >>> group = GeneralLinear(3)
    >>> group, group.algebra_name, group.dimension
    (GL(3,R), 'gl(3,R)', 9)
    >>> GeneralLinear(2, positive_determinant=True).belongs([[0.0, 1.0], [1.0, 0.0]])
    array(False)
    """

    _has_geomstats = True

    def __init__(self, n: int, *, positive_determinant: bool = False) -> None:
        n = whole_number(n, name="n")
        self.positive_determinant = bool(positive_determinant)
        sign = "+" if positive_determinant else ""
        super().__init__(size=n, name=f"GL{sign}({n},R)", algebra_name=f"gl({n},R)")

    def algebra_basis(self) -> Array:
        """The matrix units."""
        return matrix_units(self.size)

    def conditions(self, g: Array) -> list[Condition]:
        """Invertible, and of positive determinant if that is asked for."""
        conditions = [invertible(g)]
        if self.positive_determinant:
            sign, _ = np.linalg.slogdet(g)
            determinant = np.linalg.det(g)
            conditions.append(Condition.holds("det g > 0", sign > 0, found=determinant, found_name="its determinant"))
        return conditions

    def nearest(self, A: Array) -> Array:
        """The matrix itself, if it is in the group."""
        return self.check(A, what="A").copy()

    def nearest_algebra(self, A: Array) -> Array:
        """The matrix itself."""
        return A

    def _algebra_error2(self, X: Array) -> Any:
        return 0.0 if X.ndim == 2 else np.zeros(X.shape[:-2])

    @property
    def components(self) -> Array:
        """The identity, and diag(-1, 1, ..., 1) unless the determinant is positive."""
        if self.positive_determinant:
            return np.eye(self.size)[None]
        return with_reflection(self.size)

    def _make_geomstats(self) -> Any:
        room = load_geomstats("geometry.general_linear")
        return room.GeneralLinear(self.size, positive_det=self.positive_determinant)


def with_reflection(n: int) -> Array:
    """The identity and diag(-1, 1, ..., 1).

    Examples
    --------
    >>> with_reflection(2)[1]
    array([[-1.,  0.],
           [ 0.,  1.]])
    """
    pair = np.stack([np.eye(n), np.eye(n)])
    pair[1, 0, 0] = -1.0
    return pair


@final
class SpecialLinear(MatrixGroup):
    r""":math:`\mathrm{SL}(n, \mathbb R)`, the matrices of determinant 1.

    The basis of :math:`\mathfrak{sl}(n, \mathbb R)`: the matrix units off the diagonal, row by row, then :math:`E_{kk}
    - E_{k+1,k+1}`. `exp` is injective on the matrices of trace 0 whose eigenvalues have imaginary part in :math:`(-\pi,
    \pi)`. `project` divides a matrix by the :math:`n`-th root of its determinant; this is not the nearest element, but
    it keeps the direction of the matrix.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> group = SpecialLinear(2)
    >>> group, group.algebra_name, group.dimension
    (SL(2,R), 'sl(2,R)', 3)
    >>> group.project([[4.0, 0.0], [0.0, 1.0]])
    array([[2. , 0. ],
           [0. , 0.5]])
    """

    def __init__(self, n: int) -> None:
        n = whole_number(n, name="n")
        super().__init__(size=n, name=f"SL({n},R)", algebra_name=f"sl({n},R)" if n > 1 else "0")

    def algebra_basis(self) -> Array:
        """The matrix units off the diagonal, and the differences of neighbours on it."""
        n = self.size
        units = matrix_units(n).reshape(n, n, n, n)
        off = [units[i, j] for i in range(n) for j in range(n) if i != j]
        return np.array(off + [units[k, k] - units[k + 1, k + 1] for k in range(n - 1)]).reshape(-1, n, n)

    def conditions(self, g: Array) -> list[Condition]:
        """Of determinant 1; a relative change of the entries changes it by ``tr(|g^-1| |g|)`` as much."""
        residual = np.linalg.det(g) - 1.0
        near = (np.abs(residual) < 0.5)[..., None, None]
        inverse = np.linalg.inv(np.where(near, g, np.eye(self.size)))
        scale = (np.abs(inverse).mT * np.abs(g)).sum(axis=(-2, -1))
        return [Condition.number("det g = 1", residual, scale=scale)]

    def nearest(self, A: Array) -> Array:
        """The matrix over the n-th root of its determinant."""
        sign, logarithm = np.linalg.slogdet(A)
        bad = sign == 0 if self.size % 2 else sign <= 0
        kind = "not 0" if self.size % 2 else "positive"
        _refuse(bad, f"has no multiple in {self.name}", f"for that its determinant would have to be {kind}")
        return A * (sign * np.exp(-logarithm / self.size))[..., None, None]

    def nearest_algebra(self, A: Array) -> Array:
        """The matrix less its trace, in equal parts from the diagonal."""
        trace = np.trace(A, axis1=-2, axis2=-1)
        return A - (trace / self.size)[..., None, None] * np.eye(self.size)

    def _algebra_error2(self, X: Array) -> Any:
        return X.trace(axis1=-2, axis2=-1) ** 2 / self.size


@final
class PositiveDiagonal(MatrixGroup):
    r""":math:`(\mathbb R_{>0})^n`, the diagonal matrices with positive entries; its algebra is :math:`\mathbb R^n`.

    `exp` is a bijection from the diagonal matrices. It acts on the units of positively homogeneous networks.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> group = PositiveDiagonal(2)
    >>> group, group.algebra_name, group.dimension
    (D+(2), 'R^2', 2)
    >>> group.log(np.diag([1.0, np.e]))
    array([[0., 0.],
           [0., 1.]])
    """

    def __init__(self, n: int) -> None:
        n = whole_number(n, name="n")
        super().__init__(size=n, name=f"D+({n})", algebra_name=f"R^{n}")

    def algebra_basis(self) -> Array:
        """The matrix units on the diagonal."""
        return matrix_units(self.size)[:: self.size + 1]

    def conditions(self, g: Array) -> list[Condition]:
        """Diagonal, with a positive diagonal."""
        diagonal = np.diagonal(g, axis1=-2, axis2=-1)
        lowest = diagonal.min(axis=-1)
        units = np.sqrt(np.abs(diagonal))
        units = units[..., :, None] * units[..., None, :]
        return [
            Condition.matrix("g is diagonal", _off_diagonal(g) / np.where(units > 0, units, 1.0)),
            Condition.holds("g_kk > 0", lowest > 0, found=lowest, found_name="the smallest entry of its diagonal"),
        ]

    def nearest(self, A: Array) -> Array:
        """The diagonal of the matrix."""
        diagonal = np.diagonal(A, axis1=-2, axis2=-1)
        _refuse((diagonal <= 0).any(axis=-1), f"has no nearest element in {self.name}", "its diagonal is not positive")
        return self.nearest_algebra(A)

    def nearest_algebra(self, A: Array) -> Array:
        """The diagonal of the matrix."""
        return A * np.eye(self.size)

    def _inverse(self, g: Array) -> Array:
        return _on_diagonal(1.0 / np.diagonal(g, axis1=-2, axis2=-1))

    def _exp_batch(self, X: Array) -> Array:
        return _on_diagonal(np.exp(np.diagonal(X, axis1=-2, axis2=-1)))

    def _log(self, g: Array) -> Array:
        return _on_diagonal(np.log(np.diagonal(g, axis1=-2, axis2=-1)))


def _off_diagonal(A: Array) -> Array:
    return A * (1.0 - np.eye(A.shape[-1]))


def _on_diagonal(entries: Array) -> Array:
    return entries[..., None] * np.eye(entries.shape[-1])
