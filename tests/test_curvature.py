"""Curvature of orbits: closed forms against differentiated group elements, circles, and gradients by Taylor slopes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm
from taylor import taylor_slope

from manifolds.errors import InputError
from solvers.aims.curvature import Curvature, curvature, curves_of
from solvers.aims.curves import DifferenceCurves, PolynomialCurves, SmoothCurves
from solvers.objective import Objective
from symmetries import Loss, derive
from symmetries.action import GroupAction
from symmetries.actions.network_action import NetworkAction

ORDER_EIGHT = {
    1: ((1, 4 / 5), (2, -1 / 5), (3, 4 / 105), (4, -1 / 280)),
    2: ((1, 8 / 5), (2, -1 / 5), (3, 8 / 315), (4, -1 / 560)),
}


def differentiated(action, w, t):
    """First and second derivative of exp(tX).w at t = 0, from the group elements alone."""
    if isinstance(action, NetworkAction):
        return _by_cauchy(action, w, t)
    step = 0.02

    def moved(k):
        return action.apply(action.exp(k * step * t), w)

    first = sum(weight * (moved(k) - moved(-k)) for k, weight in ORDER_EIGHT[1]) / step
    second = sum(weight * (moved(k) + moved(-k) - 2 * w) for k, weight in ORDER_EIGHT[2]) / step**2
    return first, second


def _by_cauchy(action, w, t, count=32):
    """Cauchy's integral formula on a circle of complex times, where the activation is analytic."""
    radius = 0.01 if action.activation.name == "leaky_relu" else 0.1  # short of the kink
    times = radius * np.exp(2j * np.pi * np.arange(count) / count)
    weights, matrices = list(action.space.split(w).values()), action._algebra(t)
    values = [
        np.concatenate([one.ravel() for one in action._moved([expm(z * x) for x in matrices], weights)]) for z in times
    ]
    first, second = (
        np.mean([one / z**order for one, z in zip(values, times, strict=True)], axis=0) for order in (1, 2)
    )
    assert np.abs(first.imag).max() < 1e-9 * np.abs(first).max(), "the circle leaves the region where it is analytic"
    return first.real, 2 * second.real


def network(activation, **options):
    return GroupAction.catalogued("mlp-data", widths=(5, 5, 4, 2), activation=activation, **options)


def actions():
    return {
        "rosenbrock": GroupAction.catalogued("rosenbrock"),
        "pairs": GroupAction.catalogued("rosenbrock", variables=4),
        "booth": GroupAction.catalogued("booth"),
        "quadratic": GroupAction.catalogued("quadratic", matrix=((2, 1, 0), (1, 3, 0), (0, 0, 5))),
        "low-rank": GroupAction.catalogued("low-rank"),
        "attention": GroupAction.catalogued("attention"),
        "scaling": GroupAction.catalogued("homogeneous-network", widths=(3, 4, 4, 2)),
        **{f"hidden {name}": network(name) for name in ("leaky_relu", "tanh", "sinh", "softplus", "sigmoid")},
        "preactivation": network("tanh", on="preactivation"),
    }


ACTIONS = actions()


def start(action, seed=0, scale=0.6):
    return scale * np.random.default_rng(seed).standard_normal(action.space.size)


@pytest.mark.parametrize("name", ACTIONS)
def test_derivatives_are_those_of_the_group_elements(name):
    action = ACTIONS[name]
    w, rng = start(action), np.random.default_rng(1)
    t = rng.standard_normal(action.dimension)
    t *= 0.2 / np.linalg.norm(t)
    first, second = curves_of(action).derivatives(w, t)
    one, two = differentiated(action, w, t)
    assert first == pytest.approx(one, rel=1e-9, abs=1e-9 * np.abs(one).max())
    assert second == pytest.approx(two, rel=1e-8, abs=1e-8 * np.abs(two).max())
    assert curvature(first, second) == pytest.approx(curvature(one, two), rel=1e-8)


def test_the_extra_term_of_curved_activations_is_needed():
    action = ACTIONS["hidden tanh"]
    curves, w, t = curves_of(action), start(action), np.full(action.dimension, 0.1)
    without = curves_of(action)
    without._bend = np.zeros_like
    assert np.abs(without.derivatives(w, t)[1] - curves.derivatives(w, t)[1]).max() > 1e-3


