"""`symport conserved`: what programs read, what people read, exit codes and refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command import in_process

from symmetries import Loss, VectorField, verify


def test_the_object(capsys: Any) -> None:
    done = in_process(capsys, "conserved", "matrix-factorisation", "--json")
    assert (done.code, done.err) == (0, "")
    found = done.object
    assert found["schema"] == "symport/conserved/1"
    assert len(found["quantities"]) == found["independent"] == 3
    assert {quantity["verdict"] for quantity in found["quantities"]} == {"proved"}
    assert (found["count"]["verdict"], found["count"]["lower"], found["count"]["upper"]) == ("proved", 3, 3)
    assert found["completeness"]["verdict"] == "proved"
    loss = Loss.from_dict({key: found["loss"][key] for key in ("formula", "parameters", "data")})
    for quantity in found["quantities"]:
        assert loss.read(quantity["expression"]).shape == ()
        assert verify(loss, VectorField(quantity["field"])).verdict == "proved"


def test_people_see_the_quantities(capsys: Any) -> None:
    done = in_process(capsys, "conserved", "(y - v*exp(b))**2", "--parameters", "v b", "--data", "y")
    assert done.code == 0
    assert "v² - 2·b" in done.out
    assert "exactly 1 conserved quantities" in done.out


def test_no_quantity(capsys: Any) -> None:
    done = in_process(capsys, "conserved", "(y - x)**2 + x**4", "--parameters", "x", "--data", "y")
    assert done.code == 0
    assert "none of these is conserved" in done.out


def test_a_law_without_a_formula_is_counted(capsys: Any) -> None:
    text = "(y - dot(c, B@a)*x)**2"
    done = in_process(capsys, "conserved", text, "--parameters", "a:2 B:2x2 c:2", "--data", "x y", "--json")
    found = done.object
    assert (done.code, found["independent"], found["count"]["lower"], found["count"]["upper"]) == (0, 6, 7, 7)


def test_an_open_number_is_undecided(capsys: Any) -> None:
    text = "(y - dot(a, relu(b*x)))**2"
    done = in_process(capsys, "conserved", text, "--parameters", "a:3 b:3", "--data", "x y", "--json")
    assert (done.code, done.object["count"]["verdict"], done.object["independent"]) == (3, "undecided", 3)


def test_ansatz_metric_and_patterns(capsys: Any) -> None:
    words = ("conserved", "(y - u*v)**2", "--parameters", "u v", "--data", "y", "--json")
    weighted = in_process(capsys, *words, "--metric", "u=2", "--ansatz", "linear").object
    assert [quantity["expression"] for quantity in weighted["quantities"]] == ["2*u**2 - v**2"]
    relu = ("conserved", "(y - v*relu(u*x))**2", "--parameters", "u v", "--data", "x y", "--json")
    assert in_process(capsys, *relu, "--patterns", "all").object["count"]["assumptions"]


def test_files(capsys: Any, tmp_path: Path) -> None:
    in_process(capsys, "conserved", "(x - y)**2", "--output", str(tmp_path))
    written = json.loads((tmp_path / "conserved.json").read_text())
    assert written["quantities"][0]["expression"] == "x + y"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--metric", "u=0"), "the metric has 0 for u"),
        (("--metric", "w=1"), "the metric names 'w'"),
        (("--ansatz", "cubic"), "the ansatz 'cubic'"),
        (("--patterns", "some"), "some"),
    ],
)
def test_refusals(capsys: Any, words: tuple[str, ...], said: str) -> None:
    done = in_process(capsys, "conserved", "(y - u*v)**2", "--parameters", "u v", "--data", "y", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "why:" in done.err
    assert "try:" in done.err
