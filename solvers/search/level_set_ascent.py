r"""Conjugate-gradient ascent of a merit within a level set.

From a point w of the set with unit normal n the direction is :math:`d = P\nabla m + \beta Pd_-`, where :math:`P=I-nn^T`
and :math:`\beta` is that of Polak and Ribiere, cut at zero; a trial :math:`w+td` is brought back to the set along
the gradient there, and lengths are chosen by a parabola through the merits that were seen.

Source: P.-A. Absil, R. Mahony, R. Sepulchre, "Optimization Algorithms on Matrix Manifolds" (2008), section 8.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from solvers.search.level_set_constraint import ROUNDING, Constraint, Iterate, TangentSpace
from solvers.search.level_set_merit import Merit
from solvers.status import Status
from symmetries.actions.parameter_space import FloatArray

ARMIJO = 1e-4
"""The share of the gain promised by the slope that a step must reach."""

FIRST_GAIN = 0.5
"""The gain of the merit that the first step aims at."""

SLACK = 1e-4
"""Relative drift with which trials are compared before the chosen one is brought to the set to rounding."""

TRIALS = 12
EXPANSIONS = 3
GROWTH = 4.0

FAR = 1e6
"""Distance, in units of 1 + |start|, from which a target counts as unbounded."""

RIM = 0.98
PULLED = 0.99
"""Shares of the radius: where a point counts as on the border, and to where trials beyond it are pulled back."""

STALLED = 1e-3
"""The sine up to which a point where no step helps counts as stationary to rounding."""

FLAT = 1e-6
"""The gain promised by a move as long as the point below which a point where no step helps counts as stationary."""

GROWTH_LEFT = 1e-3
"""The gain promised by a move as long as the point, above which no point counts as stationary."""


@final
@dataclass(frozen=True, kw_only=True)
class Limits:
    """When an ascent ends.

    Parameters
    ----------
    steps: accepted steps.
    hvps: count of Hessian-vector products of the objective at which no new step begins.
    radius: distance from the start; infinity is no limit.
    optimality: the sine of the angle between the merit's gradient and the normal at which a point is stationary.
    """

    steps: int
    hvps: float
    radius: float
    optimality: float


@final
@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A point that a line search accepted, its merit and the length of the step."""

    at: Iterate
    merit: float
    length: float


@final
class Rim(TangentSpace):
    """What is left of a tangent space at the border of the trust region.

    Parameters
    ----------
    space: the tangent space.
    offset: from the centre of the region to the point.
    """

    def __init__(self, space: TangentSpace, offset: FloatArray) -> None:
        self.name, self.holds_level = f"rim of {space.name}", space.holds_level
        outward = space.project(offset)
        self._space, self._outward = space, outward / (np.linalg.norm(outward) or 1.0)

    def project(self, vector: FloatArray) -> FloatArray:
        """The part in the space, less what points outward."""
        part = self._space.project(vector)
        return part - (part @ self._outward) * self._outward


