"""Where a loss is defined: a declared loss must have a real value somewhere."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np

from manifolds.errors import InputError
from symmetries.compiled import compile_loss
from symmetries.directional import free_shapes, unmoved
from symmetries.dual import Hole, evaluate
from symmetries.dual_numbers import Digits
from symmetries.expression import Node, walk
from symmetries.far_points import far_points
from symmetries.loss import Loss

SCALES = (1.0, 0.1, 10.0)
TRIES = 24
FAR_SCALES = (1e-3, 1e3, 1e-9, 1e9, 1e-300, 1e300)
DIGITS = 50
"""Digits of the last points, where doubles are too small or too large."""


def require_defined(loss: Loss, *, seed: int) -> None:
    """Refuse a loss that has no finite value at any of many random points, of both signs and positive ones.

    Raises
    ------
    InputError: the loss is undefined at every sampled point.
    """
    if not any(is_partial(node) for node in walk(loss.expression)):
        return
    compiled = compile_loss(loss)
    shapes = {name: item.shape for name, item in loss.data.items() if item.values is None}
    shapes |= dict.fromkeys(loss.constants, ())
    rng = np.random.default_rng(seed)
    scales = [SCALES[trial // 2 % len(SCALES)] for trial in range(TRIES)]
    for trial, scale in enumerate([*scales, *(scale for scale in FAR_SCALES for _ in range(4))]):

        def draw(shape: tuple[int, ...], scale: float = scale, positive: bool = trial % 2 == 1) -> Any:
            """A random array at this trial's scale."""
            values = scale * rng.normal(size=shape)
            return np.abs(values) if positive else values

        data = {name: draw(shape) for name, shape in shapes.items()}
        if math.isfinite(compiled.value(draw((compiled.size,)), data)):
            return
    if _has_value(loss, rng):
        return
    raise InputError(
        "the loss is undefined at every sampled point",
        why="a logarithm, root or quotient in it has no real value there",
        cure="check signs inside logarithms and roots, and denominators that are identically zero",
    )


def _has_value(loss: Loss, rng: np.random.Generator) -> bool:
    """Whether the loss has a finite value with many digits at one of a few points of many scales."""
    import mpmath

    for point in islice(far_points(free_shapes(loss), (), rng, count=TRIES), TRIES):
        for given in (point, {name: abs(values) for name, values in point.items()}):
            with mpmath.workdps(DIGITS):
                arithmetic = Digits()
                value = evaluate(loss.expression, arithmetic, unmoved(arithmetic, given)).values[0]
                if not isinstance(value, Hole) and mpmath.isfinite(value):
                    return True
    return False


def is_partial(node: Node) -> bool:
    """Whether an operation may have no value for real arguments."""
    if node.operation == "power":
        exponent: Any = node.payload
        return Fraction(exponent).denominator > 1 or exponent < 0
    if node.operation == "function":
        return node.payload in {"log", "tan"}
    return node.operation in {"exponential", "inv"}
