"""Symmetries among the combinations of fields that the user gives."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from manifolds.errors import InputError
from symmetries.ansatz import Basis
from symmetries.expand import Expander, ExpansionTooLarge
from symmetries.fields import Monomial, Polynomial, VectorField
from symmetries.lower import lower
from symmetries.modular import GradientSampler, ModularProgram, UnsuitablePrime
from symmetries.nullspace import null_vectors, primitive_integers, rational_vector, short_basis
from symmetries.scalar import Index, ScalarGraph, Symbol
from symmetries.solve import Found, Outcome
from symmetries.straight_line import compile_program
from symmetries.system import DeterminingSystem

if TYPE_CHECKING:
    from symmetries.loss import Loss


def field_nodes(loss: Loss, system: DeterminingSystem, field: VectorField) -> dict[Index, Index]:
    """A field as a map from the nodes of coordinates to the nodes of its components."""
    known = set(system.coordinates)
    nodes = {}
    for entry, formula in field.components.items():
        if entry not in known:
            raise InputError(
                f"the component d/d{entry} of a vector field",
                why=f"{entry!r} is no parameter entry of the loss",
                cure=f"use {', '.join(system.coordinates[:6])}{', ...' if len(known) > 6 else ''}",
            )
        component = loss.read(formula)
        if component.shape != ():
            raise InputError(
                f"the component d/d{entry} = {formula}",
                why=f"it has the shape {list(component.shape)}",
                cure="give a scalar formula",
            )
        nodes[system.graph.symbol(entry)] = lower(system.graph, component)
    return nodes


def solve_in_basis(loss: Loss, system: DeterminingSystem, ansatz: Basis) -> Outcome:
    """All combinations of the given fields that annihilate the loss, each proved."""
    maps = [field_nodes(loss, system, field) for field in ansatz.fields]
    _refuse_data(system, maps)
    _require_independent(system, ansatz, maps)
    equations = [system.prover.derivative(nodes) for nodes in maps]
    for prime, _ in system.samplers():
        found = _null_space(system, equations, prime, rows=len(maps) + 24)
        if found is None:
            continue
        vectors = [rational_vector(vector, prime, bound=4096) for vector in found]
        outcome = Outcome(
            upper_bound=len(found), evidence={"unknowns": len(maps), "prime": prime, "points": len(maps) + 24}
        )
        integers = [primitive_integers(vector) for vector in vectors if vector is not None]
        for vector in short_basis(integers):
            nodes = _combination(system.graph, maps, vector)
            proof = system.prover.prove(nodes)
            if proof.outcome == "zero":
                outcome.found.append(Found(_field(system, ansatz, nodes, vector), proof))
        if len(outcome.found) == outcome.upper_bound:
            return outcome
        outcome.open_blocks.append("a combination of the given fields was seen modulo a prime and could not be proved")
        return outcome
    raise system.undefined()


def _null_space(system: DeterminingSystem, roots: list[Index], prime: int, *, rows: int) -> list[dict[int, int]] | None:
    program = compile_program(system.graph, [*roots, system.root], system.inputs)
    try:
        sampler = GradientSampler(ModularProgram(program, prime), np.random.default_rng([system.seed, rows]))
    except UnsuitablePrime:
        return None
    values = sampler.sample_values(rows)
    if values is None:
        return None
    return null_vectors(np.ascontiguousarray(values[program.outputs[:-1]].T), prime)[1]


def _refuse_data(system: DeterminingSystem, maps: list[dict[Index, Index]]) -> None:
    """Refuse components that depend on data: a symmetry holds for all data at once."""
    graph, data = system.graph, set(system.data)
    for symbol in graph.symbols([node for nodes in maps for node in nodes.values()]):
        entry = graph.entries[symbol]
        if isinstance(entry, Symbol) and entry.name in data:
            raise InputError(
                f"a field of the basis depends on {entry.name!r}",
                why="that is data, and one symmetry must hold for all data",
                cure="declare it with moves=True, as a constant, or give its values",
            )


def _require_independent(system: DeterminingSystem, ansatz: Basis, maps: list[dict[Index, Index]]) -> None:
    """Refuse given fields that are linearly dependent: dimensions would be counted twice."""
    symbols = sorted(set().union(*maps))
    graph = system.graph
    prime = next(iter(system.samplers()))[0]
    stacked: list[dict[int, int]] | None = None
    matrices = []
    for symbol in symbols:
        roots = [nodes.get(symbol, graph.zero) for nodes in maps]
        program = compile_program(graph, [*roots, system.root], system.inputs)
        sampler = GradientSampler(ModularProgram(program, prime), np.random.default_rng([system.seed, symbol]))
        values = sampler.sample_values(len(maps) + 8)
        if values is None:
            return
        matrices.append(values[program.outputs[:-1]].T)
    stacked = null_vectors(np.ascontiguousarray(np.concatenate(matrices)), prime)[1]
    if stacked:
        k = max(stacked[0])
        raise InputError(
            f"the field {ansatz.fields[k]} of the basis", why="it is a combination of the others", cure="leave it out"
        )


def _combination(graph: ScalarGraph, maps: list[dict[Index, Index]], vector: Mapping[int, int]) -> dict[Index, Index]:
    symbols = sorted(set().union(*maps))
    return {
        symbol: graph.linear((maps[k][symbol], value) for k, value in vector.items() if symbol in maps[k])
        for symbol in symbols
    }


def _field(
    system: DeterminingSystem, ansatz: Basis, nodes: dict[Index, Index], vector: Mapping[int, int]
) -> VectorField:
    """The combination as a field, with polynomial components where they are polynomial."""
    graph = system.graph
    names = {symbol: entry.name for symbol in nodes if isinstance(entry := graph.entries[symbol], Symbol)}
    polynomials = {names[symbol]: node_polynomial(graph, node) for symbol, node in nodes.items()}
    if all(polynomial is not None for polynomial in polynomials.values()):
        ordered = {entry: polynomials[entry] for entry in system.coordinates if entry in polynomials}
        return VectorField.from_polynomials({e: p for e, p in ordered.items() if p is not None})
    parts: dict[str, list[str]] = {}
    for k, value in vector.items():
        for name, formula in ansatz.fields[k].components.items():
            parts.setdefault(name, []).append(f"{value}*({formula})")
    return VectorField({name: " + ".join(terms) for name, terms in parts.items()})


def node_polynomial(graph: ScalarGraph, node: Index) -> Polynomial | None:
    """A node as a polynomial in symbols by name, or None when it is none."""
    expander = Expander(graph, [node])
    try:
        quotient = expander.quotient(node)
    except ExpansionTooLarge:
        return None
    entries: list[Any] = [graph.entries[leaf] for leaf in expander.leaves]
    if quotient.denominator or not all(isinstance(entry, Symbol) for entry in entries):
        return None
    result: dict[Monomial, Fraction] = {}
    for exponents, value in quotient.numerator.to_dict().items():
        # A constant has no leaves, and one exponent for the dummy variable.
        monomial = tuple(sorted((entry.name, int(e)) for entry, e in zip(entries, exponents, strict=False) if e))
        result[monomial] = Fraction(int(value.p), int(value.q))
    return result
