r"""The linear equations of polynomial conserved quantities, split into small blocks and solved modulo a prime.

For Q = sum_k c_k m_k with monomials m_k, conservation <grad Q, G^{-1} grad L> = 0 is one linear equation in the c_k for
every point.  A monomial stands for several fields: its derivative in theta_a has the character of m/theta_a under the
scalings and signs that keep L.  Monomials that share a character are coupled; the others are independent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from math import comb
from typing import Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.conserved.metric import Metric
from symmetries.modular import GradientSampler
from symmetries.nullspace import full_rank, null_vectors
from symmetries.system import DeterminingSystem

Residues: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]
IntArray: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

MAX_MONOMIALS = 8_000_000
MAX_BLOCK = 6_000
SPARE_ROWS = 16
FRESH_ROWS = 8
TOGETHER = 24
CHUNK = 2_000_000
MAX_ROW_FACTOR = 64
MIX = np.uint64(0x9E3779B97F4A7C15)


@final
@dataclass(frozen=True)
class Monomials:
    """Monomials as products of coordinates: one array for each degree, a row of ascending positions each.

    >>> Monomials.of_degrees([0, 1], (1, 2)).count
    5
    """

    rows: tuple[IntArray, ...]

    @classmethod
    def of_degrees(cls, coordinates: Sequence[int], degrees: Sequence[int]) -> Monomials:
        """All monomials of these degrees in these coordinates."""
        size = len(coordinates)
        check_monomials(size, degrees)
        names = np.asarray(coordinates, dtype=np.int64)
        return cls(tuple(names[_positions(size, degree)] for degree in degrees))

    @classmethod
    def squares(cls, coordinates: Sequence[int]) -> Monomials:
        """The squares of coordinates."""
        names = np.asarray(coordinates, dtype=np.int64)
        return cls((np.stack([names, names], axis=1),))

    @property
    def count(self) -> int:
        """Number of monomials."""
        return sum(len(rows) for rows in self.rows)

    def positions(self, which: int) -> tuple[int, ...]:
        """The coordinates of one monomial, ascending, with repetitions."""
        for rows in self.rows:
            if which < len(rows):
                return tuple(int(k) for k in rows[which])
            which -= len(rows)
        raise IndexError(which)

    def groups(self, which: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
        """The chosen monomials by degree: their places in ``which`` and their rows."""
        start = 0
        for rows in self.rows:
            inside = np.flatnonzero((which >= start) & (which < start + len(rows)))
            if len(inside):
                yield inside, rows[which[inside] - start]
            start += len(rows)


def check_monomials(size: int, degrees: Sequence[int]) -> None:
    """Refuse more monomials than fit in memory, before anything is built."""
    total = sum(comb(size + degree - 1, degree) for degree in degrees)
    if total > MAX_MONOMIALS:
        raise InputError(
            f"conserved quantities of degree {max(degrees)} in {size:,} parameters have {total:,} monomials",
            why=f"at most {MAX_MONOMIALS:,} are taken",
            cure="use a lower degree, the ansatz diagonal, or smaller sizes",
        )


def _positions(size: int, degree: int) -> IntArray:
    """All ascending tuples of positions, as rows."""
    if degree == 2:
        return np.stack(np.triu_indices(size), axis=1).astype(np.int64)
    rows = list(combinations_with_replacement(range(size), degree))
    return np.array(rows, dtype=np.int64).reshape(len(rows), degree)


@final
@dataclass(frozen=True)
class LawSolution:
    """Null space of one block modulo a prime: null vectors by monomial, with the pivots that fix the basis."""

    block: IntArray
    pivots: tuple[int, ...]
    basis: list[dict[int, int]]


@final
@dataclass
class LawEquations:
    """The equations of conserved quantities modulo one prime.

    Parameters
    ----------
    system: the loss.
    metric: the metric of the gradient flow.
    monomials: the monomials that a quantity may consist of.
    prime: the prime.
    sampler: where points and gradients come from.
    """

    system: DeterminingSystem
    metric: Metric
    monomials: Monomials
    prime: int
    sampler: GradientSampler
    _velocities: Residues = field(default_factory=lambda: np.zeros((0, 0), dtype=np.uint64))

    def blocks(self) -> list[IntArray]:
        """The coupled monomials, block by block."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        monomial, keys = self._characters()
        _, place = np.unique(keys, return_inverse=True)
        count, kinds = self.monomials.count, int(place.max(initial=-1)) + 1
        graph = coo_array((np.ones(len(place), dtype=np.int8), (monomial, count + place)), shape=(count + kinds,) * 2)
        labels = connected_components(graph, directed=False)[1][:count]
        order = np.argsort(labels, kind="stable")
        cuts = np.flatnonzero(np.diff(labels[order])) + 1
        starts = np.concatenate([[0], cuts]).astype(np.int64)
        sizes = np.diff(np.concatenate([starts, [count]]))
        single = order[starts[sizes == 1]]
        several = [order[a : a + n] for a, n in zip(starts[sizes > 1], sizes[sizes > 1], strict=True)]
        return [*several, *self._unforced(single)]

    def _characters(self) -> tuple[IntArray, Residues]:
        """Pairs (monomial, character of one of its derivatives times a coordinate field)."""
        weight, parity = self.system.grading.hashes(np.random.default_rng(self.system.seed))
        numbers, keys = [], []
        start = 0
        neighbours = None if self.metric.is_diagonal else [list(self.metric.inverse_row(k)) for k in range(self._size)]
        for rows in self.monomials.rows:
            total = weight[rows].sum(axis=1, dtype=np.uint64)
            signs = np.bitwise_xor.reduce(parity[rows], axis=1)
            for column in rows.T:
                weights, flips = total - weight[column], signs ^ parity[column]
                places = np.arange(start, start + len(rows))
                target = column
                if neighbours is not None:
                    counts = [len(neighbours[k]) for k in column]
                    target = np.array([j for k in column for j in neighbours[k]], dtype=np.int64)
                    weights, flips, places = (np.repeat(part, counts) for part in (weights, flips, places))
                numbers.append(places)
                keys.append((weights - weight[target]) * MIX + (flips ^ parity[target]))
            start += len(rows)
        return np.concatenate(numbers), np.concatenate(keys)

    @property
    def _size(self) -> int:
        return len(self.system.coordinates)

    def draw(self, rows: int) -> int:
        """Have that many points, and the fields G^{-1} grad L there; how many there are."""
        self.sampler.draw(rows)
        done = self._velocities.shape[1]
        gradients = self.sampler.gradients[: self._size, done:]
        p = np.uint64(self.prime)
        if not self.metric.is_identity:
            raised = np.zeros_like(gradients)
            for row, column, factor in self.metric.inverse_residues(self.prime):
                raised[row] = (raised[row] + gradients[column] * np.uint64(factor) % p) % p
            gradients = raised
        self._velocities = np.concatenate([self._velocities.reshape(self._size, done), gradients], axis=1)
        return self.sampler.samples

    def columns(self, block: IntArray, rows: slice) -> Residues:
        """Equations of a block at some of the points, shape (points, monomials of the block)."""
        p = np.uint64(self.prime)
        points, velocities = self.sampler.points[: self._size, rows], self._velocities[:, rows]
        result = np.empty((points.shape[1], len(block)), dtype=np.uint64)
        for places, positions in self.monomials.groups(block):
            value, slope = points[positions[:, 0]], velocities[positions[:, 0]]
            for column in positions.T[1:]:
                slope = (slope * points[column] % p + value * velocities[column] % p) % p
                value = value * points[column] % p
            result[:, places] = slope.T
        return np.ascontiguousarray(result)

    def _unforced(self, single: IntArray) -> list[IntArray]:
        """Monomials that are alone in their block and whose own equation is empty."""
        self.draw(FRESH_ROWS)
        left = []
        chunk = CHUNK // FRESH_ROWS
        for start in range(0, len(single), chunk):
            part = single[start : start + chunk]
            zero = (self.columns(part, slice(0, FRESH_ROWS)) == 0).all(axis=0)
            left.extend(part[zero])
        return [np.array([one]) for one in left]

    def with_solutions(self, blocks: Sequence[IntArray]) -> list[IntArray]:
        """The blocks that may have a nonzero solution; small blocks of one size are settled together."""
        by_size: dict[int, list[int]] = {}
        for place, block in enumerate(blocks):
            by_size.setdefault(len(block), []).append(place)
        left: list[int] = []
        for size, places in by_size.items():
            if size == 1 or size > TOGETHER or len(places) < 4 or self.draw(size + 2) < size + 2:
                left.extend(places)
                continue
            chunk = max(1, CHUNK // (size * (size + 2)))
            for start in range(0, len(places), chunk):
                part = places[start : start + chunk]
                columns = self.columns(np.concatenate([blocks[place] for place in part]), slice(0, size + 2))
                matrices = columns.reshape(size + 2, len(part), size).transpose(1, 0, 2)
                left.extend(np.array(part)[~full_rank(matrices, self.prime)].tolist())
        return [blocks[place] for place in sorted(left)]

    def solve(self, block: IntArray) -> LawSolution:
        """Null space of a block, with more points until it also holds at fresh ones."""
        size = len(block)
        if size > MAX_BLOCK:
            why = f"blocks of up to {MAX_BLOCK:,} are eliminated"
            cure = "use a lower degree, the ansatz diagonal, smaller sizes, or free data instead of given data"
            raise InputError(f"{size:,} coupled monomials of a conserved quantity", why=why, cure=cure)
        rows = size + SPARE_ROWS
        while True:
            available = self.draw(rows + FRESH_ROWS)
            rows = min(rows, max(1, available - FRESH_ROWS))
            pivots, basis = null_vectors(self.columns(block, slice(0, rows)), self.prime)
            if self._vanish(block, basis, rows, available) or rows >= MAX_ROW_FACTOR * (size + SPARE_ROWS):
                return LawSolution(block, pivots, basis)
            if available < rows + FRESH_ROWS:
                return LawSolution(block, pivots, basis)
            rows *= 2

    def _vanish(self, block: IntArray, basis: list[dict[int, int]], start: int, stop: int) -> bool:
        """Whether the null vectors also satisfy the equations at fresh points."""
        p = np.uint64(self.prime)
        columns = self.columns(block, slice(start, min(stop, start + 64)))
        for vector in basis:
            values = np.array(list(vector.values()), dtype=np.uint64)
            if ((columns[:, list(vector)] * values % p).sum(axis=1) % p).any():
                return False
        return True
