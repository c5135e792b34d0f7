"""The doorway to the theory: what every check returns, and the smaller checks."""

import inspect
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds.errors import InputError
from solvers import rates
from solvers.convergence.ascent_cost import gradient_operations
from solvers.convergence.theorem_check import TheoremCheck, compared, figure, vanishing
from symmetries import Certificate, Claim, GroupAction, Loss, derive

BOWL = Loss.parse("x**2/2 + 5*y**2")
TURN = GroupAction.from_algebra(derive(BOWL))
ROWS, TARGETS = [[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]], [1.0, 1.0, 1.0]

CALLS = {
    "ascent_step_cost": rates.ascent_step_cost,
    "cannot_help": lambda: rates.cannot_help(TURN),
    "check_newton_equivalence": lambda: rates.check_newton_equivalence(BOWL, [1.0, 1.0]),
    "correlation_over_runs": lambda: rates.correlation_over_runs([1.0, 2, 3, 5], [1.0, 3, 2, 4]),
    "displacement_against_curvature": lambda: rates.displacement_against_curvature([1, 2]),
    "drift_of_descent": None,
    "expansive_in_distance": lambda: rates.expansive_in_distance(10, samples=100),
    "factorisation_rate": lambda: rates.factorisation_rate([[2.0]], [[1.0]], [[3.0]], time=0.1),
    "hessian_stability_rate": lambda: rates.hessian_stability_rate(BOWL, [1.0, 1.0], smoothness=10.0, steps=2),
    "improvement_condition": lambda: rates.improvement_condition(BOWL, TURN, 0.3, [1.0, 0.0]),
    "lasting_advantage": lambda: rates.lasting_advantage(BOWL, [1.0, 0.0], [0.0, 1.0], learning_rate=0.02),
    "level_set_kkt": lambda: rates.level_set_kkt(BOWL, [0.0, 1.0]),
    "linear_rate_to_a_floor": lambda: rates.linear_rate_to_a_floor(ROWS, TARGETS, [3.0, 1.0]),
    "logistic_stability": lambda: rates.logistic_stability(ROWS, 1.0),
    "neither_helps_nor_hurts": rates.neither_helps_nor_hurts,
    "nonconvex_teleport_bound": lambda: rates.nonconvex_teleport_bound([2.0, -0.5], np.eye(2), [1.0, 2.0]),
    "persistence_of_optimality": lambda: rates.persistence_of_optimality(BOWL, [0.0, 1.0]),
    "published_invariances": rates.published_invariances,
    "quadratic_flow_stays_steepest": lambda: rates.quadratic_flow_stays_steepest(BOWL, [1.0, 1.0]),
    "smooth_convex_rate": lambda: rates.smooth_convex_rate(BOWL, [1.0, 1.0], learning_rate=0.1, steps=3, at={0}),
    "stochastic_teleport_bound": lambda: rates.stochastic_teleport_bound(ROWS, TARGETS, [3.0, 1.0], horizons=(5,)),
    "teleport_leaves_the_flow": lambda: rates.teleport_leaves_the_flow(
        Loss.parse("(1 - u*v)**2", ["u", "v"]),
        lambda w: w[0] ** 2 - w[1] ** 2,
        GroupAction.from_algebra(derive(Loss.parse("(1 - u*v)**2", ["u", "v"]))),
        0.4,
        [1.5, 0.5],
    ),
    "two_layer_conservation": None,
}
"""A call of each check; two of them have a test file of their own."""


def test_every_check_is_called_here():
    names = {name for name in rates.__all__ if inspect.isfunction(getattr(rates, name))}
    assert names == set(CALLS)


@pytest.mark.parametrize("name", [name for name, call in CALLS.items() if call])
def test_every_check_returns_claims_that_can_be_stored(name):
    check = CALLS[name]()
    assert isinstance(check, Certificate | TheoremCheck)
    assert check.claims
    assert check.verdict != "refuted" or name in ("cannot_help",)
    text = json.dumps(check.to_dict(), allow_nan=False)
    assert json.loads(text)["verdict"] == check.verdict
    for claim in check.claims:
        assert claim.reason
    if isinstance(check, Certificate):
        assert Certificate.from_json(check.to_json()).verdict == check.verdict


