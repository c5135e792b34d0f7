"""The command `symport minimize`."""

from __future__ import annotations

from typing import Any

import pytest
from command import in_process


def test_a_run_with_its_history(capsys: Any) -> None:
    words = ("minimize", "booth", "--at", "x=5, y=-5", "--rule", "gradient-descent", "--learning-rate", "0.08")
    done = in_process(capsys, *words, "--steps", "10", "--json")
    assert done.code == 0
    found = done.object
    assert found["schema"] == "symport/minimize/1"
    assert found["value"] == pytest.approx(2.2025, abs=1e-3)
    assert found["steps"] == 10
    assert [record["step"] for record in found["history"]] == list(range(11))
    assert set(found["history"][0]) >= {"step", "loss", "gradient_norm", "teleported"}
    assert not any(record["teleported"] for record in found["history"])
    assert found["cost"]["gradients"] >= 10


def test_one_teleport_and_a_step_of_the_inverse_curvature_land_on_the_minimum_of_booth(capsys: Any) -> None:
    words = ("minimize", "booth", "--at", "x=5, y=-5", "--rule", "gradient-descent", "--steps", "1", "--json")
    rate = str(1 / 18)
    found = in_process(capsys, *words, "--learning-rate", rate, "--teleport-at", "0").object
    assert found["value"] <= 1e-24
    assert found["point"] == pytest.approx({"x": 1, "y": 3})
    assert [one["status"] for one in found["teleports"]] == ["converged"]
    assert any(record["teleported"] for record in found["history"])


def test_teleports_every_so_many_steps_along_the_level_set(capsys: Any) -> None:
    words = ("minimize", "rosenbrock", "--at", "x=-1, y=-1", "--rule", "gradient-descent", "--learning-rate", "1e-3")
    plain = in_process(capsys, *words, "--steps", "200", "--json").object
    found = in_process(
        capsys, *words, "--steps", "200", "--teleport-every", "20", "--along", "level-set", "--json"
    ).object
    assert found["value"] < plain["value"]
    assert len(found["teleports"]) >= 9
    assert all(one["relative_drift"] <= 1e-9 for one in found["teleports"])


@pytest.mark.parametrize("rule", ["adam", "adagrad", "newton", "l-bfgs-b", "trust-ncg"])
def test_rules_by_name(capsys: Any, rule: str) -> None:
    done = in_process(capsys, "minimize", "x**2 + 9*y**2", "--at", "x=1, y=1", "--rule", rule, "--json")
    assert done.code == 0
    assert done.object["value"] < 10


def test_what_people_read_and_the_picture(capsys: Any, tmp_path: Any) -> None:
    file = tmp_path / "run.svg"
    words = ("minimize", "booth", "--at", "x=5, y=-5", "--steps", "50", "--teleport-at", "5,10")
    done = in_process(capsys, *words, "--plot", str(file))
    assert done.code == 0
    assert "teleports" in done.out
    assert "best point" in done.out
    assert file.read_text().lstrip().startswith("<?xml")


def test_a_period_begins_at_the_start_as_the_help_says(capsys: Any) -> None:
    words = ("minimize", "booth", "--at", "x=5, y=-5", "--rule", "gradient-descent", "--learning-rate", "0.01")
    found = in_process(capsys, *words, "--steps", "9", "--teleport-every", "4", "--json").object
    assert found["history"][1]["teleported"]
    assert len(found["teleports"]) == 3  # after 0, 4 and 8 steps
    help_text = " ".join(in_process(capsys, "minimize", "--help").out.split())
    assert "at the start, and after every N steps from there" in help_text


def test_teleports_that_were_rejected_say_why(capsys: Any) -> None:
    words = ("minimize", "booth", "--at", "x=5, y=-5", "--rule", "gradient-descent", "--learning-rate", "0.5")
    words = (*words, "--steps", "3", "--teleport-at", "0", "--along", "level-set")
    teleports = in_process(capsys, *words, "--json").object["teleports"]
    assert [one["status"] for one in teleports] == ["rejected"]
    assert "overshoot" in teleports[0]["rejected"]
    shown = in_process(capsys, *words).out
    assert "0 taken of 1, 1 rejected" in shown
    assert "overshoot" in shown


def test_a_run_that_leaves_the_numbers_is_a_failure(capsys: Any) -> None:
    words = ("minimize", "x**4", "--at", "x=10", "--rule", "gradient-descent", "--learning-rate", "1", "--json")
    done = in_process(capsys, *words)
    assert (done.code, done.object["status"]) == (3, "non-finite")
    assert done.object["value"] == 10_000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["booth"], "the point gives no value for x, y"),
        (["booth", "--at", "x=1, y=1", "--rule", "adm"], "the nearest is 'adam'"),
        (["booth", "--at", "x=1, y=1", "--learning-rate", "-1"], "learning_rate"),
        (["booth", "--at", "x=1, y=1", "--steps", "-5"], "steps"),
        (["booth", "--at", "x=1, y=1", "--teleport-at", "soon"], "--teleport-at 'soon'"),
        (["booth", "--at", "x=1, y=1", "--teleport-at", "5", "--teleport-every", "5"], "two answers"),
        (["booth", "--at", "x=1, y=1", "--along", "orbit"], "no teleport is planned"),
        (["booth", "--at", "x=1, y=1", "--target", "sharpness"], "no teleport is planned"),
        (["booth", "--at", "x=1, y=1", "--ansatz", "affine"], "no teleport is planned"),
        (["booth", "--at", "x=1, y=1", "--teleport-every", "0"], "the period of Every"),
        (["booth", "--at", "x=1, y=1", "--plot", "run"], "the ending names no kind of picture"),
    ],
)
def test_bad_input(capsys: Any, tmp_path: Any, monkeypatch: Any, words: list[str], message: str) -> None:
    monkeypatch.chdir(tmp_path)
    done = in_process(capsys, "minimize", *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "why:" in done.err
    assert list(tmp_path.iterdir()) == []
