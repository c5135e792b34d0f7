"""One step of Adam on Stiefel manifolds against geoopt and against the section carried along; drift after many steps.

Each row checks its answer and the bar that it has to meet; the ratios are in the extra information of the benchmark.
The figures of geoopt need PyTorch and geoopt, and are skipped by name without them.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from manifolds.spaces import Grassmann, Stiefel, SymplecticGrassmann, SymplecticStiefel

GRID = [(N, n) for N in (128, 512, 2048) for n in (8, 32, 64)]
RATE, DECAY, SQUARES, FLOOR = 1e-3, 0.9, 0.99, 3e-7


class Adam:
    """A point, its moments, and one step of Adam in coordinates for a given gradient.

    The moments are kept as weighted sums, and their averages are taken in the factor and the floor of the step.
    """

    def __init__(self, space: Any, Y: Any, *, rate: float = RATE) -> None:
        self.space, self.Y, self.rate = space, Y, rate
        self.m, self.v, self.count, self.carried = 0 * Y, 0 * Y, 0, None

    def step(self, G: Any) -> None:
        """One step."""
        self.count += 1
        context = self.space.section(self.Y, carried=self.carried, check=False)
        D = self.space.lift(context, G, check=False)
        self.m *= DECAY
        self.m += D
        self.v *= SQUARES
        self.v += np.multiply(D, D, out=D)
        first = (1 - DECAY) / (1 - DECAY**self.count)
        second = ((1 - SQUARES) / (1 - SQUARES**self.count)) ** 0.5
        W = np.sqrt(self.v, out=D)
        W += FLOOR / second
        np.divide(self.m, W, out=W)
        W *= -self.rate * first / second
        self.Y, self.carried = self.space.advance(context, W)


def ours(N: int, n: int, *, section: str = "closed") -> tuple[Adam, Any]:
    """Adam on a Stiefel manifold and a gradient."""
    space = Stiefel(N, n, section=section)
    return Adam(space, space.random(0)), np.random.default_rng(1).standard_normal((N, n))


def geoopt_step(N: int, n: int, *, manifold: str) -> Callable[[], object]:
    """One step of geoopt's Adam from the same point, with the same gradient."""
    torch, geoopt = pytest.importorskip("torch"), pytest.importorskip("geoopt")
    torch.set_num_threads(1)
    adam, G = ours(N, n)
    weight = geoopt.ManifoldParameter(torch.tensor(adam.Y), manifold=getattr(geoopt, manifold)())
    optimizer = geoopt.optim.RiemannianAdam([weight], lr=RATE)
    weight.grad = torch.tensor(G)
    return optimizer.step


def compare(one: Callable[[], object], other: Callable[[], object], *, number: int, rounds: int) -> tuple[float, float]:
    """The least seconds of one call of each, measured by turns, so that a busy moment meets both."""
    one(), other()
    best = [np.inf, np.inf]
    for _ in range(rounds):
        for index, function in enumerate((one, other)):
            best[index] = min(best[index], *(t / number for t in timeit.repeat(function, number=number, repeat=3)))
    return best[0], best[1]


def record(benchmark: BenchmarkFixture, fast: float, slow: float, name: str) -> None:
    """Write down the seconds of the other and the ratio."""
    benchmark.extra_info[f"{name} milliseconds"] = round(1e3 * slow, 3)
    benchmark.extra_info[f"ratio to {name}"] = round(slow / fast, 2)


