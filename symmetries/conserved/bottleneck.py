r"""Groups of parameters on which a loss depends through one number only.

When the gradient in the parameters P of a group has one direction at each P, whatever the other parameters and the data
are, the flow moves P along one field.  Near a point where the field is not zero, |P| - 1 independent functions of P are
then conserved (straightening), although they seldom have a closed form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from symmetries.calculus import rebuild
from symmetries.conserved.gradient_lie_algebra import Echelon
from symmetries.conserved.metric import Metric
from symmetries.expression import entry_names
from symmetries.loss import Loss
from symmetries.modular import BRANCHING, Points, Residues
from symmetries.prove import Prover
from symmetries.scalar import Index
from symmetries.system import DeterminingSystem

MAX_ARRAYS = 16
MAX_GROUP = 60
SAMPLES = 6
TRIES = 4
TERM_LIMIT = 20_000


def one_directional_groups(loss: Loss, system: DeterminingSystem, metric: Metric) -> list[tuple[int, ...]]:
    """Positions of the entries of each group, a run of parameters in declaration order, that is proved to be one.

    Losses with branches have none here: the direction that the proof rests on may vanish on an open set.
    """
    found: list[tuple[int, ...]] = []
    if system.program.kinds & BRANCHING:
        return found
    for group in _runs(loss, system):
        inside = set(group)
        if any(inside <= set(other) for other in found) or len(group) > MAX_GROUP:
            continue
        if any(not set(metric.inverse_row(k)) <= inside for k in group):
            continue
        if _seems_one_directional(system, group) and _is_one_directional(system, group):
            found.append(group)
    return found


def _runs(loss: Loss, system: DeterminingSystem) -> Iterator[tuple[int, ...]]:
    """Runs of neighbouring parameters, the longest first."""
    sizes = [len(entry_names(name, shape)) for name, shape in loss.parameters.items()]
    if len(sizes) > MAX_ARRAYS:
        return
    starts = np.concatenate([[0], np.cumsum(sizes)])
    for length in range(len(sizes), 0, -1):
        for first in range(len(sizes) - length + 1):
            group = tuple(range(int(starts[first]), int(starts[first + length])))
            if len(group) > 1:
                yield group


def _seems_one_directional(system: DeterminingSystem, group: Sequence[int]) -> bool:
    """Whether gradients at one P and random other values have rank 1 modulo a prime."""
    rows = group_gradients(system, group, SAMPLES)
    if rows is None:
        return False
    gradients, prime = rows
    span = Echelon(len(group), prime)
    return span.add(gradients) == 1


def group_gradients(
    system: DeterminingSystem, group: Sequence[int], count: int, *, at: Points | None = None
) -> tuple[Residues, int] | None:
    """Gradients in a group at one value of its parameters, one a row, and the prime."""
    for prime, sampler in system.samplers():
        for attempt in range(TRIES):
            rng = np.random.default_rng([system.seed, prime, attempt, len(group)])
            points = Points.random(len(system.inputs), 4 * count, rng, positive=sampler.positive)
            fixed = points.numerators[:, :1] if at is None else at.numerators
            points.numerators[list(group)] = fixed[list(group)]
            values, good = sampler.modular.evaluate(points)
            if good.sum() >= count:
                kept = values[:, good][:, :count]
                return np.ascontiguousarray(sampler.modular.gradient(kept)[list(group)].T), prime
        break
    return None


def _is_one_directional(system: DeterminingSystem, group: Sequence[int]) -> bool:
    """Proof: with eta the gradient at some other values, eta_0 d_i - eta_i d_0 annihilates the loss for every i."""
    graph = system.graph
    symbols = [graph.symbol(system.coordinates[k]) for k in group]
    prover = Prover(graph, system.root, term_limit=TERM_LIMIT)
    direction = _direction(system, prover, symbols, set(group))
    pivot = next((k for k, node in enumerate(direction) if node != graph.zero), None)
    if pivot is None:
        return False
    for k, node in enumerate(direction):
        if k == pivot:
            continue
        field = {symbols[k]: direction[pivot], symbols[pivot]: graph.scale(node, -1)}
        if prover.prove(field).outcome != "zero":
            return False
    return True


def _direction(system: DeterminingSystem, prover: Prover, symbols: list[Index], inside: set[int]) -> list[Index]:
    """The gradient in the group, at small random values of all else."""
    graph = system.graph
    rng = np.random.default_rng([system.seed, len(inside)])
    others = [name for k, name in enumerate(system.inputs) if k not in inside and name not in system.constants]
    values = {graph.symbol(name): graph.constant(int(rng.integers(2, 9))) for name in others}
    root = rebuild(graph, system.root, values)
    inner = Prover(graph, root)
    return [inner.derivative({symbol: graph.one}) for symbol in symbols]


def annihilators(
    system: DeterminingSystem, metric: Metric, groups: Sequence[Sequence[int]], at: Points, prime: int
) -> Residues:
    """Covectors of the functions that each group keeps, at a point modulo a prime, one a row."""
    rows = []
    for group in groups:
        found = group_gradients(system, group, 1, at=at)
        if found is None or found[1] != prime:
            continue
        position = {k: place for place, k in enumerate(group)}
        gradient = [int(value) for value in found[0][0]]
        velocity = [0] * len(group)
        for k, place in position.items():
            for j, factor in metric.inverse_row(k).items():
                residue = factor.numerator * pow(factor.denominator, -1, prime) % prime
                velocity[place] = (velocity[place] + residue * gradient[position[j]]) % prime
        pivot = next((place for place, value in enumerate(velocity) if value), None)
        for place in (place for place in range(len(group)) if pivot is not None and place != pivot):
            row = np.zeros(len(system.coordinates), dtype=np.uint64)
            row[group[place]] = velocity[pivot]  # type: ignore[index]
            row[group[pivot]] = (prime - velocity[place]) % prime  # type: ignore[index]
            rows.append(row)
    return np.array(rows, dtype=np.uint64).reshape(len(rows), len(system.coordinates))
