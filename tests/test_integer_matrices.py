"""Exact linear algebra of integers against SymPy and against the definition."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from symmetries.structure.integer_matrices import (
    coordinates,
    echelon,
    integers,
    kills,
    null_vectors,
    product,
    rank,
    saturated_basis,
    signature,
)
from symmetries.structure.real_roots import real_cuts
from symmetries.structure.spectra import spectrum

small = st.integers(-6, 6)
tables = st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(small, min_size=n, max_size=n), min_size=1, max_size=4))


@given(tables)
@settings(max_examples=60, deadline=None)
def test_rank_and_null_space(table: list[list[int]]) -> None:
    matrix = integers(table)
    exact = sympy.Matrix(table)
    assert rank(matrix) == exact.rank() == len(echelon(matrix)[2])
    null = null_vectors(matrix)
    assert len(null) == matrix.shape[1] - exact.rank()
    assert not product(matrix, null.T).any()
    assert not product(kills(matrix), matrix).any()


@given(tables)
@settings(max_examples=60, deadline=None)
def test_saturated_bases_hold_all_integer_vectors_of_the_span(table: list[list[int]]) -> None:
    matrix = integers(table)
    basis = saturated_basis(matrix)
    assert len(basis) == rank(matrix)
    assert rank(np.concatenate([matrix, basis])) == len(basis)
    if len(basis):
        # saturated: the minors of full size have no common divisor
        from itertools import combinations
        from math import gcd

        columns = combinations(range(matrix.shape[1]), len(basis))
        assert gcd(*(int(sympy.Matrix(basis[:, list(c)].tolist()).det()) for c in columns)) == 1
        found = coordinates(basis, matrix)
        assert found is not None
        assert abs(found[1]) == 1


def test_vectors_outside_have_no_coordinates() -> None:
    assert coordinates(integers([[1, 0, 0], [0, 2, 0]]), integers([[1, 1, 1]])) is None


@given(st.lists(st.lists(small, min_size=4, max_size=4), min_size=4, max_size=4))
@settings(max_examples=60, deadline=None)
def test_signatures_agree_with_eigenvalues(table: list[list[int]]) -> None:
    half = np.array(table)
    form = half + half.T
    values = np.linalg.eigvalsh(form.astype(float))
    if np.any((np.abs(values) < 1e-6) & (np.abs(values) > 1e-12)):
        return
    positive, negative, zero = signature(form)
    assert (positive, negative) == (int(np.sum(values > 1e-9)), int(np.sum(values < -1e-9)))
    assert positive + negative + zero == 4


def test_products_of_large_numbers_are_exact() -> None:
    big = integers([[10**15, -(10**15)], [3, 10**16]])
    assert product(big, big).tolist() == (big.astype(object) @ big.astype(object)).tolist()


@pytest.mark.parametrize("coefficients", [[-2, 0, 1], [1, -3, 0, 1], [-1, -1, 0, 0, 0, 1], [1, 0, 1]])
def test_cuts_hold_one_real_root_each(coefficients: list[int]) -> None:
    from flint import fmpz_poly

    roots = sorted(z.real for z in np.roots(coefficients[::-1]) if abs(z.imag) < 1e-9)
    cuts = real_cuts(fmpz_poly(coefficients))
    assert len(cuts) == len(roots)
    for (low, high), root in zip(cuts, roots, strict=True):
        assert sum(low < other < high for other in roots) == 1
        assert low < root < high


@given(st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_spectra_do_not_depend_on_the_basis(table: list[list[int]]) -> None:
    matrix = np.array(table)
    change, inverse = np.array([[1, 2, 0], [0, 1, 3], [0, 0, 1]]), np.array([[1, -2, 6], [0, 1, -3], [0, 0, 1]])
    assert (change @ inverse == np.eye(3)).all()
    assert spectrum(matrix) == spectrum(change @ matrix @ inverse) == spectrum(-2 * matrix)
