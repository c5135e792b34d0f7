"""
Learning to teleport: an LSTM proposes the rate, the group element or the step
==============================================================================

A command for the terminal; `python examples/networks/learned_optimizer.py --help` lists its options. A recurrent
network reads the gradients of a regression with two layers and proposes what the optimizer does next. It is trained by
truncated unrolling in five variants: with the learning rate alone, which is the control, with a teleport along an exact
group action, with both, and with the whole step. Beside it stands gradient descent at the published rate, at the rate
that serves it best, and with two rates one after the other. All are judged on the same unseen tasks, after equally many
steps and after equally many gradients.

Source: B. Zhao, R. Gower, R. Walters, R. Yu, "Improving Convergence and Generalization Using Parameter Symmetries"
(2023), arXiv:2305.13404, section 5.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

from experiment import Lab, Report, average, having, main, paired, parser, shown, spread

from manifolds.errors import InputError
from solvers.pytorch.learned import VARIANTS, MetaSettings, RegressionTask, learn_optimizer
from solvers.pytorch.learning.regression import ACTIONS
from solvers.pytorch.learning.rollout import value_and_gradient

NAME = "learned-optimizer"

BASELINES = ("GD 3e-4", "GD tuned", "GD two rates")
PUBLISHED_RATE = 3e-4
INITIAL_RATE = 1e-4
GRID = (1e-4, 2e-4, 2.5e-4, 3e-4, 3.5e-4, 4e-4, 5e-4)
FIRST, SECOND, SWITCH = (1e-4, 3e-4), (1e-3, 2e-3, 3e-3, 5e-3), (10, 20, 40)

SIZES: Mapping[str, dict[str, Mapping[str, Any]]] = {
    "default": {
        "rate": {"rounds": 30, "train_steps": 100, "meta_rate": 3e-3, "hidden": 20},
        "update": {"rounds": 40, "train_steps": 100, "meta_rate": 1e-3, "hidden": 20},
    },
    "full": {
        "rate": {"rounds": 30, "train_steps": 300, "meta_rate": 1e-4, "hidden": 20},
        "update": {"rounds": 600, "train_steps": 100, "meta_rate": 1e-3, "hidden": 300},
        "update+teleport": {"rounds": 700, "train_steps": 100, "meta_rate": 1e-3, "hidden": 300},
    },
    "smoke": {
        "rate": {"rounds": 2, "train_steps": 10, "meta_rate": 3e-3, "hidden": 4},
        "update": {"rounds": 2, "train_steps": 10, "meta_rate": 1e-3, "hidden": 4},
    },
}
TEST_TASKS, TUNING_TASKS = 10_000, 20_000  # where the seeds of the tasks begin

COLUMNS = (
    *("optimizer", "median loss", "mean loss", "spread", "minus rate only", "+-"),
    *("diverged", "at equal gradients", "drift", "learned in"),
)


def sizes_of(variant: str, size: str) -> Mapping[str, Any]:
    """Rounds, steps and rates of one variant."""
    known = SIZES[size]
    return known.get(variant, known["update" if "update" in variant else "rate"])


def train(
    *,
    variant: str,
    seed: int,
    rounds: int,
    train_steps: int,
    meta_rate: float,
    hidden: int,
    action: str,
    radius: float,
    states: str,
    tests: int,
    steps: int,
) -> dict[str, Any]:
    """Train one network, and run it on the unseen tasks."""
    folder = Path(states)
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {"rounds": rounds, "steps": train_steps, "meta_rate": meta_rate, "hidden": hidden, "validation": 5}
    first = PUBLISHED_RATE if variant == "teleport" else INITIAL_RATE
    result = learn_optimizer(
        lambda one: RegressionTask(one, action=action),
        settings=MetaSettings(variant=variant, seed=seed, radius=radius, initial_rate=first, **sizes),
        state_file=folder / f"{variant}-{action}-{seed}.pt",
    )
    if result.status.is_failure:  # what is done is in the state file
        raise KeyboardInterrupt
    ways = [result.follow(RegressionTask(TEST_TASKS + k, action=action), steps) for k in range(tests)]
    return {
        **judged([list(way.losses) for way in ways], steps, gradients=2 if "teleport" in variant else 1),
        "drift": max((max(way.drifts) for way in ways if way.drifts), default=None),
        "rates": list(ways[0].rates),
        "radii": list(ways[0].radii),
        "training": dict(result.curves),
        "untrained": result.untrained,
        "best": result.best,
        "best_round": result.best_round,
    }


def descent(*, baseline: str, seed: int, tests: int, steps: int) -> dict[str, Any]:
    """Gradient descent at fixed rates, those of a grid chosen on other tasks than it is judged on."""
    plans = {
        "GD 3e-4": [[PUBLISHED_RATE] * steps],
        "GD tuned": [[rate] * steps for rate in GRID],
        "GD two rates": [
            ([first] * switch + [second] * steps)[:steps]
            for first, second, switch in itertools.product(FIRST, SECOND, SWITCH)
        ],
    }[baseline]
    plan = plans[0]
    if len(plans) > 1:
        tuning = [RegressionTask(TUNING_TASKS + 100 * seed + k) for k in range(min(12, tests))]
        plan = min(plans, key=lambda rates: mean(finite(descend(task, rates)[-1]) for task in tuning))
    ways = [descend(RegressionTask(TEST_TASKS + k), plan) for k in range(tests)]
    return {**judged(ways, steps, gradients=1), "drift": None, "rates": plan}


def descend(task: RegressionTask, rates: Sequence[float]) -> list[float]:
    """The losses of gradient descent, up to where one is not finite."""
    parameters, losses = task.start, []
    for rate in rates:
        loss, slope = value_and_gradient(task, parameters, differentiable=False)
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            return losses
        parameters = {name: (one - rate * slope[name]).detach() for name, one in parameters.items()}
    return [*losses, task.loss(parameters).item()]


def finite(loss: float) -> float:
    """A loss, infinite where it is no number."""
    return loss if math.isfinite(loss) else math.inf


def judged(ways: Sequence[list[float]], steps: int, *, gradients: int) -> dict[str, Any]:
    """What the losses on the test tasks say; `gradients` is how many a step costs."""
    last = [finite(way[-1]) if len(way) == steps + 1 else math.inf for way in ways]
    started = [way[0] for way in ways]
    diverged = [not loss < start for loss, start in zip(last, started, strict=True)]
    equal = [way[steps // gradients] if not bad else math.inf for way, bad in zip(ways, diverged, strict=True)]
    return {
        "loss": mean(last) if not any(diverged) else None,
        "losses": [None if bad else loss for loss, bad in zip(last, diverged, strict=True)],
        "diverged": sum(diverged),
        "equal": mean(equal) if not any(diverged) else None,
        "gradients": gradients,
        "curve": [mean(column) for column in zip(*(way for way, bad in zip(ways, diverged, strict=True) if not bad),
                                                 strict=True)],
    }  # fmt: skip


def study(lab: Lab) -> Report:
    """The baselines, and the network in all variants."""
    options = lab.options
    size = "smoke" if options.smoke else "full" if options.full else "default"
    tests, steps = (2, 10) if options.smoke else (options.tests, 100)
    if options.tests < 1:
        raise InputError(f"--tests {options.tests}", why="there is nothing to judge on", cure="give 1 or more")
    MetaSettings(rounds=1 if options.rounds is None else options.rounds, radius=options.radius, seed=options.seed)
    seeds = [options.seed + seed for seed in lab.seeds]
    judge = {"tests": tests, "steps": steps}
    runs = lab.runs(descent, {"baseline": list(BASELINES), "seed": seeds}, "gradient descent", **judge)
    for variant in VARIANTS:
        sizes = dict(sizes_of(variant, size))
        if options.rounds is not None:
            sizes["rounds"] = options.rounds
        fixed = {"action": options.action, "radius": options.radius, "states": str(lab.folder / "states")}
        runs += lab.runs(train, {"variant": [variant], "seed": seeds}, f"LSTM: {variant}", **fixed, **judge, **sizes)
    for one in runs:
        one["name"] = one.get("baseline") or f"LSTM {one['variant']}"
    names = [*BASELINES, *(f"LSTM {variant}" for variant in VARIANTS)]
    return Report(
        title=f"{tests} unseen tasks, {steps} steps, {len(seeds)} trainings, group action {options.action!r}",
        tables={"loss after the last step": (COLUMNS, [cells(runs, name) for name in names])},
        remarks=remarks(runs),
        findings={"runs_kept": [{k: v for k, v in one.items() if k != "training"} for one in runs]},
        draw=lambda: draw(runs, names),
    )


def cells(runs: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    """One row of the table."""
    own, control = having(runs, name=name), having(runs, name="LSTM rate")
    difference, error = differences(own, control)
    drifts = [one["drift"] for one in own if one["drift"] is not None]
    count = sum(len(one["losses"]) for one in own)
    return [
        name,
        shown(middle(own)),
        shown(average(own, "loss")),
        shown(spread(own, "loss"), ".2g"),
        "-" if name == "LSTM rate" else shown(difference, "+.3g"),
        "-" if name == "LSTM rate" else shown(error, ".2g"),
        f"{sum(one['diverged'] for one in own)}/{count}",
        shown(average(own, "equal")),
        f"{max(drifts):.0e}" if drifts else "-",
        f"{average(own, 'seconds'):.0f} s" if name.startswith("LSTM") and own else "-",
    ]


def middle(own: Sequence[Mapping[str, Any]]) -> float:
    """The median over all tasks of all trainings, those that diverged at infinity; NaN without runs."""
    losses = [math.inf if loss is None else loss for one in own for loss in one["losses"]]
    return median(losses) if losses else math.nan


def differences(own: Sequence[Mapping[str, Any]], control: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Mean and standard error of the loss beside the control, over all pairs of the same task and seed."""
    rows = [
        [{"seed": (one["seed"], k), "loss": loss} for one in side for k, loss in enumerate(one["losses"])]
        for side in (own, control)
    ]
    return paired(rows[0], rows[1], "loss")


