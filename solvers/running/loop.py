"""The one loop of all minimisations: teleport where it is due, step, record, and go back when a teleport did harm."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from solvers.batches import Batches, OneBatch
from solvers.objective import Objective
from solvers.results import Record, TeleportResult
from solvers.running.checkpoint import Checkpoint, Saved
from solvers.running.coordinates import point_like
from solvers.running.jump import Jump, Landing
from solvers.running.meter import Meter
from solvers.running.progress import Progress
from solvers.running.run_state import HistoryView, LoopState, RunState, Snapshot
from solvers.schedules import TeleportSchedule
from solvers.status import Status
from symmetries.actions.parameter_space import FloatArray

SNAPSHOTS = 16
"""How many points before teleports are kept to go back to."""

PAUSE = 10
"""Steps without teleports after a run was taken back, doubled every time."""

Callback = Callable[[LoopState], Any]


@final
@dataclass(kw_only=True)
class Loop:
    """A minimisation under way.

    Parameters
    ----------
    objective: what is minimised.
    batches: the objective of each step.
    stepper: the rule on its space.
    schedule, jump: the teleports; None without.
    steps, tolerance: when to stop: number of steps, and length of the gradient.
    callback: called after each step; True stops the run.
    checkpoint, problem: where to save the run, and what it belongs to.
    progress: the bar.
    meter: the cost.
    history, teleports: the records up to now.
    given: the start as it was given, for the form of points.
    """

    objective: Objective
    batches: Batches
    stepper: Any
    schedule: TeleportSchedule | None
    jump: Jump | None
    steps: int
    tolerance: float
    callback: Callback | None
    checkpoint: Checkpoint | None
    problem: Mapping[str, Any]
    progress: Progress
    meter: Meter
    history: list[Record]
    teleports: list[TeleportResult]
    given: Any

    @property
    def is_whole(self) -> bool:
        """Whether every step sees the whole objective."""
        return isinstance(self.batches, OneBatch)

    def begin(self, w: FloatArray, value: float, gradient: FloatArray) -> RunState:
        """The state before the first step, from the start and the whole objective there."""
        best = value
        if not self.is_whole:
            value, gradient = self._evaluate(w, 0)
        return self.at_start(w, value, gradient, best=best)

    def at_start(self, w: FloatArray, value: float, gradient: FloatArray, *, best: float) -> RunState:
        """The state at the start, with a history of one record."""
        state = self.stepper.start(gradient)
        run = RunState(step=0, w=w, state=state, count=0, value=value, gradient=gradient, best=w, best_value=best)
        return self.recorded(run, teleported=False, rate=math.nan)

    def go(self, run: RunState) -> tuple[RunState, Status]:
        """Steps until one of the reasons to stop; an interruption is one of them."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            status = Status.INTERRUPTED
            try:
                self.save(run)
                while (reason := self.reason_before(run)) is None:
                    run, reason = self._next(run)
                    if reason is None and self.is_stopped(run):
                        reason = Status.CONVERGED if _is_finite(run.value, run.gradient) else Status.NON_FINITE
                    if self.checkpoint is not None and run.step % self.checkpoint.every == 0:
                        self.save(run)
                    if reason is not None:
                        break
                status = reason
            except KeyboardInterrupt:
                status = Status.INTERRUPTED
        del self.history[run.records :], self.teleports[run.teleports :]
        try:
            self.save(run)
        except KeyboardInterrupt:
            status = Status.INTERRUPTED
            self.save(run)
        return run, status

    def save(self, run: RunState) -> None:
        """Write the checkpoint, where one is asked for."""
        if self.checkpoint is not None:
            saved = Saved(
                run=run,
                history=self.history[: run.records],
                teleports=self.teleports[: run.teleports],
            )
            self.checkpoint.write(saved, problem=self.problem)

    def reason_before(self, run: RunState) -> Status | None:
        """Why there is no further step."""
        if not _is_finite(run.value, run.gradient):
            return Status.NON_FINITE
        if self.is_whole and self.history[run.records - 1].gradient_norm <= self.tolerance:
            return Status.CONVERGED
        return Status.MAX_STEPS if run.step >= self.steps else None

    def _next(self, run: RunState) -> tuple[RunState, Status | None]:
        """The state after one step, and a reason to stop where one was found."""
        run, teleported = self.teleported(run)
        after = self.stepper.advance(
            self.meter.batch(self.batches, run.step),
            run.w,
            run.value,
            run.gradient,
            run.state,
            count=run.count + 1,
            number=run.step + 1,
            carried=run.carried,
        )
        step, rate = run.step + 1, after.rate
        value, gradient = after.evaluated or self._evaluate(after.w, step)
        is_finite = _is_finite(value, gradient)
        if self._is_to_go_back(run, value, is_finite):
            return self._gone_back(run, rate), None
        moved = replace(
            run,
            step=step,
            w=after.w,
            state=after.state,
            count=run.count + 1,
            value=value,
            gradient=gradient,
            carried=after.carried,
        )
        moved, converged = self._with_best(moved) if is_finite else (moved, False)
        moved = self.recorded(moved, teleported=teleported, rate=rate)
        if converged:
            return moved, Status.CONVERGED
        is_stuck = after.is_stuck and self.is_whole and not self.has_more(step)
        return moved, Status.NO_IMPROVEMENT if is_stuck else None

    def has_more(self, step: int) -> bool:
        """Whether another teleport may come."""
        if self.schedule is None:
            return False
        return not self.schedule.is_known or self.schedule.next_due(step) is not None

    def _evaluate(self, w: FloatArray, step: int) -> tuple[float, FloatArray]:
        """Value and gradient on the batch of a step, counted; NaN at a point that is not finite."""
        objective = self.meter.batch(self.batches, step)
        if not np.isfinite(w).all():
            return math.nan, np.full_like(w, np.nan)
        return objective.value_and_grad(w)

    def _with_best(self, run: RunState) -> tuple[RunState, bool]:
        """The state with the best point so far, and whether the whole gradient is below the tolerance."""
        if self.is_whole:
            return (replace(run, best=run.w, best_value=run.value) if run.value < run.best_value else run), False
        if run.step % self.batches.period and run.step != self.steps:
            return run, False
        value, gradient = self.objective.value_and_grad(run.w)
        if value < run.best_value:
            run = replace(run, best=run.w, best_value=value)
        return run, bool(self.stepper.norm(run.w, gradient, run.carried) <= self.tolerance)

    def recorded(self, run: RunState, *, teleported: bool, rate: float) -> RunState:
        """The state with one more record, and the cost up to it."""
        run = replace(run, records=run.records + 1, cost=self.meter.total())
        record = Record(
            step=run.step,
            loss=run.value,
            gradient_norm=self.stepper.norm(run.w, run.gradient, run.carried),
            teleported=teleported,
            gradient_equivalents=run.cost.gradient_equivalents,
            seconds=run.cost.seconds,
            learning_rate=rate,
        )
        del self.history[run.records - 1 :]
        self.history.append(record)
        return run

    def is_stopped(self, run: RunState) -> bool:
        """Whether the callback ends the run; the bar is moved on the way."""
        self.progress.show(run.step, run.value)
        answer = None if self.callback is None else self.callback(self.view(run))
        return isinstance(answer, bool | np.bool_) and bool(answer)

    def view(self, run: RunState) -> LoopState:
        """What callbacks and triggers see."""
        record = self.history[run.records - 1]
        return LoopState(
            step=run.step,
            point=point_like(self.objective.space, run.w.copy(), self.given),
            loss=run.value,
            gradient_norm=record.gradient_norm,
            best_value=run.best_value,
            history=HistoryView(self.history, run.records),
        )

    def teleported(self, run: RunState) -> tuple[RunState, bool]:
        """The state after the teleport that is due, where one is due and taken."""
        if self.schedule is None or self.jump is None or run.step < run.paused_until:
            return run, False
        if not self.schedule.is_due(self.view(run)):
            return run, False
        landing, result = self.jump.attempt(run)
        del self.teleports[run.teleports :]
        self.teleports.append(replace(result, point=point_like(self.objective.space, result.point, self.given)))
        run = replace(run, teleports=run.teleports + 1)
        return (run, False) if landing is None else (self._landed(run, landing), True)

    def _landed(self, run: RunState, landing: Landing) -> RunState:
        """The state at a destination, with the way back."""
        level = run.value
        if not self.is_whole:
            level = max(one.loss for one in self.history[max(0, run.records - self.batches.period) : run.records])
        snapshot = Snapshot(w=run.w, state=run.state, count=run.count, level=level, teleport=run.teleports - 1)
        kept = run.snapshots if len(run.snapshots) < SNAPSHOTS else (run.snapshots[0], *run.snapshots[2:])
        if self.is_whole and landing.value < run.best_value:
            run = replace(run, best=landing.w, best_value=landing.value)
        return replace(
            run,
            w=landing.w,
            state=landing.state,
            count=landing.count,
            value=landing.value,
            gradient=landing.gradient,
            snapshots=(*kept, snapshot),
        )

    def _is_to_go_back(self, run: RunState, value: float, is_finite: bool) -> bool:
        """Whether a teleport led to a blow-up."""
        guard = None if self.schedule is None else self.schedule.guard
        if guard is None or not run.snapshots:
            return False
        return not is_finite or guard.has_blown_up(value, run.snapshots[-1].level)

    def _gone_back(self, run: RunState, rate: float) -> RunState:
        """The state at the point before the last teleport; steps and cost go on counting."""
        *kept, last = run.snapshots
        step = run.step + 1
        refused = self.teleports[last.teleport]
        evidence = {**refused.evidence, "rejected": f"the run blew up in step {step} and was taken back"}
        self.teleports[last.teleport] = replace(refused, status=Status.REJECTED, evidence=evidence)
        value, gradient = self._evaluate(last.w, step)
        back = replace(
            run,
            step=step,
            w=last.w,
            state=last.state,
            count=last.count,
            value=value,
            gradient=gradient,
            snapshots=tuple(kept),
            returns=run.returns + 1,
            paused_until=step + PAUSE * 2**run.returns,
        )
        return self.recorded(back, teleported=False, rate=rate)


def _is_finite(value: float, gradient: FloatArray) -> bool:
    """Whether the value and all of the gradient are finite."""
    return math.isfinite(value) and bool(np.isfinite(gradient).all())
