"""The natural domain of a loss: where its logarithms and roots are real.

The scalar graph continues a logarithm to log|u|; what holds on the domain alone, such as |x| = x next to log(x), is
noted here before the loss is written out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from symmetries.atoms import factors
from symmetries.expression import Node, walk
from symmetries.lower import lower, lower_array
from symmetries.scalar import Index, ScalarGraph


def lower_loss(graph: ScalarGraph, root: Node) -> tuple[Index, tuple[Index, ...]]:
    """Node of a loss in the scalar graph, and the nodes that are positive on its domain beside those the graph knows
    of.

    A loss with ``where`` may guard its logarithms; nothing is then taken for granted.
    """
    if any(node.operation == "where" for node in walk(root)):
        return lower(graph, root), ()
    conditions: dict[Index, None] = {}
    for entry, strictly in restricted(graph, root):
        content, odd = _changing_sign(graph, entry)
        if odd:
            conditions[entry] = None
        if content > 0 and len(odd) == 1:
            graph.assume_nonnegative(odd[0], strictly=strictly)
    return lower(graph, root), tuple(conditions)


def is_restricted(graph: ScalarGraph, nodes: Iterable[Node]) -> bool:
    """Whether expressions have logarithms or even roots of what may be negative: no value at some points.

    >>> from symmetries.formula import read_formula
    >>> [is_restricted(ScalarGraph(), [read_formula(text, {"x": ()})]) for text in ("log(x)", "log(1 + x**2)")]
    [True, False]
    """
    entries = (entry for node in nodes for entry, _ in restricted(graph, node))
    return any(content < 0 or odd for content, odd in (_changing_sign(graph, entry) for entry in entries))


def _changing_sign(graph: ScalarGraph, entry: Index) -> tuple[Any, list[Index]]:
    """The content of an entry and its factors of an odd power that may be negative."""
    content, parts = factors(graph, entry)
    return content, [part for part, exponent in parts.items() if exponent % 2 and not graph.is_nonnegative(part)]


def restricted(graph: ScalarGraph, root: Node) -> Iterator[tuple[Index, bool]]:
    """Entries that must be positive (True) or not negative (False) for the loss to have a value."""
    for node in walk(root):
        payload: Any = node.payload
        strictly = node.operation == "exponential" or (node.operation == "function" and payload == "log")
        if strictly or (node.operation == "power" and Fraction(payload).denominator > 1):
            for entry in lower_array(graph, node.arguments[0]).reshape(-1):
                yield int(entry), strictly
