r"""Diagonal scalings and sign changes of parameters and data that visibly keep the loss.

They split the determining equations into small independent systems: when a group of diagonal maps of (parameters, data)
keeps L, the space of symmetries for all data is a direct sum over its characters, and the coefficient of
m(theta) d/dtheta_i has the character of m divided by that of theta_i.

Both groups are read off the normal form by exact linear algebra: every node must be homogeneous (a character), a sum
needs equal characters of its terms, a function such as exp needs the trivial one of its argument.  So they are
proved, not sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm
from typing import Any, TypeAlias, final

import numpy as np
from flint import fmpq

from symmetries.scalar import Atom, Constant, Index, Product, ScalarGraph, Sum, Symbol

Form: TypeAlias = dict[int, fmpq]
Hashes: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]


@final
@dataclass(frozen=True)
class Grading:
    """Characters of the inputs under scalings and sign changes.

    Parameters
    ----------
    weights: integer weights of each input under each independent scaling, shape (scalings, inputs).
    parities: 0 or 1 for each input under each independent sign change, shape (sign changes, inputs).
    """

    weights: np.ndarray[Any, np.dtype[np.int64]]
    parities: np.ndarray[Any, np.dtype[np.int64]]

    def hashes(self, rng: np.random.Generator) -> tuple[Hashes, Hashes]:
        """One 64-bit word per input for the weights (they add) and one for the parities (they are xored)."""
        top = np.iinfo(np.uint64).max
        random = rng.integers(0, top, size=len(self.weights), dtype=np.uint64, endpoint=True)
        words = rng.integers(0, top, size=len(self.parities), dtype=np.uint64, endpoint=True)
        weight = (random[:, None] * self.weights.astype(np.uint64)).sum(axis=0, dtype=np.uint64)
        parity = np.bitwise_xor.reduce(words[:, None] * self.parities.astype(np.uint64), axis=0)
        return weight, parity


def grade(graph: ScalarGraph, root: Index, inputs: Sequence[str], graded: Sequence[bool]) -> Grading:
    """All scalings and sign changes of the graded inputs that the normal form of the root shows to keep it."""
    position = {name: k for k, name in enumerate(inputs)}
    free = [k for k, moves in enumerate(graded) if moves]
    torus = _Characters(graph, position, graded, torus=True).solve(root)
    signs = _Characters(graph, position, graded, torus=False).solve(root)
    weights = _kernel(torus, free, len(inputs))
    parities = [[int(value.p) % 2 for value in row] for row in _kernel(signs, free, len(inputs), modulus=2)]
    return Grading(
        weights=np.array([_integers(row) for row in weights], dtype=np.int64).reshape(len(weights), len(inputs)),
        parities=np.array(parities, dtype=np.int64).reshape(len(parities), len(inputs)),
    )


@final
class _Characters:
    """Linear forms in the unknown characters of the inputs, one per node, and the equations between them."""

    def __init__(self, graph: ScalarGraph, position: dict[str, int], graded: Sequence[bool], *, torus: bool) -> None:
        self.graph = graph
        self.position = position
        self.graded = graded
        self.torus = torus
        self.rows: dict[int, Form] = {}
        self.form: dict[Index, Form] = {}

    def solve(self, root: Index) -> dict[int, Form]:
        """Echelon rows of the equations, by pivot."""
        for node in self.graph.reachable([root]):
            self.form[node] = self._visit(node)
        self._require(self.form[root])
        return self.rows

    def _visit(self, node: Index) -> Form:
        entry = self.graph.entries[node]
        if isinstance(entry, Symbol):
            k = self.position[entry.name]
            return {k: fmpq(1)} if self.graded[k] else {}
        if isinstance(entry, Constant):
            return {}
        if isinstance(entry, Product):
            total: Form = {}
            for inner, exponent in entry.powers:
                self._accumulate(total, self.form[inner], fmpq(exponent))
            return total
        if isinstance(entry, Sum):
            forms = [self.form[inner] for inner, _ in entry.terms]
            first: Form = {} if entry.constant != 0 else forms[0]
            for other in forms:
                if other is not first:
                    difference = dict(other)
                    self._accumulate(difference, first, fmpq(-1))
                    self._require(difference)
            return first
        assert isinstance(entry, Atom)
        return self._atom(entry)

    def _atom(self, entry: Atom) -> Form:
        inner = self.form.get(entry.argument, {})
        kind = entry.kind
        if self.torus:
            if kind == "abs":
                return inner
            if kind == "root":
                return {k: value / entry.degree for k, value in inner.items()}
            if kind == "sign":
                return {}
        else:
            if kind in {"tanh", "tan_half", "atan"} or (kind == "sign" and not entry.degree):
                return inner
            if kind in {"abs", "log", "normal_pdf"}:
                return {}
        self._require(inner)
        return {}

    def _accumulate(self, total: Form, other: Form, factor: fmpq) -> None:
        for k, value in other.items():
            new = total.get(k, fmpq(0)) + factor * value
            if not self.torus:
                new = fmpq(int(new.p) % 2)
            if new == 0:
                total.pop(k, None)
            else:
                total[k] = new

    def _require(self, form: Form) -> None:
        """Add the equation form = 0."""
        form = dict(form)
        while form:
            pivot = max(form)
            row = self.rows.get(pivot)
            if row is None:
                lead = form[pivot]
                self.rows[pivot] = form if lead == 1 else {k: value / lead for k, value in form.items()}
                return
            self._accumulate(form, row, -form[pivot])


def _kernel(rows: dict[int, Form], free: Sequence[int], inputs: int, *, modulus: int = 0) -> list[list[fmpq]]:
    """Basis of the solutions of echelon equations whose pivot is their largest unknown."""
    parameters = [k for k in free if k not in rows]
    values: dict[int, dict[int, fmpq]] = {k: {j: fmpq(1)} for j, k in enumerate(parameters)}
    for pivot in sorted(rows):
        combined: dict[int, fmpq] = {}
        for k, coefficient in rows[pivot].items():
            if k != pivot:
                for j, value in values[k].items():
                    combined[j] = combined.get(j, fmpq(0)) - coefficient * value
        if modulus:
            combined = {j: fmpq(int(value.p) % modulus) for j, value in combined.items()}
        values[pivot] = {j: value for j, value in combined.items() if value != 0}
    basis = [[fmpq(0)] * inputs for _ in parameters]
    for k, solution in values.items():
        for j, value in solution.items():
            basis[j][k] = value
    return basis


def _integers(row: list[fmpq]) -> list[int]:
    scale = lcm(*(int(value.q) for value in row)) if row else 1
    return [int((value * scale).p) for value in row]
