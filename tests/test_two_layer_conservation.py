"""Conserved quantities of two-layer networks, under the flow, under descent and under teleports."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from manifolds.errors import InputError
from solvers.convergence.two_layer_conservation import (
    UNITS,
    conserved_gradient,
    conserved_value,
    two_layer_loss,
)
from solvers.minimize import minimize
from solvers.objective import Objective
from solvers.rates import drift_of_descent, teleport_leaves_the_flow, two_layer_conservation
from solvers.rules import Adam
from symmetries import GroupAction, Loss, conserved_quantities, derive
from symmetries.conserved.gradient_flow import measure_drift, predict_drift


@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "sigmoid"])
def test_conservation_is_proved_and_the_drift_is_of_first_order(activation):
    certificate = two_layer_conservation(activation, learning_rates=(5e-3, 5e-4))
    assert [claim.verdict for claim in certificate.claims] == ["proved", "measured"]
    assert certificate.claims[1].evidence["ratio"] == pytest.approx(10, rel=0.05)


@pytest.mark.parametrize("activation", ["identity", "tanh", "sigmoid"])
def test_the_flow_keeps_it_and_its_gradient_is_the_field(activation):
    rng = np.random.default_rng(1)
    objective = Objective.from_loss(two_layer_loss(activation), {"Y": rng.standard_normal((2, 2))})
    start = rng.uniform(0.2, 1.2, size=objective.size)
    end = solve_ivp(lambda _, w: -objective.gradient(w), (0, 1), start, rtol=1e-11, atol=1e-12).y[:, -1]
    assert conserved_value(activation, end) == pytest.approx(conserved_value(activation, start), abs=1e-8)
    components = conserved_gradient(activation).components
    names = objective.space.entries
    at = Loss.parse(f"({components['V[0,1]']})", {"U": (2, 2), "V": (2, 3)})
    step = 1e-6 * np.eye(objective.size)[names.index("V[0,1]")]
    difference = (conserved_value(activation, start + step) - conserved_value(activation, start - step)) / 2e-6
    assert Objective.from_loss(at).value(start) == pytest.approx(difference, rel=1e-6)


def test_samples_that_are_not_orthonormal_break_it():
    loss = Loss.parse("sum((Y - U@tanh(V))**2)/2", {"U": (2, 2), "V": (2, 3)}, data={"Y": (2, 3)})  # X = I keeps it
    rng = np.random.default_rng(0)
    objective = Objective.from_loss(loss, {"Y": rng.standard_normal((2, 3))})
    skewed = Loss.parse("sum((Y - U@tanh(V@X))**2)/2", {"U": (2, 2), "V": (2, 3)}, data={"Y": (2, 3), "X": (3, 3)})
    X = np.eye(3) + 0.5 * np.eye(3, k=1)
    other = Objective.from_loss(skewed, {"Y": rng.standard_normal((2, 3)), "X": X})
    start = rng.uniform(0.2, 1.2, size=10)

    def change(problem, samples):
        """Change of Q over a unit of time."""
        end = solve_ivp(lambda _, w: -problem.gradient(w), (0, 1), start, rtol=1e-10, atol=1e-11).y[:, -1]
        value = lambda w: w[:4] @ w[:4] / 2 - UNITS["tanh"].integral(w[4:].reshape(2, 3) @ samples).sum()  # noqa: E731
        return abs(value(end) - value(start))

    assert change(objective, np.eye(3)) < 1e-7
    assert change(other, X) > 1e-2


def test_unknown_activation():
    with pytest.raises(InputError, match="activation"):
        two_layer_conservation("gelu")


def test_a_teleport_leaves_the_flow():
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (2, 2), "V": (2, 2)}, data={"Y": [[1, 2], [0, 1]]})
    action = GroupAction.from_algebra(derive(loss))
    quantity = conserved_quantities(loss)[0]
    w = np.random.default_rng(0).standard_normal(8)
    check = teleport_leaves_the_flow(loss, quantity.value, action, [0.3, 0.1, -0.2, 0.4], w)
    assert check.verdict == "measured"
    still = teleport_leaves_the_flow(loss, quantity.value, action, np.zeros(4), w)
    assert [claim.verdict for claim in still.claims] == ["measured", "refuted"]


def factors():
    """A small regression with hidden layer, its data and a quantity."""
    rng = np.random.default_rng(0)
    loss = Loss.parse("mean((Y - X@A@B)**2)", {"A": (2, 3), "B": (3, 1)}, data={"X": (6, 2), "Y": (6, 1)})
    data = {"X": rng.normal(size=(6, 2)), "Y": rng.normal(size=(6, 1))}
    return loss, data, rng.normal(size=9)


def test_the_optimizer_drifts_as_measured_and_as_predicted():
    loss, data, start = factors()
    for quantity in conserved_quantities(loss)[:3]:
        certificate = drift_of_descent(quantity, start, learning_rate=0.02, steps=40, data=data)
        assert certificate.verdict == "measured"
        assert certificate.claims[0].evidence["worst_residual"] < 1e-9
        assert certificate.claims[1].evidence["order"] == pytest.approx(2, abs=0.5)


def test_the_drift_of_minimize_by_hand():
    loss, data, start = factors()
    quantity = conserved_quantities(loss)[0]
    objective = Objective.from_loss(loss, data)
    result = minimize(objective, start, rule="gradient-descent", learning_rate=0.005, steps=160, tolerance=0.0)
    drift = quantity.value(result.last_point) - quantity.value(start)
    measured = measure_drift(quantity, start, time=0.8, count=160, halvings=0, data=data).drifts[0]
    assert drift == pytest.approx(measured, rel=1e-9)
    assert drift == pytest.approx(predict_drift(quantity, start, 0.005, time=0.8, data=data), rel=0.05)


def test_adam_loses_it_at_once():
    """The drift of an adaptive rule does not shrink with its rate over a fixed length of path."""
    loss, data, start = factors()
    quantity, objective = conserved_quantities(loss)[0], Objective.from_loss(loss, data)
    drifts = []
    for rate, steps in ((0.01, 40), (0.005, 80), (0.0025, 160)):
        point = minimize(objective, start, rule=Adam(learning_rate=rate), steps=steps, tolerance=0.0).last_point
        drifts.append(abs(quantity.value(point) - quantity.value(start)))
    assert min(drifts) > 0.5 * max(drifts)


def test_a_flow_with_a_metric_is_another_flow():
    loss = Loss.parse("(1 - u*v)**2")
    quantity = conserved_quantities(loss, metric=[2, 1])[0]
    assert drift_of_descent(quantity, [1.5, 0.2], learning_rate=0.01, steps=5).verdict == "undecided"


@pytest.mark.parametrize("rates", [(1e-3,), 5, (1e-3, 1e-3), "ab", (1e-3, np.nan), (1e-3, -1e-4)])
def test_learning_rates_that_cannot_be_compared(rates):
    with pytest.raises(InputError, match="learning"):
        two_layer_conservation("tanh", learning_rates=rates)


def test_steps_that_blow_up_decide_nothing():
    assert two_layer_conservation("tanh", learning_rates=(3.0, 0.3), time=9.0).claims[1].verdict == "undecided"


def test_a_teleport_of_a_perfect_fit_keeps_the_loss():
    loss = Loss.parse("(1 - u*v)**2", ["u", "v"])
    action = GroupAction.from_algebra(derive(loss))
    check = teleport_leaves_the_flow(loss, lambda w: w[0] ** 2 - w[1] ** 2, action, 0.3, [3.0, 1 / 3])
    assert check.verdict == "measured"


def test_a_drift_of_what_is_no_quantity():
    with pytest.raises(InputError, match="ConservedQuantity"):
        drift_of_descent(3, [1.0], learning_rate=0.1, steps=2)


def test_a_first_order_that_cancels_is_no_counterexample():
    # over this time the first-order changes nearly cancel, so that the second order shows at these steps
    coarse = two_layer_conservation("identity", learning_rates=(1e-2, 1e-3), rng=1).claims[1]
    assert coarse.verdict == "undecided"
    assert abs(coarse.evidence["change_at_step_zero"]) < 0.05 * max(map(abs, coarse.evidence["drifts"]))


def test_a_change_that_does_not_vanish_with_the_step_is_a_counterexample(monkeypatch):
    monkeypatch.setitem(UNITS, "identity", UNITS["identity"]._replace(integral=lambda z: z**2))
    assert two_layer_conservation("identity", learning_rates=(1e-2, 1e-3)).claims[1].verdict == "refuted"


def test_rectified_units_that_are_not_all_positive():
    changes = [
        two_layer_conservation(name, learning_rates=(1e-2, 1e-3), rng=2).claims[1].evidence["drifts"][0]
        for name in ("relu", "identity")
    ]
    assert changes[0] != changes[1]
