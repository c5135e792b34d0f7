"""What importing a floor does not import."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def heavy_modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split()) & {"matplotlib", "geomstats", "torch", "pandas", "sklearn", "dask", "IPython"}


@pytest.mark.parametrize("floor", ["manifolds", "symmetries", "solvers", "symport"])
def test_importing_a_floor_imports_nothing_heavy(floor):
    assert heavy_modules_after(f"import {floor}") == set()


def test_the_command_line_starts_without_anything_heavy():
    assert heavy_modules_after("import symport.cli") == set()
