"""Naturality: what a verdict costs, and how long the whole table takes.

The bars are those of a machine with two quiet cores; every row checks its answer.
"""

from __future__ import annotations

import time

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from solvers.naturality.classify import classify
from solvers.naturality.lie_algebra import lie_algebra
from solvers.naturality.registry import OPTIMIZERS
from solvers.naturality.trajectory import trajectory

TABLE_BAR, VECTOR_BAR, MATRIX_BAR = 60.0, 10.0, 30.0
"""Seconds of the table of paths, of one Lie algebra at n = 4, and of one at 2 x 3."""


def test_the_table_of_paths(benchmark: BenchmarkFixture) -> None:
    """All optimizers of the registry against all classes of linear maps: five problems, three maps of each class."""

    def table() -> dict[str, tuple[str, ...]]:
        return {name: trajectory(spec).natural for name, spec in OPTIMIZERS.items()}

    found = benchmark.pedantic(table, rounds=1, iterations=1)
    assert "general" in found["natural-gradient"]
    assert "orthogonal" not in found["adam"]
    assert "two-sided" in found["kl-shampoo-root-free"]
    benchmark.extra_info["optimizers"] = len(found)
    assert benchmark.stats.stats.max <= TABLE_BAR


@pytest.mark.parametrize(
    ("name", "dimension"),
    [("gradient-descent", 6), ("adam", 0), ("natural-gradient", 16), ("muon-exact", 4), ("kl-shampoo-root-free", 12)],
)
def test_a_lie_algebra(benchmark: BenchmarkFixture, name: str, dimension: int) -> None:
    spec = OPTIMIZERS[name]
    found = benchmark.pedantic(lie_algebra, args=(spec,), rounds=3, iterations=1)
    assert found.dimension == dimension
    assert benchmark.stats.stats.max <= (MATRIX_BAR if spec.matrix else VECTOR_BAR)


@pytest.mark.parametrize("name", ["adam", "natural-gradient", "muon-exact", "scipy:BFGS"])
def test_a_verdict(benchmark: BenchmarkFixture, name: str) -> None:
    verdict = benchmark.pedantic(classify, args=(name,), rounds=1, iterations=1)
    assert verdict.verdict == "measured"


def test_a_step_against_its_bare_gradient(benchmark: BenchmarkFixture) -> None:
    """The gradient is exact, by jets of the loss composed with the map; what is that to a step?"""
    from solvers.naturality.linear_maps import general_linear
    from solvers.naturality.problems import vector_problems
    from solvers.naturality.spec import run

    problem = vector_problems(4)[0].push(general_linear(4))
    point = [0.5, -0.5, 1.0, 0.7]
    benchmark(run, OPTIMIZERS["adam"], problem, point, steps=4)
    begin = time.perf_counter()
    for shift in range(400):
        problem.gradient([value + 1e-3 * shift for value in point])
    benchmark.extra_info["microseconds of a gradient"] = round((time.perf_counter() - begin) / 400 * 1e6, 1)
