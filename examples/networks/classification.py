"""
Teleportation beside its controls: classification
=================================================

A command for the terminal; `python examples/networks/classification.py --help` lists its options. Every optimizer
trains the same network from the same starts in five arms: without teleports, the same for as many gradients as the
teleports cost, with its state set back at the same steps, with random points of the orbit, and with the search, the
state carried along. Rates are the published ones, and those that serve the optimizer without teleports best.

Source: B. Zhao, R. Gower, R. Walters, R. Yu, "Improving Convergence and Generalization Using Parameter Symmetries"
(2023), arXiv:2305.13404, section 5.1.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from experiment import Lab, Report, average, having, main, paired, parser, shown
from training import (
    ARMS,
    OPTIMIZERS,
    PUBLISHED,
    Arm,
    Run,
    load,
    moments,
    per_epoch,
    summary,
)

from solvers import Rollout

NAME = "classification"

LONGER = "same cost"
"""The base, trained on until it has taken as many gradients as the runs with teleports."""

ROWS = (ARMS[0], LONGER, *ARMS[1:])

GRID = {
    "sgd": [1e-2, 5e-2, 0.1, 0.2, 0.4],
    "momentum": [1e-3, 5e-3, 1e-2, 2e-2, 4e-2],
    "adagrad": [1e-2, 2e-2, 5e-2, 0.1],
    "rmsprop": [1e-4, 1e-3, 3e-3, 1e-2],
    "adam": [1e-4, 1e-3, 3e-3, 1e-2, 3e-2],
    "adamw": [1e-4, 1e-3, 3e-3, 1e-2, 3e-2],
}
"""Rates that are tried without teleports."""

COLUMNS = (
    *("optimizer", "rate", "arm", "train loss", "to base", "- base", "+-", "test loss", "accuracy", "diverged"),
    *("accepted", "taken back", "runs with gain", "median gain", "largest drift", "cost", "seconds"),
)

GAIN = 1.1
"""An accepted teleport with this gain changed something."""

MARGIN = 0.1
"""Share by which a rollout must end lower with a teleport than without."""

CLOSE = 1.02
"""Ratio of losses up to which one is no worse than the other."""


def run(
    *, optimizer: str, rate: float, arm: str, seed: int, epochs: int, data: str | None, images: int | None,
    teleports: int, inner_steps: int, target: str,
) -> dict[str, Any]:  # fmt: skip
    """One training."""
    made = Run(load(data, images), optimizer=optimizer, rate=rate, seed=seed, arm=Arm())
    steps = moments(min(1, epochs - 1), made.steps_an_epoch, teleports)
    test = Rollout(steps=made.rollout, margin=MARGIN)
    options = {"target": target, "steps": inner_steps, "radius": 2.0, "accept": test}
    if arm == "teleport":  # one scaling for each hidden space: a search that sixty steps of a rollout can judge
        options |= {"per": "space", "layer_bound": 30.0}
    made.arm = Arm(name=arm, steps=steps, options=options)
    return summary(made, made.epochs(epochs))


def study(lab: Lab) -> Report:
    """All arms of all optimizers, at the published rates and at those that the base likes best."""
    options = lab.options
    fixed = {
        "epochs": 1 if options.smoke else 40 if options.full else options.epochs,
        "data": lab.data,
        "images": 100 if options.smoke else None,
        "teleports": 1 if options.smoke else options.teleports,
        "inner_steps": 2 if options.smoke else options.inner_steps,
        "target": options.target,
    }
    optimizers = ["sgd", "adam"] if options.smoke else list(options.optimizers)
    runs: list[dict[str, Any]] = []
    rates: dict[str, list[float]] = {}
    for name in optimizers:
        grid = [PUBLISHED[name]] if options.smoke else GRID[name]
        tried = lab.runs(
            run, {"optimizer": [name], "arm": ["base"], "rate": grid, "seed": lab.seeds}, f"rates of {name}", **fixed
        )
        best = min(grid, key=lambda rate: average(having(tried, rate=rate), "train_loss"))
        rates[name] = sorted({PUBLISHED[name], best})
        rest = {"optimizer": [name], "arm": list(ARMS[1:]), "rate": rates[name], "seed": lab.seeds}
        runs += [one for one in tried if one["rate"] in rates[name]] + lab.runs(run, rest, f"arms of {name}", **fixed)
        for rate in rates[name]:
            runs += longer(lab, having(runs, optimizer=name, rate=rate, arm="teleport"), fixed)
    rows = [cells(runs, name, rate, arm) for name in optimizers for rate in rates[name] for arm in ROWS]
    return Report(
        title=f"{len(lab.seeds)} runs of each kind, {fixed['epochs']} epochs, {fixed['teleports']} teleports a run",
        tables={"training loss, and what it costs in gradients of one step": (COLUMNS, rows)},
        remarks=remarks(runs, rates),
        findings={"ratios": ratios(runs, rates)},
        draw=lambda: draw(runs, rates),
    )


def longer(lab: Lab, teleported: Sequence[Mapping[str, Any]], fixed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The base once more, with as many gradients as the runs with teleports took."""
    if not teleported:
        return []
    steps = teleported[0]["history"][-1]["step"] / len(teleported[0]["history"])
    options = {**fixed, "epochs": max(fixed["epochs"], round(average(teleported, "cost") / steps))}
    grid = {"optimizer": [teleported[0]["optimizer"]], "arm": ["base"], "rate": [teleported[0]["rate"]]}
    found = lab.runs(run, {**grid, "seed": lab.seeds}, f"{grid['optimizer'][0]} at the same cost", **options)
    return [{**one, "arm": LONGER} for one in found]


