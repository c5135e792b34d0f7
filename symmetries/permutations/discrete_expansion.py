"""Rational losses written out: coprime polynomials, whose terms a signed permutation can only exchange."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from symmetries.expand import Expander, ExpansionTooLarge, to_node
from symmetries.scalar import Index, ScalarGraph

MAX_TERMS = 3_000
MAX_PATTERNS = 40_000
"""Most vertices that the signs of the factors of all terms may need."""


def expanded(graph: ScalarGraph, root: Index) -> Index | None:
    """The root as a quotient of coprime polynomials written out; None when it has functions or is large.

    >>> graph = ScalarGraph()
    >>> x, y = graph.symbol("x"), graph.symbol("y")
    >>> square = graph.power(graph.add(x, y), 2)
    >>> len(graph.entries[expanded(graph, square)].terms)
    3
    """
    if graph.atoms([root]):
        return None
    expander = Expander(graph, [root], term_limit=MAX_TERMS)
    try:
        value = expander.quotient(root)
        bottom = expander.context.constant(1)
        for node, exponent in value.denominator.items():
            for _ in range(exponent):
                bottom *= expander.quotient(node).numerator
                if len(bottom) > MAX_TERMS:
                    return None
    except ExpansionTooLarge:
        return None
    top = value.numerator
    if max(len(top), len(bottom)) > MAX_TERMS or _patterns([top, bottom]) > MAX_PATTERNS:
        return None
    if len(bottom) > 1 or bottom.total_degree() > 0:
        common = top.gcd(bottom)
        top, bottom = top / common, bottom / common
    return graph.divide(to_node(graph, top, expander.leaves), to_node(graph, bottom, expander.leaves))


def _patterns(polynomials: Iterable[Any]) -> int:
    """Patterns of signs of the factors with odd exponents, of all terms."""
    total = 0
    for polynomial in polynomials:
        for monomial in polynomial.monoms():
            total += 2 ** min(20, sum(int(exponent) % 2 for exponent in monomial))
    return total
