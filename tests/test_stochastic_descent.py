"""Stochastic gradient descent with teleports: exact expectations, bounds, and simulated runs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds.errors import InputError
from solvers.convergence.least_squares import LeastSquares
from solvers.convergence.nonconvex_bound import STEEPEST_BEND, _maxima
from solvers.convergence.stochastic_descent import _expected_gaps
from solvers.objective import Objective
from solvers.rates import linear_rate_to_a_floor, nonconvex_teleport_bound, stochastic_teleport_bound
from symmetries import Loss

RNG = np.random.default_rng(5)
A, B = RNG.standard_normal((12, 3)), RNG.standard_normal(12)
START = np.array([2.0, -1.0, 3.0])


def test_constants_are_those_of_the_samples():
    problem = LeastSquares(A, B)
    assert problem.beta == pytest.approx(max(float(row @ row) for row in A))
    gradient = A.T @ (A @ problem.minimiser - B) / 12
    assert np.allclose(gradient, 0, atol=1e-14)
    assert problem.noise == pytest.approx(np.mean((A @ problem.minimiser - B) ** 2) / 2)
    loss = np.mean((A @ START - B) ** 2) / 2
    assert problem.gap(START) == pytest.approx(loss - problem.noise)


def test_one_expected_step_is_the_mean_over_samples_and_signs():
    problem, rate = LeastSquares(A, B), 0.05
    shrink, noise = problem.teleported_step(rate)
    gap, total = problem.gap(START), 0.0
    for sign in (-1, 1):
        point = problem.minimiser + sign * np.sqrt(2 * gap / problem.eigenvalues[-1]) * problem.top
        assert problem.gap(point) == pytest.approx(gap)
        for row, target in zip(A, B, strict=True):
            total += problem.gap(point - rate * (row @ point - target) * row) / 24
    assert shrink * gap + noise == pytest.approx(total, rel=1e-12)


def test_plain_expectation_is_that_of_all_sequences_of_samples():
    problem, rate = LeastSquares(A[:4], B[:4]), 0.1
    total = 0.0
    for first in range(4):
        for second in range(4):
            point = START
            for k in (first, second):
                point = point - rate * (A[k] @ point - B[k]) * A[k]
            total += problem.gap(point) / 16
    assert problem.plain_gaps(START, rate, 2)[2] == pytest.approx(total, rel=1e-12)


def test_the_steepest_point_of_the_orbit():
    problem = LeastSquares(A, B)
    gap = problem.gap(START)
    values, vectors = np.linalg.eigh(problem.hessian)
    directions = RNG.standard_normal((4000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    gradients = np.sqrt(2 * gap) * directions * np.sqrt(values) @ vectors.T
    assert (gradients**2).sum(axis=1).max() <= 2 * values[-1] * gap * (1 + 1e-12)


def test_the_bound_with_its_constants():
    check = stochastic_teleport_bound(A, B, START, horizons=(2, 3, 30, 1000))
    assert check.verdict == "measured"
    assert all(claim.evidence["share_of_bound"] < 1 for claim in check.claims[:4])
    assert max(check.claims[4].evidence["shares"]) < 1


def test_the_simulation_would_see_a_wrong_expectation():
    problem = LeastSquares(A, B)
    gaps = problem.simulate(START, 0.05, 10, 4000, np.random.default_rng(0))
    exact = _expected_gaps(problem, START, 0.05, 10)
    errors = gaps.std(axis=0, ddof=1) / 4000**0.5
    assert (np.abs(gaps.mean(axis=0) - exact) <= 6 * errors + 1e-12).all()
    assert (np.abs(gaps.mean(axis=0) - problem.plain_gaps(START, 0.05, 10)) > 6 * errors)[1:].any()


@settings(deadline=None, derandomize=True, max_examples=15)
@given(st.integers(0, 10_000), st.integers(2, 300))
def test_bounds_on_random_problems(seed, horizon):
    rng = np.random.default_rng(seed)
    features, targets = rng.standard_normal((6, 2)), rng.standard_normal(6)
    check = stochastic_teleport_bound(features, targets, rng.standard_normal(2), horizons=(horizon,))
    assert all(claim.verdict == "measured" for claim in check.claims[:2])
    assert linear_rate_to_a_floor(features, targets, rng.standard_normal(2)).verdict == "measured"


def test_the_linear_rate_needs_a_short_step():
    check = linear_rate_to_a_floor(A, B, START, learning_rate=1.0)
    assert [claim.verdict for claim in check.claims] == ["undecided", "undecided"]
    mu = np.linalg.eigvalsh(A.T @ A / 12)
    beta = LeastSquares(A, B).beta
    between = linear_rate_to_a_floor(A, B, START, learning_rate=0.5 * (mu[0] + mu[-1]) / beta**2)
    assert [claim.verdict for claim in between.claims] == ["measured", "undecided"]


@pytest.mark.parametrize(
    ("features", "targets", "w"),
    [(A, B[:3], START), (A[:2], B[:2], START), (A, B, [1.0]), (A * np.nan, B, START), (np.zeros((3, 3)), B[:3], START)],
)
def test_bad_problems(features, targets, w):
    with pytest.raises(InputError):
        stochastic_teleport_bound(features, targets, w)


def test_bad_horizons():
    with pytest.raises(InputError, match="horizon"):
        stochastic_teleport_bound(A, B, START, horizons=(1,))


def test_the_bound_where_the_loss_is_not_convex():
    check = nonconvex_teleport_bound([3.0, 1.0, -1.0, 0.5], [[2.0, 0.5], [0.5, 1.0]], [1.5, -2.0], horizons=(2, 50))
    assert check.verdict == "measured"
    assert check.claims[0].evidence["noise"] == pytest.approx(0.25)


def test_constants_of_the_loss_that_is_not_convex():
    matrix, rng = np.array([[2.0, 0.5], [0.5, 1.0]]), np.random.default_rng(0)
    loss = Loss.parse("q/(1 + q)".replace("q", "(dot(w, A@w)/2)"), {"w": (2,)}, data={"A": matrix.tolist()})
    objective, largest = Objective.from_loss(loss), np.linalg.eigvalsh(matrix)[-1]
    norms = [np.abs(np.linalg.eigvalsh(objective.hessian(w))).max() for w in rng.standard_normal((500, 2))]
    assert max(norms) <= STEEPEST_BEND * largest
    assert max(norms) > 0.7 * STEEPEST_BEND * largest
    q = 0.4
    angles = np.linspace(0, np.pi, 2000)
    values, vectors = np.linalg.eigh(matrix)
    points = np.sqrt(2 * q) * np.column_stack([np.cos(angles), np.sin(angles)]) / np.sqrt(values) @ vectors.T
    longest = max(float(np.sum(objective.gradient(w) ** 2)) for w in points)
    assert longest == pytest.approx(2 * largest * q / (1 + q) ** 4, rel=1e-5)
    assert any(np.linalg.eigvalsh(objective.hessian(w))[0] < -1e-3 for w in points)


def test_one_simulated_step_is_a_step_of_the_samples():
    slopes, rate, first = np.array([2.0]), 0.1, 0.7
    maxima = _maxima(slopes, 3.0, first, 2, rate, np.random.default_rng(0))
    w = np.sqrt(2 * first / 3)  # along the eigenvector: q = 3 w^2/2
    w = w - rate * 2 * 3 * w / (1 + first) ** 2
    q = 1.5 * w**2
    assert maxima[0, 1] == pytest.approx(6 * q * 4 / (1 + q) ** 4)


@pytest.mark.parametrize(
    ("slopes", "w"), [([-1.0], [1.0, 0.0]), ([], [1.0, 0.0]), ([1.0], [1.0]), ([np.nan], [1.0, 0.0])]
)
def test_bad_problems_that_are_not_convex(slopes, w):
    with pytest.raises(InputError):
        nonconvex_teleport_bound(slopes, np.eye(2), w)


@pytest.mark.parametrize("horizons", [(), 5, [1], "10", [2.0]])
def test_no_horizon_proves_nothing(horizons):
    with pytest.raises(InputError, match="horizons"):
        nonconvex_teleport_bound([1.0], [[1.0]], [1.0], horizons=horizons)
    with pytest.raises(InputError, match="horizons"):
        stochastic_teleport_bound([[1.0]], [1.0], [1.0], horizons=horizons)


def test_samples_that_are_fitted_exactly():
    assert stochastic_teleport_bound([[1.0]], [1.0], [1.0]).verdict == "measured"
    assert linear_rate_to_a_floor([[1.0]], [1.0], [3.0], steps=3000).verdict == "measured"
