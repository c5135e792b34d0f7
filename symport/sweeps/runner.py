"""Running tasks: failures stay with their task, are tried again, and are reported; what is finished is told at once."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass
from typing import Any, TypeAlias, final

from manifolds.errors import InputError
from symport import __version__
from symport.sweeps.attempt import Attempt, attempt, raised
from symport.sweeps.experiment import Experiment
from symport.sweeps.records import Failure, Record
from symport.sweeps.task import Task
from symport.sweeps.workers import Workers

Tell: TypeAlias = Callable[[Record | Failure], None]

POLL = 0.05
"""Seconds between looks at the clock while tasks have a time limit."""


@final
@dataclass(frozen=True)
class _Running:
    """A task at a place."""

    task: Task
    place: int
    number: int
    submitted: float


@final
class Runner:
    """Runs the tasks of one sweep.

    Parameters
    ----------
    experiment: what each task runs.
    workers: where.
    retries: how often a task that failed is tried again; one that the experiment refuses is not.
    timeout: seconds for one attempt; None without a limit.
    tell: called with each record and each failure as soon as it is there.

    Raises
    ------
    InputError: there is a time limit and nobody to enforce it.
    """

    def __init__(
        self, experiment: Experiment, workers: Workers, *, retries: int, timeout: float | None, tell: Tell
    ) -> None:
        if timeout is not None and not workers.can_stop:
            raise InputError(
                f"a time limit of {timeout:g} s",
                why="a task that runs in this process cannot be stopped",
                cure='use the executor "process"',
            )
        self.experiment, self.workers, self.retries, self.timeout = experiment, workers, retries, timeout
        self.tell = tell
        self._waiting: deque[tuple[Task, int]] = deque()
        self._running: dict[Future[Any], _Running] = {}
        self._given_up: dict[Future[Any], int] = {}
        self._free: list[int] = []

    def run(self, tasks: Sequence[Task]) -> None:
        """Run all of them; the workers are closed at the end, whatever happens."""
        self._waiting.extend((task, 1) for task in tasks)
        self._free = list(range(self.workers.places))[::-1]
        try:
            while self._waiting or self._running:
                self._fill()
                self._collect()
        finally:
            self.workers.close()

    def _fill(self) -> None:
        """Give every free place a task."""
        for future in [one for one in self._given_up if one.done()]:
            self._free.append(self._given_up.pop(future))
        while self._waiting and self._free:
            task, number = self._waiting.popleft()
            place = self._free.pop()
            try:
                future = self._submit(place, task)
            except RuntimeError as error:  # a broken or closed executor
                self._lost(_Running(task, place, number, 0.0), error)
                continue
            self._running[future] = _Running(task, place, number, time.monotonic())
        if self._waiting and not self._running and not self._free:
            self._refuse_rest("every place is taken by a task that does not end")

    def _submit(self, place: int, task: Task) -> Future[Any]:
        """Begin a task; a worker that ended while it was idle is replaced first."""
        try:
            return self.workers.submit(place, attempt, self.experiment, task)
        except RuntimeError:
            if not self.workers.renew(place):
                raise
        return self.workers.submit(place, attempt, self.experiment, task)

    def _collect(self) -> None:
        """Wait for the next task to finish, or for its time to run out."""
        if not self._running:
            return
        limited = self.timeout is not None or self._given_up
        done, _ = wait(self._running, timeout=POLL if limited else None, return_when=FIRST_COMPLETED)
        for future in sorted(done, key=lambda one: self._running[one].place):
            self._finish(future, self._running.pop(future))
        if self.timeout is not None:
            now = time.monotonic()
            for future, running in list(self._running.items()):
                began = self.workers.began(running.place)
                if began is not None and now > max(began, running.submitted) + self.timeout and not future.done():
                    self._stop(future, self._running.pop(future))

    def _finish(self, future: Future[Any], running: _Running) -> None:
        """Take the outcome of a task that ended."""
        try:
            outcome: Attempt = future.result()
        except (BrokenExecutor, CancelledError) as error:
            self._lost(running, error)
            return
        except Exception as error:  # noqa: BLE001 - executors raise what they like when a worker is gone
            outcome = Attempt(kind="worker", error=raised(running.task, error, look="read the log of the worker"))
        self._free.append(running.place)
        self._settle(running, outcome)

    def _lost(self, running: _Running, error: BaseException) -> None:
        """A worker ended in the middle of a task: make another one, and try again."""
        why = f"the process that ran it ended ({type(error).__name__})"
        message = InputError(
            running.task.describe(), why=why, cure="look for a lack of memory or a crash; the same command tries again"
        )
        renewed = self.workers.renew(running.place)
        if renewed:
            self._free.append(running.place)
        self._settle(running, Attempt(kind="worker", error=message))
        if not renewed and not self._free and not self._running:
            self._refuse_rest("the executor is broken")

    def _stop(self, future: Future[Any], running: _Running) -> None:
        """Give up a task whose time is over."""
        if self.workers.give_up(running.place, future):
            self._free.append(running.place)
        else:
            self._given_up[future] = running.place
        message = InputError(
            running.task.describe(),
            why=f"it took longer than {self.timeout:g} s",
            cure="raise the time limit, or make the task smaller",
        )
        self._settle(running, Attempt(kind="timeout", error=message, seconds=self.timeout or 0.0))

    def _settle(self, running: _Running, outcome: Attempt) -> None:
        """Tell a record; try a failure again as often as is allowed, then tell it."""
        if outcome.error is None and outcome.result is not None:
            record = Record(
                task=running.task,
                seed=self.experiment.seed_of(running.task),
                result=outcome.result,
                seconds=round(outcome.seconds, 4),
                attempts=running.number,
                version=__version__,
            )
            self.tell(record)
        elif outcome.kind != "input" and running.number <= self.retries:
            self._waiting.append((running.task, running.number + 1))
        else:
            self._fail(running.task, outcome, running.number)

    def _refuse_rest(self, why: str) -> None:
        """Report the tasks for which there is no place left."""
        while self._waiting:
            task, number = self._waiting.popleft()
            error = InputError(task.describe(), why=why, cure='use the executor "process", which renews its workers')
            self._fail(task, Attempt(kind="worker", error=error), number - 1)

    def _fail(self, task: Task, outcome: Attempt, attempts: int) -> None:
        """Tell a failure."""
        error = outcome.error or InputError(task.describe(), why="it returned nothing", cure="return a dict")
        self.tell(Failure(task=task, kind=outcome.kind, error=error, attempts=attempts, trace=outcome.trace))
