r"""An objective in coordinates at one point, :math:`D \mapsto L(R(D))`, for step sizes that try values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.objective import Objective
from symmetries.actions.parameter_space import FloatArray


@final
@dataclass(frozen=True, kw_only=True)
class Line:
    """What a step size sees: the objective in coordinates, where they begin, and the gradient there.

    Parameters
    ----------
    objective: function of coordinates.
    origin: of the coordinates; the point itself in Euclidean space.
    slope: vector whose product with a displacement is the derivative of the objective along it.
    """

    objective: Objective
    origin: FloatArray
    slope: FloatArray


@final
class RetractedObjective(Objective):
    """The objective along retractions from one point; values alone, since a retraction is true to first order only.

    Parameters
    ----------
    objective: whose values are asked for, and counted.
    retract: coordinates -> point, NaN where there is none.
    """

    has_exact_hvp = False

    def __init__(self, objective: Objective, retract: Callable[[FloatArray], FloatArray]) -> None:
        super().__init__(objective.space)
        self._objective, self._retract = objective, retract

    def _value(self, w: FloatArray) -> float:
        """The value where the retraction leads."""
        point = self._retract(w)
        return self._objective.value(point) if np.isfinite(point).all() else float("nan")

    def _value_and_grad(self, w: FloatArray) -> tuple[float, FloatArray]:
        """Refused, see :func:`_no_derivatives`."""
        raise _no_derivatives("gradients")

    def _hvp(self, w: FloatArray, v: FloatArray) -> FloatArray:
        """Refused, see :func:`_no_derivatives`."""
        raise _no_derivatives("Hessian-vector products")


def _no_derivatives(what: str) -> InputError:
    """The error of a step size that asks for more than values."""
    return InputError(
        f"a step size that asks for {what} on a curved space",
        why="the second derivative along a retraction is not that of the objective along a straight line",
        cure="use Armijo() or Polyak(minimum=...), which ask for values, or rule='l-bfgs'",
    )


def straight_line(objective: Objective, w: Any, gradient: FloatArray) -> Line:
    """The line of Euclidean space: the objective itself.

    >>> objective = Objective.from_functions(lambda w: float(w @ w), lambda w: 2 * w, size=1)
    >>> straight_line(objective, np.ones(1), np.array([2.0])).slope
    array([2.])
    """
    return Line(objective=objective, origin=w, slope=gradient)
