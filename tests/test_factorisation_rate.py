"""Imbalance of factors and the rate of gradient flow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds.errors import InputError
from solvers.convergence.factorisation_rate import guaranteed_rate
from solvers.rates import factorisation_rate


def loss_rate(U, V, Y):
    """-(dL/dt)/(2 L) of the flow at a point."""
    E = U @ V.T - Y
    return (np.sum((E @ V) ** 2) + np.sum((E.T @ U) ** 2)) / np.sum(E**2)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.floats(0.1, 4))
def test_the_rate_holds_at_every_point(seed, m, n, r, scale):
    rng = np.random.default_rng(seed)
    U, V, Y = scale * rng.standard_normal((m, r)), rng.standard_normal((n, r)), rng.standard_normal((m, n))
    assert loss_rate(U, V, Y) >= guaranteed_rate(U, V) * (1 - 1e-9) - 1e-12


def test_scalar_factors():
    assert guaranteed_rate(np.array([[3.0]]), np.array([[1.0]])) == pytest.approx(8)
    assert guaranteed_rate(np.array([[1.0]]), np.array([[3.0]])) == pytest.approx(8)
    assert guaranteed_rate(np.eye(2), np.eye(2)) == 0
    check = factorisation_rate([[1.0]], [[0.5]], [[2.0]], element=[[0.2]], time=0.3)
    assert [claim.verdict for claim in check.claims] == ["proved", "measured", "measured", "measured", "measured"]
    assert check.claims[-1].evidence["rate_after"] > check.claims[-1].evidence["rate_before"]


def test_balanced_factors_guarantee_nothing():
    check = factorisation_rate(np.eye(2), np.eye(2), [[1.0, 2.0], [0.0, 1.0]], time=0.5)
    assert check.claims[1].verdict == check.verdict == "undecided"


def test_a_larger_imbalance_can_be_slower():
    """The size of the imbalance does not order the rates: all of it may lie in a direction that is fitted already."""
    Y = np.diag([0.0, 1.0])
    even, lopsided = (np.diag([1.0, 1.0]), np.zeros((2, 2))), (np.diag([4.0, 0.1]), np.diag([0.0, 0.1]))
    first, second = (factorisation_rate(U, V, Y, time=1.0) for U, V in (even, lopsided))
    sizes = [check.claims[1].evidence["imbalance"] for check in (first, second)]
    assert sizes[1] > 5 * sizes[0]
    assert first.verdict in ("measured", "proved")
    assert second.claims[1].verdict == "undecided"
    assert loss_rate(*even, Y) > loss_rate(*lopsided, Y)


def test_a_rotation_changes_no_eigenvalue():
    turn = [[0.0, -1.0], [1.0, 0.0]]
    check = factorisation_rate([[2.0, 0.0], [0.0, 3.0]], [[0.1, 0.0], [0.0, 0.2]], np.eye(2), element=turn, time=0.05)
    evidence = check.claims[-1].evidence
    assert evidence["rate_after"] == pytest.approx(evidence["rate_before"])


@pytest.mark.parametrize(
    ("U", "V", "Y", "g"),
    [([1.0], [[1.0]], [[1.0]], None), ([[1.0]], [[1.0]], [[1.0, 2.0]], None), ([[1.0]], [[1.0]], [[1.0]], [[0.0]])],
)
def test_bad_input(U, V, Y, g):
    with pytest.raises(InputError):
        factorisation_rate(U, V, Y, element=g)


def test_zero_factors_and_zero_losses_decide_nothing_of_the_rate():
    for U, V, Y in (([[0.0]], [[0.0]], [[1.0]]), ([[1.0]], [[0.0]], [[0.0]]), ([[2.0]], [[1.0]], [[2.0]])):
        conserved, rate = factorisation_rate(U, V, Y).claims
        assert (conserved.verdict, rate.verdict) == ("proved", "undecided")


def test_factors_that_grow_and_losses_that_underflow_are_not_refuted():
    small = factorisation_rate([[1e-8]], [[2e-8]], [[2.0]], time=10.0)
    fast = factorisation_rate([[1e3]], [[1.0]], [[2.0]], time=10.0)
    assert small.claims[0].verdict == fast.claims[0].verdict == "proved"
    assert "refuted" not in (small.verdict, fast.verdict)


def test_a_teleport_of_a_perfect_fit_is_not_refuted_by_rounding():
    claims = factorisation_rate([[3.0]], [[1 / 3]], [[1.0]], element=[[0.7]]).claims
    assert [claim.verdict for claim in claims[2:]] == ["measured", "measured", "undecided"]
