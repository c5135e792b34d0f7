"""The unknowns of block fields that no character tells apart: all diagonals, and the axes that are coupled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.large.block_grading import Grading, Slot
from symmetries.large.block_moments import TooFewPoints, diagonal_moment, moment
from symmetries.large.moment_elimination import null_spaces
from symmetries.large.moment_field import FloatArray
from symmetries.large.moment_sampler import MomentSampler
from symmetries.nullspace import null_vectors

IntArray: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Unknown: TypeAlias = tuple[Slot, int, int]
"""Entry (i, j) of the matrix on an axis."""
Residual: TypeAlias = dict[Unknown, int]
"""Coefficients by unknown, modulo the prime."""

MAX_COUPLED = 6_000
SPARE_ROWS = 16
BENT_FACTOR = 2
FRESH_ROWS = 8
MAX_GROWTH = 16


@final
@dataclass(frozen=True)
class DiagonalSolution:
    """The relations among coupled unknowns, up to fields that are zero (c on the rows and -c on the columns).

    Parameters
    ----------
    local: independent relations between the diagonal entries of one index, by component of the grading and index.
    others: what completes them to a basis.
    rows: points that were used.
    stable: whether everything holds at fresh points.
    """

    local: tuple[tuple[tuple[Slot, ...], int, Residual], ...]
    others: tuple[Residual, ...]
    rows: int
    stable: bool

    @property
    def dimension(self) -> int:
        """Dimension of the fields."""
        return len(self.local) + len(self.others)


@final
class CoupledUnknowns:
    """The coupled unknowns of a grading as columns, with the choice of one representative per field.

    Parameters
    ----------
    grading: the index spaces.

    Raises
    ------
    InputError: there are too many of them for a dense elimination.
    """

    def __init__(self, grading: Grading) -> None:
        self.grading = grading
        self.start: dict[Slot, int] = {}
        total = 0
        for slot in grading.slots:
            self.start[slot] = total
            total += slot.length
        self.diagonal = total
        self.off = [slot for slot in grading.coupled if slot.length > 1]
        self.count = total + sum(slot.length * (slot.length - 1) for slot in self.off)
        if self.count > MAX_COUPLED:
            raise InputError(
                f"the determining equations have a block of {self.count:,} coupled unknowns",
                why=f"it needs about {self.count**2 * 72 / 1e9:.1f} GB; blocks up to {MAX_COUPLED:,} are taken, and "
                f"{len(self.off)} axes are not split by scalings or signs of single indices",
                cure="use free data instead of given data, which splits the equations, or smaller sizes",
            )
        dropped = [self.start[slot] for slot in grading.slots if slot.axis > 0]
        self.kept = np.setdiff1d(np.arange(self.count), dropped)

    def unknowns(self) -> list[Unknown]:
        """The unknown of every column."""
        listed: list[Unknown] = [(slot, i, i) for slot in self.grading.slots for i in range(slot.length)]
        for slot in self.off:
            listed += [(slot, i, j) for i in range(slot.length) for j in range(slot.length) if i != j]
        return listed

    def rows(self, sampler: MomentSampler, count: int) -> FloatArray:
        """Equations at that many fresh points, shape (points, columns)."""
        parts, found = [], 0
        for batch in sampler.batches(count):
            columns = [diagonal_moment(batch, slot, sampler.field) for slot in self.grading.slots]
            for slot in self.off:
                apart = ~np.eye(slot.length, dtype=bool)
                columns.append(moment(batch, slot, sampler.field)[:, apart])
            parts.append(np.concatenate(columns, axis=1))
            found += batch.count
        if found < count:
            raise TooFewPoints
        return np.concatenate(parts)[:count]

    def representative(self, vectors: IntArray, prime: int) -> IntArray:
        """The vectors that give the same fields and are 0 in the dropped columns."""
        result = vectors.copy()
        first = {slot.name: slot for slot in self.grading.slots if slot.axis == 0}
        for slot in self.grading.slots:
            if slot.axis:
                level = result[:, self.start[slot]].copy()
                if level.any():
                    own, base = self.start[slot], self.start[first[slot.name]]
                    result[:, own : own + slot.length] -= level[:, None]
                    result[:, base : base + first[slot.name].length] += level[:, None]
        return np.asarray(result % prime)


def solve_coupled(sampler: MomentSampler, columns: CoupledUnknowns) -> DiagonalSolution:
    """All relations among the coupled unknowns, with more points until they hold at fresh ones."""
    factor = BENT_FACTOR if sampler.bent else 1
    wanted = factor * len(columns.kept) + SPARE_ROWS
    table = columns.rows(sampler, wanted)
    fresh_rows = FRESH_ROWS * (4 if sampler.bent else 1)
    for _ in range(MAX_GROWTH):
        basis, free = _basis(table, columns, sampler.field.prime)
        fresh = columns.rows(sampler, fresh_rows)
        stable = _holds(fresh, basis, sampler)
        table = np.concatenate([table, fresh])
        if stable:
            break
        table = np.concatenate([table, columns.rows(sampler, len(table) // 2)])
    local = _local(table, columns, sampler)
    return _completed(basis, free, local, columns, sampler.field.prime, rows=len(table), stable=stable)


def _basis(table: FloatArray, columns: CoupledUnknowns, prime: int) -> tuple[IntArray, IntArray]:
    """Basis over the kept columns, one vector per free column, and the free columns."""
    residues = np.mod(table[:, columns.kept], float(prime)).astype(np.uint64)
    pivots, vectors = null_vectors(np.ascontiguousarray(residues), prime)
    free = np.setdiff1d(np.arange(len(columns.kept)), np.array(pivots, dtype=np.int64))
    basis = np.zeros((len(vectors), columns.count), dtype=np.int64)
    for row, vector in enumerate(vectors):
        places = columns.kept[list(vector)]
        basis[row, places] = list(vector.values())
    return basis, columns.kept[free]


def _holds(fresh: FloatArray, basis: IntArray, sampler: MomentSampler) -> bool:
    if not len(basis):
        return True
    field = sampler.field
    centred = field.reduce(basis.astype(float))
    return bool(field.is_zero(field.matmul(fresh[None], centred.T[None])).all())


def _local(
    table: FloatArray, columns: CoupledUnknowns, sampler: MomentSampler
) -> list[tuple[tuple[Slot, ...], int, dict[int, int]]]:
    """Relations between the diagonal entries of one index of one component."""
    found: list[tuple[tuple[Slot, ...], int, dict[int, int]]] = []
    for component in columns.grading.components:
        places = np.array([columns.start[slot] for slot in component])
        indices = places[None, :] + np.arange(component[0].length)[:, None]
        matrices = table[:, indices].transpose(1, 0, 2)
        which, vectors = null_spaces(np.ascontiguousarray(matrices), sampler.field)
        for index, vector in zip(which.tolist(), vectors.tolist(), strict=True):
            entries = {int(indices[index, k]): value for k, value in enumerate(vector) if value}
            found.append((component, index, entries))
    return found


def _completed(
    basis: IntArray,
    free: IntArray,
    local: Sequence[tuple[tuple[Slot, ...], int, dict[int, int]]],
    columns: CoupledUnknowns,
    prime: int,
    *,
    rows: int,
    stable: bool,
) -> DiagonalSolution:
    """An independent part of the local relations, and basis vectors that complete it."""
    listed = columns.unknowns()
    vectors = np.zeros((len(local), columns.count), dtype=np.int64)
    for row, (_, _, entries) in enumerate(local):
        vectors[row, list(entries)] = list(entries.values())
    coordinates = columns.representative(vectors, prime)[:, free]
    kept = _pivots(coordinates.T, prime)
    spanned = _pivots(coordinates[kept], prime)
    others = [basis[row] for row in range(len(basis)) if row not in set(spanned)]
    return DiagonalSolution(
        local=tuple((local[row][0], local[row][1], {listed[c]: v for c, v in local[row][2].items()}) for row in kept),
        others=tuple({listed[c]: int(vector[c]) for c in np.flatnonzero(vector)} for vector in others),
        rows=rows,
        stable=stable,
    )


def _pivots(matrix: IntArray, prime: int) -> list[int]:
    """Pivot columns of a matrix of residues."""
    if not matrix.size:
        return []
    pivots, _ = null_vectors(np.ascontiguousarray(matrix.astype(np.uint64)), prime)
    return list(pivots)
