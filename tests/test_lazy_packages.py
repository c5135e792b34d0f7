"""Packages import their public names when these are first asked for, and a module does not hide its function."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["symmetries", "solvers", "solvers.naturality"]
LIKE_THEIR_MODULE = {
    "symmetries": ["derive", "identify", "recheck", "verify"],
    "solvers": ["compare", "discover", "minimize", "teleport"],
    "solvers.naturality": ["classify", "lie_algebra", "loss_gauge", "relation", "step_order", "trajectory"],
}


def said(code):
    """What a new process prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.split()


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_listed_and_there(package):
    module = importlib.import_module(package)
    assert set(module.__all__) <= set(dir(module))
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("package", LIKE_THEIR_MODULE)
def test_a_module_does_not_hide_its_function(package):
    """The modules are imported first, by their names."""
    names = LIKE_THEIR_MODULE[package]
    imports = "\n".join(f"import {package}.{name}" for name in names)
    listed = ", ".join(names)
    kinds = said(f"{imports}\nfrom {package} import {listed}\nprint(*(type(one).__name__ for one in ({listed})))")
    assert kinds == ["function"] * len(names)


def test_nothing_else_is_loaded_before_it_is_asked_for():
    assert said("import sys, solvers; print('solvers.minimize' in sys.modules, callable(solvers.minimize))") == [
        "False",
        "True",
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_another_name_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'teleprot'"):
        importlib.import_module(package).teleprot  # noqa: B018
