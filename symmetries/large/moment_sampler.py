"""Gradients of a loss at many random points of a prime field, array by array."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from symmetries.domain import is_partial
from symmetries.expression import Node, Shape, walk
from symmetries.large.moment_field import FloatArray, PrimeField
from symmetries.large.moment_functions import Entry, is_bent
from symmetries.large.moment_rules import ENTRYWISE, Parts, Rules
from symmetries.large.moment_signs import BranchSigns
from symmetries.modular import CUBE_BITS

if TYPE_CHECKING:
    from symmetries.loss import Loss

CHUNK_ENTRIES = 4_000_000
SPAN, SCALE = 1024, 256
"""Where a loss has branches, points are integers up to 1024 in size over 256, so that they are exact in doubles."""
MAX_TRIES = 30
"""Batches without a single good point after which sampling is given up."""


@final
@dataclass(frozen=True)
class Batch:
    """Good points with the gradients there, each array with a first axis of samples."""

    points: Mapping[str, FloatArray]
    gradients: Mapping[str, FloatArray]
    count: int


@final
class MomentSampler:
    """Random points with gradients modulo one prime.

    Parameters
    ----------
    loss: the loss.
    prime: the prime.
    seed: seed of the points.
    """

    def __init__(self, loss: Loss, prime: int, *, seed: int) -> None:
        self.field = PrimeField(prime)
        self.rules = Rules(self.field)
        self.root = loss.expression
        self.nodes = list(walk(self.root))
        self.bent = any(is_bent(node) for node in self.nodes)
        partial = any(is_partial(node) for node in self.nodes)
        self._signs = BranchSigns(self.root, whole=partial) if self.bent else None
        self._free = {name: item.shape for name, item in loss.data.items() if item.values is None}
        moving = [name for name, item in loss.data.items() if item.moves]
        self.shapes: dict[str, Shape] = dict(loss.parameters) | {name: self._free[name] for name in moving}
        self.inputs: dict[str, Shape] = dict(loss.parameters) | self._free
        self._rng = np.random.default_rng([seed, prime])
        self._constants = {name: int(self._rng.integers(1, SPAN)) for name in loss.constants}
        self._moves = self._dependent(set(self.shapes))
        self._leaves = {id(node): self._leaf(node) for node in self.nodes if not node.arguments}
        self.positive = False
        self.tried = self.accepted = 0
        total = sum(node.size for node in self.nodes) + 2 * sum(math.prod(shape) for shape in self.inputs.values())
        self.chunk = max(1, min(256, CHUNK_ENTRIES // total))

    def _dependent(self, names: set[str]) -> set[int]:
        moving: set[int] = set()
        for node in self.nodes:
            own = node.operation == "symbol" and node.payload in names
            if own or any(id(argument) in moving for argument in node.arguments):
                moving.add(id(node))
        return moving

    def _leaf(self, node: Node) -> FloatArray | None:
        payload: Any = node.payload
        if node.operation == "number":
            return np.asarray([self.field.residue(payload)])
        if node.operation == "array":
            return self.field.residues(payload).reshape(1, *node.shape)
        if node.operation == "pi":
            return np.asarray([float(self._rng.integers(2, self.field.prime // 2))])
        return None

    # points

    def _draw(self, count: int) -> tuple[dict[str, FloatArray], dict[str, FloatArray] | None]:
        """Residues of random points and, where there are branches, the points themselves."""
        if not self.bent:
            half = self.field.prime // 2
            points = {
                name: self._rng.integers(-half, half, size=(count, *shape), endpoint=True).astype(float)
                for name, shape in self.inputs.items()
            }
            return points | self._fixed(), None
        bits = self._rng.choice(CUBE_BITS, size=count)
        inverse = self.field.residue(pow(SCALE, -1, self.field.prime))
        low = 1 if self.positive else -SPAN
        points, floats = {}, {}
        for name, shape in self.inputs.items():
            numerators = self._rng.integers(low, SPAN, size=(count, *shape), endpoint=True)
            numerators = (numerators << bits.reshape(count, *(1,) * len(shape))).astype(float)
            floats[name] = numerators / SCALE
            points[name] = self.field.reduce(self.field.reduce(numerators) * inverse)
        return points | self._fixed(), floats

    def _fixed(self) -> dict[str, FloatArray]:
        return {name: np.array([float(value)]) for name, value in self._constants.items()}

    def _branches(self, floats: dict[str, FloatArray], good: Any) -> dict[int, FloatArray]:
        assert self._signs is not None
        rows: list[dict[int, FloatArray]] = []
        constants = {name: np.asarray(float(value)) for name, value in self._constants.items()}
        for k in range(len(good)):
            found = self._signs.at({name: array[k] for name, array in floats.items()} | constants)
            good[k] = found is not None
            if found is not None:
                rows.append(found)
        if not rows:
            return {}
        return {key: np.stack([row[key] for row in rows]) for key in rows[0]}

    # values and gradients

    def evaluate(
        self, points: Mapping[str, FloatArray], signs: Mapping[int, FloatArray], good: Any
    ) -> tuple[dict[int, FloatArray], dict[int, Entry]]:
        """Values of all nodes, and the partial derivatives of the entrywise ones."""
        values: dict[int, FloatArray] = {}
        entries: dict[int, Entry] = {}
        for node in self.nodes:
            if not node.arguments:
                leaf = self._leaves[id(node)]
                values[id(node)] = points[str(node.payload)] if leaf is None else leaf
                continue
            xs = [values[id(argument)] for argument in node.arguments]
            if node.operation in ENTRYWISE:
                entry = self.rules.entry(node, xs, signs.get(id(node)), good)
                value, partials = self.field.reduce(entry[0]), [self.field.reduce(part) for part in entry[1]]
                values[id(node)] = np.broadcast_to(value, (len(value), *node.shape))
                entries[id(node)] = (value, partials)
            else:
                values[id(node)] = self.rules.value(node, xs, good)
        return values, entries

    def gradient(self, values: dict[int, FloatArray], entries: dict[int, Entry], count: int) -> dict[str, FloatArray]:
        """Gradient of the loss in every array that may move."""
        adjoints: dict[int, FloatArray] = {id(self.root): np.ones((count, *self.root.shape))}
        result = {name: np.zeros((count, *shape)) for name, shape in self.shapes.items()}
        for node in reversed(self.nodes):
            adjoint = adjoints.pop(id(node), None)
            if adjoint is None or id(node) not in self._moves:
                continue
            if node.operation == "symbol":
                name = str(node.payload)
                result[name] = self.field.reduce(result[name] + adjoint)
                continue
            xs = [values[id(argument)] for argument in node.arguments]
            for k, argument in enumerate(node.arguments):
                if id(argument) in self._moves:
                    part = self.rules.adjoint(node, xs, values[id(node)], adjoint, entries.get(id(node)), k)
                    old = adjoints.get(id(argument))
                    adjoints[id(argument)] = part if old is None else self.field.reduce(old + part)
        return result

    def tangents(
        self, values: dict[int, FloatArray], entries: dict[int, Entry], directions: Mapping[str, FloatArray]
    ) -> dict[int, FloatArray | None]:
        """Tangents of all nodes along a direction of the inputs, None where nothing moves."""
        tangents: dict[int, FloatArray | None] = {}
        for node in self.nodes:
            if not node.arguments:
                tangents[id(node)] = directions.get(str(node.payload)) if node.operation == "symbol" else None
                continue
            ts: Parts = [tangents[id(argument)] for argument in node.arguments]
            if all(t is None for t in ts):
                tangents[id(node)] = None
                continue
            xs = [values[id(argument)] for argument in node.arguments]
            tangents[id(node)] = self.rules.tangent(node, xs, values[id(node)], ts, entries.get(id(node)))
        return tangents

    def states(self, count: int) -> Iterator[tuple[dict[str, FloatArray], dict[int, FloatArray], dict[int, Entry]]]:
        """Good points with the values there, batch by batch; fewer than asked for when too few tried are good."""
        found = tries = 0
        while found < count and tries < MAX_TRIES:
            tries += 1
            share = max(0.02, (self.accepted + 1) / (self.tried + 1))
            size = min(self.chunk, max(1, math.ceil((count - found) / share)))
            points, floats = self._draw(size)
            self.tried += size
            good = np.ones(size, dtype=bool)
            signs = self._branches(floats, good) if floats is not None else {}
            points, good = _take(points, good), good[good]
            if not len(good):
                continue
            values, entries = self.evaluate(points, signs, good)
            if not good.all():
                points, values = _take(points, good), {key: _part(value, good) for key, value in values.items()}
                entries = {
                    key: (_part(value, good), [_part(one, good) for one in parts])
                    for key, (value, parts) in entries.items()
                }
            kept = int(good.sum())
            if kept:
                found += kept
                self.accepted += kept
                tries = 0
                yield points, values, entries

    def batches(self, count: int) -> Iterator[Batch]:
        """Good points with gradients, batch by batch."""
        for points, values, entries in self.states(count):
            samples = max(len(points[name]) for name in self.shapes)
            yield Batch({name: points[name] for name in self.shapes}, self.gradient(values, entries, samples), samples)


def _part(array: FloatArray, good: Any) -> FloatArray:
    return array[good] if array.ndim and len(array) == len(good) else array


def _take(points: dict[str, FloatArray], good: Any) -> dict[str, FloatArray]:
    if good.all():
        return points
    return {name: _part(array, good) for name, array in points.items()}


def stacked(batches: Sequence[FloatArray]) -> FloatArray:
    """Batches as one array."""
    return np.concatenate(batches) if len(batches) > 1 else batches[0]
