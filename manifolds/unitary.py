"""The unitary groups in their real form: U(n) and SU(n) as real matrices of 2n rows that commute with J."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from manifolds.checks import Array, place, square_matrices, square_sum, whole_number
from manifolds.conditions import Condition
from manifolds.errors import InputError
from manifolds.groups import MatrixGroup
from manifolds.linalg import polar
from manifolds.logarithms import from_angles, unitary_angles, unitary_log
from manifolds.orthogonal import rotation_generators
from manifolds.symplectic import symmetric_units, symplectic_form

_TIE = 1e-9  # angles nearer to each other than this count as equal


def to_complex(g: Array) -> Any:
    r"""The complex matrix :math:`A + iB` of its real form, the part that commutes with :math:`J` taken.

    Examples
    --------
    >>> to_complex(np.array([[0.0, -1.0], [1.0, 0.0]]))
    array([[0.+1.j]])
    """
    n = g.shape[-1] // 2
    real = 0.5 * (g[..., :n, :n] + g[..., n:, n:])
    return real + 0.5j * (g[..., n:, :n] - g[..., :n, n:])


def to_real(Z: Any) -> Array:
    r"""The real form :math:`\begin{pmatrix} A & -B \\ B & A \end{pmatrix}` of a complex matrix :math:`A + iB`.

    Examples
    --------
    >>> to_real(np.array([[1j]]))
    array([[ 0., -1.],
           [ 1.,  0.]])
    """
    return np.concatenate(
        [np.concatenate([Z.real, -Z.imag], axis=-1), np.concatenate([Z.imag, Z.real], axis=-1)], axis=-2
    )


class _UnitaryMatrices(MatrixGroup):
    """What U(n) and SU(n) share: everything but the complex determinant."""

    def __init__(self, n: int, *, name: str, algebra_name: str) -> None:
        self.n = n
        self._J = symplectic_form(n)
        super().__init__(size=2 * n, name=name, algebra_name=algebra_name)

    def to_complex(self, g: ArrayLike) -> Any:
        r"""The complex :math:`n \times n` matrices :math:`A + iB` of elements or algebra elements in real form.

        Examples
        --------
        >>> Unitary(1).to_complex([[0.0, -1.0], [1.0, 0.0]])
        array([[0.+1.j]])
        """
        return to_complex(square_matrices(g, self.size, what="g"))

    def from_complex(self, Z: ArrayLike) -> Array:
        r"""The real form of complex :math:`n \times n` matrices.

        Raises
        ------
        InputError
            If the shape is not `(..., n, n)`.

        Examples
        --------
        >>> Unitary(1).from_complex([[1j]])
        array([[ 0., -1.],
               [ 1.,  0.]])
        """
        Z = np.asarray(Z, dtype=complex)
        if Z.ndim < 2 or Z.shape[-2:] != (self.n, self.n):
            raise InputError(
                f"Z has the shape {Z.shape}",
                why=f"the complex matrices of {self.name} are {self.n} x {self.n}",
                cure=f"give an array of shape (..., {self.n}, {self.n})",
            )
        return to_real(Z)

    def conditions(self, g: Array) -> list[Condition]:
        """The columns are orthonormal, and the matrix commutes with J."""
        return [
            Condition.matrix("g^T g = I", g.mT @ g - np.eye(self.size)),
            Condition.matrix("g J = J g", g @ self._J - self._J @ g),
        ]

    def nearest(self, A: Array) -> Array:
        """The polar factor of the part that commutes with J."""
        return polar(to_real(to_complex(A)))

    def nearest_algebra(self, A: Array) -> Array:
        """The skew-symmetric part of the part that commutes with J."""
        X = to_real(to_complex(A))
        return 0.5 * (X - X.mT)

    def _algebra_error2(self, X: Array) -> Any:
        # At least the squared distance and at most twice that, for much less work.
        return 0.25 * (square_sum(X + X.mT) + square_sum(X @ self._J - self._J @ X))

    def _inverse(self, g: Array) -> Array:
        return g.mT

    def _log(self, g: Array) -> Array:
        return self.nearest_algebra(to_real(unitary_log(to_complex(g))))

    def _generators(self, diagonal: Array) -> Array:
        """The real forms of the skew-symmetric matrices and of i times the symmetric ones with this diagonal part."""
        n = self.n
        imaginary = np.concatenate([diagonal, symmetric_units(n)[n:]])
        return to_real(np.concatenate([rotation_generators(n).astype(complex), 1j * imaginary]))


@final
class Unitary(_UnitaryMatrices):
    r""":math:`\mathrm U(n)` in real form, matrices of :math:`2n` rows: :math:`g^{\mathsf T} g = 1` and :math:`gJ = Jg`.

    The complex matrix :math:`A + iB` is written :math:`\begin{pmatrix} A & -B \\ B & A \end{pmatrix}`. Compact and
    connected, the intersection of :math:`\mathrm{SO}(2n)` and :math:`\mathrm{Sp}(2n)`. `exp` is injective on the
    algebra elements with eigenvalues :math:`i\theta`, :math:`|\theta| < \pi`. `project` gives the nearest element.

    Parameters
    ----------
    n : int
        The number of rows of the complex matrices.

    Examples
    --------
    >>> group = Unitary(2)
    >>> group, group.algebra_name, group.size, group.dimension
    (U(2), 'u(2)', 4, 4)
    """

    def __init__(self, n: int) -> None:
        n = whole_number(n, name="n")
        super().__init__(n, name=f"U({n})", algebra_name=f"u({n})")

    def algebra_basis(self) -> Array:
        """The real skew-symmetric matrices, then i times the symmetric ones, in real form."""
        return self._generators(symmetric_units(self.n)[: self.n])


@final
class SpecialUnitary(_UnitaryMatrices):
    r""":math:`\mathrm{SU}(n)` in real form: the elements of :math:`\mathrm U(n)` of complex determinant 1.

    Compact and connected. The principal logarithm in :math:`\mathfrak u(n)` has the trace :math:`2\pi i k`. Where
    :math:`k = 0` it is the result of `log`. Otherwise, which happens for :math:`n \ge 3` only, `log` takes :math:`2\pi`
    off the :math:`k` largest angles: the logarithm of least norm in :math:`\mathfrak{su}(n)`. It is refused where an
    eigenvalue is :math:`-1` and where equal angles leave a choice. `project` divides the polar factor by the
    :math:`n`-th root of its determinant that is nearest to 1.

    Parameters
    ----------
    n : int
        The number of rows of the complex matrices.

    Examples
    --------
    >>> group = SpecialUnitary(2)
    >>> group, group.algebra_name, group.size, group.dimension
    (SU(2), 'su(2)', 4, 3)
    """

    def __init__(self, n: int) -> None:
        n = whole_number(n, name="n")
        super().__init__(n, name=f"SU({n})", algebra_name=f"su({n})" if n > 1 else "0")

    def algebra_basis(self) -> Array:
        """The real skew-symmetric matrices, then i times the symmetric ones of trace 0, in real form."""
        units = symmetric_units(self.n)[: self.n]
        return self._generators(units[:-1] - units[1:])

    def conditions(self, g: Array) -> list[Condition]:
        """Those of U(n), and the complex determinant is 1."""
        return [*super().conditions(g), Condition.number("det(A + iB) = 1", np.linalg.det(to_complex(g)) - 1.0)]

    def nearest(self, A: Array) -> Array:
        """The polar factor, over the n-th root of its complex determinant."""
        Z = to_complex(super().nearest(A))
        return to_real(Z * np.exp(-1j * np.angle(np.linalg.det(Z)) / self.n)[..., None, None])

    def nearest_algebra(self, A: Array) -> Array:
        """The projection on u(n), less its trace."""
        Z = to_complex(super().nearest_algebra(A))
        trace = np.trace(Z, axis1=-2, axis2=-1)
        return to_real(Z - (trace / self.n)[..., None, None] * np.eye(self.n))

    def _algebra_error2(self, X: Array) -> Any:
        trace = np.vdot(self._J, X) if X.ndim == 2 else (X * self._J).sum(axis=(-2, -1))
        return super()._algebra_error2(X) + trace**2 / self.size

    def _log(self, g: Array) -> Array:
        Z = to_complex(g)
        turns = np.rint(np.angle(np.linalg.eigvals(Z)).sum(axis=-1) / (2 * np.pi))
        if not turns.any():
            return super()._log(g)
        unitary_log(Z)  # refuses the eigenvalue -1
        angles, vectors = unitary_angles(Z)
        order = np.argsort(-angles, axis=-1)
        ranked = np.take_along_axis(angles, order, axis=-1)
        turns = np.rint(ranked.sum(axis=-1) / (2 * np.pi)).astype(int)
        self._refuse_ties(ranked, turns)
        position = np.arange(self.n)
        down = position < turns[..., None]
        up = position >= self.n + turns[..., None]
        ranked = ranked - 2 * np.pi * down + 2 * np.pi * up
        vectors = np.take_along_axis(vectors, order[..., None, :], axis=-1)
        return self.nearest_algebra(to_real(from_angles(ranked, vectors)))

    def _refuse_ties(self, ranked: Array, turns: Any) -> None:
        """Refuse elements whose angles just above and just below the last one that is moved are equal."""
        cut = np.where(turns > 0, turns, self.n + turns)
        above = np.take_along_axis(ranked, (cut - 1).clip(0)[..., None], axis=-1)[..., 0]
        below = np.take_along_axis(ranked, cut.clip(max=self.n - 1)[..., None], axis=-1)[..., 0]
        tied = (turns != 0) & (above - below < _TIE)
        if tied.any():
            index = tuple(int(i) for i in np.argwhere(tied)[0])
            raise InputError(
                f"the matrix{place(index)} has no single logarithm of least norm in {self.algebra_name}",
                why="the angles of its eigenvalues add up to a multiple of 2 pi, and the angle to be lowered is a"
                f" double one, {above[index]:.6g}",
                cure="multiply it with a small element first, or take the logarithm in Unitary(n)",
            )
