"""Pictures of teleports beside their controls. Matplotlib is imported only when one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from manifolds.errors import InputError
from symport.plots import INK, draw_landscape, new_axes
from symport.window import Window

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from solvers.comparing.arms import ArmRun
    from solvers.comparing.comparison import Comparison
    from solvers.objective import Objective
    from solvers.results import Record
    from symport.values import Floats

ARM_COLOURS = {"base": "#1f2937", "reset-only": "#0b7285", "random": "#b08900", "teleport": "#d9480f"}
ARM_STYLES = {"base": "-", "reset-only": "--", "random": ":", "teleport": "-"}

AGAINST = {
    "steps": "optimizer steps",
    "gradient-equivalents": "cost in gradient equivalents, teleports and tests included",
    "seconds": "seconds, teleports and tests included",
    "loss": "loss",
}
"""What a comparison can be drawn against, with the name of the axis."""

LEVEL = "#c2255c"

WIDE = 8.0
"""Ratio of costs from which they are drawn on a logarithmic axis."""

GRID = 241
"""Points on a side, those of the landscape."""

MARGIN = 1.25


def plot_comparison(
    result: Comparison,
    ax: Axes | None = None,
    *,
    rule: str | None = None,
    against: str = "steps",
    arms: Sequence[str] | None = None,
    smooth: int = 1,
) -> Axes:
    """The arms of one rule: the median of the loss over the seeds, in a band from the lowest to the highest.

    Parameters
    ----------
    result: what :func:`solvers.compare.compare` returned.
    ax: where to draw; a new figure without it.
    rule: the rule; the first one by default.
    against: ``steps``, ``gradient-equivalents``, ``seconds``, or ``loss``: then the gradient norm is drawn against the
        loss, one thin line a run.
    arms: some of the arms.
    smooth: steps over which the loss is averaged, for mini-batches.

    Raises
    ------
    InputError: there is no such rule, arm, or axis.
    """
    if against not in AGAINST:
        raise InputError(f"against={against!r}", why="there is no such axis", cure=f"use one of {', '.join(AGAINST)}")
    name = result.rules[0] if rule is None and result.rules else str(rule)
    shown = result.arms if arms is None else tuple(arms)
    rows = {arm: result.summary(name, arm) for arm in shown}
    ax = ax if ax is not None else new_axes()
    losses: list[Floats] = []
    for arm, row in rows.items():
        runs = result.runs_of(name, arm)
        label = arm if np.isnan(row.learning_rate) else f"{arm}, rate {row.learning_rate:.3g}"
        style: dict[str, Any] = {"color": ARM_COLOURS[arm], "linestyle": ARM_STYLES[arm]}
        if against == "loss":
            losses += _draw_gradients(ax, runs, smooth, label, style)
        else:
            losses += _draw_band(ax, runs, against, smooth, label, style)
    costs = [run.result.history[-1].gradient_equivalents for arm in rows for run in result.runs_of(name, arm)]
    is_costly = against in ("gradient-equivalents", "seconds") and max(costs) > WIDE * min(costs)
    is_spread = _is_spread(losses)
    if is_costly or (is_spread and against == "loss"):
        _make_logarithmic(ax, "x")
    if is_spread:
        _make_logarithmic(ax, "y")
    ax.set(xlabel=AGAINST[against], ylabel="gradient norm" if against == "loss" else "loss")
    ax.set_title(name, loc="left", fontsize=11, color=INK)
    ax.grid(visible=True, color="#e5e7eb", linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9)
    return ax


def plot_path(objective: Objective, run: ArmRun, ax: Axes | None = None) -> Axes:
    """The way of one run over the level sets of two parameters, with those along which it teleported.

    Parameters
    ----------
    objective: what was minimised.
    run: one of the runs of a comparison.
    ax: where to draw; a new figure without it.

    Raises
    ------
    InputError: the objective has not two parameters.
    """
    if objective.size != 2 or run.path is None:
        raise InputError(
            "a picture of the path",
            why=f"paths are drawn in the plane, and there are {objective.size} parameters",
            cure="use plot_comparison(result)",
        )
    ax = ax if ax is not None else new_axes()
    path = run.path[np.isfinite(run.path).all(axis=1)]
    jumps = _jumps(run)
    points = np.concatenate([path, *(landing[None] for _, landing in jumps)])
    window = _window(points)
    values = _values(objective)
    draw_landscape(ax, values, window)
    levels = {float(f"{objective.value(landing):.12g}") for _, landing in jumps} or {run.start_loss}
    x, y = window.grid(GRID)
    heights = values(np.stack([x.ravel(), y.ravel()]))[0].reshape(x.shape)
    ax.contour(x, y, heights, levels=sorted(levels), colors=LEVEL, linewidths=1.5)
    _draw_steps(ax, path, jumps, ARM_COLOURS[run.arm])
    left, right, bottom, top = window.extent
    names = objective.space.entries
    ax.set(xlim=(left, right), ylim=(bottom, top), xlabel=names[0], ylabel=names[1], aspect="equal")
    ax.set_title(f"{run.rule}, {run.arm}: loss {run.final_loss:.3g}", loc="left", fontsize=11, color=INK)
    ax.legend(frameon=True, framealpha=0.9, fontsize=9)
    return ax


def _draw_band(
    ax: Axes, runs: Sequence[ArmRun], against: str, smooth: int, label: str, style: dict[str, Any]
) -> list[Floats]:
    """Median and range over the runs; each holds its loss until the next step is paid for."""
    curves = [_curve(run.result.history, against, smooth) for run in runs]
    places = np.unique(np.concatenate([x for x, _ in curves]))
    places = places[places >= max(float(x[0]) for x, _ in curves)]
    rows = np.array([losses[np.searchsorted(x, places, side="right") - 1] for x, losses in curves])
    shown = np.isfinite(rows).all(axis=0)
    if not shown.any():
        return []
    low, middle, high = rows[:, shown].min(axis=0), np.median(rows[:, shown], axis=0), rows[:, shown].max(axis=0)
    if len(runs) > 1:
        ax.fill_between(places[shown], low, high, color=style["color"], alpha=0.1, linewidth=0)
    steps = "default" if against == "steps" else "steps-post"
    ax.plot(places[shown], middle, linewidth=1.7, label=label, drawstyle=steps, **style)
    return [middle]


def _draw_gradients(ax: Axes, runs: Sequence[ArmRun], smooth: int, label: str, style: dict[str, Any]) -> list[Floats]:
    """Gradient norm against loss, each run by itself, its teleports marked."""
    losses: list[Floats] = []
    for k, run in enumerate(runs):
        x = _averaged(np.array([record.loss for record in run.result.history]), smooth)
        y = _averaged(np.array([record.gradient_norm for record in run.result.history]), smooth)
        ax.plot(x, y, linewidth=1.0, alpha=0.8, label=label if k == 0 else None, **style)
        losses.append(x)
    return losses


def _curve(history: Sequence[Record], against: str, smooth: int) -> tuple[Floats, Floats]:
    """Places on the axis and losses of one run."""
    name = {"steps": "step", "gradient-equivalents": "gradient_equivalents", "seconds": "seconds"}[against]
    places = np.array([getattr(record, name) for record in history], dtype=float)
    return places, _averaged(np.array([record.loss for record in history], dtype=float), smooth)


def _averaged(values: Floats, count: int) -> Floats:
    """Means over the last values up to each place."""
    if count <= 1:
        return values
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(ends - count, 0)
    return (sums[ends] - sums[begins]) / (ends - begins)


def _is_spread(losses: Sequence[Floats]) -> bool:
    """Whether the losses are positive and spread over more than a factor of ten."""
    finite = np.concatenate([one[np.isfinite(one)] for one in losses]) if losses else np.zeros(0)
    return bool(finite.size and finite.min() > 0 and finite.max() > 10 * finite.min())


def _make_logarithmic(ax: Axes, side: str) -> None:
    """A logarithmic axis; with ticks at 1, 2 and 5 where it holds few powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set(**{f"{side}scale": "log"})
    axis = ax.xaxis if side == "x" else ax.yaxis
    low, high = axis.get_view_interval()
    axis.set_minor_formatter(NullFormatter())
    if high < 1e3 * low:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _jumps(run: ArmRun) -> list[tuple[int, Floats]]:
    """Number of the step after each accepted teleport, and where the teleport landed."""
    marked = [k for k, record in enumerate(run.result.history) if record.teleported]
    landings = [np.asarray(one.point, dtype=float) for one in run.accepted]
    return list(zip(marked, landings, strict=True)) if len(marked) == len(landings) else []


