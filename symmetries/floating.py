"""Straight-line programs in double precision: signs for the exact evaluation, and the float cross-check."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from symmetries.straight_line import Program, Step

FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


def evaluate_floats(program: Program, points: FloatArray) -> FloatArray:
    """Values of all slots at points of shape (inputs, samples); undefined values are NaN."""
    values = np.empty((program.slots, points.shape[1]))
    values[: len(program.inputs)] = points
    for k, constant in enumerate(program.constants):
        values[len(program.inputs) + k] = nearest(constant)
    with np.errstate(all="ignore"):
        for step in program.steps:
            values[step.start : step.stop] = _step_values(step, values)
    return values


def evaluate_with_scales(program: Program, points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Values of all slots, and for sums the sum of the absolute terms: the size of what may have cancelled."""
    values = evaluate_floats(program, points)
    scales = np.abs(values)
    with np.errstate(all="ignore"):
        for step in program.steps:
            if step.kind == "sum":
                terms = np.abs(values[step.left] * _numbers(step.coefficients))
                scales[step.start : step.stop] = np.add.reduceat(terms, step.cuts, axis=0) + np.abs(
                    _numbers(step.constants)
                )
    return values, scales


def gradient_floats(program: Program, values: FloatArray) -> FloatArray:
    """Gradient of the first root in the inputs, shape (inputs, samples)."""
    adjoint = np.zeros_like(values)
    adjoint[program.outputs[0]] = 1.0
    with np.errstate(all="ignore"):
        for step in reversed(program.steps):
            _step_adjoints(step, values, adjoint)
    return adjoint[: len(program.inputs)]


def nearest(value: Any) -> float:
    """The double nearest to a rational number, infinite when it is too large for one."""
    try:
        return int(value.p) / int(value.q)
    except OverflowError:
        return math.inf if value.p > 0 else -math.inf


def _numbers(rationals: tuple[Any, ...]) -> FloatArray:
    return np.array([nearest(value) for value in rationals])[:, None]


def _step_values(step: Step, values: FloatArray) -> FloatArray:
    left = values[step.left]
    match step.kind:
        case "sum":
            return np.add.reduceat(left * _numbers(step.coefficients), step.cuts, axis=0) + _numbers(step.constants)
        case "multiply":
            return left * values[step.right]
        case "invert":
            return 1.0 / left
        case "exp":
            return np.exp(left)
        case "log":
            return np.log(np.abs(left))
        case "tanh":
            return np.tanh(left)
        case "tan_half":
            return np.tan(left / 2)
        case "abs":
            return np.abs(left)
        case "sign":
            return np.where(left == 0, float(step.degree), np.sign(left))
        case "root":
            return np.where(left >= 0, np.abs(left) ** (1.0 / step.degree), np.nan)
        case "atan":
            return np.arctan(left)
        case "normal_pdf":
            return np.exp(-left * left / 2) / np.sqrt(2 * np.pi)
        case "normal_cdf":
            from scipy.special import ndtr

            return np.asarray(ndtr(left))
        case _:
            return np.full_like(left, np.pi)


def _step_adjoints(step: Step, values: FloatArray, adjoint: FloatArray) -> None:
    upper = adjoint[step.start : step.stop]
    left, result = values[step.left], values[step.start : step.stop]
    match step.kind:
        case "sum":
            np.add.at(adjoint, step.left, upper[step.row] * _numbers(step.coefficients))
            return
        case "multiply":
            np.add.at(adjoint, step.left, upper * values[step.right])
            np.add.at(adjoint, step.right, upper * left)
            return
        case "invert":
            factor = -result * result
        case "exp":
            factor = result
        case "log":
            factor = 1.0 / left
        case "tanh":
            factor = 1.0 - result * result
        case "tan_half":
            factor = (1.0 + result * result) / 2
        case "abs":
            factor = np.sign(left)
        case "root":
            factor = result / (step.degree * left)
        case "atan":
            factor = 1.0 / (1.0 + left * left)
        case "normal_pdf":
            factor = -left * result
        case "normal_cdf":
            factor = values[step.right]
        case _:
            return
    np.add.at(adjoint, step.left, upper * factor)
