"""Minimisation on manifolds against pymanopt, symplectic traces at three learning rates, both sections side by side.

Every row checks its answer; ratios are in the extra information of the benchmark. The figures of pymanopt are skipped
by name where it is not installed. Both sides get the same functions of matrices, in NumPy.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from manifolds.spaces import Grassmann, Stiefel, SymplecticGrassmann, SymplecticStiefel
from solvers.learning_rates import Cosine
from solvers.manifold_objectives import objective_on
from solvers.minimize import minimize
from solvers.rules import Adam
from solvers.status import Status

GOAL = 1e-6
"""Length of the gradient at which a run ends, on both sides."""

ROUNDS = {"TrustRegions": 3, "ConjugateGradient": 3, "SteepestDescent": 1}
"""Methods of pymanopt, and how often each runs; the shortest time counts, as on our side."""


class Trace:
    """The cost of the sum of d_j y_j' A y_j, of Brockett for d = n, ..., 1, with its minimum."""

    def __init__(self, A: Any, weights: Any) -> None:
        self.A, self.weights = A, weights
        self.best = float(np.linalg.eigvalsh(A)[: len(weights)] @ weights)

    def value(self, Y: Any) -> float:
        """The cost."""
        return float(np.sum(Y * (self.A @ Y) * self.weights))

    def gradient(self, Y: Any) -> Any:
        """Its Euclidean gradient."""
        return 2 * (self.A @ Y) * self.weights

    def value_and_gradient(self, Y: Any) -> tuple[float, Any]:
        """Both, by one product with A."""
        half = (self.A @ Y) * self.weights
        return float(np.sum(Y * half)), 2 * half

    def hessian(self, Y: Any, V: Any) -> Any:
        """The derivative of the gradient along V."""
        return 2 * (self.A @ V) * self.weights


def brockett(N: int, n: int) -> Trace:
    """A symmetric matrix of independent normal entries; eigenvalues are near to each other."""
    A = np.random.default_rng(0).standard_normal((N, N))
    return Trace((A + A.T) / 2, np.arange(n, 0.0, -1.0))


def components(N: int, n: int) -> Trace:
    """Minus a covariance of N variables, n of which stand out."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2 * N, N)) * np.r_[np.linspace(4, 3, n), np.ones(N - n)]
    return Trace(-(X.T @ X) / (2 * N), np.ones(n))


def ours(space: Any, trace: Trace, Y: Any) -> tuple[float, Any]:
    """The seconds of L-BFGS, and its result."""
    objective = objective_on(space, value_and_gradient=trace.value_and_gradient)
    start = time.perf_counter()
    result = minimize(objective, Y, space=space, rule="l-bfgs", steps=20_000, tolerance=GOAL)
    return time.perf_counter() - start, result


def theirs(space: Any, trace: Trace, Y: Any, *, method: str, seconds: float = 120.0) -> tuple[float, Any]:
    """The seconds of a method of pymanopt from the same start, and its result."""
    pymanopt = pytest.importorskip("pymanopt")
    from pymanopt import manifolds, optimizers

    manifold = getattr(manifolds, type(space).__name__)(space.N, space.n)
    value, gradient, hessian = (
        pymanopt.function.numpy(manifold)(one) for one in (trace.value, trace.gradient, trace.hessian)
    )
    problem = pymanopt.Problem(manifold, value, euclidean_gradient=gradient, euclidean_hessian=hessian)
    options = {"verbosity": 0, "min_gradient_norm": GOAL, "max_iterations": 20_000, "max_time": seconds}
    optimizer = getattr(optimizers, method)(**options)
    start = time.perf_counter()
    result = optimizer.run(problem, initial_point=Y)
    return time.perf_counter() - start, result


PROBLEMS = {
    "brockett 128 x 8": (Stiefel(128, 8), brockett),
    "brockett 512 x 16": (Stiefel(512, 16), brockett),
    "components 512 x 16": (Grassmann(512, 16), components),
    "components 1024 x 64": (Grassmann(1024, 64), components),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_limited_memory_against_pymanopt(benchmark: BenchmarkFixture, name: str) -> None:
    """On Brockett's cost of 512 x 16: at most 3 seconds, half of trust regions, a third of conjugate gradients."""
    space, make = PROBLEMS[name]
    trace, Y = make(space.N, space.n), space.random(1)
    rounds = [ours(space, trace, Y) for _ in range(ROUNDS["TrustRegions"])]
    mine, result = min(rounds, key=lambda one: one[0])
    benchmark.pedantic(lambda: ours(space, trace, Y), rounds=1)
    benchmark.extra_info["gradients"] = result.cost.gradients
    assert result.status is Status.CONVERGED
    assert abs(result.value - trace.best) <= 1e-12 * abs(trace.best)
    ratios = {}
    for method in ROUNDS:
        runs = [theirs(space, trace, Y, method=method, seconds=max(20.0, 10 * mine)) for _ in range(ROUNDS[method])]
        other, found = min(runs, key=lambda one: one[0])
        ratios[method] = other / mine
        benchmark.extra_info[f"{method}: seconds"] = round(other, 3)
        benchmark.extra_info[f"{method}: times as long"] = round(other / mine, 2)
        benchmark.extra_info[f"{method}: length of the gradient"] = f"{found.gradient_norm:.1e}"
    if name == "brockett 512 x 16":
        assert mine <= 3.0
        assert ratios["TrustRegions"] >= 2
        assert ratios["ConjugateGradient"] >= 3


