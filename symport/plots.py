"""Pictures of a loss and its symmetries. Matplotlib is imported only when one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from manifolds.errors import InputError
from symport.structure import Structure
from symport.values import Floats, evaluator, field_evaluator, trace
from symport.window import Window, choose_window

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from symmetries.algebra import SymmetryAlgebra

INK, MUTED, RULE = "#1f2937", "#6b7280", "#9ca3af"
COLOURS = ("#d9480f", "#0b7285", "#862e9c")
"""Colours of the first generators."""

LANDSCAPE = ("#0b3a63", "#3d7fb5", "#9cc4e4", "#e4eff8", "#fbfcfe")
"""From low loss to high."""

SIGNED = ("#1864ab", "#74b0e4", "#f8f9fa", "#f4a261", "#c2410c")
"""From negative to positive."""

LEVELS = 15
ORBITS = 8
ROW = 4
TILES = 12
"""Generators that are drawn one by one; more are drawn as one picture of all."""


def plot_level_sets(result: SymmetryAlgebra, ax: Axes | None = None, *, seed: int = 0) -> Axes:
    """A loss of two parameters: log10 of its height above the minimum, and orbits of its symmetries.

    Parameters
    ----------
    result: what :func:`symmetries.derive` returned.
    ax: where to draw; a new figure without it.
    seed: seed of the values that free data takes.

    Raises
    ------
    InputError: the loss has not two parameters.
    """
    loss = result.loss
    if len(loss.entries) != 2:
        why = f"level sets are drawn in the plane, and there are {len(loss.entries)} parameters"
        raise InputError("a picture of the level sets", why=why, cure="use plot_generators(result)")
    ax = ax if ax is not None else new_axes()
    values = evaluator(loss, seed=seed)
    at = declared_point(result)
    window = choose_window(values, at, seed=seed)
    draw_landscape(ax, values, window)
    for field, colour in zip(result.generators, COLOURS, strict=False):
        draw_orbits(ax, field_evaluator(loss, field, seed=seed), window, colour, at)
    if at is not None:
        ax.plot(*at, marker="*", markersize=13, color="#f59f00", markeredgecolor=INK, zorder=5)
    left, right, bottom, top = window.extent
    ax.set(xlim=(left, right), ylim=(bottom, top), xlabel=loss.entries[0], ylabel=loss.entries[1], aspect="equal")
    title(ax, level_set_title(result))
    return ax


def level_set_title(result: SymmetryAlgebra) -> str:
    """What the picture shows."""
    if not result.generators:
        return "level sets"
    drawn = min(len(result.generators), len(COLOURS))
    names = "X1" if drawn == 1 else f"X1 to X{drawn}"
    return f"level sets, and orbits of {names}"


def declared_point(result: SymmetryAlgebra) -> Floats | None:
    """The point that was declared with the loss."""
    point = result.loss.at
    if point is None or not set(result.loss.parameters) <= set(point):
        return None
    return np.concatenate([np.ravel(np.array(point[name], dtype=float)) for name in result.loss.parameters])


def draw_landscape(ax: Axes, values: Any, window: Window) -> None:
    """The height above the lowest point of the window, by colour and by lines."""
    from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap

    x, y = window.grid(241)
    height = values(np.stack([x.ravel(), y.ravel()]))[0].reshape(x.shape)
    height = np.where(np.isfinite(height), height, np.nan)
    if np.isnan(height).all() or np.nanmax(height) <= np.nanmin(height):
        return
    above = height - np.nanmin(height)
    shown = np.log10(np.maximum(above, 1e-4 * np.nanmedian(above) + 1e-300))
    shares = np.linspace(0, 1, LEVELS)
    evenly = np.nanmin(shown) + shares * (np.nanmax(shown) - np.nanmin(shown))
    levels = np.unique(0.5 * evenly + 0.5 * np.nanquantile(shown, shares))
    colours = LinearSegmentedColormap.from_list("landscape", LANDSCAPE)
    norm = BoundaryNorm(levels, colours.N)
    filled = ax.contourf(x, y, np.ma.masked_invalid(shown), levels=levels, cmap=colours, norm=norm)
    filled.set_rasterized(True)
    lines = ax.contour(x, y, np.ma.masked_invalid(shown), levels=levels, colors="white", linewidths=0.5, alpha=0.7)
    lines.set_rasterized(True)


def draw_orbits(ax: Axes, field: Any, window: Window, colour: str, at: Floats | None) -> None:
    """Curves along a field, with their direction, through points on both sides of the centre and the declared one."""
    shares = np.linspace(0.12, 0.97, ORBITS) * (-1) ** np.arange(ORBITS)
    starts = [np.array([window.x, window.y]) + share * window.radius * np.array([0.93, 0.62]) for share in shares]
    for start in [*starts, *([] if at is None else [at])]:
        options: dict[str, Any] = {"step": window.radius / 100, "steps": 1500}
        forward = trace(field, start, inside=lambda point: window.holds(point, scale=1.3), **options)
        if forward.shape[1] < 3:
            continue
        closed = np.array_equal(forward[:, -1], forward[:, 0])
        curve = forward
        if not closed:
            back = trace(lambda p: -field(p), start, inside=lambda point: window.holds(point, scale=1.3), **options)
            curve = np.concatenate([back[:, :0:-1], forward], axis=1)
        ax.plot(*curve, color=colour, linewidth=1.5, solid_capstyle="round")
        draw_arrow(ax, forward, window, colour)


def draw_arrow(ax: Axes, curve: Floats, window: Window, colour: str) -> None:
    """An arrow head on a curve, near its start and inside the window."""
    place = min(6, curve.shape[1] - 2)
    if window.holds(curve[:, place + 1]):
        ax.annotate(
            "",
            xy=tuple(curve[:, place + 1].tolist()),
            xytext=tuple(curve[:, place].tolist()),
            arrowprops={"arrowstyle": "-|>", "color": colour, "mutation_scale": 15, "shrinkA": 0, "shrinkB": 0},
        )


def plot_generators(result: SymmetryAlgebra, ax: Axes | None = None) -> Axes:
    """Which parameter entry each generator moves (row), and on which entry the change depends (column).

    Parameters
    ----------
    result: what :func:`symmetries.derive` returned.
    ax: where to draw; a new figure without it.
    """
    from matplotlib.colors import LinearSegmentedColormap

    ax = ax if ax is not None else new_axes()
    structure = Structure.of(result)
    tiles = structure.tiles(TILES)
    size = structure.size
    gap = max(1.0, 0.16 * size)
    columns = len(tiles) if len(tiles) <= ROW else int(np.ceil(np.sqrt(len(tiles) * 1.4)))
    colours = LinearSegmentedColormap.from_list("signed", SIGNED)
    for k, tile in enumerate(tiles):
        left, top = (k % columns) * (size + gap), (k // columns) * (size + 1.6 * gap)
        box = (left, left + size, top + size, top)
        reach = float(np.abs(tile).max()) or 1.0
        ax.imshow(tile / reach, extent=box, cmap=colours, vmin=-1, vmax=1, interpolation="nearest")
        draw_blocks(ax, structure, left, top, labels=k == 0)
        name = f"X{k + 1}" if len(tiles) == result.dimension else f"all {result.dimension} generators"
        ax.text(left + size / 2, top - 0.12 * gap, name, ha="center", va="bottom", color=INK, fontsize=9)
    rows = -(-len(tiles) // columns)
    ax.set_xlim(-1.1 * gap, min(len(tiles), columns) * (size + gap) - 0.5 * gap)
    ax.set_ylim(rows * (size + 1.6 * gap) - 0.8 * gap, -1.1 * gap)
    ax.set(xticks=[], yticks=[], aspect="equal")
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def draw_blocks(ax: Axes, structure: Structure, left: float, top: float, *, labels: bool) -> None:
    """Lines between the parameters, and their names at the first tile."""
    size = structure.size
    for place in (*structure.starts, size):
        ax.plot([left + place, left + place], [top, top + size], color=RULE, linewidth=0.7)
        ax.plot([left, left + size], [top + place, top + place], color=RULE, linewidth=0.7)
    if not labels:
        return
    for name, start, stop in structure.labels():
        middle = (start + stop) / 2
        ax.text(left - 0.03 * size, top + middle, name, ha="right", va="center", fontsize=8, color=MUTED)


def plot_dimensions(result: SymmetryAlgebra, ax: Axes | None = None) -> Axes:
    """How many entries each parameter has, and how many generators move it.

    Parameters
    ----------
    result: what :func:`symmetries.derive` returned.
    ax: where to draw; a new figure without it.
    """
    ax = ax if ax is not None else new_axes()
    structure = Structure.of(result)
    names = [name for name, _, _ in structure.blocks]
    entries = [stop - start for _, start, stop in structure.blocks]
    moving = structure.moving(result)
    places = np.arange(len(names))
    ax.barh(places - 0.2, entries, height=0.36, color="#cbd5e1", label="entries")
    ax.barh(places + 0.2, moving, height=0.36, color="#1c7ed6", label="generators that move it")
    for place, one, other in zip(places, entries, moving, strict=True):
        ax.annotate(
            str(one), (one, place - 0.2), (4, 0), textcoords="offset points", va="center", fontsize=8, color=MUTED
        )
        ax.annotate(
            str(other), (other, place + 0.2), (4, 0), textcoords="offset points", va="center", fontsize=8, color=INK
        )
    ax.set_yticks(places, names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlim(0, 1.12 * max([1, *entries, *moving]))
    ax.tick_params(length=0, colors=MUTED)
    for side in ("top", "right", "bottom"):
        ax.spines[side].set_visible(False)
    ax.set_xticks([])
    ax.legend(frameon=False, fontsize=8, loc="lower center", ncols=2, bbox_to_anchor=(0.5, 1.0))
    return ax


def title(ax: Axes, text: str) -> None:
    """The title of a picture."""
    ax.set_title(text, fontsize=10, color=INK)


def new_axes() -> Axes:
    """Axes of a new figure, as notebooks show it."""
    import matplotlib.pyplot as plt

    return plt.subplots()[1]
