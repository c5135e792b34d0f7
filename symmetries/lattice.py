"""Rewriting of related functions in a basis of the lattice that their arguments span."""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm
from typing import Literal, TypeAlias

from flint import fmpq, fmpz_mat

from symmetries import atoms
from symmetries.calculus import rebuild
from symmetries.expand import Expander, ExpansionTooLarge, to_node
from symmetries.scalar import Atom, Index, ScalarGraph

Family: TypeAlias = Literal["exponential", "trigonometric"]
Relation: TypeAlias = dict[int, fmpq]
Turn: TypeAlias = tuple[Index, Index, Index, Index]


def rewrite(
    graph: ScalarGraph, root: Index, family: Family, members: list[Index], relations: list[Relation]
) -> Index | None:
    """The loss in independent members of a family, given relations by position; None when one cannot be used."""
    involved = sorted(set().union(*relations))
    entries = [graph.entries[members[k]] for k in involved]
    if any(isinstance(entry, Atom) and entry.kind in {"log", "atan"} for entry in entries):
        return _split_logarithms(graph, root, [members[k] for k in involved])
    hyperbolic = [members[k] for k in involved if graph.entries[members[k]].kind == "tanh"]  # type: ignore[union-attr]
    if hyperbolic:
        return rebuild(graph, root, {node: _tanh_by_exp(graph, node) for node in hyperbolic})
    arguments = [graph.entries[members[k]].argument for k in involved]  # type: ignore[union-attr]
    lattice = _lattice(arguments, relations, involved, graph)
    if lattice is None:
        return None
    basis, coordinates, constants = lattice
    replacement: dict[Index, Index] = {}
    turned: dict[Turn, Turn] = {}
    for k, row, constant in zip(involved, coordinates, constants, strict=True):
        if family == "exponential":
            replacement[members[k]] = _exponential(graph, basis, row, constant)
        elif sum(map(abs, row)) != 1 or constant != 0:
            replacement |= _tangent(graph, members[k], basis, row, constant, turned)
    return rebuild(graph, root, replacement)


def _tanh_by_exp(graph: ScalarGraph, node: Index) -> Index:
    entry = graph.entries[node]
    assert isinstance(entry, Atom)
    power = atoms.exp(graph, graph.scale(entry.argument, 2))
    return graph.divide(graph.linear([(power, 1)], -1), graph.linear([(power, 1)], 1))


def _split_logarithms(graph: ScalarGraph, root: Index, members: Sequence[Index]) -> Index | None:
    """Logarithms of polynomials with common factors, split over the factors."""
    replacement = {}
    for node in members:
        entry = graph.entries[node]
        assert isinstance(entry, Atom)
        if entry.kind == "log":
            pieces = _irreducible_factors(graph, entry.argument)
            if pieces is not None:
                replacement[node] = atoms.log(graph, pieces)
    return rebuild(graph, root, replacement) if replacement else None


def _irreducible_factors(graph: ScalarGraph, node: Index) -> Index | None:
    expander = Expander(graph, [node], term_limit=2_000)
    try:
        value = expander.quotient(node)
    except ExpansionTooLarge:
        return None
    if value.denominator or value.numerator == 0:
        return None
    content, pieces = value.numerator.factor()
    if len(pieces) < 2 and all(exponent == 1 for _, exponent in pieces):
        return None
    return graph.product(
        [(to_node(graph, piece, expander.leaves), int(exponent)) for piece, exponent in pieces], content
    )


