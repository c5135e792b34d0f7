"""Division, S-vectors, Groebner bases and Hilbert functions of submodules, against SymPy and plain counting."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import QQ

from symmetries.modules._groebner import coefficient_field, groebner_basis
from symmetries.modules.hilbert import count_multiples, hilbert_numerator, minimal_monomials
from symmetries.modules.module_vectors import (
    Divisors,
    Effort,
    EffortSpent,
    ModuleOrder,
    Vector,
    is_groebner_basis,
    reduced_basis,
    remainder,
    s_vector,
)

x, y, z = sp.symbols("x y z")
PLENTY = 1_000_000

exponents = st.tuples(*[st.integers(0, 4)] * 3)
small = st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 2))
vectors = st.dictionaries(small, st.integers(-3, 3).filter(bool).map(QQ), min_size=1, max_size=3)


def ideal(*polynomials: Any) -> list[Vector]:
    """Polynomials in x, y, z as vectors with one component."""
    order = ModuleOrder()
    return [
        order.vector(
            {(0, *monomial): QQ(int(value.p), int(value.q)) for monomial, value in sp.Poly(p, x, y, z).terms()}
        )
        for p in polynomials
    ]


def as_polynomial(vector: Vector) -> Any:
    return sum(sp.Rational(int(c.numerator), int(c.denominator)) * x ** m[1] * y ** m[2] * z ** m[3] for m, c in vector)


@pytest.mark.parametrize(
    "polynomials",
    [
        (x**2 + y * z - 2, x * y - z**2),
        (x**3 - 2 * x * y, x**2 * y - 2 * y**2 + x),
        (x + y + z, x * y + y * z + z * x, x * y * z - 1),
        (x * y, y * z, z * x),
    ],
)
def test_an_ideal_has_the_reduced_basis_that_sympy_finds_by_its_other_algorithm(polynomials: tuple[Any, ...]) -> None:
    order = ModuleOrder()
    basis = groebner_basis(ideal(*polynomials), order, QQ, Effort(PLENTY))
    expected = sp.groebner(polynomials, x, y, z, order="grevlex").exprs
    monic = {sp.expand(p / sp.LC(p, x, y, z, order="grevlex")) for p in expected}
    assert {sp.expand(as_polynomial(vector)) for vector in basis} == monic
    assert is_groebner_basis(basis, order, Effort(PLENTY))


def test_a_generating_set_that_is_no_groebner_basis_is_refused() -> None:
    assert not is_groebner_basis(ideal(x**2 + y * z - 2, x * y - z**2), ModuleOrder(), Effort(PLENTY))
    assert is_groebner_basis(ideal(x**2, y**2), ModuleOrder(), Effort(PLENTY))
    assert is_groebner_basis([], ModuleOrder(), Effort(1))


@settings(max_examples=60, deadline=None)
@given(st.lists(vectors, min_size=1, max_size=3))
def test_the_basis_of_random_vectors_satisfies_the_criterion_and_holds_them(drawn: list[dict[Any, Any]]) -> None:
    order, effort = ModuleOrder(), Effort(PLENTY)
    generators = [order.vector(terms) for terms in drawn]
    basis = groebner_basis(generators, order, QQ, effort)
    assert is_groebner_basis(basis, order, effort)
    divisors = Divisors(basis)
    assert all(remainder(vector, divisors, order, effort) == [] for vector in generators)
    assert reduced_basis(basis, order, effort) == sorted(basis, key=lambda one: order(one[0][0]))


@settings(max_examples=60, deadline=None)
@given(st.lists(vectors, min_size=1, max_size=3), vectors)
def test_no_term_of_a_remainder_can_be_divided(drawn: list[dict[Any, Any]], terms: dict[Any, Any]) -> None:
    order = ModuleOrder()
    divisors = Divisors([order.vector(one) for one in drawn])
    rest = remainder(order.vector(terms), divisors, order, Effort(PLENTY))
    assert all(divisors.find(monomial) is None for monomial, _ in rest)
    assert rest == order.vector(dict(rest))


def test_the_leading_terms_of_an_s_vector_cancel() -> None:
    order = ModuleOrder()
    left, right = ideal(2 * x**2 + y, 3 * x * y + z)
    assert (
        sp.expand(as_polynomial(s_vector(left, right, order)) - (3 * y * (2 * x**2 + y) - 2 * x * (3 * x * y + z))) == 0
    )


def test_the_elimination_order_puts_the_first_components_first() -> None:
    order = ModuleOrder(split=2)
    assert order((1, 0, 0)) > order((2, 9, 9))
    assert order((2, 1, 1)) > order((2, 1, 0)) > order((3, 1, 0)) > order((2, 0, 1))


def test_effort_is_limited() -> None:
    with pytest.raises(EffortSpent):
        groebner_basis(ideal(x**3 - 2 * x * y, x**2 * y - 2 * y**2 + x), ModuleOrder(), QQ, Effort(5))


def test_coefficients_may_depend_on_constants() -> None:
    field = coefficient_field(("a",))
    a = field.gens[0]
    order = ModuleOrder()
    vectors = [order.vector({(0, 1, 0): a, (0, 0, 1): field.one}), order.vector({(0, 1, 0): field.one})]
    basis = groebner_basis(vectors, order, field, Effort(PLENTY))
    assert [vector[0][0] for vector in basis] == [(0, 0, 1), (0, 1, 0)]


@settings(max_examples=150, deadline=None)
@given(st.lists(exponents, max_size=6), st.integers(0, 6))
def test_multiples_are_counted(monomials: list[tuple[int, ...]], degree: int) -> None:
    everything = [m for m in product(range(degree + 1), repeat=3) if sum(m) <= degree]
    divided = sum(any(all(a <= b for a, b in zip(m, one, strict=True)) for m in monomials) for one in everything)
    assert count_multiples(monomials, 3, degree) == divided


@settings(max_examples=60, deadline=None)
@given(st.lists(exponents, max_size=6))
def test_the_numerator_does_not_depend_on_order_or_repetition(monomials: list[tuple[int, ...]]) -> None:
    assert hilbert_numerator(monomials) == hilbert_numerator(list(reversed(monomials)) + monomials)
    assert minimal_monomials(minimal_monomials(monomials)) == minimal_monomials(monomials)


def test_no_monomials_have_no_multiples() -> None:
    assert count_multiples([], 2, 5) == 0
    assert count_multiples([(0, 0)], 2, 2) == 6
