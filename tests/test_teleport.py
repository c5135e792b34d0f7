"""The front of teleportation: forms of points, statuses, cost, refusals, and results that cannot be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from regression_paper import SEEDS, problem

from manifolds.errors import InputError
from solvers.minimize import minimize
from solvers.move import Destination, Move
from solvers.network import Network
from solvers.objective import Objective
from solvers.orbit import OrbitMove
from solvers.schedules import At
from solvers.status import Status
from solvers.targets import GradientNorm
from solvers.teleport import read_move, teleport
from symmetries import GroupAction, Loss, derive

BOOTH = GroupAction.catalogued("booth")


class Says(Move):
    """A move that answers what it is told."""

    name = "says"

    def __init__(self, point: Any, status: Status = Status.CONVERGED) -> None:
        self.point, self.status = point, status

    def search(self, objective: Any, w: Any, target: Any, *, maximize: bool, rng: Any) -> Destination:
        return Destination(point=np.array(self.point), status=self.status, steps=3)


def test_points_come_back_in_the_form_they_were_given() -> None:
    named = teleport(BOOTH.loss, {"x": 5.0, "y": -5.0}, along=BOOTH)
    flat = teleport(Objective.from_loss(BOOTH.loss), [5, -5], along=BOOTH)
    assert isinstance(named.point, dict)
    assert [float(named.point["x"]), float(named.point["y"])] == flat.point.tolist()


def test_the_record_is_that_of_the_point() -> None:
    objective = Objective.from_loss(BOOTH.loss)
    start = np.array([5.0, -5.0])
    result = teleport(objective, start, along=BOOTH)
    assert (result.loss_before, result.loss_after) == (144.0, objective.value(result.point))
    assert result.gradient_norm_before**2 == pytest.approx(result.target_before)
    assert result.gradient_norm_after**2 == pytest.approx(result.target_after)
    assert result.target == "gradient-norm"
    assert np.asarray(BOOTH.apply(result.element, start)) == pytest.approx(result.point, rel=1e-12)
    assert start.tolist() == [5.0, -5.0]


def test_the_cost_is_what_the_ledger_counted() -> None:
    objective = Objective.from_loss(BOOTH.loss)
    before = objective.ledger.total()
    result = teleport(objective, [5.0, -5.0], along=BOOTH)
    counted = objective.ledger.total() - before
    assert (result.cost.gradients, result.cost.hvps, result.cost.values) == (
        counted.gradients,
        counted.hvps,
        counted.values,
    )


@pytest.mark.parametrize(
    "point",
    [[9.0, 9.0], [np.nan, 0.0], [np.inf, 0.0], [9.48528137423857, -5.48528137423857]],
    ids=["another-level", "nan", "infinite", "smaller-gradient"],
)
def test_an_infeasible_or_worse_destination_is_replaced_by_the_start(point: list[float]) -> None:
    result = teleport(BOOTH.loss, [5.0, -5.0], along=Says(point))
    assert result.point.tolist() == [5.0, -5.0]
    assert result.status in (Status.NO_IMPROVEMENT, Status.NON_FINITE)
    assert result.gain == 1.0
    assert result.loss_after == result.loss_before


def test_a_lower_loss_is_feasible_for_moves_without_a_group() -> None:
    result = teleport(Loss.parse("x**2 + 100*y**2"), [10.0, 0.0], along=Says([0.0, 0.5]))
    assert result.point.tolist() == [0.0, 0.5]
    assert result.loss_after < result.loss_before


def test_minimising_returns_no_larger_target() -> None:
    result = teleport(BOOTH.loss, [5.0, -5.0], along=BOOTH, maximize=False)
    assert result.gain == pytest.approx(0.2)  # (5 - 4) / (5 + 0) of 5 + 4 sin 2 theta


def test_a_critical_point_stays() -> None:
    result = teleport(BOOTH.loss, [1.0, 3.0], along=BOOTH)
    assert result.point.tolist() == [1.0, 3.0]
    assert result.status is Status.NO_IMPROVEMENT


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"w": [1.0, 2.0, 3.0]}, "shape"),
        ({"w": [1.0, np.nan]}, "NaN"),
        ({"w": {"x": 1.0}}, "must name"),
        ({"along": "orbit"}, "along='orbit'"),
        ({"along": 3}, "along of the type int"),
        ({"target": "gradient-nrom"}, "gradient-norm"),
        ({"target": lambda objective, w: float("nan")}, "is nan at the start"),
        ({"radius": -1.0}, "radius"),
        ({"step": 3}, "was given 'step'"),
        ({"along": OrbitMove(BOOTH), "steps": 3}, "beside a move"),
        ({"along": GroupAction.catalogued("low-rank")}, "another loss"),
        ({"along": GroupAction.catalogued("rosenbrock")}, "does not keep the objective"),
        ({"rng": -1}, "seed"),
        ({"objective": "x**2"}, "a loss or an objective is needed"),
        ({"data": {"Y": 1.0}}, "'Y'"),
    ],
)
def test_bad_input_is_refused_in_three_parts(arguments: dict[str, Any], message: str) -> None:
    given = {"objective": BOOTH.loss, "w": [5.0, -5.0], "along": BOOTH, **arguments}
    with pytest.raises(InputError, match=message) as error:
        teleport(given.pop("objective"), given.pop("w"), **given)
    assert error.value.why
    assert error.value.cure


def test_a_hidden_state_without_rank_is_refused() -> None:
    inputs = np.ones((6, 4))
    action = GroupAction.catalogued("mlp-data", inputs=inputs)
    w = np.random.default_rng(0).standard_normal(action.space.size)
    with pytest.raises(InputError, match="lack rank"):
        teleport(action.loss, w, along=action, data={"Y": np.ones((2, 4))})


def test_an_action_for_other_inputs_is_refused() -> None:
    rng = np.random.default_rng(0)
    action = GroupAction.catalogued("mlp-data", inputs=rng.standard_normal((6, 4)))
    other = GroupAction.catalogued("mlp-data", inputs=rng.standard_normal((6, 4)))
    w = rng.standard_normal(action.space.size)
    with pytest.raises(InputError, match="does not keep the objective"):
        teleport(other.loss, w, along=action, data={"Y": np.ones((2, 4))})


def test_moves_by_name() -> None:
    assert read_move("level-set").name == "level-set"
    assert read_move("level-set", radius=0.5).name == "level-set"
    assert teleport(BOOTH.loss, [5.0, -5.0], along="level-set").gain == pytest.approx(1.8, rel=1e-3)


def test_null_spaces_by_name_with_the_drift_that_was_asked_for() -> None:
    rng = np.random.default_rng(0)
    network = Network(
        widths=(12, 20, 3), inputs=rng.standard_normal((12, 8)), targets=rng.integers(0, 3, 8), activation="tanh"
    )
    w = network.initial(rng)
    exact = teleport(network, w, along="null-space")
    assert exact.relative_drift <= 1e-11
    assert exact.gain >= 1.0
    loose = teleport(network, w, along="null-space", energy=0.9, tolerance=0.02)
    assert loose.relative_drift <= 0.04
    assert loose.relative_drift > 1e-6
    assert loose.gain > 1.0


def test_ctrl_c_returns_the_best_point_so_far() -> None:
    action = GroupAction.catalogued("rosenbrock", variables=4)
    calls = 0

    def interrupted(objective: Objective, w: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 12:
            raise KeyboardInterrupt
        return GradientNorm().value_and_grad(objective, w)

    result = teleport(action.loss, [-1.0, -1.0, 0.5, 0.2], along=action, target=interrupted, restarts=0)
    assert result.status is Status.INTERRUPTED
    assert result.gain > 1
    calls = 6
    early = teleport(BOOTH.loss, [5.0, -5.0], along=BOOTH, target=interrupted)
    assert early.status is Status.INTERRUPTED
    assert early.gain == 1.0


def test_a_radius_at_which_rounding_changes_the_loss_is_not_used() -> None:
    loss = Loss.parse("x**2 - y**2")
    action = GroupAction.from_algebra(derive(loss))
    result = teleport(loss, [1.0, 0.3], along=action, radius=40.0)
    assert result.relative_drift <= 1e-8
    assert result.gain > 1e5
    assert result.status is Status.TRUST_RADIUS


@pytest.mark.parametrize(
    ("rule", "rate", "gain", "bar"), [("adagrad", 1e-1, 5.0, 1.15), ("gradient-descent", 1e-4, 2.0, 1.86)]
)
def test_the_regression_of_the_paper_with_an_exact_teleport(rule: str, rate: float, gain: float, bar: float) -> None:
    plain, moved = [], []
    for seed in SEEDS:
        network, start, action = problem(seed)
        options: dict[str, Any] = {"rule": rule, "learning_rate": rate, "steps": 300, "tolerance": 0.0}
        plain.append(minimize(network, start, **options).history[-1].loss)
        schedule = At([5], along=action, stop_at_gain=gain, guard=None, state="keep")
        result = minimize(network, start, teleport=schedule, **options)
        moved.append(result.history[-1].loss)
        (jump,) = result.teleports
        assert jump.relative_drift <= 1e-10
        assert jump.gain == pytest.approx(gain, rel=0.01)
    published = {
        "adagrad": [1.366, 1.262, 1.557, 1.331, 1.442],
        "gradient-descent": [2.382, 2.163, 1.751, 2.028, 1.319],
    }
    assert plain == pytest.approx(published[rule], abs=6e-4)  # the same starts as the paper's program
    assert np.mean(moved) <= bar < np.mean(plain)


def test_targets_are_verified_by_the_target_itself() -> None:
    result = teleport(BOOTH.loss, [5.0, -5.0], along=BOOTH, target=GradientNorm())
    assert result.target_after == GradientNorm().value(Objective.from_loss(BOOTH.loss), result.point)
