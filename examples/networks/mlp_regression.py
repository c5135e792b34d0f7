"""
Teleportation beside its controls: a regression with three layers
=================================================================

A command for the terminal; `python examples/networks/mlp_regression.py --help` lists its options. Gradient descent and
AdaGrad fit a network with leaky ReLUs to random numbers, from the published starts and at the published rates, and at
rates that serve each without teleports best. Once, after five steps, the state is set back, or the parameters go to a
random or to a searched point of the same loss: along the group of the module, which holds for all data, or along the
level set of these data.

Source: B. Zhao, N. Dehmamy, R. Walters, R. Yu, "Symmetry Teleportation for Accelerated Optimization" (2022),
arXiv:2205.10637, section 6.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from experiment import Lab, Report, average, having, main, parser, shown, spread
from torch import nn

from solvers.pytorch import Teleporter, symmetries_of
from solvers.pytorch.datasets import regression

NAME = "mlp-regression"

ARMS: Mapping[str, dict[str, Any]] = {
    "base": {},
    "reset-only": {},
    "random": {"along": "random"},
    "teleport (group)": {"along": "group"},
    "teleport (level set)": {"along": "level-set"},
}

RATES = {"gradient-descent": [1e-4, 2e-4, 5e-4, 1e-3, 2e-3], "adagrad": [1e-2, 5e-2, 1e-1, 2e-1, 0.5, 1.0]}
"""Rates that are tried without teleports."""

PUBLISHED = {"gradient-descent": 1e-4, "adagrad": 1e-1}

COLUMNS = (
    *("optimizer", "rate", "arm", "final loss", "+-", "to base", "better runs", "diverged"),
    *("gain", "drift", "cost", "seconds"),
)


def half_square(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Half the squared error, summed."""
    return 0.5 * ((outputs - targets) ** 2).sum()


def run(*, optimizer: str, rate: float, arm: str, seed: int, steps: int, moment: int, accept: bool) -> dict[str, Any]:
    """One fit."""
    problem = regression(12345 * seed * seed)
    layers: list[nn.Module] = []
    for weight in problem.weights:
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
        layer.weight.data.copy_(weight)
        layers += [layer, nn.LeakyReLU(0.1)]
    network = nn.Sequential(*layers[:-1])
    made: torch.optim.Optimizer = (
        torch.optim.SGD(network.parameters(), lr=rate)
        if optimizer == "gradient-descent"
        else torch.optim.Adagrad(network.parameters(), lr=rate, eps=1e-10)
    )
    losses, cost, event = [], 0.0, {}
    for step in range(steps):
        if step == moment and arm == "reset-only":
            made.state.clear()
        elif step == moment and arm != "base":
            event = teleport(network, made, (problem.inputs, problem.targets), arm, seed, accept=accept)
            cost += event["cost"]
        made.zero_grad()
        loss = half_square(network(problem.inputs), problem.targets)
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            break
        loss.backward()
        made.step()
        cost += 1.0
    with torch.no_grad():
        losses.append(float(half_square(network(problem.inputs), problem.targets)))
    diverged = not losses[-1] < losses[0]
    return {
        "loss": losses[-1],
        "diverged": diverged,
        "losses": losses,
        "cost": cost,
        **({"event": event} if event else {}),
    }


def teleport(network: nn.Module, made: Any, batch: Any, arm: str, seed: int, *, accept: bool) -> dict[str, Any]:
    """One teleport, with the acceptance test if one is wanted."""
    given = {"accept": "rollout" if accept else None, "rng": seed, **ARMS[arm]}
    if given["along"] != "level-set":
        given["symmetry"] = symmetries_of(network, batch[0])
    result = Teleporter(network, half_square, optimizer=made, **given).step(batch)
    return {
        "gain": result.gain,
        "drift": result.relative_drift,
        "status": result.status.value,
        "cost": result.cost.gradient_equivalents,
        "seconds": result.cost.seconds,
    }


def study(lab: Lab) -> Report:
    """All arms of both optimizers, at the published rates and at those that the base likes best."""
    options = lab.options
    fixed = {"steps": 12 if options.smoke else options.steps, "moment": options.moment, "accept": not options.no_test}
    runs: list[dict[str, Any]] = []
    rates: dict[str, list[float]] = {}
    for name, grid in RATES.items():
        grid = [PUBLISHED[name]] if options.smoke else grid
        tried = lab.runs(
            run, {"optimizer": [name], "arm": ["base"], "rate": grid, "seed": lab.seeds}, f"rates of {name}", **fixed
        )
        best = min(grid, key=lambda rate: average(having(tried, rate=rate), "loss"))
        rates[name] = sorted({PUBLISHED[name], best})
        rest = {"optimizer": [name], "arm": list(ARMS)[1:], "rate": rates[name], "seed": lab.seeds}
        runs += [one for one in tried if one["rate"] in rates[name]] + lab.runs(run, rest, f"arms of {name}", **fixed)
    rows = [cells(runs, name, rate, arm) for name in RATES for rate in rates[name] for arm in ARMS]
    test = "each tested by virtual steps" if fixed["accept"] else "taken without a test"
    return Report(
        title=f"{len(lab.seeds)} starts, {fixed['steps']} steps, one teleport after {fixed['moment']}, {test}",
        tables={"final loss, and what it costs in gradients": (COLUMNS, rows)},
        remarks=remarks(runs, rates),
        findings={"runs_kept": [{k: v for k, v in one.items() if k != "losses"} for one in runs]},
        draw=lambda: draw(runs, rates),
    )


