"""Level-set and null-space teleports: gain, feasibility and cost beside the published level-set solver.

Each row checks the bars that it has to meet; the figures are in the extra information of the benchmark, and
`pytest benchmarks/test_level_set.py -s` prints them as a table.  Gains are medians over ten seeds where seeds matter.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from published_level_set import SequentialLinear
from pytest_benchmark.fixture import BenchmarkFixture
from scipy.ndimage import zoom

from solvers.aims.target_norms import GradientNorm
from solvers.level_set import LevelSetMove
from solvers.network import Network
from solvers.null_space import NullSpaceMove
from solvers.objective import Objective
from solvers.search.null_space_layers import NullSpaces
from symmetries import Loss
from symmetries.actions.parameter_space import FloatArray

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from learning_problems import LogisticRegression, SoftplusNetwork, digits

SEEDS = 10
INFEASIBLE = 1e-4
BOOTH = "(x + 2*y - 7)**2 + (2*x + y - 5)**2"
ROSENBROCK = "100*(x**2 - y)**2 + (x - 1)**2"
GOLDSTEIN_PRICE = (
    "(1 + (x + y + 1)**2*(19 - 14*x + 3*x**2 - 14*y + 6*x*y + 3*y**2))"
    "*(30 + (2*x - 3*y)**2*(18 - 32*x + 12*x**2 + 48*y - 36*x*y + 27*y**2))"
)
TARGET = GradientNorm()


@dataclass(frozen=True)
class Run:
    """One teleport: gain of the squared gradient norm, relative change of the loss, cost."""

    gain: float
    drift: float
    hvps: int
    gradients: int
    milliseconds: float


def measure(objective: Objective, w: FloatArray, solve: Any) -> Run:
    """A solver's answer from one start."""
    before, opened = objective.ledger.total(), time.perf_counter()
    with np.errstate(all="ignore"):
        point = solve(w.copy())
    seconds, cost = time.perf_counter() - opened, objective.ledger.total() - before
    return Run(
        gain=TARGET.value(objective, point) / TARGET.value(objective, w),
        drift=objective.value(point) / objective.value(w) - 1,
        hvps=cost.hvps,
        gradients=cost.gradients,
        milliseconds=1e3 * seconds,
    )


def ours(objective: Objective, starts: list[FloatArray], **options: Any) -> list[Run]:
    """Level-set moves."""
    move, rng = LevelSetMove(**options), np.random.default_rng(0)
    return [
        measure(objective, w, lambda w: move.search(objective, w, TARGET, maximize=True, rng=rng).point) for w in starts
    ]


def published(objective: Objective, starts: list[FloatArray], **options: Any) -> list[Run]:
    """The published solver."""
    solver = SequentialLinear(objective, **options)
    return [measure(objective, w, solver.run) for w in starts]


def tell(benchmark: BenchmarkFixture, title: str, **rows: list[Run]) -> None:
    """Put the figures into the extra information and print them."""
    for name, runs in rows.items():
        drifts = [run.drift for run in runs]
        figures = {
            "gain": round(float(np.median([run.gain for run in runs])), 4),
            "least gain": round(min(run.gain for run in runs), 4),
            "worst rise of the loss": float(f"{max(drifts):.1e}"),
            "infeasible": sum(drift > INFEASIBLE for drift in drifts),
            "runs": len(runs),
            "hvps": max(run.hvps for run in runs),
            "gradients": max(run.gradients for run in runs),
            "milliseconds": round(float(np.median([run.milliseconds for run in runs])), 1),
        }
        benchmark.extra_info[name] = figures
        print(f"{title:24} {name:16}", ", ".join(f"{key} {value}" for key, value in figures.items()))


def text(source: str) -> Objective:
    """The objective of a formula."""
    return Objective.from_loss(Loss.parse(source))


@pytest.mark.parametrize(
    ("name", "source", "start", "best"),
    [
        ("booth", BOOTH, (5.0, -5.0), 1.8),
        ("rosenbrock", ROSENBROCK, (-1.0, -1.0), 70.6989),
        ("goldstein-price", GOLDSTEIN_PRICE, (0.0, 0.0), 32.531),
    ],
)
def test_two_parameters(
    benchmark: BenchmarkFixture, name: str, source: str, start: tuple[float, float], best: float
) -> None:
    """At least 0.999 of the maximum in at most 15 Hessian-vector products, feasible."""
    objective, starts = text(source), [np.array(start)]
    mine = benchmark(ours, objective, starts, hvps=15)
    tell(
        benchmark,
        name,
        ours=mine,
        published_50=published(objective, starts),
        published_1000=published(objective, starts, steps=1000),
    )
    assert mine[0].gain >= 0.999 * best
    assert mine[0].hvps <= 15
    assert abs(mine[0].drift) <= 1e-10


def test_restarts_on_rosenbrock(benchmark: BenchmarkFixture) -> None:
    """The largest of the four maxima on the level curve, 93.5616 times the start."""
    objective, starts = text(ROSENBROCK), [np.array([-1.0, -1.0])]
    mine = benchmark.pedantic(ours, (objective, starts), {"restarts": 20}, rounds=3)
    tell(benchmark, "rosenbrock, restarts", ours=mine)
    assert mine[0].gain >= 0.9999 * 93.5616


