"""A teleport inside a minimisation: search, guard, acceptance, and what becomes of the optimizer's state."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.batches import BatchFunction
from solvers.cost import Cost
from solvers.objective import Objective
from solvers.orbit import OrbitMove
from solvers.results import TeleportResult
from solvers.rule import State
from solvers.running.acceptance import Rollout
from solvers.running.candidates import nearer, teleports
from solvers.running.guard import StableTarget
from solvers.running.guard_check import GuardCheck
from solvers.running.meter import Meter
from solvers.running.run_state import RunState
from solvers.running.scipy_stepper import ScipyStepper
from solvers.running.stepper import RuleStepper
from solvers.running.transport import transport_state
from solvers.schedules import TeleportSchedule
from solvers.search.orbit_guards import require_kept, require_same_space
from solvers.status import Status
from solvers.targets import read_target
from solvers.teleport import read_move
from symmetries.actions.parameter_space import FloatArray


@final
@dataclass(frozen=True, kw_only=True)
class Landing:
    """Where an accepted teleport put the run.

    Parameters
    ----------
    w: the point.
    state: of the rule there.
    count: steps of the rule since its state was made.
    value, gradient: on the batch of the coming step.
    """

    w: FloatArray
    state: State
    count: int
    value: float
    gradient: FloatArray


@final
class Jump:
    """The teleports of one schedule.

    Parameters
    ----------
    schedule: where they go and who accepts them.
    objective: the whole objective.
    batches, stepper, meter: of the run.
    seed: of the searches; each draws from a generator of its own, made of the seed and the step.
    """

    def __init__(
        self,
        schedule: TeleportSchedule,
        *,
        objective: Objective,
        batches: BatchFunction,
        stepper: RuleStepper | ScipyStepper,
        meter: Meter,
        seed: int,
    ) -> None:
        self._schedule, self._stepper, self._meter, self._seed = schedule, stepper, meter, seed
        self._batches = partial(meter.batch, batches)
        self._objective = schedule.objective or objective
        if self._objective.size != objective.size:
            raise InputError(
                f"a teleport along level sets of an objective of {self._objective.size} parameters",
                why=f"the one that is minimised has {objective.size}",
                cure="give an objective of the same parameters",
            )
        self._move = read_move(schedule.along, radius=schedule.radius, options=schedule.options)
        guard = schedule.guard
        if guard is not None and isinstance(self._move, OrbitMove) and self._move.scale_bound is None:
            # two matrices may stand beside a parameter, each with half of the logarithm
            bound = None if math.isinf(guard.scale) or guard.scale == 1 else math.log(guard.scale) / 2
            self._move = replace(self._move, scale_bound=bound)
        self._check = None if guard is None else GuardCheck(guard, objective=self._objective, stepper=stepper)
        self._end_without: float | None = None
        self._is_prediction = False
        self.cannot_help: str | None = None  # why no teleport changes a loss of the run, where that is proved

    def require_possible(self, w: FloatArray) -> None:
        """Refuse, before the first step, an action of another loss and a target that is not finite at the start.

        Raises
        ------
        InputError: the action does not keep the objective, or the target is unknown or not finite.
        """
        action = self._schedule.action
        with np.errstate(all="ignore"):
            if action is not None:
                require_same_space(action, self._objective)
                level = self._objective.value_and_grad(w)
                require_kept(action, self._objective, w, level, np.random.default_rng(self._seed))
            target = read_target(self._schedule.target, objective=self._objective, w=w, action=action)
            self._is_prediction = target.is_prediction

    def attempt(self, run: RunState) -> tuple[Landing | None, TeleportResult]:
        """Search from the point of a run: where it lands, None when the teleport is not taken, and the record."""
        before = self._meter.total()
        self._end_without = None
        try:
            landing, result, refusal = self._best(run)
        except InputError as error:
            landing, result, refusal = None, self._without_search(run), f"{error.what}: {error.why}"
        if refusal is not None:
            result = replace(result, status=Status.REJECTED, evidence={**result.evidence, "rejected": refusal})
        if self.cannot_help is not None:
            result = replace(result, evidence={**result.evidence, "cannot_help": self.cannot_help})
        return landing, replace(result, cost=self._meter.total() - before)

    def _best(self, run: RunState) -> tuple[Landing | None, TeleportResult, str | None]:
        """The best destination that is not refused, or the best of all with the reason.

        Where the target predicts the coming step, and the step was made, steps are compared and not predictions.
        """
        schedule, refused, overshoots = self._schedule, [], False
        allowed: list[tuple[float, Landing, TeleportResult]] = []
        for result in self._searched(run, schedule.target):
            if result.status is Status.INTERRUPTED:
                raise KeyboardInterrupt
            if np.array_equal(result.point, run.w):
                return None, result, None
            landing, refusal, is_unsafe = self._tried(run, result)
            reached = None if self._check is None else self._check.reached
            if landing is not None and refusal is None:
                if reached is None or not self._is_prediction:
                    return landing, result, None
                allowed.append((reached, landing, result))
                continue
            overshoots |= is_unsafe
            refused.append((result, refusal))
        if allowed:
            _, landing, result = min(allowed, key=lambda one: one[0])
            return landing, result, None
        for result in self._reduced(run, [one for one, _ in refused]) if overshoots else ():
            landing, refusal, _ = self._tried(run, result)
            if refusal is None:
                return landing, result, None
        best, refusal = refused[0]
        return None, best, refusal

    def _tried(self, run: RunState, result: TeleportResult) -> tuple[Landing | None, str | None, bool]:
        """The run at a destination, or why the teleport is not taken and whether it is the guard that refuses it."""
        state, count, problem = self._moved_state(run, result)
        if problem is not None:
            return None, problem, False
        refusal = None if self._check is None else self._check.refusal(run, result, state, count)
        if refusal is not None:
            return None, refusal, True
        w = np.array(result.point, dtype=float)
        value, gradient = self._batches(run.step).value_and_grad(w)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return None, "the loss or its gradient is not finite at the destination", False
        landing = Landing(w=w, state=state, count=count, value=value, gradient=gradient)
        return landing, self._judged(run, landing), False

    def _searched(self, run: RunState, target: Any) -> Iterator[TeleportResult]:
        """The optima of a search from the point of a run, best first."""
        return teleports(
            self._objective,
            run.w,
            along=self._move,
            target=target,
            maximize=self._schedule.maximize,
            rng=np.random.default_rng((self._seed, run.step)),
        )

    def _reduced(self, run: RunState, refused: list[TeleportResult]) -> Iterator[TeleportResult]:
        """Where to go when all optima were refused: less far on an orbit of one parameter, or to the best stable point.

        The stable points are those of another search, which ranks all others last.
        """
        schedule, check, first = self._schedule, self._check, refused[0]
        target = read_target(schedule.target, objective=self._objective, w=run.w, action=schedule.action)
        if isinstance(self._move, OrbitMove) and all("time" in one.evidence for one in refused):
            maximize = schedule.maximize
            yield from nearer(self._objective, run.w, refused, along=self._move, target=target, maximize=maximize)
            return
        stability = None if check is None else check.stability(run, run.state, run.count)
        if check is None or stability is None:
            return
        limit, floor = check.limit(run), first.target_before
        stable = StableTarget(target, stability, limit=limit, maximize=schedule.maximize, floor=floor)
        again = next(self._searched(run, stable))
        if again.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        reached = target.value(self._objective, again.point)
        if reached > floor if schedule.maximize else reached < floor:
            yield replace(again, target=first.target, target_before=floor, target_after=reached)

    def _without_search(self, run: RunState) -> TeleportResult:
        """The record of a search that was refused where the run stands, such as a target without a value there."""
        loss, gradient = self._objective.value_and_grad(run.w)
        length = float(np.linalg.norm(gradient))
        return TeleportResult(
            point=run.w.copy(),
            loss_before=loss,
            loss_after=loss,
            target=read_target(self._schedule.target, action=self._schedule.action).name,
            target_before=float("nan"),
            target_after=float("nan"),
            gradient_norm_before=length,
            gradient_norm_after=length,
            status=Status.REJECTED,
            cost=Cost(),
        )

    def _moved_state(self, run: RunState, result: TeleportResult) -> tuple[State, int, str | None]:
        """The state of the rule and its count at the destination, and why there is none."""
        schedule = self._schedule
        if schedule.state == "reset":
            return self._stepper.start(run.gradient), 0, None
        if schedule.state == "keep" or schedule.action is None or not run.state:
            return run.state, run.count, None
        if result.element is None:
            return run.state, run.count, "the move names no group element that could transport the state"
        slots, action, element = self._stepper.slots, schedule.action, result.element
        try:
            state = transport_state(slots, run.state, action=action, element=element, w=run.w)
        except InputError as error:
            return run.state, run.count, f"{error.what}: {error.why}"
        return state, run.count, None

    def _judged(self, run: RunState, landing: Landing) -> str | None:
        """Why the acceptance test refuses a landing; None where it does not."""
        accept = self._schedule.accept
        if accept is None:
            return None
        if not isinstance(accept, Rollout):
            return None if accept(run.w.copy(), landing.w.copy()) else "the acceptance function said no"
        end = partial(accept.end, self._stepper, self._batches, step=run.step)
        if self._end_without is None:
            self._end_without = end(w=run.w, state=run.state, count=run.count)
        reached = end(w=landing.w, state=landing.state, count=landing.count)
        if accept.prefers(self._end_without, reached):
            return None
        return (
            f"after {accept.steps} steps the loss is {reached:.6g} with the teleport, {self._end_without:.6g} without"
        )
