"""Checkpoints: the same bits after a stop, nothing half-written, and no run of another problem."""

import json
import math
import os

import numpy as np
import pytest
from minimize_cases import (
    BOOTH,
    CLIFF,
    CORNER,
    ROSENBROCK,
    ToTheCliff,
    anywhere,
    comparable,
    network,
    quadratic,
    scalings,
)

from manifolds.errors import InputError
from solvers.batches import MiniBatches
from solvers.minimize import minimize
from solvers.objective import Objective
from solvers.rules import Adam, GradientDescent
from solvers.running.acceptance import Rollout
from solvers.running.checkpoint import Checkpoint, decode, encode
from solvers.running.guard import Guard
from solvers.schedules import At, Every, When
from solvers.status import Status


def stopper(step):
    """A callback that is interrupted as by Ctrl-C."""

    def callback(state):
        if state.step == step:
            raise KeyboardInterrupt

    return callback


def learning(**options):
    net = network()
    schedule = Every(7, start=3, along=scalings(), accept=Rollout(steps=3), radius=0.5, steps=3)
    return minimize(
        net,
        net.initial(0),
        rule="adam",
        learning_rate=lambda step: 0.02 / step**0.5,
        batches=MiniBatches(net, size=5, rng=3),
        teleport=schedule,
        steps=30,
        rng=1,
        **options,
    )


@pytest.mark.parametrize("stop", [1, 10, 11, 29])
def test_a_stopped_run_goes_on_with_the_same_bits(tmp_path, stop):
    path = tmp_path / "run.json"
    whole = learning()
    assert any(record.teleported for record in whole.history)
    first = learning(checkpoint=path, callback=stopper(stop))
    assert first.status is Status.INTERRUPTED
    assert first.value <= network().value(network().initial(0))
    rest = learning(checkpoint=path, resume=True)
    assert comparable(rest) == comparable(whole)


def test_a_run_that_goes_back_resumes_with_the_same_bits(tmp_path):
    path = tmp_path / "run.json"

    def run(**options):
        schedule = Every(1, along=ToTheCliff(), target=anywhere, guard=Guard(stability=math.inf))
        return minimize(
            CLIFF, [20.0, 0.0], rule="gradient-descent", learning_rate=0.4, steps=40, teleport=schedule, **options
        )

    whole = run()
    assert any("blew up" in one.evidence.get("rejected", "") for one in whole.teleports)
    run(checkpoint=Checkpoint(path, every=4), callback=stopper(17))
    assert comparable(run(checkpoint=path, resume=True)) == comparable(whole)


@pytest.mark.parametrize("accept", ["always", Rollout(steps=1)])
def test_an_interruption_at_any_evaluation_returns_the_best_point_and_resumes_with_the_same_bits(tmp_path, accept):
    path = tmp_path / "run.json"
    booth = Objective.from_loss(BOOTH.loss)
    calls, limit = 0, math.inf

    def counted(method):
        def call(*arguments):
            nonlocal calls
            calls += 1
            if calls == limit:
                raise KeyboardInterrupt
            return method(*arguments)

        return call

    objective = Objective.from_functions(counted(booth.value), counted(booth.gradient), counted(booth.hvp), size=2)

    def run(stop=math.inf, **options):
        nonlocal calls, limit
        calls, limit = 0, stop
        schedule = Every(4, start=2, along=BOOTH, accept=accept)
        return minimize(
            objective, [5.0, -5.0], rule="heavy-ball", learning_rate=0.01, steps=9, teleport=schedule, **options
        )

    whole = run()
    total = calls
    assert any(record.teleported for record in whole.history)
    for stop in [*range(3, 40, 5), *range(40, total, 47), *range(total - 4, total + 1)]:
        path.unlink(missing_ok=True)
        stopped = run(stop, checkpoint=path)
        assert stopped.status is Status.INTERRUPTED
        assert stopped.value == min(record.loss for record in stopped.history)
        assert booth.value(stopped.point) == stopped.value
        assert comparable(run(checkpoint=path, resume="if-present")) == comparable(whole)


def test_the_file_of_a_crash_is_the_last_one_written(tmp_path):
    path = tmp_path / "run.json"

    def crash(state):
        if state.step == 25:
            raise RuntimeError("power cut")

    options = {"rule": Adam(learning_rate=0.1), "steps": 40}
    with pytest.raises(RuntimeError):
        minimize(quadratic(), [3.0, 1.0], **options, checkpoint=Checkpoint(path, every=10), callback=crash)
    rest = minimize(quadratic(), [3.0, 1.0], **options, checkpoint=path, resume=True)
    assert comparable(rest) == comparable(minimize(quadratic(), [3.0, 1.0], **options))


def test_more_steps_go_on_from_a_finished_run(tmp_path):
    path = tmp_path / "run.json"
    minimize(quadratic(), [3.0, 1.0], steps=10, checkpoint=path)
    longer = minimize(quadratic(), [3.0, 1.0], steps=25, checkpoint=path, resume=True)
    assert comparable(longer) == comparable(minimize(quadratic(), [3.0, 1.0], steps=25))


