"""Straight-line programs: a scalar graph as a short list of array operations, level by level."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np
from flint import fmpq

from symmetries import atoms
from symmetries.scalar import Atom, Constant, Index, Product, ScalarGraph, Sum, Symbol

IntArray: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Key: TypeAlias = tuple[Any, ...]


@final
@dataclass(frozen=True)
class Accumulation:
    """How rows of contributions add up into slots: permutation, starts of equal targets, the targets."""

    order: IntArray
    starts: IntArray
    targets: IntArray

    @classmethod
    def into(cls, slots: IntArray) -> Accumulation:
        """Accumulation of one row per entry of ``slots`` into those slots."""
        order = np.argsort(slots, kind="stable")
        targets, starts = np.unique(slots[order], return_index=True)
        return cls(order, starts, targets)


@final
@dataclass(frozen=True)
class Step:
    """Operations of one kind at one level; their results fill the slots ``start:stop``.

    ``sum``: constant + coefficients * slots[left], rows cut at ``cuts``.  ``multiply``: slots[left] * slots[right].
    ``invert``: 1 / slots[left].  Any other kind is an atom of slots[left] (``right`` holds the density of normal_cdf).
    """

    kind: str
    start: int
    stop: int
    left: IntArray
    right: IntArray
    cuts: IntArray
    row: IntArray
    coefficients: tuple[fmpq, ...]
    constants: tuple[fmpq, ...]
    degree: int
    into_left: Accumulation
    into_right: Accumulation | None


@final
@dataclass(frozen=True)
class Program:
    """A straight-line program with inputs in the first slots, then constants, then the steps' results.

    Parameters
    ----------
    inputs: names of the inputs, in slot order.
    constants: rational constants that follow them.
    steps: the operations, arguments before uses.
    outputs: slots of the roots.
    slots: number of slots.
    atom_slots: slot of each atom of the graph that the program evaluates.
    """

    inputs: tuple[str, ...]
    constants: tuple[fmpq, ...]
    steps: tuple[Step, ...]
    outputs: IntArray
    slots: int
    atom_slots: dict[Index, int]

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of steps that occur."""
        return frozenset(step.kind for step in self.steps)


