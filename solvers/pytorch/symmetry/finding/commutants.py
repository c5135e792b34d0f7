"""Matrices that commute with given ones."""

from __future__ import annotations

import numpy as np


def commutant(matrices: np.ndarray) -> np.ndarray:
    """A basis of the matrices that commute with all of the given ones, shape (d, m, m)."""
    size = matrices.shape[-1]
    unit = np.eye(size)
    rows = np.concatenate([np.kron(unit, one.T) - np.kron(one, unit) for one in matrices])
    _, values, vectors = np.linalg.svd(rows)
    rank = int((values > 1e-9 * max(values.max(initial=0.0), 1e-300)).sum())
    return vectors[rank:].reshape(-1, size, size)


def algebra_name(basis: np.ndarray) -> str:
    """How the group of invertible elements of an algebra is printed."""
    return f"A({basis.shape[-1]}; {len(basis)})"
