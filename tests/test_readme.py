"""The README does what it says: its Python runs as a doctest, its commands end with exit code 0."""

import doctest
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).resolve().parent.parent / "README.md"
RUN = "import sys; from symport.cli import main; sys.exit(main())"


def blocks(language: str) -> list[str]:
    """The fenced blocks of the README in `language`."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )


def commands() -> list[str]:
    lines = "".join(blocks("console")).splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ symport ")]


def test_the_readme_has_a_quick_start():
    assert len(blocks("python")) >= 3
    assert len(commands()) >= 3


@pytest.mark.parametrize("language", ["python", "pycon"])
def test_the_python_of_the_readme_runs(language):
    if language == "pycon":  # the examples that need PyTorch
        pytest.importorskip("torch")
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    test = doctest.DocTestParser().get_doctest("\n".join(blocks(language)), {}, README.name, str(README), 0)
    report: list[str] = []
    outcome = doctest.DocTestRunner(optionflags=flags).run(test, out=report.append)
    assert outcome.attempted > 0
    assert outcome.failed == 0, "".join(report)


@pytest.mark.parametrize("command", commands())
def test_the_commands_of_the_readme_run(command, tmp_path):
    arguments = shlex.split(command)[1:]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_targets_that_the_readme_names_exist():
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)(?:$|`)", README.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert {"demo", "test", "docs"} <= named
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in named)
