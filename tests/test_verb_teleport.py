"""The command `symport teleport`."""

from __future__ import annotations

from typing import Any

import pytest
from command import in_process

from symport.move_plots import plot_jump


def test_along_the_orbit_of_rosenbrock(capsys: Any) -> None:
    done = in_process(capsys, "teleport", "rosenbrock", "--at", "x=-1, y=-1", "--json")
    assert done.code == 0
    found = done.object
    assert found["schema"] == "symport/teleport/1"
    assert found["loss_before"] == 404
    assert found["gain"] == pytest.approx(93.5616, abs=1e-4)
    assert found["gradient_norm_after"] ** 2 == pytest.approx(found["gain"] * found["gradient_norm_before"] ** 2)
    assert found["relative_drift"] <= 1e-12
    assert found["status"] == "converged"
    assert found["cost"]["gradients"] > 0
    assert set(found["point"]) == {"x", "y"}


def test_along_the_level_set_of_booth(capsys: Any) -> None:
    words = ("teleport", "booth", "--at", "x=5, y=-5", "--along", "level-set", "--json")
    found = in_process(capsys, *words).object
    assert found["gain"] == pytest.approx(1.8, abs=1e-3)
    assert found["cost"]["hvps"] <= 15
    assert found == {**in_process(capsys, *words).object, "seconds": found["seconds"]}


def test_the_target_can_be_made_small(capsys: Any) -> None:
    found = in_process(capsys, "teleport", "booth", "--at", "x=5, y=-5", "--minimize-target", "--json").object
    assert found["gain"] == pytest.approx(4 / 20, abs=1e-9)


def test_a_radius_on_a_group_that_is_not_compact(capsys: Any) -> None:
    words = ("teleport", "sum((Y - U@V)**2)", "--parameters", "U:2x1 V:1x2", "--data", "Y:2x2")
    point = "U=[[1],[2]]; V=[[3,4]]; Y=[[1,0],[0,1]]"
    done = in_process(capsys, *words, "--at", point, "--radius", "0.5", "--json")
    assert done.code == 0
    assert done.object["status"] == "trust-radius"
    assert done.object["gain"] > 1
    free = in_process(capsys, *words, "--at", point, "--json")
    assert (free.code, free.object["status"]) == (3, "unbounded")
    assert free.object["gain"] >= 1


def test_what_people_read_and_the_picture(capsys: Any, tmp_path: Any) -> None:
    file = tmp_path / "jump.png"
    done = in_process(capsys, "teleport", "booth", "--at", "x=5, y=-5", "--plot", str(file))
    assert done.code == 0
    assert "gradient equivalents" in done.out
    assert file.read_bytes()[:4] == b"\x89PNG"
    assert list(tmp_path.iterdir()) == [file]


def test_the_picture_of_more_than_two_parameters_shows_the_entries() -> None:
    import numpy as np

    from solvers.objective import Objective
    from solvers.teleport import teleport

    objective = Objective.from_functions(
        lambda w: float(w @ np.diag([1.0, 2.0, 5.0]) @ w),
        lambda w: 2 * np.diag([1.0, 2.0, 5.0]) @ w,
        lambda w, v: 2 * np.diag([1.0, 2.0, 5.0]) @ v,
        size=3,
    )
    result = teleport(objective, [1.0, 1.0, 1.0], along="level-set")
    axes = plot_jump(objective, [1.0, 1.0, 1.0], result)
    assert len(axes.lines) == 2
    assert "gain" in axes.get_title()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["booth"], "the point gives no value for x, y"),
        (["beale", "--at", "x=1, y=1"], "--along orbit"),
        (["booth", "--at", "x=1, y=1", "--along", "road"], "--along"),
        (["booth", "--at", "x=1, y=1", "--target", "fame"], "--target"),
        (["booth", "--at", "x=1, y=1", "--radius", "-1"], "radius"),
        (["booth", "--at", "x=1, y=1", "--along", "level-set", "--target", "curvature"], "beside --along level-set"),
        (["booth", "--at", "x=1, y=1", "--along", "level-set", "--ansatz", "affine"], "beside --along level-set"),
        (["booth", "--at", "x=1, y=1", "--radius", "nan"], "radius"),
        (["booth", "--at", "x=1, y=1", "--plot", "jump.txt"], "the ending names no kind of picture"),
        (["booth", "--at", "x=1, y=1", "--plot", "nowhere/jump.png"], "directory that exists"),
        (["booth", "--at", "x=1, y=1", "--along", "null-space"], "null-space"),
        (["log(x)", "--parameters", "x", "--at", "x=-1", "--along", "level-set"], "the starting point"),
    ],
)
def test_bad_input(capsys: Any, tmp_path: Any, monkeypatch: Any, words: list[str], message: str) -> None:
    monkeypatch.chdir(tmp_path)
    done = in_process(capsys, "teleport", *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "why:" in done.err
    assert list(tmp_path.iterdir()) == []
