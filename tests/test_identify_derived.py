"""Names of derived algebras: the table of losses, the catalogue, constants, what is not closed."""

from __future__ import annotations

import re
import time

import pytest
from public_losses import RECORDS, public_algebra

from symmetries import Diagonal, Loss, Polynomial, SymmetryAlgebra, derive
from symmetries.catalog import catalog
from symmetries.structure.algebra_identity import AlgebraIdentity

NAME = re.compile(r"[sg]l\(\d+,R\)|sp\(\d+,R\)|s?o\(\d+(,\d+)?\)|u\(\d+\)|aff\(1\)|R\^\d+|R\b|0")


def expected(record: dict[str, object]) -> list[str] | None:
    """The names that the table gives: of the essential algebra where there are null directions."""
    text = str(record["expected_type"])
    if record["expected_null_directions"]:
        return None
    text = text.removeprefix("abelian ").partition(" (")[0].partition(",coefficients")[0]
    if "nonlinear generator" in text:
        return ["so(2)"]
    text = text.partition(", coefficients")[0].replace("+", " + ")
    return [one.strip() for one in text.split("=")]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["name"])
def test_the_table_of_losses_agrees(record: dict[str, object]) -> None:
    algebra = public_algebra(str(record["name"]))
    names = expected(record)
    if names is None:
        assert algebra.essential.dimension == record["expected_essential_dim"]
        assert algebra.essential.name is not None
        assert algebra.essential.dimension != 0 or algebra.essential.name == "0"
        return
    own = {algebra.name, *algebra.synonyms}
    wanted = {"R^1" if one == "R" else one for one in names}
    assert own & wanted, (algebra.name, names)


@pytest.mark.parametrize("entry", catalog(), ids=lambda entry: entry.name)
def test_the_catalogue_agrees(entry: object) -> None:
    algebra = derive(entry.loss)  # type: ignore[attr-defined]
    if entry.algebra is not None:  # type: ignore[attr-defined]
        assert algebra.name == entry.algebra  # type: ignore[attr-defined]
    assert algebra.is_closed or algebra.name is None


@pytest.mark.parametrize(
    ("formula", "name"),
    [
        ("(x/a)**2 + (y/b)**2", "so(2)"),
        ("x**2 + sqrt(2)*y**2", "so(2)"),
        ("x**2 - sqrt(2)*y**2", "R^1"),
        ("x**2 + a*y**2", "R^1"),  # a rotation or a boost, by the sign of a
        ("a**2*x**2 + b**2*y**2 + z**2", "so(3)"),
        ("a**2*x**2 + b**2*y**2 - z**2", "so(2,1)"),
    ],
)
def test_constants(formula: str, name: str) -> None:
    constants = [one for one in "ab" if one in formula]
    parameters = [one for one in "xyz" if one in formula]
    found = derive(Loss.parse(formula, parameters, constants=constants)).identity
    assert found.name == name
    assert found.assumptions == ((f"{', '.join(constants)} not zero",) if constants else ())


def test_a_type_that_depends_on_the_constants_has_no_name() -> None:
    algebra = derive(Loss.parse("x**2 + a*y**2 + b*z**2", ["x", "y", "z"], constants=["a", "b"]))
    assert algebra.dimension == 3
    assert algebra.name is None
    assert "constants" in algebra.identity.reason


def test_other_families_of_fields() -> None:
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (2, 2), "V": (2, 2)}, data={"Y": (2, 2)})
    assert derive(loss, ansatz=Diagonal()).name == "R^2"
    bent = derive(Loss.parse("(1 - x)**2 + 100*(y - x**2)**2"), ansatz=Polynomial(4))
    assert bent.name is None
    assert not bent.is_closed
    assert bent.levi is None
    assert bent.killing_signature is None
    assert "brackets" in bent.identity.reason
    assert [str(field) for field in bent.module_generators] == [str(bent.generators[0])]


def test_generators_of_lowest_degree() -> None:
    algebra = derive(Loss.parse("x**2 + y**2 + z**2"), ansatz=Polynomial(2))
    assert algebra.dimension == 11  # three rotations times 1, x, y, z, and one relation
    assert len(algebra.module_generators) == 3


def test_naming_is_done_once_and_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[SymmetryAlgebra] = []

    def count(algebra: SymmetryAlgebra) -> AlgebraIdentity:
        calls.append(algebra)
        return AlgebraIdentity(dimension=algebra.dimension, name="x")

    monkeypatch.setattr("symmetries.structure.identify_derived.identify_derived", count)
    algebra = derive(Loss.parse("x**2 + y**2"))
    assert calls == []
    assert (algebra.name, algebra.name, algebra.synonyms) == ("x", "x", ())
    assert len(calls) == 1


def test_dimension_64_takes_seconds() -> None:
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (8, 8), "V": (8, 8)}, data={"Y": (8, 8)})
    algebra = derive(loss)
    start = time.perf_counter()
    assert algebra.name == "gl(8,R)"
    assert time.perf_counter() - start < 8


def test_an_algebra_of_many_dimensions_is_named_by_its_blocks_alone() -> None:
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (13, 13), "V": (13, 13)}, data={"Y": (13, 13)})
    found = derive(loss).identity
    assert (found.dimension, found.name, found.killing_signature) == (169, "gl(13,R)", (90, 78, 1))
