"""Null spaces over prime fields, and rational numbers from residues."""

from __future__ import annotations

from math import gcd, isqrt, lcm
from typing import Any, TypeAlias

import numpy as np
from flint import fmpq, fmpz_mat, nmod_mat

Residues: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]
Vector: TypeAlias = dict[int, fmpq]


def null_vectors(matrix: Residues, prime: int) -> tuple[tuple[int, ...], list[dict[int, int]]]:
    """Pivot columns and the null space basis of a matrix of residues, one sparse vector per free column.

    Each vector is 1 in its own free column and 0 in the other free ones, so the basis is determined by the pivots.
    """
    rows, columns = matrix.shape
    reduced, rank = nmod_mat(rows, columns, matrix.ravel().tolist(), prime).rref()
    if rank == columns:
        return tuple(range(columns)), []
    entries = np.array([int(value) for value in reduced.entries()[: rank * columns]], dtype=np.int64).reshape(
        rank, columns
    )
    pivots = (entries != 0).argmax(axis=1) if rank else np.zeros(0, dtype=np.int64)
    free = np.setdiff1d(np.arange(columns), pivots)
    basis = []
    for column in free:
        values = entries[:, column]
        vector = {int(pivots[row]): int(prime - values[row]) for row in np.flatnonzero(values)}
        vector[int(column)] = 1
        basis.append(vector)
    return tuple(int(pivot) for pivot in pivots), basis


def full_rank(matrices: Residues, prime: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which matrices of a stack (count, rows, columns) have a trivial null space modulo a prime.

    All are eliminated at once, without divisions: row := pivot * row - entry * pivot row.
    """
    p = np.uint64(prime)
    work = matrices.copy()
    count, _, columns = work.shape
    every = np.arange(count)
    full = np.ones(count, dtype=bool)
    for column in range(columns):
        pivot = column + (work[:, column:, column] != 0).argmax(axis=1)
        swapped = work[every, pivot].copy()
        work[every, pivot] = work[:, column]
        work[:, column] = swapped
        full &= swapped[:, column] != 0
        below = work[:, column + 1 :]
        head = swapped[:, None, column, None]
        shift = below[:, :, column, None] * swapped[:, None, :] % p
        work[:, column + 1 :] = (head * below % p + (p - shift)) % p
    return full


def rational_from_residue(residue: int, modulus: int, *, bound: int | None = None) -> fmpq | None:
    """Rational a/b = residue with |a|, b <= bound (default sqrt(modulus/2)), or None.

    >>> rational_from_residue(pow(3, -1, 101), 101)
    1/3
    """
    limit = isqrt(modulus // 2) if bound is None else bound
    a, b = (modulus, residue % modulus), (0, 1)
    while a[1] > limit:
        quotient = a[0] // a[1]
        a, b = (a[1], a[0] - quotient * a[1]), (b[1], b[0] - quotient * b[1])
    if b[1] == 0 or abs(b[1]) > limit:
        return None
    return fmpq(a[1], b[1])


def rational_vector(vector: dict[int, int], modulus: int, *, bound: int | None = None) -> Vector | None:
    """A sparse vector of residues as rationals, or None when an entry has no small one."""
    result: Vector = {}
    for column, residue in vector.items():
        value = rational_from_residue(residue, modulus, bound=bound)
        if value is None:
            return None
        if value != 0:
            result[column] = value
    return result


def chinese_remainder(first: dict[int, int], first_modulus: int, second: dict[int, int], prime: int) -> dict[int, int]:
    """Sparse vector modulo the product of two coprime moduli."""
    inverse = pow(first_modulus, -1, prime)
    combined = {}
    for column in first.keys() | second.keys():
        low = first.get(column, 0)
        step = (second.get(column, 0) - low) * inverse % prime
        combined[column] = low + first_modulus * step
    return combined


def primitive_integers(vector: Vector) -> dict[int, int]:
    """The vector scaled to coprime integers, the first one positive."""
    scale = lcm(*(int(value.q) for value in vector.values()))
    integers = {column: int((value * scale).p) for column, value in sorted(vector.items())}
    content = gcd(*integers.values())
    if next(iter(integers.values())) < 0:
        content = -content
    return {column: value // content for column, value in integers.items()}


def short_basis(vectors: list[dict[int, int]], *, limit: int = 40) -> list[dict[int, int]]:
    """Basis of the same rational space with shorter, sparser integer vectors where lattice reduction finds one."""
    if not 1 < len(vectors) <= limit:
        return vectors
    columns = sorted(set().union(*vectors))
    position = {column: k for k, column in enumerate(columns)}
    matrix = fmpz_mat(len(vectors), len(columns))
    for row, vector in enumerate(vectors):
        for column, value in vector.items():
            matrix[row, position[column]] = value
    reduced = matrix.lll()
    short = []
    for row in range(len(vectors)):
        vector = {column: int(reduced[row, k]) for k, column in enumerate(columns) if reduced[row, k] != 0}
        short.append(primitive_integers({column: fmpq(value) for column, value in vector.items()}))
    return short if _cost(short) < _cost(vectors) else vectors


def _cost(vectors: list[dict[int, int]]) -> tuple[int, int]:
    return sum(map(len, vectors)), sum(abs(value) for vector in vectors for value in vector.values())
