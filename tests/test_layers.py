"""Imports go down only: manifolds < symmetries < solvers < symport, no cycles, geomstats in one file."""

from pathlib import Path

import networkx as nx
import pytest
from layers import ADAPTER, FLOORS, House

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def house() -> House:
    return House.read(ROOT)


def build(root: Path, **files: str) -> House:
    """A house of four empty packages plus `files`, whose names have `__` for the slash."""
    for floor in FLOORS:
        (root / floor).mkdir()
        (root / floor / "__init__.py").write_text("")
    for name, source in files.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    return House.read(root)


def test_no_floor_imports_a_higher_one(house):
    assert house.upward_imports() == []


def test_no_modules_import_each_other_in_a_circle(house):
    assert house.cycles() == []
    assert nx.is_directed_acyclic_graph(house.graph)


def test_only_the_adapter_imports_geomstats(house):
    assert set(house.importers_of("geomstats")) <= {ADAPTER}


def test_the_graph_is_not_empty(house):
    assert {"manifolds", "manifolds.errors", "manifolds._geomstats", "solvers"} <= set(house.graph)
    assert ("manifolds", "manifolds.errors") in house.graph.edges


def test_pytorch_is_imported_by_its_front_alone(house):
    assert all(module.startswith("solvers.pytorch") for module in house.importers_of("torch"))


@pytest.mark.parametrize(
    "source",
    [
        "import solvers",
        "import solvers.rules as r",
        "from solvers import rules",
        "from solvers.rules import Adam",
        "def late():\n    from solvers.rules import Adam",
        "import importlib\nimportlib.import_module('solvers.rules')",
        "__import__('solvers')",
    ],
)
def test_an_upward_import_is_detected(tmp_path, source):
    house = build(tmp_path, symmetries__loss=source, solvers__rules="Adam = 1")
    assert [low for low, _ in house.upward_imports()] == ["symmetries.loss"]


def test_a_downward_import_is_allowed(tmp_path):
    house = build(tmp_path, solvers__rules="from symmetries.loss import Loss", symmetries__loss="Loss = 1")
    assert house.upward_imports() == []
    assert ("solvers.rules", "symmetries.loss") in house.graph.edges


def test_an_import_for_the_type_checker_is_no_breach(tmp_path):
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from solvers.rules import Adam\n"
    assert build(tmp_path, symmetries__loss=source, solvers__rules="Adam = 1").upward_imports() == []


def test_the_other_branch_of_a_type_checking_test_still_counts(tmp_path):
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\nelse:\n    import solvers\n"
    assert build(tmp_path, symmetries__loss=source).upward_imports() == [("symmetries.loss", "solvers")]


@pytest.mark.parametrize("second", ["import symmetries.loss", "def late():\n    from .loss import Loss"])
def test_a_cycle_is_detected(tmp_path, second):
    house = build(tmp_path, symmetries__loss="from symmetries.fields import X", symmetries__fields=second)
    assert house.cycles() == [["symmetries.fields", "symmetries.loss"]]


@pytest.mark.parametrize(
    "source",
    [
        "import geomstats",
        "import geomstats.backend as gs",
        "from geomstats.geometry import stiefel",
        "import importlib\nimportlib.import_module('geomstats.backend')",
        "import importlib\nname = 'x'\nimportlib.import_module(f'geomstats.{name}')",
    ],
)
def test_a_foreign_import_of_geomstats_is_detected(tmp_path, source):
    assert build(tmp_path, manifolds__groups=source).importers_of("geomstats") == ["manifolds.groups"]
