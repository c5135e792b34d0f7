"""Exponentials and logarithms of matrix groups: what one costs above SciPy, and what a batch saves over geomstats.

Each row checks its answer and the bar that it has to meet; the ratios are in the extra information of the benchmark.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable

import numpy as np
import pytest
import scipy.linalg
from pytest_benchmark.fixture import BenchmarkFixture

from manifolds import (
    AffineGroup,
    DirectProduct,
    GeneralLinear,
    MatrixGroup,
    SpecialEuclidean,
    SpecialLinear,
    SpecialOrthogonal,
    SpecialUnitary,
    Symplectic,
    Unitary,
)
from manifolds.linalg import expm
from manifolds.logarithms import logm

COUNT = 1000
ONE = [
    GeneralLinear(3),
    SpecialLinear(3),
    SpecialOrthogonal(3),
    SpecialOrthogonal(8),
    Symplectic(2),
    Unitary(2),
    SpecialUnitary(2),
    SpecialEuclidean(3),
    AffineGroup(3),
    DirectProduct(SpecialOrthogonal(3), GeneralLinear(2)),
]


def best(function: Callable[[], object], *, number: int, repeat: int) -> float:
    """The least seconds of one call."""
    return min(timeit.repeat(function, number=number, repeat=repeat)) / number


@pytest.mark.parametrize("group", ONE, ids=repr)
def test_one_exponential_above_scipy(benchmark: BenchmarkFixture, group: MatrixGroup) -> None:
    """At most 10 microseconds more than `scipy.linalg.expm`, the look at the argument included."""
    X = group.random_algebra(0, scale=0.3)
    result = benchmark(group.exp, X)
    np.testing.assert_allclose(result, scipy.linalg.expm(X), atol=1e-13)
    ours, theirs = np.inf, np.inf
    for _ in range(40):  # by turns, so that a busy moment meets both
        ours = min(ours, best(lambda: group.exp(X), number=100, repeat=3))
        theirs = min(theirs, best(lambda: scipy.linalg.expm(X), number=100, repeat=3))
    benchmark.extra_info["microseconds above SciPy"] = round(1e6 * (ours - theirs), 1)
    benchmark.extra_info["ratio to SciPy"] = round(ours / theirs, 2)
    assert ours - theirs <= 10e-6


@pytest.mark.parametrize(("n", "bar"), [(2, 300), (3, 300), (8, 30)])
def test_logarithms_of_rotations_against_geomstats(benchmark: BenchmarkFixture, n: int, bar: int) -> None:
    """1,000 at once; for SO(3) at least 300 times faster than geomstats."""
    group = SpecialOrthogonal(n)
    X = group.random_algebra(0, shape=COUNT, scale=0.4)
    X *= np.minimum(1.0, 3.0 / np.linalg.norm(X, 2, axis=(-2, -1)))[:, None, None]
    g, theirs = group.exp(X), group.to_geomstats()
    result = benchmark(group.log, g)
    np.testing.assert_allclose(result, X, atol=1e-13)
    np.testing.assert_allclose(theirs.log(g[:20]), X[:20], atol=1e-12)
    ours = best(lambda: group.log(g), number=3, repeat=10)
    slow = best(lambda: theirs.log(g), number=1, repeat=2)
    benchmark.extra_info["geomstats milliseconds"] = round(1e3 * slow, 1)
    benchmark.extra_info["ratio to geomstats"] = round(slow / ours)
    assert slow / ours >= bar


@pytest.mark.parametrize(("n", "bar"), [(2, 4.0), (3, 4.0), (4, 3.0), (8, 1.2)])
def test_batched_exponentials_against_a_loop(benchmark: BenchmarkFixture, n: int, bar: float) -> None:
    """1,000 general matrices of norm about 1; `scipy.linalg.expm` loops over a batch itself."""
    X = np.random.default_rng(0).standard_normal((COUNT, n, n)) / (2 * n**0.5)
    result = benchmark(expm, X)
    np.testing.assert_allclose(result, np.array([scipy.linalg.expm(A) for A in X]), rtol=1e-11, atol=1e-13)
    ours = best(lambda: expm(X), number=5, repeat=10)
    scipy_batch = best(lambda: scipy.linalg.expm(X), number=1, repeat=5)
    loop = best(lambda: [scipy.linalg.expm(A) for A in X], number=1, repeat=5)
    benchmark.extra_info["ratio of SciPy's batch"] = round(scipy_batch / ours, 1)
    benchmark.extra_info["ratio of a loop over SciPy"] = round(loop / ours, 1)
    assert loop / ours >= bar


@pytest.mark.parametrize("n", [2, 3])
def test_batched_exponentials_of_rotations(benchmark: BenchmarkFixture, n: int) -> None:
    """Closed forms, the look at the argument included."""
    group = SpecialOrthogonal(n)
    X = group.random_algebra(0, shape=COUNT)
    result = benchmark(group.exp, X)
    np.testing.assert_allclose(result, scipy.linalg.expm(X), atol=1e-13)
    ours = best(lambda: group.exp(X), number=10, repeat=10)
    loop = best(lambda: scipy.linalg.expm(X), number=1, repeat=5)
    benchmark.extra_info["ratio of SciPy's batch"] = round(loop / ours, 1)
    assert loop / ours >= 10


@pytest.mark.parametrize("n", [3, 6])
def test_batched_logarithms_against_a_loop(benchmark: BenchmarkFixture, n: int) -> None:
    """1,000 general matrices; `scipy.linalg.logm` takes one at a time."""
    X = np.random.default_rng(0).standard_normal((COUNT, n, n)) / (2 * n)
    g = expm(X)
    result = benchmark(logm, g)
    np.testing.assert_allclose(result, X, atol=1e-12)
    ours = best(lambda: logm(g), number=1, repeat=5)
    loop = best(lambda: [scipy.linalg.logm(A) for A in g[:200]], number=1, repeat=2) * COUNT / 200
    benchmark.extra_info["ratio of a loop over SciPy"] = round(loop / ours)
    assert loop / ours >= 10
