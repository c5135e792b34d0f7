r"""Level sets :math:`\{L=L_0\}` and sub-level sets :math:`\{L\le L_0\}`, and how to come back to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from manifolds.errors import InputError
from solvers.objective import Objective
from symmetries.actions.parameter_space import FloatArray

ROUNDING = 16 * float(np.finfo(float).eps)
BAND = 1e-9
MAX_EVALUATIONS = 60
HALVINGS = 8
NEAR = 0.1


@final
@dataclass(frozen=True, kw_only=True)
class Iterate:
    """A point with the loss and its gradient there, all finite.

    >>> at = Iterate(point=np.zeros(2), value=1.0, gradient=np.array([3.0, 4.0]))
    >>> at.slope, at.normal.tolist()
    (5.0, [0.6, 0.8])
    """

    point: FloatArray
    value: float
    gradient: FloatArray

    @cached_property
    def slope(self) -> float:
        """Length of the gradient, without overflow or underflow of its squares."""
        largest = float(np.abs(self.gradient).max(initial=0.0))
        return largest * float(np.linalg.norm(self.gradient / largest)) if largest else 0.0

    @cached_property
    def normal(self) -> FloatArray:
        """Unit vector along the gradient; zero where the gradient is."""
        largest = float(np.abs(self.gradient).max(initial=0.0))
        if not largest:
            return np.zeros_like(self.gradient)
        scaled = self.gradient / largest
        return scaled / np.linalg.norm(scaled)


@final
class LevelSet:
    r"""The points with :math:`|L-L_0|\le\varepsilon`, or with :math:`L\le L_0`.

    Here :math:`\varepsilon = \max(\tau|L_0|,\, 16u\,|\nabla L(w_0)||w_0|)` with the unit of rounding u: no closer can
    anyone come with rounded parameters.  Where both are zero, :math:`\varepsilon=\tau|\nabla L(w_0)|`.

    Parameters
    ----------
    objective: the loss.
    start: the point whose level is kept.
    sub_level: whether lower losses belong to the set.
    tolerance: the relative drift :math:`\tau`.

    Raises
    ------
    InputError: the loss or its gradient is not finite at the start.

    >>> bowl = Objective.from_functions(lambda w: float(w @ w), lambda w: 2 * w, size=2)
    >>> circle = LevelSet(bowl, np.array([3.0, 4.0]), sub_level=False, tolerance=1e-12)
    >>> landed = circle.land(np.array([6.0, 8.0]), reach=10.0)
    >>> landed.point.round(12).tolist(), circle.contains(landed)
    ([3.0, 4.0], True)
    """

    def __init__(self, objective: Objective, start: FloatArray, *, sub_level: bool, tolerance: float) -> None:
        self.objective = objective
        self.sub_level = sub_level
        first = self.evaluate(start)
        if first is None:
            raise InputError(
                "the starting point",
                why="the objective or its gradient is not finite there",
                cure="start where both are finite",
            )
        self.start, self.level = first, first.value
        floor = ROUNDING * self.start.slope * float(np.linalg.norm(start))
        self.allowance = max(tolerance * abs(self.level), floor) or tolerance * self.start.slope

    def evaluate(self, point: FloatArray) -> Iterate | None:
        """Loss and gradient at a point, or None where they are not finite."""
        if not np.isfinite(point).all():
            return None
        with np.errstate(all="ignore"):
            value, gradient = self.objective.value_and_grad(point)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return None
        return Iterate(point=point, value=value, gradient=gradient)

    def contains(self, at: Iterate, *, slack: float = 0.0) -> bool:
        """Whether a point belongs to the set, up to a further change of the loss by ``slack``."""
        excess = at.value - self.level
        if self.sub_level:
            return excess <= slack
        return abs(excess) <= max(slack, self.allowance)

    def on_border(self, at: Iterate) -> bool:
        """Whether a point of the set has the loss of the start, or a loss so close that none can tell."""
        return not self.sub_level or self.level - at.value <= max(BAND * abs(self.level), 2 * self.allowance)

    def land(self, point: FloatArray, *, reach: float, slack: float = 0.0) -> Iterate | None:
        """The point of the set on the line through a point along the gradient there.

        Newton's method for one unknown, by bisection wherever a step would leave the bracket of known signs.

        Parameters
        ----------
        point: where to start, shape (n,).
        reach: how far from it to look.
        slack: change of the loss that may be left.

        Returns
        -------
        The landing point, or None where the line does not meet the set within reach or leaves the domain of the loss.
        """
        at = self.evaluate(point)
        if at is None or self.contains(at, slack=slack):
            return at
        if not at.slope:
            return None
        aim = self.level - (self.allowance / 2 if self.sub_level else 0.0)
        line, shift = at.normal, 0.0
        low, high, known_low, known_high = -reach, reach, False, False
        for _ in range(MAX_EVALUATIONS):
            excess = at.value - aim
            if excess > 0:
                low, known_low = max(low, shift), True
            else:
                high, known_high = min(high, shift), True
            fall = float(at.gradient @ line)
            newton = shift + excess / fall if fall > 0 else np.inf * np.sign(excess)
            if (newton >= high and not known_high) or (newton <= low and not known_low):
                return None
            proposal = newton if low < newton < high else (low + high) / 2
            trial = self.evaluate(point - proposal * line)
            if trial is None or proposal == shift:
                return None
            at, shift = trial, proposal
            if self.contains(at, slack=slack):
                return at
        return None

    def approach(self, point: FloatArray, *, reach: float) -> Iterate | None:
        """A point of the set that is found from afar, by Newton steps along ever new gradients.

        Parameters
        ----------
        point: where to start, shape (n,).
        reach: the longest step.

        Returns
        -------
        The point, or None where the loss is not finite or does not come closer to the level.
        """
        at = self.evaluate(point)
        for _ in range(MAX_EVALUATIONS):
            if at is None or not at.slope:
                return None
            excess = at.value - self.level
            if abs(excess) <= NEAR * abs(self.level) or self.contains(at):
                return self.land(at.point, reach=reach)
            step, trial = float(np.clip(excess / at.slope, -reach, reach)), None
            for _ in range(HALVINGS):
                trial = self.evaluate(at.point - step * at.normal)
                if trial is not None and abs(trial.value - self.level) < abs(excess):
                    break
                trial, step = None, step / 4
            at = trial
        return None
