r"""The determining equations of block fields: linear relations between entries of moment matrices.

With :math:`G = \partial L/\partial W` a field that moves W by the matrix A on an axis changes the loss by
:math:`\langle A, M\rangle`, where M is the moment matrix: the product of G and W, both unfolded along that axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, final

import numpy as np

from symmetries.large.block_grading import IndexSpace, Slot
from symmetries.large.moment_elimination import null_spaces, vanish
from symmetries.large.moment_field import FloatArray, PrimeField
from symmetries.large.moment_sampler import Batch, MomentSampler

IntArray: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

SPARE_ROWS = 6
BENT_ROWS = 24
"""Rows with branches at first: a unit is switched off at half of the points."""
FRESH_ROWS = 6
MAX_ROUNDS = 12
ROW_ENTRIES = 60_000_000
"""Entries of moment matrices that are held at a time."""


class TooFewPoints(Exception):
    """Too few of the points tried are good: defined, on a definite branch, with all roots in the field."""


def unfolded(array: FloatArray, slot: Slot) -> FloatArray:
    """Samples of an array as matrices whose rows belong to the axis."""
    if array.ndim == 1:
        return array.reshape(len(array), 1, 1)
    return np.moveaxis(array, slot.axis + 1, 1).reshape(len(array), slot.length, -1)


def moment(batch: Batch, slot: Slot, prime_field: PrimeField) -> FloatArray:
    """Moment matrices of an axis, shape (samples, length, length)."""
    rows, columns = unfolded(batch.gradients[slot.name], slot), unfolded(batch.points[slot.name], slot)
    return prime_field.matmul(rows, columns.transpose(0, 2, 1))


def diagonal_moment(batch: Batch, slot: Slot, prime_field: PrimeField) -> FloatArray:
    """Diagonals of the moment matrices, shape (samples, length)."""
    rows, columns = unfolded(batch.gradients[slot.name], slot), unfolded(batch.points[slot.name], slot)
    return prime_field.reduce(prime_field.reduce(rows * columns).sum(axis=2))


@final
@dataclass
class PairRelations:
    """The relations of the pairs of different indices of one index space.

    Parameters
    ----------
    space: the index space.
    first, second: the pairs (i, j), every order of them when the space is oriented, else i < j.
    which: number of the pair of each relation.
    vectors: coefficients of each relation, modulo the prime: at (i, j) of every axis, then at (j, i) unless oriented.
    """

    space: IndexSpace
    first: IntArray
    second: IntArray
    which: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    vectors: IntArray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))

    @classmethod
    def of(cls, space: IndexSpace) -> PairRelations:
        """The unsolved pairs of a space."""
        size = space.length
        first, second = np.nonzero(~np.eye(size, dtype=bool)) if space.oriented else np.triu_indices(size, 1)
        return cls(space, first.astype(np.int64), second.astype(np.int64))

    @property
    def columns(self) -> int:
        """Unknowns of a pair."""
        return len(self.space.slots) * (1 if self.space.oriented else 2)

    def table(self, moments: Sequence[FloatArray], chosen: IntArray) -> FloatArray:
        """Matrices of some pairs, shape (pairs, samples, unknowns), from the moments of the axes."""
        first, second = self.first[chosen], self.second[chosen]
        columns = []
        for moments_of, sign in zip(moments, self.space.signs, strict=True):
            turned = self.space.oriented and sign < 0
            columns.append(moments_of[:, second, first] if turned else moments_of[:, first, second])
            if not self.space.oriented:
                columns.append(moments_of[:, second, first])
        return np.ascontiguousarray(np.stack(columns, axis=-1).transpose(1, 0, 2))


@final
class MomentEquations:
    """The relations of all pairs of graded spaces, found at one prime and held at fresh points."""

    def __init__(self, sampler: MomentSampler, spaces: Sequence[IndexSpace]) -> None:
        self.sampler = sampler
        self.field = sampler.field
        self.relations = [PairRelations.of(space) for space in spaces if space.length > 1]
        self.rows = 0
        self._moments: list[list[FloatArray]] = []

    @property
    def first_rows(self) -> int:
        """Points of the first solution."""
        most = max((relation.columns for relation in self.relations), default=1)
        return max(most + SPARE_ROWS, BENT_ROWS if self.sampler.bent else 0)

    def entries_per_row(self) -> int:
        """Entries of the moment matrices of one point."""
        return sum(slot.length**2 for relation in self.relations for slot in relation.space.slots)

    def solve(self) -> None:
        """Solve at some points, and again with more until everything holds at fresh ones."""
        if not self.relations:
            return
        self._moments = self._sampled(self.first_rows)
        for relation, moments in zip(self.relations, self._moments, strict=True):
            self._solve(relation, moments, np.arange(len(relation.first)))
        passed = 0
        for _ in range(MAX_ROUNDS):
            if not any(len(relation.which) for relation in self.relations):
                return
            passed = passed + 1 if self._check(BENT_ROWS if self.sampler.bent else FRESH_ROWS) else 0
            if passed == (3 if self.sampler.bent else 1):
                return

    def _sampled(self, rows: int) -> list[list[FloatArray]]:
        """Moments of all axes of all relations at that many fresh points."""
        parts: list[list[list[FloatArray]]] = [[[] for _ in r.space.slots] for r in self.relations]
        found = 0
        for batch in self.sampler.batches(rows):
            found += batch.count
            for relation, lists in zip(self.relations, parts, strict=True):
                for slot, pieces in zip(relation.space.slots, lists, strict=True):
                    pieces.append(moment(batch, slot, self.field))
        if found < rows:
            raise TooFewPoints
        self.rows += rows
        return [[np.concatenate(pieces)[:rows] for pieces in lists] for lists in parts]

    def _solve(self, relation: PairRelations, moments: list[FloatArray], chosen: IntArray) -> None:
        size = max(1, ROW_ENTRIES // (4 * relation.columns * len(moments[0])))
        numbers, vectors = [relation.which], [relation.vectors.reshape(-1, relation.columns)]
        for start in range(0, len(chosen), size):
            part = chosen[start : start + size]
            which, found = null_spaces(relation.table(moments, part), self.field)
            numbers.append(part[which])
            vectors.append(found)
        relation.which, relation.vectors = np.concatenate(numbers), np.concatenate(vectors)
        order = np.argsort(relation.which, kind="stable")
        relation.which, relation.vectors = relation.which[order], relation.vectors[order]

    def _check(self, rows: int) -> bool:
        """Whether all relations hold at fresh points; pairs with one that does not are solved again."""
        fresh = self._sampled(rows)
        passed = True
        for number, (relation, moments) in enumerate(zip(self.relations, fresh, strict=True)):
            if not len(relation.which):
                continue
            holds = vanish(relation.table(moments, relation.which), relation.vectors, self.field)
            if holds.all():
                continue
            passed = False
            wrong = np.unique(relation.which[~holds])
            together = [np.concatenate(pair) for pair in zip(self._moments[number], moments, strict=True)]
            self._moments[number] = together
            keep = ~np.isin(relation.which, wrong)
            relation.which, relation.vectors = relation.which[keep], relation.vectors[keep]
            self._solve(relation, together, wrong)
        return passed