def _lattice(
    arguments: list[Index], relations: list[Relation], involved: list[int], graph: ScalarGraph
) -> tuple[list[Index], list[list[int]], list[fmpq]] | None:
    """Basis nodes b, integer coordinates m and constants c with argument_j = sum_l m_jl b_l + c_j, checked exactly."""
    dependent = {max(relation): relation for relation in relations}
    independent = [k for k in involved if k not in dependent]
    rows: list[list[fmpq]] = []
    for k in involved:
        if k in dependent:
            relation = dependent[k]
            rows.append([-relation.get(j, fmpq(0)) / relation[k] for j in independent])
        else:
            rows.append([fmpq(int(j == k)) for j in independent])
    constants = []
    position = {k: place for place, k in enumerate(involved)}
    for k, row in zip(involved, rows, strict=True):
        combination = [(arguments[position[j]], -value) for j, value in zip(independent, row, strict=True)]
        constant = _constant_value(graph, graph.linear([(arguments[position[k]], fmpq(1)), *combination]))
        if constant is None:
            return None
        constants.append(constant)
    scale = _common_denominator(rows)
    integer = fmpz_mat([[int((value * scale).p) for value in row] for row in rows])
    hermite = integer.hnf()
    size = len(independent)
    basis_rows = [[int(hermite[r, c]) for c in range(size)] for r in range(size)]
    basis = [
        graph.linear(
            (arguments[position[j]], fmpq(value, scale)) for j, value in zip(independent, row, strict=True) if value
        )
        for row in basis_rows
    ]
    coordinates = []
    for r in range(integer.nrows()):
        coordinates.append(_in_basis([int(integer[r, c]) for c in range(size)], basis_rows))
    return basis, coordinates, constants


def _in_basis(row: list[int], basis: list[list[int]]) -> list[int]:
    """Integer coordinates of a row in an upper triangular lattice basis."""
    rest = list(row)
    coordinates = []
    for k, vector in enumerate(basis):
        factor = rest[k] // vector[k]
        coordinates.append(factor)
        rest = [value - factor * step for value, step in zip(rest, vector, strict=True)]
    assert not any(rest)
    return coordinates


def _common_denominator(rows: list[list[fmpq]]) -> int:
    return lcm(*(int(value.q) for row in rows for value in row))


def _constant_value(graph: ScalarGraph, node: Index) -> fmpq | None:
    """The rational number that a node equals identically, or None."""
    value = graph.value_of(node)
    if value is not None:
        return value
    try:
        quotient = Expander(graph, [node], term_limit=20_000).quotient(node)
    except ExpansionTooLarge:
        return None
    if quotient.denominator or not quotient.numerator.is_constant():
        return None
    return fmpq(quotient.numerator.leading_coefficient()) if quotient.numerator != 0 else fmpq(0)


def _exponential(graph: ScalarGraph, basis: list[Index], row: list[int], constant: fmpq) -> Index:
    factors = [(atoms.exp(graph, node), exponent) for node, exponent in zip(basis, row, strict=True) if exponent]
    return graph.product([*factors, (atoms.exp(graph, graph.constant(constant)), 1)])


def _tangent(
    graph: ScalarGraph, node: Index, basis: list[Index], row: list[int], constant: fmpq, turned: dict[Turn, Turn]
) -> dict[Index, Index]:
    """T = tan(u/2) of u = sum m_l b_l + c by the addition theorem, with 1 + T**2 and 1 - T**2.

    P + iQ = product of (1 + i t_l)**m_l gives T = Q/P and 1 + T**2 = W/P**2 with W = product of (1 + t_l**2)**abs(m_l);
    sine and cosine of u then have the denominator W, which has no zero.  ``turned`` remembers the products.
    """
    angles = [*zip(basis, row, strict=True), *([(graph.constant(constant), 1)] if constant != 0 else [])]
    real, imaginary, positive = graph.one, graph.zero, graph.one
    for angle, turns in angles:
        t = atoms.tan_half(graph, angle)
        norm = graph.linear([(graph.power(t, 2), 1)], 1)
        t = graph.scale(t, 1 if turns >= 0 else -1)
        for _ in range(abs(turns)):
            before = (real, imaginary, positive, t)
            if before not in turned:
                turned[before] = (
                    graph.subtract(real, graph.multiply(imaginary, t)),
                    graph.add(imaginary, graph.multiply(real, t)),
                    graph.multiply(positive, norm),
                    t,
                )
            real, imaginary, positive, _ = turned[before]
    square = graph.power(node, 2)
    below = graph.power(real, -2)
    difference = graph.subtract(graph.power(real, 2), graph.power(imaginary, 2))
    minus = graph.linear([(square, -1)], 1)
    content, primitive = graph.primitive(minus)
    return {
        node: graph.divide(imaginary, real),
        graph.linear([(square, 1)], 1): graph.multiply(positive, below),
        minus: graph.multiply(difference, below),
        primitive: graph.product([(difference, 1), (below, 1)], 1 / content),
    }
