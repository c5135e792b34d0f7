"""Minimisation at its edges: answers that change under one's hands, stops at NaN, interruptions, and costs by hand."""

import json
import math
import os
import warnings

import numpy as np
import pytest
from minimize_cases import BOOTH, ROSENBROCK, comparable, network, quadratic

from manifolds.errors import InputError
from solvers.minimize import minimize
from solvers.objective import Objective
from solvers.running.acceptance import Rollout
from solvers.schedules import At, Every
from solvers.status import Status
from solvers.step_sizes import Armijo, InverseCurvature, Polyak


class Tally(Objective):
    """Another objective with every call counted by hand, and a ledger of its own."""

    def __init__(self, inner, calls, *, stop=None, hvp_weight=2.0):
        super().__init__(inner.space, hvp_weight=hvp_weight)
        self.inner, self.calls, self.stop = inner, calls, stop

    def tick(self, name):
        self.calls[name] = self.calls.get(name, 0) + 1
        if sum(self.calls.values()) == self.stop:
            raise KeyboardInterrupt

    def _value(self, w):
        self.tick("values")
        return self.inner.value(w)

    def _value_and_grad(self, w):
        self.tick("gradients")
        return self.inner.value_and_grad(w)

    def _hvp(self, w, v):
        self.tick("hvps")
        return self.inner.hvp(w, v)


@pytest.mark.parametrize("rule", ["gradient-descent", "heavy-ball", "l-bfgs", "newton", "bfgs"])
def test_a_gradient_that_is_written_into_the_same_array_again_and_again_is_copied(rule):
    buffer = np.zeros(2)

    def gradient(w):
        return np.array([2 * w[0] + 4 * w[0] ** 3, 2 * w[1]])

    def same_array(w):
        buffer[:] = gradient(w)
        return buffer

    def run(slope):
        objective = Objective.from_functions(lambda w: float(w @ w + w[0] ** 4), slope, size=2)
        teleports = Every(3, along="level-set", accept="rollout")
        return minimize(objective, [1.0, 2.0], rule=rule, steps=12, teleport=teleports)

    assert comparable(run(same_array)) == comparable(run(gradient))


def test_a_callback_may_stop_the_run_by_a_truth_value_of_numpy():
    result = minimize(quadratic(), [3.0, 1.0], callback=lambda state: np.linalg.norm(state.point) < 99)
    assert result.steps == 1
    assert minimize(quadratic(), [3.0, 1.0], steps=4, callback=lambda state: [state]).steps == 4


def test_a_stop_at_a_loss_that_is_nan_is_no_convergence():
    calls = 0

    def value(w):
        nonlocal calls
        calls += 1
        return float(w @ w) if calls < 4 else math.nan

    objective = Objective.from_functions(value, lambda w: 2 * w, size=2)
    result = minimize(objective, [1.0, 2.0], steps=9, callback=lambda state: not state.loss > 4)
    assert result.status is Status.NON_FINITE
    assert math.isfinite(result.value)


@pytest.mark.parametrize("rate", [None, 1j, "fast", -1.0, math.nan, math.inf])
def test_a_schedule_that_gives_no_rate_is_refused_with_its_step(rate):
    with pytest.raises(InputError, match="step 2"):
        minimize(quadratic(), [3.0, 1.0], learning_rate=lambda step: 0.1 if step < 2 else rate)


@pytest.mark.parametrize("rule", ["heavy-ball", "nesterov", "adam", "nadam", "amsgrad"])
@pytest.mark.parametrize("rate", [Armijo(), InverseCurvature(), Polyak(minimum=0.0)])
def test_a_momentum_that_points_uphill_does_not_end_the_run(rule, rate):
    objective = Objective.from_loss(ROSENBROCK.loss)
    result = minimize(objective, [-1.0, 1.5], rule=rule, learning_rate=rate, steps=400)
    assert 0.0 in [record.learning_rate for record in result.history]
    assert result.status in (Status.MAX_STEPS, Status.CONVERGED)
    assert result.value < (0.2 if rule in ("heavy-ball", "nesterov") else result.history[0].loss)


@pytest.mark.parametrize("rule", ["adam", "bfgs"])
@pytest.mark.parametrize("size", [2, 100])
def test_the_length_of_a_huge_gradient_raises_no_warning(rule, size):
    objective = Objective.from_functions(lambda w: 1e200 * float(w @ w), lambda w: 2e200 * w, size=size)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = minimize(objective, np.ones(size), rule=rule, steps=3)
    assert result.history[0].gradient_norm == pytest.approx(2e200 * math.sqrt(size))