@settings(deadline=None, derandomize=True, max_examples=15)
@given(st.integers(2, 5), st.floats(0.1, 10), st.integers(0, 1000))
def test_orbits_of_the_rotation_group_bend_as_great_circles_at_most(size, radius, seed):
    action = GroupAction.catalogued("quadratic", matrix=np.eye(size, dtype=int).tolist())
    w = np.random.default_rng(seed).standard_normal(size)
    w *= radius / np.linalg.norm(w)
    target = Curvature(action, elements=4, rng=seed)
    values = [curvature(*target.curves.derivatives(w, t)) for t in target.directions]
    assert min(values) >= 1 / radius - 1e-9
    if size == 2:
        assert values == pytest.approx([1 / radius] * 4)


def test_a_straight_orbit_does_not_bend():
    action = GroupAction.from_algebra(derive(Loss.parse("(x + y)**2", ["x", "y"])))
    target = Curvature(action, elements=5)
    objective = Objective.from_loss(action.loss)
    fields = action.field([1.0, 2.0])
    assert np.linalg.matrix_rank(fields) == 1
    value, slope = target.value_and_grad(objective, np.array([1.0, 2.0]))
    assert value == pytest.approx(0, abs=1e-12)
    assert np.isfinite(slope).all()


@pytest.mark.parametrize("name", [name for name in ACTIONS if name != "preactivation"])
def test_gradients_leave_remainders_of_second_order(name):
    action = ACTIONS[name]
    target = Curvature(action, elements=3)
    assert target.has_gradient
    objective = Objective.from_functions(lambda w: 0.0, np.zeros_like, size=action.space.size)
    assert taylor_slope(target, objective, start(action)) == pytest.approx(2, abs=0.1)
    assert objective.ledger.total().gradient_equivalents == 0


def test_actions_without_closed_forms_have_values_only():
    target = Curvature(ACTIONS["preactivation"], elements=2)
    objective = Objective.from_functions(lambda w: 0.0, np.zeros_like, size=ACTIONS["preactivation"].space.size)
    w = start(ACTIONS["preactivation"])
    assert isinstance(target.curves, DifferenceCurves)
    assert not target.has_gradient
    assert target.value(objective, w) > 0
    with pytest.raises(InputError, match="only its value is known"):
        target.value_and_grad(objective, w)


@pytest.mark.parametrize("name", ["rosenbrock", "pairs"])
def test_differences_agree_with_polynomials(name):
    action = ACTIONS[name]
    exact, w, t = curves_of(action), start(action), np.ones(action.dimension)
    assert isinstance(exact, PolynomialCurves)
    assert isinstance(exact, SmoothCurves)
    assert DifferenceCurves(action).derivatives(w, t)[1] == pytest.approx(exact.derivatives(w, t)[1], rel=1e-9)


def test_elements_are_on_the_unit_sphere_of_the_frobenius_norm():
    action = GroupAction.catalogued("quadratic", matrix=((2, 1, 0), (1, 3, 0), (0, 0, 5)))
    target = Curvature(action, elements=50)
    lengths = [np.linalg.norm(action.matrix(t)) for t in target.directions]
    assert lengths == pytest.approx([1.0] * 50)
    assert (target.directions == Curvature(action, elements=50).directions).all()


def test_fixed_points_and_bad_options_are_refused():
    action = GroupAction.catalogued("quadratic", matrix=((1, 0), (0, 1)))
    objective = Objective.from_functions(lambda w: 0.0, np.zeros_like, size=2)
    with pytest.raises(InputError, match="nan at the start"):
        Curvature(action).start_value(objective, np.zeros(2))
    with pytest.raises(InputError, match="elements=0"):
        Curvature(action, elements=0)
    with pytest.raises(InputError, match="no action"):
        Curvature("booth")


def test_hidden_states_without_rank_are_refused_with_the_reason():
    action = ACTIONS["hidden leaky_relu"]
    objective = Objective.from_functions(lambda w: 0.0, np.zeros_like, size=action.space.size)
    target = Curvature(action, elements=2)
    assert np.isnan(target.value(objective, np.zeros(action.space.size)))
    with pytest.raises(InputError, match="lack rank"):
        target.start_value(objective, np.zeros(action.space.size))
