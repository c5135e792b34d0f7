"""Groups that cannot help: exact answers against Jacobians of finite elements."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds.errors import InputError
from solvers.rates import cannot_help
from symmetries import GroupAction, Loss, Polynomial, derive


def action_of(formula, **options):
    return GroupAction.from_algebra(derive(Loss.parse(formula), **options))


def worst_change(action, eta, rng):
    """|J eta J^T - eta| over random elements and points: what the answer must agree with."""
    worst = 0.0
    for _ in range(6):
        jacobian = action.jacobian(action.random(rng, scale=0.7), rng.uniform(0.5, 2, size=action.space.size))
        worst = max(worst, float(np.abs(jacobian @ eta @ jacobian.T - eta).max()))
    return worst


def test_rotations_cannot_help_one_learning_rate():
    certificate = cannot_help(action_of("(x**2 + y**2 + z**2)**2 + exp(x**2 + y**2 + z**2)"))
    assert certificate.verdict == "proved"
    assert len(certificate.claims) == 3
    assert "identity component" in certificate.claims[0].assumptions[0]


def test_the_metric_of_the_loss_makes_every_group_of_it_useless():
    action = action_of("x**2/2 + 9*y**2/2")
    assert cannot_help(action, eta=[1, Fraction(1, 9)]).verdict == "proved"
    assert cannot_help(action, eta=[1.0, 1 / 9]).verdict == "measured"  # the double is not one ninth
    assert cannot_help(action, eta=[1.0, 0.1111]).verdict == "refuted"


@pytest.mark.parametrize("name", ["booth", "low-rank", "linear-network", "homogeneous-network"])
def test_published_groups_may_help(name):
    certificate = cannot_help(GroupAction.catalogued(name))
    assert certificate.verdict == "refuted"
    claim = next(claim for claim in certificate.claims if claim.verdict == "refuted")
    assert claim.evidence["symmetric_part"] != "0"


def test_a_polynomial_field_is_refuted_at_a_point_where_it_stretches():
    action = action_of("100*(x**2 - y)**2 + (x - 1)**2", ansatz=Polynomial(3))
    claim = cannot_help(action).claims[0]
    assert claim.verdict == "refuted"
    x = float(claim.evidence["counterexample"]["x"])
    jacobian = action.jacobian(1e-4, [x, 0.0])
    assert np.abs(jacobian @ jacobian.T - np.eye(2)).max() > 1e-4


def test_fields_that_are_not_polynomial_are_tried_with_numbers():
    certificate = cannot_help(GroupAction.catalogued("mlp-data"))
    assert certificate.verdict == "refuted"
    assert "counterexample" in next(c for c in certificate.claims if c.verdict == "refuted").evidence


@settings(deadline=None, derandomize=True, max_examples=15)
@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from([(1, 1), (1, 2), (3, 1), (2, 3)]))
def test_the_exact_answer_agrees_with_finite_elements(a, b, eta):
    action = action_of(f"{a}*x**2 + {b}*y**2")
    answer = cannot_help(action, eta=list(eta)).verdict
    assert answer == ("proved" if a * eta[0] == b * eta[1] else "refuted")
    change = worst_change(action, np.diag(np.array(eta, dtype=float)), np.random.default_rng(0))
    assert (change < 1e-10) == (answer == "proved")


def test_a_full_matrix_of_learning_rates():
    action = action_of("x**2 + x*y + y**2")
    hessian = np.array([[2, 1], [1, 2]])
    inverse = [[Fraction(2, 3), Fraction(-1, 3)], [Fraction(-1, 3), Fraction(2, 3)]]
    assert cannot_help(action, eta=inverse).verdict == "proved"
    assert cannot_help(action, eta=hessian).verdict == "refuted"


@pytest.mark.parametrize("eta", [0, -1.0, [1, 2, 3], [[1, 2], [2, 1]], [[1, 1], [0, 1]], np.nan, "fast"])
def test_learning_rates_that_make_no_sense(eta):
    with pytest.raises(InputError, match="learning rate"):
        cannot_help(action_of("x**2 + y**2"), eta=eta)


def test_something_that_is_no_action():
    with pytest.raises(InputError, match="GroupAction"):
        cannot_help(Loss.parse("x**2"))


def test_finite_groups_are_tried_with_numbers():
    signs = GroupAction.catalogued("odd-network")
    assert signs.dimension == 0
    assert cannot_help(signs).verdict == "measured"
    eta = np.eye(signs.space.size)
    eta[0, 1] = eta[1, 0] = 0.5
    eta[0, -1] = eta[-1, 0] = 0.3
    assert cannot_help(signs, eta=eta).verdict == "refuted"


def test_learning_rates_of_very_different_size_hide_nothing():
    scaling = action_of("x*y")
    along_x = GroupAction.from_algebra(derive(Loss.parse("y**2", ["x", "y"])))
    for eta in ([1e-20, 1.0], [Fraction(1, 10**20), 1]):
        assert cannot_help(scaling, eta=eta).verdict == "refuted"
        assert {claim.verdict for claim in cannot_help(along_x, eta=eta).claims} == {"refuted"}


def test_large_integers_are_exact():
    turn = action_of("x**2 + y**2")
    assert cannot_help(turn, eta=[2**60, 2**60]).verdict == "proved"
    assert cannot_help(turn, eta=[2**60, 2**60 + 1]).verdict == "refuted"  # one double for both
    assert cannot_help(turn, eta=[1, 1 + Fraction(1, 10**20)]).verdict == "refuted"
    assert cannot_help(turn, eta=[1.0, 1 + 2.0**-52]).verdict == "measured"


def test_numbers_see_a_change_of_the_smallest_learning_rate():
    network = GroupAction.catalogued("mlp-data", widths=(2, 2, 1))
    eta = np.r_[np.full(4, 1e-12), np.ones(2)]
    jacobian = network.jacobian(network.exp([0.3, 0.0, 0.0, 0.0]), np.linspace(0.5, 1.5, 6))
    change = np.abs(jacobian * eta @ jacobian.T - np.diag(eta))[:4, :4].max()
    assert change > 1e-3 * 1e-12
    assert cannot_help(network, eta=eta).verdict == "refuted"
