"""MatrixLieAlgebra: the Lie algebra of a group of matrices, with a basis, coordinates and brackets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from manifolds.checks import (
    Array,
    Seed,
    batch_shape,
    generator,
    place,
    real_array,
    square_matrices,
    square_sum,
    whole_number,
    worst_index,
)
from manifolds.errors import InputError

ALGEBRA_TOLERANCE = 1e-10
"""How far from the Lie algebra, relative to its norm, a matrix may be that is exponentiated."""

LARGEST_TABLE = 2**26  # entries of the structure constants: half a gigabyte


class MatrixLieAlgebra(ABC):
    r"""The half of a `MatrixGroup` that concerns its Lie algebra :math:`\mathfrak g`.

    A linear space of real :math:`n \times n` matrices that is closed under :math:`[X, Y] = XY - YX`, with a basis
    :math:`E_1, \dots, E_d` in which coordinates are taken. Every function works on all leading axes at once.

    Parameters
    ----------
    size : int
        The number :math:`n` of rows.
    name : str
        The name of the group, such as `SO(3)`.
    algebra_name : str or None
        The name of the Lie algebra in the printed grammar, such as `so(3)`; None where that grammar has no name.
    """

    def __init__(self, *, size: int, name: str, algebra_name: str | None) -> None:
        self.size = whole_number(size, name="size")
        self.name = name
        self.algebra_name = algebra_name

    @abstractmethod
    def algebra_basis(self) -> Array:
        """A basis of the Lie algebra, as an array of shape `(dimension, n, n)`; called once, then kept in `basis`."""

    def nearest_algebra(self, A: Array) -> Array:
        """The element of the Lie algebra nearest to each matrix in the Frobenius norm. See `project_algebra`."""
        return self.combine(self._coordinates(A))

    @property
    def dimension(self) -> int:
        """The dimension of the Lie algebra, and of the group as a manifold."""
        return len(self.basis)

    @cached_property
    def basis(self) -> Array:
        """The basis of the Lie algebra in which coordinates are taken, of shape `(dimension, n, n)`, read-only."""
        basis = np.array(self.algebra_basis(), dtype=float).reshape(-1, self.size, self.size)
        basis.setflags(write=False)
        return basis

    @cached_property
    def _dual(self) -> Array:
        """The matrix that takes the entries of an algebra element to its coordinates."""
        rows = self.basis.reshape(len(self.basis), self.size**2)
        gram = rows @ rows.T
        squares = np.diagonal(gram)
        if not (gram - np.diag(squares)).any():
            return np.asarray(rows / squares[:, None])
        return np.asarray(np.linalg.pinv(rows).T, dtype=float)

    @cached_property
    def structure_constants(self) -> Array:
        r"""The numbers :math:`c_{ij}^k` in :math:`[E_i, E_j] = \sum_k c_{ij}^k E_k` of the basis, as an array indexed
        `[i, j, k]`.

        Raises
        ------
        InputError
            If the array would be larger than half a gigabyte.
        """
        d = self.dimension
        if d**3 > LARGEST_TABLE:
            raise InputError(
                f"the structure constants of {self.name} are too many",
                why=f"{d} basis elements have {d}^3 = {d**3} of them",
                cure="use adjoint_algebra(X), one matrix for one X",
            )
        return np.stack([self.adjoint_algebra(E).T for E in self.basis]) if d else np.zeros((0, 0, 0))

    def project_algebra(self, A: ArrayLike) -> Array:
        """The element of the Lie algebra nearest to each matrix in the Frobenius norm.

        Examples
        --------
        >>> from manifolds import SpecialOrthogonal
        >>> SpecialOrthogonal(2).project_algebra([[1.0, -3.0], [1.0, 1.0]])
        array([[ 0., -2.],
               [ 2.,  0.]])
        """
        return self.nearest_algebra(square_matrices(A, self.size, what="A")).copy()

    def algebra_defect(self, X: ArrayLike) -> Array:
        """How far each matrix is from the Lie algebra: its distance over its norm; 0 for an element.

        Examples
        --------
        >>> from manifolds import SpecialOrthogonal
        >>> float(SpecialOrthogonal(2).algebra_defect(np.eye(2)))
        1.0
        """
        X = square_matrices(X, self.size, what="X")
        largest = np.abs(X).max(axis=(-2, -1), keepdims=True)
        X = X / np.where(largest > 0, largest, 1.0)
        norm2 = square_sum(X)
        rest = X - self.nearest_algebra(X)
        return np.sqrt(square_sum(rest) / np.where(norm2 > 0, norm2, 1.0))

    def _algebra_error2(self, X: Array) -> Any:
        """The squared distance of each matrix from the algebra, or up to twice that."""
        rest = X - self.nearest_algebra(X)
        return square_sum(rest)

    def _admit_algebra(self, X: Array, *, what: str = "X") -> float:
        """The largest squared norm of the matrices, all of which lie in the algebra."""
        if X.ndim == 2:
            norm2 = float(square_sum(X))
            if self._algebra_error2(X) <= ALGEBRA_TOLERANCE**2 * norm2:
                return norm2
        else:
            norms2 = square_sum(X)
            if (self._algebra_error2(X) <= ALGEBRA_TOLERANCE**2 * norms2).all():
                return float(norms2.max(initial=0.0))
        index, defect = worst_index(self.algebra_defect(X))
        raise InputError(
            f"{what}{place(index)} is not in {self.algebra_name or 'the Lie algebra of ' + self.name}",
            why=f"its distance from it is {defect:.3g} of its norm (tolerance {ALGEBRA_TOLERANCE:g})",
            cure=f"project it with project_algebra({what}), or combine it from the basis with combine(coordinates)",
        )

    def combine(self, coordinates: ArrayLike) -> Array:
        r"""The algebra element :math:`\sum_k x_k E_k` with these coordinates in `basis`.

        Parameters
        ----------
        coordinates : array of shape (..., dimension)

        Examples
        --------
        >>> from manifolds import SpecialOrthogonal
        >>> SpecialOrthogonal(2).combine([3.0])
        array([[ 0., -3.],
               [ 3.,  0.]])
        """
        x = real_array(coordinates, what="coordinates")
        if x.ndim == 0 or x.shape[-1] != self.dimension:
            raise InputError(
                f"coordinates has the shape {x.shape}",
                why=f"the Lie algebra of {self.name} has the dimension {self.dimension}",
                cure=f"give an array of shape (..., {self.dimension})",
            )
        rows = self.basis.reshape(self.dimension, self.size**2)
        return (x @ rows).reshape(*x.shape[:-1], self.size, self.size)

    def coordinates(self, X: ArrayLike) -> Array:
        """The coordinates of algebra elements in `basis`, of shape `(..., dimension)`.

        Raises
        ------
        InputError
            If :math:`X` is not in the Lie algebra.

        Examples
        --------
        >>> from manifolds import GeneralLinear
        >>> GeneralLinear(2).coordinates([[1.0, 2.0], [3.0, 4.0]])
        array([1., 2., 3., 4.])
        """
        X = square_matrices(X, self.size, what="X")
        self._admit_algebra(X)
        return self._coordinates(X)

    def _coordinates(self, X: Array) -> Array:
        return X.reshape(*X.shape[:-2], self.size**2) @ self._dual.T

    def random_algebra(self, rng: Seed = 0, *, shape: int | tuple[int, ...] = (), scale: float = 1.0) -> Array:
        """Algebra elements with independent normal coordinates of standard deviation `scale`.

        Examples
        --------
        >>> from manifolds import SpecialOrthogonal
        >>> SpecialOrthogonal(3).random_algebra(0, shape=(2, 5)).shape
        (2, 5, 3, 3)
        """
        axes = batch_shape(shape)
        if not 0 <= scale < np.inf:
            raise InputError(
                f"scale = {scale!r} is no standard deviation", why="it is negative or not finite", cure="give scale=1.0"
            )
        return self.combine(scale * generator(rng).standard_normal((*axes, self.dimension)))

    def bracket(self, X: ArrayLike, Y: ArrayLike) -> Array:
        """The commutator :math:`[X, Y] = XY - YX`.

        Examples
        --------
        >>> from manifolds import GeneralLinear
        >>> GeneralLinear(2).bracket([[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]])
        array([[ 1.,  0.],
               [ 0., -1.]])
        """
        X, Y = square_matrices(X, self.size, what="X"), square_matrices(Y, self.size, what="Y")
        self._admit_algebra(X)
        self._admit_algebra(Y, what="Y")
        return X @ Y - Y @ X

    def adjoint_algebra(self, X: ArrayLike) -> Array:
        r"""The matrix of :math:`\mathrm{ad}_X : Y \mapsto [X, Y]` in `basis`; :math:`\mathrm{Ad}_{\exp X} =
        \exp(\mathrm{ad}_X)`.

        Examples
        --------
        >>> from manifolds import SpecialOrthogonal
        >>> SpecialOrthogonal(3).adjoint_algebra(SpecialOrthogonal(3).basis[2]) + 0.0
        array([[ 0., -1.,  0.],
               [ 1.,  0.,  0.],
               [ 0.,  0.,  0.]])
        """
        X = square_matrices(X, self.size, what="X")
        self._admit_algebra(X)
        X = X[..., None, :, :]
        return self._coordinates(X @ self.basis - self.basis @ X).mT
