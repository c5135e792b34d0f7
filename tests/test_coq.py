"""The text of exported files, and what is refused; nothing here needs coqc."""

import json
import re

import numpy as np
import pytest
from command import in_process
from coq_cases import MORE, QUICK, Case, certificate_of
from coq_reading import Reading
from extended import evaluate
from public_losses import public_algebra

from manifolds import InputError
from symmetries import Certificate, FiniteAction, Loss, VectorField, derive, verify
from symmetries.expression import entry_names

FORBIDDEN = re.compile(r"\b(Axiom|Admitted|admit|Parameter|Parameters|Conjecture|Abort|Unset Guard|bypass_check)\b")
CIRCLE = Loss.parse("x**2 + 9*y**2")
TURN = VectorField({"x": "-9*y", "y": "x"})


def statements(text: str) -> str:
    """The file without its comments."""
    return re.sub(r"\(\*.*?\*\)", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("name", [*QUICK, "matrix factorisation 3", "hostile names"])
def test_structure(name):
    case = (QUICK | MORE)[name]
    certificate = certificate_of(case)
    text = certificate.to_coq()
    assert text == Certificate.from_json(certificate.to_json()).to_coq()
    code = statements(text)
    assert not FORBIDDEN.search(code)
    assert text.isascii()
    # hypotheses are made only within sections, which close: none is left as an axiom
    assert len(re.findall(r"^Section ", code, re.MULTILINE)) == len(re.findall(r"^End ", code, re.MULTILINE))
    inside = 0
    for line in code.split("\n"):
        inside += line.startswith("Section ") - line.startswith("End ")
        if re.match(r"(Hypothesis|Variables?) ", line):
            assert inside > 0, line
    count = len(certificate.fields)
    for k, components in enumerate(certificate.fields, start=1):
        assert f"X{k} = {VectorField(components)}"[:60] in " ".join(text.split())
        assert len(re.findall(rf"^Theorem symmetry_{k} :", code, re.MULTILINE)) == 1
    assert f"symmetry_{count + 1}" not in code
    lemmas = re.search(r"(\d+) lemmas and theorems", text)
    assert lemmas
    assert int(lemmas[1]) == len(re.findall(r"^(?:Lemma|Theorem) ", code, re.MULTILINE))
    assert code.count("Proof.") == code.count("Qed.")
    assert "Print Assumptions" in code


def of_record(text: str, name: str) -> list[str]:
    found = re.search(rf"^Record {name} := \w+ {{(.*?)}}\.", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"(\w+)\s*:\s*R\b", found[1]) if found else []


@pytest.mark.parametrize("name", [*QUICK, *MORE])
def test_the_definition_has_the_values_of_the_loss(name):
    """What Coq cannot check: that L is the loss of the formula."""
    case = (QUICK | MORE)[name]
    text = certificate_of(case).to_coq()
    fields = [*of_record(text, "Point"), *of_record(text, "Given")]
    entries = [
        *case.loss.entries,
        *(entry for entry in (*case.loss.data_entries, *case.loss.constants) if occurs(entry, fields)),
    ]
    assert len(fields) == len(entries)
    rng = np.random.default_rng(3)
    compared = 0
    for _ in range(20):
        values = rng.uniform(0.2, 1.6, len(entries))
        point = arrays(case.loss, dict(zip(entries, values, strict=True)))
        expected = float(evaluate(case.loss.expression, point).reshape(-1)[0].real)
        if np.isfinite(expected):
            found = Reading(text, dict(zip(fields, values, strict=True))).value("L")
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
            compared += 1
    assert compared >= 5


def occurs(entry: str, fields: list[str]) -> bool:
    """Data that the loss does not speak of are left out."""
    plain = re.sub(r"[\[,]", "_", entry).replace("]", "")
    return plain in fields or f"{plain}_" in fields


def arrays(loss: Loss, values: dict[str, float]) -> dict[str, np.ndarray]:
    shapes = {
        **loss.parameters,
        **{k: item.shape for k, item in loss.data.items()},
        **dict.fromkeys(loss.constants, ()),
    }
    return {
        name: np.array([values.get(entry, 0.0) for entry in entry_names(name, shape)], dtype=np.clongdouble).reshape(
            1, *shape
        )
        for name, shape in shapes.items()
    }


def test_the_loss_reads_like_the_formula():
    text = certificate_of(Case("sum((Y - U@V)**2)", {"U": (2, 1), "V": (1, 1)}, {"Y": (2, 1)})).to_coq()
    assert "(n1 given theta) ^ 2 + (n2 given theta) ^ 2" in text
    assert "Y_0_0 given - U_0_0 theta * V_0_0 theta." in text
    assert "(* (Y - U @ V)[0,0] *)" in text
    relu = certificate_of(QUICK["relu"]).to_coq()
    assert "Rmax" in relu
    assert "derivable_pt_lim (fun t => L given (move theta (X1 given theta) t)) 0 0" in relu


def test_conditions_are_stated_where_they_are_needed():
    assert "Conditions: none" in certificate_of(QUICK["polynomial"]).to_coq()
    assert "Conditions: none" in certificate_of(QUICK["softmax"]).to_coq(), "a sum of exponentials is positive"
    relu = certificate_of(QUICK["relu"]).to_coq()
    assert "Conditions: none" in relu, "a rescaling passes through the kinks"
    rational = certificate_of(QUICK["rational"]).to_coq()
    theorem = rational[rational.index("Theorem symmetry_1") :].split(".")[0]
    assert "<> 0 ->" in theorem
    off = verify(Loss.parse("relu(x - y + z) + 0*w", ["x", "y", "z", "w"]), VectorField({"x": "w", "y": "w"})).to_coq()
    assert "Conditions: none" in off
    bent = verify(Loss.parse("relu(x)**2 + abs(x)*x - 2*x*relu(x)", ["x"]), VectorField({"x": "1"}))
    if bent.verdict == "proved":
        assert "(field X1 alone)" in bent.to_coq()


def test_a_false_field_is_refused():
    certificate = verify(CIRCLE, TURN)
    edited = json.loads(certificate.to_json())
    edited["fields"][0]["x"] = "-8*y"
    edited["claims"][0]["statement"] = f"({VectorField(edited['fields'][0])}) L = 0"
    with pytest.raises(InputError) as refusal:
        Certificate.from_json(json.dumps(edited)).to_coq()
    message = str(refusal.value)
    assert "-8*y d/dx + x d/dy" in message
    assert "not proved" in message
    assert message.count("\n") == 2


def refuted(data):
    data["claims"][0]["verdict"] = data["verdict"] = "refuted"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda data: data["claims"].clear(), "makes no claim about it"),
        (lambda data: data["claims"][0].update(statement="(y d/dx) L = 0"), "holds no field that it speaks of"),
        (
            lambda data: (data["claims"][0].update(verdict="refuted"), data.update(verdict="refuted")),
            "calls it refuted",
        ),
        (lambda data: data["fields"].clear() or data["claims"].clear(), "holds no vector field and no action"),
    ],
)
def test_contradictions_are_refused(edit, said):
    data = json.loads(verify(CIRCLE, TURN).to_json())
    edit(data)
    with pytest.raises(InputError, match=said):
        Certificate.from_json(json.dumps(data)).to_coq()


