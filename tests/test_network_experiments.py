"""The experiments with networks run through, can be resumed, repeat, and count what they do."""

import doctest
import importlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "networks"
sys.path.insert(0, str(EXAMPLES))

import classification  # noqa: E402
import correlation  # noqa: E402
import experiment  # noqa: E402
import flat_and_curved_minima  # noqa: E402
import mlp_regression  # noqa: E402
import schedule_study  # noqa: E402
import training  # noqa: E402
from command import environment  # noqa: E402

from manifolds.errors import InputError  # noqa: E402

STUDIES = {
    one.NAME: one for one in (classification, correlation, flat_and_curved_minima, mlp_regression, schedule_study)
}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def command(name, folder, *words):
    study = STUDIES[name]
    options = study.read_options(["--output", str(folder), "--quiet", *words])
    return experiment.main(name, study.study, options)


@pytest.mark.parametrize("name", ["experiment", "training"])
def test_examples_in_docstrings(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", list(STUDIES))
def test_the_smallest_study_runs_through(name, tmp_path, capsys):
    assert command(name, tmp_path / "out", "--smoke") == 0
    out = capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "result.json").read_text())
    assert found["schema"] == f"symport/networks/{name}/1"
    assert (found["failed"], found["runs"]) == ([], len(list((tmp_path / "out" / "records").glob("*.json"))))
    assert (tmp_path / "out" / "picture.png").stat().st_size > 10_000
    table = next(iter(found["tables"].values()))
    assert len(table) >= 3
    assert all(cell in out for row in table for cell in row.values())
    assert (tmp_path / "out" / "table.txt").read_text() in out
    if name == "classification":
        longer_base_takes_as_many_gradients(table)


def longer_base_takes_as_many_gradients(table):
    cost = {(row["optimizer"], row["arm"]): int(row["cost"]) for row in table}
    for name in ("sgd", "adam"):
        assert cost[name, "same cost"] == pytest.approx(cost[name, "teleport"], abs=3)  # five steps an epoch
        assert cost[name, "base"] == 5


def test_an_earlier_study_is_resumed_and_never_mixed_in(tmp_path, capsys):
    assert command("correlation", tmp_path, "--smoke", "--seeds", "4") == 0
    first = capsys.readouterr().out
    before = {path: path.read_bytes() for path in (tmp_path / "records").iterdir()}
    assert command("correlation", tmp_path, "--smoke", "--seeds", "4") == 2
    assert "--resume" in capsys.readouterr().err
    assert command("correlation", tmp_path, "--smoke", "--seeds", "4", "--resume") == 0
    assert capsys.readouterr().out == first
    next(iter(before)).unlink()
    assert command("correlation", tmp_path, "--smoke", "--seeds", "4", "--resume") == 0
    assert capsys.readouterr().out == first
    assert set((tmp_path / "records").iterdir()) == set(before)
    assert sum(path.read_bytes() == content for path, content in before.items()) >= len(before) - 1


def test_a_study_that_is_interrupted_goes_on(tmp_path):
    words = [str(EXAMPLES / "correlation.py"), "--epochs", "1", "--seeds", "3000", "--output", str(tmp_path), "--quiet"]
    process = subprocess.Popen([sys.executable, *words], env=environment(), stderr=subprocess.PIPE)
    while not list(tmp_path.glob("records/[!.]*.json")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, b"--resume goes on" in err) == (130, True)
    assert not (tmp_path / "result.json").exists()
    assert json.loads(next(tmp_path.glob("records/[!.]*.json")).read_text())["experiment"] == "correlation"


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (["--seeds", "0"], "nothing to run"),
        (["--epochs", "0"], "nothing to run"),
        (["--smoke", "--full"], "two sizes"),
        (["--executor", "cloud", "--smoke"], "no such executor"),
        (["--data", "nowhere"], "no such folder"),
    ],
)
def test_bad_options(tmp_path, capsys, words, word):
    folder = tmp_path / "out"
    code = command("correlation", folder, *words)
    captured = capsys.readouterr()
    assert (code, captured.out) == (2, "")
    assert word in captured.err
    assert not folder.exists()


def test_a_failed_run_is_reported(tmp_path, capsys, monkeypatch):
    def broken(*, seed, rate, epochs, data, images, directions, elements):
        if seed == 1 or unlucky:
            raise RuntimeError("out of luck")
        given = {"rate": rate, "epochs": epochs, "directions": directions, "elements": elements}
        return original(seed=seed, data=data, images=images, **given)

    original, unlucky = correlation.run, []
    monkeypatch.setattr(correlation, "run", broken)
    assert command("correlation", tmp_path, "--smoke") == 3
    assert "RuntimeError: out of luck" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "result.json").read_text())["failed"]) == 1
    unlucky.append(True)
    assert command("correlation", tmp_path / "none", "--smoke") == 3
    assert capsys.readouterr().err.count("RuntimeError: out of luck") == 5


