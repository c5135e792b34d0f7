r"""What a level-set search climbs: the logarithm of the gradient norm, its square, or any target with a gradient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import numpy as np

from solvers.aims.target_norms import GradientNorm
from solvers.objective import Objective
from solvers.search.level_set_constraint import Iterate
from solvers.target import Target
from symmetries.actions.parameter_space import FloatArray


class Merit(ABC):
    """A number that grows as the target gets better, and its gradient."""

    @abstractmethod
    def value(self, at: Iterate) -> float:
        """The merit; minus infinity where it is not defined."""

    @abstractmethod
    def gradient(self, at: Iterate) -> FloatArray:
        """Its gradient, shape (n,)."""


@final
class LogGradientNorm(Merit):
    r"""The merit :math:`\log|u|` of a search for long gradients :math:`u=\nabla L`, with the gradient :math:`Hu/|u|^2`.

    The value comes for nothing with the loss; the gradient costs one Hessian-vector product.

    >>> bowl = Objective.from_functions(lambda w: w @ w / 2, lambda w: w, lambda w, v: v, size=2)
    >>> at = Iterate(point=np.array([0.0, 2.0]), value=2.0, gradient=np.array([0.0, 2.0]))
    >>> LogGradientNorm(bowl).gradient(at).tolist()
    [0.0, 0.5]

    Source: A. Mishkin, A. Bietti, R. Gower, "Level Set Teleportation: An Optimization Perspective" (2024),
    arXiv:2403.03362.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective

    def value(self, at: Iterate) -> float:
        """The logarithm, minus infinity at a critical point."""
        return float(np.log(at.slope)) if at.slope else -np.inf

    def gradient(self, at: Iterate) -> FloatArray:
        """One Hessian-vector product."""
        with np.errstate(all="ignore"):
            return self._objective.hvp(at.point, at.normal) / at.slope


@final
class SmallGradientNorm(Merit):
    r"""The merit :math:`-\tfrac12|u|^2/|u_0|^2` of a search for short gradients, smooth also where they vanish.

    >>> bowl = Objective.from_functions(lambda w: w @ w / 2, lambda w: w, lambda w, v: v, size=2)
    >>> at = Iterate(point=np.array([0.0, 2.0]), value=2.0, gradient=np.array([0.0, 2.0]))
    >>> SmallGradientNorm(bowl, 4.0).value(at)
    -0.125
    """

    def __init__(self, objective: Objective, unit: float) -> None:
        self._objective, self._unit = objective, unit

    def value(self, at: Iterate) -> float:
        """Minus half the square."""
        return -((at.slope / self._unit) ** 2) / 2

    def gradient(self, at: Iterate) -> FloatArray:
        """One Hessian-vector product."""
        with np.errstate(all="ignore"):
            return self._objective.hvp(at.point, at.normal) / self._unit * -(at.slope / self._unit)


@final
class TargetMerit(Merit):
    """Plus or minus a target, in units of its size at the start; its logarithm where a positive target is maximised.

    >>> bowl = Objective.from_functions(lambda w: w @ w / 2, lambda w: w, lambda w, v: v, size=2)
    >>> at = Iterate(point=np.array([0.0, 2.0]), value=2.0, gradient=np.array([0.0, 2.0]))
    >>> TargetMerit(bowl, GradientNorm(), at.point, maximize=False).gradient(at).tolist()
    [-0.0, -1.0]
    """

    def __init__(self, objective: Objective, target: Target, start: FloatArray, *, maximize: bool) -> None:
        self._objective, self._target, self._sign = objective, target, 1.0 if maximize else -1.0
        first = target.value(objective, start)
        self._logarithm = maximize and first > 0
        self._unit = abs(first) if np.isfinite(first) and first else 1.0

    def value(self, at: Iterate) -> float:
        """One value of the target."""
        with np.errstate(all="ignore"):
            return self._read(self._target.value(self._objective, at.point))

    def gradient(self, at: Iterate) -> FloatArray:
        """One value and gradient of the target."""
        with np.errstate(all="ignore"):
            value, gradient = self._target.value_and_grad(self._objective, at.point)
            return gradient / value if self._logarithm else self._sign * gradient / self._unit

    def _read(self, value: float) -> float:
        """The merit of a value of the target."""
        if not np.isfinite(value):
            return -np.inf
        if self._logarithm:
            return float(np.log(value)) if value > 0 else -np.inf
        return self._sign * value / self._unit


def make_merit(objective: Objective, target: Target, start: Iterate, *, maximize: bool) -> Merit:
    """The merit of a target; the squared gradient norm takes the form that costs least."""
    if isinstance(target, GradientNorm):
        return LogGradientNorm(objective) if maximize else SmallGradientNorm(objective, start.slope)
    return TargetMerit(objective, target, start.point, maximize=maximize)
