"""The natural domain of a loss: where its logarithms and roots are real.

The scalar graph continues a logarithm to log|u|; what holds on the domain alone, such as |x| = x next to log(x), is
noted here before the loss is written out.
"""

from __future__ import annotations

from collections.abc import Iterator
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
        content, parts = factors(graph, entry)
        odd = [part for part, exponent in parts.items() if exponent % 2 and not graph.is_nonnegative(part)]
        if odd:
            conditions[entry] = None
        if content > 0 and len(odd) == 1:
            graph.assume_nonnegative(odd[0], strictly=strictly)
    return lower(graph, root), tuple(conditions)


def restricted(graph: ScalarGraph, root: Node) -> Iterator[tuple[Index, bool]]:
    """Entries that must be positive (True) or not negative (False) for the loss to have a value."""
    for node in walk(root):
        payload: Any = node.payload
        strictly = node.operation == "exponential" or (node.operation == "function" and payload == "log")
        if strictly or (node.operation == "power" and Fraction(payload).denominator > 1):
            for entry in lower_array(graph, node.arguments[0]).reshape(-1):
                yield int(entry), strictly
