"""Pictures of orbits, in the plane and in space. Matplotlib is imported only when one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from manifolds.errors import InputError
from symmetries.arguments import read_generator
from symport.plots import COLOURS, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from symmetries.action import GroupAction

REACH = 2.0
"""Times are taken from minus to plus so much, by default."""

STEPS = 400

POINTS = 1_500
"""Random points of an orbit of dimension two."""

CONTOURS = 14


def plot_orbit(
    action: GroupAction, w: Any, ax: Axes | None = None, *, ts: Any = None, rng: int | np.random.Generator = 0
) -> Axes:
    """The orbit of a point under an action on two or three parameters.

    One curve for each generator; in space also random points of the orbit when its dimension is two, in the plane the
    level sets of a loss without free data.

    Parameters
    ----------
    action: the action.
    w: the point.
    ax: where to draw, with a projection "3d" for three parameters; a new figure without it.
    ts: times of the curves.
    rng: seed or generator of the random points.

    Raises
    ------
    InputError: there are not two or three parameters, or the axes have the wrong projection.

    >>> from symmetries import GroupAction
    >>> axes = plot_orbit(GroupAction.catalogued("booth"), [5.0, -5.0])
    >>> len(axes.lines)
    2
    """
    size = action.space.size
    if size not in (2, 3):
        raise InputError(
            "a picture of an orbit",
            why=f"orbits are drawn in the plane and in space, and there are {size} parameters",
            cure="fix all parameters but two or three",
        )
    start = action.space.flat(w)
    times = np.linspace(-REACH, REACH, STEPS) if ts is None else np.asarray(ts, dtype=float)
    ax = ax if ax is not None else _new_axes(size)
    if (ax.name == "3d") != (size == 3):
        raise InputError(
            f"axes of the projection {ax.name!r}",
            why=f"the action has {size} parameters",
            cure='make the axes with projection="3d"' if size == 3 else "make the axes without a projection",
        )
    if size == 3 and action.orbit_dimension(start) == 2:
        generator = read_generator(rng)
        cloud = np.array([action.apply(action.random(generator), start) for _ in range(POINTS)])
        space: Any = ax
        space.scatter(*cloud.T, s=2, color="#9cc4e4", linewidths=0)
    for k, direction in enumerate(np.eye(action.dimension)):
        curve = action.orbit(start, times, direction=direction)
        ax.plot(*curve.T, color=COLOURS[k % len(COLOURS)], linewidth=2)
    ax.plot(*start[:, None], "o", color=INK, markersize=5)
    if size == 2:
        _draw_levels(ax, action)
    names = action.space.entries
    ax.set(xlabel=names[0], ylabel=names[1], **({"zlabel": names[2]} if size == 3 else {}))
    return ax


def _new_axes(size: int) -> Axes:
    """Axes of a new figure."""
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(subplot_kw={"projection": "3d"} if size == 3 else {})
    return ax


def _draw_levels(ax: Axes, action: GroupAction) -> None:
    """Level sets behind the curves, when the loss has no free data."""
    if any(item.values is None for item in action.loss.data.values()) or action.loss.constants:
        return
    from symmetries.compiled import compile_loss

    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    xs, ys = np.linspace(left, right, 160), np.linspace(bottom, top, 160)
    points = np.stack(np.meshgrid(xs, ys), axis=-1)
    heights = compile_loss(action.loss).values(points.reshape(-1, 2)).reshape(len(ys), len(xs))
    if np.isfinite(heights).any():
        ax.contour(xs, ys, np.cbrt(heights), levels=CONTOURS, colors="0.85", linewidths=0.8, zorder=0)
