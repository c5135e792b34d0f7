"""Derivatives of atoms, and expressions with some nodes replaced."""

from __future__ import annotations

from collections.abc import Mapping

from flint import fmpq

from symmetries import atoms
from symmetries.scalar import Atom, Index, Product, ScalarGraph, Sum

BUILDERS = {
    "exp": atoms.exp,
    "log": atoms.log,
    "tanh": atoms.tanh,
    "tan_half": atoms.tan_half,
    "abs": atoms.absolute,
    "normal_pdf": atoms.normal_pdf,
    "normal_cdf": atoms.normal_cdf,
    "atan": atoms.atan,
}


def make_atom(graph: ScalarGraph, kind: str, argument: Index, degree: int = 0) -> Index:
    """Node of an atom of the given kind, its argument in normal form."""
    if kind == "root":
        return atoms.root(graph, argument, degree)
    if kind == "sign":
        return atoms.sign(graph, argument, degree)
    return BUILDERS[kind](graph, argument)


def rebuild(graph: ScalarGraph, root: Index, replacement: Mapping[Index, Index]) -> Index:
    """The expression with some nodes replaced, in normal form again."""
    new: dict[Index, Index] = dict(replacement)
    for node in graph.reachable([root]):
        if node in new:
            continue
        entry = graph.entries[node]
        if isinstance(entry, Sum):
            new[node] = graph.linear([(new[inner], value) for inner, value in entry.terms], entry.constant)
        elif isinstance(entry, Product):
            new[node] = graph.product([(new[inner], exponent) for inner, exponent in entry.powers])
        elif isinstance(entry, Atom) and entry.kind != "pi":
            changed = new[entry.argument] != entry.argument
            new[node] = make_atom(graph, entry.kind, new[entry.argument], entry.degree) if changed else node
        else:
            new[node] = node
    return new[root]


def derivative_factor(graph: ScalarGraph, node: Index) -> Index:
    """f'(u) for the atom f(u), as a node; a sign counts as locally constant."""
    entry = graph.entries[node]
    assert isinstance(entry, Atom)
    u = entry.argument
    match entry.kind:
        case "exp":
            return node
        case "log":
            return graph.power(u, -1)
        case "tanh":
            return graph.linear([(graph.power(node, 2), -1)], 1)
        case "tan_half":
            return graph.linear([(graph.power(node, 2), fmpq(1, 2))], fmpq(1, 2))
        case "abs":
            return graph.divide(node, u)
        case "root":
            return graph.product([(node, 1), (u, -1)], fmpq(1, entry.degree))
        case "normal_cdf":
            return atoms.normal_pdf(graph, u)
        case "normal_pdf":
            return graph.product([(u, 1), (node, 1)], -1)
        case "atan":
            return graph.power(graph.linear([(graph.power(u, 2), 1)], 1), -1)
        case _:
            return graph.zero
