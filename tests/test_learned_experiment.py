"""The experiment with a learned optimizer runs through, goes on where it stopped, and judges as it says."""

import json
import math
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "networks"
sys.path.insert(0, str(EXAMPLES))

import experiment  # noqa: E402
import learned_optimizer  # noqa: E402

from solvers.pytorch.learned import VARIANTS, RegressionTask  # noqa: E402

WORDS = ["--smoke", "--quiet"]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def command(folder, *words):
    options = learned_optimizer.read_options(["--output", str(folder), *WORDS, *words])
    return experiment.main(learned_optimizer.NAME, learned_optimizer.study, options)


def test_the_smallest_study_runs_through_and_is_resumed(tmp_path, capsys):
    assert command(tmp_path) == 0
    out = capsys.readouterr().out
    found = json.loads((tmp_path / "result.json").read_text())
    assert (found["schema"], found["failed"]) == ("symport/networks/learned-optimizer/1", [])
    (table,) = found["tables"].values()
    assert [row["optimizer"] for row in table] == [*learned_optimizer.BASELINES, *(f"LSTM {one}" for one in VARIANTS)]
    assert all(cell in out for row in table for cell in row.values())
    assert (tmp_path / "picture.png").stat().st_size > 10_000
    assert len(list((tmp_path / "states").iterdir())) == len(VARIANTS)
    for run in found["runs_kept"]:
        if run.get("drift") is not None:
            assert run["drift"] < 1e-10
    assert command(tmp_path) == 2
    assert "--resume" in capsys.readouterr().err
    assert command(tmp_path, "--resume") == 0
    assert capsys.readouterr().out == out


def test_a_training_that_is_interrupted_goes_on_from_its_state(tmp_path, capsys, monkeypatch):
    assert command(tmp_path / "whole", "--rounds", "3") == 0
    whole = json.loads((tmp_path / "whole" / "result.json").read_text())
    write, calls = learned_optimizer.learn_optimizer, []

    def interrupted(*given, **options):
        calls.append(options["settings"].variant)
        if options["settings"].variant == "rate+teleport":

            def stop(done):
                if done.index == 1:
                    raise KeyboardInterrupt

            options["callback"] = stop
        return write(*given, **options)

    monkeypatch.setattr(learned_optimizer, "learn_optimizer", interrupted)
    assert command(tmp_path / "part", "--rounds", "3") == 130
    assert "--resume" in capsys.readouterr().err
    assert calls == ["rate", "teleport", "rate+teleport"]
    monkeypatch.setattr(learned_optimizer, "learn_optimizer", write)
    assert command(tmp_path / "part", "--rounds", "3", "--resume") == 0
    part = json.loads((tmp_path / "part" / "result.json").read_text())
    for one, other in zip(part["runs_kept"], whole["runs_kept"], strict=True):
        assert (one["name"], one["losses"], one["rates"]) == (other["name"], other["losses"], other["rates"])


def test_losses_are_judged_over_all_tasks_and_at_equal_gradients():
    ways = [[8.0, 4.0, 2.0], [6.0, 5.0, 4.0]]
    assert learned_optimizer.judged(ways, 2, gradients=1)["loss"] == 3.0
    found = learned_optimizer.judged(ways, 2, gradients=2)
    assert (found["equal"], found["diverged"], found["curve"]) == (4.5, 0, [7.0, 4.5, 3.0])
    for bad in ([8.0, math.nan], [8.0, 9.0, 10.0]):
        found = learned_optimizer.judged([ways[0], bad], 2, gradients=1)
        assert (found["loss"], found["diverged"], found["losses"]) == (None, 1, [2.0, None])


def test_descent_is_descent():
    task = RegressionTask(0, size=4)
    losses = learned_optimizer.descend(task, [1e-3, 0.0, 1e-3])
    assert losses[1] == losses[2]
    assert losses[3] < losses[2] < losses[0]
    assert len(learned_optimizer.descend(RegressionTask(0), [1.0] * 100)) < 50


@pytest.mark.parametrize("words", [("--rounds", "0"), ("--tests", "0"), ("--radius", "-1"), ("--seed", "-3")])
def test_refused_options(words, tmp_path, capsys):
    assert command(tmp_path, *words) == 2
    assert "why:" in capsys.readouterr().err
    assert not (tmp_path / "result.json").exists()
