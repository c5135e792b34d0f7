"""Ansatz families: what they span, their names, their sizes."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
import sympy

from manifolds import InputError
from symmetries import Affine, Ansatz, Basis, Diagonal, Linear, Polynomial, VectorField
from symmetries.ansatz import MAX_UNKNOWNS, check_size, monomial_exponents, read_ansatz

FAMILIES = [Linear(), Affine(), Diagonal(), Polynomial(0), Polynomial(1), Polynomial(2), Polynomial(4)]


@pytest.mark.parametrize("ansatz", FAMILIES, ids=lambda ansatz: ansatz.name)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_unknowns_are_counted_and_distinct(ansatz: Ansatz, size: int) -> None:
    unknowns = ansatz.unknowns(size)
    pairs = set(zip(unknowns.component.tolist(), unknowns.monomial.tolist(), strict=True))
    assert len(pairs) == unknowns.count == ansatz.count(size)
    assert set(unknowns.component.tolist()) == set(range(size))
    if unknowns.monomials is not None:
        assert len({tuple(row) for row in unknowns.monomials.tolist()}) == len(unknowns.monomials)


@pytest.mark.parametrize("ansatz", FAMILIES, ids=lambda ansatz: ansatz.name)
def test_a_name_reads_back(ansatz: Ansatz) -> None:
    assert read_ansatz(ansatz.name) == ansatz
    assert read_ansatz(f" {ansatz.name.upper()} ") == ansatz


@pytest.mark.parametrize(("size", "degree"), [(1, 5), (2, 3), (3, 3), (5, 2)])
def test_the_monomials_are_those_of_sympy(size: int, degree: int) -> None:
    symbols = sympy.symbols(f"x:{size}")
    expected = {sympy.Poly(m, *symbols).monoms()[0] for m in sympy.itermonomials(symbols, degree)}
    got = monomial_exponents(size, range(degree + 1))
    assert {tuple(row) for row in got.tolist()} == expected
    assert len(got) == comb(size + degree, degree)


def test_inflation_is_the_number_of_functions() -> None:
    assert (Linear().inflation(7), Affine().inflation(7), Polynomial(3).inflation(2)) == (7, 8, 10)
    assert Diagonal().inflation(7) == 0


@pytest.mark.parametrize(
    "text", ["cubic", "linear:2", "polynomial", "polynomial:", "polynomial:x", "polynomial:-1", ""]
)
def test_an_unknown_name_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_ansatz(text)


@pytest.mark.parametrize("degree", [-1, 51, 2.0, "3", True, None])
def test_a_wrong_degree_is_refused(degree: object) -> None:
    with pytest.raises(InputError, match="Polynomial"):
        Polynomial(degree)  # type: ignore[arg-type]


@pytest.mark.parametrize("fields", [[], [{"x": "y"}], "x"])
def test_a_basis_is_made_of_fields(fields: object) -> None:
    with pytest.raises(InputError, match="VectorField"):
        Basis(fields)  # type: ignore[arg-type]
    assert Basis([VectorField({"x": "y"})]).name == "basis"


def test_sizes_are_refused_before_anything_is_built() -> None:
    check_size(Linear(), 4_000)
    with pytest.raises(InputError, match="25,000,000") as caught:
        check_size(Linear(), 5_000)
    assert f"{MAX_UNKNOWNS:,}" in caught.value.why
    with pytest.raises(InputError):
        check_size(Polynomial(40), 1_000)


def test_arrays_are_small_integers() -> None:
    assert Linear().unknowns(3).component.dtype == np.int64
