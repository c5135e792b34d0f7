"""Paths of gradient descent and of gradient flow, on which statements about later steps are checked."""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp

from manifolds.errors import InputError
from solvers.objective import Objective
from symmetries.actions.parameter_space import FloatArray

RELATIVE_TOLERANCE = 1e-10


def descend(objective: Objective, w: FloatArray, learning_rate: float, steps: int) -> tuple[FloatArray, FloatArray]:
    """Points and gradients of gradient descent, both of shape (steps + 1, n).

    >>> from symmetries import Loss
    >>> points, _ = descend(Objective.from_loss(Loss.parse("x**2")), np.array([1.0]), 0.25, 2)
    >>> points.ravel().tolist()
    [1.0, 0.5, 0.25]
    """
    points, gradients = [w], [objective.gradient(w)]
    for _ in range(steps):
        points.append(points[-1] - learning_rate * gradients[-1])
        gradients.append(objective.gradient(points[-1]))
    return np.array(points), np.array(gradients)


def flow(objective: Objective, w: FloatArray, times: FloatArray) -> FloatArray:
    """Points of the gradient flow at ascending times, shape (len(times), n); NaN after a blow-up.

    >>> from symmetries import Loss
    >>> flow(Objective.from_loss(Loss.parse("x**2")), np.array([1.0]), np.array([0.0, 0.5])).round(9).ravel().tolist()
    [1.0, 0.367879441]
    """
    result = np.full((len(times), objective.size), np.nan)
    solution = solve_ivp(
        lambda _, point: -objective.gradient(point),
        (0.0, float(times[-1])),
        w,
        t_eval=times,
        method="LSODA",
        rtol=RELATIVE_TOLERANCE,
        atol=RELATIVE_TOLERANCE * max(float(np.linalg.norm(w)), 1e-6),
    )
    result[: solution.y.shape[1]] = solution.y.T
    return result


def require_positive(value: float, name: str, *, integer: bool = False) -> None:
    """Refuse what is no positive number, or no positive integer."""
    kinds = (int, np.integer) if integer else (int, float, np.integer, np.floating)
    if isinstance(value, bool) or not isinstance(value, kinds) or not 0 < value < np.inf:
        what = "integer" if integer else "number"
        raise InputError(f"{name}={value!r}", why=f"it is no positive {what}", cure=f"give a {what} above 0")