def test_nothing_half_written_stays(tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    minimize(quadratic(), [3.0, 1.0], steps=10, checkpoint=path)
    before = path.read_bytes()

    def refuse(*names):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(InputError, match="No space left"):
        minimize(quadratic(), [3.0, 1.0], steps=20, checkpoint=path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.json"]


def test_an_interruption_of_the_writing_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    minimize(quadratic(), [3.0, 1.0], steps=10, checkpoint=path)
    before = path.read_bytes()

    def interrupt(*names):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        minimize(quadratic(), [3.0, 1.0], steps=20, checkpoint=path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.json"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"objective": quadratic((1.0, 11.0))}, "loss at the start"),
        ({"objective": quadratic((1.0, 2.0, 3.0)), "w": [1.0, 1.0, 1.0]}, "parameters"),
        ({"w": [3.0, 2.0]}, "start"),
        ({"rule": GradientDescent(learning_rate=0.1)}, "rule"),
        ({"rule": Adam(learning_rate=0.2)}, "rule"),
        ({"rng": 5}, "seed"),
        ({"teleport": At([99], along="level-set")}, "teleport"),
        ({"batches": lambda step: quadratic()}, "mini-batches"),
    ],
)
def test_a_checkpoint_of_another_problem_is_refused(tmp_path, change, named):
    path = tmp_path / "run.json"
    minimize(quadratic(), [3.0, 1.0], rule=Adam(learning_rate=0.1), steps=5, checkpoint=path)
    before = path.read_bytes()
    arguments = {"objective": quadratic(), "w": [3.0, 1.0], "rule": Adam(learning_rate=0.1)} | change
    with pytest.raises(InputError, match=named) as caught:
        minimize(**arguments, steps=9, checkpoint=path, resume=True)
    assert "another problem" in caught.value.why
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["", "{", "[]", '{"#": "dict", "items": []}', '{"format": 1}', "notes"])
def test_another_file_is_neither_read_nor_overwritten(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_text(content)
    for resume in (True, False):
        with pytest.raises(InputError, match="no checkpoint"):
            minimize(quadratic(), [3.0, 1.0], steps=5, checkpoint=path, resume=resume)
    assert path.read_text() == content


def test_paths_that_cannot_be_written_are_refused_before_any_work(tmp_path):
    seen = []
    for path in (tmp_path / "missing" / "run.json", tmp_path, 3):
        with pytest.raises(InputError, match="checkpoint"):
            minimize(quadratic(), [3.0, 1.0], checkpoint=path, callback=seen.append)
    assert seen == []
    assert os.listdir(tmp_path) == []


def test_bad_input_writes_nothing(tmp_path):
    path = tmp_path / "run.json"
    bad = (
        {"objective": quadratic(), "w": [1.0]},
        {"objective": quadratic(), "w": [1.0, np.nan]},
        {"objective": ROSENBROCK.loss, "w": CORNER, "teleport": At([5], along=BOOTH)},
        {"objective": quadratic(), "w": [1.0, 1.0], "rule": "adamm"},
        {"objective": quadratic(), "w": [1.0, 1.0], "teleport": At([5], target="steepness")},
    )
    for arguments in bad:
        with pytest.raises(InputError):
            minimize(**arguments, checkpoint=path)
    assert os.listdir(tmp_path) == []


def test_resuming_needs_a_file_unless_told_otherwise(tmp_path):
    path = tmp_path / "run.json"
    with pytest.raises(InputError, match="no such file"):
        minimize(quadratic(), [3.0, 1.0], checkpoint=path, resume=True)
    with pytest.raises(InputError, match="without a checkpoint"):
        minimize(quadratic(), [3.0, 1.0], resume=True)
    with pytest.raises(InputError, match="neither"):
        minimize(quadratic(), [3.0, 1.0], checkpoint=path, resume="yes")
    assert minimize(quadratic(), [3.0, 1.0], steps=3, checkpoint=path, resume="if-present").steps == 3
    assert minimize(quadratic(), [3.0, 1.0], steps=9, checkpoint=path, resume="if-present").steps == 9


def test_the_file_is_json_that_runs_no_code(tmp_path):
    path = tmp_path / "run.json"
    minimize(quadratic(), [3.0, 1.0], steps=5, checkpoint=path, teleport=When(lambda state: state.step == 2))
    assert isinstance(json.loads(path.read_text()), dict)


def test_values_come_back_with_their_bits():
    rng = np.random.default_rng(0)
    value = {
        "array": rng.standard_normal((2, 3)),
        "empty": np.zeros((0, 2)),
        "tuple": (1, 2.5, None, True, "text"),
        "nested": [{"a": np.array(np.nan)}],
        "status": Status.REJECTED,
        3: -np.inf,
    }
    back = decode(json.loads(json.dumps(encode(value), allow_nan=False)))
    assert back["array"].tobytes() == value["array"].tobytes()
    assert back["empty"].shape == (0, 2)
    assert back["tuple"] == value["tuple"]
    assert np.isnan(back["nested"][0]["a"])
    assert back["status"] is Status.REJECTED
    assert back[3] == -np.inf
