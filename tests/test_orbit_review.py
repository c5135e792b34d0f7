"""Regression tests of orbits and actions: false minima, false blow-ups, points that are none."""
# mypy: disable-error-code="arg-type"

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from manifolds.errors import InputError
from symmetries import GroupAction, Loss, Polynomial, VectorField, derive
from symmetries.actions.canonical import canonical_representative
from symmetries.actions.finite_matrices import SignMatrices
from symmetries.actions.flow_action import FlowAction
from symmetries.actions.orbit_geometry import minimal_vector, nearest_on_orbit, slice_at
from symport.cli import main

BOOTH = GroupAction.catalogued("booth")


def test_a_farthest_point_is_no_minimum() -> None:
    ellipse = GroupAction.catalogued("quadratic", matrix=[[1, 0], [0, 4]])
    found = minimal_vector(ellipse, [2.0, 0.0])
    assert found.status == "converged"
    assert np.allclose(np.abs(found.point), [0, 1])


def test_a_factor_without_rank_has_no_nearest_point() -> None:
    action = GroupAction.catalogued("low-rank", rows=2, columns=2, rank=2)
    assert minimal_vector(action, [1, 0, 0, 0, 1, 0, 0, 1]).status == "unbounded"
    assert minimal_vector(action, [1, 2, 0, 1, 1, 0, 3, 1]).status == "converged"


def test_exponential_growth_is_no_blow_up() -> None:
    one = {"x": {(("x", 1),): Fraction(1)}, "y": {(("y", 1),): Fraction(-1)}}
    flow = FlowAction(Loss.parse("x*y"), [VectorField.from_polynomials(one)])
    assert np.allclose(flow.apply(25.0, [1.0, 1.0]), np.exp([25.0, -25.0]), rtol=1e-10, atol=0)
    with pytest.raises(InputError, match="farther from the origin"):
        flow.apply(400.0, [1.0, 1.0])


@pytest.mark.parametrize("call", [
    lambda: minimal_vector(BOOTH, [np.nan, 1.0]),
    lambda: slice_at(BOOTH, [np.nan, 1.0]),
    lambda: nearest_on_orbit(BOOTH, [1.0, 2.0], [np.inf, 1.0]),
    lambda: GroupAction.catalogued("mlp-data").apply(np.zeros(61), np.full(76, np.nan)),
])  # fmt: skip
def test_points_that_are_not_finite(call: Callable[[], object]) -> None:
    with pytest.raises(InputError, match="NaN"):
        call()


def test_wrong_arguments() -> None:
    with pytest.raises(InputError, match="max_steps"):
        minimal_vector(BOOTH, [1.0, 2.0], max_steps=0)
    with pytest.raises(InputError, match="starts"):
        nearest_on_orbit(BOOTH, [1.0, 2.0], [1.0, 2.0], starts=0)
    with pytest.raises(InputError, match=r"shape \[3\]"):
        nearest_on_orbit(BOOTH, [1.0, 2.0, 3.0], [1.0, 2.0])
    with pytest.raises(InputError, match="ConjugatedAction"):
        canonical_representative(BOOTH, [1.0, 2.0])
    given: list[dict[str, Any]] = [{"inputs": [[1, 2], [3]]}, {"widths": 3}, {"activation": []}]
    for sizes in given:
        with pytest.raises(InputError):
            GroupAction.catalogued("mlp-data", **sizes)


def test_a_zero_is_no_sign() -> None:
    assert not SignMatrices(2).belongs(np.diag([1.0, 0.0]))
    assert SignMatrices(2).belongs(np.diag([1.0, -1.0]))


def test_embedded_elements_and_points() -> None:
    action = GroupAction.from_algebra(derive(Loss.parse("x**2 + 2*x*y**2 + y**4 + y**2"), ansatz=Polynomial(3)))
    order = len(action.identity)
    with pytest.raises(InputError, match="singular"):
        action.inverse(np.zeros((order, order)))
    with pytest.raises(InputError, match="overflow"):
        action.apply(0.3, [1e200, 1e200])


def test_act_refuses_a_point_where_the_loss_is_undefined(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["act", "log(x*y)", "--formula", "--at", "x=-1, y=2"]) == 2
    assert "the loss at the point" in capsys.readouterr().err
