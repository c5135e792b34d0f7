"""Expressions with doubles and rational numbers in the place of names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from solvers.equivalence.exact_arrays import exact_fraction
from symmetries.expression import Node, Shape, array, number


def exact_node(value: Any) -> Node:
    """Doubles as an exact array.

    >>> exact_node(0.5).payload
    Fraction(1, 2)
    """
    entries = np.asarray(value, dtype=float)
    return _node([exact_fraction(one) for one in entries.ravel().tolist()], entries.shape)


def point_nodes(point: Sequence[Fraction], shapes: Mapping[str, Shape]) -> dict[str, Node]:
    """A flat rational point as exact arrays by name.

    >>> sorted(point_nodes([Fraction(1), Fraction(2), Fraction(3)], {"a": (), "b": (2,)}))
    ['a', 'b']
    """
    nodes, start = {}, 0
    for name, shape in shapes.items():
        count = int(np.prod(shape, dtype=int))
        nodes[name] = _node(point[start : start + count], shape)
        start += count
    return nodes


def _node(entries: Sequence[Fraction], shape: Shape) -> Node:
    """Rational numbers as an array of a shape."""
    return array(tuple(entries), shape) if shape else number(entries[0])
