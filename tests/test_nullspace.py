"""Null spaces modulo primes and the way back to rationals, against brute force and SymPy."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy
from flint import fmpq, nmod_mat
from hypothesis import given, settings
from hypothesis import strategies as st

from symmetries.nullspace import (
    chinese_remainder,
    full_rank,
    null_vectors,
    primitive_integers,
    rational_from_residue,
    rational_vector,
    short_basis,
)

P, Q = 2**31 - 1, 2147483629
shapes = st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(0, 6), st.integers(0, 2**32 - 1))


def residues(matrix: np.ndarray) -> np.ndarray:
    return (matrix % P).astype(np.uint64)


@given(shapes)
@settings(max_examples=80, deadline=None)
def test_the_null_space_is_annihilated_and_complete(shape: tuple[int, int, int, int]) -> None:
    rows, columns, rank, seed = shape
    rng = np.random.default_rng(seed)
    rank = min(rows, columns, rank)
    matrix = rng.integers(-9, 10, (rows, rank)) @ rng.integers(-9, 10, (rank, columns))
    pivots, basis = null_vectors(residues(matrix), P)
    assert len(pivots) + len(basis) == columns
    assert len(pivots) == sympy.Matrix(matrix.tolist()).rank()
    for vector in basis:
        dense = [vector.get(k, 0) for k in range(columns)]
        assert all(sum(int(a) * b for a, b in zip(row, dense, strict=True)) % P == 0 for row in matrix.tolist())
        assert sum(1 for k in range(columns) if k not in pivots and dense[k]) == 1


@given(shapes)
@settings(max_examples=40, deadline=None)
def test_full_rank_of_a_stack(shape: tuple[int, int, int, int]) -> None:
    _, columns, rank, seed = shape
    rng = np.random.default_rng(seed)
    rows = columns + 2
    stack = []
    for k in range(5):
        inner = min(columns, max(rank - k, 0))
        stack.append(residues(rng.integers(-99, 99, (rows, inner)) @ rng.integers(-99, 99, (inner, columns))))
    expected = [nmod_mat(rows, columns, m.ravel().tolist(), P).rank() == columns for m in stack]
    assert full_rank(np.stack(stack), P).tolist() == expected


def test_full_rank_does_not_change_its_argument() -> None:
    stack = np.arange(12, dtype=np.uint64).reshape(1, 4, 3)
    before = stack.copy()
    full_rank(stack, P)
    assert (stack == before).all()


@given(st.integers(-20_000, 20_000), st.integers(1, 20_000))
def test_a_small_rational_comes_back(top: int, bottom: int) -> None:
    value = Fraction(top, bottom)
    found = rational_from_residue(top * pow(bottom, -1, P) % P, P)
    assert found is not None
    assert Fraction(int(found.p), int(found.q)) == value


def test_what_has_no_small_rational_is_not_made_up() -> None:
    found = [rational_from_residue(residue, P, bound=10) for residue in range(10**6, 10**6 + 50)]
    for residue, value in zip(range(10**6, 10**6 + 50), found, strict=True):
        assert value is None or (int(value.p) - residue * int(value.q)) % P == 0
    assert found.count(None) > 40
    assert rational_vector({0: 1, 1: 10**6 + 7}, P, bound=10) is None


@given(st.dictionaries(st.integers(0, 5), st.integers(0, P * Q - 1), min_size=1))
def test_residues_of_two_primes_combine(vector: dict[int, int]) -> None:
    combined = chinese_remainder({k: v % P for k, v in vector.items()}, P, {k: v % Q for k, v in vector.items()}, Q)
    assert combined == vector


def test_a_place_may_be_missing_modulo_one_prime() -> None:
    combined = chinese_remainder({0: 1}, P, {0: 1, 1: 5}, Q)
    assert combined[0] == 1
    assert (combined[1] % P, combined[1] % Q) == (0, 5)


def test_primitive_integers() -> None:
    assert primitive_integers({3: fmpq(-2, 3), 5: fmpq(4, 9)}) == {3: 3, 5: -2}
    assert primitive_integers({7: fmpq(5)}) == {7: 1}


@pytest.mark.parametrize("seed", range(5))
def test_a_short_basis_spans_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    short = rng.integers(-1, 2, (3, 6))
    mixed = rng.integers(-40, 41, (3, 3)) @ short
    vectors = [{k: int(v) for k, v in enumerate(row) if v} for row in mixed.tolist()]
    if sympy.Matrix(mixed.tolist()).rank() < 3:
        return
    result = short_basis(vectors)
    dense = [[vector.get(k, 0) for k in range(6)] for vector in result]
    assert sympy.Matrix(dense).rank() == 3
    assert sympy.Matrix(mixed.tolist()).col_join(sympy.Matrix(dense)).rank() == 3
    assert max(abs(v) for row in dense for v in row) <= max(abs(v) for v in mixed.ravel().tolist())
