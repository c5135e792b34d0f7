"""Periods, compactness, and refusals of actions that do not fit."""

from __future__ import annotations

import numpy as np
import pytest

from manifolds import GeneralLinear
from manifolds.errors import InputError
from solvers.network import Network
from solvers.objective import Objective
from solvers.search.orbit_guards import (
    group_period,
    is_abelian,
    is_compact,
    largest_scale,
    orbit_period,
    require_kept,
    require_same_space,
    step_times_curvature,
)
from symmetries import GroupAction, Loss, Polynomial, derive


def action_of(text: str, **options: object) -> GroupAction:
    return GroupAction.from_algebra(derive(Loss.parse(text), **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "period"),
    [("x**2 + 9*y**2", 2 * np.pi / 9), ("x**2 + y**2", 2 * np.pi), ("x**2 - y**2", None), ("(x*y - 1)**2", None)],
)
def test_periods_of_one_parameter_groups(text: str, period: float | None) -> None:
    action = action_of(text)
    found = group_period(action)
    if period is None:
        assert found is None
        return
    assert found is not None
    w = np.array([1.0, 0.3])
    assert action.apply(found, w) == pytest.approx(w, abs=1e-12)
    assert not np.allclose(action.apply(found / 2, w), w, atol=1e-3)
    assert not np.allclose(action.apply(found / 3, w), w, atol=1e-3)


def test_two_frequencies_have_a_common_period_only_where_they_are_commensurable() -> None:
    class Resonant:
        dimension = 1

        def __init__(self, ratio: float) -> None:
            block = np.array([[0.0, 1.0], [-1.0, 0.0]])
            self.matrix = np.kron(np.diag([1.0, ratio]), block)

        def representation(self) -> np.ndarray:
            return self.matrix[None]

        def exp(self, t: list[float]) -> np.ndarray:
            from scipy.linalg import expm

            return expm(t[0] * self.matrix)

    assert group_period(Resonant(1.5)) == pytest.approx(4 * np.pi)  # type: ignore[arg-type]
    assert group_period(Resonant(np.sqrt(2))) is None  # type: ignore[arg-type]


def test_a_flow_returns_after_its_period() -> None:
    action = action_of("x**4 + y**4", ansatz=Polynomial(3))
    w = np.array([1.0, 0.3])
    period = orbit_period(action, w)
    assert period is not None
    assert action.apply(period, w) == pytest.approx(w, abs=1e-9)
    assert np.linalg.norm(action.apply(period / 2, w) - w) > 1


def test_a_fixed_point_and_an_open_orbit_have_no_period() -> None:
    assert orbit_period(action_of("x**4 + y**4", ansatz=Polynomial(3)), np.zeros(2)) is None
    assert orbit_period(action_of("(x*y - 1)**2"), np.array([1.0, 2.0])) is None


def test_compact_groups_are_recognised() -> None:
    assert is_compact(GroupAction.catalogued("rosenbrock", variables=4))
    assert is_compact(GroupAction.catalogued("quadratic", matrix=[[2, 1, 0], [1, 3, 1], [0, 1, 4]]))
    assert is_compact(GroupAction.catalogued("odd-network"))
    assert not is_compact(GroupAction.catalogued("low-rank"))
    assert not is_compact(GroupAction.catalogued("homogeneous-network"))
    assert not is_compact(action_of("x**2 + y**2 - z**2"))
    assert not is_compact(action_of("x**4 + y**4", ansatz=Polynomial(3)))


def test_abelian_groups_are_recognised() -> None:
    assert is_abelian(GroupAction.catalogued("homogeneous-network"))
    assert not is_abelian(GroupAction.catalogued("low-rank"))
    assert is_abelian(GroupAction.catalogued("booth"))


def test_scales_are_singular_values() -> None:
    action = GroupAction.catalogued("low-rank")
    assert largest_scale(action, (np.diag([0.5, 1.0]),)) == pytest.approx(np.log(2))
    assert GeneralLinear(2).dimension == action.dimension


def test_curvature_along_the_gradient() -> None:
    objective = Objective.from_loss(Loss.parse("x**2 + 9*y**2"))
    assert step_times_curvature(objective, np.array([0.0, 1.0]), 0.1) == pytest.approx(1.8)


def test_an_action_of_other_parameters_is_refused() -> None:
    with pytest.raises(InputError, match="another loss"):
        require_same_space(GroupAction.catalogued("booth"), Objective.from_loss(Loss.parse("(u - v)**2")))


def test_vectors_without_names_fit_any_action_of_their_size() -> None:
    action = GroupAction.catalogued("booth")
    require_same_space(action, Objective.from_functions(sum, np.ones_like, size=2))
    with pytest.raises(InputError, match="another loss"):
        require_same_space(action, Objective.from_functions(sum, np.ones_like, size=3))


@pytest.mark.parametrize("text", ["(x - y)**2 + x**4", "x**2 + y**2"])
def test_an_action_that_changes_the_objective_is_refused_with_the_change(text: str) -> None:
    objective = Objective.from_loss(Loss.parse(text))
    action, w = GroupAction.catalogued("rosenbrock"), np.array([1.0, 1.0])  # which the action keeps fixed
    with pytest.raises(InputError, match="changes it from"):
        require_kept(action, objective, w, objective.value_and_grad(w), np.random.default_rng(0))


def test_a_penalty_breaks_the_symmetry_of_a_network() -> None:
    rng, widths = np.random.default_rng(0), (3, 4, 2)
    action = GroupAction.catalogued("homogeneous-network", widths=widths)
    options = {"widths": widths, "inputs": rng.standard_normal((3, 5)), "targets": rng.integers(0, 2, 5)}
    for l2 in (0.0, 0.1):
        network = Network(**options, activation="relu", l2=l2)  # type: ignore[arg-type]
        w = network.initial(rng)
        if l2:
            with pytest.raises(InputError, match="does not keep"):
                require_kept(action, network, w, network.value_and_grad(w), rng)
        else:
            assert require_kept(action, network, w, network.value_and_grad(w), rng) <= 1e-14
