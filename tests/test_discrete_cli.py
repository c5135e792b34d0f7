"""`symport discrete`: the object, the text, exit codes, files."""

from __future__ import annotations

import json
from math import factorial
from pathlib import Path
from typing import Any

import pytest
from command import as_program, in_process

from symmetries.loss import Loss
from symmetries.permutations.signed_permutation import SignedPermutation

TANH = ("sum((y - V@tanh(W@x))**2)", "--parameters", "W:20x1 V:1x20", "--data", "x:1 y:1")


def test_the_object(capsys: Any) -> None:
    done = in_process(capsys, "discrete", "x**4 + y**4", "--json")
    assert (done.code, done.err) == (0, "")
    found = done.object
    assert (found["schema"], found["order"], found["name"]) == ("symport/discrete/1", 8, "D_4")
    assert {one["verdict"] for one in found["generators"]} == {found["verdict"]} == {"proved"}
    assert found["completeness"]["verdict"] == "proved"
    maps = [one["map"] for one in found["generators"]]
    assert maps == [{"x": "y", "y": "x"}, {"y": "-y"}]


def test_maps_can_be_read_back(capsys: Any) -> None:
    found = in_process(capsys, "discrete", "tanh-network", "--json").object
    shapes = found["loss"]["parameters"]
    loss = Loss.parse(found["loss"]["formula"], shapes, data=found["loss"]["data"])
    assert found["order"] == 48
    for one in found["generators"]:
        assert SignedPermutation.from_map(loss.entries, one["map"]).order == one["order"]
        assert all(loss.read(text).shape == () for text in one["map"].values())


def test_large_orders_are_decimal_text(capsys: Any) -> None:
    found = in_process(capsys, "discrete", *TANH, "--json").object
    assert found["order"] == str(2**20 * factorial(20))
    assert found["name"] == "Z_2 wr S_20"


def test_the_text(capsys: Any) -> None:
    done = in_process(capsys, "discrete", *TANH)
    assert done.code == 0
    for part in ("discrete symmetries", "Z_2 wr S_20", "2.5e+24", "g1", "proved", "complete?", "→"):
        assert part in done.out
    assert "\n\n\n" not in done.out


def test_a_trivial_group(capsys: Any) -> None:
    done = in_process(capsys, "discrete", "rosenbrock")
    assert done.code == 0
    assert "no permutation of the parameters, with or without signs, keeps the loss" in done.out


def test_what_is_not_decided_has_its_exit_code(capsys: Any) -> None:
    done = in_process(capsys, "discrete", "where(x > 0, log(y)**2, log(-y)**2)", "--json")
    assert done.code == 3
    assert done.object["verdict"] == "undecided"
    assert "guard" in done.object["completeness"]["reason"]


@pytest.mark.parametrize("words", [("x*",), ("rosenbrok",), ("x**2", "--data", "x y"), ("missing.toml",)])
def test_bad_input(capsys: Any, words: tuple[str, ...]) -> None:
    done = in_process(capsys, "discrete", *words)
    assert (done.code, done.out) == (2, "")
    assert "why:" in done.err
    assert "try:" in done.err


def test_files(tmp_path: Path) -> None:
    done = as_program("discrete", "x*y", "--json", "--output", "found", cwd=tmp_path)
    assert done.code == 0
    assert json.loads((tmp_path / "found" / "discrete.json").read_text()) == done.object
    assert done.object["name"] == "Z_2^2"


def test_the_seed_does_not_change_the_answer(capsys: Any) -> None:
    objects = [in_process(capsys, "discrete", "siamese-network", "--json", "--seed", seed).object for seed in "01"]
    for one in objects:
        one.pop("seconds")
    assert objects[0] == objects[1]