def remarks(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the figures say in sentences."""
    names = ("GD two rates", "LSTM rate", "LSTM rate+teleport")
    tuned, control, both = (middle(having(runs, name=name)) for name in names)
    said = [
        "The teleport alone keeps the rate 3e-4 of the first line.",
        "Differences are means over the pairs of task and training in which neither diverged.",
        "A step with a teleport costs two gradients; 'at equal gradients' is its loss after half of the steps.",
    ]
    if math.isfinite(control) and math.isfinite(both):
        said.append(f"The teleport changes the median loss of the learned rate by {100 * (both / control - 1):+.1f}%.")
    if math.isfinite(control) and math.isfinite(tuned):
        said.append(f"Two fixed rates, tuned, end at {tuned / control:.2f} times the median loss of the learned rate.")
    return said


COLOURS = {
    "GD 3e-4": ("#9ca3af", ":"),
    "GD tuned": ("#6b7280", "--"),
    "GD two rates": ("#1f2937", "--"),
    "LSTM rate": ("#0b7285", "-"),
    "LSTM teleport": ("#b08900", "-"),
    "LSTM rate+teleport": ("#d9480f", "-"),
    "LSTM update": ("#5f3dc4", "-"),
    "LSTM update+teleport": ("#c2255c", "-"),
}


def draw(runs: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Any:
    """Losses on the unseen tasks, learning rates on the first of them, and validation losses of the training."""
    import matplotlib.pyplot as plt

    figure, (losses, rates, training) = plt.subplots(1, 3, figsize=(14, 4.2), layout="constrained")
    for name in names:
        colour, style = COLOURS[name]
        for number, one in enumerate(having(runs, name=name)):
            label = name if number == 0 else None
            losses.plot(one["curve"], style, color=colour, lw=1.6, label=label)
            if "teleport" not in name or "rate" in name:
                rates.plot(range(1, len(one["rates"]) + 1), one["rates"], style, color=colour, lw=1.6)
            if "training" in one:
                values = [one["untrained"], *one["training"]["validation"]]
                shown_values = [value if value is not None and value < 1e4 else math.nan for value in values]
                training.plot(range(len(values)), shown_values, color=colour, lw=1.2)
    losses.set(xscale="log", yscale="log", xlabel="step, from one on", ylabel="mean loss", title="unseen tasks")
    losses.set_xlim(left=1)
    losses.legend(frameon=False, fontsize=8)
    rates.set(xscale="log", yscale="log", xlabel="step", title="learning rates on the first task")
    training.set(yscale="log", xlabel="tasks trained on", title="last loss on the validation tasks")
    for ax in (losses, rates, training):
        ax.grid(visible=True, color="#e5e7eb", lw=0.6)
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def read_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of the command."""
    made = parser("Learn an optimizer that teleports, beside one that does not.", seeds=1, epochs=None)
    made.add_argument("--rounds", type=int, metavar="N", help="tasks that each network is trained on")
    made.add_argument("--seed", type=int, default=0, help="of the first training; the others count on from it")
    made.add_argument("--tests", type=int, default=20, metavar="N", help="unseen tasks to judge on")
    made.add_argument("--action", choices=ACTIONS, default=ACTIONS[0], help="of the group that teleports")
    made.add_argument("--radius", type=float, default=0.01, help="largest norm of a Lie algebra element")
    return made.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(NAME, study, read_options()))
