"""What a sweep runs: an experiment, values that stay, a grid of values that vary, and repetitions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, final

from manifolds.errors import InputError
from symport.sweeps.task import Task, canonical, read_value, short

MOST_TASKS = 100_000
"""Largest number of tasks of one sweep."""

MOST_NAMES = 64
"""Largest number of parameters."""


@final
@dataclass(frozen=True, kw_only=True)
class Plan:
    """A declared sweep; :func:`read_plan` makes one.

    Parameters
    ----------
    experiment: its name.
    parameters: values that are the same in all tasks.
    grid: the values of each parameter that varies; the tasks are their product.
    repeats: runs of each point of the grid, each with a seed of its own.
    """

    experiment: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    repeats: int = 1

    @property
    def size(self) -> int:
        """The number of tasks."""
        return math.prod(len(values) for values in self.grid.values()) * self.repeats

    def tasks(self, seed: int) -> list[Task]:
        """All tasks, the last parameter of the grid running fastest.

        >>> plan = read_plan("f", {"a": 1}, {"b": [2, 3]})
        >>> [dict(task.parameters) for task in plan.tasks(0)]
        [{'a': 1, 'b': 2}, {'a': 1, 'b': 3}]
        """
        return [
            Task(
                experiment=self.experiment,
                parameters={**self.parameters, **dict(zip(self.grid, point, strict=True))},
                repeat=repeat,
                sweep_seed=seed,
            )
            for point in product(*self.grid.values())
            for repeat in range(self.repeats)
        ]

    def probes(self) -> list[dict[str, Any]]:
        """Few points of the grid that hold each of its values at least once."""
        first = {**self.parameters, **{name: values[0] for name, values in self.grid.items()}}
        return [first, *({**first, name: value} for name, values in self.grid.items() for value in values[1:])]


def read_plan(experiment: str, parameters: Any, grid: Any, repeats: Any = 1) -> Plan:
    """A plan out of what was given, checked before anything runs.

    Raises
    ------
    InputError: a value is of no type that a record can hold, a grid is empty or has a value twice, a name is both
        fixed and varied, or there would be more than 100,000 tasks.

    >>> read_plan("f", {}, {"a": []})
    Traceback (most recent call last):
    manifolds.errors.InputError: the grid of a
      why: it has no values, so there is nothing to run
      try: give it one value or more, or leave it away
    """
    fixed = {name: read_value(value, name) for name, value in _table(parameters, "parameters").items()}
    axes = {name: _axis(name, values) for name, values in _table(grid, "grid").items()}
    if len(fixed) + len(axes) > MOST_NAMES:
        raise InputError(
            f"{len(fixed) + len(axes)} parameters", why=f"the limit is {MOST_NAMES}", cure="leave some away"
        )
    both = [name for name in fixed if name in axes]
    if both:
        raise InputError(f"the parameter {both[0]}", why="it is both fixed and on the grid", cure="keep one of the two")
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 1:
        raise InputError(f"repeats = {short(repeats)}", why="it is no number of runs", cure="give an integer from 1 up")
    plan = Plan(experiment=experiment, parameters=fixed, grid=axes, repeats=repeats)
    if plan.size > MOST_TASKS:
        raise InputError(
            f"a sweep of {plan.size:,} tasks",
            why=f"the limit is {MOST_TASKS:,}",
            cure="take fewer values, or several sweeps",
        )
    return plan


def _table(value: Any, what: str) -> Mapping[str, Any]:
    """A table of values by the names of parameters."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(name, str) and name.isidentifier() for name in value):
        raise InputError(
            f"{what} = {short(value)}", why="it is no table of values by the names of parameters", cure=f"see [{what}]"
        )
    return value


def _axis(name: str, values: Any) -> list[Any]:
    """The values of one parameter on the grid."""
    if isinstance(values, str | Mapping) or not hasattr(values, "__iter__") or not hasattr(values, "__len__"):
        raise InputError(
            f"the grid of {name}: {short(values)}",
            why="it is no list of values",
            cure=f"write {name} = [...], or move it to the fixed parameters",
        )
    if not len(values):
        raise InputError(
            f"the grid of {name}",
            why="it has no values, so there is nothing to run",
            cure="give it one value or more, or leave it away",
        )
    if len(values) > MOST_TASKS:
        raise InputError(f"the grid of {name}", why=f"it has more than {MOST_TASKS:,} values", cure="take fewer")
    read = [read_value(value, name) for value in values]
    seen: set[str] = set()
    for value in read:
        text = canonical(value)
        if text in seen:
            raise InputError(
                f"the grid of {name}", why=f"it has the value {short(value)} twice", cure="use repeats for repetitions"
            )
        seen.add(text)
    return read
