"""The decrease that one step with the exact line-search length of the quadratic model predicts, as a target."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from manifolds.errors import InputError
from solvers.objective import Objective
from solvers.target import Target
from symmetries.actions.parameter_space import FloatArray

ORDER_FOUR = ((1, 2 / 3), (2, -1 / 12))
"""Multiples of the step and their weights in the central difference of fourth order."""


@final
@dataclass(frozen=True)
class PredictedDecrease(Target):
    r"""The decrease :math:`\tfrac12|u|^4 / u^T H u` of the quadratic model along :math:`u = \nabla L`.

    The step that reaches it is :math:`1/\lambda` with :math:`\lambda = u^T H u / |u|^2`.  On a positive definite
    quadratic it is at most L - L*, with equality where u is an eigenvector of H.

    Where :math:`\lambda \le 0` the model has no minimum along u and the target is NaN.  With a finite ``largest_step``
    s the step is min(1/lambda, s), and the target is defined everywhere.  Near :math:`\lambda = 0` it promises more
    than there is: search with a stability guard or with a largest step that fits the loss.

    The gradient contains :math:`D^3L[u, u, \cdot]`, the derivative of the Hessian's product with u along u, by central
    differences of fourth order with the step :math:`\epsilon^{1/5}\max(1, |w|_\infty)`: relative errors near 1e-12
    where the Hessian is smooth on that length.  Its cost is one gradient and six Hessian-vector products.

    Parameters
    ----------
    largest_step: bound of the step length; infinite by default.

    >>> objective = Objective.from_functions(lambda w: w @ w, lambda w: 2 * w, lambda w, v: 2 * v, size=2)
    >>> PredictedDecrease().value(objective, np.array([3.0, 4.0])), objective.value([3.0, 4.0])
    (25.0, 25.0)
    """

    largest_step: float = math.inf

    name = "predicted-decrease"

    is_prediction = True

    def __post_init__(self) -> None:
        step = self.largest_step
        if isinstance(step, bool) or not isinstance(step, int | float | np.floating) or not step > 0:
            raise InputError(f"largest_step={step!r}", why="it is no positive number", cure="write largest_step=1.0")

    def value(self, objective: Objective, w: FloatArray) -> float:
        """The predicted decrease."""
        gradient = objective.gradient(w)
        product = objective.hvp(w, gradient)
        with np.errstate(over="ignore", invalid="ignore"):
            return self._decrease(float(gradient @ gradient), float(gradient @ product))

    def value_and_grad(self, objective: Objective, w: FloatArray) -> tuple[float, FloatArray]:
        """The predicted decrease and its gradient."""
        u = objective.gradient(w)
        product = objective.hvp(w, u)
        with np.errstate(over="ignore", invalid="ignore"):
            square, bend = float(u @ u), float(u @ product)
        value = self._decrease(square, bend)
        if not math.isfinite(value) or square == 0:
            return value, np.full_like(w, math.nan) if square else np.zeros_like(w)
        step = self._step(square, bend)
        third = _third_derivative(objective, w, u)
        # d(s|u|^2 - s^2 u'Hu / 2) at the fixed step s: at 1/lambda the derivative in s vanishes
        return value, 2 * step * product - step**2 / 2 * (2 * objective.hvp(w, product) + third)

    def _step(self, square: float, bend: float) -> float:
        """The step 1/lambda, or the largest one."""
        return square / bend if bend > 0 and square <= self.largest_step * bend else self.largest_step

    def _decrease(self, square: float, bend: float) -> float:
        """Decrease of the quadratic model at the step."""
        if square == 0:
            return 0.0
        step = self._step(square, bend)
        return step * square - step**2 / 2 * bend if math.isfinite(step) else math.nan


def _third_derivative(objective: Objective, w: FloatArray, u: FloatArray) -> FloatArray:
    """The vector D3L[u, u, .]."""
    length = float(np.linalg.norm(u))
    step = np.finfo(float).eps ** 0.2 * max(1.0, float(np.abs(w).max())) / length
    total = np.zeros_like(w)
    for multiple, weight in ORDER_FOUR:
        move = multiple * step * u
        total += weight * (objective.hvp(w + move, u) - objective.hvp(w - move, u))
    return total / step
