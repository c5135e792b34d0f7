"""Lookahead: the decrease of a run of the rule, its gradient backwards through the steps, and its cost."""

from __future__ import annotations

import math

import numpy as np
import pytest
from taylor import taylor_slope

from manifolds.errors import InputError
from solvers.aims.lookahead import Lookahead
from solvers.learning_rates import Linear
from solvers.network import Network
from solvers.objective import Objective
from solvers.rules import (
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    GradientDescent,
    HeavyBall,
    Lion,
    Nesterov,
    RMSProp,
    SignDescent,
)
from solvers.step_sizes import Armijo
from solvers.steps.newton_rule import Newton
from solvers.targets import read_target
from symmetries import Loss

SMOOTH = [
    GradientDescent(learning_rate=1e-3),
    HeavyBall(learning_rate=1e-3, momentum=0.8),
    Nesterov(learning_rate=1e-3),
    AdaGrad(learning_rate=0.1),
    RMSProp(learning_rate=0.05, momentum=0.3),
    AdaDelta(learning_rate=1.0, epsilon=1e-2),
    Adam(learning_rate=0.1),
    AdamW(learning_rate=0.1, weight_decay=0.4),
    GradientDescent(learning_rate=Linear(1e-3, 1e-4, 5)),
]
POINT = np.array([-1.0, -1.2])


def rosenbrock():
    return Objective.from_loss(Loss.parse("100*(x**2 - y)**2 + (x - 1)**2", ["x", "y"]))


def run(rule, objective, w, steps, state=None, count=0):
    state = rule.start(w) if state is None else state
    for k in range(steps):
        rate = rule.learning_rate(count + k + 1) if callable(rule.learning_rate) else rule.learning_rate
        move, state = rule.step(objective.gradient(w), state, count=count + k + 1, rate=rate, point=w)
        w = w + move
    return w, state


@pytest.mark.parametrize("rule", SMOOTH, ids=repr)
def test_the_value_is_the_decrease_of_a_run(rule):
    objective = rosenbrock()
    expected = objective.value(POINT) - objective.value(run(rule, objective, POINT, 4)[0])
    assert Lookahead(rule, steps=4).value(objective, POINT) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("rule", SMOOTH, ids=repr)
def test_gradients_leave_remainders_of_second_order(rule):
    target = Lookahead(rule, steps=4)
    assert target.has_gradient
    assert taylor_slope(target, rosenbrock(), POINT, largest=3e-3) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("rule", [HeavyBall(learning_rate=1e-3), Adam(learning_rate=0.1)], ids=repr)
def test_it_goes_on_from_the_state_of_a_run(rule):
    objective = rosenbrock()
    w, state = run(rule, objective, POINT, 3)
    target = Lookahead(rule, steps=2, state=state, count=3)
    expected = objective.value(w) - objective.value(run(rule, objective, POINT, 5)[0])
    assert target.value(objective, w) == pytest.approx(expected, rel=1e-12)
    assert taylor_slope(target, objective, w, largest=1e-3) == pytest.approx(2, abs=0.1)


def test_one_step_of_gradient_descent_in_closed_form():
    matrix = np.array([[2.0, 1.0], [1.0, 5.0]])
    objective = Objective.from_functions(
        lambda w: w @ matrix @ w / 2, lambda w: matrix @ w, lambda w, v: matrix @ v, size=2
    )
    w, contraction = np.array([1.0, -2.0]), np.eye(2) - 0.1 * matrix
    value, gradient = Lookahead(GradientDescent(learning_rate=0.1), steps=1).value_and_grad(objective, w)
    after = contraction @ w
    assert value == pytest.approx(w @ matrix @ w / 2 - after @ matrix @ after / 2)
    assert gradient == pytest.approx(matrix @ w - contraction @ matrix @ after)


def test_the_cost_is_one_gradient_and_one_product_a_step():
    objective = rosenbrock()
    target = Lookahead(Adam(learning_rate=0.1), steps=6)
    target.value(objective, POINT)
    cost = objective.ledger.total()
    assert (cost.values, cost.gradients, cost.hvps) == (1, 6, 0)
    target.value_and_grad(objective, POINT)
    cost = objective.ledger.total() - cost
    assert (cost.values, cost.gradients, cost.hvps) == (0, 7, 6)


def test_coordinates_without_gradient_do_no_harm():
    inputs = np.random.default_rng(0).standard_normal((4, 8))
    inputs[2] = 0.0
    network = Network(widths=(4, 5, 2), inputs=inputs, targets=np.arange(8) % 2, activation="tanh")
    for rule in (Adam(learning_rate=0.05), AdaGrad(learning_rate=0.05), RMSProp(learning_rate=0.05)):
        target, w = Lookahead(rule, steps=3), network.initial(0)
        assert taylor_slope(target, network, w, largest=1e-3) == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize(
    "rule", [SignDescent(), Lion(), AMSGrad(), GradientDescent(learning_rate=Armijo()), Newton()], ids=repr
)
def test_rules_that_are_not_smooth_have_values_only(rule):
    target = Lookahead(rule, steps=2)
    assert not target.has_gradient
    assert math.isfinite(target.value(rosenbrock(), POINT))
    with pytest.raises(InputError, match="only its value is known"):
        target.value_and_grad(rosenbrock(), POINT)


def test_steps_that_leave_the_numbers_are_not_a_number_and_refused_at_the_start():
    target = Lookahead(GradientDescent(learning_rate=10.0), steps=30)
    value, gradient = target.value_and_grad(rosenbrock(), POINT)
    assert math.isnan(value)
    assert np.isnan(gradient).all()
    with pytest.raises(InputError, match="nan at the start"):
        target.start_value(rosenbrock(), POINT)


def test_by_name_and_bad_options():
    assert read_target("lookahead", rule=Adam(), steps=3).steps == 3
    assert isinstance(read_target("lookahead").rule, GradientDescent)
    with pytest.raises(InputError, match="no optimizer rule"):
        Lookahead("adam")
    with pytest.raises(InputError, match="steps"):
        Lookahead(steps=0)
    with pytest.raises(InputError, match="count"):
        Lookahead(count=-1)


@pytest.mark.parametrize("state", [{}, {"mean": np.zeros(2)}, 5])
def test_the_state_of_another_rule_is_refused(state):
    with pytest.raises(InputError, match="state"):
        Lookahead(Adam(), state=state)
