r"""Mirror descent, which moves the gradient of a potential: the potential is the hidden structure."""

from __future__ import annotations

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.jets import derivatives
from solvers.naturality.optimizers.build import specify
from solvers.naturality.optimizers.linear_algebra import solve
from solvers.naturality.problem import Problem
from solvers.naturality.spec import OptimizerSpec, State

NEWTON_STEPS = 60
"""Most steps of Newton's method for one step of mirror descent."""

SMALL = 1e-9
"""A step of Newton's method this small leaves an error of its square, which is below rounding."""


def exponentiated_gradient() -> OptimizerSpec:
    r"""Mirror descent with the entropy :math:`\sum\theta\log\theta - \theta` of positive parameters.

    .. math:: \theta' = \theta\,e^{-\eta g}

    Outside the positive orthant the potential is not defined, and the step is NaN.

    >>> exponentiated_gradient().name
    'mirror-entropy'

    Source: J. Kivinen and M. Warmuth, "Exponentiated gradient versus gradient descent for linear predictors" (1997).
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point = state["point"]
        inside = np.where(point > 0, point, np.nan)
        return {"point": inside * np.exp(-rate * problem.gradient(point))}

    return specify("mirror-entropy", step, notes="for positive parameters")


def burg_mirror() -> OptimizerSpec:
    r"""Mirror descent with :math:`-\sum\log|\theta|` on an orthant: :math:`1/\theta' = 1/\theta + \eta g`.

    >>> burg_mirror().name
    'mirror-burg'

    Source: A. Beck and M. Teboulle, "Mirror descent and nonlinear projected subgradient methods for convex
    optimization" (2003), formula (3.11), with the potential of J. Burg (1967).
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point = state["point"]
        return {"point": 1 / (1 / point + rate * problem.gradient(point))}

    return specify("mirror-burg", step)


def mirror_transported() -> OptimizerSpec:
    r"""Mirror descent with a potential that the problem declares, the function ``potential`` of type ``scalar``.

    The potential is convex, and each step solves :math:`\nabla\psi(\theta') = \nabla\psi(\theta) - \eta g` by Newton's
    method, which meets the same iterates in all affine coordinates.

    Raises
    ------
    InputError: on a step, that the problem declares no potential, or that Newton's method finds no solution.

    >>> mirror_transported().name
    'mirror-transported'

    Source: A. Beck and M. Teboulle, "Mirror descent and nonlinear projected subgradient methods for convex
    optimization" (2003), formula (3.11).
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        problem.structure("potential", state["point"])
        potential = problem.hidden["potential"][1]
        goal = derivatives(potential, state["point"], order=1).first - rate * problem.gradient(state["point"])
        point = state["point"]
        for _ in range(NEWTON_STEPS):
            jet = derivatives(potential, point)
            moved = solve(np.asarray(jet.second), goal - jet.first)
            point = point + moved
            if np.abs(moved).max() <= SMALL * (1 + np.abs(point).max()):
                return {"point": point}
        raise InputError(
            "a step of mirror descent",
            why="Newton's method does not find the point of the next dual point",
            cure="take a smaller rate, or a potential whose gradient reaches all vectors",
        )

    return specify("mirror-transported", step, rate=0.1)
