"""Finite matrix groups: sign changes and permutations of coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from manifolds.conditions import Condition
from manifolds.groups import MatrixGroup

Array = np.ndarray[Any, Any]


class _FiniteMatrices(MatrixGroup):
    """A finite group of matrices; its Lie algebra is zero."""

    def algebra_basis(self) -> Array:
        """No elements."""
        return np.zeros((0, self.size, self.size))


@final
class SignMatrices(_FiniteMatrices):
    """The diagonal matrices with entries 1 and -1, the group Z_2^n.

    >>> SignMatrices(2).belongs(np.diag([1.0, -1.0])).item()
    True
    """

    def __init__(self, n: int) -> None:
        super().__init__(size=n, name=f"Z_2^{n}", algebra_name="0")

    def conditions(self, g: Array) -> Sequence[Condition]:
        """Diagonal, with squares 1."""
        return [Condition.matrix("g = diag(+-1)", g - self.nearest(g))]

    def nearest(self, A: Array) -> Array:
        """The signs of the diagonal."""
        diagonal = np.diagonal(A, axis1=-2, axis2=-1)
        return np.where(diagonal < 0, -1.0, 1.0)[..., None, :] * np.eye(self.size)

    def random(self, rng: Any = 0, *, shape: Any = (), scale: float = 1.0) -> Array:
        """Independent random signs."""
        del scale
        lead = (shape,) if isinstance(shape, int) else tuple(shape)
        signs = np.random.default_rng(rng).choice([-1.0, 1.0], size=(*lead, self.size))
        return signs[..., None, :] * np.eye(self.size)


@final
class PermutationMatrices(_FiniteMatrices):
    """The permutation matrices, the group S_n.

    >>> PermutationMatrices(2).belongs([[0.0, 1.0], [1.0, 0.0]]).item()
    True
    """

    def __init__(self, n: int) -> None:
        super().__init__(size=n, name=f"S_{n}", algebra_name="0")

    def conditions(self, g: Array) -> Sequence[Condition]:
        """Entries 0 and 1, one 1 in each row and column."""
        return [
            Condition.matrix("entries 0 and 1", g - np.round(np.clip(g, 0, 1))),
            Condition.matrix("one 1 a row", g.sum(axis=-1, keepdims=True) - 1),
            Condition.matrix("one 1 a column", g.sum(axis=-2, keepdims=True) - 1),
        ]

    def nearest(self, A: Array) -> Array:
        """The permutation matrix of largest inner product, by linear assignment."""
        from scipy.optimize import linear_sum_assignment

        flat = A.reshape(-1, self.size, self.size)
        result = np.zeros_like(flat)
        for k, matrix in enumerate(flat):
            rows, columns = linear_sum_assignment(-matrix)
            result[k, rows, columns] = 1.0
        return result.reshape(A.shape)

    def random(self, rng: Any = 0, *, shape: Any = (), scale: float = 1.0) -> Array:
        """Uniformly random permutations."""
        del scale
        lead = (shape,) if isinstance(shape, int) else tuple(shape)
        ranks = np.random.default_rng(rng).random((*lead, self.size)).argsort(axis=-1)
        return np.eye(self.size)[ranks]
