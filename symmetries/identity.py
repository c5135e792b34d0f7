"""Exact proof that an expression is zero wherever it is defined."""

from __future__ import annotations

from symmetries.expand import Expander, ExpansionTooLarge
from symmetries.expression import Node
from symmetries.lower import lower
from symmetries.related import relate
from symmetries.scalar import ScalarGraph


def is_identically_zero(node: Node, *, seed: int = 0, term_limit: int = 200_000) -> bool:
    """Whether a scalar expression is shown to be zero, in normal form or expanded over its atoms; False means unknown.

    >>> from symmetries.formula import read_formula
    >>> is_identically_zero(read_formula("exp(x + y) - exp(x)*exp(y)", {"x": (), "y": ()}))
    True
    """
    graph = ScalarGraph()
    root = lower(graph, node)
    if root == graph.zero:
        return True
    root, _ = relate(graph, root, seed=seed)
    if root == graph.zero:
        return True
    try:
        return Expander(graph, [root], term_limit=term_limit).is_zero(root)
    except ExpansionTooLarge:
        return False
