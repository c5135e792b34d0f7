r"""The forms whose groups act on the homogeneous spaces, and the adjoint A* that each gives to a matrix.

The group is :math:`G = \{\Lambda : \Lambda^* \Lambda = I\}`, so that :math:`\Lambda^{-1} = \Lambda^*`; the frames are
:math:`M = \{Y : Y^* Y = I\}`. All that follows from the form is slicing and small products; nothing of the size of a
group element is ever made.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, final

from manifolds.array_api import Array, namespace


class Form(ABC):
    r"""The adjoint of a form, for tall matrices of `rows` rows and `columns` columns.

    E is the frame of the first basis vectors. The *head* of a tall matrix D is :math:`E^* D`, the rows that belong to
    E; the *tail* is the rest.

    Parameters
    ----------
    N, n : int
        The sizes of the space; rows and columns are twice as many for the symplectic form.
    """

    copies: ClassVar[int]
    field: ClassVar[str] = "real"

    def __init__(self, N: int, n: int) -> None:
        self.N, self.n = N, n
        self.rows, self.columns = self.copies * N, self.copies * n

    @abstractmethod
    def transpose(self, A: Array) -> Array:
        """The transpose, conjugated where the field is complex: the adjoint of the pairing of gradients."""

    @abstractmethod
    def star(self, A: Array) -> Array:
        """The adjoint A* of a small square matrix."""

    @abstractmethod
    def pair(self, A: Array, B: Array) -> Array:
        """The small matrix A* B of two tall ones."""

    @abstractmethod
    def tail_gram(self, D: Array) -> Array:
        """The small matrix of the tail of D with itself."""

    @abstractmethod
    def dual(self, P: Array, X: Array) -> Array:
        """The tall matrix P* transposed, times a small one; P X where the form is definite."""

    @abstractmethod
    def head(self, D: Array) -> Array:
        """The head E* D."""

    @abstractmethod
    def set_head(self, D: Array, H: Array) -> Array:
        """D with another head, written in place."""


class DefiniteForm(Form):
    """A form whose adjoint is the transpose or the conjugate transpose."""

    copies = 1

    def star(self, A: Array) -> Array:
        """The adjoint of a small square matrix."""
        return self.transpose(A)

    def pair(self, A: Array, B: Array) -> Array:
        """The small matrix A* B."""
        return self.transpose(A) @ B

    def tail(self, D: Array) -> Array:
        """The rows after the first n."""
        return D[..., self.n :, :]

    def tail_gram(self, D: Array) -> Array:
        """The Gram matrix of the tail."""
        tail = self.tail(D)
        return self.transpose(tail) @ tail

    def dual(self, P: Array, X: Array) -> Array:
        """P X."""
        return P @ X

    def head(self, D: Array) -> Array:
        """The first n rows."""
        return D[..., : self.n, :]

    def set_head(self, D: Array, H: Array) -> Array:
        """D with other first n rows."""
        D[..., : self.n, :] = H
        return D


@final
class OrthogonalForm(DefiniteForm):
    """The form of O(N): the adjoint is the transpose.

    Examples
    --------
    >>> import numpy as np
    >>> OrthogonalForm(2, 1).pair(np.array([[3.0], [4.0]]), np.array([[3.0], [4.0]]))
    array([[25.]])
    """

    def transpose(self, A: Array) -> Array:
        """The transpose."""
        return A.mT


@final
class UnitaryForm(DefiniteForm):
    """The form of U(N): the adjoint is the conjugate transpose.

    Examples
    --------
    >>> import numpy as np
    >>> UnitaryForm(2, 1).pair(np.array([[1.0], [1j]]), np.array([[1.0], [1j]]))
    array([[2.+0.j]])
    """

    field = "complex"

    def transpose(self, A: Array) -> Array:
        """The conjugate transpose."""
        return namespace(A).conj(A).mT


@final
class SymplecticForm(Form):
    r"""The form of Sp(2N, R): :math:`A^* = J^{\mathsf T} A^{\mathsf T} J` with :math:`J = \begin{pmatrix} 0 & I \\ -I &
    0 \end{pmatrix}`; E has the columns 1 to n and N + 1 to N + n of the identity.

    Examples
    --------
    >>> import numpy as np
    >>> SymplecticForm(1, 1).star(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[ 4., -2.],
           [-3.,  1.]])
    """

    copies = 2

    def transpose(self, A: Array) -> Array:
        """The transpose."""
        return A.mT

    def star(self, A: Array) -> Array:
        """The symplectic adjoint of a small square matrix."""
        turned = A.mT
        n = self.n
        return self._turned(namespace(A).concat([-turned[..., n:], turned[..., :n]], axis=-1))

    def _turned(self, X: Array) -> Array:
        """J transposed, times X."""
        half = X.shape[-2] // 2
        return namespace(X).concat([-X[..., half:, :], X[..., :half, :]], axis=-2)

    def pair(self, A: Array, B: Array) -> Array:
        """The small matrix A* B."""
        N = self.N
        one = A[..., :N, :].mT @ B[..., N:, :]
        other = one.mT if A is B else A[..., N:, :].mT @ B[..., :N, :]
        return self._turned(one - other)

    def tail_gram(self, D: Array) -> Array:
        """The adjoint of the tail times the tail."""
        one = D[..., self.n : self.N, :].mT @ D[..., self.N + self.n :, :]
        return self._turned(one - one.mT)

    def dual(self, P: Array, X: Array) -> Array:
        """The transpose of P* times X, which is J transposed, P, J and X."""
        half = self.n
        return self._turned(P @ namespace(X).concat([X[..., half:, :], -X[..., :half, :]], axis=-2))

    def head(self, D: Array) -> Array:
        """The rows 1 to n and N + 1 to N + n."""
        N, n = self.N, self.n
        return namespace(D).concat([D[..., :n, :], D[..., N : N + n, :]], axis=-2)

    def set_head(self, D: Array, H: Array) -> Array:
        """D with other rows 1 to n and N + 1 to N + n."""
        N, n = self.N, self.n
        D[..., :n, :] = H[..., :n, :]
        D[..., N : N + n, :] = H[..., n:, :]
        return D
