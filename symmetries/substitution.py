"""Replacing symbols of an expression by expressions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from manifolds.errors import InputError
from symmetries.expression import Node, walk


def substitute(root: Node, values: Mapping[str, Node]) -> Node:
    """The expression with some symbols replaced; what does not change is shared.

    >>> from symmetries.expression import number, symbol
    >>> substitute(symbol("x"), {"x": number(2)}).payload
    Fraction(2, 1)
    """
    if not values:
        return root
    done: dict[int, Node] = {}
    for node in walk(root):
        if node.operation == "symbol" and node.payload in values:
            value = values[str(node.payload)]
            if value.shape != node.shape:
                raise InputError(
                    f"{node.payload!r} of shape {list(node.shape)} is given a value of shape {list(value.shape)}",
                    why="the shapes differ",
                    cure="give it a value of its shape",
                )
            done[id(node)] = value
            continue
        arguments = tuple(done[id(argument)] for argument in node.arguments)
        same = all(new is old for new, old in zip(arguments, node.arguments, strict=True))
        done[id(node)] = node if same else replace(node, arguments=arguments)
    return done[id(root)]
