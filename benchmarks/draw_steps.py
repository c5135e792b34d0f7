"""Draw the time of one step of Adam on Stiefel manifolds from the figures of a run of `test_spaces.py`.

`python benchmarks/draw_steps.py steps.json docs/_static/stiefel-step-time.svg`, after
`pytest benchmarks/test_spaces.py --benchmark-only --benchmark-json=steps.json`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt

PEER = "geoopt, Euclidean metric"
STYLE: dict[Any, Any] = {"svg.hashsalt": "symport", "font.size": 9, "axes.grid": True, "grid.color": "#e5e7eb"}


def times(path: Path) -> dict[int, list[tuple[int, float, float]]]:
    """For each number of columns the rows, our milliseconds and by how much the peer takes longer."""
    found: dict[int, list[tuple[int, float, float]]] = {}
    for one in json.loads(path.read_text(encoding="utf-8"))["benchmarks"]:
        name, _, size = one["name"].partition("[")
        if name == "test_step_against_geoopt":
            rows, columns = map(int, size.rstrip("]").split("-"))
            info = one["extra_info"]
            ratio = float(info[f"ratio to {PEER}"])
            found.setdefault(columns, []).append((rows, float(info[f"{PEER} milliseconds"]) / ratio, ratio))
    return found


def draw(source: Path, target: Path) -> None:
    """Write the picture."""
    series = times(source)
    with mpl.rc_context(STYLE):
        figure, panels = plt.subplots(1, len(series), figsize=(9.6, 3.3), sharey=True, layout="constrained")
        for panel, (columns, points) in zip(panels, sorted(series.items()), strict=True):
            rows, ours, ratios = zip(*sorted(points), strict=True)
            theirs = [time * ratio for time, ratio in zip(ours, ratios, strict=True)]
            panel.loglog(rows, ours, "o-", color="#2563eb", label="Symport, NumPy")
            panel.loglog(rows, theirs, "s--", color="#9ca3af", label=PEER)
            for row, time, ratio in zip(rows, theirs, ratios, strict=True):
                panel.annotate(f"{ratio:.1f}x", (row, time), (0, 5), textcoords="offset points", ha="center")
            panel.set_xticks(rows, [str(row) for row in rows])
            panel.minorticks_off()
            panel.set(xlabel="rows N", title=f"n = {columns} columns")
            panel.margins(x=0.12, y=0.15)
        panels[0].set_ylabel("one step of Adam, ms")
        panels[0].legend(frameon=False, loc="upper left")
        figure.savefig(target, metadata={"Date": None, "Creator": "symport"})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figures", type=Path)
    parser.add_argument("picture", type=Path)
    given = parser.parse_args()
    draw(given.figures, given.picture)
