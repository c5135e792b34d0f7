"""Teleportation and Newton equivalence in a study."""

from __future__ import annotations

from typing import Any

from command import in_process


def test_a_quadratic_loss_is_teleported_and_checked(capsys: Any, tmp_path: Any) -> None:
    found = in_process(capsys, "study", "booth", "--at", "x=5, y=-5", "--output", str(tmp_path / "s"), "--json").object
    assert abs(found["teleport"]["gain"] - 1.8) <= 1e-9
    assert found["teleport"]["along"] == "orbit"
    assert found["newton"]["verdict"] == "measured"
    assert found["newton"]["transitive"] is True
    assert (tmp_path / "s" / "teleport.svg").exists()
    page = (tmp_path / "s" / "report.html").read_text()
    assert "Newton equivalence" in page
    assert "later version" not in page


def test_a_loss_without_symmetries_goes_along_its_level_set(capsys: Any, tmp_path: Any) -> None:
    words = ("study", "exp(x*y) + x**4 + y**2 + x", "--at", "x=1, y=1", "--output", str(tmp_path / "s"), "--json")
    found = in_process(capsys, *words).object
    assert found["teleport"]["along"] == "level-set"
    assert found["teleport"]["relative_drift"] <= 1e-10
    assert found["newton"] is None


def test_what_cannot_be_moved_is_null(capsys: Any, tmp_path: Any) -> None:
    words = ("study", "ellipse-constants", "--output", str(tmp_path / "s"), "--json")
    found = in_process(capsys, *words).object
    assert found["teleport"] is None
    assert found["newton"] is None