@pytest.mark.parametrize(("N", "n"), GRID)
def test_step_against_geoopt(benchmark: BenchmarkFixture, N: int, n: int) -> None:
    """At most 1.1 times the step of geoopt's Stiefel manifold with the Euclidean metric."""
    adam, G = ours(N, n)
    theirs = geoopt_step(N, n, manifold="EuclideanStiefel")
    benchmark(adam.step, G)
    number = max(2, 200_000 // (N * n))
    fast, slow = compare(lambda: adam.step(G), theirs, number=number, rounds=12)
    record(benchmark, fast, slow, "geoopt, Euclidean metric")
    assert adam.space.error(adam.Y) <= 1e-13
    assert fast <= 1.1 * slow


def test_mean_step_against_geoopt(benchmark: BenchmarkFixture) -> None:
    """From 512 rows on at least 1.5 times faster on average."""
    ratios = []
    for N, n in GRID[3:]:
        adam, G = ours(N, n)
        theirs = geoopt_step(N, n, manifold="EuclideanStiefel")
        number = max(2, 200_000 // (N * n))
        fast, slow = compare(lambda adam=adam, G=G: adam.step(G), theirs, number=number, rounds=8)
        ratios.append(slow / fast)
    benchmark(adam.step, G)
    benchmark.extra_info["mean ratio"] = round(float(np.mean(ratios)), 2)
    assert np.mean(ratios) >= 1.5


@pytest.mark.parametrize(("N", "n", "bar"), [(512, 64, 14), (2048, 8, 500)])
def test_step_against_the_default_metric_of_geoopt(benchmark: BenchmarkFixture, N: int, n: int, bar: int) -> None:
    """Its canonical metric solves a system of the size of the group."""
    adam, G = ours(N, n)
    theirs = geoopt_step(N, n, manifold="CanonicalStiefel")
    benchmark(adam.step, G)
    fast, slow = compare(lambda: adam.step(G), theirs, number=1, rounds=4)
    record(benchmark, fast, slow, "geoopt, default metric")
    assert slow >= bar * fast


def test_step_against_the_section_carried_along(benchmark: BenchmarkFixture) -> None:
    """The section as a matrix of 2048 x 2048 costs at least 50 times as much, to the same point after one step."""
    (adam, G), (dense, _) = ours(2048, 8), ours(2048, 8, section="transported")
    adam.step(G), dense.step(G)
    np.testing.assert_allclose(adam.Y, dense.Y, atol=1e-11)  # Adam divides entries near zero by their size
    benchmark(adam.step, G)
    fast, slow = compare(lambda: adam.step(G), lambda: dense.step(G), number=1, rounds=4)
    record(benchmark, fast, slow, "section carried along")
    assert slow >= 50 * fast


@pytest.mark.parametrize(
    "space",
    [Stiefel(1000, 20), Grassmann(1000, 20), SymplecticStiefel(500, 10), SymplecticGrassmann(500, 10)],
    ids=repr,
)
def test_step_on_four_spaces(benchmark: BenchmarkFixture, space: Any) -> None:
    """A thousand rows and twenty columns on each."""
    adam, G = Adam(space, space.random(0)), np.random.default_rng(0).standard_normal(space.shape)
    benchmark(adam.step, G)
    assert space.belongs(adam.Y)


@pytest.mark.parametrize(
    ("space", "dtype", "rate", "steps", "bar"),
    [
        (Stiefel(49, 7), np.float32, 1e-3, 14_500, 5e-6),
        (Stiefel(128, 8), np.float32, 1e-2, 10_000, 1e-5),
        (Grassmann(128, 8), np.float32, 1e-2, 10_000, 1e-5),
        (Stiefel(128, 8), np.float64, 1e-2, 10_000, 2e-14),
        (SymplecticStiefel(20, 4), np.float64, 1e-3, 3_000, 2e-14),
    ],
    ids=str,
)
def test_drift(benchmark: BenchmarkFixture, space: Any, dtype: Any, rate: float, steps: int, bar: float) -> None:
    """The error |Y* Y - I| after many steps with gradients of noise: below the bar all the way, and flat."""
    rng = np.random.default_rng(0)
    adam = Adam(space, space.random(rng).astype(dtype), rate=rate)

    def run() -> list[float]:
        """All steps, and the error after every hundredth."""
        errors = []
        for count in range(1, steps + 1):
            adam.step(rng.standard_normal(space.shape).astype(dtype))
            if count % 100 == 0:
                errors.append(float(space.error(adam.Y)))
        return errors

    errors = benchmark.pedantic(run, rounds=1)
    times = np.arange(1, len(errors) + 1)
    slope = float(np.polyfit(np.log(times), np.log(errors), 1)[0])
    benchmark.extra_info["largest error"] = f"{max(errors):.1e}"
    benchmark.extra_info["exponent of growth"] = round(slope, 2)
    assert max(errors) <= bar
    assert slope <= 0.2
