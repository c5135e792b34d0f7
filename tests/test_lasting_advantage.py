"""For how many steps an advantage lasts, and which point stays steepest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds.errors import InputError
from solvers.convergence.lasting_advantage import _guaranteed
from solvers.objective import Objective
from solvers.rates import lasting_advantage, quadratic_flow_stays_steepest
from symmetries import Loss

BOWL = Loss.parse("x**2/2 + 5*y**2")


def test_reference_values_of_a_quadratic():
    claim = lasting_advantage(BOWL, [10**0.5, 0.0], [0.0, 1.0], learning_rate=0.02).claims[-1]
    assert (claim.evidence["guaranteed"], claim.evidence["observed"]) == (2, 5)
    assert claim.evidence["first_ratio"] == pytest.approx(10**0.5)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.floats(0.3, 3), st.floats(-1, 1), st.floats(0.001, 0.09))
def test_the_guarantee_is_kept(angle, other, rate):
    first, second = ([np.cos(a), np.sin(a) / 10**0.5] for a in (other, angle))
    check = lasting_advantage(BOWL, first, second, learning_rate=rate, steps=30)
    assert check.verdict != "refuted"


@pytest.mark.parametrize("ratio", [1.5, 2.24, 2.26])
def test_the_number_of_steps_is_the_logarithm(ratio):
    line = Objective.from_functions(lambda w: float(w @ w) / 2, lambda w: w, size=1)
    steps = _guaranteed(line, np.array([1.0]), np.array([ratio]), 0.2)
    assert 1.5**steps <= ratio * (1 + 1e-9) < 1.5 ** (steps + 1)


@pytest.mark.parametrize(
    ("loss", "options", "why"),
    [
        (BOWL, {"learning_rate": 0.2}, "below 1"),
        (Loss.parse("x**4 + y**2"), {"learning_rate": 0.01}, "lipschitz"),
    ],
)
def test_hypotheses_that_fail_are_undecided(loss, options, why):
    check = lasting_advantage(loss, [1.0, 0.0], [0.0, 1.0], **options)
    assert check.verdict == "undecided"
    assert why in check.claims[-1].reason


def test_a_shorter_gradient_has_no_advantage():
    check = lasting_advantage(BOWL, [0.0, 1.0], [10**0.5, 0.0], learning_rate=0.02)
    assert (check.verdict, "shorter" in check.claims[-1].reason) == ("undecided", True)


def test_a_constant_that_is_too_small_is_found_out():
    check = lasting_advantage(Loss.parse("x**4 + y**2"), [1.0, 0.0], [2.0, 0.0], learning_rate=0.01, lipschitz=3.0)
    assert check.verdict == "refuted"
    assert check.claims[1].verdict == "refuted"


def test_bad_input():
    with pytest.raises(InputError, match="learning_rate"):
        lasting_advantage(BOWL, [1.0, 0.0], [0.0, 1.0], learning_rate=0.0)
    with pytest.raises(InputError, match="NaN"):
        lasting_advantage(BOWL, [np.nan, 0.0], [0.0, 1.0], learning_rate=0.1)


def test_the_steepest_point_of_a_quadratic_is_the_nearest():
    rng = np.random.default_rng(0)
    factor = rng.integers(-3, 4, size=(4, 4))
    matrix = (factor @ factor.T + np.eye(4, dtype=int)).tolist()
    loss = Loss.parse("dot(w, A@w)/2 - sum(w)", {"w": (4,)}, data={"A": matrix})
    check = quadratic_flow_stays_steepest(loss, [1.0, 2.0, -1.0, 0.5])
    assert [claim.verdict for claim in check.claims] == ["proved", "measured", "measured", "measured"]
    assert check.claims[3].evidence["worst_residual"] < 1e-7


def test_a_semidefinite_quadratic_and_functions():
    assert quadratic_flow_stays_steepest(Loss.parse("(x + y)**2 + z**2/3"), [1.0, 1.0, 1.0]).verdict == "measured"
    functions = Objective.from_functions(
        lambda w: float(w @ w) + w[0], lambda w: 2 * w + np.eye(3)[0], lambda _, v: 2 * v, size=3
    )
    check = quadratic_flow_stays_steepest(functions, [1.0, 1.0, 1.0])
    assert check.verdict in ("measured", "undecided")
    assert check.claims[0].verdict != "proved"


@pytest.mark.parametrize("formula", ["x**2 - y**2", "x**4 + y**2", "x**2 + y", "exp(x) + y**2"])
def test_other_losses_are_not_decided(formula):
    check = quadratic_flow_stays_steepest(Loss.parse(formula), [1.0, 1.0])
    assert check.claims[-1].verdict == "undecided"
