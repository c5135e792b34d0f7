"""Predicted decrease: exact on quadratics, bounded where the curvature is not positive, gradients by Taylor slopes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taylor import taylor_slope

from manifolds.errors import InputError
from solvers.aims.predicted_decrease import PredictedDecrease
from solvers.network import Network
from solvers.objective import Objective
from symmetries import Loss

ROSENBROCK = "100*(x**2 - y)**2 + (x - 1)**2"


def quadratic(values, seed=0):
    size = len(values)
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]
    matrix = basis * values @ basis.T
    functions = lambda w: w @ matrix @ w / 2, lambda w: matrix @ w, lambda w, v: matrix @ v
    return basis, Objective.from_functions(*functions, size=size)


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=6), st.integers(0, 10**6))
def test_it_is_the_whole_decrease_at_eigenvectors_and_less_elsewhere(values, seed):
    basis, objective = quadratic(np.array(values), seed)
    target = PredictedDecrease()
    for vector in basis.T:
        assert target.value(objective, vector) == pytest.approx(objective.value(vector), rel=1e-9)
    w = np.random.default_rng(seed).standard_normal(len(values))
    assert target.value(objective, w) <= objective.value(w) * (1 + 1e-12)


def test_it_is_the_decrease_of_the_step_of_exact_line_search():
    _, objective = quadratic(np.array([1.0, 3.0, 10.0]))
    w = np.ones(3)
    u = objective.gradient(w)
    step = u @ u / (u @ objective.hvp(w, u))
    assert PredictedDecrease().value(objective, w) == pytest.approx(objective.value(w) - objective.value(w - step * u))


@pytest.mark.parametrize("formula", [ROSENBROCK, "exp(x) + exp(2*y - x) + x**4/10", "sqrt(1 + x**2 + 3*y**2) + x*y/9"])
@pytest.mark.parametrize("bound", [math.inf, 1e-3])
def test_gradients_leave_remainders_of_second_order(formula, bound):
    objective = Objective.from_loss(Loss.parse(formula, ["x", "y"]))
    target = PredictedDecrease(bound)
    assert taylor_slope(target, objective, np.array([-1.0, 0.7])) == pytest.approx(2, abs=0.1)


def test_gradients_on_a_network_are_accurate():
    rng = np.random.default_rng(0)
    network = Network(
        widths=(3, 4, 2), inputs=rng.standard_normal((3, 9)), targets=rng.integers(2, size=9), activation="softplus"
    )
    w, target, step = network.initial(1), PredictedDecrease(largest_step=1.0), 1e-5
    gradient = target.value_and_grad(network, w)[1]
    for k in range(3):
        move = step * np.eye(network.size)[k]
        central = (target.value(network, w + move) - target.value(network, w - move)) / (2 * step)
        assert gradient[k] == pytest.approx(central, rel=1e-6, abs=1e-9)


def test_without_positive_curvature_it_is_not_defined():
    objective = Objective.from_loss(Loss.parse("x**2 - y**2", ["x", "y"]))
    target, w = PredictedDecrease(), np.array([0.1, 1.0])
    assert math.isnan(target.value(objective, w))
    value, gradient = target.value_and_grad(objective, w)
    assert math.isnan(value)
    assert np.isnan(gradient).all()
    with pytest.raises(InputError, match="nan at the start"):
        target.start_value(objective, w)


def test_with_a_largest_step_it_is_defined_everywhere_and_smooth_at_the_bound():
    objective = Objective.from_loss(Loss.parse("x**2 - y**2", ["x", "y"]))
    w = np.array([0.1, 1.0])
    target = PredictedDecrease(largest_step=0.5)
    u = objective.gradient(w)
    assert target.value(objective, w) == pytest.approx(0.5 * (u @ u) - 0.125 * (u @ objective.hvp(w, u)))
    assert taylor_slope(target, objective, w) == pytest.approx(2, abs=0.05)
    _, convex = quadratic(np.array([1.0, 2.0]))
    w = np.array([1.0, 0.0])
    u = convex.gradient(w)
    step = u @ u / (u @ convex.hvp(w, u))
    below, above = (PredictedDecrease(step * factor).value_and_grad(convex, w)[1] for factor in (1 - 1e-9, 1 + 1e-9))
    assert below == pytest.approx(above, rel=1e-6)


def test_at_a_stationary_point_nothing_is_predicted():
    _, objective = quadratic(np.array([1.0, 2.0]))
    value, gradient = PredictedDecrease().value_and_grad(objective, np.zeros(2))
    assert value == 0
    assert gradient.tolist() == [0, 0]


@pytest.mark.parametrize("step", [0, -1.0, math.nan, "long", True])
def test_bad_steps_are_refused(step):
    with pytest.raises(InputError, match="largest_step"):
        PredictedDecrease(step)
