"""The pictures of a report, drawn without a display."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from symmetries.algebra import SymmetryAlgebra

STYLE: dict[Any, Any] = {"svg.hashsalt": "symport", "font.size": 9, "axes.edgecolor": "#9ca3af", "axes.linewidth": 0.8}


SINGLE = (
    "Each square is one generator: a row is the entry that it moves, a column the entry on which the change depends, "
    "orange a positive and blue a negative coefficient; lines separate the parameters."
)
"""The caption when generators are drawn one by one."""


@final
@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture.

    Parameters
    ----------
    file: its file name.
    caption: what it shows, in a sentence.
    content: the picture as SVG.
    """

    file: str
    caption: str
    content: bytes


def draw(algebra: SymmetryAlgebra) -> tuple[Picture, ...]:
    """The pictures that suit a loss: the plane for two parameters, the structure of the generators otherwise."""
    from symport.plots import TILES, plot_dimensions, plot_generators, plot_level_sets

    if len(algebra.loss.entries) == 2 and not algebra.loss.moving_entries:
        caption = "Dark is low, light is high (the colour is the logarithm of the height above the minimum). "
        caption += "Each curve is an orbit: moving along it leaves the loss as it is." if algebra.generators else ""
        return (paint(plot_level_sets, algebra, "level-sets.svg", caption.strip(), (6.2, 5.6)),)
    if not algebra.generators:
        return ()
    caption = "A row is the entry that is moved, a column the entry on which the change depends; "
    caption += "the darker, the more generators do so. Lines separate the parameters."
    if algebra.dimension <= TILES:
        caption = SINGLE
    structure = paint(plot_generators, algebra, "generators.svg", caption, (7.2, 5.2))
    if len(algebra.loss.parameters) == 1:
        return (structure,)
    height = 0.55 * min(12, len(algebra.loss.parameters)) + 0.9
    return (
        structure,
        paint(
            plot_dimensions,
            algebra,
            "dimensions.svg",
            "The parameters, and how many generators move each.",
            (6.2, height),
        ),
    )


def paint(plot: Callable[..., Any], subject: Any, file: str, caption: str, size: tuple[float, float]) -> Picture:
    """One picture as SVG, the same bytes for the same subject, which the plot takes before the axes."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=size)
        plot(subject, figure.subplots())
        buffer = io.BytesIO()
        figure.savefig(
            buffer, format="svg", bbox_inches="tight", dpi=200, metadata={"Date": None, "Creator": "symport"}
        )
    return Picture(file=file, caption=caption, content=buffer.getvalue())
