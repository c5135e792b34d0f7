"""The arms of a comparison: no teleport, a reset in its place, a random one, and the teleport itself."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from solvers.minimize import minimize
from solvers.objective import Objective
from solvers.results import MinimizeResult, TeleportResult
from solvers.rule import Rule
from solvers.running.acceptance import read_acceptance
from solvers.running.run_state import LoopState
from solvers.schedules import TeleportSchedule
from solvers.search.random_move import RandomMove
from solvers.status import Status
from solvers.steps.resetting_rule import ResettingRule
from solvers.steps.step_size import StepSize
from solvers.targets import FunctionTarget
from solvers.teleport import read_move
from symmetries.actions.parameter_space import FloatArray

ARMS = ("base", "reset-only", "random", "teleport")
"""The arms by name, in the order of tables and pictures."""

PATH_SIZE = 2
"""Number of parameters for which the points of a run are kept."""


@final
@dataclass(frozen=True, kw_only=True)
class ArmRun:
    """One run of one arm.

    Parameters
    ----------
    rule, arm: names.
    seed: of the start, of the batches and of all random choices.
    learning_rate: of the first step; NaN where a policy finds it.
    start_loss, final_loss: the whole objective at the start and at the last point.
    result: the minimisation, with its history and its teleports.
    path: the points after each step, shape (steps + 1, 2), for two parameters; None for more.
    """

    rule: str
    arm: str
    seed: int
    learning_rate: float
    start_loss: float
    final_loss: float
    result: MinimizeResult
    path: FloatArray | None = None

    @property
    def has_diverged(self) -> bool:
        """Whether the run ended in numbers that are not finite, or higher than it began."""
        is_finite = math.isfinite(self.final_loss) and self.result.status != Status.NON_FINITE
        return not is_finite or self.final_loss > self.start_loss

    @property
    def accepted(self) -> tuple[TeleportResult, ...]:
        """The teleports that were taken and moved the point."""
        return tuple(one for one in self.result.teleports if one.status != Status.REJECTED and _has_moved(one))

    @property
    def rejected(self) -> tuple[TeleportResult, ...]:
        """The teleports that a guard or the acceptance test refused, and those that led to a blow-up."""
        return tuple(one for one in self.result.teleports if one.status == Status.REJECTED)

    @property
    def gains(self) -> tuple[float, ...]:
        """Factors by which the accepted teleports changed the squared gradient norm."""
        return tuple(gradient_gain(one) for one in self.accepted)

    @property
    def largest_drift(self) -> float:
        """Largest relative change of the loss in an accepted teleport; 0 without any."""
        return max((one.relative_drift for one in self.accepted), default=0.0)


def gradient_gain(result: TeleportResult) -> float:
    """Factor by which a teleport changed the squared gradient norm; NaN at a stationary point."""
    if not result.gradient_norm_before:
        return math.nan
    factor = result.gradient_norm_after / result.gradient_norm_before
    return factor * factor


def _has_moved(result: TeleportResult) -> bool:
    """Whether a teleport ended at another point."""
    before = result.loss_before, result.gradient_norm_before, result.target_before
    return before != (result.loss_after, result.gradient_norm_after, result.target_after)


Starts: TypeAlias = Callable[[int], FloatArray]

Rate: TypeAlias = float | Callable[[int], float]
"""A learning rate, or a function from the number of a step, from 1, to its rate."""


@final
@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all runs of a comparison share.

    Parameters
    ----------
    objective: what is minimised.
    start: seed -> the first point.
    steps: optimizer steps of each run.
    schedule: the teleports of the arm ``teleport``.
    batches: seed -> the batches; None for the whole objective at every step.
    random_radius: how far the arm ``random`` goes.
    """

    objective: Objective
    start: Starts
    steps: int
    schedule: TeleportSchedule
    batches: Callable[[int], Any] | None = None
    random_radius: float | None = None

    def run(self, name: str, rule: Rule, arm: str, seed: int) -> ArmRun:
        """One run of an arm."""
        start = self.start(seed)
        path = [start.copy()]

        def remember(state: LoopState) -> None:
            """Keep the point."""
            path.append(np.array(state.point))

        in_plane = self.objective.size == PATH_SIZE
        result = minimize(
            self.objective,
            start,
            rule=self._rule(rule, arm),
            steps=self.steps,
            teleport=self.schedule_of(arm),
            batches=None if self.batches is None else self.batches(seed),
            callback=remember if in_plane else None,
            rng=seed,
        )
        return ArmRun(
            rule=name,
            arm=arm,
            seed=seed,
            learning_rate=first_rate(rule),
            start_loss=self.objective.value(start),
            final_loss=self._final(result),
            result=result,
            path=np.array(path) if in_plane else None,
        )

    def _final(self, result: MinimizeResult) -> float:
        """The whole objective at the last point."""
        last = self.objective.point(result.last_point)
        return self.objective.value(last) if np.isfinite(last).all() else math.nan

    def _rule(self, rule: Rule, arm: str) -> Rule:
        """The rule of an arm."""
        if arm != "reset-only" or not rule.slots:
            return rule
        due = tuple(step for step in range(self.steps) if self.schedule.next_due(step) == step)
        return ResettingRule(rule=rule, learning_rate=rule.learning_rate, resets=due)

    def schedule_of(self, arm: str) -> TeleportSchedule | None:
        """The teleports of an arm.

        Raises
        ------
        InputError: there are no random points beside its move.
        """
        if arm == "teleport":
            return self.schedule
        if arm != "random":
            return None
        schedule = self.schedule
        move = read_move(schedule.along, radius=schedule.radius, options=schedule.options)
        anything = FunctionTarget(_one, name="random")
        changes: dict[str, Any] = {
            "along": RandomMove(move, self.random_radius),
            "target": anything,
            "radius": None,
            "options": {},
        }
        return with_changes(schedule, changes)


def with_changes(schedule: TeleportSchedule, changes: Mapping[str, Any]) -> TeleportSchedule:
    """A schedule with the same times and some other attributes."""
    other = copy.copy(schedule)
    for name, value in changes.items():
        setattr(other, name, value)
    return other


def accepting(schedule: TeleportSchedule, accept: Any) -> TeleportSchedule:
    """A schedule whose teleports are tested: by its own test, or by this one where it has none."""
    return schedule if schedule.accept is not None else with_changes(schedule, {"accept": read_acceptance(accept)})


def require_known_times(schedule: TeleportSchedule) -> None:
    """Refuse a reset at times that only the teleporting run knows."""
    if not schedule.is_known:
        raise InputError(
            f"the arm 'reset-only' beside {schedule.when()}",
            why="the times of the resets are not known before the run",
            cure='use Every or At, or arms=("base", "random", "teleport")',
        )


def with_rate(rule: Rule, rate: Rate) -> Rule:
    """A rule with another learning rate or schedule of rates."""
    return replace(rule, learning_rate=rate)


def first_rate(rule: Rule) -> float:
    """The learning rate of the first step; NaN where a policy finds it."""
    rate: Any = rule.learning_rate
    return math.nan if isinstance(rate, StepSize) else float(rate(1) if callable(rate) else rate)


def _one(objective: Objective, w: FloatArray) -> float:
    """The same everywhere: any point is as good as another."""
    del objective, w
    return 1.0
