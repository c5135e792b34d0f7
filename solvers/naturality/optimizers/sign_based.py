"""Optimizers that read signs of the gradient, or of the point, and step lengths of their own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from solvers.naturality.optimizers.build import specify
from solvers.naturality.problem import Problem
from solvers.naturality.spec import OptimizerSpec, State
from symmetries.actions.parameter_space import FloatArray


def rprop(*, initial: float = 0.05, shrink: float = 0.5, grow: float = 1.2) -> OptimizerSpec:
    r"""A step length for every coordinate, which grows while the sign of the gradient stays and shrinks when it turns.

    .. math:: \Delta_i' = \Delta_i\cdot(\eta^+ \text{ or } \eta^- \text{ or } 1),\quad
        \theta_i' = \theta_i - \eta\,\mathrm{sign}(g_i)\Delta_i'

    Where the sign turned the coordinate rests for one step.  The slot holds :math:`\Delta^2`, which has a type.

    Parameters
    ----------
    initial: :math:`\Delta_0`, a length in every coordinate.
    shrink, grow: :math:`\eta^- < 1 < \eta^+`.

    >>> rprop().slots["squared_lengths"]
    'diag_con2'

    Source: M. Riedmiller and H. Braun, "A direct adaptive method for faster backpropagation learning: the RPROP
    algorithm" (1993), without bounds on the lengths; resting as in C. Igel and M. Hüsken (2000).
    """
    return _rprop("rprop", lambda problem, point: np.full(point.size, initial**2), shrink, grow)


def rprop_typed(*, shrink: float = 0.5, grow: float = 1.2) -> OptimizerSpec:
    r"""Rprop with the squares of the first step lengths declared by the problem.

    Parameters
    ----------
    shrink, grow: :math:`\eta^- < 1 < \eta^+`.

    >>> rprop_typed().name
    'rprop-typed'

    Source: M. Riedmiller and H. Braun, "A direct adaptive method for faster backpropagation learning: the RPROP
    algorithm" (1993).
    """
    return _rprop("rprop-typed", lambda problem, point: problem.structure("squared lengths", point), shrink, grow)


def _rprop(name: str, first: Callable[[Problem, FloatArray], FloatArray], shrink: float, grow: float) -> OptimizerSpec:
    """Rprop from the squares of the first lengths."""

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        gradient = problem.gradient(state["point"])
        turn = np.sign(gradient * state["gradient"])
        squares = state["squared_lengths"] * np.where(turn > 0, grow, np.where(turn < 0, shrink, 1.0)) ** 2
        gradient = np.where(turn < 0, 0.0, gradient)
        point = state["point"] - rate * np.sign(gradient) * np.sqrt(squares)
        return {"point": point, "gradient": gradient, "squared_lengths": squares}

    slots = {"gradient": "covector", "squared_lengths": "diag_con2"}
    return specify(name, step, slots, start=lambda problem, point: {"squared_lengths": first(problem, point)}, rate=1.0)


def madam(*, decay: float = 0.999) -> OptimizerSpec:
    r"""Multiplicative Adam, :math:`\theta' = \theta\exp(-\eta\,\mathrm{sign}(\theta)\,g/\sqrt{\hat v})`.

    Parameters
    ----------
    decay: of the average v of :math:`g^2`, corrected for its start.

    >>> madam().slots["square"]
    'diag_cov2'

    Source: J. Bernstein et al., "Learning compositional functions via multiplicative weight updates" (2020),
    algorithm 1, without the bounds.
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point, count = state["point"], state["count"] + 1
        gradient = problem.gradient(point)
        square = decay * state["square"] + (1 - decay) * gradient**2
        scaled = gradient / np.sqrt(square / (1 - decay**count))
        return {"point": point * np.exp(-rate * np.sign(point) * scaled), "square": square, "count": count}

    return specify("madam", step, {"square": "diag_cov2", "count": "scalar"})


def multiplicative_gradient() -> OptimizerSpec:
    r"""Exponentiated steps in units of the point, :math:`\theta' = \theta\exp(-\eta\,\theta g)`.

    >>> multiplicative_gradient().name
    'multiplicative-gradient'

    Source: gradient descent of the logarithms of the entries; J. Kivinen and M. Warmuth, "Exponentiated gradient versus
    gradient descent for linear predictors" (1997), section 3, for the other exponent :math:`-\eta g`.
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point = state["point"]
        return {"point": point * np.exp(-rate * point * problem.gradient(point))}

    return specify("multiplicative-gradient", step)