def cells(runs: Sequence[Mapping[str, Any]], name: str, rate: float, arm: str) -> list[str]:
    """One row of the table."""
    own = having(runs, optimizer=name, rate=rate, arm=arm)
    difference, error = paired(own, having(runs, optimizer=name, rate=rate, arm="base"), "train_loss")
    tried = sum(one["tried"] for one in own)
    gains = [gain for one in own for gain in one["gains"] if gain is not None]
    changed = sum(any(gain is not None and gain >= GAIN for gain in one["gains"]) for one in own)
    moves = [
        f"{sum(one['accepted'] for one in own)}/{tried}", str(sum(one["taken_back"] for one in own)),
        f"{changed}/{len(own)}",
        shown(median(gains)) if gains else "-", f"{max((one['largest_drift'] or 0.0 for one in own), default=0.0):.0e}",
    ]  # fmt: skip
    return [
        *(name, f"{rate:g}" + (" (published)" if rate == PUBLISHED[name] else " (tuned)"), arm),
        shown(average(own, "train_loss")),
        shown(ratio(runs, name, rate, arm), ".3f"),
        *(["-", "-"] if arm == "base" else [shown(difference, "+.4f"), shown(error, ".1g")]),
        shown(average(own, "test_loss")),
        shown(average(own, "accuracy"), ".3f"),
        f"{sum(one['diverged'] for one in own)}/{len(own)}",
        *(moves if tried else ["-"] * 5),
        shown(average(own, "cost"), ".0f"),
        shown(average(own, "training_seconds"), ".2f"),
    ]


def ratio(runs: Sequence[Mapping[str, Any]], name: str, rate: float, arm: str) -> float:
    """Mean training loss of an arm over that of the base."""
    base = average(having(runs, optimizer=name, rate=rate, arm="base"), "train_loss")
    return average(having(runs, optimizer=name, rate=rate, arm=arm), "train_loss") / base


