"""That a move keeps the loss, up to the rounding of the parameters and of the loss."""

from __future__ import annotations

import numpy as np

from solvers.convergence.theorem_check import vanishing
from solvers.objective import Objective
from symmetries.actions.parameter_space import FloatArray
from symmetries.certificate import Claim

TOLERANCE = 1e-9
ULPS = 64.0
"""How many times the effect of one rounding of the parameters a move may change the loss."""


def rounding_of(objective: Objective, w: FloatArray) -> float:
    """How much the loss changes with the parameters' last digits: the largest of eight changes.

    >>> from symmetries import Loss
    >>> rounding_of(Objective.from_loss(Loss.parse("x - 1")), np.array([1.0])) < 1e-15
    True
    """
    value = objective.value(w)
    return max(abs(objective.value(point) - value) for point in _rounded(w))


def gradient_rounding(objective: Objective, w: FloatArray) -> float:
    """How much the gradient changes with the parameters' last digits: the longest of eight changes."""
    gradient = objective.gradient(w)
    return max(float(np.linalg.norm(objective.gradient(point) - gradient)) for point in _rounded(w))


def _rounded(w: FloatArray) -> list[FloatArray]:
    """Points that differ from w in the last digits."""
    rng = np.random.default_rng(0)
    return [w * (1 + np.finfo(float).eps * rng.choice([-1.0, 1.0], size=w.shape)) for _ in range(8)]


def loss_kept(objective: Objective, w: FloatArray, moved: FloatArray) -> Claim:
    """The claim that two points have the same loss; near its zeros the loss is known to its rounding only."""
    first, second = objective.value(w), objective.value(moved)
    scale = max(abs(first), abs(second))
    rounding = ULPS * max(rounding_of(objective, w), rounding_of(objective, moved))
    return vanishing(
        "L(g.w) = L(w)",
        abs(second - first) / max(scale, rounding / TOLERANCE, 1e-300),
        tolerance=TOLERANCE,
        loss_before=first,
        loss_after=second,
        point=w,
        moved=moved,
    )
