"""Pictures of gradient and Newton directions on level sets. Matplotlib is imported only when one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from manifolds.errors import InputError
from symport.plots import COLOURS, INK, LANDSCAPE, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from solvers.objective import Objective
    from symmetries.actions.parameter_space import FloatArray

GRID = 241
MARGIN = 1.25

EQUAL, THIN = 4.0, 1e-3
"""Ratios of the sides between which a picture shows the axes to different scales."""

LENGTH = 0.16
"""Length of an arrow, in sides of the picture."""


def plot_directions(
    objective: Objective, w: Any, found: Any = None, eigenvalue: float | None = None, ax: Axes | None = None
) -> Axes:
    """The directions of steepest descent and of Newton's method at a point and at the steepest point of its level set.

    Parameters
    ----------
    objective: a loss of two parameters.
    w: the start.
    found: the steepest point; None leaves it out.
    eigenvalue: whose inverse is the rate of the step that is drawn from there.
    ax: where to draw; a new figure without it.

    Raises
    ------
    InputError: there are not two parameters.

    >>> from solvers.objective import Objective
    >>> from symmetries import Loss
    >>> objective = Objective.from_loss(Loss.parse("(x + 2*y - 7)**2 + (2*x + y - 5)**2"))
    >>> axes = plot_directions(objective, [5.0, -5.0], [5.0, 7.0], 18.0)
    >>> [text.get_text() for text in axes.get_legend().get_texts()][:2]
    ['gradient descent', 'Newton']
    """
    if objective.size != 2:
        raise InputError(
            "a picture of directions",
            why=f"they are drawn in the plane, and there are {objective.size} parameters",
            cure="fix all parameters but two",
        )
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=(6.4, 5.6), layout="constrained")[1]
    start = objective.space.flat(w)
    end = None if found is None else objective.space.flat(found)
    reached = None if end is None or not eigenvalue else end - objective.gradient(end) / eigenvalue
    points = [point for point in (start, end, reached) if point is not None]
    if end is not None and reached is not None and _is_flat(objective, reached, end):
        points += [2 * reached - start, 2 * reached - end]  # the other side of the level set
    low, high = _frame(points)
    _draw_level_set(ax, objective, start, low, high)
    for point, name in ((start, "start"), (end, "steepest point")):
        if point is not None:
            _draw_directions(ax, objective, point, low, high)
            ax.plot(*point, "o", color=INK, markersize=7, markeredgecolor="white", zorder=6)
            side = -1 if point[0] > (low[0] + high[0]) / 2 else 1
            offset, edge = (8 * side, -14), "left" if side > 0 else "right"
            ax.annotate(name, tuple(point), xytext=offset, textcoords="offset points", ha=edge, color=INK, fontsize=10)
    if reached is not None:
        label = "after one step of 1/λ"
        ax.plot(*reached, "*", color=INK, markersize=13, markeredgecolor="white", zorder=6, label=label)
    for colour, style, name in ((COLOURS[0], "-", "gradient descent"), (COLOURS[1], "-", "Newton")):
        ax.plot([], [], color=colour, linestyle=style, linewidth=2.2, label=name)
    handles, names = ax.get_legend_handles_labels()
    order = sorted(range(len(names)), key=lambda k: names[k] not in ("gradient descent", "Newton"))
    ax.legend([handles[k] for k in order], [names[k] for k in order], framealpha=0.9, fontsize=9, loc="best")
    x, y = objective.space.entries
    equal = np.ptp(high - low) <= 1e-9 * (high - low).max()
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel=x, ylabel=y, aspect="equal" if equal else "auto")
    return ax


def _is_flat(objective: Objective, point: FloatArray, other: FloatArray) -> bool:
    """Whether the gradient at a point is nothing beside that at another."""
    sizes = [float(np.linalg.norm(objective.gradient(place))) for place in (point, other)]
    return sizes[0] <= 1e-6 * sizes[1]


def _frame(points: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Lower and upper corner of a rectangle around points, a square where that leaves room for both axes."""
    stacked = np.array(points)
    centre = (stacked.min(axis=0) + stacked.max(axis=0)) / 2
    half = MARGIN * np.ptp(stacked, axis=0) / 2
    if len(points) == 1 or not half.any():
        half = 1.0 + np.abs(centre)
    if half.max() <= EQUAL * half.min() or half.min() < THIN * half.max():
        half = np.full(2, half.max())
    return centre - half, centre + half


def _draw_level_set(ax: Axes, objective: Objective, start: FloatArray, low: FloatArray, high: FloatArray) -> None:
    """The loss by colour, and the level set of the start."""
    from matplotlib.colors import LinearSegmentedColormap

    xs, ys = (np.linspace(*ends, GRID) for ends in zip(low, high, strict=True))
    points = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    heights = np.array([objective.value(point) for point in points]).reshape(GRID, GRID)
    finite = np.isfinite(heights)
    if not finite.any():
        return
    above = np.where(finite, heights - heights[finite].min(), np.nan)
    shown = np.ma.masked_invalid(np.log10(above + 1e-3 * np.nanmedian(above) + 1e-300))
    colours = LinearSegmentedColormap.from_list("landscape", LANDSCAPE)
    ax.contourf(xs, ys, shown, levels=18, cmap=colours).set_rasterized(True)
    level = objective.value(start)
    if heights[finite].min() < level < heights[finite].max():
        ax.contour(xs, ys, np.ma.masked_invalid(heights), levels=[level], colors=MUTED, linewidths=1.4)


def _draw_directions(ax: Axes, objective: Objective, point: FloatArray, low: FloatArray, high: FloatArray) -> None:
    """Arrows of one length along minus the gradient and along the step of Newton's method."""
    gradient = objective.gradient(point)
    try:
        newton = np.linalg.solve(objective.hessian(point), gradient)
    except np.linalg.LinAlgError:
        newton = np.zeros(2)
    sides = high - low
    for direction, colour, width in ((newton, COLOURS[1], 3.2), (gradient, COLOURS[0], 1.8)):
        size = float(np.linalg.norm(direction / sides))
        if np.isfinite(size) and size > 0:
            arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": width, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", xy=tuple(point - LENGTH * direction / size), xytext=tuple(point), arrowprops=arrow)
