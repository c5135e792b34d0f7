"""The scalings that satisfy all requirements on a space: null spaces over the rationals and modulo two."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import TypeAlias

Row: TypeAlias = list[Fraction]


def reduced(rows: Sequence[Row], width: int) -> tuple[list[Row], list[int]]:
    """The reduced echelon form over the rationals, with its pivots."""
    done: dict[int, dict[int, Fraction]] = {}
    for row in rows:
        entries = {column: entry for column, entry in enumerate(row) if entry}
        for column in sorted(entries):
            if column in done and column in entries:
                _subtract(entries, done[column], entries[column])
        if not entries:
            continue
        pivot = min(entries)
        lead = entries[pivot]
        entries = {column: entry / lead for column, entry in entries.items()}
        for other in done.values():
            if pivot in other:
                _subtract(other, entries, other[pivot])
        done[pivot] = entries
    pivots = sorted(done)
    zero = Fraction(0)
    return [[done[pivot].get(column, zero) for column in range(width)] for pivot in pivots], pivots


def _subtract(entries: dict[int, Fraction], other: dict[int, Fraction], factor: Fraction) -> None:
    """Take a multiple of another row from a row, in place."""
    for column, entry in other.items():
        value = entries.get(column, Fraction(0)) - factor * entry
        if value:
            entries[column] = value
        else:
            entries.pop(column, None)


def null_space(rows: Sequence[Row], width: int) -> list[list[int]]:
    """A basis, in integers, of the vectors that all rows annihilate.

    >>> null_space([[Fraction(1), Fraction(-2)]], 2)
    [[2, 1]]
    """
    matrix, pivots = reduced(rows, width)
    basis = []
    for free in (column for column in range(width) if column not in pivots):
        vector = [Fraction(0)] * width
        vector[free] = Fraction(1)
        for row, pivot in zip(matrix, pivots, strict=True):
            if row[free]:
                vector[pivot] = -row[free]
        scale = lcm(*(entry.denominator for entry in vector))
        basis.append([int(entry * scale) for entry in vector])
    return basis


def independent(vectors: Sequence[Sequence[int]]) -> list[int]:
    """The places of vectors that are no combinations of those before them.

    >>> independent([[1, 0], [2, 0], [0, 1]])
    [0, 2]
    """
    if not vectors:
        return []
    rows = [[Fraction(vector[i]) for vector in vectors] for i in range(len(vectors[0]))]
    return reduced(rows, len(vectors))[1]


def binary_null_space(rows: Sequence[Sequence[int]], width: int) -> list[list[int]]:
    """A basis of the vectors of zeros and ones that all rows annihilate modulo two.

    >>> binary_null_space([[1, 1, 0]], 3)
    [[1, 1, 0], [0, 0, 1]]
    """
    matrix, pivots = _binary_reduced(rows, width)
    basis = []
    for free in (column for column in range(width) if column not in pivots):
        vector = [0] * width
        vector[free] = 1
        for row, pivot in zip(matrix, pivots, strict=True):
            vector[pivot] = row[free]
        basis.append(vector)
    return basis


def binary_independent(vectors: Sequence[Sequence[int]]) -> list[int]:
    """The places of vectors that are no sums, modulo two, of those before them."""
    if not vectors:
        return []
    rows = [[vector[i] for vector in vectors] for i in range(len(vectors[0]))]
    return _binary_reduced(rows, len(vectors))[1]


def _binary_reduced(rows: Sequence[Sequence[int]], width: int) -> tuple[list[list[int]], list[int]]:
    """The reduced echelon form modulo two, with its pivots."""
    matrix = [[entry % 2 for entry in row] for row in rows]
    pivots: list[int] = []
    for column in range(width):
        place = next((i for i in range(len(pivots), len(matrix)) if matrix[i][column]), None)
        if place is None:
            continue
        top = len(pivots)
        matrix[top], matrix[place] = matrix[place], matrix[top]
        for i, row in enumerate(matrix):
            if i != top and row[column]:
                matrix[i] = [a ^ b for a, b in zip(row, matrix[top], strict=True)]
        pivots.append(column)
    return matrix[: len(pivots)], pivots
