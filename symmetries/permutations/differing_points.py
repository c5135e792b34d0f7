"""Points where a loss seems to differ from its image under a signed permutation, in double precision."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice

import numpy as np

from symmetries.directional import Point, Quantity, as_floats, from_entries
from symmetries.expression import entry_names
from symmetries.floating import FloatArray, evaluate_floats
from symmetries.permutations.signed_permutation import SignedPermutation
from symmetries.scalar import Index, ScalarGraph
from symmetries.straight_line import compile_program

POINTS = 4_000
LARGEST = 20_000_000
SCALES = (1.0, 0.3, 3.0, 0.05, 30.0)
DIFFERENT = 1e-6
FEW, MOST = 6, 200


def differing_points(
    graph: ScalarGraph,
    root: Index,
    quantity: Quantity,
    permutation: SignedPermutation,
    rng: np.random.Generator,
) -> Iterator[Point]:
    """A few of thousands of points where L(g w) and L(w) seem to differ; a loss may differ in a small region alone."""
    shapes = quantity.shapes
    names = [entry for name, shape in shapes.items() for entry in entry_names(name, shape)]
    program = compile_program(graph, [root], names)
    points = _points(len(names), max(50, min(POINTS, LARGEST // program.slots)), rng)
    position = {name: k for k, name in enumerate(names)}
    images = points.copy()
    for entry, source in permutation.map.items():
        images[position[entry]] = points[position[source.removeprefix("-")]] * (-1 if source.startswith("-") else 1)
    before, after = (evaluate_floats(program, one)[program.outputs[0]] for one in (points, images))
    with np.errstate(all="ignore"):
        apart = np.abs(after - before) > DIFFERENT * (1 + np.abs(before) + np.abs(after))
    found = (from_entries([Fraction(float(value)) for value in points[:, k]], shapes) for k in np.flatnonzero(apart))
    yield from islice((point for point in islice(found, MOST) if _differs(quantity, point)), FEW)


def _differs(quantity: Quantity, point: Point) -> bool:
    """Whether the loss itself has two different values there; its normal form has values where it has none."""
    total, scale = quantity.floats(as_floats(point))
    return math.isfinite(total) and math.isfinite(scale) and abs(total) > DIFFERENT * scale


def _points(size: int, count: int, rng: np.random.Generator) -> FloatArray:
    """Points of several scales, a third of them positive."""
    points = rng.normal(size=(size, count)) * rng.choice(SCALES, size=count)
    points[:, ::3] = np.abs(points[:, ::3])
    return points
