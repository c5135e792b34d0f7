"""geomstats behind its adapter: it imports on every NumPy, leaves no trace, and refuses a foreign backend."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from manifolds import InputError, load_geomstats

ROOT = Path(__file__).resolve().parent.parent
HAD_TRAPZ = hasattr(np, "trapz")


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in a fresh interpreter in which every warning is an error."""
    clean = {name: value for name, value in os.environ.items() if name != "GEOMSTATS_BACKEND"}
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(
        command, cwd=ROOT, env=clean | environment, capture_output=True, text=True, check=False, timeout=120
    )


def output(code: str, **environment: str) -> str:
    done = run(code, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_imports_in_a_fresh_interpreter_without_a_warning():
    assert output("import manifolds; print(manifolds.load_geomstats().__version__)").startswith("2.")


def test_the_lent_name_is_taken_back():
    code = """
import numpy, manifolds
had = hasattr(numpy, "trapz")
manifolds.load_geomstats()
print(had == hasattr(numpy, "trapz"))
"""
    assert output(code) == "True"


def test_the_lent_name_is_taken_back_when_the_import_fails():
    load_geomstats()
    with pytest.raises(InputError):
        load_geomstats("geometry.no_such_room")
    assert hasattr(np, "trapz") == HAD_TRAPZ


def test_an_own_trapz_is_left_alone():
    code = """
import numpy, manifolds
numpy.trapz = own = lambda *arguments: None
manifolds.load_geomstats()
print(numpy.trapz is own)
"""
    assert output(code) == "True"


def test_every_module_that_the_engine_may_need_imports():
    rooms = ["special_orthogonal", "general_linear", "special_euclidean", "stiefel", "grassmannian", "spd_matrices"]
    code = f"import manifolds\nfor room in {rooms}: manifolds.load_geomstats('geometry.' + room)\nprint('all')"
    assert output(code) == "all"


def test_it_computes_with_float64():
    group = load_geomstats("geometry.special_orthogonal").SpecialOrthogonal(3)
    turn = np.array([[0.0, -0.3, 0.0], [0.3, 0.0, 0.0], [0.0, 0.0, 0.0]])
    rotation = group.exp(turn)
    expected = np.array([[np.cos(0.3), -np.sin(0.3), 0], [np.sin(0.3), np.cos(0.3), 0], [0, 0, 1]])
    assert rotation.dtype == np.float64
    np.testing.assert_allclose(rotation, expected, atol=1e-14)


def test_importing_the_package_does_not_import_geomstats():
    heavy = ["geomstats", "scipy", "numpy", "pandas"]
    code = f"import sys, manifolds; print([name for name in {heavy} if name in sys.modules])"
    assert output(code) == "[]"


def test_an_unlent_import_that_failed_before_does_no_harm():
    code = """
import warnings, manifolds
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    try:
        import geomstats
    except ImportError:
        print("failed before")
print(manifolds.load_geomstats("geometry.stiefel").Stiefel(3, 2).dim)
"""
    assert output(code).splitlines()[-1] == "3"


def test_threads_may_ask_at_once():
    code = """
import threading, numpy, manifolds
had, found = hasattr(numpy, "trapz"), []
threads = [threading.Thread(target=lambda: found.append(manifolds.load_geomstats())) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(found), len(set(map(id, found))), had == hasattr(numpy, "trapz"))
"""
    assert output(code) == "8 1 True"


@pytest.mark.parametrize("backend", ["pytorch", "autograd", "jax", "Numpy", ""])
def test_a_foreign_backend_in_the_environment_is_refused_in_three_parts(monkeypatch, backend):
    monkeypatch.setenv("GEOMSTATS_BACKEND", backend)
    with pytest.raises(InputError) as caught:
        load_geomstats()
    assert repr(backend) in caught.value.what
    assert "environment variable GEOMSTATS_BACKEND" in caught.value.why
    assert "unset GEOMSTATS_BACKEND" in caught.value.cure


def test_a_foreign_backend_is_refused_before_anything_is_imported():
    code = """
import sys, manifolds
try:
    manifolds.load_geomstats()
except manifolds.InputError:
    print("geomstats" in sys.modules)
"""
    assert output(code, GEOMSTATS_BACKEND="pytorch") == "False"


def test_the_numpy_backend_may_be_named_in_the_environment(monkeypatch):
    monkeypatch.setenv("GEOMSTATS_BACKEND", "numpy")
    assert load_geomstats().__name__ == "geomstats"


def test_a_foreign_backend_that_is_already_loaded_is_refused(monkeypatch):
    backend = load_geomstats("_backend")
    monkeypatch.setattr(backend, "BACKEND_NAME", "pytorch")
    with pytest.raises(InputError, match="an earlier import of geomstats"):
        load_geomstats()


def test_a_misspelt_submodule_is_refused():
    with pytest.raises(InputError, match=r"geomstats\.geometry\.stiefle cannot be imported") as caught:
        load_geomstats("geometry.stiefle")
    assert caught.value.cure == "check the spelling"


def test_an_absent_geomstats_is_refused_with_the_command_that_installs_it():
    code = """
import sys, manifolds
sys.modules["geomstats"] = None
try:
    manifolds.load_geomstats()
except manifolds.InputError as error:
    print(error)
"""
    assert "pip install" in output(code)
