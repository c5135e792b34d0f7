"""The command `symport newton`, and its picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Done, in_process
from matplotlib.figure import Figure

from manifolds import InputError
from solvers.equivalence.steepest import angle_between
from solvers.objective import Objective
from symmetries import Loss
from symport import cli
from symport.newton_plots import plot_directions

BOOTH = "(x + 2*y - 7)**2 + (2*x + y - 5)**2"


@pytest.fixture
def newton(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the verb, which is in the table of verbs."""
    monkeypatch.setitem(cli.VERBS, "newton", cli.VERBS.get("newton", "Newton equivalence"))

    def run(*words: str) -> Done:
        """Run it."""
        return in_process(capsys, "newton", *words)

    return run


def test_booth_is_measured(newton: Any) -> None:
    done = newton("booth", "--at", "x=5, y=-5", "--json")
    assert done.code == 0
    found = done.object
    assert found["schema"] == "symport/newton/1"
    assert (found["verdict"], found["transitive"]) == ("measured", True)
    assert found["angle_to_newton"] <= 1e-12
    assert found["eigenvalue"] == pytest.approx(18)
    assert found["relative_distance"] <= 1e-12
    assert found["at"] == {"x": 5.0, "y": -5.0}
    assert {claim["evidence"]["name"] for claim in found["claims"]} >= {
        "quadratic",
        "transitive",
        "parallel",
        "landing",
    }
    assert set(found["claims"][0]) == {"statement", "verdict", "reason", "assumptions", "evidence"}


def test_rosenbrock_is_refuted(newton: Any) -> None:
    done = newton("rosenbrock", "--at", "x=-1, y=-1", "--json")
    assert done.code == 1
    found = done.object
    assert found["verdict"] == "refuted"
    quadratic = found["claims"][0]
    assert quadratic["statement"].startswith("quadratic")
    assert quadratic["verdict"] == "refuted"
    assert found["distance"] == pytest.approx(222.2, rel=1e-3)


@pytest.mark.parametrize(
    "words",
    [
        ["x**2 - y**2", "--at", "x=1, y=2"],
        ["sum((X@w - y)**2)", "--parameters", "w:3", "--data", "X:5x3 y:5"],
        ["x**2 + y**2", "--at", "x=0, y=0"],
    ],
)
def test_undecided_ends_with_three(newton: Any, words: list[str]) -> None:
    done = newton(*words, "--json")
    assert done.code == 3
    assert done.object["verdict"] == "undecided"
    assert done.object["angle_to_newton"] is None


def test_data_and_the_point_of_a_file(newton: Any, tmp_path: Path) -> None:
    file = tmp_path / "squares.toml"
    text = 'loss = "sum((X@w - y)**2)"\n[parameters]\nw = [2]\n'
    text += "[data]\nX = [[1, 2], [3, 4], [5, 7]]\ny = [1.5, 0.5, 2.5]\n[at]\nw = [1, 1]\n"
    file.write_text(text)
    done = newton(str(file), "--json", "--output", str(tmp_path / "out"))
    assert done.code == 0
    assert done.object["at"] == {"w": [1.0, 1.0]}
    assert (tmp_path / "out" / "newton.json").exists()
    again = newton(str(file), "--at", "w=[0,0]", "--json")
    assert again.object["at"] == {"w": [0.0, 0.0]}


def test_without_a_point_one_is_drawn_from_the_seed(newton: Any) -> None:
    one, same, other = (newton(BOOTH, "--json", "--seed", seed).object for seed in ("1", "1", "2"))
    assert one["at"] == same["at"] != other["at"]
    assert one["verdict"] == other["verdict"] == "measured"


def test_a_known_minimiser(newton: Any) -> None:
    text = "exp(x) - x + exp(y) - y"
    unknown, known = (newton(text, "--at", "x=1, y=2", *more, "--json") for more in ([], ["--minimiser", "x=0, y=0"]))
    assert (unknown.code, unknown.object["distance"]) == (1, None)
    assert known.code == 1
    assert known.object["distance"] > 0.1


def test_what_people_read(newton: Any) -> None:
    done = newton("rosenbrock", "--at", "x=-1, y=-1")
    assert "Newton equivalence: refuted" in done.out
    assert "why: its expanded polynomial has the degree 4" in done.out


def test_a_picture_is_written_or_refused(newton: Any, tmp_path: Path) -> None:
    file = tmp_path / "booth.svg"
    done = newton("booth", "--at", "x=5, y=-5", "--plot", str(file), "--json")
    assert done.code == 0
    assert file.read_bytes().startswith(b"<?xml")
    for words in (["x**2 + y**2 + z**2"], ["a*x**2 + y**2", "--data", "a"]):
        refused = newton(*words, "--plot", str(tmp_path / "no.svg"))
        assert refused.code == 2
        assert refused.out == ""
    assert not (tmp_path / "no.svg").exists()
    undecided = newton("x**2 - y**2", "--at", "x=1, y=2", "--plot", str(file))
    assert undecided.code == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["booth", "--at", "x=1"], "no value for y"),
        (["booth", "--at", "x=1, y=1, z=1"], "'z'"),
        (["booth", "--minimiser", "x=1"], "--minimiser gives no value for y"),
        (["booth", "--plot", "booth.txt"], "--plot"),
        (["booth", "--at", "x=nan, y=1"], "x"),
        (["booth", "--at", "x=1e400, y=1"], "range of doubles"),
        (["booth", "--minimiser", "x=1e400, y=1"], "range of doubles"),
        (["log(x) + y", "--at", "x=-1, y=1"], "starting point"),
    ],
)
def test_refusals(newton: Any, words: list[str], message: str) -> None:
    done = newton(*words)
    assert done.code == 2
    assert message in done.err
    assert done.out == ""


def test_arrows_point_where_they_should() -> None:
    """At the steepest point both arrows are parallel, at the start they are not."""
    objective = Objective.from_loss(Loss.parse(BOOTH))
    r = 2 * np.sqrt(2.0)
    axes = plot_directions(objective, [5.0, -5.0], [1.0 - r, 3.0 - r], 18.0, Figure().subplots())
    arrows = [text for text in axes.texts if text.arrow_patch is not None]
    tips = [np.subtract(text.xy, text.xyann) for text in arrows]
    angles = [angle_between(one, other) for one, other in (tips[:2], tips[2:])]
    assert angles[0] > 0.5
    assert angles[1] < 1e-12
    with pytest.raises(InputError, match="3 parameters"):
        plot_directions(Objective.from_loss(Loss.parse("x**2 + y**2 + z**2")), [1.0, 1.0, 1.0])
