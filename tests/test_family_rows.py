"""Block algebras on the command line: families, representatives, complete lists."""

import json

import pytest
from command import in_process

from symmetries import Loss, derive
from symmetries.ansatz import Blocks
from symport.family_rows import is_large, representatives
from symport.generator_rows import generator_table

LARGE = ["sum((y - C@B@A@x)**2)", "--parameters", "A:24x24 B:24x24 C:24x24", "--data", "x:24 y:24"]


def answer(capsys, *words):
    done = in_process(capsys, "derive", *words, "--ansatz", "blocks", "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_a_large_algebra_has_one_generator_for_each_family(capsys):
    found = answer(capsys, *LARGE)
    assert (found["dimension"], found["algebra"]["name"]) == (2 * 24**2, "gl(24,R) + gl(24,R)")
    assert found["generators_complete"] is False
    assert [one["dimension"] for one in found["families"]] == [576, 576]
    assert len(found["generators"]) == 2
    first = found["families"][0]
    assert (first["pattern"], first["name"], first["verdict"]) == ("gl", "gl(24,R)", "proved")
    assert first["action"] == {"A": "S@A", "B": "-B@S"}
    assert first["space"] == "rows of A, columns of B"
    assert found["generators"][0]["field"]["A[0,0]"] == "A[1,0]"
    assert found["unknowns"] == 6 * 24**2
    assert found["completeness"]["statement"].endswith("in the span of the fields, of dimension 1152")


def test_a_small_algebra_lists_every_generator(capsys):
    found = answer(capsys, "matrix-factorisation")
    assert found["generators_complete"] is True
    assert len(found["generators"]) == found["dimension"] == 4
    assert found["ansatz"] == "blocks"
    assert sum(one["dimension"] for one in found["families"]) == 4


def test_other_ansatz_families_are_complete_too(capsys):
    done = in_process(capsys, "derive", "x**2 + y**2", "--json")
    found = json.loads(done.out)
    assert found["generators_complete"] is True
    assert "families" not in found


def test_people_see_families(capsys):
    done = in_process(capsys, "derive", *LARGE, "--ansatz", "blocks")
    assert done.code == 0
    assert "families of generators" in done.out
    assert "δA = S@A, δB = -B@S, every matrix" in done.out
    assert len(done.out.splitlines()) < 30


def test_files_of_a_large_algebra_keep_the_families(capsys, tmp_path):
    done = in_process(capsys, "derive", *LARGE, "--ansatz", "blocks", "--json", "--output", str(tmp_path / "out"))
    assert done.code == 0
    stored = json.loads((tmp_path / "out" / "certificate.json").read_text())
    assert len(stored["fields"]) == 2
    assert [claim["verdict"] for claim in stored["claims"]] == ["proved"] * 3


def test_an_ansatz_too_large_for_memory_exits_with_2(capsys):
    words = ["sum((y - U@x)**2)", "--parameters", "U:300x3000", "--data", "x:3000 y:300"]
    done = in_process(capsys, "derive", *words, "--ansatz", "blocks")
    assert (done.code, done.out) == (2, "")
    assert "9,090,000 unknown coefficients" in done.err


@pytest.fixture(scope="module")
def large():
    shapes = dict.fromkeys("ABC", (24, 24))
    return derive(Loss.parse("sum((y - C@B@A@x)**2)", shapes, data={"x": (24,), "y": (24,)}), ansatz=Blocks())


def test_representatives_are_the_first_of_each_family(large):
    assert is_large(large)
    assert representatives(large) == [0, 576]


def test_a_report_has_a_row_for_each_family(large):
    page = generator_table(large)
    assert page.count("<tr>") == 2
    assert "for every matrix S (576 generators)" in page
