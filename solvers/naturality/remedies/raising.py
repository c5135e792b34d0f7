"""Raised and declared steps: a displacement made a vector by a metric, or by rates that the problem declares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from solvers.naturality.problem import Problem
from solvers.naturality.remedies.metrics import Metric, metric_at, read_metric
from solvers.naturality.spec import OptimizerSpec, State
from symmetries.actions.parameter_space import FloatArray


def raised(metric: Metric, problem: Problem, theta: FloatArray, covector: FloatArray) -> FloatArray:
    """The vector of a covector, shape (n,)."""
    return np.linalg.solve(metric_at(metric, problem, theta), covector)


def in_metric(spec: OptimizerSpec, metric: Any = "fisher") -> OptimizerSpec:
    r"""The optimizer with its displacement raised, :math:`\theta' = \theta + G^{-1}W`.

    The displacement W of gradient descent with or without momentum is a sum of gradients, a covector that is added to
    a point only because Euclidean space hides the metric.

    Parameters
    ----------
    spec: the optimizer.
    metric: G: a name, or a function of problem and point.
    """
    G = read_metric(metric)

    def step(problem: Problem, state: State, rate: float) -> State:
        """A step with the raised displacement."""
        moved = dict(spec.step(problem, state, rate))
        moved["point"] = state["point"] + raised(G, problem, state["point"], moved["point"] - state["point"])
        return moved

    return replace(
        spec,
        name=f"{spec.name} in the metric {metric if isinstance(metric, str) else 'given'}",
        step=step,
        slots={slot: "covector" if kind == "vector" else kind for slot, kind in spec.slots.items()},
        notes="the displacement is raised by a metric that follows the coordinates",
    )


def with_declared_rates(spec: OptimizerSpec, structure: str = "squared rates") -> OptimizerSpec:
    r"""The optimizer with a rate for each coordinate that the problem declares, :math:`\theta' = \theta + \ell W`.

    Parameters
    ----------
    spec: the optimizer, natural under signed permutations.
    structure: the name of :math:`\ell^2` in the problem, of type ``diag_con2``.
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """A step with the declared rates."""
        moved = dict(spec.step(problem, state, rate))
        rates = np.sqrt(np.asarray(problem.structure(structure, state["point"]), dtype=float))
        moved["point"] = state["point"] + rates * (moved["point"] - state["point"])
        return moved

    return replace(
        spec,
        name=f"{spec.name} with declared rates",
        step=step,
        notes=f"a rate for each coordinate is the structure {structure!r} of the problem",
    )
