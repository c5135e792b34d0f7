"""The command line: what it prints, its objects, its exit codes."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from command import PROGRAM, as_program, environment, in_process

import symport
from symport import cli
from symport.answers import to_json

FACTORISATION = ("sum((Y - U@V)**2)", "--parameters", "U:3x2 V:2x4", "--data", "Y:3x4")
CLAIM = {"statement", "verdict", "reason", "assumptions", "evidence"}


# derive


def test_derive_prints_one_object(capsys):
    done = in_process(capsys, "derive", "x**2 + 9*y**2", "--json")
    found = done.object
    assert (done.code, done.err) == (0, "")
    assert found["schema"] == "symport/derive/1"
    assert found["version"] == symport.__version__
    assert found["seconds"] > 0
    assert found["loss"]["formula"] == "x**2 + 9*y**2"
    assert found["loss"]["parameters"] == {"x": [], "y": []}
    assert (found["ansatz"], found["dimension"], found["null_directions"]) == ("linear", 1, 0)
    assert (found["essential_dimension"], found["essential"]["dimension"]) == (1, 1)
    assert found["generators"][0]["verdict"] == "proved"
    assert set(found["generators"][0]["field"]) == {"x", "y"}
    assert found["closed"] is True
    assert set(found["completeness"]) == CLAIM
    assert found["completeness"]["verdict"] == "proved"


def test_the_algebra_has_its_name_and_structure(capsys):
    found = in_process(capsys, "derive", "x**2 + y**2 - z**2", "--json").object
    algebra = found["algebra"]
    assert (algebra["name"], algebra["killing_signature"]) == ("so(2,1)", [2, 1, 0])
    assert "sl(2,R)" in algebra["synonyms"]
    assert algebra["levi"] == {"radical": "0", "semisimple": "so(2,1)"}
    flags = {key: algebra[key] for key in ("abelian", "solvable", "nilpotent", "semisimple")}
    assert flags == {"abelian": False, "solvable": False, "nilpotent": False, "semisimple": True}
    assert found["essential"] == {"dimension": 3, "name": "so(2,1)", "synonyms": algebra["synonyms"]}


def test_an_algebra_that_is_not_closed_has_no_name(capsys):
    command = ("derive", "(1 - x)**2 + 100*(y - x**2)**2", "--ansatz", "polynomial:4", "--json")
    found = in_process(capsys, *command).object
    assert found["closed"] is False
    unknown = {"name", "abelian", "solvable", "nilpotent", "semisimple", "killing_signature", "levi"}
    assert {key: found["algebra"][key] for key in unknown} == dict.fromkeys(unknown)
    assert "brackets" in found["algebra"]["reason"]


def test_generators_read_back_as_fields(capsys):
    done = in_process(capsys, "derive", *FACTORISATION, "--json")
    assert done.object["dimension"] == 4
    for generator in done.object["generators"]:
        pairs = "; ".join(f"{entry}: {formula}" for entry, formula in generator["field"].items())
        assert in_process(capsys, "verify", *FACTORISATION, "--field", pairs, "--json").object["verdict"] == "proved"


@pytest.mark.parametrize(
    ("words", "dimension"),
    [
        (("rosenbrock",), 1),
        (("rosenbrock", "--ansatz", "linear"), 0),
        (("x**2 + y**2 + z**2",), 3),
        (("-x**2 - y**2",), 1),
        (("x**2/a**2 + y**2/b**2", "--parameters", "x y", "--constants", "a b"), 1),
        (("x**2/a**2 + y**2/b**2", "--parameters", "x y", "--data", "a b"), 0),
        (("(x - y)**2", "--ansatz", "polynomial:1"), 3),
        (("x*y", "--ansatz", "diagonal"), 1),
    ],
)
def test_dimensions(capsys, words, dimension):
    done = in_process(capsys, "derive", *words, "--json")
    assert (done.code, done.object["dimension"]) == (0, dimension)


def test_the_text_for_people(capsys):
    done = in_process(capsys, "derive", *FACTORISATION)
    assert done.code == 0
    for part in ("dimension  4", "U 3×2", "Y 3×4 (all values)", "δU = U·E₀₁, δV = -E₀₁·V", "proved: every linear"):
        assert part in done.out


def test_a_hidden_symmetry_is_a_remark_and_no_failure(capsys):
    words = ("(y - v@(W@x)**2)**2", "--parameters", "W:3x2 v:3", "--data", "x:2 y")
    found = in_process(capsys, "derive", *words, "--json")
    assert found.object["redundancy"]["verdict"] == "refuted"
    assert found.code == 0
    assert "a continuous symmetry exists" in in_process(capsys, "derive", *words).out


def test_null_directions_are_told_apart(capsys):
    found = in_process(
        capsys, "derive", "cross_entropy(W@x, y)", "--parameters", "W:3x2", "--data", "x:2 y:3", "--json"
    )
    assert found.object["null_directions"] == 2
    assert found.object["dimension"] == 12
    assert found.object["essential_dimension"] == 0
    assert len(found.object["null_fields"]) == 2
    text = in_process(capsys, "derive", "(x - y)**2").out
    assert "2 of the form f(θ) v" in text


def test_an_incomplete_derivation_is_undecided(capsys, monkeypatch):
    engine = import_module("symmetries.derive")
    derive = engine.derive

    def incomplete(*arguments, **options):
        algebra = derive(*arguments, **options)
        return replace(algebra, completeness=replace(algebra.completeness, verdict="undecided"))

    monkeypatch.setattr(engine, "derive", incomplete)
    assert in_process(capsys, "derive", "x**2 + y**2", "--json").code == 3


# verify


def test_verify_proves_and_refutes(capsys):
    right = in_process(capsys, "verify", "x**2 + 9*y**2", "--field", "x: -9*y; y: x", "--json")
    assert (right.code, right.object["verdict"], right.object["schema"]) == (0, "proved", "symport/verify/1")
    wrong = in_process(capsys, "verify", "x**2 + 9*y**2", "--field", "x: -8*y; y: x", "--json")
    assert (wrong.code, wrong.object["verdict"]) == (1, "refuted")
    evidence = wrong.object["claims"][0]["evidence"]
    assert {"samples", "worst_residual", "tolerance", "counterexample"} <= set(evidence)
    assert evidence["counterexample"]["point"]
    assert "counterexample: the value is" in in_process(capsys, "verify", "x**2", "--field", "x: 1").out


def test_verify_takes_a_finite_action(capsys):
    right = in_process(capsys, "verify", "(x*y - 1)**2", "--action", "x: x*exp(t); y: y*exp(-t)", "--json")
    assert (right.code, right.object["verdict"]) == (0, "proved")
    wrong = in_process(capsys, "verify", "(x*y - 1)**2", "--action", "x: x*exp(t); y: y*exp(-2*t)", "--json")
    assert wrong.code == 1


def test_verify_takes_whole_matrices(capsys):
    done = in_process(capsys, "verify", *FACTORISATION, "--field", "U: U@[[0,1],[0,0]]; V: -[[0,1],[0,0]]@V", "--json")
    assert (done.code, done.object["verdict"]) == (0, "proved")


def test_verify_derives_when_nothing_else_is_named(capsys):
    done = in_process(capsys, "verify", "booth", "--json")
    assert (done.code, len(done.object["claims"])) == (0, 2)


def test_a_certificate_is_written_and_checked_again(capsys, tmp_path):
    place = tmp_path / "ellipse.json"
    words = ("verify", "x**2 + 9*y**2", "--field", "x: -9*y; y: x", "--certificate", str(place))
    assert in_process(capsys, *words).code == 0
    assert in_process(capsys, *words).code == 0
    assert json.loads(place.read_text())["schema"] == "symport/certificate/1"
    again = in_process(capsys, "verify", "--certificate", str(place), "--json")
    assert (again.code, again.object["verdict"]) == (0, "proved")
    assert in_process(capsys, "verify", "x**2 + 9*y**2", "--certificate", str(place)).code == 0
    assert in_process(capsys, "verify", "x**2 + 8*y**2", "--certificate", str(place)).code == 2


def test_a_forged_certificate_is_refuted(capsys, tmp_path):
    place = tmp_path / "forged.json"
    in_process(capsys, "verify", "x**2 + 9*y**2", "--field", "x: -9*y; y: x", "--certificate", str(place))
    place.write_text(place.read_text().replace("-9*y", "-8*y"))
    assert in_process(capsys, "verify", "--certificate", str(place), "--json").code == 1


def test_the_certificate_of_a_derivation_is_checked_again(capsys, tmp_path):
    out = tmp_path / "out"
    assert in_process(capsys, "derive", "matyas", "--output", str(out)).code == 0
    assert {path.name for path in out.iterdir()} == {"derive.json", "certificate.json"}
    done = in_process(capsys, "verify", "--certificate", str(out / "certificate.json"), "--json")
    assert done.code == 0


def test_a_file_that_is_no_certificate_is_kept(capsys, tmp_path):
    place = tmp_path / "notes.txt"
    place.write_text("mine")
    done = in_process(capsys, "verify", "x**2", "--field", "x: 0", "--certificate", str(place))
    assert (done.code, place.read_text()) == (2, "mine")


# catalog, study


def test_the_catalogue(capsys):
    done = in_process(capsys, "catalog", "--json")
    losses = done.object["losses"]
    assert len(losses) >= 30
    keys = {"name", "formula", "parameters", "data", "ansatz", "dimension", "algebra"}
    assert all(keys <= set(one) for one in losses)
    assert "rosenbrock" in in_process(capsys, "catalog").out


def test_study_writes_and_prints_the_same_object(capsys, tmp_path):
    out = tmp_path / "deep" / "report"
    done = in_process(capsys, "study", "matrix-factorisation", "--output", str(out), "--json")
    assert done.code == 0
    assert done.object == json.loads((out / "report.json").read_text())
    assert done.object["schema"] == "symport/study/1"
    assert done.object["derive"]["schema"] == "symport/derive/1"
    assert done.object["derive"]["dimension"] == 4
    assert done.object["verify"]["verdict"] == "proved"
    assert done.object["teleport"]["schema"] == "symport/teleport/1"
    assert done.object["teleport"]["relative_drift"] <= 1e-12
    assert done.object["newton"] is None
    assert done.object["discrete"]["schema"] == "symport/discrete/1"
    assert done.object["conserved"]["schema"] == "symport/conserved/1"
    names = {path.name for path in out.iterdir()}
    assert names == {"report.html", "report.json", "certificate.json", "generators.svg", "dimensions.svg"}
    assert {path.name for path in out.parent.iterdir()} == {"report"}


def test_study_keeps_what_else_is_in_its_directory(capsys, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for _ in range(2):
        assert in_process(capsys, "study", "ellipse", "--output", str(tmp_path)).code == 0
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / "report.html").exists()


def test_study_chooses_a_directory(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = in_process(capsys, "study", "x**2 + y**2", "--at", "x=1, y=2")
    assert done.code == 0
    assert (tmp_path / "symport-study-formula" / "report.html").exists()
    assert "symport-study-formula" in done.out


# common options


def test_options_stand_before_or_after_the_verb(capsys):
    before = in_process(capsys, "--json", "--seed", "3", "--quiet", "derive", "x**2")
    after = in_process(capsys, "derive", "x**2", "--json", "--seed", "3", "--quiet")
    assert before.object["dimension"] == after.object["dimension"] == 0


@pytest.mark.parametrize("words", [("--version",), ("derive", "--version")])
def test_the_version(capsys, words):
    assert in_process(capsys, *words).out.strip() == f"symport {symport.__version__}"


@pytest.mark.parametrize("words", [("--help",), *((verb, "--help") for verb in cli.VERBS)])
def test_help(capsys, words):
    done = in_process(capsys, *words)
    assert done.code == 0
    assert "--json" in done.out


def test_large_work_is_announced_unless_quiet(capsys):
    words = ("derive", "sum((Y - U@V)**2)", "--parameters", "U:6x6 V:6x6", "--data", "Y:6x6", "--json")
    assert "5,184 unknown coefficients" in in_process(capsys, *words).err
    assert in_process(capsys, *words, "--quiet").err == ""


def test_numbers_that_json_cannot_hold():
    shown = json.loads(to_json({"nan": float("nan"), "inf": [float("-inf")], "big": 2**53 + 1, "small": -(2**53)}))
    assert shown == {"nan": None, "inf": [None], "big": str(2**53 + 1), "small": -(2**53)}


# bad input

BAD = {
    "no verb": (),
    "an unknown verb": ("derrive", "x**2"),
    "a verb that is not there": ("natural", "adam"),
    "no SPEC": ("derive",),
    "an unknown option": ("derive", "x**2", "--fast"),
    "a seed that is no number": ("derive", "x**2", "--seed", "one"),
    "a negative seed": ("derive", "x**2", "--seed", "-1"),
    "an unknown name": ("derive", "x + z", "--parameters", "x y"),
    "an unknown function": ("derive", "f(x)"),
    "a syntax error": ("derive", "x +* y"),
    "an attribute": ("derive", "x.__class__"),
    "shapes that do not fit": ("derive", "sum(U@V)", "--parameters", "U:3x2 V:3x2"),
    "a loss that is no scalar": ("derive", "U@V", "--parameters", "U:3x2 V:2x3"),
    "a loss without parameters": ("derive", "1 + 1"),
    "no parameters": ("derive", "Y**2", "--parameters", "", "--data", "Y"),
    "a parameter that is data": ("derive", "x**2", "--parameters", "x", "--data", "x"),
    "a parameter that is a constant": ("derive", "x**2", "--parameters", "x", "--constants", "x"),
    "an ansatz too large": ("derive", "sum((Y - U@V)**2)", "--parameters", "U:99x99 V:99x99", "--data", "Y:99x99"),
    "a degree too large": ("derive", "sum(w**2)", "--parameters", "w:50", "--ansatz", "polynomial:9"),
    "an unknown ansatz": ("derive", "x**2", "--ansatz", "cubic"),
    "a loss undefined everywhere": ("derive", "log(-1 - x**2)"),
    "a root of what is negative": ("derive", "sqrt(-1 - x**2)"),
    "values that are not real": ("derive", "x * sqrt(-2)"),
    "a division by zero": ("derive", "1/(x - x)"),
    "a missing file": ("derive", "missing.toml"),
    "a misspelled name": ("derive", "rosenbrok"),
    "a field of unknown names": ("verify", "x**2", "--field", "z: 1"),
    "a field that is no pair": ("verify", "x**2", "--field", "y"),
    "a field and an action": ("verify", "x**2", "--field", "x: 0", "--action", "x: x"),
    "a field without a loss": ("verify", "--field", "x: 0"),
    "nothing to verify": ("verify",),
    "a missing certificate": ("verify", "--certificate", "missing.json"),
    "a proof for Coq of what is false": ("verify", "x**2", "--field", "x: x", "--coq", "proof.v"),
    "a proof for Coq in no file of Coq": ("verify", "x**2", "--field", "x: 0", "--coq", "proof.txt"),
    "a point of unknown names": ("study", "x**2", "--at", "z=1"),
    "an empty SPEC": ("derive", ""),
}


@pytest.mark.parametrize("words", BAD.values(), ids=BAD.keys())
def test_bad_input(capsys, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    for extra in ((), ("--json",)):
        done = in_process(capsys, *words, *(("--output", "out") if words else ()), *extra)
        assert (done.code, done.out) == (2, "")
        first, why, cure = done.err.rstrip("\n").split("\n")[-3:]
        assert first.startswith("symport: ")
        assert why.startswith("  why: ")
        assert cure.startswith("  try: ")
        assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []


FILES = {
    "no TOML": "loss = ",
    "no loss": 'name = "x"\n[parameters]\nx = []\n',
    "a key of no loss": 'loss = "x**2"\nlos = "y"\n',
    "a name twice": 'loss = "x**2"\n[parameters]\nx = []\n[data]\nx = []\n',
    "values of another shape": 'loss = "sum((Y - U)**2)"\n[parameters]\nU = [2]\n[data]\nY = [[1.0, 2.0, 3.0]]\n',
    "ragged values": 'loss = "sum(Y)*x"\n[parameters]\nx = []\n[data]\nY = [[1.0, 2.0], [3.0]]\n',
    "a point of another shape": 'loss = "x**2"\n[at]\nx = [1, 2]\n',
    "data that has values and moves": 'loss = "x - y"\n[parameters]\nx = []\n[data]\ny = {values = 1, moves = true}',
    "an unknown ansatz": 'loss = "x**2"\nansatz = "cubic"\n',
    "an infinite value": 'loss = "x*y"\n[parameters]\nx = []\n[data]\ny = {values = inf}\n',
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES.keys())
def test_bad_files(capsys, tmp_path, text):
    (tmp_path / "bad.toml").write_text(text)
    done = in_process(capsys, "study", str(tmp_path / "bad.toml"), "--output", str(tmp_path / "out"))
    assert (done.code, done.out) == (2, "")
    assert "bad.toml" in done.err
    assert "  why: " in done.err
    assert "  try: " in done.err
    assert not (tmp_path / "out").exists()


def test_an_ansatz_too_large_is_refused_before_the_work(capsys):
    started = time.perf_counter()
    done = in_process(capsys, *BAD["an ansatz too large"])
    assert time.perf_counter() - started < 5
    assert f"{(2 * 99 * 99) ** 2:,} unknown coefficients" in done.err
    assert "GB" in done.err


@pytest.mark.parametrize("where", ["file", "file/inside", "\0", ""])
def test_an_output_that_is_no_directory(capsys, tmp_path, where):
    (tmp_path / "file").write_text("mine")
    place = str(tmp_path / where) if where.startswith("file") else where
    done = in_process(capsys, "study", "ellipse", "--output", place)
    assert (done.code, done.out) == (2, "")
    assert (tmp_path / "file").read_text() == "mine"


def test_an_error_of_symport_itself_is_no_verdict(capsys, monkeypatch):
    monkeypatch.setattr("symport.verbs.derive.derive_payload", lambda algebra: 1 / 0)
    done = in_process(capsys, "derive", "x**2")
    assert (done.code, done.out) == (70, "")
    assert "report" in done.err


# as a program


def test_derive_answers_within_a_second_and_a_half(tmp_path):
    as_program("--version", cwd=tmp_path)
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        assert as_program("derive", "x**2 + 9*y**2", "--json", cwd=tmp_path).object["dimension"] == 1
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 1.5


def test_nothing_heavy_is_imported_for_an_answer():
    code = "import sys; from symport.cli import main; main(['derive', 'x**2 + 9*y**2', *sys.argv[1:]]); "
    code += "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    for words in ((), ("--json",)):
        done = subprocess.run(
            [sys.executable, "-c", code, *words], env=environment(), capture_output=True, text=True, check=True
        )
        assert not set(done.stderr.split()) & {
            "sympy",
            "scipy",
            "matplotlib",
            "rich",
            "networkx",
            "geomstats",
            "mpmath",
        }


def test_exit_codes_of_the_program(tmp_path):
    assert as_program("verify", "x**2", "--field", "x: 1", cwd=tmp_path).code == 1
    assert as_program("derive", "x +", cwd=tmp_path).code == 2


@pytest.mark.skipif(os.name != "posix", reason="needs the pipes of POSIX")
@pytest.mark.parametrize("words", [("catalog", "--json"), ("derive", "x**2")])
def test_a_closed_pipe_is_no_error(tmp_path, words):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = subprocess.run(
            [*PROGRAM, *words],
            cwd=tmp_path,
            env=environment(),
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="needs a terminal of POSIX")
def test_a_terminal_gets_colours(tmp_path):
    primary, secondary = pty.openpty()
    env = {**environment(), "TERM": "xterm-256color"}
    env.pop("NO_COLOR", None)
    subprocess.run([*PROGRAM, "derive", "x**2 + y**2"], cwd=tmp_path, env=env, stdout=secondary, check=True)
    os.close(secondary)
    shown = os.read(primary, 100_000).decode()
    os.close(primary)
    assert "\x1b[32mproved" in shown


@pytest.mark.skipif(os.name != "posix", reason="needs a terminal of POSIX")
def test_a_terminal_sees_long_work_go_on(tmp_path):
    primary, secondary = pty.openpty()
    words = ["sum((Y - U@V)**2)", "--parameters", "U:12x12 V:12x12", "--data", "Y:12x12", "--json"]
    with subprocess.Popen(
        [*PROGRAM, "derive", *words],
        cwd=tmp_path,
        env={**environment(), "TERM": "xterm-256color"},
        stdout=subprocess.PIPE,
        stderr=secondary,
        text=True,
    ) as process:
        os.close(secondary)
        out, _ = process.communicate(timeout=120)
    assert json.loads(out)["dimension"] == 144
    shown = os.read(primary, 100_000).decode(errors="replace")
    os.close(primary)
    assert "82,944 unknown coefficients" in shown
    assert "determining equations" in shown


@pytest.mark.skipif(os.name != "posix", reason="needs the signals of POSIX")
def test_an_interruption_leaves_nothing(tmp_path):
    words = ["study", "sum((Y - U@V)**2)", "--parameters", "U:16x16 V:16x16", "--data", "Y:16x16", "--output", "out"]
    with subprocess.Popen(
        [*PROGRAM, *words], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr.readline().endswith("unknown coefficients (linear fields)\n")
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "interrupted" in err
    assert "Traceback" not in err
    assert list(Path(tmp_path).iterdir()) == []


def test_letters_that_the_stream_cannot_hold(tmp_path):
    env = {**environment(), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*PROGRAM, "derive", "theta**2 + x**2"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "\\u03b8" in done.stdout