@pytest.mark.parametrize("function", ["erf", "gelu", "normal_cdf", "sign"])
def test_unsupported_functions_are_named(function):
    certificate = verify(Loss.parse(f"{function}(x*y)"), VectorField({"x": "x", "y": "-y"}))
    if certificate.verdict != "proved":
        certificate = verify(Loss.parse(f"{function}(x) + 0*y", ["x", "y"]), VectorField({"y": "1"}))
    with pytest.raises(InputError, match=f"the function {function} in the export to Coq") as refusal:
        certificate.to_coq()
    assert str(refusal.value).count("\n") == 2


def test_a_relation_that_is_not_known_is_refused():
    with pytest.raises(InputError, match="needs a relation between functions"):
        public_algebra("sin_double").certificate.to_coq()


def test_a_large_determinant_is_refused():
    loss = Loss.parse("det(A)", {"A": (5, 5)})
    with pytest.raises(InputError, match="the determinant of a 5 x 5 matrix"):
        verify(loss, VectorField({"A[0,0]": "A[1,0]", **{f"A[0,{k}]": f"A[1,{k}]" for k in range(1, 5)}})).to_coq()


def test_a_loss_without_parameters_is_refused():
    certificate = verify(Loss.parse("y**2", ["x"], data=["y"]), VectorField({"x": "1"}))
    with pytest.raises(InputError, match="no parameter occurs in it"):
        certificate.to_coq()


