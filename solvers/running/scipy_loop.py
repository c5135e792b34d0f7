"""SciPy's minimizers in the loop: run from teleport to teleport, each iteration recorded."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import final

import numpy as np

from solvers.running.loop import Loop
from solvers.running.run_state import RunState
from solvers.scipy_methods import SciPy, scipy_minimize
from solvers.status import Status
from symmetries.actions.parameter_space import FloatArray


@final
class ScipyLoop:
    """A minimisation by a SciPy method.

    Parameters
    ----------
    loop: what records, teleports and saves.
    spec: the method.
    """

    def __init__(self, loop: Loop, spec: SciPy) -> None:
        self._loop, self._spec = loop, spec
        self._reason: Status | None = None
        self._teleported = self._wants_teleport = False

    def go(self, run: RunState) -> tuple[RunState, Status]:
        """Iterations until one of the reasons to stop."""
        self._run = run
        loop = self._loop
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            try:
                status = loop.reason_before(run)
                while status is None:
                    status = self._segment() or loop.reason_before(self._run)
            except KeyboardInterrupt:
                status = Status.INTERRUPTED
        del loop.history[self._run.records :], loop.teleports[self._run.teleports :]
        return self._run, status

    def _segment(self) -> Status | None:
        """Iterations up to the next teleport, and the reason to stop there."""
        loop = self._loop
        self._run, self._teleported = loop.teleported(self._run)
        first, self._first = self._run, self._run.step
        due = None if loop.schedule is None else loop.schedule.next_due(first.step + 1)
        stop = loop.steps if due is None else min(due, loop.steps)
        self._wants_teleport = False
        result = scipy_minimize(
            loop.objective,
            first.w,
            self._spec,
            steps=stop - first.step,
            callback=self._watch,
            tolerance=loop.tolerance,
        )
        if result.value < self._run.best_value:
            self._run = replace(self._run, best=result.point, best_value=result.value)
        if self._reason is not None:
            return self._reason
        if self._wants_teleport or (result.status is Status.MAX_STEPS and result.steps):
            return None
        return result.status if result.status is not Status.MAX_STEPS else Status.NO_IMPROVEMENT

    def _watch(self, iteration: int, point: FloatArray, value: float, gradient: FloatArray) -> bool:
        """Record an iteration; whether the method is to stop."""
        loop, run = self._loop, self._run
        run = replace(run, step=self._first + iteration, w=point, value=value, gradient=gradient)
        if value < run.best_value:
            run = replace(run, best=point, best_value=value)
        run = loop.recorded(run, teleported=self._teleported, rate=math.nan)
        self._run, self._teleported = run, False
        if loop.is_stopped(run):
            self._reason = Status.CONVERGED
            return True
        schedule = loop.schedule
        if schedule is not None and not schedule.is_known and schedule.is_due(loop.view(run)):
            self._wants_teleport = True
        return self._wants_teleport
