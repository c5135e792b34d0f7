"""
Teleportation to flat, sharp, straight and curved minima
========================================================

A command for the terminal; `python examples/networks/flat_and_curved_minima.py --help` lists its options. In the middle
of a training the parameters go to a point of the same function where the loss around it is flatter or sharper, or where
the orbit is less or more curved; then the training goes on. Each ends beside the run from the same start that stays,
and one that goes to a random point. The table says what happened to sharpness, curvature and test loss, as paired
differences to the run that stays.

Source: B. Zhao, R. Gower, R. Walters, R. Yu, "Improving Convergence and Generalization Using Parameter Symmetries"
(2023), arXiv:2305.13404, section 4.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import torch
from experiment import Lab, Report, average, having, main, paired, parser, shown
from training import PUBLISHED, Arm, Run, load, per_epoch, summary

from solvers.pytorch.meters import SharpnessTarget, curvature, sharpness

NAME = "flat-and-curved-minima"

KINDS: Mapping[str, dict[str, Any]] = {
    "stay": {},
    "random": {"along": "random"},
    "flatter": {"target": "rise", "maximize": False},
    "sharper": {"target": "rise", "maximize": True},
    "less curved": {"target": "curvature", "maximize": False},
    "more curved": {"target": "curvature", "maximize": True},
}

COLUMNS = (
    *("to", "moved", "target x", "drift", "sharpness x", "curvature x", "train loss", "test loss"),
    *("test loss - stay", "+-", "better tests", "diverged", "cost"),
)


def run(
    *, kind: str, seed: int, rate: float, epochs: int, moment: int, data: str | None, images: int | None,
    teleport_batch: int, teleports: int, inner_steps: int, directions: int, elements: int,
) -> dict[str, Any]:  # fmt: skip
    """One training with its visit in the middle."""
    made = Run(load(data, images), optimizer="sgd", rate=rate, seed=seed, arm=Arm())
    ok = made.epochs(moment)
    batch = made.batch(teleport_batch)
    options = {"steps": inner_steps, "accept": None, "guard": None, **KINDS[kind]}  # a lower loss soon is no aim here
    if options.get("target") == "rise":
        options["target"] = rise(made, batch)
    arm = Arm(name="random" if kind == "random" else "teleport", options=options)
    before = meters(made, batch, directions, elements)
    if ok and kind != "stay":
        for _ in range(teleports):
            made.teleport(batch, arm)
    after = meters(made, batch, directions, elements)
    return {**summary(made, ok and made.epochs(epochs - moment)), "before": before, "after": after}


def rise(made: Run, batch: Any) -> Callable[[Any, Any], tuple[float, Any]]:
    """How far the mean loss on spheres is above the loss, as a target: the loss is a constant on an orbit.

    Without it the target would be nearly the loss itself, and a search would see no slope worth a step.
    """
    target = SharpnessTarget(made.network, made.loss, batch, rng=made.seed + 1)
    with torch.no_grad():
        loss = float(made.loss(made.network(batch[0]), batch[1]))

    def risen_by(objective: Any, w: Any) -> tuple[float, Any]:
        value, gradient = target.value_and_gradient(objective.parameters(w))
        objective.ledger.count(gradients=target.values)
        return float(value) - loss, objective.vector(gradient)

    return risen_by


def meters(made: Run, batch: Any, directions: int, elements: int) -> dict[str, float]:
    """Sharpness and mean curvature of the orbit now."""
    named = {name: one.detach() for name, one in made.network.named_parameters()}
    return {
        "sharpness": sharpness(made.network, made.loss, batch, directions=directions, rng=made.seed).value,
        "curvature": curvature(made.symmetry, named, elements=elements, rng=made.seed).value,
    }


def study(lab: Lab) -> Report:
    """All kinds from the same starts."""
    options = lab.options
    epochs = 2 if options.smoke else 40 if options.full else options.epochs
    fixed = {
        "rate": options.rate,
        "epochs": epochs,
        "moment": 1 if options.smoke else min(options.moment, epochs - 1) if epochs > 1 else 0,
        "data": lab.data,
        "images": 100 if options.smoke else None,
        "teleport_batch": 40 if options.smoke else options.teleport_batch,
        "teleports": 1 if options.smoke else options.teleports,
        "directions": 4 if options.smoke else 24,
        "elements": 1 if options.smoke else 8,
        "inner_steps": 1 if options.smoke else options.inner_steps,
    }
    runs = lab.runs(run, {"kind": list(KINDS), "seed": lab.seeds}, "teleports in the middle", **fixed)
    for one in runs:
        one["curvature x"] = one["after"]["curvature"] / one["before"]["curvature"]
        one["sharpness x"] = risen(one, "after") / risen(one, "before") if one["events"] else 1.0
    return Report(
        title=f"{len(lab.seeds)} starts, SGD at {options.rate:g}, a visit after {fixed['moment']} of {epochs} epochs",
        tables={"what the visit did, and where the training ended": (COLUMNS, [cells(runs, kind) for kind in KINDS])},
        remarks=[
            *remarks(runs),
            "sharpness is the rise of the mean loss on spheres above the loss, which teleports keep",
        ],
        findings={"runs_kept": [{k: v for k, v in one.items() if k not in ("history", "events")} for one in runs]},
        draw=lambda: draw(runs),
    )


def risen(one: Mapping[str, Any], when: str) -> float:
    """How much higher the loss is on the spheres around the point than at the point, which a teleport keeps."""
    event = one["events"][0 if when == "before" else -1]
    return float(one[when]["sharpness"] - event[f"loss_{when}"])


def cells(runs: Sequence[Mapping[str, Any]], kind: str) -> list[str]:
    """One row of the table."""
    own, stay = having(runs, kind=kind), having(runs, kind="stay")
    difference, error = paired(own, stay, "test_loss")
    tests = {one["seed"]: one["test_loss"] for one in stay}
    better = sum(one["test_loss"] is not None and one["test_loss"] < tests[one["seed"]] for one in own)
    gains = [gain for one in own for gain in one["gains"] if gain is not None]
    return [
        kind,
        f"{sum(one['accepted'] for one in own)}/{sum(one['tried'] for one in own)}" if kind != "stay" else "-",
        shown(median(gains), ".3g") if gains else "-",
        f"{max((one['largest_drift'] or 0.0 for one in own), default=0.0):.0e}" if kind != "stay" else "-",
        *(shown(average(own, f"{name} x"), ".3f") for name in ("sharpness", "curvature")),
        shown(average(own, "train_loss")),
        shown(average(own, "test_loss")),
        *(["-"] * 3 if kind == "stay" else [f"{difference:+.4f}", shown(error, ".1g"), f"{better}/{len(own)}"]),
        f"{sum(one['diverged'] for one in own)}/{len(own)}",
        shown(average(own, "cost"), ".0f"),
    ]


def remarks(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the test loss did, and whether that is more than chance."""
    said = []
    for kind in list(KINDS)[1:]:
        difference, error = paired(having(runs, kind=kind), having(runs, kind="stay"), "test_loss")
        if error == error:
            word = "lowers" if difference < 0 else "raises"
            sure = "more" if abs(difference) > 2 * error else "no more"
            said.append(f"{kind}: {word} the test loss by {abs(difference):.4f}, {sure} than two standard errors")
    return said


