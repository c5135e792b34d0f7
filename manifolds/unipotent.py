"""Unipotent groups, whose exponential and logarithm are polynomials: unitriangular, Heisenberg, translations."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from manifolds._geomstats import load_geomstats
from manifolds.checks import Array, whole_number
from manifolds.conditions import Condition
from manifolds.groups import MatrixGroup


class UnipotentPattern(MatrixGroup):
    r"""The matrices :math:`1 + N` where :math:`N` is zero outside a set of entries above the diagonal.

    The set must be closed: with :math:`(i, j)` and :math:`(j, k)` it contains :math:`(i, k)`. Then the :math:`N` are
    the Lie algebra too, they are nilpotent, and `exp` is a bijection with polynomial inverse :math:`\log(1 + N) = N -
    N^2/2 + \cdots`.

    Parameters
    ----------
    pattern : boolean array of shape (n, n)
        Where :math:`N` may differ from zero.
    """

    def __init__(self, *, pattern: Any, name: str, algebra_name: str | None) -> None:
        self._pattern = pattern
        super().__init__(size=len(pattern), name=name, algebra_name=algebra_name)
        steps, power = 1, pattern.astype(int)
        while power.any():
            steps, power = steps + 1, power @ pattern.astype(int)
        self._steps = steps  # N^steps = 0

    def algebra_basis(self) -> Array:
        """The matrix units of the pattern, row by row."""
        places = np.argwhere(self._pattern)
        basis = np.zeros((len(places), self.size, self.size))
        basis[np.arange(len(places)), places[:, 0], places[:, 1]] = 1.0
        return basis

    def conditions(self, g: Array) -> list[Condition]:
        """Outside the pattern the matrix is the identity."""
        residual = np.where(self._pattern, 0.0, g - np.eye(self.size))
        return [Condition.matrix("g is the identity outside its pattern", residual)]

    def nearest(self, A: Array) -> Array:
        """The entries of the pattern kept, the others those of the identity."""
        return np.where(self._pattern, A, np.eye(self.size))

    def nearest_algebra(self, A: Array) -> Array:
        """The entries of the pattern kept, the others zero."""
        return np.where(self._pattern, A, 0.0)

    def _series(self, N: Array, coefficients: list[float]) -> Array:
        """The polynomial :math:`c_0 + c_1 N + ...` by Horner's rule."""
        one = np.eye(self.size)
        result = coefficients[-1] * one
        for coefficient in reversed(coefficients[:-1]):
            result = result @ N + coefficient * one
        return np.broadcast_to(result, N.shape).copy()

    def _exp_batch(self, X: Array) -> Array:
        coefficients = [1.0]
        for k in range(1, self._steps):
            coefficients.append(coefficients[-1] / k)
        return self._series(X, coefficients)

    def _log(self, g: Array) -> Array:
        coefficients = [0.0] + [(-1.0) ** (k + 1) / k for k in range(1, self._steps)]
        return self.nearest_algebra(self._series(g - np.eye(self.size), coefficients))

    def _inverse(self, g: Array) -> Array:
        return self._series(g - np.eye(self.size), [(-1.0) ** k for k in range(self._steps)])


@final
class Unipotent(UnipotentPattern):
    r""":math:`\mathrm{UT}(n, \mathbb R)`, the upper triangular matrices with ones on the diagonal.

    `exp` is a bijection from the strictly upper triangular matrices; the basis is that of the matrix units, row by
    row. `project` gives the nearest element. From :math:`n = 4` on the algebra has no name in the printed grammar.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> group = Unipotent(3)
    >>> group, group.algebra_name, group.dimension
    (UT(3,R), 'heis(3)', 3)
    """

    def __init__(self, n: int) -> None:
        n = whole_number(n, name="n")
        names = {1: "0", 2: "R^1", 3: "heis(3)"}
        super().__init__(pattern=np.triu(np.ones((n, n), dtype=bool), 1), name=f"UT({n},R)", algebra_name=names.get(n))


@final
class Heisenberg(UnipotentPattern):
    r""":math:`H(2k + 1)`: :math:`\begin{pmatrix} 1 & a & c \\ 0 & 1 & b \\ 0 & 0 & 1 \end{pmatrix}`.

    Here :math:`a, b \in \mathbb R^k`, and the dimension is :math:`2k + 1`, as in the name heis(2k + 1) of the algebra:
    :math:`[a_i, b_i] = c`, all other brackets of the basis are zero. The basis is :math:`a_1, \dots, a_k`, then
    :math:`b_1, \dots, b_k`, then :math:`c`. `exp` is a bijection.

    Parameters
    ----------
    k : int

    Examples
    --------
    >>> group = Heisenberg(2)
    >>> group, group.algebra_name, group.size, group.dimension
    (H(5), 'heis(5)', 4, 5)
    """

    def __init__(self, k: int) -> None:
        k = whole_number(k, name="k")
        pattern = np.zeros((k + 2, k + 2), dtype=bool)
        pattern[0, 1:] = pattern[1:-1, -1] = True
        super().__init__(pattern=pattern, name=f"H({2 * k + 1})", algebra_name=f"heis({2 * k + 1})")

    def algebra_basis(self) -> Array:
        """The first row, the last column, the corner."""
        units, corner = super().algebra_basis(), np.zeros((self.size, self.size))
        corner[0, -1] = 1.0
        return np.stack([E for E in units if not E[0, -1]] + [corner])

    def to_geomstats(self) -> Any:
        """The Heisenberg group of geomstats, for k = 1, whose points are the coordinates of the logarithm."""
        if self.size != 3:
            return super().to_geomstats()
        return load_geomstats("geometry.heisenberg").HeisenbergVectors()


@final
class Translations(UnipotentPattern):
    r"""The translations of :math:`\mathbb R^n`: the matrices :math:`\begin{pmatrix} 1 & v \\ 0 & 1 \end{pmatrix}` of
    :math:`n + 1` rows.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> group = Translations(2)
    >>> group, group.algebra_name, group.size, group.dimension
    (R^2, 'R^2', 3, 2)
    """

    def __init__(self, n: int) -> None:
        n = whole_number(n, name="n")
        pattern = np.zeros((n + 1, n + 1), dtype=bool)
        pattern[:-1, -1] = True
        super().__init__(pattern=pattern, name=f"R^{n}", algebra_name=f"R^{n}")
