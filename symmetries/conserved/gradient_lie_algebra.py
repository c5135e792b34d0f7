r"""The Lie algebra that the gradients of a loss over all its data generate, at a point, modulo a prime.

A function Q is conserved by the gradient flows for all data when grad Q is orthogonal (in the metric G\ :sup:`-1`) to
every gradient, and then also to every bracket of the fields G\ :sup:`-1` grad L(.; data).  So near a point at which
these brackets span r dimensions, at most n - r conserved quantities are independent.

Source: S. Marcotte, R. Gribonval, G. Peyré, "Abide by the law and follow the flow: conservation laws for gradient
flows" (2023), arXiv:2307.00144, theorem 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np
from flint import nmod_mat

from symmetries.conserved.jets import JetProgram, Sampled
from symmetries.conserved.metric import Metric
from symmetries.modular import BRANCHING, Points, Residues
from symmetries.system import DeterminingSystem

Shape: TypeAlias = tuple[Any, Any] | None
"""A bracket of brackets, as a binary tree; None is a gradient."""

SPARE = 8
TRIES = 24
BRANCH_POINTS = 32
MAX_HEIGHT = 7
CHUNK_ENTRIES = 6_000_000
BRANCH_SAMPLES = 96
COST_LIMIT = 6_000_000_000
"""Most multiplications of residues that are spent on the brackets at one point."""


@final
@dataclass(frozen=True, kw_only=True)
class LieRank:
    """Dimension of the span of the brackets at a point.

    Parameters
    ----------
    rank: the dimension found, a lower bound of the true one.
    gradients: the dimension that the gradients alone span.
    height: levels of nested brackets that were used.
    closed: whether further brackets added nothing where they were tried.
    prime: the prime.
    """

    rank: int
    gradients: int
    height: int
    closed: bool
    prime: int


@final
class Echelon:
    """Vectors of residues, their span and its dimension."""

    def __init__(self, columns: int, prime: int) -> None:
        self._rows: Residues = np.zeros((0, columns), dtype=np.uint64)
        self._prime = prime

    @property
    def rank(self) -> int:
        """Dimension of the span."""
        return len(self._rows)

    def add(self, vectors: Residues) -> int:
        """Enlarge the span; how much larger it is."""
        before = self.rank
        stacked = np.concatenate([self._rows, vectors])
        rows, columns = stacked.shape
        if not rows or not columns:
            return 0
        reduced, rank = nmod_mat(rows, columns, stacked.ravel().tolist(), self._prime).rref()
        if rank > before:
            entries = np.array([int(value) for value in reduced.entries()[: rank * columns]], dtype=np.uint64)
            self._rows = entries.reshape(rank, columns)
        return int(rank) - before


@final
class BracketSampler:
    """Random brackets of the fields G^{-1} grad L(.; data) at one point.

    Parameters
    ----------
    jets: the program of the loss.
    pool: samples that share the parameters and differ in the data.
    metric: the metric.
    """

    def __init__(self, jets: JetProgram, pool: Sampled, metric: Metric) -> None:
        self.jets = jets
        self.pool = pool
        self.size = len(metric.entries)
        self._p = np.uint64(jets.prime)
        self._metric = metric
        self._raise = None if metric.is_identity else metric.inverse_residues(jets.prime)

    def brackets(self, shape: Shape, count: int, rng: np.random.Generator) -> Residues:
        """Values at the point of that many random brackets of a shape, one in each row."""
        most = max(1, CHUNK_ENTRIES // (self.jets.program.slots << height(shape)))
        parts = []
        for start in range(0, count, most):
            samples = min(most, count - start)
            point = np.repeat(self.pool.residues[: self.size, None, :1], samples, axis=2)
            parts.append(self._field(self._draw(shape, samples, rng), point)[:, 0].T)
        return np.concatenate(parts)

    def gradients(self, which: np.ndarray[Any, Any]) -> Residues:
        """The fields of some of the data of the pool, one in each row."""
        most = max(1, CHUNK_ENTRIES // self.jets.program.slots)
        parts = []
        for start in range(0, len(which), most):
            chosen = self.pool.take(which[start : start + most])
            parts.append(self._field(chosen, chosen.residues[: self.size, None])[:, 0].T)
        return np.concatenate(parts)

    def _draw(self, shape: Shape, samples: int, rng: np.random.Generator) -> Any:
        """A tree with random data at its leaves."""
        if shape is None:
            # The first of the pool are drawn more often: brackets of units that are off are zero.
            places = self.pool.residues.shape[1] * rng.random(size=samples) ** 2
            return self.pool.take(places.astype(np.int64))
        return (self._draw(shape[0], samples, rng), self._draw(shape[1], samples, rng))

    def _field(self, tree: Any, point: Residues) -> Residues:
        """The bracket [A, C] = DC.A - DA.C at jets of the point."""
        if isinstance(tree, Sampled):
            return self._gradient(tree, point)
        left, right = tree
        half = point.shape[1]
        a = self._field(left, point)
        both = self._field(right, np.concatenate([point, a], axis=1))
        back = self._field(left, np.concatenate([point, both[:, :half]], axis=1))
        difference = both[:, half:] + (self._p - back[:, half:])
        return difference % self._p

    def _gradient(self, leaf: Sampled, point: Residues) -> Residues:
        rest = leaf.residues[self.size :]
        inputs = np.zeros((len(leaf.residues), *point.shape[1:]), dtype=np.uint64)
        inputs[: self.size] = point
        inputs[self.size :, 0] = rest
        covector = self.jets.gradient(inputs, leaf.signs)[: self.size]
        if self._raise is None:
            return covector
        result = np.zeros_like(covector)
        for row, column, factor in self._raise:
            result[row] = (result[row] + covector[column] * np.uint64(factor) % self._p) % self._p
        return result


def height(shape: Shape) -> int:
    """Levels of nested brackets.

    >>> height(((None, None), None))
    2
    """
    return 0 if shape is None else 1 + max(height(shape[0]), height(shape[1]))


def cost(shape: Shape, level: int = 0) -> int:
    """Multiplications of one sample, in units of a gradient.

    >>> cost((None, None))
    7
    """
    if shape is None:
        return int(3**level)
    return cost(shape[0], level) + cost(shape[1], level + 1) + cost(shape[0], level + 1)


def random_shape(levels: int, rng: np.random.Generator, *, left: int | None = None) -> Shape:
    """A bracket with that many levels; the left side has ``left`` levels, or any fewer number."""
    if levels == 0:
        return None
    first = int(rng.integers(levels)) if left is None else left
    return (random_shape(first, rng), random_shape(levels - 1, rng))


def lie_rank(
    system: DeterminingSystem, metric: Metric, *, target: int, all_patterns: bool = False, seed: int = 0
) -> LieRank | None:
    """The largest dimension found at several points; None when the loss has too few points with a value.

    Parameters
    ----------
    system: the loss.
    metric: the metric of the gradient flow.
    target: dimension at which the search may end: that which the known conserved quantities allow.
    all_patterns: take every branch of every absolute value to be reached by some data.
    seed: seed of points and brackets.
    """
    best: LieRank | None = None
    program = system.program
    for prime, sampler in system.samplers():
        jets = JetProgram(sampler.modular)
        several = bool(program.kinds & BRANCHING) and not all_patterns
        for attempt in range(BRANCH_POINTS if several else TRIES):
            rng = np.random.default_rng([seed, prime, attempt])
            pool = _pool(system, jets, target, rng, all_patterns=all_patterns, positive=sampler.positive)
            if pool is None:
                continue
            found = _rank_at(BracketSampler(jets, pool, metric), target, rng)
            if best is None or found.rank > best.rank:
                best = found
            if best.rank >= target or not several:
                break
        if best is not None:
            break
    return best


def _pool(
    system: DeterminingSystem,
    jets: JetProgram,
    target: int,
    rng: np.random.Generator,
    *,
    all_patterns: bool,
    positive: bool,
) -> Sampled | None:
    """Samples at one random point of the parameters, with data that vary."""
    size, inputs = len(system.coordinates), len(system.inputs)
    several = bool(jets.program.kinds & BRANCHING)
    wanted = (3 * target + BRANCH_SAMPLES if several else target + SPARE) if system.data else 1
    point = Points.random(inputs, 1, rng, positive=positive).numerators
    most = max(8, 2 * CHUNK_ENTRIES // jets.program.slots)
    parts: list[Sampled] = []
    found = 0
    for _ in range(8 + 4 * wanted // most):
        candidates = Points.random(inputs, min(most, wanted + SPARE), rng, positive=positive).numerators
        candidates[:size] = point[:size]
        candidates[size + len(system.data) :] = point[size + len(system.data) :]
        drawn = jets.sample(Points(candidates), free_signs=rng if all_patterns else None)
        parts.append(drawn)
        found += drawn.residues.shape[1]
        if found >= wanted:
            break
    if not found:
        return None
    signs = {k: np.concatenate([part.signs[k] for part in parts], axis=1) for k in parts[0].signs}
    pool = Sampled(np.concatenate([part.residues for part in parts], axis=1), signs)
    return _busiest_first(jets, pool, size) if several and system.data else pool


def _busiest_first(jets: JetProgram, pool: Sampled, size: int) -> Sampled:
    """The samples with the most units that are on first."""
    most = max(1, CHUNK_ENTRIES // jets.program.slots)
    counts = []
    for start in range(0, pool.residues.shape[1], most):
        part = pool.take(np.arange(start, min(pool.residues.shape[1], start + most)))
        counts.append((jets.gradient(part.residues[:, None], part.signs)[:size, 0] != 0).sum(axis=0))
    return pool.take(np.argsort(-np.concatenate(counts), kind="stable"))


def _rank_at(sampler: BracketSampler, target: int, rng: np.random.Generator) -> LieRank:
    """Gradients, then brackets with more and more levels, until nothing new appears or the target is met."""
    prime, slots = sampler.jets.prime, sampler.jets.program.slots
    span = Echelon(sampler.size, prime)
    order = rng.permutation(sampler.pool.residues.shape[1])
    batch = 64
    while span.rank < target and len(order):
        if span.add(sampler.gradients(order[:batch])) == 0:
            break
        order, batch = order[batch:], max(4 * batch, target - span.rank + SPARE)
    gradients, levels, idle, spent = span.rank, 0, 0, 0
    while span.rank < target and idle < 2 and levels < MAX_HEIGHT and spent < COST_LIMIT // 2:
        levels += 1
        before = span.rank
        for left in range(levels):
            shape = random_shape(levels, rng, left=left)
            allowed = (COST_LIMIT - spent) // (cost(shape) * 4 * slots)
            if span.rank >= target or allowed < SPARE:
                break
            count = min(target - span.rank + SPARE, allowed)
            spent += count * cost(shape) * 4 * slots
            span.add(sampler.brackets(shape, count, rng))
        if spent > COST_LIMIT // 2:
            break
        # The brackets of two gradients are all tried at the first level; later levels try brackets of some shapes only.
        idle = 0 if span.rank > before else 2 if levels == 1 else idle + 1
    return LieRank(rank=span.rank, gradients=gradients, height=levels, closed=idle == 2, prime=prime)
