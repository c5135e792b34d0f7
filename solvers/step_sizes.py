"""Step sizes that ask the objective: line search, known minimum, curvature along the step, and a guard on it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, final

from manifolds.errors import InputError
from solvers.objective import Objective
from solvers.steps.hyperparameters import NON_NEGATIVE, POSITIVE, Interval, read_count, read_number
from solvers.steps.step_size import StepSize
from symmetries.actions.parameter_space import FloatArray

_SHRINK = Interval(0.0, 1.0, open_low=True)


@final
@dataclass(frozen=True, kw_only=True)
class Armijo(StepSize):
    r"""Backtracking: the first rate with a sufficient decrease, :math:`L(w + \eta d) \le L(w) + c\,\eta\, g\cdot d`.

    A trial costs one value.  A trial that fails is followed by the minimiser of the parabola through what is known,
    at least a tenth of the rate before and at most ``shrink`` times it.  NaN and infinity fail.

    Parameters
    ----------
    initial: the first rate tried.
    decrease: c, above 0 and below 1.
    shrink: largest factor between two trials, above 0 and below 1.
    grow: whether a first trial that holds is doubled as long as the objective falls; without it no rate is above
        ``initial``.
    trials: most values asked for in one search; when all fail the rate is zero.

    >>> import numpy as np
    >>> objective = Objective.from_functions(lambda w: float(w @ w), lambda w: 2 * w, size=1)
    >>> w, g = np.array([1.0]), np.array([2.0])
    >>> Armijo().rate(objective, w, 1.0, g, -g)
    0.5

    Source: L. Armijo, "Minimization of functions having Lipschitz continuous first partial derivatives" (1966);
    J. Nocedal and S. Wright, "Numerical Optimization" (2006), section 3.5 for the parabola.
    """

    initial: float = 1.0
    decrease: float = 1e-4
    shrink: float = 0.5
    grow: bool = False
    trials: int = 60

    def __post_init__(self) -> None:
        read_number(self.initial, name="initial", interval=POSITIVE)
        read_number(self.decrease, name="decrease", interval=_SHRINK)
        read_number(self.shrink, name="shrink", interval=_SHRINK)
        read_count(self.trials, name="trials")

    def rate(
        self, objective: Objective, w: FloatArray, value: float, gradient: FloatArray, direction: FloatArray
    ) -> float:
        """The rate; zero where the direction does not descend."""
        slope = float(gradient @ direction)
        if not slope < 0:
            return 0.0
        rate = self.initial
        for trial in range(self.trials):
            reached = objective.value(w + rate * direction)
            if reached <= value + self.decrease * rate * slope:
                if self.grow and trial == 0:
                    return self._grown(objective, w, value, slope, direction, reached)
                return rate
            rate = self._smaller(rate, value, slope, reached)
        return 0.0

    def _smaller(self, rate: float, value: float, slope: float, reached: float) -> float:
        """The next trial after one that failed."""
        rise = reached - value - rate * slope
        parabola = -slope * rate**2 / (2 * rise) if math.isfinite(rise) and rise > 0 else 0.0
        return min(max(parabola, 0.1 * rate), self.shrink * rate)

    def _grown(
        self, objective: Objective, w: FloatArray, value: float, slope: float, direction: FloatArray, reached: float
    ) -> float:
        """The initial rate doubled as long as the objective falls and the decrease is sufficient."""
        rate = self.initial
        for _ in range(self.trials - 1):
            further = objective.value(w + 2 * rate * direction)
            if not (further < reached and further <= value + 2 * self.decrease * rate * slope):
                break
            rate, reached = 2 * rate, further
        return rate


@final
@dataclass(frozen=True, kw_only=True)
class Polyak(StepSize):
    r"""The rate at which the tangent reaches the known minimum, :math:`\eta = (L(w) - L^*)/(-g\cdot d)`.

    For gradient descent this is :math:`(L(w) - L^*)/|g|^2`.  It costs nothing; where the direction does not descend,
    or the value is not above the minimum, the rate is zero.

    Parameters
    ----------
    minimum: :math:`L^*`, or a lower bound of it.
    scale: factor, above 0; 1/2 is the choice for stochastic gradients.
    largest: upper bound of the rate.

    >>> import numpy as np
    >>> objective = Objective.from_functions(lambda w: float(w @ w), lambda w: 2 * w, size=1)
    >>> w, g = np.array([1.0]), np.array([2.0])
    >>> Polyak(minimum=0.0).rate(objective, w, 1.0, g, -g)
    0.25

    Source: B. T. Polyak, "Introduction to Optimization" (1987), section 5.3; the factor and the bound from
    N. Loizou et al., "Stochastic Polyak step-size for SGD" (2021).
    """

    minimum: float
    scale: float = 1.0
    largest: float = math.inf

    def __post_init__(self) -> None:
        read_number(self.minimum, name="minimum", interval=Interval(-math.inf, open_low=True))
        read_number(self.scale, name="scale", interval=POSITIVE)
        if self.largest != math.inf:
            read_number(self.largest, name="largest", interval=POSITIVE)

    def rate(
        self, objective: Objective, w: FloatArray, value: float, gradient: FloatArray, direction: FloatArray
    ) -> float:
        """The rate."""
        slope, excess = float(gradient @ direction), value - self.minimum
        if not (slope < 0 and excess > 0):
            return 0.0
        return min(self.scale * excess / -slope, self.largest)


@final
@dataclass(frozen=True, kw_only=True)
class InverseCurvature(StepSize):
    r"""The minimiser of the second-order model along the step, :math:`\eta = -g\cdot d \,/\, d^T H d`.

    For gradient descent this is :math:`1/\lambda` with :math:`\lambda = u^T H u/|u|^2` and u the gradient: on a
    quadratic, at an eigenvector of its Hessian, the step ends in the minimum.  It costs one Hessian-vector product;
    where the curvature along the step is not positive, the fallback chooses; where the direction does not descend, the
    rate is zero.

    Parameters
    ----------
    fallback: step size where the curvature is not positive.
    scale: factor, above 0.

    >>> import numpy as np
    >>> objective = Objective.from_functions(lambda w: float(w @ w), lambda w: 2 * w, lambda w, v: 2 * v, size=1)
    >>> w, g = np.array([1.0]), np.array([2.0])
    >>> InverseCurvature().rate(objective, w, 1.0, g, -g)
    0.5
    """

    fallback: StepSize = field(default_factory=Armijo)
    scale: float = 1.0

    def __post_init__(self) -> None:
        read_number(self.scale, name="scale", interval=POSITIVE)
        if not isinstance(self.fallback, StepSize):
            raise InputError(
                f"fallback: {self.fallback!r}", why="it is no step size", cure="give a step size such as Armijo()"
            )

    def rate(
        self, objective: Objective, w: FloatArray, value: float, gradient: FloatArray, direction: FloatArray
    ) -> float:
        """The rate."""
        slope = float(gradient @ direction)
        if not slope < 0:
            return 0.0
        curvature = float(direction @ objective.hvp(w, direction))
        if curvature > 0 and math.isfinite(self.scale * slope / curvature):
            return -self.scale * slope / curvature
        return self.fallback.rate(objective, w, value, gradient, direction)


@final
@dataclass(frozen=True, kw_only=True)
class StabilityGuard(StepSize):
    r"""Another learning rate, lowered where :math:`\eta\lambda` would pass a limit.

    :math:`\lambda = d^T H d/(-g\cdot d)` along a step d that descends, else :math:`\lambda = u^T H u/|u|^2` along the
    gradient u; the two agree for gradient descent.  It costs one Hessian-vector product; where the curvature is not
    positive the rate stays.

    Parameters
    ----------
    learning_rate: a number, a schedule or a step size.
    limit: of :math:`\eta\lambda`; up to 1 the second-order model falls monotonically, from 2 on it rises.

    >>> import numpy as np
    >>> objective = Objective.from_functions(lambda w: float(w @ w), lambda w: 2 * w, lambda w, v: 2 * v, size=1)
    >>> w, g = np.array([1.0]), np.array([2.0])
    >>> StabilityGuard(learning_rate=10.0).rate(objective, w, 1.0, g, -g)
    0.5
    """

    learning_rate: Any = 1e-2
    limit: float = 1.0

    def __post_init__(self) -> None:
        read_number(self.limit, name="limit", interval=POSITIVE)
        if not callable(self.learning_rate) and not isinstance(self.learning_rate, StepSize):
            read_number(self.learning_rate, name="learning_rate", interval=NON_NEGATIVE)

    def at(self, count: int) -> StepSize:
        """The guard on the learning rate of this step."""
        return replace(self, learning_rate=_at(self.learning_rate, count))

    def rate(
        self, objective: Objective, w: FloatArray, value: float, gradient: FloatArray, direction: FloatArray
    ) -> float:
        """The rate."""
        inner = _at(self.learning_rate, 1)
        rate = inner.rate(objective, w, value, gradient, direction) if isinstance(inner, StepSize) else inner
        descent = -float(gradient @ direction)
        if descent > 0:
            curvature = float(direction @ objective.hvp(w, direction))
        else:
            descent, curvature = float(gradient @ gradient), float(gradient @ objective.hvp(w, gradient))
        return min(rate, self.limit * descent / curvature) if curvature > 0 and descent > 0 else rate


def fixed_rate(learning_rate: float | Callable[[int], float], count: int) -> float:
    """The learning rate of one step where it is a number or a function of the number of the step, from 1.

    Raises
    ------
    InputError: the function gives no finite number from 0 up.

    >>> fixed_rate(0.5, 4), fixed_rate(lambda step: 1 / step, 4)
    (0.5, 0.25)
    """
    if not callable(learning_rate):
        return float(learning_rate)
    return read_number(learning_rate(count), name=f"the learning rate of step {count}", interval=NON_NEGATIVE)


def _at(learning_rate: float | Callable[[int], float] | StepSize, count: int) -> float | StepSize:
    """The learning rate of one step: a number or a policy."""
    return learning_rate.at(count) if isinstance(learning_rate, StepSize) else fixed_rate(learning_rate, count)