def test_a_file_that_would_be_too_large_is_refused(monkeypatch):
    monkeypatch.setattr("symmetries.coq.export.LARGEST", 1)
    with pytest.raises(InputError, match="1 fields and 2 inner expressions"):
        verify(Loss.parse("exp(x*y)"), VectorField({"x": "x", "y": "-y"})).to_coq()


def test_numbers_beyond_double_precision():
    text = verify(Loss.parse("10**400*x*y", ["x", "y"]), VectorField({"x": "x", "y": "-y"})).to_coq()
    assert "1" + "0" * 400 in text


def test_names_and_comments_cannot_leave_their_place():
    loss = Loss.parse("x**2 + MakePoint**2 + Definition*0", name='evil *) Axiom bad : False. (* "')
    text = verify(loss, VectorField({"x": "MakePoint", "MakePoint": "-x"})).to_coq()
    assert not FORBIDDEN.search(statements(text))
    assert "MakePoint_ theta" in text


def test_actions():
    action = FiniteAction({"x": "x*exp(t)", "y": "y*exp(-t)"})
    certificate = verify(Loss.parse("relu(x)*y + abs(x)/x"), action)
    text = certificate.to_coq()
    assert not FORBIDDEN.search(statements(text))
    assert "Theorem invariance : forall (theta : Point) (t : R)," in text
    assert "L (act theta t) = L theta" in text
    with pytest.raises(InputError, match="needs a relation between functions"):
        verify(Loss.parse("log(x) + log(y)"), action).to_coq()


def test_a_false_action_is_refused():
    data = json.loads(verify(Loss.parse("x*y"), FiniteAction({"x": "x*exp(t)", "y": "y*exp(-t)"})).to_json())
    data["action"]["y"] = "y*exp(t)"
    with pytest.raises(InputError, match="not proved that the action leaves the loss unchanged"):
        Certificate.from_json(json.dumps(data)).to_coq()
    data["action"]["y"] = "y*exp(-t)"
    data["claims"] = data["claims"][1:]
    with pytest.raises(InputError, match="does not claim"):
        Certificate.from_json(json.dumps(data)).to_coq()


# the command


def test_the_command_writes_a_file(capsys, tmp_path):
    place = tmp_path / "circle.v"
    words = ("verify", "x**2 + 9*y**2", "--field", "x: -9*y; y: x", "--coq", str(place), "--json")
    done = in_process(capsys, *words)
    assert done.code == 0
    assert done.object["coq"] == str(place)
    assert place.read_text() == verify(Loss.parse("x**2 + 9*y**2"), TURN).to_coq()
    assert in_process(capsys, *words).code == 0, "an exported file is written over"
    assert [one.name for one in tmp_path.iterdir()] == ["circle.v"]


def test_the_command_exports_a_stored_certificate(capsys, tmp_path):
    stored, place = tmp_path / "c.json", tmp_path / "c.v"
    certificate = derive(CIRCLE).certificate
    stored.write_text(certificate.to_json())
    assert in_process(capsys, "verify", "--certificate", str(stored), "--coq", str(place)).code == 0
    assert place.read_text() == certificate.to_coq()


@pytest.mark.parametrize(
    ("field", "name", "said"),
    [
        ("x: -8*y; y: x", "a.v", "not proved"),
        ("x: -9*y; y: x", "a.txt", "ending .v"),
        ("x: -9*y; y: x", "1-2.v", "ending .v"),
        ("x: -9*y; y: x", "no/a.v", "its directory is not there"),
        ("x: -9*y; y: x", "mine.v", "is no exported proof"),
    ],
)
def test_the_command_refuses_and_writes_nothing(capsys, tmp_path, field, name, said):
    (tmp_path / "mine.v").write_text("Theorem mine : True.")
    words = ("verify", "x**2 + 9*y**2", "--field", field, "--coq", str(tmp_path / name))
    done = in_process(capsys, *words, "--certificate", str(tmp_path / "c.json"))
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert [one.name for one in tmp_path.iterdir()] == ["mine.v"]
    assert (tmp_path / "mine.v").read_text() == "Theorem mine : True."