def cells(runs: Sequence[Mapping[str, Any]], name: str, rate: float, arm: str) -> list[str]:
    """One row of the table."""
    own = having(runs, optimizer=name, rate=rate, arm=arm)
    base = {one["seed"]: one["loss"] for one in having(runs, optimizer=name, rate=rate, arm="base")}
    better = sum(one["loss"] is not None and one["loss"] < base[one["seed"]] for one in own)
    events = [one["event"] for one in own if "event" in one]
    moves = [
        " ".join(shown(one["gain"] if one["gain"] is not None else math.nan, ".3g") for one in events),
        f"{max((one['drift'] or 0.0 for one in events), default=0.0):.0e}",
    ]
    return [
        *(name, f"{rate:g}" + (" (published)" if rate == PUBLISHED[name] else " (tuned)"), arm),
        shown(average(own, "loss")),
        shown(spread(own, "loss"), ".2g"),
        shown(average(own, "loss") / average(having(runs, optimizer=name, rate=rate, arm="base"), "loss"), ".3f"),
        "-" if arm == "base" else f"{better}/{len(own)}",
        f"{sum(one['diverged'] for one in own)}/{len(own)}",
        *(moves if events else ["-", "-"]),
        shown(average(own, "cost"), ".0f"),
        shown(average(own, "seconds"), ".2f"),
    ]


def remarks(runs: Sequence[Mapping[str, Any]], rates: Mapping[str, Sequence[float]]) -> list[str]:
    """Where a teleport helps, and which controls do as well or better."""
    said = []
    for name, those in rates.items():
        for rate in those:
            loss = {arm: average(having(runs, optimizer=name, rate=rate, arm=arm), "loss") for arm in ARMS}
            for arm in list(ARMS)[3:]:
                change = 100 * (loss[arm] / loss["base"] - 1)
                as_well = [one for one in ("reset-only", "random") if loss[one] <= loss[arm]]
                control = f"; as good or better: {', '.join(as_well)}" if as_well else ""
                word = "raises" if change > 0 else "lowers"
                said.append(f"{name} at {rate:g}: {arm} {word} the final loss by {abs(change):.1f} %{control}")
    return said


def draw(runs: Sequence[Mapping[str, Any]], rates: Mapping[str, Sequence[float]]) -> Any:
    """The loss against the steps: the mean over the starts, one panel for each optimizer and rate."""
    import matplotlib.pyplot as plt
    import numpy as np

    colours = dict(zip(ARMS, ("#1f2937", "#0b7285", "#b08900", "#d9480f", "#862e9c"), strict=True))
    styles = dict(zip(ARMS, ("-", "--", ":", "-", "-"), strict=True))
    panels = [(name, rate) for name, those in rates.items() for rate in those]
    figure, axes = plt.subplots(1, len(panels), figsize=(4 * len(panels), 3.4), squeeze=False, layout="constrained")
    for ax, (name, rate) in zip(axes[0], panels, strict=True):
        for arm in ARMS:
            curves = [one["losses"] for one in having(runs, optimizer=name, rate=rate, arm=arm) if not one["diverged"]]
            if curves:
                mean = np.mean(np.array(curves, dtype=float), axis=0)
                ax.plot(mean, styles[arm], color=colours[arm], linewidth=1.5, label=arm)
        ax.set(yscale="log", xlabel="optimizer steps", title=f"{name}, rate {rate:g}")
        ax.title.set_fontsize(10)
        ax.grid(visible=True, color="#e5e7eb", linewidth=0.6)
    axes[0, 0].set_ylabel("loss, mean over the starts")
    axes[0, 0].legend(frameon=False, fontsize=8)
    return figure


def read_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of the command."""
    made = parser("A regression with three layers, with and without a teleport.", epochs=None)
    made.add_argument("--steps", type=int, default=300, metavar="N", help="optimizer steps")
    made.add_argument("--moment", type=int, default=5, metavar="N", help="steps before the teleport")
    made.add_argument("--no-test", action="store_true", help="take every teleport, without virtual steps")
    options = made.parse_args(arguments)
    if options.smoke:
        options.seeds = min(options.seeds, 2)
    return options


if __name__ == "__main__":
    sys.exit(main(NAME, study, read_options()))