# trainings


def small(**options):
    given = {"optimizer": "sgd", "rate": 0.05, "seed": 0, "arm": training.Arm()} | options
    return training.Run(training.load(None, 200), **given)


def test_a_training_is_the_plain_loop():
    """The same numbers as a loop written out, bit for bit."""
    made = small(optimizer="momentum")
    assert made.epochs(2)
    data, generator = training.load(None, 200), torch.Generator().manual_seed(0)
    network = training.make_network((784, 16, 10, 10), 54321)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    for _ in range(2):
        for batch in torch.randperm(200, generator=generator).split(20):
            optimizer.zero_grad()
            outputs = network(data.train_inputs[batch])
            torch.nn.functional.cross_entropy(outputs, data.train_targets[batch]).backward()
            optimizer.step()
    assert all(torch.equal(*pair) for pair in zip(made.network.parameters(), network.parameters(), strict=True))
    assert (made.steps, made.cost, len(made.history)) == (20, 20.0, 2)


def test_a_reset_is_a_new_optimizer():
    steps = frozenset({5})
    reset = small(optimizer="adagrad", arm=training.Arm(name="reset-only", steps=steps))
    plain = small(optimizer="adagrad")
    assert reset.epochs(1)
    assert plain.epochs(1)
    assert reset.optimizer.state_dict()["state"][0]["step"] == 5
    assert plain.optimizer.state_dict()["state"][0]["step"] == 10
    without = small(arm=training.Arm(name="reset-only", steps=steps))
    base = small()
    without.epochs(1)
    base.epochs(1)
    assert without.history == base.history  # gradient descent has no state


@pytest.mark.parametrize("arm", ["random", "teleport"])
def test_a_teleport_keeps_the_function_and_is_paid_for(arm):
    made = small(arm=training.Arm(name=arm, steps=frozenset({3}), options={"accept": None}))
    inputs = training.load(None).test_inputs
    with torch.no_grad():
        before = made.network(inputs)
        made.teleport(made.batch(), made.arm)
        after = made.network(inputs)
    weights = training.make_network((784, 16, 10, 10), 54321).parameters()
    assert not all(torch.equal(*pair) for pair in zip(made.network.parameters(), weights, strict=True))
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-5)
    event = made.events[0]
    assert event["cost"] >= 10
    assert made.cost == event["cost"]
    assert event["drift"] < 1e-5


@pytest.mark.parametrize("arm", ["random", "teleport"])
def test_the_cost_of_a_teleport_is_what_was_evaluated(arm):
    """Images that went forward and back, and a third of those that went forward alone, over the images of a step."""
    made = small(arm=training.Arm(name=arm, options={"target": "gradient-norm"}))
    evaluated = {True: 0, False: 0}

    def counted(outputs, targets):
        evaluated[outputs.requires_grad] += len(targets)
        return torch.nn.functional.cross_entropy(outputs, targets)

    made.loss = counted
    made.epochs(1)
    before = dict(evaluated)
    made.teleport(made.batch(), made.arm)
    gradients, values = ((evaluated[one] - before[one]) / training.BATCH for one in (True, False))
    assert made.events[0]["cost"] == pytest.approx(gradients + values / 3, rel=1e-12)
    assert gradients > 2 * made.rollout


def test_a_training_that_diverges_says_so():
    made = small(rate=1e6)
    found = training.summary(made, made.epochs(2))
    assert (found["diverged"], found["train_loss"]) == (True, None)


def test_an_unknown_optimizer():
    with pytest.raises(InputError, match="the optimizer 'newton'"):
        small(optimizer="newton")


def test_paired_differences_are_taken_seed_by_seed():
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 7))
    runs = [[{"seed": seed, "x": float(x)} for seed, x in enumerate(those)] for those in (first, second)]
    mean, error = experiment.paired(runs[0], runs[1][::-1], "x")
    assert mean == pytest.approx((first - second).mean(), rel=1e-12)
    assert error == pytest.approx((first - second).std(ddof=1) / 7**0.5, rel=1e-12)
    runs[1][0]["x"] = None
    assert experiment.paired(*runs, "x")[0] == pytest.approx((first - second)[1:].mean(), rel=1e-12)
