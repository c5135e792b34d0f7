"""What a teleport along an orbit costs beside a gradient step, in gradient equivalents and in seconds.

`make bench` runs it; the figures are in the extra information of the benchmark.
"""

from __future__ import annotations

import timeit
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from solvers.network import Network
from solvers.objective import Objective
from solvers.orbit import OrbitMove
from solvers.targets import GradientNorm
from solvers.teleport import teleport
from symmetries import GroupAction

WIDTHS, BATCH, INNER_STEPS, MOST_STEPS = (784, 16, 10, 10), 200, 10, 50


def problem() -> tuple[Network, GroupAction, Any]:
    """A network on random inputs, the scalings of its hidden units, and a start."""
    rng = np.random.default_rng(0)
    network = Network(
        widths=WIDTHS, inputs=rng.standard_normal((WIDTHS[0], BATCH)), targets=rng.integers(0, WIDTHS[-1], BATCH)
    )
    action = GroupAction.catalogued("homogeneous-network", widths=WIDTHS, activation="leaky_relu")
    return network, action, network.initial(rng)


@pytest.mark.parametrize("radius", [1.0, None], ids=["ball", "capped"])
def test_ten_inner_steps_cost_fewer_than_fifty_gradient_steps(
    benchmark: BenchmarkFixture, radius: float | None
) -> None:
    """Both counted and timed: ten accepted steps of the ascent, start and end verified."""
    network, action, w = problem()

    def step() -> Any:
        """A step of gradient descent."""
        return w - 1e-2 * network.gradient(w)

    def move() -> Any:
        """A teleport."""
        return teleport(network, w, along=action, radius=radius, steps=INNER_STEPS)

    result = benchmark(move)
    assert result.steps == INNER_STEPS
    assert result.relative_drift <= 1e-12
    assert result.cost.gradient_equivalents <= MOST_STEPS
    one, whole = np.inf, np.inf
    for _ in range(150):  # by turns, so that a busy moment meets both
        one = min(one, timeit.timeit(step, number=10) / 10)
        whole = min(whole, timeit.timeit(move, number=1))
    benchmark.extra_info["gradient_equivalents"] = result.cost.gradient_equivalents
    benchmark.extra_info["gradient_steps_in_seconds"] = whole / one
    benchmark.extra_info["gain"] = result.gain
    assert whole <= MOST_STEPS * one


def test_the_search_alone_without_the_checks_of_the_front(benchmark: BenchmarkFixture) -> None:
    """What a minimisation pays that knows its gradient already."""
    network, action, w = problem()
    move = OrbitMove(action, radius=1.0, steps=INNER_STEPS)
    found = benchmark(lambda: move.search(network, w, GradientNorm(), maximize=True, rng=np.random.default_rng(0)))
    assert found.steps == INNER_STEPS


@pytest.mark.parametrize(("name", "start"), [("booth", [5.0, -5.0]), ("rosenbrock", [-1.0, -1.0])])
def test_the_whole_circle(benchmark: BenchmarkFixture, name: str, start: list[float]) -> None:
    """The global search of a circle, every local maximum to rounding."""
    action = GroupAction.catalogued(name)
    objective = Objective.from_loss(action.loss)
    result = benchmark(lambda: teleport(objective, start, along=action))
    assert result.gain == pytest.approx({"booth": 1.8, "rosenbrock": 93.56155421814}[name], rel=1e-10)
    benchmark.extra_info["gradient_equivalents"] = result.cost.gradient_equivalents
