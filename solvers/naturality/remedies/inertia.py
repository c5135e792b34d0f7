r"""Momentum in a metric: averages and velocities, with and without the connection that carries them along."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from manifolds.errors import InputError
from solvers.naturality.problem import Problem
from solvers.naturality.remedies.metrics import METRICS, christoffel, read_metric
from solvers.naturality.remedies.raising import raised
from solvers.naturality.spec import OptimizerSpec, State
from symmetries.actions.parameter_space import FloatArray


def natural_momentum(*, metric: Any = "fisher", decay: float = 0.9, rate: float = 0.1) -> OptimizerSpec:
    r"""An average of natural gradients, :math:`m' = \beta m + (1 - \beta)G^{-1}g`, with a fixed :math:`\beta`.

    Parameters
    ----------
    metric: G: a name of :data:`~solvers.naturality.remedies.metrics.METRICS`, or a function of problem and point.
    decay: :math:`\beta`; as the rate goes to zero the average is slaved to the point.
    rate: the learning rate of tests.

    >>> natural_momentum().slots["average"], natural_momentum().scaling
    ('vector', 'adiabatic')
    """
    G = read_metric(metric)

    def step(problem: Problem, state: State, rate: float) -> State:
        """One step."""
        theta = state["point"]
        average = decay * state["average"] + (1 - decay) * raised(G, problem, theta, problem.gradient(theta))
        return {"point": theta - rate * average, "average": average}

    return OptimizerSpec(
        name="natural-momentum",
        init=lambda problem, theta: {"point": theta, "average": 0 * theta},
        step=step,
        slots={"point": "point", "average": "vector"},
        rate=rate,
    )


def natural_inertia(*, metric: Any = "fisher", friction: float = 1.0, rate: float = 0.1) -> OptimizerSpec:
    r"""A heavy ball in a metric, :math:`\theta' = \theta + \eta v,\; v' = (1 - \gamma\eta)v - \eta\,G^{-1}g`.

    The velocity is a vector at the old point and is added to one at the new point as if the coordinates were flat.

    Parameters
    ----------
    metric: G, as for :func:`natural_momentum`.
    friction: :math:`\gamma`, per unit of time.
    rate: the learning rate of tests.

    >>> natural_inertia().scaling
    'inertial'
    """
    G = read_metric(metric)

    def step(problem: Problem, state: State, rate: float) -> State:
        """One step."""
        theta, v = state["point"], state["velocity"]
        force = raised(G, problem, theta, problem.gradient(theta))
        return {"point": theta + rate * v, "velocity": (1 - friction * rate) * v - rate * force}

    return OptimizerSpec(
        name="natural-inertia",
        init=lambda problem, theta: {"point": theta, "velocity": 0 * theta},
        step=step,
        slots={"point": "point", "velocity": "tt"},
        scaling="inertial",
        rate=rate,
    )


def connected(spec: OptimizerSpec, *, metric: Any = "fisher") -> OptimizerSpec:
    r"""The optimizer whose vectors are carried along each step, :math:`v \leftarrow v - \Gamma(\Delta\theta, v)`.

    Parameters
    ----------
    spec: with slots of the type ``vector`` or ``tt``.
    metric: ``fisher``, whose Levi-Civita connection is known.

    Raises
    ------
    InputError: there is no vector to carry, or the metric is another one.
    """
    if metric != "fisher" and metric is not METRICS["fisher"]:
        raise InputError(
            f"the connection of the metric {metric!r}", why="it needs third derivatives", cure='use metric="fisher"'
        )
    vectors = [slot for slot, kind in spec.slots.items() if kind in ("vector", "tt")]
    if not vectors:
        raise InputError(f"{spec.name} has no vector", why="nothing is carried along", cure="leave the remedy away")

    def step(problem: Problem, state: State, rate: float) -> State:
        """A step, and the transport of the old vectors along it."""
        moved = dict(spec.step(problem, state, rate))
        theta: FloatArray = state["point"]
        connection = christoffel(problem, theta)
        for slot in vectors:
            moved[slot] = moved[slot] - connection(moved["point"] - theta, state[slot])
        return moved

    return replace(
        spec,
        name=f"{spec.name} with its connection",
        step=step,
        notes="vectors are carried along each step by the Levi-Civita connection",
    )
