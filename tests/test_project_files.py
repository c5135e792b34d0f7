"""The files around the code agree with each other."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_citation_names_the_version_and_the_licence():
    assert re.search(rf"^version: {re.escape(PROJECT['version'])}$", read("CITATION.cff"), flags=re.MULTILINE)
    assert re.search(rf"^license: {PROJECT['license']}$", read("CITATION.cff"), flags=re.MULTILINE)


def test_the_changelog_has_a_place_for_what_is_next():
    assert "## [Unreleased]" in read("CHANGELOG.md")


def test_pytorch_is_pinned_alike_everywhere():
    (pinned,) = PROJECT["optional-dependencies"]["torch"]
    assert f"TORCH       := {pinned}\n" in read("Makefile")
    assert pinned in read("docs/installation.md")


def test_the_wrong_scipy_is_excluded():
    assert any(re.match(r"scipy\b.*!=1\.18\.0", requirement) for requirement in PROJECT["dependencies"])


def test_ci_runs_the_tests_and_the_linters():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert {"make test", "make lint", "make docs"} <= set(re.findall(r"make [a-z-]+", read(".ci/run")))


def test_every_target_is_phony_and_explained():
    makefile = read("Makefile")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)
    assert set(re.findall(r"^([a-z-]+):.* ## ", makefile, flags=re.MULTILINE)) == set(phony.split())


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("python", ["no-such-python", "false"])
def test_a_machine_without_python_is_told_so(python, tmp_path):
    done = subprocess.run(
        ["make", "setup", f"VENV={tmp_path / 'venv'}", f"PYTHON={python}"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert "needs Python 3.11+" in done.stderr
    assert not (tmp_path / "venv").exists()
