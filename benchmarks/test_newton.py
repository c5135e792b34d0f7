"""Time of a Newton-equivalence check, beside the eigenvalues in double precision that prove nothing.

Every row checks its answer; the ratios are in the extra information.  One command makes the figures:

    python -m pytest benchmarks/test_newton.py --benchmark-only
"""

from __future__ import annotations

import timeit
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from pytest_benchmark.fixture import BenchmarkFixture

from solvers.equivalence.inertia import inertia_of
from solvers.equivalence.quadratic import integers
from solvers.newton import angle_to_newton, check_newton_equivalence, named_claim, observed_order
from symmetries import Loss


def _matrix(n: int, power: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """A symmetric matrix of condition number 10^power."""
    basis, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))
    matrix = (basis * np.logspace(-power, 0, n)) @ basis.T
    return (matrix + matrix.T) / 2


@pytest.mark.parametrize("power", [3, 12])
@pytest.mark.parametrize("n", [10, 100, 500])
def test_a_whole_check(benchmark: BenchmarkFixture, n: int, power: int) -> None:
    """All claims for a matrix, beside `scipy.linalg.eigh` of it."""
    matrix = _matrix(n, power)
    check = benchmark.pedantic(check_newton_equivalence, args=(matrix,), rounds=3, iterations=1)
    assert check.verdict == "measured"
    definite, angle = named_claim(check, "definite"), angle_to_newton(check)
    assert definite is not None
    assert definite.verdict == "proved"
    assert angle is not None
    assert angle <= 1e-12
    dense = min(timeit.repeat(lambda: scipy.linalg.eigh(matrix), number=1, repeat=3))
    assert benchmark.stats is not None
    benchmark.extra_info["eigh milliseconds"] = round(1e3 * dense, 2)
    benchmark.extra_info["ratio to eigh"] = round(benchmark.stats.stats.min / dense, 1)


@pytest.mark.parametrize("power", [3, 12])
def test_the_proof_that_a_matrix_is_definite(benchmark: BenchmarkFixture, power: int) -> None:
    """The exact inertia of doubles of order 500."""
    whole = integers(_matrix(500, power))[0]
    found = benchmark.pedantic(inertia_of, args=(whole,), rounds=3, iterations=1)
    assert found.is_definite


def test_least_squares_of_500_parameters(benchmark: BenchmarkFixture) -> None:
    """A declared loss with its data, coefficients and all."""
    rng = np.random.default_rng(1)
    data = {"X": rng.standard_normal((600, 500)).round(3).tolist(), "y": rng.standard_normal(600).round(3).tolist()}
    loss = Loss.parse("sum((X@w - y)**2)", {"w": (500,)}, data=data)
    check = benchmark.pedantic(check_newton_equivalence, args=(loss,), rounds=2, iterations=1)
    assert check.verdict == "measured"
    assert {claim.verdict for claim in check.claims[:5]} == {"proved"}


def test_the_observed_order(benchmark: BenchmarkFixture) -> None:
    """Seven teleports to rounding near a minimum, with the slope of the distances."""
    loss = Loss.parse("exp(2*x + y) - 2*x - y + exp(x - y) - x + y")
    found = benchmark.pedantic(observed_order, args=(loss, [0.0, 0.0]), rounds=3, iterations=1)
    assert abs(found.order - 2) < 0.1
    benchmark.extra_info["order"] = round(found.order, 3)
    benchmark.extra_info["constant over predicted"] = round(found.constant / found.predicted, 4)
