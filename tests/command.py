"""Running the command line from tests: in this process, and as a program."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symport.cli import main

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = [sys.executable, "-m", "symport"]


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def object(self) -> dict[str, Any]:
        return json.loads(self.out)


def in_process(capsys: Any, *words: str) -> Done:
    """Run in this process."""
    capsys.readouterr()
    code = main(list(words))
    done = capsys.readouterr()
    return Done(code, done.out, done.err)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}


def as_program(*words: str, cwd: Path, **options: Any) -> Done:
    """Run as a program of its own."""
    done = subprocess.run(
        [*PROGRAM, *words],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **options,
    )
    return Done(done.returncode, done.stdout, done.stderr)
