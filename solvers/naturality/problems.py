"""Problems without accidental symmetry, on which optimizers are tested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from solvers.naturality.problem import Problem
from solvers.naturality.structures import declare
from symmetries.actions.parameter_space import FloatArray

SEED = 20
"""Seed of the data of the problems."""


def vector_problems(size: int) -> tuple[Problem, ...]:
    """Five problems of a flat array: tanh and quadratic least squares, a quartic, a logistic and an exponential loss.

    Each has a model and a loss of the outputs, so that every optimizer can be run on it; gradients near standard normal
    points are of order one.

    >>> [problem.name for problem in vector_problems(4)]
    ['tanh regression', 'quadratic regression', 'quartic', 'logistic', 'exponential']
    """
    rng = np.random.default_rng(SEED)
    samples = 2 * size + 1
    found = []
    for name, (bend, loss) in LOSSES.items():
        inputs = rng.standard_normal((samples, size)) / np.sqrt(size)
        other = rng.standard_normal((samples, size)) / np.sqrt(size)
        found.append(
            Problem(
                size=size,
                model=_model(inputs, other, bend),
                output_loss=_weighted(loss, rng.standard_normal(samples), 0.5 + rng.random(samples)),
                name=name,
            )
        )
    return tuple(declare(problem) for problem in found)


def matrix_problems(shape: tuple[int, int]) -> tuple[Problem, ...]:
    """Five problems of a matrix W of one layer, z = W a, with losses of the outputs z that mix its entries.

    The matrices of products of the inputs a of each sample are declared as the structure ``activations``, of type
    ``col_cov2``, shape (samples, k, k).

    >>> [problem.shape for problem in matrix_problems((2, 3))]
    [(2, 3), (2, 3), (2, 3), (2, 3), (2, 3)]
    """
    rng = np.random.default_rng(SEED + 1)
    rows, columns = shape
    samples = 2 * rows * columns + 1
    found = []
    for name, (bend, loss) in LOSSES.items():
        inputs = rng.standard_normal((samples, columns)) / np.sqrt(columns)
        mixing = rng.standard_normal((samples, rows)) + np.linspace(0.1, 0.5, rows)
        other = rng.standard_normal((samples, rows))
        found.append(
            Problem(
                shape=shape,
                model=_layer(inputs, mixing, other, bend),
                output_loss=_weighted(loss, rng.standard_normal(samples), 0.5 + rng.random(samples)),
                hidden={"activations": ("col_cov2", inputs[:, :, None] * inputs[:, None, :])},
                name=name,
            )
        )
    return tuple(declare(problem) for problem in found)


def start_point(size: int, rng: np.random.Generator) -> FloatArray:
    """A point whose entries are of order one and away from zero.

    >>> bool((np.abs(start_point(6, np.random.default_rng(0))) >= 0.3).all())
    True
    """
    return rng.choice([-1.0, 1.0], size) * rng.uniform(0.3, 1.3, size)


def _model(inputs: FloatArray, other: FloatArray, bend: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Outputs that are linear in the parameters plus a bend."""
    return lambda theta: inputs @ theta + 0.5 * bend(other @ theta)


def _layer(
    inputs: FloatArray, mixing: FloatArray, other: FloatArray, bend: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """One output a sample from the outputs z = W a of a layer."""

    def model(W: Any) -> Any:
        """The outputs, shape (samples,)."""
        z = inputs @ W.T
        return (mixing * z).sum(1) + 0.5 * bend((other * z).sum(1))

    return model


def _weighted(loss: Callable[[Any], Any], targets: FloatArray, weights: FloatArray) -> Callable[[Any], Any]:
    """Losses of the samples, each with its own weight."""
    scale = weights / np.sqrt(len(weights))
    return lambda outputs: scale * loss(outputs - targets)


LOSSES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "tanh regression": (np.tanh, lambda z: 0.5 * z**2),
    "quadratic regression": (lambda z: 0.5 * z**2, lambda z: 0.5 * z**2),
    "quartic": (np.sin, lambda z: 0.5 * z**2 + 0.1 * z**4),
    "logistic": (np.tanh, lambda z: np.log1p(np.exp(z)) + 0.1 * z**2),
    "exponential": (np.sin, lambda z: np.exp(0.5 * z) + np.exp(-0.7 * z)),
}
"""The bend of the model and the loss of an output, by the name of the problem."""
