"""Writing an expression as text, without recursion and with as few brackets as its operators need."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from manifolds.errors import InputError
from symmetries.expression import Node, Shape, number

SUM, PRODUCT, SIGN, POWER, ATOM = range(1, 6)
"""How tightly a text binds: a sum, a product, a signed value, a power, a name or a call."""

LONGEST = 10_000_000
"""Longest text that is written; an expression with shared parts can be exponentially longer as text."""

Parts: TypeAlias = "list[str | tuple[Node, int]]"
"""Text, and nodes with the tightness that their place needs."""

Style: TypeAlias = Callable[[Node], tuple[int, Parts]]
"""How a node is written: how tightly its text binds, and its parts."""


def emit(root: Node, style: Style, brackets: tuple[str, str]) -> str:
    """The text of an expression in a style."""
    written: list[str] = []
    length = 0
    stack: Parts = [(root, 0)]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            written.append(item)
            length += len(item)
            if length > LONGEST:
                why = f"the limit is {LONGEST} characters"
                raise InputError("the expression is too long as text", why=why, cure="keep it as an expression")
            continue
        node, needed = item
        tightness, parts = style(node)
        if tightness < needed:
            parts = [brackets[0], *parts, brackets[1]]
        stack.extend(reversed(parts))
    return "".join(written)


def coefficient(node: Node) -> tuple[Fraction, list[Node]]:
    """An expression as a number times factors.

    >>> coefficient(number(3))
    (Fraction(3, 1), [])
    """
    if node.operation == "number" and isinstance(node.payload, Fraction):
        return node.payload, []
    if node.operation == "multiply" and node.arguments[0].operation == "number":
        value = node.arguments[0].payload
        assert isinstance(value, Fraction)
        return value, list(node.arguments[1:])
    return Fraction(1), list(node.arguments) if node.operation == "multiply" else [node]


def terms(node: Node) -> list[Node]:
    """The terms of a sum, sums in it opened."""
    found: list[Node] = []
    stack = [node]
    while stack:
        term = stack.pop()
        if term.operation == "add":
            stack.extend(reversed(term.arguments))
        else:
            found.append(term)
    return found


def split_quotient(factors: list[Node]) -> tuple[list[Node], list[Node]]:
    """The factors above and below the line of a quotient, the latter with positive exponents."""
    above: list[Node] = []
    below: list[Node] = []
    for factor in factors:
        exponent = factor.payload
        if factor.operation == "power" and isinstance(exponent, Fraction) and exponent < 0:
            base = factor.arguments[0]
            below.append(base if exponent == -1 else Node("power", (base,), factor.shape, -exponent))
        else:
            above.append(factor)
    return above, below


def plain_sum(node: Node) -> bool:
    """Whether a node is the sum of all entries."""
    return node.operation == "sum" and node.payload == tuple(range(node.arguments[0].ndim))


def is_diagonal(node: Node) -> bool:
    """Whether a node is the diagonal of a matrix."""
    if node.operation != "gather" or node.arguments[0].ndim != 2:
        return False
    rows, columns = node.arguments[0].shape
    return rows > 1 < columns and node.payload == tuple(i * columns + i for i in range(min(rows, columns)))


def is_trace(node: Node) -> bool:
    """Whether a node is the sum of a diagonal."""
    return plain_sum(node) and is_diagonal(node.arguments[0])


def slice_key(node: Node) -> tuple[tuple[int | slice, ...], Shape] | None:
    """The basic index that picks the entries of a ``gather``, and the shape that it gives; None when there is none."""
    argument, positions = node.arguments[0], np.asarray(node.payload)
    key: list[int | slice] = []
    for axis in np.unravel_index(positions, argument.shape):
        values = list(dict.fromkeys(axis.tolist()))
        step = values[1] - values[0] if len(values) > 1 else 1
        if values != list(range(values[0], values[0] + step * len(values), step)):
            return None
        stop = values[0] + step * len(values)
        key.append(values[0] if len(values) == 1 else slice(values[0], stop if stop >= 0 else None, step))
    picked = np.arange(argument.size).reshape(argument.shape)[tuple(key)]
    return (tuple(key), picked.shape) if picked.size == positions.size and (picked.ravel() == positions).all() else None


def key_text(key: tuple[int | slice, ...], shape: Shape) -> str:
    """A basic index as it is written.

    >>> key_text((0, slice(0, 2, 1)), (3, 2))
    '0, :'
    """
    parts = []
    for part, length in zip(key, shape, strict=True):
        if isinstance(part, int):
            parts.append(str(part))
            continue
        start = "" if part.start == 0 and part.step > 0 else str(part.start)
        stop = "" if part.stop is None or part.stop >= length else str(part.stop)
        parts.append(f"{start}:{stop}" if part.step == 1 else f"{start}:{stop}:{part.step}")
    return ", ".join(parts)


def negated(node: Node) -> Node | None:
    """The opposite of a term that starts with a negative number, None for any other."""
    value, factors = coefficient(node)
    if value >= 0 or (factors and node.operation != "multiply"):
        return None
    if not factors:
        return number(-value)
    if value == -1:
        return factors[0] if len(factors) == 1 else Node("multiply", tuple(factors), node.shape)
    return Node("multiply", (number(-value), *factors), node.shape)
