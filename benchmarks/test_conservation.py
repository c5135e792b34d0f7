"""Time of conserved quantities, proofs and counts included; each benchmark also checks the answer."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from symmetries.conservation import ConservationLaws, conservation_laws
from symmetries.conserved.conservation_search import still_system
from symmetries.conserved.gradient_lie_algebra import lie_rank
from symmetries.conserved.metric import Metric

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from conserved_networks import known_linear, layers, random_widths

DRAWS = 50


def test_random_linear_networks(benchmark: BenchmarkFixture) -> None:
    """50 linear networks of depth 2 to 6 and widths 1 to 8: the count left by the brackets is the known one."""
    rng = np.random.default_rng(0)
    widths = [random_widths(rng) for _ in range(DRAWS)]
    losses = [layers(one, "") for one in widths]

    def run() -> list[ConservationLaws]:
        return [conservation_laws(loss) for loss in losses]

    found = benchmark.pedantic(run, rounds=3, iterations=1)
    assert [laws.count.evidence["upper"] for laws in found] == [known_linear(one) for one in widths]
    assert all(laws.count.verdict == "proved" for laws in found)
    benchmark.extra_info["quantities proved"] = sum(len(laws.quantities) for laws in found)


@pytest.mark.parametrize("biases", [False, True])
def test_random_relu_networks(benchmark: BenchmarkFixture, biases: bool) -> None:
    """25 relu networks, one law for each hidden unit, taking every pattern of units to occur."""
    rng = np.random.default_rng(1)
    widths = [random_widths(rng) for _ in range(DRAWS // 2)]
    losses = [layers(one, "relu", biases=biases) for one in widths]

    def run() -> list[ConservationLaws]:
        return [conservation_laws(loss, patterns="all") for loss in losses]

    found = benchmark.pedantic(run, rounds=3, iterations=1)
    assert [laws.count.evidence["upper"] for laws in found] == [sum(one[1:-1]) for one in widths]
    assert all(laws.count.verdict == "proved" for laws in found)


@pytest.mark.parametrize("activation", ["", "relu"])
def test_counts_alone(benchmark: BenchmarkFixture, activation: str) -> None:
    """The number that brackets leave for 50 random networks, without deriving the quantities."""
    rng = np.random.default_rng(0)
    widths = [random_widths(rng) for _ in range(DRAWS)]
    losses = [layers(one, activation, biases=bool(activation) and k % 2 == 1) for k, one in enumerate(widths)]
    known = [sum(one[1:-1]) if activation else known_linear(one) for one in widths]

    def run() -> list[int]:
        found = []
        for loss, laws in zip(losses, known, strict=True):
            size = len(loss.entries)
            system = still_system(loss, seed=0)
            rank = lie_rank(system, Metric(loss), target=size - laws, all_patterns=bool(activation))
            assert rank is not None
            found.append(size - rank.rank)
        return found

    assert benchmark.pedantic(run, rounds=3, iterations=1) == known


def test_large_linear_network(benchmark: BenchmarkFixture) -> None:
    """30-30-30-30: 2,700 parameters, 930 laws, every one proved."""
    loss = layers((30, 30, 30, 30), "")
    laws = benchmark.pedantic(conservation_laws, args=(loss,), rounds=1, iterations=1)
    assert (len(laws.quantities), laws.independent, laws.count.verdict) == (930, 930, "proved")
