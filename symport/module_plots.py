"""Pictures of the symmetries of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symport.plots import COLOURS, INK, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from solvers.pytorch import ModuleSymmetry

KINDS = dict(zip(("matrices", "scalings", "finite"), COLOURS, strict=False))
"""Colours of the hidden spaces, by what acts on them."""


def plot_module_symmetry(symmetry: ModuleSymmetry, ax: Axes | None = None, *, labels: bool = True) -> Axes:
    """Draw the hidden spaces of a network above its tensors, joined where a group acts.

    Spaces stand above the middle of the tensors on which they act; a full line is a leg that follows the group, a
    dashed one follows its dual. The colour tells matrices from scalings and from finite groups.

    Parameters
    ----------
    symmetry: what ``symmetries_of`` returned.
    ax: where to draw; a new figure without it.
    labels: whether tensors and groups are named.
    """
    import matplotlib.pyplot as plt

    names = list(symmetry.tensor_names)
    order = {name: place for place, name in enumerate(sorted(names, key=_declared(symmetry)))}
    spaces = [space for space in symmetry.spaces if space.components]
    if ax is None:
        _, ax = plt.subplots(figsize=(max(5.0, 0.75 * len(names)), 4.2), layout="constrained")
    small: dict[str, Any] = {"textcoords": "offset points", "color": INK, "fontsize": 8}
    heights = _heights([sorted(order[name] for name in space.tensors) for space in spaces])
    for space, height in zip(spaces, heights, strict=True):
        places = [order[name] for name in space.tensors]
        middle, colour = sum(places) / len(places), KINDS[_kind(space)]
        for name, exponent in _legs(space).items():
            style = "-" if exponent > 0 else "--"
            ax.plot([order[name], middle], [0, height], style, color=colour, lw=1.2, alpha=0.7, zorder=1)
        ax.scatter([middle], [height], s=160, color=colour, edgecolor="white", zorder=3)
        if labels:
            ax.annotate(space.group, (middle, height), xytext=(0, 10), ha="center", **small)
    ax.scatter(list(order.values()), [0] * len(order), s=70, marker="s", color=MUTED, zorder=3)
    if labels:
        for name, place in order.items():
            ax.annotate(name, (place, 0), xytext=(0, -9), rotation=45, ha="right", va="top", **small)
    for kind, colour in KINDS.items():
        ax.scatter([], [], color=colour, s=60, label=kind)
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 1.12), ncols=3, fontsize=8)
    ax.set(xlim=(-1.2, len(order) - 0.2), ylim=(-0.35, max(heights, default=1.0) + 0.6))
    ax.set_axis_off()
    return ax


def _declared(symmetry: ModuleSymmetry) -> Any:
    """The place of a tensor in the module."""
    places = {name: place for place, (name, _) in enumerate(symmetry.module.state_dict(keep_vars=True).items())}
    return lambda name: places.get(name, len(places))


def _legs(space: Any) -> dict[str, int]:
    """The tensors on which a space acts, with the exponent of the first leg on each."""
    legs: dict[str, int] = {}
    for component in space.components:
        for leg in component.legs:
            legs.setdefault(leg.tensor, leg.exponent)
    return legs


def _kind(space: Any) -> str:
    """What acts on a space."""
    if not space.dimension:
        return "finite"
    return "matrices" if any(hasattr(component, "kind") for component in space.components) else "scalings"


def _heights(spans: list[list[int]]) -> list[float]:
    """Heights at which spaces above overlapping tensors stand apart."""
    heights: list[float] = []
    for number, span in enumerate(spans):
        taken = {
            heights[other] for other in range(number) if spans[other][0] <= span[-1] and span[0] <= spans[other][-1]
        }
        heights.append(next(1.0 + 0.8 * level for level in range(number + 1) if 1.0 + 0.8 * level not in taken))
    return heights
