"""Comparisons: the arms against runs by hand, tuning, counts, text and data, and the learning problem of the digits."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from learning_problems import digits

from manifolds.errors import InputError
from solvers.compare import compare
from solvers.comparing.arms import ARMS, accepting, gradient_gain
from solvers.felt_symmetries import UselessTeleport
from solvers.learning_rates import Cosine
from solvers.minimize import minimize
from solvers.network import Network
from solvers.objective import Objective
from solvers.rules import AdaGrad, Adam, GradientDescent, HeavyBall, RMSProp
from solvers.running.acceptance import Rollout
from solvers.running.guard import Guard
from solvers.schedules import At, When
from symmetries import GroupAction, Loss, derive

BOOTH = GroupAction.catalogued("booth")
START = np.array([5.0, -5.0])


def booth(**options):
    given = {"teleport": At([4], along=BOOTH), "rules": "gradient-descent", "steps": 10, "seeds": 2} | options
    return compare(BOOTH.loss, START, **given)


@pytest.fixture(scope="module")
def tuned():
    return booth(
        learning_rates=[0.02, 0.05, 0.3], rules={"descent": GradientDescent(), "ball": HeavyBall(momentum=0.5)}
    )


def test_every_rule_has_a_row_for_every_arm(tuned):
    assert [(one.rule, one.arm) for one in tuned.summaries] == [(r, a) for r in ("descent", "ball") for a in ARMS]
    assert (tuned.rules, tuned.arms) == (("descent", "ball"), ARMS)
    assert len(tuned.runs) == 16
    assert all(one.runs == 2 for one in tuned.summaries)


def test_the_base_is_the_plain_minimisation(tuned):
    row = tuned.summary("descent", "base")
    plain = minimize(BOOTH.loss, START, rule=GradientDescent(learning_rate=row.learning_rate), steps=10)
    assert tuned.runs_of("descent", "base")[0].result.history[-1].loss == plain.history[-1].loss
    assert row.mean == plain.value
    assert row.gradient_equivalents == pytest.approx(plain.cost.gradient_equivalents)


def test_all_arms_have_the_same_grid_and_keep_its_best_rate(tuned):
    for one in tuned.summaries:
        rates, losses = zip(*one.tried, strict=True)
        assert rates == (0.02, 0.05, 0.3)
        assert one.learning_rate == rates[int(np.argmin(losses))]
        assert one.mean == min(losses)


def test_tuned_on_the_base_all_arms_have_its_rate():
    result = booth(learning_rates=[0.02, 0.05], tune="base")
    assert len(result.summary("gradient-descent", "base").tried) == 2
    for arm in ARMS[1:]:
        row = result.summary("gradient-descent", arm)
        assert row.tried == ((result.summary("gradient-descent", "base").learning_rate, row.mean),)


def test_the_reset_only_arm_starts_the_state_anew(tuned):
    rate = tuned.summary("ball", "reset-only").learning_rate
    rule = HeavyBall(momentum=0.5, learning_rate=rate)
    first = minimize(BOOTH.loss, START, rule=rule, steps=4)
    second = minimize(BOOTH.loss, first.last_point, rule=rule, steps=6)
    assert tuned.runs_of("ball", "reset-only")[0].final_loss == pytest.approx(second.history[-1].loss, rel=1e-12)
    assert tuned.summary("descent", "reset-only").mean == tuned.summary("descent", "base").mean


def test_the_teleport_arm_reports_its_teleports_and_their_cost(tuned):
    row = tuned.summary("descent", "teleport")
    assert (row.accepted, row.rejected, row.runs_with_gain) == (2, 0, 2)
    assert row.median_gain > 1.1
    assert row.largest_drift < 1e-12
    assert row.gradient_equivalents > tuned.summary("descent", "base").gradient_equivalents + 1
    assert tuned.ratio("descent") < 1e-3
    assert tuned.summary("descent", "base").accepted == 0


def test_random_points_depend_on_the_seed():
    result = booth(arms="random", accept=None, teleport=At([4], along=BOOTH, guard=None), learning_rates=0.02)
    one, other = result.runs_of("gradient-descent", "random")
    assert len(one.accepted) == len(other.accepted) == 1
    assert one.final_loss != other.final_loss
    assert one.largest_drift < 1e-12


def test_the_same_call_gives_the_same_bits(tuned):
    again = booth(
        learning_rates=[0.02, 0.05, 0.3], rules={"descent": GradientDescent(), "ball": HeavyBall(momentum=0.5)}
    )
    assert [run.final_loss for run in again.runs] == [run.final_loss for run in tuned.runs]


def test_acceptance_is_on_unless_the_schedule_has_its_own():
    assert accepting(At([1]), "rollout").accept == Rollout()
    assert accepting(At([1]), None).accept is None
    assert accepting(At([1], accept=Rollout(steps=3)), "rollout").accept == Rollout(steps=3)


def test_runs_that_leave_the_numbers_are_counted_and_infinite():
    result = booth(arms=("base",), learning_rates=10.0, steps=400)
    row = result.summary("gradient-descent", "base")
    assert (row.diverged, row.mean) == (2, math.inf)
    assert math.isnan(row.std)
    assert result.to_dict()["summaries"][0]["mean"] is None


def test_data_are_json_and_the_table_is_text(tuned):
    plain = json.loads(json.dumps(tuned.to_dict(history=True), allow_nan=False))
    assert len(plain["runs"]) == 16
    assert len(plain["runs"][0]["history"]) == 11
    assert "history" not in tuned.to_dict()["runs"][0]
    lines = tuned.table().splitlines()
    assert len(lines) == 2 + 8
    assert lines[0].split()[:3] == ["rule", "arm", "rate"]
    assert all(len(line) <= len(lines[1]) for line in lines)


def test_paths_are_kept_in_the_plane_only(tuned):
    run = tuned.runs[0]
    assert run.path.shape == (11, 2)
    assert (run.path[0] == START).all()
    assert (run.path[-1] == run.result.last_point).all()
    bowl = Objective.from_loss(Loss.parse("x**2 + y**2 + z**2"))
    other = compare(bowl, np.ones(3), teleport=At([1]), arms="base", steps=2, seeds=1)
    assert other.runs[0].path is None


def test_schedules_of_rates_are_tuned_too():
    result = booth(arms=("base",), learning_rates=[Cosine(0.05, 0.0, 10), Cosine(0.01, 0.0, 10)])
    assert [rate for rate, _ in result.summaries[0].tried] == [0.05, 0.01]


def test_an_interruption_leaves_what_is_done():
    evaluations = iter(range(10**6))

    def value(w):
        if next(evaluations) == 100:
            raise KeyboardInterrupt
        return float(w @ w)

    bowl = Objective.from_functions(value, lambda w: 2 * w, size=2)
    options = {"teleport": At([1]), "arms": ("base", "reset-only"), "steps": 15, "seeds": 4}
    result = compare(bowl, np.ones(2), rules="gradient-descent", **options)
    assert not result.is_complete
    assert [one.arm for one in result.summaries] == ["base"]


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"teleport": None}, "nothing to do"),
        ({"arms": ("base", "magic")}, "no arm 'magic'"),
        ({"arms": ()}, "none to run"),
        ({"seeds": 0}, "seeds"),
        ({"seeds": [1, 1]}, "no different seeds"),
        ({"rules": "bfgs"}, "keeps a memory"),
        ({"rules": []}, "no rules"),
        ({"rules": ["adam", "adam"]}, "two rules"),
        ({"rules": "adm"}, "the rule 'adm'"),
        ({"learning_rates": []}, "grid is empty"),
        ({"learning_rates": [-1.0]}, "learning_rates"),
        ({"learning_rates": "fast"}, "no grid"),
        ({"learning_rates": {"adamm": [0.1]}}, "no rule has this name"),
        ({"tune": "never"}, "no such way to tune"),
        ({"tune": "base", "arms": ("teleport",)}, "'base' is not run"),
        ({"steps": 0}, "steps"),
        ({"batches": 0}, "batches"),
        ({"teleport": When(lambda state: True, along=BOOTH)}, "reset-only"),
        ({"random_radius": -1.0}, "radius"),
    ],
)
def test_bad_input_is_refused(options, what):
    with pytest.raises(InputError, match=what):
        booth(**options)


def test_starts_go_by_seed():
    rows = np.array([[5.0, -5.0], [1.0, 1.0]])
    by_row = compare(BOOTH.loss, rows, teleport=At([1]), arms="base", steps=2, seeds=2)
    by_function = compare(BOOTH.loss, lambda seed: rows[seed], teleport=At([1]), arms="base", steps=2, seeds=[0, 1])
    assert [run.start_loss for run in by_row.runs] == [run.start_loss for run in by_function.runs]
    assert by_row.runs[0].start_loss != by_row.runs[1].start_loss
    with pytest.raises(InputError, match="2 starts for 3 seeds"):
        compare(BOOTH.loss, rows, teleport=At([1]), seeds=3)


def test_with_acceptance_training_on_digits_is_not_made_worse():
    """The bar of the benchmark of controls on fewer samples, steps and seeds."""
    images, classes = digits()
    network = Network(widths=(64, 16, 10, 10), inputs=images[:600].T, targets=classes[:600])
    action = GroupAction.catalogued("homogeneous-network", widths=network.widths, activation="leaky_relu")
    steps, rates = 120, {"gradient-descent": 1.0, "heavy-ball": 0.3, "adagrad": 0.1, "rmsprop": 0.01, "adam": 0.03}
    rules = {"gradient-descent": GradientDescent(), "heavy-ball": HeavyBall(), "adagrad": AdaGrad()}
    result = compare(
        network,
        network.initial,
        teleport=At(
            [4, 8, 12], along=action, stop_at_gain=2.0, accept=Rollout(steps=110), guard=Guard(stability=math.inf)
        ),
        rules=rules | {"rmsprop": RMSProp(), "adam": Adam()},
        learning_rates={name: Cosine(rate, 0.0, steps) for name, rate in rates.items()},
        arms=("base", "teleport"),
        steps=steps,
        seeds=2,
        batches=100,
    )
    rows = [result.summary(rule, "teleport") for rule in result.rules]
    print(result.table())
    assert max(result.ratio(rule) for rule in result.rules) <= 1.02
    assert sum(row.diverged for row in rows) == 0
    assert sum(row.runs_with_gain for row in rows) >= sum(row.runs for row in rows) / 2
    assert max(row.largest_drift for row in rows) <= 1e-12


@pytest.mark.parametrize(
    "options",
    [{"random_radius": "a"}, {"random_radius": -1.0}, {"teleport": At([2], along="null-space")}, {"callback": 5}],
)
def test_what_cannot_be_done_is_refused_before_the_first_run(options):
    runs = []
    with pytest.raises(InputError):
        booth(**{"callback": runs.append} | options)
    assert not runs


@pytest.mark.parametrize("start", [[[1.0, 2.0], [3.0]], [["a", "b"], ["c", "d"]]])
def test_starts_that_are_no_numbers(start):
    with pytest.raises(InputError, match="start"):
        compare(BOOTH.loss, start, teleport=At([4], along=BOOTH), seeds=2)


def test_a_ratio_to_a_base_that_reaches_zero():
    loss = Loss.parse("x**2 + y**2")
    turn = GroupAction.from_algebra(derive(loss))
    rule = GradientDescent(learning_rate=0.5)  # the minimum in one step
    with pytest.warns(UselessTeleport):  # descent commutes with rotations
        found = compare(loss, [1.0, 1.0], teleport=At([0], along=turn), rules={"descent": rule}, steps=3, seeds=1)
    assert found.summary("descent", "base").mean == 0
    assert math.isnan(found.ratio("descent", "base"))
    above = replace(found, summaries=(*found.summaries[:-1], replace(found.summaries[-1], mean=1.0)))
    assert above.ratio("descent") == math.inf


def test_a_gain_whose_square_overflows():
    run = booth(seeds=1, arms=["teleport"]).runs[0].result.teleports[0]
    assert gradient_gain(replace(run, gradient_norm_before=1e-200, gradient_norm_after=1e100)) == math.inf
    assert math.isnan(gradient_gain(replace(run, gradient_norm_before=0.0)))
