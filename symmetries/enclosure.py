"""Rigorous signs of constant expressions, by ball arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flint import arb, ctx

from symmetries.scalar import Atom, Constant, Index, Product, ScalarGraph, Sum

PRECISION_BITS = 256


def constant_sign(graph: ScalarGraph, node: Index) -> int:
    """1 or -1 when the node is a number whose enclosure excludes zero, 0 when that is unknown or it has symbols."""
    if not graph.is_number(node):
        return 0
    previous = ctx.prec
    ctx.prec = PRECISION_BITS
    try:
        values: dict[Index, Any] = {}
        for inner in graph.reachable([node]):
            values[inner] = enclose(graph, inner, values)
        ball = values[node]
        return 1 if ball > 0 else -1 if ball < 0 else 0
    finally:
        ctx.prec = previous


def enclose(graph: ScalarGraph, node: Index, values: Mapping[Index, Any]) -> Any:
    """The ball of a node that is no symbol, from those of its arguments, in the precision of the context."""
    entry = graph.entries[node]
    if isinstance(entry, Constant):
        return arb(entry.value)
    if isinstance(entry, Sum):
        return sum((values[inner] * arb(value) for inner, value in entry.terms), arb(entry.constant))
    if isinstance(entry, Product):
        total = arb(1)
        for inner, exponent in entry.powers:
            total *= values[inner] ** exponent
        return total
    assert isinstance(entry, Atom)
    if entry.kind == "pi":
        return arb.pi()
    u = values[entry.argument]
    match entry.kind:
        case "root":
            return u.root(entry.degree)
        case "log":
            return abs(u).log()
        case "abs":
            return abs(u)
        case "tan_half":
            return (u / 2).tan()
        case "normal_cdf":
            return (1 + (u / arb(2).sqrt()).erf()) / 2
        case "normal_pdf":
            return (-u * u / 2).exp() / (2 * arb.pi()).sqrt()
        case "sign":
            return arb(0, 1)
        case _:
            return getattr(u, entry.kind)()
