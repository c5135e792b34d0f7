r"""A target as a function on one orbit, with its derivatives along the generators.

The derivative of f along exp(tX_k) at w is :math:`\langle\nabla f(w), X_k(w)\rangle`.  Where the action keeps L,
:math:`\nabla L(g\cdot w) = J^{-T}\nabla L(w)`: a function of the gradient alone needs no evaluation of L on the orbit.
"""

from __future__ import annotations

from typing import Any, final

import numpy as np

from solvers.aims.target_norms import GradientNorm, PreconditionedGradientNorm
from solvers.objective import Objective
from solvers.target import Target
from symmetries import GroupAction
from symmetries.actions.layer_action import LayerAction
from symmetries.actions.parameter_space import FloatArray


@final
class OrbitTarget:
    r"""The function :math:`g \mapsto f(g\cdot w)` to be maximised; minimised functions change their sign in the merit.

    Parameters
    ----------
    action, objective, target, maximize: as for the search.
    start: the point w, shape (n,).
    gradient: of the objective there.
    transport: whether gradients are carried along the orbit, which needs an affine action and a gradient norm.
    logarithmic: whether the merit of a squared norm is its logarithm.
    """

    def __init__(
        self,
        action: GroupAction,
        objective: Objective,
        start: FloatArray,
        target: Target,
        *,
        gradient: FloatArray,
        maximize: bool,
        transport: bool = True,
        logarithmic: bool = True,
    ) -> None:
        self.action, self.objective, self.start, self.target = action, objective, start, target
        self.maximize = maximize
        is_norm = isinstance(target, GradientNorm | PreconditionedGradientNorm)
        self.is_logarithmic = is_norm and logarithmic
        self.is_transported = transport and is_norm and action.is_affine
        self.has_slope = target.has_gradient
        self._gradient = gradient
        self.is_stationary = is_norm and not gradient.any()
        self.start_value = self.value(action.identity)

    def value(self, g: Any) -> float:
        """The target at g.w."""
        with np.errstate(all="ignore"):
            if self.is_transported:
                return self.of_gradient(self._carried(g))[0]
            return self.target.value(self.objective, self.point(g))

    def value_and_slope(self, g: Any) -> tuple[float, FloatArray]:
        """The target at g.w and its derivatives along the generators there, shape (dimension,)."""
        with np.errstate(all="ignore"):
            if self.is_transported:
                gradient = self._carried(g)
                value, direction = self.of_gradient(gradient)
                rates = self.action.pullback(direction, gradient)
                if not isinstance(self.action, LayerAction):  # the constant part of an affine field
                    rates = rates - self.action.pullback(0 * direction, gradient)
                return value, -2 * rates
            point = self.point(g)
            value, slope = self.target.value_and_grad(self.objective, point)
            return value, self.action.pullback(point, slope)

    def of_gradient(self, gradient: FloatArray) -> tuple[float, FloatArray]:
        """The squared norm of a gradient in the metric of the target, and the metric times the gradient."""
        direction = self._metric(gradient)
        return float(gradient @ direction), direction

    def point(self, g: Any) -> FloatArray:
        """The point g.w, shape (n,)."""
        return np.asarray(self.action.apply(g, self.start))

    def merit(self, value: float) -> float:
        """What is maximised: the value relative to that of the start, or its logarithm; with a minus to minimise."""
        if not np.isfinite(value) or (self.is_logarithmic and value <= 0):
            return -np.inf
        scaled = np.log(value) if self.is_logarithmic else value / (abs(self.start_value) or 1.0)
        return float(scaled if self.maximize else -scaled)

    def merit_slope(self, value: float, slope: FloatArray) -> FloatArray:
        """The derivatives of the merit, from those of the target."""
        size = value if self.is_logarithmic else abs(self.start_value) or 1.0
        return slope / (size if self.maximize else -size)

    def _carried(self, g: Any) -> FloatArray:
        """The gradient at g.w, carried there from w."""
        return self.action.push_covector(g, self.start, self._gradient)

    def _metric(self, gradient: FloatArray) -> FloatArray:
        """The gradient, in the metric of the preconditioner where there is one."""
        if not isinstance(self.target, PreconditionedGradientNorm):
            return gradient
        eta: FloatArray = self.target.eta
        return eta * gradient if eta.ndim == 1 else eta @ gradient
