"""Pictures of sweeps. Matplotlib is imported only when one is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from manifolds.errors import InputError
from symport.plots import COLOURS, new_axes
from symport.sweeps.task import canonical, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from symport.sweep import SweepResult
    from symport.sweeps.records import Record

MOST_LINES = 12
"""Largest number of lines in one picture."""

WIDE = 20.0
"""Ratio from which an axis is logarithmic."""


def plot_sweep(
    result: SweepResult, ax: Axes | None = None, *, value: str | None = None, against: str | None = None
) -> Axes:
    """A number of the results against a parameter: the mean over repetitions, in a band from the least to the largest.

    Parameters
    ----------
    result: what :func:`symport.sweep.sweep` returned.
    ax: where to draw; a new figure without it.
    value: which number; by default the first one that varies.
    against: the parameter; by default the first one of the grid with several numbers, else the first one.

    Raises
    ------
    InputError: there is no such number or parameter, no record, or no grid.
    """
    name = value if value is not None else first_number(result)
    axis = against if against is not None else _axis(result)
    if axis not in result.plan.grid:
        raise InputError(f"against={axis!r}", why="it is not on the grid", cure=f"use {', '.join(result.plan.grid)}")
    points = [one for one in result.records if is_number(one.result.get(name))]
    if not points:
        raise InputError(f"value={name!r}", why="no record holds such a number", cure="name a number of the results")
    ax = ax if ax is not None else new_axes()
    values = result.plan.grid[axis]
    numeric = all(is_number(one) for one in values)
    places = [float(one) for one in values] if numeric else list(map(float, range(len(values))))
    others = [other for other, given in result.plan.grid.items() if other != axis and len(given) > 1]
    groups: dict[str, list[Record]] = {}
    for one in points:
        label = ", ".join(f"{other}={_word(one.task.parameters[other])}" for other in others)
        groups.setdefault(label, []).append(one)
    for number, (label, records) in enumerate(list(groups.items())[:MOST_LINES]):
        _draw(ax, dict(zip(map(canonical, values), places, strict=True)), records, axis, name, label, number)
    _finish(ax, places if numeric else None, values, [float(one.result[name]) for one in points])
    more = f" (the first {MOST_LINES} of {len(groups)} lines)" if len(groups) > MOST_LINES else ""
    ax.set(xlabel=axis, ylabel=name)
    ax.set_title(f"{result.plan.experiment}: {len(result.records)} of {result.plan.size} tasks{more}", fontsize=11)
    if others:
        ax.legend(frameon=False, fontsize=9)
    return ax


def first_number(result: SweepResult) -> str:
    """The first number of the results that varies; the first number where none does.

    Raises
    ------
    InputError: the results hold no number.
    """
    names = numbers_of(result.records)
    if not names:
        raise InputError("the picture of a sweep", why="the results hold no numbers", cure="return a number")
    return names[0]


def numbers_of(records: Sequence[Record]) -> list[str]:
    """Names of the numbers in the results that no parameter is called, those that vary and those at the top first."""
    names = list(dict.fromkeys(name for one in records for name, value in one.result.items() if is_number(value)))
    names = [name for name in names if name != "exit_code" and all(name not in one.task.parameters for one in records)]
    varied = {name for name in names if len({one.result.get(name) for one in records}) > 1}
    return sorted(names, key=lambda name: (name not in varied, "." in name))


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _axis(result: SweepResult) -> str:
    """The parameter to draw against."""
    grid: Mapping[str, Sequence[Any]] = result.plan.grid
    several = [name for name, values in grid.items() if len(values) > 1 and all(map(is_number, values))]
    if not grid:
        raise InputError("the picture of a sweep", why="it has no grid", cure="vary a parameter")
    return several[0] if several else next(iter(grid))


def _draw(
    ax: Axes, places: Mapping[str, float], records: Sequence[Record], axis: str, name: str, label: str, number: int
) -> None:
    """One line with its band."""
    found: dict[float, list[float]] = {}
    for one in records:
        found.setdefault(places[canonical(one.task.parameters[axis])], []).append(float(one.result[name]))
    x = sorted(found)
    means, low, high = (np.array([take(found[one]) for one in x]) for take in (np.mean, np.min, np.max))
    colour = COLOURS[number % len(COLOURS)]
    style = ("-", "--", ":")[number // len(COLOURS) % 3]
    ax.plot(x, means, style, color=colour, marker="o", markersize=4.5, linewidth=1.5, label=label)
    if (high > low).any():
        ax.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)


def _finish(ax: Axes, places: Sequence[float] | None, values: Sequence[Any], numbers: Sequence[float]) -> None:
    """Scales and ticks."""
    if places is None:
        ax.set_xticks(range(len(values)), [_word(one) for one in values])
    elif min(places) > 0 and max(places) > WIDE * min(places):
        ax.set_xscale("log")
    if min(numbers) > 0 and max(numbers) > WIDE * min(numbers):
        ax.set_yscale("log")
    ax.grid(visible=True, color="#e5e7eb", linewidth=0.6)


def _word(value: Any) -> str:
    """A value of the grid in a legend."""
    return short(value, 24).strip('"')
