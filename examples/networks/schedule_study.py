"""
When to teleport, and how often
===============================

A command for the terminal; `python examples/networks/schedule_study.py --help` lists its options. The epoch of the
teleports, their number and the steps between them are varied one at a time, for the same starts, beside runs without
teleports and with the optimizer's state set back at the same steps.

Source: B. Zhao, N. Dehmamy, R. Walters, R. Yu, "Symmetry Teleportation for Accelerated Optimization" (2022),
arXiv:2205.10637, section 6 and its appendix.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from experiment import Lab, Report, average, having, main, paired, parser, shown
from training import OPTIMIZERS, PUBLISHED, Arm, Run, load, moments, summary

NAME = "schedule-study"

SCHEDULES: Mapping[str, list[tuple[int, int, int]]] = {
    "epoch": [(0, 1, 1), (1, 1, 1), (2, 1, 1), (5, 1, 1), (10, 1, 1)],
    "number": [(2, 1, 1), (2, 2, 1), (2, 4, 1), (2, 8, 1)],
    "steps between": [(2, 4, 1), (2, 4, 5), (2, 4, 20), (2, 4, 75)],
}
"""Epoch, number and steps between; each list varies one of them."""

COLUMNS = (
    *("varied", "epoch", "number", "between", "arm", "train loss", "- base", "+-", "test loss", "accepted", "cost"),
)


def run(
    *, optimizer: str, rate: float, arm: str, seed: int, epochs: int, data: str | None, images: int | None,
    epoch: int, number: int, between: int, inner_steps: int, target: str,
) -> dict[str, Any]:  # fmt: skip
    """One training."""
    made = Run(load(data, images), optimizer=optimizer, rate=rate, seed=seed, arm=Arm())
    steps = moments(epoch, made.steps_an_epoch, number, apart=between)
    made.arm = Arm(name=arm, steps=steps, options={"target": target, "steps": inner_steps})
    return summary(made, made.epochs(epochs))


def study(lab: Lab) -> Report:
    """All schedules with and without the teleports."""
    options = lab.options
    epochs = 2 if options.smoke else 40 if options.full else options.epochs
    fixed = {
        "optimizer": options.optimizer,
        "rate": PUBLISHED[options.optimizer] if options.rate is None else options.rate,
        "epochs": epochs,
        "data": lab.data,
        "images": 100 if options.smoke else None,
        "inner_steps": 2 if options.smoke else options.inner_steps,
        "target": options.target,
    }
    base = lab.runs(run, {"arm": ["base"], "seed": lab.seeds}, "no teleports", epoch=0, number=1, between=1, **fixed)
    schedules = {name: [one for one in those if one[0] < epochs] for name, those in SCHEDULES.items()}
    schedules = {"epoch": [(0, 1, 1), (1, 1, 1)]} if options.smoke else schedules
    runs: list[dict[str, Any]] = []
    for epoch, number, between in dict.fromkeys(one for those in schedules.values() for one in those):
        grid = {"arm": ["reset-only", "teleport"], "seed": lab.seeds}
        words = f"{number} from epoch {epoch}, every {between}"
        runs += lab.runs(run, grid, words, epoch=epoch, number=number, between=between, **fixed)
    rows = [row(base, base, "-", ("-", "-", "-"), "base")] + [
        row(runs, base, name, one, arm)
        for name, those in schedules.items()
        for one in those
        for arm in ("reset-only", "teleport")
    ]
    return Report(
        title=f"{options.optimizer} at {fixed['rate']:g}, {len(lab.seeds)} starts, {epochs} epochs",
        tables={"training loss, as paired differences to the runs without teleports": (COLUMNS, rows)},
        findings={"runs_kept": [{k: v for k, v in one.items() if k not in ("history", "events")} for one in runs]},
        draw=lambda: draw(runs, base, schedules),
    )


def chosen(runs: Sequence[Mapping[str, Any]], one: Sequence[Any], arm: str) -> list[Mapping[str, Any]]:
    """The runs of one schedule and arm."""
    return having(runs, epoch=one[0], number=one[1], between=one[2], arm=arm)


def row(
    runs: Sequence[Mapping[str, Any]], base: Sequence[Mapping[str, Any]], name: str, one: Sequence[Any], arm: str
) -> list[str]:
    """One row of the table."""
    own = base if arm == "base" else chosen(runs, one, arm)
    difference, error = paired(own, base, "train_loss")
    tried = sum(run["tried"] for run in own)
    return [
        *(name, *map(str, one), arm, shown(average(own, "train_loss"))),
        *(["-", "-"] if arm == "base" else [f"{difference:+.4f}", shown(error, ".1g")]),
        shown(average(own, "test_loss")),
        f"{sum(run['accepted'] for run in own)}/{tried}" if tried else "-",
        shown(average(own, "cost"), ".0f"),
    ]


def draw(
    runs: Sequence[Mapping[str, Any]],
    base: Sequence[Mapping[str, Any]],
    schedules: Mapping[str, Sequence[tuple[int, int, int]]],
) -> Any:
    """Training loss less that of the base, against what is varied."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, len(schedules), figsize=(3.6 * len(schedules), 3.4), squeeze=False, sharey=True, layout="constrained"
    )
    for ax, (name, those) in zip(axes[0], schedules.items(), strict=True):
        place = {"epoch": 0, "number": 1, "steps between": 2}[name]
        for arm, colour, style in (("reset-only", "#0b7285", "--"), ("teleport", "#d9480f", "-")):
            found = [paired(chosen(runs, one, arm), base, "train_loss") for one in those]
            ax.errorbar(
                range(len(those)), [mean for mean, _ in found], yerr=[error for _, error in found], fmt=f"o{style}",
                color=colour, markersize=4.5, capsize=3, label=arm,
            )  # fmt: skip
        ax.axhline(0, color="#1f2937", linewidth=1)
        ax.set_xticks(range(len(those)), [str(one[place]) for one in those])
        ax.set_xlabel({"epoch": "epoch of the teleport", "number": "teleports", "steps between": "steps between"}[name])
        ax.grid(visible=True, color="#e5e7eb", linewidth=0.6)
    axes[0, 0].set_ylabel("training loss less that of the base")
    axes[0, 0].legend(frameon=False, fontsize=8)
    return figure


def read_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of the command."""
    made = parser("When to teleport, and how often.")
    made.add_argument("--optimizer", choices=list(OPTIMIZERS), default="sgd", help="what trains")
    made.add_argument("--rate", type=float, help="learning rate; by default the published one")
    made.add_argument("--inner-steps", type=int, default=10, metavar="N", help="of the search of one teleport")
    made.add_argument("--target", default="lookahead", help="what a teleport makes large")
    options = made.parse_args(arguments)
    if options.smoke:
        options.seeds = min(options.seeds, 2)
    return options


if __name__ == "__main__":
    sys.exit(main(NAME, study, read_options()))
