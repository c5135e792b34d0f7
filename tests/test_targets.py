"""Targets: values and gradients by independent formulas, names and refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from taylor import taylor_slope

from manifolds.errors import InputError
from solvers.objective import Objective
from solvers.rules import AdaGrad, Adam, AdamW, GradientDescent, RMSProp
from solvers.step_sizes import Armijo
from solvers.targets import GradientNorm, PreconditionedGradientNorm, PredictedDecrease, read_target
from symmetries import Loss

ROSENBROCK = Loss.parse("100*(x**2 - y)**2 + (x - 1)**2", ["x", "y"])
POINT = np.array([-1.0, -1.2])


def rosenbrock():
    return Objective.from_loss(ROSENBROCK)


@pytest.mark.parametrize(
    "target",
    [
        GradientNorm(),
        PreconditionedGradientNorm([0.5, 2.0]),
        PreconditionedGradientNorm([[2.0, 0.3], [0.3, 1.0]]),
    ],
    ids=["norm", "diagonal", "matrix"],
)
def test_gradients_leave_remainders_of_second_order(target):
    assert taylor_slope(target, rosenbrock(), POINT) == pytest.approx(2, abs=0.05)


def test_gradient_norm_costs_one_gradient_and_one_product():
    objective = rosenbrock()
    GradientNorm().value_and_grad(objective, POINT)
    cost = objective.ledger.total()
    assert (cost.values, cost.gradients, cost.hvps) == (0, 1, 1)


def test_preconditioned_norm_is_the_rate_of_descent():
    objective, eta = rosenbrock(), np.array([[2.0, 0.3], [0.3, 1.0]])
    velocity = -eta @ objective.gradient(POINT)
    t = 1e-6
    rate = (objective.value(POINT + t * velocity) - objective.value(POINT - t * velocity)) / (2 * t)
    assert PreconditionedGradientNorm(eta).value(objective, POINT) == pytest.approx(-rate, rel=1e-5)


@pytest.mark.parametrize(
    ("eta", "why"),
    [
        ([1.0, -1.0], "negative"),
        ([[1.0, 2.0], [2.0, 1.0]], "eigenvalue"),
        ([[1.0, 2.0], [0.0, 1.0]], "symmetric"),
        ([1.0, math.nan], "NaN"),
        (3.0, "shape"),
        ([[1.0, 0.0]], "shape"),
    ],
)
def test_a_preconditioner_that_is_no_metric_is_refused(eta, why):
    with pytest.raises(InputError, match=why):
        PreconditionedGradientNorm(eta)


def test_a_preconditioner_of_another_size_is_refused():
    with pytest.raises(InputError, match="2 parameters"):
        PreconditionedGradientNorm([1.0, 2.0, 3.0]).value(rosenbrock(), POINT)


def test_functions_with_and_without_gradients():
    with_gradient = read_target(lambda objective, w: (w @ w, 2 * w), objective=rosenbrock(), w=POINT)
    assert with_gradient.has_gradient
    assert with_gradient.value_and_grad(rosenbrock(), POINT)[1].tolist() == (2 * POINT).tolist()
    plain = read_target(lambda objective, w: w @ w, objective=rosenbrock(), w=POINT)
    assert not plain.has_gradient
    with pytest.raises(InputError, match="only its value is known"):
        plain.value_and_grad(rosenbrock(), POINT)


@pytest.mark.parametrize(
    ("answer", "what"),
    [("text", "returned str"), ((1.0, [1.0]), "gradient of the shape"), (None, "returned NoneType")],
)
def test_functions_that_return_no_number_are_refused(answer, what):
    with pytest.raises(InputError, match=what):
        read_target(lambda objective, w: answer, objective=rosenbrock(), w=POINT)


def test_a_target_that_is_not_finite_at_the_start_is_refused():
    with pytest.raises(InputError, match="nan at the start"):
        read_target(lambda objective, w: math.nan, objective=rosenbrock(), w=POINT)


@pytest.mark.parametrize(
    ("spec", "options", "why"),
    [
        ("sharpnes", {}, "there is none of that name"),
        ("gradient-norm", {"eta": [1.0]}, "does not know it"),
        ("preconditioned-gradient-norm", {}, "not defined without"),
        (GradientNorm(), {"eta": [1.0]}, "belong to the targets by name"),
        (3, {}, "no name, no function and no target"),
    ],
)
def test_what_is_no_target_is_refused(spec, options, why):
    with pytest.raises(InputError, match=why):
        read_target(spec, **options)


def test_a_target_passes_through():
    target = GradientNorm()
    assert read_target(target) is target


@pytest.mark.parametrize(
    "rule", [AdaGrad(epsilon=0.1), RMSProp(epsilon=0.1), Adam(beta1=0.0), AdamW(beta1=0.0)], ids=repr
)
def test_the_diagonal_of_a_state_is_what_the_rule_multiplies_gradients_by(rule):
    objective, w, state = rosenbrock(), POINT, rule.start(POINT)
    for count in range(1, 4):
        gradient = objective.gradient(w)
        move, state = rule.step(gradient, state, count=count, rate=rule.learning_rate, point=w * 0)
        w = w + move
    assert PreconditionedGradientNorm.of_state(rule, state, count=3).eta == pytest.approx(-move / gradient, rel=1e-12)


@pytest.mark.parametrize("rule", [GradientDescent(), Adam(learning_rate=Armijo())], ids=repr)
def test_rules_without_a_diagonal_are_refused(rule):
    with pytest.raises(InputError, match="the diagonal of"):
        PreconditionedGradientNorm.of_state(rule, rule.start(POINT), count=1)


@pytest.mark.parametrize("answer", [True, "1.5", b"1", None, 1j, [1.0, 2.0], np.ones(2)])
def test_what_is_no_number_is_no_target(answer):
    with pytest.raises(InputError, match="the target function returned"):
        read_target(lambda _objective, _w: answer, objective=rosenbrock(), w=POINT)


def test_numbers_in_arrays_of_one_entry_are_numbers():
    target = read_target(lambda _objective, w: (np.array([w @ w]), 2 * w), objective=rosenbrock(), w=POINT)
    assert target.has_gradient
    assert target.value(rosenbrock(), POINT) == POINT @ POINT


def test_a_gradient_that_is_not_finite_at_the_start_is_refused():
    with pytest.raises(InputError, match="gradient"):
        read_target(lambda _objective, w: (1.0, w * np.nan), objective=rosenbrock(), w=POINT)


def test_a_function_is_asked_once_at_the_start():
    calls = []
    read_target(lambda _objective, w: calls.append(w) or 1.0, objective=rosenbrock(), w=POINT)
    assert len(calls) == 1


def test_inverses_are_symmetric_up_to_rounding_and_are_made_so():
    objective = Objective.from_functions(lambda w: w @ w / 2, lambda w: w, lambda w, v: v, size=4)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        factor = rng.standard_normal((4, 4)) * 10 ** rng.uniform(-1, 1, size=4)
        target, w = PreconditionedGradientNorm(np.linalg.inv(factor @ factor.T)), rng.standard_normal(4)
        assert np.array_equal(target.eta, target.eta.T)
        value, slope = target.value_and_grad(objective, w)
        assert slope @ w == pytest.approx(2 * value, rel=1e-9, abs=1e-9 * np.abs(target.eta).max())
    with pytest.raises(InputError, match="eta"):
        PreconditionedGradientNorm([[1.0, 1e-6], [0.0, 1.0]])


@pytest.mark.parametrize("target", [GradientNorm(), PreconditionedGradientNorm([1.0, 2.0]), PredictedDecrease()])
def test_squares_that_overflow_are_infinite_and_not_warnings(target):
    steep = Objective.from_loss(Loss.parse("x**2 + y**4"))
    w = np.array([1e60, 1e60])
    assert not math.isfinite(target.value(steep, w))
    assert not math.isfinite(target.value_and_grad(steep, w)[0])