@pytest.mark.parametrize(
    ("rule", "rate"),
    [("adam", 0.01), ("gradient-descent", Armijo()), ("gradient-descent", InverseCurvature()), ("newton", None)],
)
@pytest.mark.parametrize("accept", [None, Rollout(steps=3)])
def test_the_cost_is_the_count_by_hand_where_each_batch_is_another_objective(rule, rate, accept):
    net, calls = network(), {}
    samples = [np.random.default_rng(step).choice(24, 8, replace=False) for step in range(20)]
    result = minimize(
        Tally(net, calls),
        net.initial(0),
        rule=rule,
        learning_rate=rate,
        steps=9,
        batches=lambda step: Tally(net.on(samples[step]), calls),
        teleport=Every(4, along="level-set", accept=accept),
    )
    counted = {"values": result.cost.values, "gradients": result.cost.gradients, "hvps": result.cost.hvps}
    assert counted == {name: calls.get(name, 0) for name in counted}
    own = [record.gradient_equivalents for record in result.history]
    teleports = sum(one.cost.gradient_equivalents for one in result.teleports)
    if rule == "adam":  # a gradient a step, and the whole objective at the start and at the end
        assert own[-1] - own[0] == pytest.approx(9 + 1 + teleports)


def test_the_cost_is_in_the_units_of_the_objective():
    result = minimize(Tally(quadratic(), {}, hvp_weight=7.0), [3.0, 1.0], rule="newton", steps=1)
    assert result.cost.hvps > 0
    assert result.cost.gradient_equivalents == pytest.approx(
        result.cost.gradients + 7 * result.cost.hvps + result.cost.values / 3
    )


@pytest.mark.parametrize("rule", ["bfgs", "trust-ncg", "heavy-ball", "l-bfgs"])
def test_an_interruption_at_any_evaluation_of_a_teleport_ends_the_run(rule):
    def run(stop=None):
        calls = {}
        objective = Tally(Objective.from_loss(BOOTH.loss), calls, stop=stop)
        schedule = At([0, 2], along="level-set", accept=Rollout(steps=3))
        return minimize(objective, [5.0, -5.0], rule=rule, steps=4, teleport=schedule), sum(calls.values())

    whole, total = run()
    for stop in range(2, total + 1, 3):
        stopped, _ = run(stop)
        assert stopped.status is Status.INTERRUPTED
        assert [one.loss for one in stopped.history] == [one.loss for one in whole.history][: stopped.steps + 1]


def booth_run(stop=None, **options):
    objective = Tally(Objective.from_loss(BOOTH.loss), {}, stop=stop)
    schedule = Every(4, along=BOOTH, accept=Rollout(steps=2))
    return minimize(objective, [5.0, -5.0], rule="adam", steps=6, teleport=schedule, **options)


@pytest.mark.parametrize("stop", [2, 3, 4])
def test_an_interruption_before_the_first_step_leaves_a_checkpoint(tmp_path, stop):
    path = tmp_path / "run.json"
    stopped = booth_run(stop, checkpoint=path)
    assert (stopped.status, stopped.steps, stopped.value) == (Status.INTERRUPTED, 0, stopped.history[0].loss)
    assert comparable(booth_run(checkpoint=path, resume=True)) == comparable(booth_run())


def test_an_interruption_while_a_run_is_resumed_returns_what_it_had_reached(tmp_path):
    path = tmp_path / "run.json"
    whole = booth_run(checkpoint=path)
    again = booth_run(2, checkpoint=path, resume=True)
    assert again.status is Status.INTERRUPTED
    assert (again.value, again.steps) == (whole.value, whole.steps)
    assert again.cost.gradient_equivalents == whole.cost.gradient_equivalents


def test_an_interruption_of_the_last_writing_returns_the_best_point_and_writes_again(tmp_path, monkeypatch):
    path, replace, writings = tmp_path / "run.json", os.replace, 0
    whole = minimize(quadratic(), [3.0, 1.0], steps=8)

    def interrupted(*names):
        nonlocal writings
        writings += 1
        if writings == 2:  # the first one is before the first step
            raise KeyboardInterrupt
        replace(*names)

    monkeypatch.setattr(os, "replace", interrupted)
    stopped = minimize(quadratic(), [3.0, 1.0], steps=8, checkpoint=path)
    assert (stopped.status, stopped.value) == (Status.INTERRUPTED, whole.value)
    assert os.listdir(tmp_path) == ["run.json"]
    resumed = minimize(quadratic(), [3.0, 1.0], steps=8, checkpoint=path, resume=True)
    assert comparable(resumed) == comparable(whole)


def test_a_checkpoint_in_which_anything_was_changed_is_refused(tmp_path):
    path = tmp_path / "run.json"
    options = {"steps": 9, "teleport": At([2], along="level-set"), "checkpoint": path}
    minimize(quadratic(), [3.0, 1.0], **options)
    text = path.read_text()
    changed = [text[:cut] for cut in range(0, len(text), len(text) // 7)]
    changed += [text.replace('"step", 9', '"step", 8'), "[" * 100_000, json.dumps([json.loads(text)])]
    whole = json.loads(text)
    places = whole["content"]["items"]
    for k in range(len(places)):
        for other in (None, 1, "x", {}, {"#": "dict", "items": []}):
            items = [*places[:k], [places[k][0], other], *places[k + 1 :]]
            changed.append(json.dumps({**whole, "content": {"#": "dict", "items": items}}))
    for content in changed:
        path.write_text(content)
        with pytest.raises(InputError, match="no checkpoint"):
            minimize(quadratic(), [3.0, 1.0], **options, resume=True)
        assert path.read_text() == content
    assert os.listdir(tmp_path) == ["run.json"]
