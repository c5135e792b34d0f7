r"""Level sets :math:`\{L=L_0\}` and sub-level sets :math:`\{L\le L_0\}`, and how to come back to them."""

from __future__ import annotations

from typing import final

import numpy as np

from solvers.objective import Objective
from solvers.search.level_set_constraint import Constraint, Iterate, TangentSpace
from symmetries.actions.parameter_space import FloatArray

BAND = 1e-9
MAX_EVALUATIONS = 60
HALVINGS = 8
NEAR = 0.1


@final
class Hyperplane(TangentSpace):
    """The vectors orthogonal to a unit normal.

    >>> Hyperplane(np.array([0.6, 0.8])).project(np.array([3.0, 4.0])).tolist()
    [0.0, 0.0]
    """

    name = "hyperplane"
    holds_level = True

    def __init__(self, normal: FloatArray) -> None:
        self._normal = normal

    def project(self, vector: FloatArray) -> FloatArray:
        """The vector less its part along the normal."""
        return vector - (vector @ self._normal) * self._normal


@final
class WholeSpace(TangentSpace):
    """All vectors: what is open in the interior of a sub-level set.

    >>> WholeSpace().project(np.ones(2)).tolist()
    [1.0, 1.0]
    """

    name = "whole space"

    def project(self, vector: FloatArray) -> FloatArray:
        """The vector itself."""
        return vector


@final
class LevelSet(Constraint):
    r"""The points with :math:`|L-L_0|\le\varepsilon`, or with :math:`L\le L_0`.

    Here :math:`\varepsilon = \max(\tau|L_0|,\, 16u\,|\nabla L(w_0)||w_0|)` with the unit of rounding u: no closer can
    anyone come with rounded parameters.  Where both are zero, :math:`\varepsilon=\tau|\nabla L(w_0)|`.

    Parameters
    ----------
    objective: the loss.
    start: the point whose level is kept.
    sub_level: whether lower losses belong to the set.
    tolerance: the relative drift :math:`\tau`.

    >>> bowl = Objective.from_functions(lambda w: float(w @ w), lambda w: 2 * w, size=2)
    >>> circle = LevelSet(bowl, np.array([3.0, 4.0]), sub_level=False, tolerance=1e-12)
    >>> landed = circle.land(np.array([6.0, 8.0]), reach=10.0)
    >>> landed.point.round(12).tolist(), circle.contains(landed)
    ([3.0, 4.0], True)
    """

    def __init__(self, objective: Objective, start: FloatArray, *, sub_level: bool, tolerance: float) -> None:
        super().__init__(objective, start, tolerance=tolerance)
        self.sub_level = sub_level

    def contains(self, at: Iterate, *, slack: float = 0.0) -> bool:
        """Whether a point belongs to the set, up to a further change of the loss by ``slack``."""
        excess = at.value - self.level
        if self.sub_level:
            return excess <= slack
        return abs(excess) <= max(slack, self.allowance)

    def tangent_space(self, at: Iterate, gradient: FloatArray) -> TangentSpace:
        """The tangent space of the level set; all of space in a sub-level set where the level does not hold the search.

        It holds where the loss is that of the start, or so close that none can tell, and would grow along the gradient.
        """
        close = self.level - at.value <= max(BAND * abs(self.level), 2 * self.allowance)
        held = not self.sub_level or (close and float(gradient @ at.normal) > 0)
        return Hyperplane(at.normal) if held else WholeSpace()

    def settle(self, at: Iterate, *, reach: float, slack: float = 0.0, to_level: bool = False) -> Iterate | None:
        """The point of the set on the line through a point along the gradient there.

        Newton's method for one unknown, by bisection wherever a step would leave the bracket of known signs.
        """
        lowest = -max(slack, self.allowance) if to_level else -np.inf
        if self._is_landed(at, lowest, slack):
            return at
        if not at.slope:
            return None
        aim = self.level - (self.allowance / 2 if self.sub_level else 0.0)
        point, line, shift = at.point, at.normal, 0.0
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
            if self._is_landed(at, lowest, slack):
                return at
        return None

    def _is_landed(self, at: Iterate, lowest: float, slack: float) -> bool:
        """Whether a point belongs to the set and is not too far below the level."""
        return self.contains(at, slack=slack) and at.value - self.level >= lowest

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
                return self.settle(at, reach=reach)
            step, trial = float(np.clip(excess / at.slope, -reach, reach)), None
            for _ in range(HALVINGS):
                trial = self.evaluate(at.point - step * at.normal)
                if trial is not None and abs(trial.value - self.level) < abs(excess):
                    break
                trial, step = None, step / 4
            at = trial
        return None
