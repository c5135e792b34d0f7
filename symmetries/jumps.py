"""Fields that keep the jumps of a loss, among those that annihilate it almost everywhere.

The loss jumps on {u = 0}.  A field X is tangent there when u divides X.u.  The remainder of X.u modulo u is linear in
X, so the tangent fields of a span are a null space.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flint import fmpq, fmpq_mat

from symmetries.expand import Expander, ExpansionTooLarge
from symmetries.fields import Monomial, VectorField
from symmetries.nullspace import Vector, primitive_integers
from symmetries.prove import Prover
from symmetries.scalar import Atom, Index
from symmetries.system import DeterminingSystem

TERM_LIMIT = 20_000


def jumps_of(system: DeterminingSystem) -> list[Index]:
    """The expressions u at whose zeros the loss may jump."""
    entries = (system.graph.entries[node] for node in system.graph.atoms([system.root]))
    jumps = {entry.argument for entry in entries if isinstance(entry, Atom) and entry.kind == "sign"}
    return sorted(jumps.union(system.prover.poles))


def tangent_fields(system: DeterminingSystem, fields: Sequence[VectorField]) -> list[VectorField]:
    """Basis of the combinations of polynomial fields that are tangent to every polynomial jump of the loss."""
    graph = system.graph
    rows: list[dict[Any, fmpq]] = [{} for _ in fields]
    for number, jump in enumerate(jumps_of(system)):
        if graph.atoms([jump]):
            continue
        for row, field in zip(rows, fields, strict=True):
            remainder = _remainder(system, field, jump)
            if remainder is None:
                return []
            row.update({(number, key): value for key, value in remainder.items()})
    return [_combination(fields, vector) for vector in _left_null_space(rows)]


def _remainder(system: DeterminingSystem, field: VectorField, jump: Index) -> dict[Any, fmpq] | None:
    """X.u modulo u by monomials in the symbols, None when that is too large."""
    graph = system.graph
    change = Prover(graph, jump).derivative(system.tangent_map(field))
    expander = Expander(graph, [change, jump, *map(graph.symbol, system.inputs)], term_limit=TERM_LIMIT)
    try:
        top, bottom = expander.quotient(change), expander.quotient(jump)
    except ExpansionTooLarge:
        return None
    if top.denominator or bottom.denominator:
        return None
    remainder = divmod(top.numerator, bottom.numerator)[1]
    return {
        tuple((expander.leaves[k], int(e)) for k, e in enumerate(exponents) if e): value
        for exponents, value in remainder.to_dict().items()
    }


def _left_null_space(rows: Sequence[dict[Any, fmpq]]) -> list[dict[int, int]]:
    """Integer combinations of the rows that vanish."""
    keys = sorted(set().union(*rows), key=repr)
    position = {key: k for k, key in enumerate(keys)}
    size = len(rows)
    matrix = fmpq_mat(max(1, len(keys)), size)
    for column, row in enumerate(rows):
        for key, value in row.items():
            matrix[position[key], column] = value
    reduced, rank = matrix.rref()
    pivots = [next(c for c in range(size) if reduced[r, c] != 0) for r in range(rank)]
    vectors: list[dict[int, int]] = []
    for free in sorted(set(range(size)) - set(pivots)):
        vector: Vector = {pivots[r]: -reduced[r, free] for r in range(rank) if reduced[r, free] != 0}
        vector[free] = fmpq(1)
        vectors.append(primitive_integers(vector))
    return vectors


def _combination(fields: Sequence[VectorField], vector: dict[int, int]) -> VectorField:
    total: dict[str, dict[Monomial, Any]] = {}
    for k, factor in vector.items():
        for entry, polynomial in (fields[k].polynomials or {}).items():
            target = total.setdefault(entry, {})
            for monomial, value in polynomial.items():
                target[monomial] = target.get(monomial, 0) + factor * value
    return VectorField.from_polynomials(total)
