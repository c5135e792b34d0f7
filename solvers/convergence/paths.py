"""Paths of gradient descent and of gradient flow, on which statements about later steps are checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

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


def read_steps(numbers: Any, name: str) -> frozenset[int]:
    """Numbers of steps, refused when they are no integers from 0 up.

    >>> sorted(read_steps([5, 0], "at"))
    [0, 5]
    """
    given: list[Any] = list(numbers) if isinstance(numbers, Iterable) and not isinstance(numbers, str) else [None]
    if any(isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 0 for k in given):
        raise InputError(
            f"{name}={numbers!r}", why="they are no numbers of steps, from 0", cure=f"write {name}=[0, 5], for example"
        )
    return frozenset(int(k) for k in given)


def read_horizons(horizons: Any, *, most: int) -> tuple[int, ...]:
    """Numbers T of points of a run, one at least.

    >>> read_horizons([2, 10], most=100)
    (2, 10)
    """
    given = tuple(horizons) if isinstance(horizons, Iterable) and not isinstance(horizons, str) else ()
    if not given or any(
        isinstance(one, bool) or not isinstance(one, int | np.integer) or not 2 <= one <= most for one in given
    ):
        raise InputError(
            f"the horizons {horizons!r}", why=f"they are no integers from 2 to {most:,}", cure="give [10, 100], say"
        )
    return tuple(int(one) for one in given)