@final
class Ascent:
    """One ascent within a set of feasible points; :meth:`run` leaves the best point in :attr:`at`.

    Parameters
    ----------
    feasible: where to stay.
    merit: what to raise.
    limits: when to end.
    at: where to begin; the start of the set by default.
    """

    def __init__(self, feasible: Constraint, merit: Merit, limits: Limits, *, at: Iterate | None = None) -> None:
        self.feasible, self.limits = feasible, limits
        self._measure = merit
        self.at = feasible.start if at is None else at
        self.merit = merit.value(self.at)
        self.steps = 0
        self.residual = np.nan
        self.reason = "every step was used"
        self._length: float | None = None
        self._previous: tuple[FloatArray, FloatArray, str] | None = None
        self._is_bound = self._is_held = False

    def run(self) -> Status:
        """Climb until a limit is met or nothing better is found."""
        status = self._climb()
        if self._is_bound and status in (Status.CONVERGED, Status.MAX_STEPS, Status.NO_IMPROVEMENT):
            self.reason = f"at the border of the trust region {self.reason}"
            return Status.TRUST_RADIUS
        return status

    def _climb(self) -> Status:
        """Steps until one ends the climb."""
        while self.steps < self.limits.steps:
            if self.feasible.objective.products >= self.limits.hvps:
                self.reason = "every Hessian-vector product was used"
                break
            status = self._step()
            if status is not None:
                return status
        return Status.MAX_STEPS

    def _step(self) -> Status | None:
        """One step; the reason to stop, where there is one."""
        gradient = self._measure.gradient(self.at)
        if not np.isfinite(gradient).all():
            self.reason = "the gradient of the target is not finite"
            return Status.NON_FINITE
        space = self._space(gradient)
        tangent = space.project(gradient)
        slope, size = float(np.linalg.norm(tangent)), float(np.linalg.norm(gradient))
        self.residual = slope / size if size else 0.0
        promise = slope * float(np.linalg.norm(self.at.point))
        if not slope or 0 < promise <= ROUNDING:
            self.reason = "the target does not change to first order"
            return Status.CONVERGED
        if self.residual <= self.limits.optimality and promise <= GROWTH_LEFT:
            self.reason = "the gradient of the target is normal to the feasible set"
            return Status.CONVERGED
        for direction in self._directions(tangent, space):
            found = self._line_search(direction, float(direction @ tangent))
            if found is not None:
                self._previous = tangent, direction, space.name
                return self._accept(found)
        self.reason = "no step along the steepest direction is better"
        is_stationary = self.residual <= STALLED or promise <= FLAT
        return Status.CONVERGED if is_stationary else Status.NO_IMPROVEMENT

    def _accept(self, found: Accepted) -> Status | None:
        """Go to an accepted point."""
        self.at, self.merit, self._length = found.at, found.merit, found.length
        self.steps += 1
        start = self.feasible.start.point
        if np.linalg.norm(self.at.point - start) > FAR * (1 + np.linalg.norm(start)):
            self.reason = f"the target still grows at more than {FAR:.0e} times the length of the start"
            return Status.UNBOUNDED
        return None

    def _directions(self, tangent: FloatArray, space: TangentSpace) -> list[FloatArray]:
        """Unit vectors to try in order: the conjugate direction, then the steepest."""
        steepest = tangent / np.linalg.norm(tangent)
        if self._previous is None or self._previous[2] != space.name:
            return [steepest]
        old_tangent, old_direction, _ = self._previous
        size = float(np.linalg.norm(old_tangent))
        beta = max(0.0, float(tangent @ (tangent - space.project(old_tangent))) / size**2)
        scale = size**2 / float(old_direction @ old_tangent)
        direction = tangent + beta * scale * space.project(old_direction)
        direction /= np.linalg.norm(direction)
        if not np.isfinite(direction).all() or direction @ steepest < 1e-3:
            return [steepest]
        return [direction, steepest]

    def _space(self, gradient: FloatArray) -> TangentSpace:
        """The directions that are open at the point, those out of the trust region left out."""
        space = self.feasible.tangent_space(self.at, gradient)
        offset = self.at.point - self.feasible.start.point
        at_border = np.linalg.norm(offset) >= RIM * self.limits.radius
        self._is_bound = bool(at_border and space.project(gradient) @ offset > 0)
        self._is_held = space.holds_level
        return Rim(space, offset) if self._is_bound else space

    def _line_search(self, direction: FloatArray, slope: float) -> Accepted | None:
        """An accepted point along a unit vector, or None; drifts that mislead are met by landing every trial."""
        for slack in (SLACK * abs(self.feasible.level), 0.0):
            best = self._longest(direction, slope, slack)
            found = None if best is None else self._polished(best)
            if found is not None or best is None:
                return found
        return None

    def _longest(self, direction: FloatArray, slope: float, slack: float) -> Accepted | None:
        """The best of the trials along a unit vector that raise the merit enough, up to a slack of the loss."""
        length = self._length or FIRST_GAIN / slope
        best, ceiling, expansions = None, np.inf, 0
        least = rounding(self.merit)
        for _ in range(TRIALS):
            trial = self._trial(direction, length, slack)
            if trial is None or trial.merit - self.merit < max(ARMIJO * trial.length * slope, least):
                if best is not None:
                    break
                ceiling = length
                fitted = 0.25 * length if trial is None else _fitted(trial, self.merit, slope)
                length = float(np.clip(fitted, 0.1 * length, 0.5 * length))
                continue
            if best is not None and trial.merit <= best.merit:
                break
            best = trial
            longer = min(_fitted(trial, self.merit, slope), GROWTH * length, 0.9 * ceiling)
            if longer <= 1.5 * length or expansions == EXPANSIONS:
                break
            length, expansions = longer, expansions + 1
        return best

    def _trial(self, direction: FloatArray, length: float, slack: float) -> Accepted | None:
        """The landing point of a step."""
        if not length > 0:
            return None
        point = self.at.point + length * direction
        start = self.feasible.start.point
        far = float(np.linalg.norm(point - start)) / (PULLED * self.limits.radius)
        if far > 1:
            point = start + (point - start) / far
            length = float(np.linalg.norm(point - self.at.point))
        at = self.feasible.land(point, reach=2 * length, slack=slack, to_level=self._is_held)
        return None if at is None or self._is_outside(at) else self._accepted(at, length)

    def _polished(self, found: Accepted) -> Accepted | None:
        """The same point brought to the set to rounding, if it is still better."""
        at = self.feasible.settle(found.at, reach=2 * found.length, to_level=self._is_held)
        if at is None or self._is_outside(at):
            return None
        polished = self._accepted(at, found.length)
        return polished if polished.merit > self.merit + rounding(self.merit) else None

    def _accepted(self, at: Iterate, length: float) -> Accepted:
        """A point with its merit."""
        return Accepted(at=at, merit=self._measure.value(at), length=length)

    def _is_outside(self, at: Iterate) -> bool:
        """Whether a point lies outside of the trust region."""
        return bool(np.linalg.norm(at.point - self.feasible.start.point) > self.limits.radius)


def rounding(merit: float) -> float:
    """The differences from a merit that count as rounding."""
    return ROUNDING * max(1.0, abs(merit))


def _fitted(trial: Accepted, merit: float, slope: float) -> float:
    """The length at which the parabola through the start, its slope and a trial is highest."""
    bend = trial.merit - merit - slope * trial.length
    if not np.isfinite(bend):
        return 0.25 * trial.length if bend < 0 else np.inf
    return np.inf if bend >= 0 else -slope * trial.length**2 / (2 * bend)
