"""The state of an optimizer under a teleport, against the same optimizer in transformed coordinates."""

from contextlib import nullcontext

import numpy as np
import pytest
from minimize_cases import FixedMove, anywhere, quadratic

from manifolds.errors import InputError
from solvers.felt_symmetries import UselessTeleport
from solvers.minimize import minimize
from solvers.objective import Objective
from solvers.rules import RULES, AdaDelta, AdaGrad, Adam, GradientDescent, HeavyBall, make_rule
from solvers.running.transport import read_state_mode, transport_state
from solvers.schedules import At
from symmetries import GroupAction, Loss, derive

FACTORS = Loss.parse("(x*y - 1)**2 + (x*y)**4", ["x", "y"])
CIRCLES = Loss.parse("(x**2 + y**2 - 1)**2", ["x", "y"])


def scaling(s):
    """The action (x, y) -> (s x, y/s) and its element."""
    action = GroupAction.from_algebra(derive(FACTORS))
    field = action.field([1.0, 1.0])[0]
    return action, action.exp([np.log(s) / field[0]])


def teleported_at(step, action, element, **options):
    return At([step], along=FixedMove(action, element), target=anywhere, guard=None, **options)


def test_heavy_ball_is_heavy_ball_in_the_old_coordinates_with_a_metric():
    s, eta, mu = np.array([2.0, 0.5]), 0.02, 0.8
    action, element = scaling(2.0)
    result = minimize(
        FACTORS,
        [1.5, 1.1],
        rule=HeavyBall(learning_rate=eta, momentum=mu),
        steps=12,
        teleport=teleported_at(5, action, element),
    )
    objective, y, n = Objective.from_loss(FACTORS), np.array([1.5, 1.1]), np.zeros(2)
    for step in range(12):
        n = mu * n + objective.gradient(y)
        y = y - eta * n / (s**2 if step >= 5 else 1)
    np.testing.assert_allclose(result.last_point, s * y, rtol=1e-12)
    assert result.history[6].teleported
    kept = minimize(
        FACTORS,
        [1.5, 1.1],
        rule=HeavyBall(learning_rate=eta, momentum=mu),
        steps=12,
        teleport=teleported_at(5, action, element, state="keep"),
    )
    assert np.abs(kept.last_point - s * y).max() > 1e-3


def test_adagrad_divides_its_sums_by_the_squared_scales():
    s, eta = np.array([2.0, 0.5]), 0.1
    action, element = scaling(2.0)
    rule = AdaGrad(learning_rate=eta, epsilon=0.0)
    result = minimize(FACTORS, [1.5, 1.1], rule=rule, steps=9, teleport=teleported_at(4, action, element))
    objective, y, v = Objective.from_loss(FACTORS), np.array([1.5, 1.1]), np.zeros(2)
    for step in range(9):
        g = objective.gradient(y)
        v = v + g**2
        y = y - eta / (s if step >= 4 else 1) * g / np.sqrt(v)
    np.testing.assert_allclose(result.last_point, s * y, rtol=1e-12)


@pytest.mark.parametrize("state", ["transport", "keep", "reset"])
def test_an_orthogonal_action_commutes_with_momentum_only_when_the_state_is_transported(state):
    action = GroupAction.from_algebra(derive(CIRCLES))
    element = action.exp([1.1])
    rule = HeavyBall(learning_rate=0.02, momentum=0.9)
    plain = minimize(CIRCLES, [1.5, 0.4], rule=rule, steps=15)
    schedule = teleported_at(6, action, element, state=state)
    useless = pytest.warns(UselessTeleport, match="isometries") if state == "transport" else nullcontext()
    with useless:  # such a group changes no loss, and that is said
        moved = minimize(CIRCLES, [1.5, 0.4], rule=rule, steps=15, teleport=schedule)
    distance = np.abs(moved.last_point - action.apply(element, plain.last_point)).max()
    assert distance < 1e-12 if state == "transport" else distance > 1e-3


def test_reset_starts_adam_anew():
    action, element = scaling(2.0)
    rule = Adam(learning_rate=0.05)
    run = minimize(FACTORS, [1.5, 1.1], rule=rule, steps=10, teleport=teleported_at(6, action, element, state="reset"))
    first = minimize(FACTORS, [1.5, 1.1], rule=rule, steps=6)
    second = minimize(FACTORS, action.apply(element, first.last_point), rule=rule, steps=4)
    assert run.last_point.tobytes() == second.last_point.tobytes()


def test_every_kind_of_slot_moves_by_its_formula():
    action, element = scaling(3.0)
    w = np.array([1.2, 0.7])
    jacobian = action.jacobian(element, w)
    inverse = np.linalg.inv(jacobian).T
    rng = np.random.default_rng(0)
    state = {"square": rng.random(2), "displacement_square": rng.random(2)}
    moved = transport_state(AdaDelta.slots, state, action=action, element=element, w=w)
    np.testing.assert_allclose(moved["square"], inverse**2 @ state["square"], rtol=1e-12)
    np.testing.assert_allclose(moved["displacement_square"], jacobian**2 @ state["displacement_square"], rtol=1e-12)
    momentum = {"momentum": rng.standard_normal(2)}
    moved = transport_state(HeavyBall.slots, momentum, action=action, element=element, w=w)
    np.testing.assert_allclose(moved["momentum"], inverse @ momentum["momentum"], rtol=1e-12)


def test_moves_without_a_group_keep_the_state_and_refuse_to_transport_it():
    assert At([1], along="level-set").state == "keep"
    with pytest.raises(InputError, match="keep"):
        At([1], along="level-set", state="transport")
    with pytest.raises(InputError, match="no such treatment"):
        read_state_mode("carry", None)


def test_the_plain_rule_has_nothing_to_transport():
    action, element = scaling(2.0)
    assert transport_state(GradientDescent.slots, {}, action=action, element=element, w=np.ones(2)) == {}
    assert minimize(quadratic(), [1.0, 1.0], rule=GradientDescent(learning_rate=0.1), steps=3).steps == 3


COVARIANT = [
    name
    for name, make in RULES.items()
    if name != "l-bfgs" and isinstance(make, type) and make.slots and set(make.slots.values()) <= {"covector", "square"}
]


@pytest.mark.parametrize("name", COVARIANT)
def test_the_transported_state_is_that_of_the_same_gradients_seen_from_the_new_coordinates(name):
    s = np.array([3.0, 1 / 3.0])
    action, element = scaling(3.0)
    rule, rng = make_rule(name), np.random.default_rng(4)
    old = new = rule.start(np.zeros(2))
    for count in range(1, 8):
        gradient = rng.standard_normal(2)
        old = rule.step(gradient, old, count=count, rate=0.1, point=np.ones(2))[1] if old else old
        new = rule.step(gradient / s, new, count=count, rate=0.1, point=np.ones(2))[1] if new else new
    moved = transport_state(rule.slots, old, action=action, element=element, w=np.array([1.5, 1.1]))
    assert moved.keys() == new.keys()
    for slot, value in new.items():
        assert moved[slot] == pytest.approx(value, rel=1e-12)