@pytest.mark.parametrize("rate", [3e-3, 1e-2, 3e-2])
def test_symplectic_trace(benchmark: BenchmarkFixture, rate: float) -> None:
    """The smallest trace on SpSt(200, 20) is twice the sum of the 10 smallest symplectic eigenvalues."""
    N, n = 100, 10
    values, S = np.linspace(1, 3, N), SymplecticStiefel(N, N).random(0)
    A = (S.T * np.r_[values, values]) @ S
    A, best, space = (A + A.T) / 2, 2 * float(np.sum(values[:n])), SymplecticStiefel(N, n)
    objective, U = objective_on(space, lambda U: float(np.sum(U * (A @ U))), lambda U: 2 * A @ U), space.random(1)
    rule = Adam(learning_rate=Cosine(rate, 0.0, 3000))
    result = benchmark.pedantic(
        lambda: minimize(objective, U, space=space, rule=rule, steps=3000, tolerance=0.0), rounds=1
    )
    symplecticity = float(np.max(np.abs(space.form.pair(result.point, result.point) - np.eye(2 * n))))
    benchmark.extra_info["relative error"] = f"{(result.value - best) / best:.1e}"
    benchmark.extra_info["symplecticity"] = f"{symplecticity:.1e}"
    assert abs(result.value - best) <= 1e-12 * best
    assert symplecticity <= 2e-14


@pytest.mark.parametrize("section", ["closed", "transported"])
@pytest.mark.parametrize("kind", [Stiefel, Grassmann])
def test_leading_eigenspace(benchmark: BenchmarkFixture, kind: Any, section: str) -> None:
    """Adam at 1e-2, one rate for all spaces: the error after 100 and 300 steps, with either section."""
    Q = Stiefel(128, 128).random(9)
    A = (Q * np.r_[np.linspace(0, 1, 120), np.linspace(2, 3, 8)]) @ Q.T
    trace, space = Trace(-A, np.ones(8)), kind(128, 8, section=section)
    objective = objective_on(space, value_and_gradient=trace.value_and_gradient)
    run = benchmark.pedantic(
        lambda: minimize(objective, space.random(1), space=space, rule=Adam(learning_rate=1e-2), steps=300), rounds=1
    )
    errors = [(record.loss - trace.best) / abs(trace.best) for record in run.history]
    benchmark.extra_info["error after 100"] = f"{errors[100]:.1e}"
    benchmark.extra_info["error after 300"] = f"{errors[300]:.1e}"
    assert errors[100] <= 1e-4
    assert errors[300] <= 1e-6
    assert space.error(run.last_point) <= 2e-14


def test_proper_symplectic_decomposition(benchmark: BenchmarkFixture) -> None:
    """Snapshots of a wave: the error of ten pairs of modes, between the complex decomposition and any projection."""
    N, n = 100, 10
    X = wave(N, snapshots=60)
    J, K = (np.kron([[0, 1], [-1, 0]], np.eye(size)) for size in (N, n))
    space = SymplecticGrassmann(N, n)

    def rest(U: Any) -> Any:
        return X - U @ (K.T @ U.T @ (J @ X))

    def gradient(U: Any) -> Any:
        R = rest(U)
        return -(R @ (X.T @ J.T @ U @ K)) - J @ X @ (R.T @ U @ K.T)

    Q = np.linalg.svd(X[:N] + 1j * X[N:])[0][:, :n]
    start = np.block([[Q.real, -Q.imag], [Q.imag, Q.real]])
    objective = objective_on(space, lambda U: 0.5 * float(np.sum(rest(U) ** 2)), gradient)
    result = benchmark.pedantic(
        lambda: minimize(objective, start, space=space, rule="l-bfgs", steps=500, tolerance=1e-8), rounds=1
    )
    size = float(np.linalg.norm(X))
    bound = float(np.linalg.norm(np.linalg.svd(X)[1][2 * n :])) / size
    errors = [float(np.linalg.norm(rest(U))) / size for U in (start, result.point)]
    for name, error in zip(("complex", "symplectic", "no structure"), (*errors, bound), strict=True):
        benchmark.extra_info[f"relative error, {name}"] = f"{error:.4g}"
    assert bound <= errors[1] < errors[0]
    assert space.belongs(result.point, tolerance=1e-12)


def wave(N: int, *, snapshots: int) -> Any:
    """Positions above momenta of N coupled oscillators, strings of uneven density, at random times of one motion."""
    rng = np.random.default_rng(0)
    density = rng.uniform(0.5, 2.0, N)
    K = (2 * np.eye(N) - np.eye(N, k=1) - np.eye(N, k=-1)) * 16
    scale = np.sqrt(1 / density)
    squares, modes = np.linalg.eigh(scale[:, None] * K * scale)
    frequencies = np.sqrt(squares)
    x = np.linspace(0, 1, N)
    q = modes.T @ (np.exp(-200 * (x - 0.3) ** 2) / scale)
    times = np.sort(rng.uniform(0, 4.0, snapshots))
    phase = frequencies[:, None] * times
    positions = scale[:, None] * (modes @ (q[:, None] * np.cos(phase)))
    momenta = (modes @ (-q[:, None] * frequencies[:, None] * np.sin(phase))) / scale[:, None]
    return np.vstack([positions, momenta])
