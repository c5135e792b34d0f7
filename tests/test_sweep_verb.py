"""The verb `sweep`: files, its object, exit codes, interruptions, and its picture."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from command import PROGRAM, as_program, environment, in_process

from manifolds.errors import InputError
from symport.sweep import sweep
from symport.sweep_plots import plot_sweep
from symport.sweeps.reading import read_declaration

FILE = """
experiment = "minimize"
name = "rates"
[parameters]
spec = "rosenbrock"
at = "x=-1, y=-1"
steps = 20
[grid]
rule = ["adam", "adagrad"]
learning_rate = [0.01, 0.1]
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "rates.toml"
    path.write_text(FILE)
    return str(path)


def test_one_object(file, capsys):
    done = in_process(capsys, "sweep", file, "--executor", "serial", "--json", "--quiet")
    found = done.object
    assert (done.code, done.err) == (0, "")
    assert (found["schema"], found["experiment"], found["name"]) == ("symport/sweep/1", "minimize", "rates")
    assert found["seconds"] > 0
    assert (found["tasks"], found["resumed"], len(found["records"]), found["failed"]) == (4, 0, 4, [])
    first = found["records"][0]
    assert first["parameters"]["rule"] == "adam"
    alone = in_process(
        capsys,
        "minimize",
        "rosenbrock",
        "--at=x=-1, y=-1",
        "--steps=20",
        "--rule=adam",
        "--learning-rate=0.01",
        "--json",
    ).object
    assert (first["result"]["value"], first["result"]["status"]) == (alone["value"], alone["status"])
    assert Path("symport-sweep-rates/sweep.png").stat().st_size > 5000
    kept = json.loads(Path("symport-sweep-rates/sweep.json").read_text())
    assert kept["records"] == found["records"]
    again = in_process(capsys, "sweep", file, "--executor", "process", "--workers", "1", "--json", "--quiet").object
    assert (again["resumed"], again["records"]) == (4, found["records"])


def test_the_table(file, capsys):
    out = in_process(capsys, "sweep", file, "--executor", "serial", "--output", "there", "--plot", "rates.svg").out
    assert "4 of 4 tasks finished, 0 of them in an earlier run, 0 failed" in out
    assert "rule     learning_rate  value" in out
    assert Path("there/sweep.json").exists()
    assert Path("rates.svg").exists()


def test_failed_tasks_are_undecided(file, capsys):
    Path(file).write_text(FILE.replace('"rosenbrock"', '"x**2 + y**2"').replace('"x=-1, y=-1"', '"x=1"'))
    done = in_process(capsys, "sweep", file, "--executor", "serial", "--json", "--quiet")
    assert (done.code, done.object["records"], len(done.object["failed"])) == (3, [], 4)
    failure = done.object["failed"][0]
    assert failure["kind"] == "input"
    assert failure["error"].count("\n") == 2
    assert "failed" in in_process(capsys, "sweep", file, "--executor", "serial", "--quiet").out


def test_a_loss_file_that_changes_is_run_again(file, capsys):
    Path("bowl.toml").write_text('loss = "x**2"\n[parameters]\nx = []\n[at]\nx = 1\n')
    Path(file).write_text('experiment = "minimize"\n[parameters]\nspec = "bowl.toml"\n[grid]\nsteps = [3, 4]\n')
    words = ("sweep", file, "--executor", "serial", "--json", "--quiet")
    first = in_process(capsys, *words).object
    assert in_process(capsys, *words).object["resumed"] == 2
    Path("bowl.toml").write_text('loss = "x**4"\n[parameters]\nx = []\n[at]\nx = 1\n')
    second = in_process(capsys, *words).object
    assert second["resumed"] == 0
    assert second["records"][0]["seed"] == first["records"][0]["seed"]


def test_a_run_that_is_killed_goes_on(file):
    """Kill the whole run after its first record: the same command keeps that record, byte by byte."""
    Path(file).write_text(FILE.replace("steps = 20", "steps = 8000"))
    folder = Path("symport-sweep-rates/records")
    words = ["sweep", file, "--executor", "process", "--workers", "1", "--quiet"]
    process = subprocess.Popen([*PROGRAM, *words], env=environment())
    while not (folder.exists() and list(folder.glob("[!.]*.json"))):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {path: path.read_bytes() for path in folder.glob("[!.]*.json")}
    assert 1 <= len(kept) < 4
    Path(file).write_text(Path(file).read_text() + "\n# the same\n")
    done = as_program("sweep", file, "--executor", "serial", "--json", "--quiet", cwd=Path.cwd())
    assert (done.code, done.object["resumed"], len(done.object["records"])) == (0, len(kept), 4)
    assert all(path.read_bytes() == content for path, content in kept.items())


