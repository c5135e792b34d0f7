"""Straight-line programs in double precision with error bounds: values that differ for certain.

Every slot has a value and a radius around it in which the exact value lies.  Sums, products and quotients round
correctly; elementary functions are taken to be accurate to 8 units in the last place.  A radius that is not finite
says that nothing is known.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from symmetries.floating import FloatArray, nearest
from symmetries.straight_line import Program, Step

Balls: TypeAlias = tuple[FloatArray, FloatArray]
"""Values and radii."""

UNIT = 2.0**-53
FUNCTION = 8 * 2 * UNIT
"""Relative error of an elementary function: 8 units in the last place."""

TINY = 1e-300
SLACK = 1 + 1e-6
"""Radii are computed with rounding themselves."""

ELEMENTARY = frozenset({"exp", "log", "tanh", "tan_half", "atan", "normal_pdf", "normal_cdf"})
CHUNK_ENTRIES = 2_000_000


def output_balls(program: Program, points: FloatArray) -> Balls:
    """Values and radii of the outputs at points of shape (inputs, samples), which are exact.

    >>> import numpy as np
    >>> from symmetries.scalar import ScalarGraph
    >>> from symmetries.straight_line import compile_program
    >>> graph = ScalarGraph()
    >>> program = compile_program(graph, [graph.power(graph.symbol("x"), 2)], ["x"])
    >>> values, radii = output_balls(program, np.array([[0.1, 3.0]]))
    >>> values.shape, bool((radii < 1e-14).all())
    ((1, 2), True)
    """
    samples = points.shape[1]
    chunk = max(1, CHUNK_ENTRIES // program.slots)
    parts = [_chunk(program, points[:, start : start + chunk]) for start in range(0, samples, chunk)]
    values, radii = (np.concatenate(side, axis=1) for side in zip(*parts, strict=True))
    return values, np.where(np.isfinite(values) & np.isfinite(radii), radii, np.inf)


def _chunk(program: Program, points: FloatArray) -> Balls:
    values = np.empty((program.slots, points.shape[1]))
    radii = np.zeros_like(values)
    first = len(program.inputs)
    values[:first] = points
    for k, constant in enumerate(program.constants):
        values[first + k] = nearest(constant)
        radii[first + k] = abs(values[first + k]) * UNIT
    with np.errstate(all="ignore"):
        for step in program.steps:
            value, radius = _step(step, values, radii)
            values[step.start : step.stop] = value
            radii[step.start : step.stop] = radius * SLACK
    return values[program.outputs], radii[program.outputs]


def _step(step: Step, values: FloatArray, radii: FloatArray) -> Balls:
    a, r = values[step.left], radii[step.left]
    if step.kind == "sum":
        return _sum(step, a, r)
    if step.kind == "multiply":
        b, s = values[step.right], radii[step.right]
        value = a * b
        return value, np.abs(a) * s + np.abs(b) * r + r * s + 2 * UNIT * np.abs(value) + TINY * ((a != 0) & (b != 0))
    if step.kind == "invert":
        least = np.where(np.abs(a) > r, np.abs(a) - r, np.nan)
        return 1 / a, r / (np.abs(a) * least) + 2 * UNIT / np.abs(a)
    if step.kind == "abs":
        return np.abs(a), r
    if step.kind == "sign":
        return np.where(a == 0, float(step.degree), np.sign(a)), np.where(np.abs(a) > r, 0.0, np.inf)
    if step.kind == "root":
        return _root(step, a, r)
    if step.kind == "pi":
        return np.full_like(a, np.pi), np.full_like(a, 4 * UNIT)
    return _elementary(step.kind, a, r)


def _sum(step: Step, a: FloatArray, r: FloatArray) -> Balls:
    coefficients = np.array([nearest(value) for value in step.coefficients])[:, None]
    constants = np.array([nearest(value) for value in step.constants])[:, None]
    value = np.add.reduceat(a * coefficients, step.cuts, axis=0) + constants
    scale = np.add.reduceat(np.abs(a * coefficients), step.cuts, axis=0) + np.abs(constants)
    radius = np.add.reduceat(r * np.abs(coefficients), step.cuts, axis=0) * (1 + 4 * UNIT)
    terms = np.diff(np.append(step.cuts, len(step.left)))[:, None]
    return value, radius + (terms + 4) * 2 * UNIT * scale


def _root(step: Step, a: FloatArray, r: FloatArray) -> Balls:
    least = np.where(a > r, a - r, np.nan)
    value = np.where(a >= 0, np.abs(a) ** (1.0 / step.degree), np.nan)
    radius = r * least ** (1.0 / step.degree - 1) / step.degree * (1 + FUNCTION) + 4 * FUNCTION * value
    return value, np.where((a == 0) & (r == 0), 0.0, radius)


def _elementary(kind: str, a: FloatArray, r: FloatArray) -> Balls:
    match kind:
        case "exp":
            value = np.exp(a)
            return value, value * np.expm1(r) * (1 + 2 * FUNCTION) + FUNCTION * value + TINY
        case "log":
            value = np.log(np.abs(a))
            least = np.where(np.abs(a) > r, np.abs(a) - r, np.nan)
            return value, r / least + FUNCTION * np.abs(value)
        case "tanh":
            value = np.tanh(a)
            return value, r + FUNCTION * np.abs(value) + TINY * (a != 0)
        case "tan_half":
            value, turn = np.tan(a / 2), np.tan(np.minimum(r / 2, 1.0))
            left = 1 - np.abs(value) * turn
            return value, np.where((left > 0) & (r < 1), turn * (1 + value**2) / left, np.inf) + FUNCTION * np.abs(
                value
            )
        case "atan":
            value = np.arctan(a)
            return value, r + FUNCTION * np.abs(value)
        case "normal_pdf":
            value = np.exp(-a * a / 2) / np.sqrt(2 * np.pi)
            return value, 0.25 * r + 4 * FUNCTION * value * (1 + a * a) + TINY
        case "normal_cdf":
            from scipy.special import ndtr

            value = np.asarray(ndtr(a))
            return value, 0.4 * r + 64 * FUNCTION * value + TINY
        case _:
            # of any other function nothing is known, which certifies no inequality
            return np.zeros_like(a), np.full_like(a, np.inf)
