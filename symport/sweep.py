"""Sweeps: an experiment at all points of a grid, on one machine or many, which can be interrupted and resumed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

from manifolds.errors import InputError
from symport.sweeps.executors import workers_of
from symport.sweeps.experiment import Experiment, experiment_of
from symport.sweeps.plan import Plan, read_plan
from symport.sweeps.reading import read_retries, read_timeout
from symport.sweeps.records import Failure, Record, RecordFolder
from symport.sweeps.runner import Runner
from symport.sweeps.task import Task

RETRIES = 1
"""How often a task that failed is tried again, unless something else is said."""


@final
@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """What a sweep found.

    Parameters
    ----------
    plan: what was run.
    seed: of the sweep.
    records: the finished tasks, in the order of the grid.
    failed: the others, in the order of the grid.
    resumed: how many of the records an earlier run had left.
    seconds: wall time of this run.
    """

    plan: Plan
    seed: int
    records: tuple[Record, ...]
    failed: tuple[Failure, ...]
    resumed: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON-ready data."""
        return {
            "experiment": self.plan.experiment,
            "parameters": dict(self.plan.parameters),
            "grid": {name: list(values) for name, values in self.plan.grid.items()},
            "repeats": self.plan.repeats,
            "seed": self.seed,
            "tasks": self.plan.size,
            "resumed": self.resumed,
            "records": [one.to_dict() for one in self.records],
            "failed": [one.to_dict() for one in self.failed],
        }


def sweep(
    function: Callable[..., Any] | str,
    grid: Mapping[str, Sequence[Any]],
    *,
    parameters: Mapping[str, Any] | None = None,
    repeats: int = 1,
    executor: Any = "serial",
    workers: int | None = None,
    retries: int = RETRIES,
    timeout: float | None = None,
    folder: str | Path | None = None,
    rng: int = 0,
    callback: Callable[[Record | Failure], Any] | None = None,
) -> SweepResult:
    """Run a function at all points of a grid.

    The seed of each task follows from the seed of the sweep and from its parameters, so the records are the same bits
    whatever the executor and the order.  A task that raises, takes too long, or loses its process is tried again, and
    reported when that does not help; the others go on.

    Parameters
    ----------
    function: called as ``function(**parameters, rng=seed)`` with ``rng`` where it takes one, returns a number or values
        by name; or the name of a registered experiment.
    grid: the values of each parameter that varies.
    parameters: values that stay.
    repeats: runs of each point, each with a seed of its own.
    executor: ``serial``, ``process``, ``dask:ADDRESS``, an ``Executor`` of :mod:`concurrent.futures`, a function that
        makes one (then a broken one is replaced), or a client of dask.
    workers: how many tasks run at a time; by default what the executor has.
    retries: further attempts for a task that failed; parameters that are refused are not tried again.
    timeout: seconds for one attempt, from when its worker has it; the process of ``process`` is ended then, other
        workers are left to finish what nobody waits for.
    folder: where each record is kept as soon as it is there; a later run with the same folder goes on from them.
        Records know the function by its name alone: after a change of the function take another folder.
    rng: seed of the sweep, an integer: the tasks are known by it.
    callback: called with each new record and each failure.

    Raises
    ------
    InputError: the grid, an option, or the parameters of the function make no sense; nothing was run then.

    >>> def circle(radius, centre=0.0, rng=0):
    ...     return {"area": 3 * radius**2, "left": centre - radius}
    >>> result = sweep(circle, {"radius": [1.0, 2.0], "centre": [0.0, 5.0]})
    >>> [record.result["area"] for record in result.records], result.failed
    ([3.0, 3.0, 12.0, 12.0], ())
    """
    started = time.perf_counter()
    experiment = experiment_of(function)
    plan = read_plan(experiment.name, parameters, grid, repeats)
    retries, timeout, seed = read_retries(retries), read_timeout(timeout), _read_seed(rng)
    check_tasks(experiment, plan)
    tasks = [replace(task, stamp=experiment.stamp(task.parameters)) for task in plan.tasks(seed)]
    outcomes = _Outcomes(None if folder is None else RecordFolder(folder), callback)
    left = outcomes.recall(tasks)
    if left:
        runner = Runner(experiment, workers_of(executor, workers), retries=retries, timeout=timeout, tell=outcomes.add)
        runner.run(left)
    ordered = [outcomes.of(task) for task in tasks]
    return SweepResult(
        plan=plan,
        seed=seed,
        records=tuple(one for one in ordered if isinstance(one, Record)),
        failed=tuple(one for one in ordered if isinstance(one, Failure)),
        resumed=len(tasks) - len(left),
        seconds=time.perf_counter() - started,
    )


@final
class _Outcomes:
    """What is known of the tasks: records that an earlier run left in the folder, and what this one adds."""

    def __init__(self, folder: RecordFolder | None, callback: Callable[[Record | Failure], Any] | None) -> None:
        self._folder, self._callback = folder, callback
        self._known: dict[str, Record | Failure] = {}

    def recall(self, tasks: Sequence[Task]) -> list[Task]:
        """Read the records of the folder; the tasks that have none."""
        for task in tasks:
            record = None if self._folder is None else self._folder.read(task)
            if record is not None:
                self._known[task.digest] = record
        return [task for task in tasks if task.digest not in self._known]

    def add(self, outcome: Record | Failure) -> None:
        """Keep an outcome and tell of it."""
        if self._folder is not None and isinstance(outcome, Record):
            self._folder.write(outcome)
        self._known[outcome.task.digest] = outcome
        if self._callback is not None:
            self._callback(outcome)

    def of(self, task: Task) -> Record | Failure:
        """The outcome of a task."""
        return self._known[task.digest]


def check_tasks(experiment: Experiment, plan: Plan) -> None:
    """Refuse parameters that the experiment does not take, before the first task runs.

    Raises
    ------
    InputError: a name or a value is wrong.
    """
    for point in plan.probes():
        experiment.seed_of(Task(experiment=experiment.name, parameters=point))
        experiment.check(point)


def _read_seed(rng: Any) -> int:
    """The seed of a sweep."""
    if isinstance(rng, bool) or not isinstance(rng, int) or rng < 0:
        raise InputError(f"rng={rng!r}", why="the tasks are known by it, so it is an integer", cure="write rng=0")
    return rng
