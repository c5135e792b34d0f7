"""Teleports beside their controls on a digits network: every arm tuned over the same grid, the acceptance test on.

A network 64-16-10-10 of leaky ReLU units is trained on 1,500 of scikit-learn's digits in mini-batches of 150, 300 steps
with rates that fall to zero along a cosine.  The teleport goes along the positive scalings of the hidden units; it is
tried at three early steps and taken where a rollout of nearly all that is left of the run ends lower.  The tables, the
counts of the acceptance test and the ratios to the base are printed and are in the extra information.  The arm of
random teleports takes the same test: what it gains is what a choice between two ways is worth by itself.

    python -m pytest benchmarks/test_controls.py -s
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from sklearn.datasets import load_digits

from solvers.compare import compare
from solvers.comparing.comparison import Comparison
from solvers.learning_rates import Cosine
from solvers.level_set import LevelSetMove
from solvers.network import Network
from solvers.rules import AdaGrad, Adam, GradientDescent, HeavyBall, RMSProp
from solvers.running.acceptance import Rollout
from solvers.running.guard import Guard
from solvers.schedules import At, Every, TeleportSchedule
from symmetries import GroupAction

STEPS, SEEDS, BATCH = 300, 5, 150
RULES = {
    "gradient-descent": GradientDescent(),
    "heavy-ball": HeavyBall(),
    "adagrad": AdaGrad(),
    "rmsprop": RMSProp(),
    "adam": Adam(),
}
GRIDS = {
    "gradient-descent": (0.3, 1.0, 2.0),
    "heavy-ball": (0.1, 0.3, 1.0),
    "adagrad": (0.03, 0.1, 0.3),
    "rmsprop": (0.003, 0.01, 0.03),
    "adam": (0.03, 0.1, 0.3),
}
PUBLISHED = {"gradient-descent": 1e-2, "heavy-ball": 1e-3, "adagrad": 1e-2, "rmsprop": 1e-4, "adam": 1e-4}
"""The rates of the published experiments on 784-16-10-10 networks, far below the tuned ones."""

WORSE = 1.02
"""Largest allowed ratio of the mean final loss with teleports to that of the base."""


def digits_network() -> Network:
    """The network on the training samples."""
    images, classes = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(classes))[:1500]
    return Network(widths=(64, 16, 10, 10), inputs=images[order].T / 16, targets=classes[order])


def scalings() -> GroupAction:
    """Positive scalings of the hidden units."""
    return GroupAction.catalogued("homogeneous-network", widths=(64, 16, 10, 10), activation="leaky_relu")


def check(result: Comparison, benchmark: BenchmarkFixture) -> None:
    """Print the table and hold the bar."""
    rows = [result.summary(rule, "teleport") for rule in result.rules]
    ratios = {rule: round(result.ratio(rule), 3) for rule in result.rules}
    with_gain, runs = sum(row.runs_with_gain for row in rows), sum(row.runs for row in rows)
    counts = f"{sum(row.accepted for row in rows)} accepted, {sum(row.rejected for row in rows)} rejected"
    print(f"\n{result.table()}\n{counts}; gain >= 1.1 in {with_gain} of {runs} runs; ratios to the base: {ratios}")
    benchmark.extra_info |= {"ratios": ratios, "teleports": counts, "runs with gain": f"{with_gain}/{runs}"}
    benchmark.extra_info |= {"summaries": result.to_dict()["summaries"]}
    assert max(ratios.values()) <= WORSE
    assert sum(row.diverged for row in rows) == 0
    assert with_gain >= runs / 2
    assert max(row.largest_drift for row in rows) <= 1e-10


def run(schedule: TeleportSchedule, **options: object) -> Comparison:
    """Five rules, all arms."""
    network = digits_network()
    given = {"rules": RULES, "steps": STEPS, "seeds": SEEDS, "batches": BATCH} | options
    return compare(network, network.initial, teleport=schedule, **given)


def test_tuned_rates_along_the_scaling_group(benchmark: BenchmarkFixture) -> None:
    """Never more than 2% above the base, no divergence, gains of 1.1 and more in at least half of the runs."""
    guard = Guard(stability=math.inf)  # tuned rates overshoot at every point; the rollout is the test
    schedule = At([5, 15, 30], along=scalings(), stop_at_gain=2.0, accept=Rollout(steps=270), guard=guard)
    grids = {name: [Cosine(rate, 0.0, STEPS) for rate in rates] for name, rates in GRIDS.items()}
    result = benchmark.pedantic(lambda: run(schedule, learning_rates=grids), rounds=1)
    check(result, benchmark)


@pytest.mark.parametrize("along", ["orbit", "level-set"])
def test_published_rates(benchmark: BenchmarkFixture, along: str) -> None:
    """The same bar at the published rates, with the stability guard on and rollouts of 40 steps."""
    move = {"along": scalings(), "stop_at_gain": 4.0} if along == "orbit" else {"along": LevelSetMove(steps=4)}
    schedule = Every(100, start=10, accept=Rollout(steps=40), **move)
    result = benchmark.pedantic(lambda: run(schedule, learning_rates=PUBLISHED), rounds=1)
    check(result, benchmark)