def test_published_groups_keep_their_losses():
    check = rates.published_invariances()
    verdicts = {claim.statement.split(":")[0]: claim.verdict for claim in check.claims}
    assert [verdicts[name] for name in ("rosenbrock", "booth", "linear-network")] == ["proved"] * 3
    assert verdicts["mlp-data"] == "measured"


def test_cost_of_a_step_does_not_grow():
    check = rates.ascent_step_cost([(3, 2, 2), (20, 30, 2), (5, 5, 5, 5, 5, 5, 2)], samples=4)
    assert set(check.claims[0].evidence["gradient_equivalents"]) == {3.0}
    assert gradient_operations((2, 3), 1) == 2 * 2 * 6
    with pytest.raises(InputError, match="hidden"):
        rates.ascent_step_cost([(3, 2)])


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.integers(0, 1000), st.floats(-0.9, 0.9))
def test_correlation_agrees_with_numpy(seed, strength):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(50)
    y = strength * x + rng.standard_normal(50)
    claim = rates.correlation_over_runs(x, y).claims[0]
    low, high = claim.evidence["interval"]
    assert low < claim.evidence["correlation"] < high
    assert claim.evidence["correlation"] == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert (claim.verdict == "undecided") == (low <= 0 <= high)


def test_the_interval_covers_at_its_level():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        x, y = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=30).T
        low, high = rates.correlation_over_runs(x, y).claims[0].evidence["interval"]
        hits += low <= 0.6 <= high
    assert 0.92 <= hits / 400 <= 0.98


def test_correlation_refuses_constants_and_short_lists():
    for x, y in (([1, 2, 3], [1, 2, 3]), ([1, 1, 1, 1], [1, 2, 3, 4]), ([1, 2, 3, 4], [1, 2, 3])):
        with pytest.raises(InputError):
            rates.correlation_over_runs(x, y)


def test_numbers_that_are_not_finite_decide_nothing():
    assert compared("a <= b", np.nan, 1.0).verdict == "undecided"
    assert compared("a <= b", 1.0, np.inf).verdict == "undecided"
    assert vanishing("a = 0", np.nan, tolerance=1.0).verdict == "undecided"
    assert vanishing("a = 0", -2.0, tolerance=1.0).verdict == "refuted"
    assert figure((1, np.float64(2.5), [np.nan], True, "x", None)) == [1, 2.5, [None], True, "x", None]


def test_the_heaviest_verdict_is_that_of_the_check():
    claims = tuple(Claim(statement="s", verdict=one) for one in ("proved", "undecided", "measured"))
    assert TheoremCheck(theorem="t", claims=claims).verdict == "undecided"


def test_correlation_of_numbers_whose_squares_overflow():
    for scale in (1e200, 1e-200):
        x = [scale, 2 * scale, 3 * scale, 5 * scale]
        assert rates.correlation_over_runs(x, [1, 2, 3, 5]).claims[0].evidence["correlation"] == pytest.approx(1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: rates.correlation_over_runs([1, 2, 3, 4], [1, 2, 3, 5], level="a"),
        lambda: rates.expansive_in_distance(10, samples=0),
        lambda: rates.expansive_in_distance(10, samples="a"),
        lambda: rates.ascent_step_cost(5),
        lambda: rates.ascent_step_cost(samples=0),
        lambda: rates.logistic_stability([[1e3]], 1.0),
        lambda: rates.level_set_kkt(BOWL, [0.0, 1.0], tolerance="a"),
        lambda: rates.level_set_kkt(BOWL, [0.0, 1.0], tolerance=np.nan),
    ],
)
def test_bad_input_is_refused_by_name(call):
    with pytest.raises(InputError):
        call()
