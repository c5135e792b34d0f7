"""Exported theorems speak of some point and of the declared loss, and names never meet those of the file."""

import json

import pytest
from command import in_process
from coq_cases import coqc, needs_coqc

from manifolds import InputError
from symmetries import Certificate, FiniteAction, Loss, VectorField, verify
from symmetries.coq.names import OWN, RESERVED, identifiers

SWAP = {"y": "y", "z": "-z"}
NAMES = [
    "J_x",
    "x_",
    "J_x_",
    "X1_L",
    "L",
    "L_",
    "J_L",
    "n1",
    "n1_",
    "off_x",
    "H_P_n1",
    "Rabs",
    "F_L",
    "A_x",
    "xJ_x",
    "R",
    "xR",
    "O",
    "P_",
]


@pytest.mark.parametrize("empty", ["1/(sin(x)**2 + cos(x)**2 - 1)", "log(sin(x)**2 + cos(x)**2 - 1)"])
def test_a_theorem_on_no_point_is_refused(empty):
    loss = Loss.parse(f"{empty} + y*z")
    for subject in (VectorField(SWAP), FiniteAction({"y": "y*exp(t)", "z": "z*exp(-t)"})):
        with pytest.raises(InputError) as refusal:
            verify(loss, subject).to_coq()
        assert str(refusal.value).count("\n") == 2


@pytest.mark.parametrize("partial", ["log(x)", "log(-x)", "log(x - 5)", "sqrt(x - 1) + 1/(x - 2)", "1/(x**2 - 1)"])
def test_conditions_that_hold_somewhere_are_kept(partial):
    text = verify(Loss.parse(f"{partial} + y*z"), VectorField(SWAP)).to_coq()
    assert "Conditions that the theorems assume" in text


def test_identifiers_are_distinct_and_no_names_of_the_file():
    found = list(identifiers(NAMES).values())
    assert len(set(found)) == len(NAMES)
    assert not any(name in RESERVED or OWN.fullmatch(name) for name in found)
    lemmas = [f"{prefix}_{name}" for prefix in ("J", "A") for name in (*found, "L", "n1")]
    assert not set(lemmas) & set(found)
    assert len(set(lemmas)) == len(lemmas)


@needs_coqc
def test_names_of_lemmas_are_accepted(tmp_path):
    loss = Loss.parse(" + ".join(f"{name}**2" for name in NAMES) + " + abs(J_x) - abs(J_x) + 1/n1", NAMES)
    verdict = coqc(verify(loss, VectorField({"x_": "J_L", "J_L": "-x_"})).to_coq(), tmp_path)
    assert verdict.accepted, verdict.errors


def test_the_header_declares_shapes_and_given_numbers():
    loss = Loss.parse(
        "c*sum((Y - X@U@V)**2)", {"U": (2, 1), "V": (1, 1)}, data={"X": [[1, "1/2"]], "Y": (1, 1)}, constants=["c"]
    )
    text = verify(loss, VectorField({"U[0,0]": "U[0,0]", "U[1,0]": "U[1,0]", "V[0,0]": "-V[0,0]"})).to_coq()
    top = text[: text.index("The fields:")]
    for line in ("parameters: U [2, 1], V [1, 1]", "for all data: Y [1, 1]", "given: X = [[1, 1/2]]", "constants: c"):
        assert line in top


CIRCLE = json.loads(verify(Loss.parse("x**2 + 9*y**2"), VectorField({"x": "-9*y", "y": "x"})).to_json())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("loss", None),
        ("loss", ["x"]),
        ("loss", 1),
        ("fields", {"x": "y"}),
        ("fields", [["x", "y"]]),
        ("fields", [{"x": 1}]),
        ("action", []),
        ("action", {"x": None}),
        ("claims", {}),
        ("claims", ["x"]),
        ("claims", [{"statement": None, "verdict": "proved"}]),
        ("claims", [{"statement": "x", "verdict": ["proved"]}]),
        ("claims", [{"statement": "x", "verdict": "proved", "assumptions": "ab"}]),
        ("claims", [{"statement": "x", "verdict": "proved", "evidence": [["a", 1]]}]),
        ("verdict", []),
    ],
)
def test_values_of_the_wrong_type_are_refused(capsys, tmp_path, key, value):
    stored, place = tmp_path / "c.json", tmp_path / "c.v"
    stored.write_text(json.dumps({**CIRCLE, key: value}))
    with pytest.raises(InputError) as refusal:
        Certificate.from_json(stored.read_text())
    assert str(refusal.value).count("\n") == 2
    done = in_process(capsys, "verify", "--certificate", str(stored), "--coq", str(place))
    assert (done.code, done.out, place.exists()) == (2, "", False)
    assert "Traceback" not in done.err
