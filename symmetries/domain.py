"""Where a loss is defined: a declared loss must have a real value somewhere."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from manifolds.errors import InputError
from symmetries.compiled import compile_loss
from symmetries.expression import Node, walk
from symmetries.loss import Loss

SCALES = (1.0, 0.1, 10.0)
TRIES = 24


def require_defined(loss: Loss, *, seed: int) -> None:
    """Refuse a loss that has no finite value at any of many random points, of both signs and positive ones.

    Raises
    ------
    InputError: the loss is undefined at every sampled point.
    """
    if not any(_is_partial(node) for node in walk(loss.expression)):
        return
    compiled = compile_loss(loss)
    shapes = {name: item.shape for name, item in loss.data.items() if item.values is None}
    shapes |= dict.fromkeys(loss.constants, ())
    rng = np.random.default_rng(seed)
    for trial in range(TRIES):
        scale = SCALES[trial // 2 % len(SCALES)]

        def draw(shape: tuple[int, ...], scale: float = scale, positive: bool = trial % 2 == 1) -> Any:
            values = scale * rng.normal(size=shape)
            return np.abs(values) if positive else values

        data = {name: draw(shape) for name, shape in shapes.items()}
        if math.isfinite(compiled.value(draw((compiled.size,)), data)):
            return
    raise InputError(
        "the loss is undefined at every sampled point",
        why="a logarithm, root or quotient in it has no real value there",
        cure="check signs inside logarithms and roots, and denominators that are identically zero",
    )


def _is_partial(node: Node) -> bool:
    """Whether an operation may have no value for real arguments."""
    if node.operation == "power":
        exponent: Any = node.payload
        return Fraction(exponent).denominator > 1 or exponent < 0
    if node.operation == "function":
        return node.payload in {"log", "tan"}
    return node.operation in {"exponential", "inv"}
