"""Pictures of one teleportation and of one minimisation. Matplotlib is imported only when one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symport.plots import COLOURS, INK, LANDSCAPE, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from solvers.objective import Objective
    from solvers.results import MinimizeResult, TeleportResult
    from symmetries.actions.parameter_space import FloatArray

GRID = 161
MARGIN = 1.3
EQUAL = 4.0
"""Ratio of the sides up to which a picture shows both axes to the same scale."""

LENGTH = 4.0
"""How far a level set is followed each way, in sides of the picture."""

MOST_ENTRIES = 400
"""Largest number of parameters that are drawn one by one."""


def plot_jump(objective: Objective, w: Any, result: TeleportResult, ax: Axes | None = None) -> Axes:
    """A teleportation: in the plane on the level sets, with more parameters entry by entry.

    Parameters
    ----------
    objective: whose loss was kept.
    w: the start.
    result: what :func:`solvers.teleport.teleport` returned.
    ax: where to draw; a new figure without it.
    """
    ax = _axes(ax)
    start, end = objective.space.flat(w), objective.space.flat(result.point)
    if objective.size == 2:
        low, high = _frame(start, end)
        _draw_landscape(ax, objective, low, high)
        for curve in (_level_curve(objective, point, low, high) for point in (start, end)):
            ax.plot(*curve, color=COLOURS[2], linewidth=1.8)
        ax.annotate("", xy=tuple(end), xytext=tuple(start), arrowprops=_arrow(INK, "--"))
        for point, colour, name in ((start, COLOURS[1], "start"), (end, COLOURS[0], "teleported")):
            gradient = objective.value_and_grad(point)[1]
            size = float(np.linalg.norm(gradient / (high - low) * (high - low).max()))
            if size > 0:
                tip = point - 0.12 * (high - low).max() * gradient / size
                ax.annotate("", xy=tuple(tip), xytext=tuple(point), arrowprops=_arrow(colour, "-"))
            label = f"{name}: |grad L| = {np.linalg.norm(gradient):.4g}"
            ax.plot(*point, "o", color=colour, markeredgecolor="white", markersize=9, label=label, zorder=5)
        x, y = objective.space.entries
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel=x, ylabel=y)
        if max(high - low) <= EQUAL * min(high - low):
            ax.set_aspect("equal")
    else:
        count = min(objective.size, MOST_ENTRIES)
        places = np.arange(count)
        ax.vlines(places, start[:count], end[:count], color=MUTED, linewidth=0.8)
        ax.plot(places, start[:count], "o", color=COLOURS[1], markersize=4, label="start")
        ax.plot(places, end[:count], "o", color=COLOURS[0], markersize=4, label="teleported")
        shown = "" if count == objective.size else f" (the first {count} of {objective.size})"
        ax.set(xlabel=f"number of the entry{shown}", ylabel="value")
    ax.legend(frameon=True, framealpha=0.9, fontsize=9, loc="best")
    ax.set_title(f"{result.target}: gain {result.gain:.4g}, relative drift {result.relative_drift:.0e}", fontsize=11)
    return ax


def plot_run(result: MinimizeResult, ax: Axes | None = None) -> Axes:
    """The loss of a minimisation against its steps, teleports marked.

    Parameters
    ----------
    result: what :func:`solvers.minimize.minimize` returned.
    ax: where to draw; a new figure without it.
    """
    ax = _axes(ax)
    steps = np.array([record.step for record in result.history])
    losses = np.array([record.loss for record in result.history], dtype=float)
    jumps = np.array([record.teleported for record in result.history], dtype=bool)
    ax.plot(steps, losses, color=COLOURS[1], linewidth=1.6, label="loss")
    if jumps.any():
        ax.plot(steps[jumps], losses[jumps], "D", color=COLOURS[0], markersize=6, label="teleported")
    finite = losses[np.isfinite(losses)]
    if finite.size and finite.min() > 0 and finite.max() > 20 * finite.min():
        ax.set_yscale("log")
    ax.set(xlabel="optimizer steps", ylabel="loss")
    ax.grid(visible=True, color="#e5e7eb", linewidth=0.6)
    ax.legend(frameon=False)
    ax.set_title(f"{result.status.value} after {result.steps} steps", fontsize=11)
    return ax


def _axes(ax: Axes | None) -> Axes:
    """The axes to draw on."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(6.4, 5.2), layout="constrained")[1]


def _frame(start: FloatArray, end: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lower and upper corner of a rectangle around two points."""
    centre, half = (start + end) / 2, np.abs(end - start) / 2
    half = MARGIN * np.maximum(half, 0.1 * half.max() + 0.05 * (1.0 + np.abs(centre)))
    if half.max() <= EQUAL * half.min():
        half = np.full(2, half.max())
    return centre - half, centre + half


def _draw_landscape(ax: Axes, objective: Objective, low: FloatArray, high: FloatArray) -> None:
    """The loss by colour."""
    from matplotlib.colors import LinearSegmentedColormap

    x, y = np.meshgrid(*(np.linspace(*ends, GRID) for ends in zip(low, high, strict=True)))
    heights = np.array([objective.value(point) for point in np.stack([x.ravel(), y.ravel()], axis=1)]).reshape(x.shape)
    finite = np.isfinite(heights)
    if not finite.any():
        return
    above = np.where(finite, heights - heights[finite].min(), np.nan)
    shown = np.log10(above + 1e-3 * np.nanmedian(above) + 1e-300)
    colours = LinearSegmentedColormap.from_list("landscape", LANDSCAPE)
    ax.contourf(x, y, np.ma.masked_invalid(shown), levels=18, cmap=colours).set_rasterized(True)


def _level_curve(objective: Objective, point: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """The level set through a point, followed both ways until it leaves the rectangle, shape (2, count)."""
    from scipy.integrate import solve_ivp

    scale = high - low

    def along(_: float, place: FloatArray) -> FloatArray:
        """The unit direction in which the loss does not change, in the rectangle's own coordinates."""
        slope = objective.value_and_grad(low + place * scale)[1] * scale
        length = float(np.linalg.norm(slope))
        return np.array([-slope[1], slope[0]]) / length if length > 0 else np.zeros(2)

    def outside(_: float, place: FloatArray) -> float:
        """Positive inside the rectangle with a border around it."""
        return float(0.55 - np.abs(place - 0.5).max())

    outside.terminal = True  # type: ignore[attr-defined]
    first = (point - low) / scale
    with np.errstate(all="ignore"):
        ways = [
            solve_ivp(along, (0.0, sign * LENGTH), first, rtol=1e-7, atol=1e-9, max_step=0.02, events=outside).y
            for sign in (-1.0, 1.0)
        ]
    curve = np.concatenate([ways[0][:, ::-1], ways[1]], axis=1)
    return low[:, None] + curve * scale[:, None]


def _arrow(colour: str, style: str) -> dict[str, Any]:
    """How an arrow is drawn."""
    return {"arrowstyle": "-|>", "color": colour, "linestyle": style, "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