def ratios(runs: Sequence[Mapping[str, Any]], rates: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    """The ratios for programs."""
    return [
        {"optimizer": name, "rate": rate, "arm": arm, "to_base": ratio(runs, name, rate, arm)}
        for name, those in rates.items()
        for rate in those
        for arm in ROWS
    ]


def remarks(runs: Sequence[Mapping[str, Any]], rates: Mapping[str, Sequence[float]]) -> list[str]:
    """Where teleportation helps, and where a reset, a random point or a better rate does as well."""
    said = ["+- is the standard error of the difference to the base over the same starts"]
    for name, those in rates.items():
        tuned = min(average(having(runs, optimizer=name, rate=rate, arm="base"), "train_loss") for rate in those)
        for rate in those:
            own = having(runs, optimizer=name, rate=rate, arm="teleport")
            loss = {arm: average(having(runs, optimizer=name, rate=rate, arm=arm), "train_loss") for arm in ROWS}
            if not own or math.isinf(loss["base"]):
                continue
            difference, error = paired(own, having(runs, optimizer=name, rate=rate, arm="base"), "train_loss")
            sure = "" if abs(difference) > 2 * error else ", which is within two standard errors"
            change = 100 * (loss["teleport"] / loss["base"] - 1)
            if abs(change) <= 100 * (CLOSE - 1):
                word = "change the loss by less than 2 %"
            else:
                word = f"{'raise' if change > 0 else 'lower'} the loss by {abs(change):.1f} %{sure}"
            as_well = [arm for arm in ("reset-only", "random", LONGER) if loss[arm] <= CLOSE * loss["teleport"]]
            as_well += ["a better rate"] if tuned <= CLOSE * loss["teleport"] and tuned < loss["base"] else []
            control = f"; as good without the search: {', '.join(as_well)}" if as_well and change < -2 else ""
            said.append(f"{name} at {rate:g}: teleports {word}{control}")
    return said


def draw(runs: Sequence[Mapping[str, Any]], rates: Mapping[str, Sequence[float]]) -> Any:
    """Training loss against cost: a row of panels for the published rates, one for the tuned."""
    import matplotlib.pyplot as plt

    from symport.comparison_plots import ARM_COLOURS, ARM_STYLES

    colours, styles = ARM_COLOURS | {LONGER: "#868e96"}, ARM_STYLES | {LONGER: "-"}
    names = list(rates)
    figure, axes = plt.subplots(2, len(names), figsize=(3.1 * len(names), 5.6), squeeze=False, layout="constrained")
    for column, name in enumerate(names):
        both = [PUBLISHED[name], next((rate for rate in rates[name] if rate != PUBLISHED[name]), PUBLISHED[name])]
        for row, rate in enumerate(both):
            ax = axes[row, column]
            for arm in ROWS:
                own = having(runs, optimizer=name, rate=rate, arm=arm)
                curves = [(list(per_epoch(one, "cost")), list(per_epoch(one, "train_loss"))) for one in own]
                for x, y in curves:
                    ax.plot(x, y, styles[arm], color=colours[arm], linewidth=0.8, alpha=0.75)
                ax.plot([], [], styles[arm], color=colours[arm], label=arm)
            ax.set(yscale="log", title=f"{name}, rate {rate:g}" + (" (tuned)" if row else " (published)"))
            ax.title.set_fontsize(9)
            ax.tick_params(labelsize=7, which="both")
            ax.grid(visible=True, color="#e5e7eb", linewidth=0.6)
        axes[1, column].set_xlabel("gradients of one step", fontsize=8)
    for row in (0, 1):
        axes[row, 0].set_ylabel("training loss", fontsize=8)
    axes[0, 0].legend(frameon=False, fontsize=7)
    return figure


def read_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of the command."""
    made = parser("Every optimizer with and without teleports, and with the controls.")
    made.add_argument("--optimizers", nargs="+", choices=list(OPTIMIZERS), default=list(OPTIMIZERS), metavar="NAME")
    made.add_argument("--teleports", type=int, default=1, metavar="N", help="at steps in a row after the first epoch")
    made.add_argument("--inner-steps", type=int, default=25, metavar="N", help="of the search of one teleport")
    made.add_argument("--target", default="lookahead", help="what a teleport makes large")
    options = made.parse_args(arguments)
    if options.smoke:
        options.seeds = min(options.seeds, 2)
    return options


if __name__ == "__main__":
    sys.exit(main(NAME, study, read_options()))