@final
class _Compiler:
    def __init__(self, graph: ScalarGraph, inputs: Sequence[str]) -> None:
        self.graph = graph
        self.keys: list[Key] = [("input", name) for name in inputs]
        self.depth: list[int] = [0] * len(self.keys)
        self.found: dict[Key, int] = {key: k for k, key in enumerate(self.keys)}
        self.of_node: dict[Index, int] = {}

    def emit(self, key: Key, arguments: Iterable[int]) -> int:
        """Position of an operation, added when it is new."""
        position = self.found.get(key)
        if position is None:
            position = self.found[key] = len(self.keys)
            self.keys.append(key)
            self.depth.append(1 + max((self.depth[k] for k in arguments), default=-1))
        return position

    def multiply(self, factors: list[int]) -> int:
        """Position of a product, as a balanced tree of products of two."""
        while len(factors) > 1:
            paired = []
            for k in range(0, len(factors) - 1, 2):
                a, b = sorted(factors[k : k + 2])
                paired.append(self.emit(("multiply", a, b), (a, b)))
            factors = paired + factors[len(factors) - len(factors) % 2 :]
        return factors[0]

    def power(self, base: int, exponent: int) -> int:
        """Position of a positive integer power, by repeated squaring."""
        if exponent == 1:
            return base
        half = self.power(base, exponent // 2)
        square = self.multiply([half, half])
        return self.multiply([square, base]) if exponent % 2 else square

    def visit(self, node: Index) -> None:
        """Add the operations of a node whose arguments are there."""
        entry = self.graph.entries[node]
        if isinstance(entry, Symbol):
            self.of_node[node] = self.found[("input", entry.name)]
        elif isinstance(entry, Constant):
            self.of_node[node] = self.emit(("constant", entry.value), ())
        elif isinstance(entry, Sum):
            slots = tuple(self.of_node[inner] for inner, _ in entry.terms)
            coefficients = tuple(value for _, value in entry.terms)
            self.of_node[node] = self.emit(("sum", slots, coefficients, entry.constant), slots)
        elif isinstance(entry, Product):
            up = [self.power(self.of_node[inner], e) for inner, e in entry.powers if e > 0]
            down = [self.power(self.of_node[inner], -e) for inner, e in entry.powers if e < 0]
            if down:
                bottom = self.multiply(down)
                up.append(self.emit(("invert", bottom), (bottom,)))
            self.of_node[node] = self.multiply(up)
        else:
            self.visit_atom(node, entry)

    def visit_atom(self, node: Index, entry: Atom) -> None:
        """Add an atom, and the density that the derivative of normal_cdf needs."""
        if entry.kind == "pi":
            argument = self.emit(("constant", fmpq(0)), ())
            self.of_node[node] = self.emit(("pi", argument, argument, 0), (argument,))
            return
        argument = self.of_node[entry.argument]
        other = argument
        if entry.kind == "normal_cdf":
            density = atoms.normal_pdf(self.graph, entry.argument)
            self.visit_atom(density, self.graph.entries[density])  # type: ignore[arg-type]
            other = self.of_node[density]
        self.of_node[node] = self.emit((entry.kind, argument, other, entry.degree), (argument, other))


def compile_program(graph: ScalarGraph, roots: Sequence[Index], inputs: Sequence[str]) -> Program:
    """Program that evaluates the roots from the named inputs."""
    compiler = _Compiler(graph, inputs)
    for node in graph.reachable(roots):
        compiler.visit(node)
    keys = compiler.keys
    groups: dict[tuple[int, str, int], list[int]] = {}
    constants: list[int] = []
    for position in range(len(inputs), len(keys)):
        key = keys[position]
        if key[0] == "constant":
            constants.append(position)
        else:
            degree = key[3] if key[0] in {"root", "sign"} else 0
            groups.setdefault((compiler.depth[position], key[0], degree), []).append(position)
    slot = np.zeros(len(keys), dtype=np.int64)
    slot[: len(inputs)] = np.arange(len(inputs))
    for k, position in enumerate(constants):
        slot[position] = len(inputs) + k
    used = len(inputs) + len(constants)
    steps = []
    for (_, kind, degree), positions in sorted(groups.items()):
        slot[positions] = np.arange(used, used + len(positions))
        steps.append(_step(kind, degree, used, [keys[k] for k in positions], slot))
        used += len(positions)
    return Program(
        inputs=tuple(inputs),
        constants=tuple(keys[k][1] for k in constants),
        steps=tuple(steps),
        outputs=slot[[compiler.of_node[root] for root in roots]],
        slots=used,
        atom_slots={
            node: int(slot[k]) for node, k in compiler.of_node.items() if isinstance(graph.entries[node], Atom)
        },
    )


def _step(kind: str, degree: int, start: int, keys: list[Key], slot: IntArray) -> Step:
    empty = np.zeros(0, dtype=np.int64)
    cuts = row = right = empty
    coefficients: tuple[fmpq, ...] = ()
    constants: tuple[fmpq, ...] = ()
    if kind == "sum":
        lengths = np.array([len(key[1]) for key in keys])
        left = slot[[k for key in keys for k in key[1]]]
        cuts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        row = np.repeat(np.arange(len(keys)), lengths)
        coefficients = tuple(value for key in keys for value in key[2])
        constants = tuple(key[3] for key in keys)
    else:
        left = slot[[key[1] for key in keys]]
        if kind != "invert":
            right = slot[[key[2] for key in keys]]
    return Step(
        kind=kind,
        start=start,
        stop=start + len(keys),
        left=left,
        right=right,
        cuts=cuts,
        row=row,
        coefficients=coefficients,
        constants=constants,
        degree=degree,
        into_left=Accumulation.into(left),
        into_right=Accumulation.into(right) if kind == "multiply" else None,
    )
