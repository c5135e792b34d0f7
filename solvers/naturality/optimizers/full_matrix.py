"""Optimizers that keep the full second moment of the gradients, with its root and without."""

from __future__ import annotations

import numpy as np

from solvers.naturality.optimizers.build import specify
from solvers.naturality.optimizers.linear_algebra import power, solve
from solvers.naturality.problem import Problem
from solvers.naturality.spec import OptimizerSpec, State


def full_matrix_adagrad() -> OptimizerSpec:
    r"""AdaGrad with the full matrix and its root, on the range of the matrix.

    .. math:: H' = H + \sum_i g_ig_i^{\mathsf T},\quad \theta' = \theta - \eta\,H'^{-1/2}g

    A step takes the samples of the problem as one round.

    >>> full_matrix_adagrad().slots["moment"]
    'cov2'

    Source: J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning" (2011), formula (3).
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        samples = problem.per_sample_gradients(state["point"])
        moment = state["moment"] + samples.T @ samples
        return {"point": state["point"] - rate * power(moment, -0.5) @ samples.sum(axis=0), "moment": moment}

    return specify("full-matrix-adagrad", step, {"moment": "cov2"}, rate=0.2)


def online_newton_step(*, epsilon: float = 0.0, name: str = "online-newton-step") -> OptimizerSpec:
    r"""AdaGrad with the full matrix and without the root.

    .. math:: H' = H + \sum_i g_ig_i^{\mathsf T},\quad \theta' = \theta - \eta\,H'^{-1}g

    A step takes the samples of the problem as one round, so that H is invertible from the first step on.

    Parameters
    ----------
    epsilon: :math:`H_0 = \epsilon I`; zero needs as many samples as parameters.
    name: of the spec.

    >>> online_newton_step().slots["moment"]
    'cov2'

    Source: E. Hazan, A. Agarwal and S. Kale, "Logarithmic regret algorithms for online convex optimization" (2007),
    figure 2, without the projection.
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point = state["point"]
        samples = problem.per_sample_gradients(point)
        moment = state["moment"] + samples.T @ samples
        return {"point": point - rate * solve(moment, problem.gradient(point)), "moment": moment}

    return specify(
        name,
        step,
        {"moment": "cov2"},
        start=lambda problem, point: {"moment": epsilon * np.eye(point.size)},
        rate=0.1,
    )
