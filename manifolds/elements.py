"""MatrixElements: which matrices belong to a group, by how much others miss it, and the element nearest to them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifolds.algebras import MatrixLieAlgebra
from manifolds.checks import Array, square_matrices
from manifolds.conditions import Condition

ELEMENT_TOLERANCE = 1e-6
"""The largest defect of a matrix that is composed, inverted or whose logarithm is taken."""


class MatrixElements(MatrixLieAlgebra):
    r"""The half of a `MatrixGroup` that concerns membership.

    A subclass gives the conditions of the group, each with how far a matrix misses it, and an element near a matrix.
    """

    @abstractmethod
    def conditions(self, g: Array) -> Sequence[Condition]:
        """The conditions that make a matrix an element, each with how far `g` of shape `(..., n, n)` misses it."""

    @abstractmethod
    def nearest(self, A: Array) -> Array:
        """The element nearest to each matrix, or one near it; the elements themselves are kept. See `project`."""

    def _conditions(self, g: Array) -> Sequence[Condition]:
        with np.errstate(over="ignore", invalid="ignore"):  # then the condition is missed by infinity
            return self.conditions(g)

    def defect(self, g: ArrayLike) -> Array:
        """How far each matrix misses the conditions of the group, about its relative distance from it; 0 for elements.

        Examples
        --------
        >>> from manifolds import SpecialLinear
        >>> float(SpecialLinear(2).defect([[2.0, 0.0], [0.0, 1.0]]))
        1.0
        """
        g = square_matrices(g, self.size, what="g")
        worst = np.zeros(g.shape[:-2])
        for condition in self._conditions(g):
            worst = np.maximum(worst, condition.missed_by)
        return np.where(np.isnan(worst), np.inf, worst)

    def belongs(self, g: ArrayLike, tolerance: float = 1e-9) -> NDArray[np.bool_]:
        """Whether the defect of each matrix is at most the tolerance.

        Examples
        --------
        >>> from manifolds import SpecialLinear
        >>> SpecialLinear(2).belongs([np.eye(2), 2 * np.eye(2)])
        array([ True, False])
        """
        return np.asarray(self.defect(g) <= tolerance)

    def check(self, g: ArrayLike, tolerance: float = ELEMENT_TOLERANCE, *, what: str = "g") -> Array:
        """The matrices as an array, if all of them belong to the group.

        Raises
        ------
        InputError
            If one does not: it names the condition that fails, by how much, and where in the batch.

        Examples
        --------
        >>> from manifolds import SpecialOrthogonal
        >>> SpecialOrthogonal(2).check(np.eye(2)).shape
        (2, 2)
        """
        g = square_matrices(g, self.size, what=what)
        for condition in self._conditions(g) if g.size else ():
            if not (condition.missed_by <= tolerance).all():
                raise condition.refusal(self.name, what=what, tolerance=tolerance)
        return g

    def project(self, A: ArrayLike) -> Array:
        """The element nearest to each matrix in the Frobenius norm, or near it where the group says so.

        Raises
        ------
        InputError
            If there is none, or more than one.

        Examples
        --------
        >>> from manifolds import SpecialOrthogonal
        >>> SpecialOrthogonal(2).project([[0.0, -3.0], [1.0, 0.0]])
        array([[ 0., -1.],
               [ 1.,  0.]])
        """
        A = square_matrices(A, self.size, what="A")
        return self.nearest(A) if A.size else A.copy()
