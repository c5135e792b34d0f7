"""Exact spans, against SymPy."""

from __future__ import annotations

from fractions import Fraction

import sympy
from hypothesis import given
from hypothesis import strategies as st

from symmetries.span import Span

vectors = st.lists(st.lists(st.integers(-2, 2), min_size=4, max_size=4), max_size=6)


def sparse(row: list[int]) -> dict[str, Fraction]:
    return {"abcd"[k]: Fraction(value, 3) for k, value in enumerate(row)}


@given(vectors, st.lists(st.integers(-2, 2), min_size=4, max_size=4))
def test_dimension_and_membership(rows: list[list[int]], row: list[int]) -> None:
    span = Span(map(sparse, rows))
    rank = sympy.Matrix(rows).rank() if rows else 0
    assert span.dimension == rank
    bigger = sympy.Matrix([*rows, row]).rank()
    assert span.contains(sparse(row)) == (bigger == rank)
    assert span.add(sparse(row)) == (bigger > rank)
    assert span.dimension == bigger


def test_the_zero_vector() -> None:
    assert Span().contains({})
    assert Span().contains({"a": 0})
    assert not Span().add({"a": 0})
