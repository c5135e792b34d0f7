"""Gradient descent with teleports at given steps, with what bounds on its convergence need."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from solvers.aims.target_norms import GradientNorm
from solvers.level_set import LevelSetMove
from solvers.objective import Objective
from symmetries.actions.parameter_space import FloatArray

Teleport: TypeAlias = Callable[[FloatArray], FloatArray]
StepSize: TypeAlias = Callable[[FloatArray, FloatArray, bool], float]

OPTIMALITY = 1e-8

STEP, STALLED = 1e-10, 1e-5
"""Relative lengths of Newton's step that count as convergence, and that may be rounding when no shorter step helps."""


@final
@dataclass(frozen=True, kw_only=True)
class ScheduledRun:
    """A run of gradient descent with teleports.

    Parameters
    ----------
    points: the iterates w_0, ..., w_K, shape (K + 1, n).
    departures: where each step departs from: the iterate or where it was teleported to, shape (K, n).
    gaps: L(w_k) - L*, shape (K + 1,).
    departure_gaps: the same at the departures, shape (K,).
    """

    points: FloatArray
    departures: FloatArray
    gaps: FloatArray
    departure_gaps: FloatArray


def run_schedule(
    objective: Objective,
    w: FloatArray,
    *,
    steps: int,
    step_size: StepSize,
    minimum: float,
    teleport: Teleport | None,
    at: Collection[int],
) -> ScheduledRun:
    """Gradient descent that is teleported before the steps whose numbers, from 0, are in ``at``; it ends at NaN."""
    if teleport is not None and not callable(teleport):
        raise InputError(f"teleport={teleport!r}", why="it is no function of a point", cure="give w -> w', or None")
    points, departures = [w], []
    for k in range(steps):
        if not np.isfinite(points[-1]).all():
            departures.append(points[-1])
            points.append(points[-1])
            continue
        teleported = teleport is not None and k in at
        start = teleport(points[-1]) if teleport is not None and teleported else points[-1]
        gradient = objective.gradient(start)
        departures.append(start)
        points.append(start - step_size(start, gradient, teleported) * gradient)
    return ScheduledRun(
        points=np.array(points),
        departures=np.array(departures),
        gaps=np.array([objective.value(point) for point in points]) - minimum,
        departure_gaps=np.array([objective.value(point) for point in departures]) - minimum,
    )


def level_set_teleport(objective: Objective) -> Teleport:
    """Teleportation along the level set to a point where the gradient is longest near the way of the search.

    >>> from symmetries import Loss
    >>> move = level_set_teleport(Objective.from_loss(Loss.parse("x**2/2 + 5*y**2")))
    >>> np.abs(move(np.array([1.0, 1.0]))).round(6).tolist()
    [0.0, 1.048809]
    """
    move = LevelSetMove(steps=200, optimality=OPTIMALITY)

    def teleport(w: FloatArray) -> FloatArray:
        """Where the search ends."""
        found = move.search(objective, w, GradientNorm(), maximize=True, rng=np.random.default_rng(0))
        return found.point

    return teleport


def newton_minimum(objective: Objective, w: FloatArray, *, steps: int = 100) -> FloatArray | None:
    """The minimiser of a convex objective by Newton's method with halved steps; None where that does not converge.

    >>> from symmetries import Loss
    >>> newton_minimum(Objective.from_loss(Loss.parse("exp(x) - x + y**2")), np.array([1.0, 1.0])).round(9).tolist()
    [0.0, 0.0]
    """
    point = w
    for _ in range(steps):
        value, gradient = objective.value_and_grad(point)
        direction = -np.linalg.lstsq(objective.hessian(point), gradient, rcond=None)[0]
        slope = float(gradient @ direction)
        length = float(np.linalg.norm(direction)) / (1 + float(np.linalg.norm(point)))
        if not np.isfinite(length) or length <= STEP:
            return point + direction if length <= STEP else None
        size = 1.0
        while not objective.value(point + size * direction) <= value + 1e-4 * size * slope and size > 1e-12:
            size /= 2
        if size <= 1e-12:
            return point if length <= STALLED else None
        point = point + size * direction
    return None