def test_quadratic(benchmark: BenchmarkFixture) -> None:
    """50 parameters, condition 1,000: at least 0.99 of the maximum in ten products."""
    values = np.logspace(0, 3, 50)
    objective = Objective.from_functions(
        lambda w: w @ (values * w) / 2, lambda w: values * w, lambda w, v: values * v, size=50
    )
    starts = [np.random.default_rng(seed).standard_normal(50) for seed in range(SEEDS)]
    best = [2 * values[-1] * objective.value(w) / TARGET.value(objective, w) for w in starts]
    mine = benchmark(ours, objective, starts, steps=10)
    peer = published(objective, starts), published(objective, starts, steps=1000)
    for name, runs in (("ours", mine), ("published_50", peer[0]), ("published_1000", peer[1])):
        share = float(np.median([run.gain / top for run, top in zip(runs, best, strict=True)]))
        benchmark.extra_info[f"{name}: share of the maximum"] = round(share, 4)
        print(f"quadratic: {name} reaches {share:.4f} of the maximum")
    tell(benchmark, "quadratic", ours=mine, published_50=peer[0], published_1000=peer[1])
    assert np.median([run.gain / top for run, top in zip(mine, best, strict=True)]) >= 0.99
    assert max(run.hvps for run in mine) <= 10
    assert max(abs(run.drift) for run in mine) <= 1e-10


@pytest.mark.parametrize("form", ["equality", "sub-level"])
@pytest.mark.parametrize(
    ("problem", "least"), [(LogisticRegression(), 11.0), (SoftplusNetwork(), 60.0)], ids=["logistic", "softplus"]
)
def test_learning(benchmark: BenchmarkFixture, problem: Any, least: float, form: str) -> None:
    """Digits: the median gain in ten products and 90 gradients, and no infeasible return."""
    starts = [problem.initial(seed) for seed in range(SEEDS)]
    mine = benchmark.pedantic(ours, (problem, starts), {"steps": 10, "form": form})
    tell(
        benchmark,
        f"{type(problem).__name__}, {form}",
        ours=mine,
        ours_50=ours(problem, starts, steps=50, form=form),
        published=published(problem, starts, sub_level=form == "sub-level"),
        published_length_1=published(problem, starts, sub_level=form == "sub-level", length=1.0),
    )
    assert np.median([run.gain for run in mine]) >= least
    assert max(run.hvps for run in mine) <= 10
    assert max(run.gradients for run in mine) <= 90
    assert max(run.drift for run in mine) <= 1e-10
    assert form == "sub-level" or min(run.drift for run in mine) >= -1e-10


def large_digits() -> Network:
    """Digits of 28 x 28 pixels by bilinear interpolation, and a network 784-256-256-10."""
    images, classes = digits()
    inputs = np.array([zoom(image.reshape(8, 8), 3.5, order=1).ravel() for image in images]).T
    return Network(widths=(784, 256, 256, 10), inputs=inputs, targets=classes, activation="leaky_relu")


@pytest.mark.parametrize("inputs", ["digits", "random"])
def test_null_space(benchmark: BenchmarkFixture, inputs: str) -> None:
    """Eight steps on 200 samples in at most 200 ms, one singular value decomposition a layer included."""
    whole = large_digits()
    if inputs == "random":
        rng = np.random.default_rng(0)
        whole = Network(widths=whole.widths, inputs=rng.random((784, 1000)), targets=rng.integers(10, size=1000))
    batch, w = whole.on(np.arange(200)), whole.initial(0)
    move, rng = NullSpaceMove(steps=8, radius=np.inf, tolerance=1e-12), np.random.default_rng(0)
    found = benchmark.pedantic(
        move.search, (batch, w, TARGET), {"maximize": False, "rng": rng}, rounds=5, warmup_rounds=1
    )
    assert found.steps == 8
    assert abs(found.evidence["relative_drift"]) <= 1e-12
    opened = time.perf_counter()
    NullSpaceMove().search(batch, w, TARGET, maximize=True, rng=rng)
    benchmark.extra_info["milliseconds of a search for a long gradient"] = round(1e3 * (time.perf_counter() - opened))
    up = NullSpaceMove(held_out=whole.on(np.arange(200, 1000))).search(batch, w, TARGET, maximize=True, rng=rng)
    gain = TARGET.value(batch, up.point) / TARGET.value(batch, w)
    benchmark.extra_info["gain within the length of the start"] = round(gain, 1)
    benchmark.extra_info["held-out drift"] = up.evidence["held_out"]["relative_drift"]
    print(f"null space, {inputs}: gain {gain:.1f}, drift {up.evidence['relative_drift']:.1e}", up.evidence["held_out"])
    assert abs(up.evidence["relative_drift"]) <= 1e-12
    assert benchmark.stats.stats.median <= 0.2


def test_energy_and_drift(benchmark: BenchmarkFixture) -> None:
    """One step of a fixed rate along the projected target: the drift falls to rounding as the share grows to one."""
    whole = large_digits()
    batch, w = whole.on(np.arange(200)), whole.initial(0)
    gradient = TARGET.value_and_grad(batch, w)[1] / 2
    energies = (0.9, 0.95, 0.99, 0.999, 0.9999, 1.0)

    def curve() -> list[float]:
        """The change of the outputs on the batch, relative to them, for each share."""
        before, drifts = batch.outputs(w), []
        for energy in energies:
            moved = w + 0.5 * NullSpaces.of(batch, w, energy=energy).project(gradient)
            drifts.append(float(np.linalg.norm(batch.outputs(moved) - before) / np.linalg.norm(before)))
        return drifts

    drifts = benchmark.pedantic(curve, rounds=1)
    benchmark.extra_info["drift by share"] = dict(zip(map(str, energies), drifts, strict=True))
    print("null space: drift by share", dict(zip(energies, drifts, strict=True)))
    assert drifts == sorted(drifts, reverse=True)
    assert drifts[-1] <= 1e-12
