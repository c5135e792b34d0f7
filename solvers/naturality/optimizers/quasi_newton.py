"""Quasi-Newton methods with a fixed rate: what they take for the Hessian before they have seen any of it decides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from solvers.naturality.optimizers.build import specify
from solvers.naturality.optimizers.linear_algebra import power
from solvers.naturality.problem import Problem
from solvers.naturality.spec import OptimizerSpec, State
from solvers.steps.limited_memory import Pair, quasi_newton
from symmetries.actions.parameter_space import FloatArray


def bfgs() -> OptimizerSpec:
    r"""BFGS from the identity, with a fixed rate.

    .. math:: B' = (I - \rho sy^{\mathsf T})\,B\,(I - \rho ys^{\mathsf T}) + \rho ss^{\mathsf T},\quad
        \rho = 1/\langle s, y\rangle,\quad \theta' = \theta - \eta\,B'g

    >>> bfgs().slots["inverse"]
    'con2'

    Source: J. Nocedal and S. Wright, "Numerical Optimization" (2006), formula (6.17).
    """
    return _bfgs("bfgs", lambda problem, point: np.eye(point.size))


def bfgs_natural() -> OptimizerSpec:
    r"""BFGS from the pseudo-inverse of the Gauss-Newton matrix at the start, which every problem with a model has.

    >>> bfgs_natural().name
    'bfgs-natural'

    Source: J. Nocedal and S. Wright, "Numerical Optimization" (2006), formula (6.17).
    """
    return _bfgs("bfgs-natural", lambda problem, point: power(problem.gauss_newton(point), -1.0))


def _bfgs(name: str, first: Callable[[Problem, FloatArray], FloatArray]) -> OptimizerSpec:
    """BFGS from a first inverse Hessian."""

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point, inverse = state["point"], state["inverse"]
        gradient = problem.gradient(point)
        if state["count"]:
            inverse = update_inverse(inverse, state["displacement"], gradient - state["gradient"])
        moved = -rate * inverse @ gradient
        kept = {"displacement": moved, "gradient": gradient, "inverse": inverse, "count": state["count"] + 1}
        return {"point": point + moved, **kept}

    slots = {"displacement": "vector", "gradient": "covector", "inverse": "con2", "count": "scalar"}
    return specify(name, step, slots, start=lambda problem, point: {"inverse": first(problem, point)}, rate=0.1)


def update_inverse(inverse: FloatArray, s: FloatArray, y: FloatArray) -> FloatArray:
    r"""The inverse Hessian after a displacement s that changed the gradient by y; as it was where these are opposed.

    >>> update_inverse(np.eye(2), np.array([1.0, 0.0]), np.array([2.0, 0.0])).tolist()
    [[0.5, 0.0], [0.0, 1.0]]
    """
    product = s @ y
    if product <= 0:
        return inverse
    left = np.eye(s.size) - np.outer(s, y) / product
    return left @ inverse @ left.T + np.outer(s, s) / product


def lbfgs(*, memory: int = 5, optimum: float = 0.0) -> OptimizerSpec:
    r"""L-BFGS from :math:`\langle s, y\rangle/\langle y, y\rangle\,I`, with the step of Polyak first.

    Parameters
    ----------
    memory: how many pairs of displacements s and changes y are kept.
    optimum: a bound below the loss, for the first step.

    >>> lbfgs(memory=2).slots["change 1"]
    'covector'

    Source: D. C. Liu and J. Nocedal, "On the limited memory BFGS method for large scale optimization" (1989).
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point, gradient = state["point"], problem.gradient(state["point"])
        kept = dict(state)
        if state["count"]:
            for k in reversed(range(1, memory)):
                kept |= {f"displacement {k}": kept[f"displacement {k - 1}"], f"change {k}": kept[f"change {k - 1}"]}
            kept |= {"displacement 0": state["displacement"], "change 0": gradient - state["gradient"]}
        pairs = _pairs(kept, memory)
        first = -(problem.value(point) - optimum) / (gradient @ gradient) * gradient
        moved = rate * (quasi_newton(gradient, pairs) if pairs else first)
        return {
            **kept,
            "point": point + moved,
            "displacement": moved,
            "gradient": gradient,
            "count": state["count"] + 1,
        }

    slots = {"displacement": "vector", "gradient": "covector", "count": "scalar"}
    slots |= {
        f"{slot} {k}": kind
        for k in range(memory)
        for slot, kind in (("displacement", "vector"), ("change", "covector"))
    }
    return specify("l-bfgs", step, slots, rate=0.3)


def _pairs(state: State, memory: int) -> list[Pair]:
    """The pairs of positive curvature, the latest first."""
    pairs = [(state[f"displacement {k}"], state[f"change {k}"]) for k in range(memory)]
    return [(s, y, float(s @ y)) for s, y in pairs if s @ y > 0]
