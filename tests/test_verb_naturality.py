"""The command `symport naturality`, and its lattice."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import pytest
from command import Done, in_process
from matplotlib.figure import Figure

from manifolds import InputError
from solvers.naturality.classify import classify
from symport.naturality_plots import hasse_diagram, plot_lattice
from symport.verbs.naturality import table_blocks


@pytest.fixture
def naturality(capsys: Any) -> Any:
    """Run the verb."""

    def run(*words: str) -> Done:
        """Run it."""
        return in_process(capsys, "naturality", *words)

    return run


@pytest.fixture(scope="module")
def verdicts() -> Any:
    """Verdicts on a few optimizers."""
    names = ("gradient-descent", "adam", "adamw", "newton", "natural-gradient", "vector-adam", "muon-exact")
    return [classify(name, gauge=False) for name in names]


def test_one_optimizer_as_data(naturality: Any) -> None:
    done = naturality("adam", "--json")
    assert done.code == 0
    found = done.object
    assert found["schema"] == "symport/naturality/1"
    assert (found["optimizer"], found["strict_group"]) == ("adam", "B(4) ⋉ translations")
    assert found["lie_algebra"] == {"name": "0", "dimension": 0}
    assert found["evidence"]


def test_one_optimizer_for_people(naturality: Any) -> None:
    done = naturality("sign-descent")
    assert done.code == 0
    assert "sign-descent: signed permutations and translations only" in done.out
    assert "refuted" in done.out
    assert "naturality: measured" in done.out


def test_an_open_verdict_has_its_exit_code(naturality: Any, verdicts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    known = replace(verdicts[0], strict=None, verdict="undecided", reasons=("it is not deterministic",))
    monkeypatch.setattr(sys.modules["solvers.naturality.classify"], "classify", lambda name, rng: known)
    done = naturality("gradient-descent", "--quiet")
    assert done.code == 3
    assert "undecided, it is not deterministic" in done.out


@pytest.mark.parametrize(
    "words",
    [(), ("adam", "--all"), ("adm",), ("adam", "--plot", "picture.txt"), ("torch:Adem",), ("adam", "--seed", "-1")],
)
def test_bad_words_are_refused(naturality: Any, words: tuple[str, ...]) -> None:
    assert naturality(*words).code == 2


def test_a_picture_and_files_are_written(naturality: Any, tmp_path: Any) -> None:
    picture = tmp_path / "lattice.svg"
    done = naturality("polyak-step", "--plot", str(picture), "--output", str(tmp_path / "found"), "--json")
    assert done.code == 0
    assert b"<svg" in picture.read_bytes()
    assert (tmp_path / "found" / "naturality.json").exists()


def test_the_table_of_all_has_vectors_and_matrices_apart(
    naturality: Any, verdicts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from solvers.naturality.registry import OPTIMIZERS

    asked = []
    monkeypatch.setattr(
        sys.modules["solvers.naturality.classify"], "classify", lambda name, rng: (asked.append(name), verdicts[-1])[1]
    )
    done = naturality("--all", "--json")
    assert done.code == 0
    assert asked == list(OPTIMIZERS)
    assert len(done.object["optimizers"]) == len(OPTIMIZERS)
    assert all("evidence" not in one for one in done.object["optimizers"])
    titles = [block.text for block in table_blocks(verdicts) if hasattr(block, "text")]
    assert titles == ["optimizers of vectors", "optimizers of matrices"]


def test_the_table_says_what_is_open(verdicts: Any) -> None:
    blocks = table_blocks([replace(verdicts[0], strict=None, algebra=("", -1))])
    assert blocks[1].rows[0][:3] == ["gradient-descent", "undecided", "?"]


def test_the_lattice_is_ordered_by_what_is_followed(verdicts: Any) -> None:
    graph = hasse_diagram(verdicts[:-1])
    edges = {(small[0], large[0]) for small, large in graph.edges}
    assert edges == {
        ("B(4)", "B(4) ⋉ translations"),
        ("B(4) ⋉ translations", "O(4) ⋉ translations"),
        ("O(2) ≀ S(2) ⋉ translations", "O(4) ⋉ translations"),
        ("O(4) ⋉ translations", "GL(4) ⋉ translations"),
    }
    top = next(node for key, node in graph.nodes(data=True) if key[0].startswith("GL"))
    assert top["optimizers"] == ["newton", "natural-gradient**"]


def test_the_lattice_is_drawn_with_every_optimizer(verdicts: Any) -> None:
    axes = plot_lattice([*verdicts, replace(verdicts[0], strict=None, optimizer="open one")])
    text = "\n".join(one.get_text() for one in axes.texts)
    assert all(one.optimizer in text for one in verdicts)
    assert "undecided: open one" in text
    boxes = [patch.get_window_extent() for patch in axes.patches]
    assert not any(a.overlaps(b) for place, a in enumerate(boxes) for b in boxes[:place])
    given = Figure().subplots()
    assert plot_lattice(verdicts[:1], given) is given
    with pytest.raises(InputError):
        plot_lattice([])
