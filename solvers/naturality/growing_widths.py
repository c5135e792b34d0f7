r"""Growing networks: one network at widths m, 2m, 4m, ..., with nested parameters, and the limit of its training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, TypeAlias, final, get_args

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.problem import Problem
from solvers.naturality.projection import Projection
from solvers.naturality.spec import OptimizerSpec, run
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_generator

Scaling: TypeAlias = Literal["mean-field", "constant"]


@final
@dataclass(frozen=True, kw_only=True)
class WidthLimit:
    """What becomes of the trained function when the width grows.

    Parameters
    ----------
    widths: of the networks.
    outputs: of each trained network, shape (widths, samples).
    differences: between consecutive widths, relative to the largest outputs; at the start all outputs are zero.
    order: minus the slope of log difference against log width; 0 or less where there is no limit.
        The limit may be zero: then the network of infinite width is not trained.
    """

    widths: tuple[int, ...]
    outputs: FloatArray
    differences: tuple[float, ...]
    order: float


def width_limit(
    spec: OptimizerSpec,
    widths: Sequence[int] = (8, 16, 32, 64),
    *,
    rate: float,
    steps: int = 20,
    scaling: Scaling = "mean-field",
    rng: int | np.random.Generator = 0,
) -> WidthLimit:
    r"""Train one two-layer network at growing widths and compare the functions.

    .. math:: f(x) = \frac1m\sum_{i\le m} a_i\tanh(b_i\cdot x), \qquad a_i, b_i \text{ the same at all widths}

    The parameters of a network are the first neurons of every wider one, in pairs (a, b), (-a, b), so that the function
    is zero at the start.  In the mean-field scaling the learning rate
    is multiplied by m, so that each neuron moves at a speed that does not depend on the width.

    Parameters
    ----------
    spec: the optimizer.
    widths: increasing.
    rate: the learning rate at width one.
    steps: of training.
    scaling: ``mean-field``, or ``constant`` to leave the rate as it is.
    rng: seed or generator of data and neurons.

    Raises
    ------
    InputError: there are fewer than three widths, they do not increase, or the scaling or a number makes no sense.

    >>> from solvers.naturality.optimizers.natural_gradient import natural_gradient_pseudo_inverse
    >>> found = width_limit(natural_gradient_pseudo_inverse(), (8, 12, 16), rate=0.01, steps=5, scaling="constant")
    >>> found.outputs.shape, len(found.differences)
    ((3, 6), 2)

    Source: S. Mei, A. Montanari and P.-M. Nguyen, "A mean field view of the landscape of two-layer neural networks"
    (2018), for the scaling.
    """
    chosen = tuple(int(width) for width in widths)
    if len(chosen) < 3 or any(b <= a for a, b in pairwise(chosen)) or any(one < 2 or one % 2 for one in chosen):
        raise InputError(
            f"widths={widths!r}",
            why="a limit is seen along three or more that grow, of neurons in pairs",
            cure="give even widths such as (8, 16, 32)",
        )
    if scaling not in get_args(Scaling):
        raise InputError(
            f"scaling={scaling!r}", why="it is not known", cure=f"use one of {', '.join(get_args(Scaling))}"
        )
    generator = read_generator(rng)
    inputs, targets = generator.standard_normal((6, 3)), generator.standard_normal(6)
    neurons = nested_neurons(chosen[-1], 3, generator)
    ends = []
    for width in chosen:
        problem = network_problem(width, inputs, targets)
        start = neurons[:width].reshape(-1)
        factor = width if scaling == "mean-field" else 1
        end = run(spec, problem, start, rate=rate * factor, steps=steps)["point"]
        ends.append(problem.model_value(end))
    table = np.array(ends)
    gaps = np.linalg.norm(np.diff(table, axis=0), axis=1) / np.linalg.norm(table, axis=1).max()
    order = -float(np.polyfit(np.log(chosen[:-1]), np.log(np.maximum(gaps, 1e-300)), 1)[0])
    return WidthLimit(widths=chosen, outputs=table, differences=tuple(float(gap) for gap in gaps), order=order)


def network_problem(width: int, inputs: FloatArray, targets: FloatArray) -> Problem:
    """The regression of a two-layer tanh network whose outputs are means over its neurons.

    Parameters
    ----------
    width: number m of neurons; the parameters are their rows (a, b), shape (m, 1 + inputs), flat.
    inputs: shape (samples, dimension).
    targets: shape (samples,).

    >>> network_problem(2, np.ones((1, 1)), np.zeros(1)).size
    4
    """
    dimension = inputs.shape[1]

    def model(theta: Any) -> Any:
        """The outputs, shape (samples,)."""
        rows = theta.reshape(width, 1 + dimension)
        return (np.tanh(inputs @ rows[:, 1:].T) * rows[:, 0]).sum(1) / width

    return Problem(
        size=width * (1 + dimension), model=model, output_loss=lambda outputs: 0.5 * (outputs - targets) ** 2
    )


def nested_neurons(width: int, dimension: int, generator: np.random.Generator) -> FloatArray:
    """Neurons (a, b) in pairs with opposite a, normal and spread evenly, shape (width, 1 + dimension).

    >>> found = nested_neurons(8, 3, np.random.default_rng(0))
    >>> found.shape, bool((found[0::2, 0] == -found[1::2, 0]).all())
    ((8, 4), True)
    """
    from scipy.stats import norm, qmc

    count = 1 << max(0, width // 2 - 1).bit_length()
    uniform = qmc.Sobol(1 + dimension, seed=generator).random(count)[: width // 2]
    pairs = np.repeat(norm.ppf(np.clip(uniform, 1e-6, 1 - 1e-6)), 2, axis=0)
    pairs[1::2, 0] *= -1
    return pairs


def halving(width: int, dimension: int) -> Projection:
    """The mean of neurons 2i and 2i + 1: from a network of an even width to one of half of it.

    Parameters
    ----------
    width: of the wider network.
    dimension: numbers a neuron has.

    >>> halving(2, 1)([1.0, 3.0]).tolist()
    [2.0]
    """
    if width < 2 or width % 2:
        raise InputError(f"a network of width {width}", why="it cannot be halved", cure="give an even width")
    return Projection.linear(np.kron(np.kron(np.eye(width // 2), [[0.5, 0.5]]), np.eye(dimension)), name="halving")
