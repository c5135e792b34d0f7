"""SPEC: a loss file, a catalogued name, or a formula, in that order."""

import pytest

from manifolds.errors import InputError
from symport.cli import parser, protect
from symport.spec import resolve


def spec_of(*words: str):
    return resolve(parser().parse_args(["derive", *map(protect, words)]))


def test_a_formula():
    spec = spec_of("x**2 + 9*y**2")
    assert list(spec.loss.parameters) == ["x", "y"]
    assert spec.choose_ansatz(None).name == "linear"


def test_a_formula_with_declarations():
    words = ["--parameters", "U:3x2 V:2x4", "--data", "Y:3x4", "--constants", "a b"]
    spec = spec_of("a*sum((Y - U@V)**2) + b", *words)
    assert spec.loss.parameters == {"U": (3, 2), "V": (2, 4)}
    assert spec.loss.data["Y"].shape == (3, 4)
    assert not spec.loss.data["Y"].moves
    assert spec.loss.constants == ("a", "b")


def test_data_may_move():
    spec = spec_of("sum((U - Y)**2)", "--parameters", "U:2", "--data", "Y:2", "--moves", "Y")
    assert spec.loss.data["Y"].moves


def test_a_catalogued_name_comes_before_a_formula():
    spec = spec_of("rosenbrock")
    assert spec.title == "Rosenbrock's banana"
    assert spec.slug == "rosenbrock"
    assert spec.choose_ansatz(None).name == "polynomial:3"
    assert spec.choose_ansatz("affine").name == "affine"


def test_a_loss_file_comes_before_a_catalogued_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rosenbrock.toml").write_text('name = "mine"\nloss = "x**2"\nansatz = "affine"\n')
    spec = spec_of("rosenbrock.toml")
    assert (spec.title, spec.loss.formula, spec.slug) == ("mine", "x**2", "rosenbrock")
    assert spec.choose_ansatz(None).name == "affine"
    assert spec_of("rosenbrock").title != "mine"


def test_formula_forces_a_formula():
    assert list(spec_of("--formula", "rosenbrock").loss.parameters) == ["rosenbrock"]
    assert list(spec_of("--formula", "ellipse-booth").loss.parameters) == ["ellipse", "booth"]


@pytest.mark.parametrize("text", ["x", "-x**2", "x-y", "alpha-beta", "theta", "x + y"])
def test_a_formula_need_not_look_like_one(text):
    assert spec_of("--formula", text).loss.formula.strip() == text


@pytest.mark.parametrize("text", ["rosenbrok", "matrix-factorization", "Rosenbrock", "booht", "quadratics"])
def test_a_misspelled_name_is_no_formula(text):
    with pytest.raises(InputError) as caught:
        spec_of(text)
    assert repr(text) in caught.value.what
    assert "--formula" in caught.value.cure


@pytest.mark.parametrize(
    "words",
    [
        ("rosenbrock", "--parameters", "x y"),
        ("rosenbrock", "--data", "Y"),
        ("rosenbrock", "--constants", "a"),
        ("rosenbrock", "--moves", "x"),
        ("missing.toml",),
        ("missing.toml", "--parameters", "x"),
        ("x + Y", "--moves", "Y"),
        ("x + Y", "--data", "Y:2y"),
        ("x + y", "--parameters", "x x"),
        ("x + y", "--parameters", "x:0"),
        ("x + y", "--parameters", ""),
        ("x", "--ansatz", "cubic"),
    ],
)
def test_contradictions_are_refused(words):
    with pytest.raises(InputError):
        spec_of(*words).choose_ansatz("cubic" if "cubic" in words else None)
