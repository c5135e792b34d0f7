"""Matrices of Lie algebra elements in a faithful representation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from symmetries.actions.parameter_space import FloatArray

if TYPE_CHECKING:
    from manifolds import MatrixGroup

LARGEST_REPRESENTATION = 2**22
"""Entries of the matrices of all generators up to which they are written down."""


def block_bases(groups: Iterable[MatrixGroup]) -> FloatArray | None:
    """Basis matrices of several groups in the blocks of one matrix, shape (dimension, m, m); None where it is large.

    >>> from manifolds import PositiveDiagonal
    >>> block_bases([PositiveDiagonal(1), PositiveDiagonal(1)]).tolist()
    [[[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]]
    """
    factors = list(groups)
    order = sum(group.size for group in factors)
    dimension = sum(group.dimension for group in factors)
    if dimension * order**2 > LARGEST_REPRESENTATION:
        return None
    result, row, corner = np.zeros((dimension, order, order)), 0, 0
    for group in factors:
        block = slice(corner, corner + group.size)
        result[row : row + group.dimension, block, block] = group.basis
        row, corner = row + group.dimension, corner + group.size
    return result
