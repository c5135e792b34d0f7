r"""Rigorous constants of a loss on a ball: a lower bound of its Hessian, and a Lipschitz constant of it.

Derivatives are taken exactly; ball arithmetic encloses them on boxes that cover the ball.

Source: F. Johansson, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic", IEEE Transactions on
Computers 66 (2017), 1281-1292.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations_with_replacement, product
from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.equivalence.exact_nodes import exact_node
from symmetries import Loss
from symmetries.actions.parameter_space import FloatArray
from symmetries.calculus import derivative_factor
from symmetries.enclosure import enclose
from symmetries.lower import lower
from symmetries.scalar import Atom, Index, Product, ScalarGraph, Sum, Symbol
from symmetries.substitution import substitute

MAX_PARAMETERS = 4
MAX_NODES = 4_000
BOXES = 1_024
"""About so many boxes cover the ball."""

BITS = 80
ROUNDING = 1e-12
"""Relative error of a least eigenvalue in double precision, with a wide margin."""

KINKS = frozenset({"abs", "sign"})


def enclosed_constants(
    loss: Loss, data: Mapping[str, FloatArray], centre: FloatArray, radius: float
) -> tuple[float, float] | None:
    """A lower bound of the Hessian and a Lipschitz constant of it on a ball; None where the enclosures are no use.

    Parameters
    ----------
    loss: a loss of few parameters.
    data: values of free data.
    centre, radius: the ball.

    >>> mu, G = enclosed_constants(Loss.parse("exp(x) - x"), {}, np.zeros(1), 0.5)
    >>> 0.6 < mu < 0.60654, 1.64872 < G < 1.66
    (True, True)
    """
    if len(centre) > MAX_PARAMETERS:
        return None
    graph = ScalarGraph()
    values = {name: exact_node(value) for name, value in data.items()}
    try:
        root = lower(graph, substitute(loss.expression, values))
        second, third = _derivatives(graph, root, [graph.symbol(entry) for entry in loss.entries])
    except InputError:
        return None
    order = graph.reachable([*second.values(), *third.values(), root])
    entries = [graph.entries[node] for node in order]
    if len(order) > MAX_NODES or any(isinstance(entry, Atom) and entry.kind in KINKS for entry in entries):
        return None
    least, steepest = np.inf, 0.0
    for box in _boxes(centre, radius):
        found = _on_box(graph, order, dict(zip(loss.entries, box, strict=True)), second, third)
        if found is None or not found[0] > 0:
            return None
        least, steepest = min(least, found[0]), max(steepest, found[1])
    return least, steepest


def _derivatives(
    graph: ScalarGraph, root: Index, symbols: list[Index]
) -> tuple[dict[tuple[int, ...], Index], dict[tuple[int, ...], Index]]:
    """The second and third partial derivatives, by ascending indices."""
    known: dict[tuple[int, ...], Index] = {(): root}
    for degree in (1, 2, 3):
        for key in combinations_with_replacement(range(len(symbols)), degree):
            known[key] = differentiate(graph, known[key[:-1]], symbols[key[-1]])
            if len(graph) > 20 * MAX_NODES:
                raise InputError("the derivatives", why="they are too large", cure="use fewer parameters")
    return {k: v for k, v in known.items() if len(k) == 2}, {k: v for k, v in known.items() if len(k) == 3}


def differentiate(graph: ScalarGraph, root: Index, symbol: Index) -> Index:
    """The partial derivative of a node.

    >>> graph = ScalarGraph()
    >>> x = graph.symbol("x")
    >>> differentiate(graph, graph.power(x, 3), x) == graph.scale(graph.power(x, 2), 3)
    True
    """
    slopes: dict[Index, Index] = {}
    for node in graph.reachable([root]):
        entry = graph.entries[node]
        if isinstance(entry, Symbol):
            slopes[node] = graph.one if node == symbol else graph.zero
        elif isinstance(entry, Sum):
            slopes[node] = graph.linear((slopes[inner], value) for inner, value in entry.terms)
        elif isinstance(entry, Product):
            slopes[node] = graph.add(
                *(
                    graph.product([*_lowered(entry, inner), (slopes[inner], 1)], exponent)
                    for inner, exponent in entry.powers
                    if slopes[inner] != graph.zero
                )
            )
        elif isinstance(entry, Atom) and entry.kind != "pi" and slopes[entry.argument] != graph.zero:
            slopes[node] = graph.multiply(derivative_factor(graph, node), slopes[entry.argument])
        else:
            slopes[node] = graph.zero
    return slopes[root]


def _lowered(entry: Product, one: Index) -> list[tuple[Index, int]]:
    """The powers of a product with one exponent lowered."""
    return [(inner, exponent - 1 if inner == one else exponent) for inner, exponent in entry.powers]


def _boxes(centre: FloatArray, radius: float) -> Iterator[list[tuple[float, float]]]:
    """Midpoints and half-widths of boxes that cover a ball."""
    count = max(1, int(BOXES ** (1 / len(centre))))
    half, ulp = radius / count, float(np.finfo(float).eps)
    offsets = [-radius + half * (2 * k + 1) for k in range(count)]
    for place in product(offsets, repeat=len(centre)):
        if np.linalg.norm(np.maximum(np.abs(place) - half, 0)) <= radius * (1 + 1e-9):
            pairs = zip(centre.tolist(), place, strict=True)
            yield [(value + offset, half * (1 + 1e-9) + ulp * abs(value + offset)) for value, offset in pairs]


def _on_box(
    graph: ScalarGraph,
    order: list[Index],
    box: Mapping[str, tuple[float, float]],
    second: Mapping[tuple[int, ...], Index],
    third: Mapping[tuple[int, ...], Index],
) -> tuple[float, float] | None:
    """The two constants on one box; None where an enclosure is not finite."""
    from flint import arb, ctx

    size, point = len(box), {name: (place, 0.0) for name, (place, _) in box.items()}
    middle, spread = np.zeros((size, size)), np.zeros((size, size))
    halves = np.array([half for _, half in box.values()])
    previous, ctx.prec = ctx.prec, BITS
    try:
        whole: dict[Index, Any] = {}
        exact: dict[Index, Any] = {}
        for node in order:
            whole[node] = _enclosed(graph, node, whole, box)
            exact[node] = _enclosed(graph, node, exact, point)
        keys = product(range(size), repeat=3)
        sizes = np.array([float(whole[third[tuple(sorted(key))]].abs_upper()) for key in keys]).reshape((size,) * 3)
        for (i, j), node in second.items():
            value = float(exact[node].mid())
            direct = float((whole[node] - arb(value)).abs_upper())
            by_slopes = float((exact[node] - arb(value)).abs_upper()) + float(sizes[i, j] @ halves)
            middle[i, j] = middle[j, i] = value
            spread[i, j] = spread[j, i] = min(direct, by_slopes) * (1 + ROUNDING)
    finally:
        ctx.prec = previous
    return _constants(middle, spread, sizes)


def _constants(middle: FloatArray, spread: FloatArray, sizes: FloatArray) -> tuple[float, float] | None:
    """The two constants from a Hessian with bounds of its error, and bounds of the third derivatives."""
    if not (np.isfinite(middle).all() and np.isfinite(spread).all() and np.isfinite(sizes).all()):
        return None
    error = ROUNDING * float(np.linalg.norm(middle)) + float(np.linalg.norm(spread))
    return float(np.linalg.eigvalsh(middle)[0]) - error, float(np.linalg.norm(sizes)) * (1 + ROUNDING)


def _enclosed(graph: ScalarGraph, node: Index, values: Mapping[Index, Any], box: Mapping[str, Any]) -> Any:
    """The enclosure of one node from those of its arguments."""
    from flint import arb

    entry = graph.entries[node]
    return arb(*box[entry.name]) if isinstance(entry, Symbol) else enclose(graph, node, values)
