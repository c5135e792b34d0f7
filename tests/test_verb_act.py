"""The command `symport act`."""

from __future__ import annotations

from typing import Any

import pytest
from command import in_process


def test_a_point_of_rosenbrock_moves_on_its_level_set(capsys: Any) -> None:
    done = in_process(capsys, "act", "rosenbrock", "--at", "x=-1, y=-1", "--time", "0.0769", "--json")
    assert done.code == 0
    found = done.object
    assert found["schema"] == "symport/act/1"
    assert found["point"]["x"] == pytest.approx(-14.3455524918)
    assert found["loss_before"] == 404
    assert found["loss_after"] == pytest.approx(404, rel=1e-13)
    assert found["relative_drift"] < 1e-13
    assert set(found["closed_form"]) == {"x", "y"}


def test_matrices_and_data_and_generators(capsys: Any) -> None:
    words = ["act", "sum((Y - U@V)**2)", "--parameters", "U:2x1 V:1x2", "--data", "Y:2x2"]
    point = "U=[[1],[2]]; V=[[3,4]]; Y=[[1,0],[0,1]]"
    done = in_process(capsys, *words, "--at", point, "--time", "-1", "--generator", "0", "--json")
    found = done.object
    assert found["data"] == {"Y": [[1, 0], [0, 1]]}
    assert found["loss_before"] == 4 + 16 + 36 + 49
    assert found["relative_drift"] <= 1e-15
    drawn = in_process(capsys, *words, "--at", "U=[[1],[2]]; V=[[3,4]]", "--json").object
    again = in_process(capsys, *words, "--at", "U=[[1],[2]]; V=[[3,4]]", "--json", "--seed", "0").object
    assert drawn["data"] == again["data"]


def test_constants_are_given_with_the_point(capsys: Any) -> None:
    done = in_process(capsys, "act", "ellipse-constants", "--at", "x=1, y=1, a=2, b=3", "--json")
    assert done.code == 0
    assert done.object["relative_drift"] < 1e-13


def test_what_people_read(capsys: Any) -> None:
    done = in_process(capsys, "act", "booth", "--at", "x=5, y=-5")
    assert done.code == 0
    assert "relative drift" in done.out
    assert "flow at the time t" in done.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["booth", "--at", "x=1, y=1", "--generator", "1"], "--generator 1"),
        (["booth", "--at", "x=1, y=1", "--generator", "-1"], "--generator -1"),
        (["beale", "--at", "x=1, y=1"], "the loss has no symmetries there"),
        (["booth"], "the point gives no value for x, y"),
        (["booth", "--at", "x=1"], "the point gives no value for y"),
        (["booth", "--at", "x=1e400, y=1"], "range of doubles"),
        (["booth", "--at", "x=1, y=1", "--time", "soon"], "--time"),
        (["booth", "--at", "x=1, y=1", "--time", "nan"], "NaN"),
    ],
)
def test_refusals(capsys: Any, words: list[str], message: str) -> None:
    done = in_process(capsys, "act", *words)
    assert done.code == 2
    assert message in done.err
    assert done.out == ""
