"""The degree of an expression in its parameters, and its convexity, where they can be read off its structure."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace
from fractions import Fraction
from typing import Any, TypeAlias

from symmetries.expression import Node, walk
from symmetries.numbers import value_of

Degree: TypeAlias = float
"""A natural number, or infinity where no bound is seen."""

LINEAR = frozenset({"transpose", "reshape", "gather", "concatenate", "sum"})
"""Operations whose entries are sums of entries of their arguments."""


def degree_bounds(root: Node, parameters: Collection[str]) -> dict[int, Degree]:
    """An upper bound of the degree in the parameters of every node below the root, by ``id``.

    A bound holds identically in everything else, so that a bound of two at the root proves the loss quadratic.

    >>> from symmetries import Loss
    >>> loss = Loss.parse("(x + 2*y - 7)**2 + exp(2)*x")
    >>> degree_bounds(loss.expression, loss.parameters)[id(loss.expression)]
    2
    """
    bounds: dict[int, Degree] = {}
    for node in walk(root):
        bounds[id(node)] = _bound(node, [bounds[id(argument)] for argument in node.arguments], parameters)
    return bounds


def _bound(node: Node, degrees: list[Degree], parameters: Collection[str]) -> Degree:
    """The bound of one node from those of its arguments."""
    if node.operation == "symbol":
        return 1 if node.payload in parameters else 0
    if not any(degrees):
        return 0
    if node.operation == "add" or node.operation in LINEAR:
        return max(degrees)
    if node.operation in ("multiply", "matmul"):
        return sum(degrees)
    if node.operation == "det":
        return node.arguments[0].shape[0] * degrees[0]
    exponent: Any = node.payload
    if node.operation == "power" and exponent == int(exponent) >= 0:
        return int(exponent) * degrees[0] if exponent else 0
    return math.inf


def is_visibly_convex(root: Node, parameters: Collection[str]) -> bool:
    """Whether an expression of degree two is a sum of squares of affine ones and an affine one, as it is written.

    >>> from symmetries import Loss
    >>> [is_visibly_convex(Loss.parse(text).expression, "xy") for text in ("3*(x + y)**2 - x", "x**2 - y**2")]
    [True, False]
    """
    bounds = degree_bounds(root, parameters)
    convex: dict[int, bool] = {}
    for node in walk(root):
        convex[id(node)] = bounds[id(node)] <= 1 or _keeps_convexity(node, bounds, convex)
    return convex[id(root)]


def _keeps_convexity(node: Node, bounds: dict[int, Degree], convex: dict[int, bool]) -> bool:
    """Whether a node of degree two is convex because its arguments are."""
    if node.operation == "add" or node.operation in LINEAR:
        return all(convex[id(argument)] for argument in node.arguments)
    if node.operation == "power":
        return node.payload == 2 and bounds[id(node.arguments[0])] <= 1
    if node.operation == "multiply":
        moving = [argument for argument in node.arguments if bounds[id(argument)]]
        numbers = [value_of(argument) for argument in node.arguments if not bounds[id(argument)]]
        sign = all(value is not None and value >= 0 for value in numbers)
        square = len(moving) == 2 and moving[0] is moving[1]
        return sign and (square or (len(moving) == 1 and convex[id(moving[0])]))
    vectors = node.operation == "matmul" and all(argument.ndim == 1 for argument in node.arguments)
    return vectors and node.arguments[0] is node.arguments[1]


def merged_powers(root: Node) -> Node:
    """The same expression with a root of a sum of squares and a power of that root as one power, as in norm(x)**2.

    >>> from symmetries import Loss
    >>> loss = Loss.parse("norm(w)**2", {"w": 3})
    >>> degree_bounds(loss.expression, "w")[id(loss.expression)], is_visibly_convex(loss.expression, "w")
    (inf, False)
    >>> merged = merged_powers(loss.expression)
    >>> degree_bounds(merged, "w")[id(merged)], is_visibly_convex(merged, "w")
    (2, True)
    """
    images: dict[int, Node] = {}
    nonnegative: set[int] = set()
    for node in walk(root):
        arguments = tuple(images[id(argument)] for argument in node.arguments)
        image = node
        inner = arguments[0] if arguments else node
        exponent: Any = node.payload
        if node.operation == "power" and inner.operation == "power" and id(inner.arguments[0]) in nonnegative:
            below: Any = inner.payload
            image = replace(node, arguments=inner.arguments, payload=below * exponent)
            image = inner.arguments[0] if image.payload == 1 else image
        elif any(one is not other for one, other in zip(arguments, node.arguments, strict=True)):
            image = replace(node, arguments=arguments)
        images[id(node)] = image
        if _is_nonnegative(image, nonnegative):
            nonnegative.add(id(image))
    return images[id(root)]


def is_visibly_nonnegative(root: Node) -> bool:
    """Whether an expression is a sum of squares, or of even powers, as it is written.

    >>> from symmetries import Loss
    >>> [is_visibly_nonnegative(Loss.parse(text).expression) for text in ("(x - y)**4 + 2*y**2", "x**2 - 1")]
    [True, False]
    """
    known: set[int] = set()
    for node in walk(root):
        if _is_nonnegative(node, known):
            known.add(id(node))
    return id(root) in known


def _is_nonnegative(node: Node, known: set[int]) -> bool:
    """Whether all entries are visibly at least zero."""
    value, exponent = value_of(node), node.payload
    if value is not None:
        return value >= 0
    if node.operation == "power":
        return isinstance(exponent, Fraction) and exponent.denominator == 1 and exponent > 0 and exponent % 2 == 0
    if node.operation == "matmul":
        return node.arguments[0] is node.arguments[1] and node.arguments[0].ndim == 1
    if node.operation in {"add", "multiply"} | LINEAR:
        return all(id(argument) in known for argument in node.arguments)
    return False
