"""The public names of `manifolds`: each is loaded when it is first asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

import manifolds

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("name", manifolds.__all__)
def test_every_public_name_is_there(name):
    value = getattr(manifolds, name)
    assert value.__name__ == name
    assert value.__doc__


def test_they_are_listed_before_they_are_loaded():
    code = "import sys, manifolds; print(set(manifolds.__all__) <= set(dir(manifolds)), 'numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["True", "False"]


def test_star_import():
    namespace = {}
    exec("from manifolds import *", namespace)  # noqa: S102
    assert set(manifolds.__all__) <= set(namespace)


def test_groups_load_neither_scipy_nor_geomstats():
    code = """
import sys, manifolds
group = manifolds.SpecialOrthogonal(3)
group.exp(group.random_algebra(0, shape=3))
print([name for name in ("geomstats", "scipy.linalg") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'SpinGroup'"):
        manifolds.SpinGroup  # noqa: B018