def _window(points: Floats) -> Window:
    """A square around points."""
    low, high = points.min(axis=0), points.max(axis=0)
    centre = (low + high) / 2
    radius = MARGIN * max(float((high - low).max()) / 2, 1e-3 * (1 + float(np.abs(centre).max())))
    return Window(float(centre[0]), float(centre[1]), radius)


def _values(objective: Objective) -> Any:
    """The loss at points in columns; what was asked for once is remembered."""
    known: dict[bytes, Floats] = {}

    def values(points: Floats) -> list[Floats]:
        """A list of one array, as landscapes are drawn from."""
        rows = np.ascontiguousarray(points.T)
        if (key := rows.tobytes()) not in known:
            known[key] = np.array([objective.value(point) for point in rows])
        return [known[key]]

    return values


def _draw_steps(ax: Axes, path: Floats, jumps: list[tuple[int, Floats]], colour: str) -> None:
    """The steps as lines from point to point, the teleports as dashed arrows."""
    ends = {k: landing for k, landing in jumps if k < len(path)}
    for k in range(1, len(path)):
        begin = ends.get(k, path[k - 1])
        ax.plot(*np.array([begin, path[k]]).T, "-", color=colour, linewidth=1.4)
        if k in ends:
            arrow = {"arrowstyle": "-|>", "color": INK, "linestyle": "--", "linewidth": 1.2, "shrinkA": 3, "shrinkB": 3}
            ax.annotate("", xy=tuple(begin), xytext=tuple(path[k - 1]), arrowprops=arrow)
    ax.plot(*path.T, "o", color=colour, markersize=3.5, label="steps")
    if ends:
        landed = np.array(list(ends.values()))
        ax.plot(*landed.T, "D", color="white", markeredgecolor=colour, markersize=6, label="teleported to")
    ax.plot(*path[0], "o", color=INK, markersize=7, label="start")
