"""Exact proof that an expression is zero wherever it is defined."""

from __future__ import annotations

from manifolds.errors import InputError
from symmetries.calculus import rebuild
from symmetries.expand import Expander, ExpansionTooLarge
from symmetries.expression import Node
from symmetries.lower import lower
from symmetries.related import relate
from symmetries.scalar import Atom, Index, ScalarGraph

MERGE_TERMS = 20_000
MAX_MERGES = 40


def is_identically_zero(node: Node, *, seed: int = 0, term_limit: int = 200_000) -> bool:
    """Whether a scalar expression is shown to be zero, in normal form or expanded over its atoms; False means unknown.

    >>> from symmetries.formula import read_formula
    >>> is_identically_zero(read_formula("exp(x + y) - exp(x)*exp(y)", {"x": (), "y": ()}))
    True
    """
    graph = ScalarGraph()
    try:
        root, _ = relate(graph, lower(graph, node), seed=seed)
        for _ in range(MAX_MERGES):
            merged = _merged(graph, root)
            if merged == root:
                break
            root = merged
    except InputError:  # part of it has no value anywhere
        return False
    return root == graph.zero or _vanishes(graph, root, term_limit)


def settle_zero(graph: ScalarGraph, node: Index, *, seed: int = 0) -> bool | None:
    """Whether a node is the zero function, its atoms related to each other first; None where that is unknown.

    Unknown it is too where both absolute values and signs are left: u sign(u) is abs(u).
    """
    try:
        root, independence = relate(graph, node, seed=seed)
        if root == graph.zero or Expander(graph, [root]).is_zero(root):
            return True
    except (InputError, ExpansionTooLarge):
        return None
    kinds = {entry.kind for entry in (graph.entries[k] for k in graph.atoms([root])) if isinstance(entry, Atom)}
    return False if independence.proved and not kinds >= {"abs", "sign"} else None


def _vanishes(graph: ScalarGraph, node: Index, term_limit: int) -> bool:
    try:
        return Expander(graph, [node], term_limit=term_limit).is_zero(node)
    except ExpansionTooLarge:
        return False


def _merged(graph: ScalarGraph, root: Index) -> Index:
    """The expression with one of two functions of equal arguments replaced by the other."""
    seen: dict[tuple[str, int], list[tuple[Index, Index]]] = {}
    for node in graph.atoms([root]):
        entry = graph.entries[node]
        assert isinstance(entry, Atom)
        if entry.kind == "pi" or not graph.symbols([node]):
            continue
        earlier = seen.setdefault((entry.kind, entry.degree), [])
        for other, argument in earlier:
            if _vanishes(graph, graph.subtract(entry.argument, argument), MERGE_TERMS):
                return rebuild(graph, root, {node: other})
        earlier.append((node, entry.argument))
    return root
