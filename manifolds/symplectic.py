"""The symplectic group Sp(2n,R)."""

from __future__ import annotations

import itertools
from typing import final

import numpy as np

from manifolds.checks import Array, whole_number
from manifolds.orthogonal import FormGroup


def symplectic_form(n: int) -> Array:
    r"""The matrix :math:`J = \begin{pmatrix} 0 & 1 \\ -1 & 0 \end{pmatrix}` of :math:`2n` rows.

    Examples
    --------
    >>> symplectic_form(1)
    array([[ 0.,  1.],
           [-1.,  0.]])
    """
    J = np.zeros((2 * n, 2 * n))
    J[:n, n:], J[n:, :n] = np.eye(n), -np.eye(n)
    return J


def symmetric_units(n: int) -> Array:
    """The basis of the symmetric matrices: E_kk, then E_ij + E_ji for i < j.

    Examples
    --------
    >>> symmetric_units(2)[2]
    array([[0., 1.],
           [1., 0.]])
    """
    basis = []
    for i, j in [(k, k) for k in range(n)] + list(itertools.combinations(range(n), 2)):
        S = np.zeros((n, n))
        S[i, j] = S[j, i] = 1.0
        basis.append(S)
    return np.array(basis).reshape(-1, n, n)


@final
class Symplectic(FormGroup):
    r""":math:`\mathrm{Sp}(2n, \mathbb R)`: :math:`g^{\mathsf T} J g = J`, matrices of :math:`2n` rows.

    Connected and not compact. The algebra is that of the Hamiltonian matrices :math:`\begin{pmatrix} A & B \\ C &
    -A^{\mathsf T} \end{pmatrix}` with symmetric :math:`B` and :math:`C`; the basis takes :math:`A` first, row by row,
    then :math:`B`, then :math:`C`. `exp` is injective on those whose eigenvalues have imaginary part in :math:`(-\pi,
    \pi)`, and does not reach every element. `project` gives the factor of the generalised polar decomposition, near the
    matrix where that is near the group.

    Parameters
    ----------
    n : int
        Half the number of rows.

    Examples
    --------
    >>> group = Symplectic(2)
    >>> group, group.algebra_name, group.size, group.dimension
    (Sp(4,R), 'sp(4,R)', 4, 10)
    """

    _letter = "J"

    def __init__(self, n: int) -> None:
        n = whole_number(n, name="n")
        super().__init__(form=symplectic_form(n), name=f"Sp({2 * n},R)", algebra_name=f"sp({2 * n},R)")

    def algebra_basis(self) -> Array:
        """The Hamiltonian matrices with one entry of A, or one or two of B or of C."""
        n = self.size // 2
        units, symmetric = np.eye(n * n).reshape(n * n, n, n), symmetric_units(n)
        linear = np.zeros((n * n, 2 * n, 2 * n))
        linear[:, :n, :n], linear[:, n:, n:] = units, -units.mT
        upper, lower = np.zeros((2, len(symmetric), 2 * n, 2 * n))
        upper[:, :n, n:] = lower[:, n:, :n] = symmetric
        return np.concatenate([linear, upper, lower])
