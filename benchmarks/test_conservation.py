"""Time of conserved quantities, proofs and counts included; each benchmark also checks the answer."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from symmetries.conservation import ConservationLaws, conservation_laws

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
    benchmark.extra_info["counts proved"] = sum(laws.count.verdict == "proved" for laws in found)
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


def test_large_linear_network(benchmark: BenchmarkFixture) -> None:
    """30-30-30-30: 2,700 parameters, 930 laws, every one proved."""
    loss = layers((30, 30, 30, 30), "")
    laws = benchmark.pedantic(conservation_laws, args=(loss,), rounds=1, iterations=1)
    assert (len(laws.quantities), laws.independent, laws.count.verdict) == (930, 930, "proved")