def test_no_process_outlives_a_run_that_is_killed(file, tmp_path):
    Path(file).write_text(FILE.replace("steps = 20", "steps = 100000000"))
    process = subprocess.Popen([*PROGRAM, "sweep", file, "--workers", "1", "--quiet"], env=environment())
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        pytest.skip("this system does not list children")
    pids: list[str] = []
    while len(pids) < 2:  # the resource tracker and the worker
        time.sleep(0.05)
        pids = children.read_text().split()
    time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_interruption_keeps_the_records(file):
    Path(file).write_text(FILE.replace("steps = 20", "steps = 8000"))
    folder = Path("symport-sweep-rates/records")
    process = subprocess.Popen(
        [*PROGRAM, "sweep", file, "--workers", "1"], env=environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    while not (folder.exists() and list(folder.glob("[!.]*.json"))):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert b"are kept in symport-sweep-rates" in err
    assert not os.path.exists("symport-sweep-rates/sweep.json")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "names no experiment"),
        ("experiment = 3", "its experiment is 3"),
        ("experiment = ", "no TOML"),
        ('experiment = "os:system"', "registered under this name"),
        ('experiment = "study"\n[parameters]\nspec = "rosenbrock"', "registered under this name"),
        ('experiment = "minimize"', "no loss is named"),
        ('experiment = "minimize"\n[grid]\nspec = []', "nothing to run"),
        ('experiment = "minimize"\ngrid = 3', "no table"),
        ('experiment = "minimize"\ncommand = "x"', "no sweep has such a key"),
        ('experiment = "minimize"\nrepeats = 1.5', "no number of runs"),
        ('experiment = "minimize"\nretries = "x"', "no number of further attempts"),
        ('experiment = "minimize"\ntimeout = nan', "no number of seconds"),
        ('experiment = "minimize"\nname = 1', "it is no text"),
        ('experiment = "minimize"\nshow = "value"', "no list of names"),
        ('experiment = "minimize"\n[parameters]\nspec = "rosenbrock"\nspeed = 1', "symport minimize --help"),
        ('experiment = "minimize"\n[parameters]\nspec = "rosenbrock"\n[grid]\nsteps = [1, "x"]', "invalid int value"),
        ('experiment = "minimize"\n[parameters]\nspec = "rosenbrock"\nplot = "x.png"', "writes files"),
        ('experiment = "verify"\n[parameters]\nspec = "rosenbrock"\ncoq = "x.v"', "writes files"),
        ('experiment = "minimize"\n[parameters]\nspec = "rosenbrock"\nat = 2026-01-01', "finite number"),
        ('experiment = "minimize"\n[parameters]\nspec = "rosenbrock"\nat = [1]', "an option of a verb"),
        ('experiment = "minimize"\n[parameters]\nspec = "rosenbrock"\n"--output" = "x"', "names of parameters"),
        ('experiment = "minimize"\n[parameters]\nspec = "rosenbrock"\nseed = -1', "no seed"),
    ],
)
def test_bad_files(file, capsys, text, word):
    Path(file).write_text(text)
    done = in_process(capsys, "sweep", file, "--executor", "serial")
    assert (done.code, done.out) == (2, "")
    assert word in done.err
    assert "\n  why: " in done.err
    assert "\n  try: " in done.err
    assert os.listdir(".") == ["rates.toml"]


def test_a_file_that_is_too_large_and_one_that_is_missing(file, capsys):
    Path(file).write_text("#" * (1 << 20) + FILE)
    assert "too large" in in_process(capsys, "sweep", file).err
    Path(file).write_bytes(b"\xff\xfe")
    assert "no text" in in_process(capsys, "sweep", file).err
    done = in_process(capsys, "sweep", "nowhere.toml")
    assert (done.code, "No such file" in done.err) == (2, True)
    grid = ", ".join(map(str, range(400)))
    Path(file).write_text(f'experiment = "minimize"\n[grid]\nsteps = [{grid}]\nlearning_rate = [{grid}]')
    assert "the limit is 100,000" in in_process(capsys, "sweep", file).err


def test_a_declaration_says_what_the_file_says():
    found = read_declaration('retries = 3\ntimeout = 2\nshow = ["value"]\n' + FILE)
    assert (found.retries, found.timeout, found.show, found.plan.size) == (3, 2.0, ("value",), 4)


def test_the_picture():
    import matplotlib.pyplot as plt

    found = sweep(quadratic, {"a": [1, 10, 100], "kind": ["x", "y"]}, repeats=2)
    ax = plot_sweep(found)
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_xscale()) == ("a", "value", "log")
    lines = ax.get_lines()
    assert len(lines) == 2
    means = {line.get_label(): list(line.get_ydata()) for line in lines}
    values = {a: [one.result["value"] for one in found.records if one.task.parameters == {"a": a, "kind": "x"}]
              for a in (1, 10, 100)}  # fmt: skip
    expected = [sum(pair) / 2 for pair in values.values()]
    assert means["kind=x"] == pytest.approx(expected, rel=1e-15)
    ax = plot_sweep(found, against="kind")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["x", "y"]
    plt.close("all")
    with pytest.raises(InputError, match="no record holds"):
        plot_sweep(found, value="other")
    with pytest.raises(InputError, match="not on the grid"):
        plot_sweep(found, against="other")


def quadratic(a, kind, rng):
    return {"kind": kind, "value": a * a + rng % 7}
