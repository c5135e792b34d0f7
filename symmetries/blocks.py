"""The determining equations, split by the grading into small systems and solved modulo a prime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.ansatz import Unknowns
from symmetries.modular import GradientSampler
from symmetries.nullspace import full_rank, null_vectors
from symmetries.system import DeterminingSystem

Residues: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]
IntArray: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

SPARE_ROWS = 16
FRESH_ROWS = 8
TOGETHER = 24
CHUNK_ENTRIES = 2_000_000
MAX_ROW_FACTOR = 64


@final
@dataclass(frozen=True)
class Partition:
    """The unknowns split into independent blocks.

    Parameters
    ----------
    blocks: unknowns of each block with at least two of them.
    single: unknowns alone in their block.
    """

    blocks: tuple[IntArray, ...]
    single: IntArray

    @property
    def largest(self) -> int:
        """Number of unknowns of the largest block."""
        return max((len(block) for block in self.blocks), default=int(len(self.single) > 0))

    @property
    def count(self) -> int:
        """Number of blocks."""
        return len(self.blocks) + len(self.single)


def partition(system: DeterminingSystem, unknowns: Unknowns) -> Partition:
    """Group the unknowns c of c m(theta) d/dtheta_i by the character of m / theta_i."""
    weight, parity = system.grading.hashes(np.random.default_rng(system.seed))
    size = len(system.coordinates)
    if unknowns.monomials is None:
        monomial_weight, monomial_parity = weight[:size], parity[:size]
    else:
        exponents = unknowns.monomials.astype(np.uint64)
        monomial_weight = (exponents * weight[:size]).sum(axis=1, dtype=np.uint64)
        odd = (exponents & np.uint64(1)) * parity[:size]
        monomial_parity = np.bitwise_xor.reduce(odd, axis=1)
    keys = monomial_weight[unknowns.monomial] - weight[unknowns.component]
    signs = monomial_parity[unknowns.monomial] ^ parity[unknowns.component]
    keys = keys * np.uint64(0x9E3779B97F4A7C15) + signs
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sizes = np.diff(np.concatenate([starts, [len(ordered)]]))
    several = [
        np.sort(order[start : start + size]) for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True)
    ]
    return Partition(blocks=tuple(several), single=order[starts[sizes == 1]])


MAX_BLOCK = 6_000
BYTES_PER_ENTRY = 72
"""Memory of an entry of a dense block: as a residue, as a Python integer and inside the elimination."""


def check_largest(parts: Partition) -> None:
    """Refuse a block whose dense elimination would not fit in memory and time, before anything is sampled."""
    size = parts.largest
    if size > MAX_BLOCK:
        raise InputError(
            f"the determining equations have a block of {size:,} coupled unknowns",
            why=f"it needs about {size * size * BYTES_PER_ENTRY / 1e9:.1f} GB; blocks up to {MAX_BLOCK:,} are taken",
            cure="use a smaller ansatz, smaller sizes, or free data instead of given data, which splits the equations",
        )


@final
@dataclass(frozen=True)
class Solution:
    """Null space of one block modulo a prime.

    Parameters
    ----------
    unknowns: the unknowns of the block.
    pivots: pivot columns, which fix the basis.
    basis: null vectors by position in the block.
    rows: how many points were used.
    stable: whether the vectors also vanish at fresh points.
    """

    unknowns: IntArray
    pivots: tuple[int, ...]
    basis: list[dict[int, int]]
    rows: int
    stable: bool


@final
class ModularSystem:
    """The determining equations modulo one prime."""

    def __init__(self, system: DeterminingSystem, unknowns: Unknowns, prime: int, sampler: GradientSampler) -> None:
        self.system = system
        self.unknowns = unknowns
        self.prime = prime
        self.sampler = sampler

    def columns(self, block: IntArray, rows: slice) -> Residues:
        """Equations of a block at some of the points, shape (points, unknowns of the block)."""
        points = self.sampler.points[: len(self.system.coordinates), rows]
        gradients = self.sampler.gradients[self.unknowns.component[block], rows]
        values = self._monomials(self.unknowns.monomial[block], points)
        return np.ascontiguousarray((values * gradients % np.uint64(self.prime)).T)

    def _monomials(self, which: IntArray, points: Residues) -> Residues:
        if self.unknowns.monomials is None:
            return points[which]
        distinct, place = np.unique(which, return_inverse=True)
        exponents = self.unknowns.monomials[distinct]
        result = np.ones((len(distinct), points.shape[1]), dtype=np.uint64)
        for coordinate in np.flatnonzero(exponents.any(axis=0)):
            for level in range(int(exponents[:, coordinate].max())):
                needed = exponents[:, coordinate] > level
                result[needed] = result[needed] * points[coordinate] % np.uint64(self.prime)
        return result[place]

    def unused(self, single: IntArray) -> IntArray:
        """Single unknowns that are free: those of coordinates in which the loss has no derivative."""
        gradients = self.sampler.gradients[: len(self.system.coordinates)]
        flat = np.asarray((gradients == 0).all(axis=1))
        return single[flat[self.unknowns.component[single]]]

    def with_solutions(self, blocks: Sequence[IntArray]) -> list[IntArray]:
        """The blocks that may have a nonzero solution; small blocks of one size are settled together."""
        by_size: dict[int, list[int]] = {}
        for place, block in enumerate(blocks):
            by_size.setdefault(len(block), []).append(place)
        left: list[int] = []
        for size, places in by_size.items():
            if size > TOGETHER or len(places) < 4 or not self.sampler.draw(size + 2):
                left.extend(places)
                continue
            chunk = max(1, CHUNK_ENTRIES // (size * (size + 2)))
            for start in range(0, len(places), chunk):
                part = places[start : start + chunk]
                stack = np.stack([blocks[place] for place in part])
                columns = self.columns(stack.ravel(), slice(0, size + 2))
                matrices = columns.reshape(size + 2, len(part), size).transpose(1, 0, 2)
                left.extend(np.array(part)[~full_rank(matrices, self.prime)].tolist())
        return [blocks[place] for place in sorted(left)]

    def solve(self, block: IntArray) -> Solution:
        """Null space of a block, with more points until it also holds at fresh ones."""
        size = len(block)
        rows = size + SPARE_ROWS
        while True:
            self.sampler.draw(rows + FRESH_ROWS)
            available = self.sampler.samples
            rows = min(rows, max(1, available - FRESH_ROWS))
            pivots, basis = null_vectors(self.columns(block, slice(0, rows)), self.prime)
            stable = self._vanish(block, basis, slice(rows, available))
            if stable or rows >= MAX_ROW_FACTOR * (size + SPARE_ROWS):
                return Solution(block, pivots, basis, rows, stable)
            rows *= 2

    def _vanish(self, block: IntArray, basis: list[dict[int, int]], rows: slice) -> bool:
        if not basis:
            return True
        fresh = slice(rows.start, min(rows.stop, rows.start + 64))
        columns = self.columns(block, fresh)
        for vector in basis:
            places = list(vector)
            values = np.array([vector[k] for k in places], dtype=np.uint64)
            residual = (columns[:, places] * values % np.uint64(self.prime)).sum(axis=1) % np.uint64(self.prime)
            if residual.any():
                return False
        return True
