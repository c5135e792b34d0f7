"""Newton's rule: dense solves as the oracle, semidefinite and indefinite Hessians, conjugate gradients, its cost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds import InputError
from solvers.objective import Objective
from solvers.steps.newton_rule import Newton
from symmetries import Loss


def quadratic(matrix, offset):
    return Objective.from_functions(
        lambda w: float(w @ matrix @ w) / 2 - float(offset @ w),
        lambda w: matrix @ w - offset,
        lambda w, v: matrix @ v,
        size=len(offset),
    )


def definite(n, condition, seed):
    rng = np.random.default_rng(seed)
    vectors = np.linalg.qr(rng.normal(size=(n, n)))[0]
    return (vectors * np.geomspace(1, condition, n)) @ vectors.T, rng.normal(size=n), rng.normal(size=n)


@pytest.mark.parametrize(("n", "condition"), [(1, 1), (5, 1e3), (40, 1e6), (40, 1e12)])
def test_one_step_solves_a_definite_quadratic(n, condition):
    matrix, offset, w = definite(n, condition, 0)
    objective = quadratic(matrix, offset)
    moved = w + Newton().displacement(objective, w, objective.gradient(w), rate=1.0)
    gradient = np.linalg.norm(objective.gradient(moved))
    assert gradient <= 1e-12 * condition * np.linalg.norm(offset)
    assert np.linalg.norm(matrix @ moved - offset) <= 1e-11 * np.linalg.norm(matrix, 2) * np.linalg.norm(moved)
    assert objective.ledger.total().hvps == n


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.integers(0, 1000), st.floats(0, 10), st.floats(0.1, 2))
def test_damping_and_rate_against_a_dense_solve(seed, damping, rate):
    matrix, offset, w = definite(6, 100, seed)
    objective = quadratic(matrix, offset)
    gradient = objective.gradient(w)
    exact = -rate * np.linalg.solve(matrix + damping * np.eye(6), gradient)
    for rule in (Newton(damping=damping), Newton(damping=damping, dense_limit=0, tolerance=1e-12)):
        np.testing.assert_allclose(rule.displacement(objective, w, gradient, rate=rate), exact, rtol=1e-8, atol=1e-10)


def test_semidefinite_problems_are_solved_and_the_null_space_stays():
    rng = np.random.default_rng(1)
    factor = rng.normal(size=(8, 3))
    matrix = factor @ factor.T
    offset, w = matrix @ rng.normal(size=8), rng.normal(size=8)
    objective = quadratic(matrix, offset)
    for rule in (Newton(), Newton(dense_limit=0)):
        moved = rule.displacement(objective, w, objective.gradient(w), rate=1.0)
        assert np.linalg.norm(objective.gradient(w + moved)) <= 1e-9
        projection = factor @ np.linalg.lstsq(factor, moved, rcond=None)[0]
        np.testing.assert_allclose(projection, moved, atol=1e-9)


@pytest.mark.parametrize("dense_limit", [0, 2000])
def test_steps_descend_at_an_indefinite_hessian(dense_limit):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        square = rng.normal(size=(6, 6))
        objective = quadratic(square + square.T, rng.normal(size=6))
        w = rng.normal(size=6)
        gradient = objective.gradient(w)
        moved = Newton(dense_limit=dense_limit).displacement(objective, w, gradient, rate=1.0)
        assert gradient @ moved < 0


def test_absolute_eigenvalues_leave_a_saddle():
    objective = quadratic(np.diag([2.0, -4.0]), np.zeros(2))
    w = np.array([1.0, 1.0])
    moved = Newton().displacement(objective, w, objective.gradient(w), rate=1.0)
    np.testing.assert_allclose(moved, [-1.0, 1.0], rtol=1e-14)


def test_a_linear_objective_is_descended_along_its_gradient():
    objective = quadratic(np.zeros((3, 3)), np.array([1.0, 2.0, 3.0]))
    for rule in (Newton(), Newton(dense_limit=0)):
        moved = rule.displacement(objective, np.zeros(3), objective.gradient(np.zeros(3)), rate=0.5)
        np.testing.assert_allclose(moved, [0.5, 1.0, 1.5])


@pytest.mark.parametrize("dense_limit", [0, 2000])
def test_refusal_names_the_finding(dense_limit):
    objective = quadratic(np.diag([2.0, -4.0]), np.zeros(2))
    rule = Newton(indefinite="refuse", dense_limit=dense_limit)
    with pytest.raises(InputError, match="not positive definite") as error:
        rule.displacement(objective, np.ones(2), objective.gradient(np.ones(2)), rate=1.0)
    assert "-" in error.value.why
    assert "damping" in error.value.cure
    damped = Newton(indefinite="refuse", dense_limit=dense_limit, damping=5.0)
    np.testing.assert_allclose(damped.displacement(objective, np.ones(2), np.array([7.0, 1.0]), rate=1.0), [-1, -1])


def test_conjugate_gradients_stop_at_their_tolerance_and_at_their_count():
    matrix, offset, w = definite(60, 1e4, 3)
    objective = quadratic(matrix, offset)
    gradient = objective.gradient(w)
    moved = Newton(dense_limit=0, tolerance=1e-6).displacement(objective, w, gradient, rate=1.0)
    assert np.linalg.norm(matrix @ moved + gradient) <= 1.1e-6 * np.linalg.norm(gradient)
    before = objective.ledger.total().hvps
    short = Newton(dense_limit=0, iterations=5).displacement(objective, w, gradient, rate=1.0)
    assert objective.ledger.total().hvps - before == 5
    assert gradient @ short < 0


def test_quadratic_convergence_on_rosenbrock():
    objective, w = Objective.from_loss(Loss.parse("100*(x**2 - y)**2 + (x - 1)**2")), np.array([-1.0, -1.0])
    for _ in range(8):
        w = w + Newton().displacement(objective, w, objective.gradient(w), rate=1.0)
    assert objective.value(w) < 1e-20


def test_what_is_not_finite_stays_visible():
    objective = Objective.from_functions(lambda w: 0.0, lambda w: np.ones(2), lambda w, v: np.full(2, np.nan), size=2)
    for rule in (Newton(), Newton(dense_limit=0)):
        assert np.isnan(rule.displacement(objective, np.zeros(2), np.ones(2), rate=1.0)).all()
    still = Newton(dense_limit=0).displacement(objective, np.zeros(2), np.zeros(2), rate=1.0)
    np.testing.assert_array_equal(still, np.zeros(2))


@pytest.mark.parametrize(
    ("hyperparameters", "named"),
    [
        ({"damping": -1.0}, "damping"),
        ({"damping": True}, "damping"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"iterations": 0}, "iterations"),
        ({"dense_limit": -1}, "dense_limit"),
        ({"indefinite": "ignore"}, "indefinite"),
        ({"learning_rate": float("nan")}, "learning_rate"),
    ],
)
def test_nonsense_is_refused_by_name(hyperparameters, named):
    with pytest.raises(InputError) as error:
        Newton(**hyperparameters)
    assert named in error.value.what
