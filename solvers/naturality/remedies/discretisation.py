"""Better discretisations of the field of an optimizer: they raise the order and repair no unnatural field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.problem import Problem
from solvers.naturality.remedies.metrics import christoffel
from solvers.naturality.spec import OptimizerSpec, State
from solvers.naturality.submersion import velocity
from symmetries.actions.parameter_space import FloatArray

Field: TypeAlias = Callable[[FloatArray], FloatArray]
Method: TypeAlias = Callable[[Problem, Field, FloatArray, float], FloatArray]

ACCURACY = 1e-13


def midpoint(_problem: Problem, field: Field, theta: FloatArray, rate: float) -> FloatArray:
    r"""The midpoint rule, :math:`\theta + \eta V(\theta + \tfrac\eta2V(\theta))`."""
    return theta + rate * field(theta + rate / 2 * field(theta))


def runge_kutta(_problem: Problem, field: Field, theta: FloatArray, rate: float) -> FloatArray:
    """The classical method of order four."""
    first = field(theta)
    second = field(theta + rate / 2 * first)
    third = field(theta + rate / 2 * second)
    fourth = field(theta + rate * third)
    return theta + rate / 6 * (first + 2 * second + 2 * third + fourth)


def geodesic(problem: Problem, field: Field, theta: FloatArray, rate: float) -> FloatArray:
    r"""The geodesic of :math:`J^{\mathsf T}J` to second order, :math:`\theta + \eta V - \tfrac12\eta^2\Gamma(V, V)`.

    Source: Y. Song, J. Song and S. Ermon, "Accelerating natural gradient with higher-order invariance" (2018).
    """
    direction = field(theta)
    return theta + rate * direction - rate**2 / 2 * christoffel(problem, theta)(direction, direction)


def exponential(problem: Problem, field: Field, theta: FloatArray, rate: float) -> FloatArray:
    r"""The geodesic :math:`\exp_\theta(\eta V)` of the metric :math:`J^{\mathsf T}J`, integrated to rounding."""
    from scipy.integrate import solve_ivp

    size = len(theta)

    def motion(_time: float, state: FloatArray) -> FloatArray:
        """Velocity and acceleration of a geodesic."""
        point, speed = state[:size], state[size:]
        return np.concatenate([speed, -christoffel(problem, point)(speed, speed)])

    start = np.concatenate([theta, rate * field(theta)])
    found = solve_ivp(motion, (0.0, 1.0), start, method="DOP853", rtol=ACCURACY, atol=ACCURACY)
    if not found.success:
        raise InputError("the geodesic", why=found.message, cure="take a smaller learning rate")
    return np.asarray(found.y[:size, -1])


METHODS: Mapping[str, Method] = {
    "midpoint": midpoint,
    "runge-kutta": runge_kutta,
    "geodesic": geodesic,
    "exponential": exponential,
}
"""Ways from a field to a step, by name."""


def discretised(spec: OptimizerSpec, method: str = "midpoint") -> OptimizerSpec:
    """The optimizer that follows the field of another one by a better method.

    Parameters
    ----------
    spec: without memory, so that its step over its rate is a field.
    method: one of :data:`METHODS`.

    Raises
    ------
    InputError: the method is not known, or the optimizer has a memory.
    """
    if method not in METHODS:
        raise InputError(f"the method {method!r}", why="it is not known", cure=f"use {', '.join(METHODS)}")
    if any(kind != "scalar" for slot, kind in spec.slots.items() if slot != "point"):
        raise InputError(
            f"{spec.name} has a memory", why="its step is no function of the point", cure="use one without momentum"
        )

    def step(problem: Problem, state: State, rate: float) -> State:
        """One step of the method along the field."""
        moved = METHODS[method](problem, lambda point: velocity(spec, problem, point, rate), state["point"], rate)
        return {"point": moved}

    return OptimizerSpec(
        name=f"{spec.name} by {method}",
        init=lambda problem, theta: {"point": theta},
        step=step,
        slots={"point": "point"},
        scaling=spec.scaling,
        rate=spec.rate,
        notes=f"the field of {spec.name}, followed by the method {method}",
    )
