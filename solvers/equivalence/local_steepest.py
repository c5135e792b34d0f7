r"""The steepest point of a level set near a nondegenerate minimum, to rounding.

There the gradient is an eigenvector of the Hessian for its largest eigenvalue.  The iteration takes the eigenvector v
of the Hessian at the last point and a Newton step for :math:`\nabla L(x) = s v,\ L(x) = L_0`; the eigenvector changes
with the distance to the minimum, so it contracts by a factor of that order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from solvers.aims.target_norms import GradientNorm
from solvers.equivalence.steepest import angle_between
from solvers.level_set import LevelSetMove
from solvers.objective import Objective
from symmetries.actions.parameter_space import FloatArray

MAX_STEPS = 60

ALIGNED = 1e-7
"""Angle between u and Hu, relative to the distance to the minimum, up to which a point counts as found."""


@final
@dataclass(frozen=True)
class LocalSteepest:
    """A steepest point near a minimum.

    Parameters
    ----------
    point: the point, shape (n,).
    gradient: u there.
    eigenvalue: u.Hu/u.u.
    angle: between u and Hu, in radians.
    """

    point: FloatArray
    gradient: FloatArray
    eigenvalue: float
    angle: float


def local_steepest(objective: Objective, w: FloatArray, minimiser: FloatArray) -> LocalSteepest | None:
    """The steepest point of the level set of w around a minimiser; None where it was not found.

    Parameters
    ----------
    objective: the loss.
    w: a point near the minimiser, shape (n,).
    minimiser: where the gradient is zero and the Hessian is positive definite.

    >>> objective = Objective.from_functions(
    ...     lambda w: w[0] ** 2 / 2 + 2 * w[1] ** 2, lambda w: w * [1, 4], lambda w, v: v * [1, 4], size=2)
    >>> found = local_steepest(objective, np.array([0.2, 0.0]), np.zeros(2))
    >>> np.abs(found.point).round(12).tolist(), found.eigenvalue
    ([0.0, 0.1], 4.0)
    """
    level, centre = objective.value(w), objective.hessian(minimiser)
    height = level - objective.value(minimiser)
    values, vectors = np.linalg.eigh(centre)
    if not (np.isfinite(values).all() and values[0] > 0 and height > 0):
        return None
    radius = float(np.sqrt(2 * height / values[-1]))
    found = []
    for sign in (1.0, -1.0):
        start = minimiser + sign * radius * vectors[:, -1]
        one = _iterated(objective, start, sign * vectors[:, -1], level)
        if one is not None and one.angle <= ALIGNED * min(1.0, radius):
            found.append(one)
    if not found:
        searched = _searched(objective, w)
        found = [searched] if searched is not None and searched.angle <= ALIGNED * min(1.0, radius) else []
    return max(found, key=lambda one: float(np.linalg.norm(one.gradient)), default=None)


def _iterated(objective: Objective, x: FloatArray, v: FloatArray, level: float) -> LocalSteepest | None:
    """The iteration from a start; None where it leaves the numbers."""
    scale = np.inf
    for _ in range(MAX_STEPS):
        value, gradient = objective.value_and_grad(x)
        hessian = objective.hessian(x)
        if not np.isfinite(hessian).all():
            return None
        vectors = np.linalg.eigh(hessian)[1]
        v = vectors[:, -1] * (1.0 if vectors[:, -1] @ v >= 0 else -1.0)
        s = float(gradient @ v)
        system = np.block([[hessian, -v[:, None]], [gradient[None, :], np.zeros((1, 1))]])
        try:
            step = np.linalg.solve(system, np.append(s * v - gradient, level - value))[:-1]
        except np.linalg.LinAlgError:
            return None
        length = float(np.linalg.norm(step))
        if not np.isfinite(length):
            return None
        if length >= scale:  # rounding stops the contraction
            break
        scale, x = length, x + step
    return _at(objective, x)


def _at(objective: Objective, x: FloatArray) -> LocalSteepest | None:
    """What holds at a point."""
    gradient = objective.gradient(x)
    product = objective.hvp(x, gradient)
    square = float(gradient @ gradient)
    if not (np.isfinite(product).all() and square > 0):
        return None
    return LocalSteepest(x, gradient, float(gradient @ product) / square, angle_between(gradient, product))


def _searched(objective: Objective, w: FloatArray) -> LocalSteepest | None:
    """What the level-set search finds, where eigenvectors are not continuous."""
    move = LevelSetMove(steps=200, optimality=1e-10)
    reached = move.search(objective, w, GradientNorm(), maximize=True, rng=np.random.default_rng(0))
    return _at(objective, reached.point)
