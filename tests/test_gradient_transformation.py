"""Gradients under a group, against differences and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds.errors import InputError
from solvers.objective import Objective
from solvers.rates import improvement_condition
from symmetries import GroupAction, Loss, derive

BOOTH = GroupAction.catalogued("booth")


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.floats(-3, 3))
def test_booth_follows_its_closed_form(t):
    check = improvement_condition(BOOTH.loss, BOOTH, t, [5.0, -5.0])
    moved = check.claims[0].evidence["moved"]
    u, v = moved[0] + 2 * moved[1] - 7, 2 * moved[0] + moved[1] - 5
    ratio = (4 * (5 * u * u + 8 * u * v + 5 * v * v)) / 2880
    assert [claim.verdict for claim in check.claims[:2]] == ["measured", "measured"]
    assert check.claims[2].evidence["ratio"] == pytest.approx(ratio, rel=1e-9)
    assert check.claims[2].verdict == ("measured" if ratio > 1 + 1e-9 else "refuted")


def test_a_preconditioner_changes_the_answer():
    loss = Loss.parse("x**2/2 + 9*y**2/2")
    action = GroupAction.from_algebra(derive(loss))
    quarter = np.pi / 6  # of the period 2 pi/3
    assert improvement_condition(loss, action, quarter, [1.0, 0.0]).verdict == "measured"
    natural = improvement_condition(loss, action, quarter, [1.0, 0.0], eta=[1, 1 / 9])
    assert natural.claims[2].evidence["ratio"] == pytest.approx(1, abs=1e-12)
    assert natural.verdict == "refuted"
    assert improvement_condition(loss, action, quarter, [1.0, 0.0], eta=[1, 1 / 81]).verdict == "refuted"


def test_the_identity_is_no_improvement():
    assert improvement_condition(BOOTH.loss, BOOTH, 0.0, [5.0, -5.0]).claims[2].verdict == "refuted"


def test_a_critical_point_is_undecided():
    assert improvement_condition(BOOTH.loss, BOOTH, 0.3, [1.0, 3.0]).claims[2].verdict == "undecided"


def test_an_objective_that_the_action_does_not_keep_is_refuted():
    other = Objective.from_functions(lambda w: float(w @ w), lambda w: 2 * w, size=2)
    check = improvement_condition(other, BOOTH, 0.3, [5.0, -5.0])
    assert check.claims[0].verdict == check.verdict == "refuted"
    assert not hasattr(check, "loss")


def test_networks_with_data():
    action = GroupAction.catalogued("mlp-data", widths=(6, 6, 5, 2), activation="leaky_relu")
    rng = np.random.default_rng(0)
    objective = Objective.from_loss(action.loss, {"Y": rng.standard_normal((2, 4))})
    check = improvement_condition(objective, action, action.random(1, scale=0.1), 0.5 * rng.standard_normal(76))
    assert [claim.verdict for claim in check.claims[:2]] == ["measured", "measured"]


def test_sizes_must_fit():
    with pytest.raises(InputError, match="parameters"):
        improvement_condition(Loss.parse("x**2 + y**2 + z**2"), BOOTH, 0.1, [1.0, 1.0, 1.0])
    with pytest.raises(InputError, match="GroupAction"):
        improvement_condition(BOOTH.loss, None, 0.1, [1.0, 1.0])


def test_rounding_of_a_loss_near_zero_is_no_counterexample():
    loss = Loss.parse("(1 - u*v)**2", ["u", "v"])
    action = GroupAction.from_algebra(derive(loss))
    check = improvement_condition(loss, action, 0.3, [3.0, 1 / 3])
    assert [claim.verdict for claim in check.claims[:2]] == ["measured", "measured"]
    other = Loss.parse("(1 - u*v**2)**2", ["u", "v"])
    assert improvement_condition(other, action, 0.3, [1.0, 1.0]).claims[0].verdict == "refuted"
