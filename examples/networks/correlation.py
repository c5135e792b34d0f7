"""
Do sharpness and curvature of a minimum go with its test loss?
==============================================================

A command for the terminal; `python examples/networks/correlation.py --help` lists its options. Many trainings from
different starts end in different minima; at each the sharpness of the loss and the mean curvature of the orbit are
measured, and correlated with the test loss over the runs. Intervals are Fisher's; a correlation whose interval holds
zero says nothing, and none says what causes what.

Source: B. Zhao, R. Gower, R. Walters, R. Yu, "Improving Convergence and Generalization Using Parameter Symmetries"
(2023), arXiv:2305.13404, section 4 and table 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from experiment import Lab, Report, main, parser
from training import PUBLISHED, Arm, Run, load, summary

from solvers.convergence.correlation import correlation_over_runs
from solvers.pytorch.meters import curvature, sharpness

NAME = "correlation"

QUANTITIES = {
    "sharpness": "mean loss on spheres (sharpness)",
    "excess": "the same less the training loss",
    "curvature": "mean curvature of the orbit",
    "train_loss": "training loss",
}
AIMS = {"test_loss": "test loss", "gap": "test loss less training loss"}
COLUMNS = ("quantity", "with", "r", "interval at 95 %", "verdict")


def run(
    *, seed: int, rate: float, epochs: int, data: str | None, images: int | None, directions: int, elements: int
) -> dict[str, Any]:
    """One training, and the meters at its end on all training images."""
    made = Run(load(data, images), optimizer="sgd", rate=rate, seed=seed, arm=Arm())
    ok = made.epochs(epochs)
    batch = made.batch(2000)
    named = {name: one.detach() for name, one in made.network.named_parameters()}
    phi = sharpness(made.network, made.loss, batch, directions=directions, rng=0)
    psi = curvature(made.symmetry, named, elements=elements, rng=0)
    found = {key: value for key, value in summary(made, ok).items() if key not in ("history", "events", "gains")}
    errors = {"sharpness_error": phi.standard_error, "curvature_error": psi.standard_error}
    return {**found, "sharpness": phi.value, "curvature": psi.value, **errors}


def study(lab: Lab) -> Report:
    """All runs, and the correlations over them."""
    options = lab.options
    fixed = {
        "rate": options.rate,
        "epochs": 1 if options.smoke else 40 if options.full else options.epochs,
        "data": lab.data,
        "images": 100 if options.smoke else None,
        "directions": 4 if options.smoke else 200 if options.full else 24,
        "elements": 2 if options.smoke else 64 if options.full else 8,
    }
    runs = [one for one in lab.runs(run, {"seed": lab.seeds}, "trainings", **fixed) if one["test_loss"] is not None]
    for one in runs:
        one["gap"] = one["test_loss"] - one["train_loss"]
        one["excess"] = one["sharpness"] - one["train_loss"]
    rows, findings = [], []
    for quantity, name in QUANTITIES.items():
        for aim, word in AIMS.items():
            claim = correlation_over_runs([one[quantity] for one in runs], [one[aim] for one in runs]).claims[0]
            low, high = claim.evidence["interval"]
            findings.append({"quantity": quantity, "with": aim, "verdict": claim.verdict, **claim.evidence})
            interval = f"{low:+.3f} to {high:+.3f}"
            rows.append([name, word, f"{claim.evidence['correlation']:+.3f}", interval, claim.verdict])
    return Report(
        title=f"{len(runs)} trainings of {fixed['epochs']} epochs, SGD at {options.rate:g}",
        tables={"Pearson's correlation over the runs": (COLUMNS, rows)},
        remarks=[
            "a run that has not come far has a high training loss, and with it a high test loss and sharpness:",
            "compare with the row of the training loss, and take the sharpness less that loss",
        ],
        findings={"correlations": findings, "runs_kept": runs},
        draw=lambda: draw(runs, findings),
    )


def draw(runs: Sequence[Mapping[str, Any]], findings: Sequence[Mapping[str, Any]]) -> Any:
    """Each quantity against the test loss."""
    import matplotlib.pyplot as plt

    shown = {name: words for name, words in QUANTITIES.items() if name != "train_loss"}
    figure, axes = plt.subplots(1, len(shown), figsize=(12, 3.8), sharey=True, layout="constrained")
    for ax, (quantity, name) in zip(axes, shown.items(), strict=True):
        found = next(one for one in findings if one["quantity"] == quantity and one["with"] == "test_loss")
        low, high = found["interval"]
        ax.plot([one[quantity] for one in runs], [one["test_loss"] for one in runs], "o", color="#0b7285", alpha=0.7)
        ax.set(xlabel=name, title=f"r = {found['correlation']:+.2f}, between {low:+.2f} and {high:+.2f}")
        ax.title.set_fontsize(10)
        ax.grid(visible=True, color="#e5e7eb", linewidth=0.6)
    axes[0].set_ylabel("test loss")
    return figure


def read_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of the command."""
    made = parser("Correlations of sharpness and curvature with the test loss.", seeds=100, epochs=15)
    made.add_argument("--rate", type=float, default=PUBLISHED["sgd"], help="learning rate of SGD")
    options = made.parse_args(arguments)
    if options.smoke:
        options.seeds = min(options.seeds, 5)
    return options


if __name__ == "__main__":
    sys.exit(main(NAME, study, read_options()))