def draw(runs: Sequence[Mapping[str, Any]]) -> Any:
    """Test loss less that of the run that stays, epoch by epoch, and the test loss against the sharpness after."""
    import matplotlib.pyplot as plt
    import numpy as np

    colours = dict(zip(KINDS, ("#1f2937", "#b08900", "#0b7285", "#d9480f", "#2b8a3e", "#862e9c"), strict=True))
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.8), layout="constrained")
    stay = {one["seed"]: one for one in having(runs, kind="stay")}
    for kind, colour in list(colours.items())[1:]:
        own = [one for one in having(runs, kind=kind) if not one["diverged"] and one["seed"] in stay]
        pairs = [(one, stay[one["seed"]]) for one in own if not stay[one["seed"]]["diverged"]]
        if pairs:
            curves = [np.subtract(*(list(per_epoch(run, "test_loss")) for run in pair)) for pair in pairs]
            left.plot(range(1, len(curves[0]) + 1), np.mean(curves, axis=0), color=colour, linewidth=1.6, label=kind)
            points = [(one["sharpness x"], one["test_loss"] - other["test_loss"]) for one, other in pairs]
            right.plot(*zip(*points, strict=True), "o", color=colour, markersize=5, alpha=0.85, label=kind)
    left.set(xlabel="epoch", ylabel="test loss less that of the run that stays, mean")
    right.set(xlabel="factor of the rise of the loss on spheres around the point", ylabel="the same at the end")
    for ax in (left, right):
        ax.axhline(0, color=colours["stay"], linewidth=1)
        ax.grid(visible=True, color="#e5e7eb", linewidth=0.6)
    left.legend(frameon=False, fontsize=8)
    return figure


def read_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of the command."""
    made = parser("Teleports to flat, sharp, straight and curved minima.", epochs=40)
    made.add_argument("--rate", type=float, default=PUBLISHED["sgd"], help="learning rate of SGD")
    made.add_argument("--moment", type=int, default=20, metavar="N", help="epochs before the visit")
    made.add_argument("--teleports", type=int, default=1, metavar="N", help="in a row")
    made.add_argument("--inner-steps", type=int, default=10, metavar="N", help="of the search of one teleport")
    made.add_argument("--teleport-batch", type=int, default=1500, metavar="N", help="images on which it looks")
    options = made.parse_args(arguments)
    if options.smoke:
        options.seeds = min(options.seeds, 2)
    return options


if __name__ == "__main__":
    sys.exit(main(NAME, study, read_options()))
