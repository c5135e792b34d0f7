"""Gradient descent with step lengths that the gradient or the path determines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from solvers.naturality.optimizers.build import specify
from solvers.naturality.problem import Problem
from solvers.naturality.spec import OptimizerSpec, State
from symmetries.actions.parameter_space import FloatArray


def normalised_gradient_descent() -> OptimizerSpec:
    r"""Steps of one length, :math:`\theta' = \theta - \eta\, g/|g|`.

    >>> normalised_gradient_descent().slots
    {'point': 'point'}

    Source: Yu. Nesterov, "Minimization methods for nonsmooth convex and quasiconvex functions" (1984).
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        gradient = problem.gradient(state["point"])
        return {"point": state["point"] - rate * gradient / np.linalg.norm(gradient)}

    return specify("normalised-gradient-descent", step)


def polyak_step(*, optimum: float = 0.0) -> OptimizerSpec:
    r"""Gradient descent to the zero of the tangent plane, :math:`\theta' = \theta - \eta\,(L - L^*)\,g/|g|^2`.

    Parameters
    ----------
    optimum: :math:`L^*`, the value of the minimum or a bound below it.

    >>> polyak_step().name
    'polyak-step'

    Source: B. T. Polyak, "Minimization of unsmooth functionals" (1969).
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        gap = problem.value(state["point"]) - optimum
        return {"point": state["point"] - rate * gap * _inverted(problem.gradient(state["point"]))}

    return specify("polyak-step", step, rate=0.3)


def barzilai_borwein(*, optimum: float = 0.0) -> OptimizerSpec:
    r"""Gradient descent with the rate of a secant.

    .. math:: \theta' = \theta - \eta\,\frac{\langle s, s\rangle}{\langle s, y\rangle}\,g

    with the last displacement s and the change y of the gradient along it.  The first step is that of
    Polyak, since there is no displacement yet.

    Parameters
    ----------
    optimum: a bound below the loss, for the first step.

    >>> barzilai_borwein().slots["gradient"]
    'covector'

    Source: J. Barzilai and J. Borwein, "Two-point step size gradient methods" (1988), formula (5).
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point, gradient = state["point"], problem.gradient(state["point"])
        if state["count"] == 0:
            moved = -rate * (problem.value(point) - optimum) * _inverted(gradient)
        else:
            change = gradient - state["gradient"]
            moved = (
                -rate * (state["displacement"] @ state["displacement"]) / (state["displacement"] @ change) * gradient
            )
        return {"point": point + moved, "displacement": moved, "gradient": gradient, "count": state["count"] + 1}

    slots = {"displacement": "vector", "gradient": "covector", "count": "scalar"}
    return specify("barzilai-borwein", step, slots, rate=0.3)


def lars() -> OptimizerSpec:
    r"""Steps in units of the length of the point, :math:`\theta' = \theta - \eta\,|\theta|\,g/|g|`, for one layer.

    >>> lars().name
    'lars'

    Source: Y. You, I. Gitman and B. Ginsburg, "Large batch training of convolutional networks" (2017), without
    momentum and weight decay.
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point, gradient = state["point"], problem.gradient(state["point"])
        return {"point": point - rate * np.linalg.norm(point) * gradient / np.linalg.norm(gradient)}

    return specify("lars", step)


def distance_over_gradients(*, initial: float = 0.1) -> OptimizerSpec:
    r"""Gradient descent whose rate is the distance moved over the root of the sum of squared gradients.

    .. math:: \eta_t = \eta\,\frac{\max(r_0, \max_{i\le t}|\theta_i - \theta_0|)}{\sqrt{\sum_{i\le t}|g_i|^2}}

    Parameters
    ----------
    initial: :math:`r_0`, the first distance; a length, which the optimizer reads without being told.

    >>> distance_over_gradients().slots["start"]
    'point'

    Source: M. Ivgi, O. Hinder and Y. Carmon, "DoG is SGD's best friend" (2023), formula (2).
    """
    return _distance_over_gradients("dog", lambda problem, point: initial)


def distance_over_gradients_transported() -> OptimizerSpec:
    r"""Distance over gradients with the first distance declared by the problem, as the co-metric :math:`r_0^2I`.

    A map takes the co-metric ``initial distance`` to :math:`JMJ^{\mathsf T}`, and :math:`r_0^2` is its mean eigenvalue.

    >>> distance_over_gradients_transported().name
    'dog-transported'

    Source: M. Ivgi, O. Hinder and Y. Carmon, "DoG is SGD's best friend" (2023), formula (2).
    """

    def initial(problem: Problem, point: FloatArray) -> float:
        """The root of the mean eigenvalue."""
        return float(np.sqrt(np.trace(problem.structure("initial distance", point)) / problem.size))

    return _distance_over_gradients("dog-transported", initial)


def _distance_over_gradients(name: str, initial: Callable[[Problem, FloatArray], float]) -> OptimizerSpec:
    """Distance over gradients with a first distance."""

    def start(problem: Problem, point: FloatArray) -> State:
        """The slots that do not start at zero."""
        return {"start": point, "distance": initial(problem, point)}

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        gradient = problem.gradient(state["point"])
        distance = max(state["distance"], float(np.linalg.norm(state["point"] - state["start"])))
        squares = state["squares"] + gradient @ gradient
        point = state["point"] - rate * distance / np.sqrt(squares) * gradient
        return {"point": point, "start": state["start"], "distance": distance, "squares": squares}

    slots = {"start": "point", "distance": "scalar", "squares": "scalar"}
    return specify(name, step, slots, start=start, rate=1.0)


def _inverted(gradient: FloatArray) -> FloatArray:
    """The gradient over its squared length."""
    return gradient / (gradient @ gradient)
