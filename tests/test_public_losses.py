"""Losses with known answers: dimensions, null directions, proofs, independence, and that the seed does not matter."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from oracle import nullity, residual
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from symmetries import Loss, SymmetryAlgebra, VectorField, derive
from symmetries.algebra import components
from symmetries.ansatz import read_ansatz

TABLE: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "losses_public.json").read_text())

FLOATS_ARE_SLOW = {"relu_462"}
"""Its 1,764 unknowns take longer than all other losses together."""

every_loss = pytest.mark.parametrize("case", TABLE, ids=lambda case: case["name"])


def read(case: dict[str, Any]) -> Loss:
    return Loss.parse(case["expr"], case["params"], data=case["data"], constants=case["constants"])


def derived(case: dict[str, Any], seed: int = 0) -> SymmetryAlgebra:
    return derive(read(case), ansatz=read_ansatz(case["ansatz"]), rng=seed)


def rank(fields: Sequence[VectorField]) -> int:
    """Rank of polynomial fields over the rationals, by SymPy."""
    rows = [components(field) for field in fields]
    places = {key: k for k, key in enumerate(sorted({key for row in rows for key in row}))}
    entries = {
        i: {places[key]: QQ(value.numerator, value.denominator) for key, value in row.items()}
        for i, row in enumerate(rows)
    }
    return DomainMatrix(entries, (len(rows), len(places)), QQ).rank() if rows else 0


@pytest.fixture(scope="module")
def algebras() -> dict[str, SymmetryAlgebra]:
    return {case["name"]: derived(case) for case in TABLE}


@every_loss
def test_the_dimensions_are_exact(case: dict[str, Any], algebras: dict[str, SymmetryAlgebra]) -> None:
    algebra = algebras[case["name"]]
    assert algebra.dimension == case["expected_dim"]
    assert algebra.null_directions == case["expected_null_directions"]
    assert algebra.essential.dimension == case["expected_essential_dim"]
    assert algebra.completeness.verdict == "proved"


@every_loss
def test_the_generators_are_proved_and_independent(case: dict[str, Any], algebras: dict[str, SymmetryAlgebra]) -> None:
    algebra = algebras[case["name"]]
    assert len(algebra.generator_claims) == algebra.dimension
    assert all(claim.verdict == "proved" for claim in algebra.generator_claims)
    assert rank(algebra.generators) == algebra.dimension


@every_loss
def test_the_generators_have_derivative_zero_by_numbers(
    case: dict[str, Any], algebras: dict[str, SymmetryAlgebra]
) -> None:
    for field in algebras[case["name"]].generators:
        assert residual(read(case), field, positive=case["positive_domain"]) < 1e-12


@every_loss
def test_another_seed_gives_the_same_space(case: dict[str, Any], algebras: dict[str, SymmetryAlgebra]) -> None:
    one, other = algebras[case["name"]], derived(case, seed=12345)
    assert other.dimension == one.dimension
    assert rank([*one.generators, *other.generators]) == one.dimension


@pytest.mark.parametrize(
    "case", [case for case in TABLE if case["name"] not in FLOATS_ARE_SLOW], ids=lambda case: case["name"]
)
def test_singular_values_agree(case: dict[str, Any]) -> None:
    assert nullity(read(case), read_ansatz(case["ansatz"]), positive=case["positive_domain"]) == case["expected_dim"]
