"""Points far from the small ones: of every scale, and beside the zeros where a loss has kinks and jumps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np

from symmetries.compiled import Tape
from symmetries.directional import Point, from_entries
from symmetries.expression import Node, Shape, walk
from symmetries.operations import subtract

REACHES = (3, 12, 40, 400)
"""Largest decimal exponents of the coordinates, one after the other."""

BENT = frozenset({"abs", "relu", "sign"})
STEPS = 60
STARTS = 6
BESIDE = (Fraction(1, 2), Fraction(1, 1000), Fraction(1, 10**9))
MAX_KINKS = 32


def far_points(
    shapes: Mapping[str, Shape], expressions: Sequence[Node], rng: np.random.Generator, *, count: int
) -> Iterator[Point]:
    """Points in turn of many scales and beside kinks; half of the scaled ones have one scale for all coordinates."""
    size = sum(math.prod(shape) for shape in shapes.values())
    beside = beside_kinks(shapes, expressions, rng)
    for attempt in range(count):
        reach = REACHES[attempt // 2 % len(REACHES)]
        yield from_entries(_scaled(size, reach, rng, together=attempt % 2 == 0), shapes)
        yield from islice(beside, 2)


def _scaled(size: int, reach: int, rng: np.random.Generator, *, together: bool) -> list[Fraction]:
    exponents = np.broadcast_to(rng.integers(-reach, reach + 1, size=1 if together else size), (size,))
    numerators = rng.integers(1, 30, size=size) * rng.choice((-1, 1), size=size)
    pairs = zip(numerators, exponents, strict=True)
    return [Fraction(int(number), 7) * Fraction(10) ** int(exponent) for number, exponent in pairs]


def beside_kinks(shapes: Mapping[str, Shape], expressions: Sequence[Node], rng: np.random.Generator) -> Iterator[Point]:
    """Points on both sides of the zeros of what absolute values, larger ones and choices are taken of."""
    tapes = [Tape(node, tuple(shapes)) for node in _arguments(expressions)[:MAX_KINKS]]
    for _ in range(STARTS):
        for tape in tapes:
            for k in range(min(math.prod(tape.root.shape), 4)):
                place = int(rng.integers(math.prod(tape.root.shape))) if k else 0
                yield from _beside(tape, place, shapes, rng)


def _arguments(expressions: Sequence[Node]) -> list[Node]:
    found: dict[int, Node] = {}
    for expression in expressions:
        for node in walk(expression):
            if (node.operation == "function" and node.payload in BENT) or node.operation in {
                "where",
                "leaky_relu",
                "elu",
            }:
                found[id(node)] = node.arguments[0]
            elif node.operation in {"maximum", "minimum"}:
                found[id(node)] = subtract(*node.arguments)
    return [node for node in found.values() if math.prod(node.shape)]


def _beside(tape: Tape, place: int, shapes: Mapping[str, Shape], rng: np.random.Generator) -> Iterator[Point]:
    """Points on both sides of a zero that Newton's method finds from a random start."""
    point = {name: np.asarray(rng.normal(size=shape)) for name, shape in shapes.items()}
    with np.errstate(all="ignore"):
        for _ in range(STEPS):
            value, gradient = _entry(tape, place, point)
            square = sum(float(np.sum(part * part)) for part in gradient.values())
            if not (math.isfinite(value) and math.isfinite(square)) or square == 0:
                return
            if value == 0:
                break
            for name, part in gradient.items():
                point[name] = point[name] - value / square * part
    if not all(np.isfinite(values).all() for values in point.values()):
        return
    zero = [Fraction(float(value)) for name in shapes for value in np.ravel(point[name])]
    slope = [float(value) for name in shapes for value in np.ravel(gradient.get(name, np.zeros(shapes[name])))]
    for step in BESIDE:
        for sign in (-1, 1):
            yield from_entries(
                [value + sign * step * ((part > 0) - (part < 0)) for value, part in zip(zero, slope, strict=True)],
                shapes,
            )


def _entry(tape: Tape, place: int, point: Mapping[str, Any]) -> tuple[float, dict[str, Any]]:
    """One entry of an expression with its gradient."""
    values = tape.values(point)
    return float(np.ravel(values[-1])[place]), tape.gradient(values, place)
