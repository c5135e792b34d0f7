"""Null spaces of many small matrices at once, modulo a small prime."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from symmetries.large.moment_field import FloatArray, PrimeField

IntArray: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

TOGETHER = 4_000_000
"""Entries of matrices that are eliminated together."""


def null_spaces(matrices: FloatArray, field: PrimeField) -> tuple[IntArray, IntArray]:
    """Null vectors of a stack of matrices, shape (count, rows, columns).

    Returns the number of the matrix of each null vector and the null vectors, residues from 0 to p - 1.  Each vector is
    1 at its own free column and 0 at the other free columns of its matrix.

    >>> which, vectors = null_spaces(np.array([[[1.0, 2.0]], [[0.0, 0.0]]]), PrimeField(1048559))
    >>> which.tolist(), vectors.tolist()
    ([0, 1, 1], [[1048557, 1], [1, 0], [0, 1]])
    """
    count, rows, columns = matrices.shape
    size = max(1, TOGETHER // max(1, rows * columns))
    parts = [_eliminated(matrices[start : start + size], field) for start in range(0, count, size)]
    numbers = [part[0] + start for start, part in zip(range(0, count, size), parts, strict=True)]
    if not parts:
        return np.zeros(0, dtype=np.int64), np.zeros((0, columns), dtype=np.int64)
    which = np.concatenate(numbers)
    vectors = np.concatenate([part[1] for part in parts])
    order = np.argsort(which, kind="stable")
    return which[order], vectors[order]


def _eliminated(matrices: FloatArray, field: PrimeField) -> tuple[IntArray, IntArray]:
    work = matrices.copy()
    count, rows, columns = work.shape
    every = np.arange(count)
    used = np.zeros((count, rows), dtype=bool)
    pivot_row = np.full((count, columns), -1)
    for column in range(columns):
        candidates = (field.canonical(work[:, :, column]) != 0) & ~used
        found = candidates.any(axis=1)
        row = candidates.argmax(axis=1)
        pivot = work[every, row]
        scaled = field.reduce(pivot * field.inverse(pivot[:, column])[:, None])
        factor = np.where(found[:, None], work[:, :, column], 0.0)
        factor[every, row] = 0.0
        work = field.reduce(work - field.reduce(factor[:, :, None] * scaled[:, None, :]))
        work[every[found], row[found]] = scaled[found]
        used[every[found], row[found]] = True
        pivot_row[found, column] = row[found]
    return _read(work, pivot_row, field)


def _read(work: FloatArray, pivot_row: IntArray, field: PrimeField) -> tuple[IntArray, IntArray]:
    columns = work.shape[2]
    numbers: list[IntArray] = []
    vectors: list[IntArray] = []
    for free in range(columns):
        which = np.flatnonzero(pivot_row[:, free] < 0)
        if not len(which):
            continue
        block = np.zeros((len(which), columns), dtype=np.int64)
        for column in range(columns):
            has = pivot_row[which, column] >= 0
            values = work[which[has], pivot_row[which[has], column], free]
            block[has, column] = field.canonical(-values).astype(np.int64)
        block[:, free] = 1
        numbers.append(which)
        vectors.append(block)
    if not numbers:
        return np.zeros(0, dtype=np.int64), np.zeros((0, columns), dtype=np.int64)
    return np.concatenate(numbers), np.concatenate(vectors)


def vanish(matrices: FloatArray, vectors: IntArray, field: PrimeField) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether each vector is annihilated by every row of its matrix, shape (count, rows, columns)."""
    centred = field.reduce(vectors.astype(float))
    result = np.ones(len(vectors), dtype=bool)
    size = max(1, TOGETHER // max(1, matrices.shape[1] * matrices.shape[2]))
    for start in range(0, len(vectors), size):
        chosen = slice(start, start + size)
        residual = field.reduce(matrices[chosen] * centred[chosen, None, :]).sum(axis=2)
        result[chosen] = field.is_zero(residual).all(axis=1)
    return result
