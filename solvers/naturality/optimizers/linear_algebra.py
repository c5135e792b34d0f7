"""Powers of symmetric matrices, solutions of linear systems and polar factors, for the steps of optimizers."""

from __future__ import annotations

import numpy as np

from symmetries.actions.parameter_space import FloatArray

CUT = 1e-13
"""Eigenvalues below this part of the largest are zero to rounding."""


def power(matrix: FloatArray, exponent: float, *, absolute: bool = False) -> FloatArray:
    """A real power of a symmetric matrix on its range.

    Parameters
    ----------
    matrix: symmetric, positive semidefinite, shape (n, n).
    exponent: of the eigenvalues; those that are zero to rounding stay zero.
    absolute: take the absolute values of the eigenvalues first.

    >>> power(np.diag([4.0, 0.0]), -0.5).tolist()
    [[0.5, 0.0], [0.0, 0.0]]
    """
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    sizes = np.abs(values) if absolute else values
    kept = sizes > CUT * np.abs(values).max(initial=0.0)
    powers = np.where(kept, np.where(kept, sizes, 1.0) ** exponent, 0.0)
    return (vectors * powers) @ vectors.T


def solve(matrix: FloatArray, vector: FloatArray) -> FloatArray:
    """The solution of a square linear system; NaN where the matrix is singular, so that a run shows it.

    >>> solve(np.diag([2.0, 4.0]), np.array([2.0, 2.0])).tolist()
    [1.0, 0.5]
    """
    try:
        return np.linalg.solve(matrix, vector)
    except np.linalg.LinAlgError:
        return np.full_like(vector, np.nan)


def polar(matrix: FloatArray) -> FloatArray:
    r"""The partial isometry :math:`G(G^{\mathsf T}G)^{-1/2}` on the range of G, which is unique for every rank.

    >>> polar(np.array([[3.0, 0.0], [0.0, 0.0]])).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    left, sizes, right = np.linalg.svd(matrix, full_matrices=False)
    return (left * (sizes > CUT * sizes.max(initial=0.0))) @ right
