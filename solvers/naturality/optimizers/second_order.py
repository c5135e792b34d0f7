"""Newton's method and its variants: the Hessian, damped, in absolute value, or its diagonal."""

from __future__ import annotations

import numpy as np

from solvers.naturality.optimizers.build import specify
from solvers.naturality.optimizers.linear_algebra import power, solve
from solvers.naturality.problem import Problem
from solvers.naturality.spec import OptimizerSpec, State


def newton() -> OptimizerSpec:
    r"""Newton's method as it is, :math:`\theta' = \theta - \eta\,H^{-1}g`, whatever the signs of the eigenvalues of H.

    >>> newton().rate
    0.5

    Source: J. Nocedal and S. Wright, "Numerical Optimization" (2006), formula (3.38).
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point = state["point"]
        return {"point": point - rate * solve(problem.hessian(point), problem.gradient(point))}

    return specify("newton", step, rate=0.5)


def damped_newton(*, damping: float = 0.5) -> OptimizerSpec:
    r"""Newton's method with a multiple of the identity, :math:`\theta' = \theta - \eta\,(H + \lambda I)^{-1}g`.

    Parameters
    ----------
    damping: :math:`\lambda`.

    >>> damped_newton().name
    'newton-damped'

    Source: S. Goldfeld, R. Quandt and H. Trotter, "Maximization by quadratic hill-climbing" (1966).
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point = state["point"]
        matrix = problem.hessian(point) + damping * np.eye(point.size)
        return {"point": point - rate * solve(matrix, problem.gradient(point))}

    return specify("newton-damped", step, rate=0.3)


def saddle_free_newton() -> OptimizerSpec:
    r"""Newton's method with the absolute value of the Hessian, :math:`\theta' = \theta - \eta\,(H^2)^{-1/2}g`.

    >>> saddle_free_newton().name
    'saddle-free-newton'

    Source: Y. Dauphin et al., "Identifying and attacking the saddle point problem in high-dimensional non-convex
    optimization" (2014), algorithm 1.
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point = state["point"]
        inverse = power(problem.hessian(point), -1.0, absolute=True)
        return {"point": point - rate * inverse @ problem.gradient(point)}

    return specify("saddle-free-newton", step, rate=0.3)


def diagonal_newton() -> OptimizerSpec:
    r"""Newton's method coordinate by coordinate, :math:`\theta_i' = \theta_i - \eta\,g_i/|H_{ii}|`.

    >>> diagonal_newton().name
    'diagonal-newton'

    Source: S. Becker and Y. LeCun, "Improving the convergence of back-propagation learning with second order methods"
    (1988), without the constant beside the curvature.
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point = state["point"]
        return {"point": point - rate * problem.gradient(point) / np.abs(np.diag(problem.hessian(point)))}

    return specify("diagonal-newton", step, rate=0.3)
