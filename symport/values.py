"""Formulas of a loss as fast functions of many points, for pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from symmetries.fields import VectorField
    from symmetries.loss import Loss

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Values: TypeAlias = Callable[[Floats], Floats]
"""From points, one a column, to values, one a row a formula."""


def evaluator(loss: Loss, formulas: Sequence[str] | None = None, *, seed: int = 0) -> Values:
    """The loss, or formulas in its symbols, as a function; free data and constants take random values.

    >>> from symmetries import Loss
    >>> evaluator(Loss.parse("x**2 + 9*y**2"))(np.array([[1.0], [2.0]])).tolist()
    [[37.0]]
    """
    from symmetries.floating import evaluate_floats
    from symmetries.lower import lower
    from symmetries.scalar import ScalarGraph
    from symmetries.straight_line import compile_program

    graph = ScalarGraph()
    nodes = [loss.expression] if formulas is None else [loss.read(formula) for formula in formulas]
    fixed = (*loss.data_entries, *loss.constants)
    program = compile_program(graph, [lower(graph, node) for node in nodes], (*loss.entries, *fixed))
    rng = np.random.default_rng([seed, len(fixed)])
    drawn = np.concatenate([rng.normal(size=len(loss.data_entries)), rng.uniform(0.5, 2.0, size=len(loss.constants))])

    def values(points: Floats) -> Floats:
        """The values at the points, one row a formula."""
        rest = np.repeat(drawn[:, None], points.shape[1], axis=1)
        return evaluate_floats(program, np.vstack([points, rest]))[list(program.outputs)]

    return values


def field_evaluator(loss: Loss, field: VectorField, *, seed: int = 0) -> Values:
    """A field as a function from points to vectors, one a column."""
    entries = loss.entries
    moved = [entry for entry in entries if entry in field.components]
    rows = [entries.index(entry) for entry in moved]
    inner = evaluator(loss, [field.components[entry] for entry in moved], seed=seed)

    def values(points: Floats) -> Floats:
        """The vectors at the points."""
        result = np.zeros_like(points)
        result[rows] = inner(points)
        return result

    return values


def trace(field: Values, start: Floats, *, step: float, steps: int, inside: Callable[[Floats], bool]) -> Floats:
    """The curve through a point along a field at unit speed, by the classical rule of Runge and Kutta.

    It ends where it closes or is no longer inside.

    >>> turn = lambda p: np.stack([-p[1], p[0]])
    >>> circle = trace(turn, np.array([1.0, 0.0]), step=0.1, steps=999, inside=lambda p: True)
    >>> bool(abs(np.hypot(*circle) - 1).max() < 1e-4), circle.shape[1] < 70
    (True, True)
    """

    def unit(point: Floats) -> Floats:
        """The direction of the field, zero where it has none."""
        vector = field(point[:, None])[:, 0]
        length = float(np.linalg.norm(vector))
        return vector / length if np.isfinite(length) and length > 0 else np.zeros_like(vector)

    curve = [np.asarray(start, dtype=float)]
    for count in range(steps):
        here = curve[-1]
        one = unit(here)
        two = unit(here + step / 2 * one)
        three = unit(here + step / 2 * two)
        four = unit(here + step * three)
        there = here + step / 6 * (one + 2 * two + 2 * three + four)
        if not one.any() or not np.isfinite(there).all():
            break
        curve.append(there)
        if count > 3 and np.linalg.norm(there - curve[0]) < step:
            curve.append(curve[0])
            break
        if not inside(there):
            break
    return np.array(curve).T
