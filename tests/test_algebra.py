"""The algebra as an object: brackets, closure, claims, certificate."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import combinations

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds import InputError
from symmetries import Certificate, Linear, Loss, Polynomial, VectorField, derive
from symmetries.algebra import apply, bracket, components
from symmetries.span import Span

NAMES = ("x", "y", "z")
monomials = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 2), max_size=2).map(
    lambda m: tuple(sorted(m.items()))
)
polynomials = st.dictionaries(monomials, st.fractions(-3, 3, max_denominator=3).filter(bool), max_size=3)
fields = st.dictionaries(st.sampled_from(NAMES), polynomials, max_size=3).map(VectorField.from_polynomials)
SYMBOLS = sympy.symbols(NAMES)


def expression(polynomial: object) -> sympy.Expr:
    return sum(
        sympy.Rational(value.numerator, value.denominator) * sympy.prod([sympy.Symbol(n) ** e for n, e in monomial])
        for monomial, value in polynomial.items()  # type: ignore[attr-defined]
    )


def derivative(field: VectorField, function: sympy.Expr) -> sympy.Expr:
    return sum(expression((field.polynomials or {}).get(n, {})) * sympy.diff(function, sympy.Symbol(n)) for n in NAMES)


@given(fields, fields)
@settings(max_examples=40, deadline=None)
def test_the_bracket_is_the_commutator(left: VectorField, right: VectorField) -> None:
    got = bracket(left, right)
    for name, symbol in zip(NAMES, SYMBOLS, strict=True):
        expected = derivative(left, derivative(right, symbol)) - derivative(right, derivative(left, symbol))
        assert sympy.expand(expression((got.polynomials or {}).get(name, {})) - expected) == 0


@given(fields, polynomials)
@settings(max_examples=40, deadline=None)
def test_the_derivative_along_a_field(
    field: VectorField, polynomial: dict[tuple[tuple[str, int], ...], Fraction]
) -> None:
    got = expression(apply(field.polynomials or {}, polynomial))
    assert sympy.expand(got - derivative(field, expression(polynomial))) == 0


@given(fields, fields, fields)
@settings(max_examples=20, deadline=None)
def test_jacobi(a: VectorField, b: VectorField, c: VectorField) -> None:
    total: dict[object, Fraction] = {}
    for first, second, third in ((a, b, c), (b, c, a), (c, a, b)):
        for key, value in components(bracket(first, bracket(second, third))).items():
            total[key] = total.get(key, Fraction(0)) + value
    assert not any(total.values())


@pytest.mark.parametrize(
    "loss",
    [
        Loss.parse("sum(w**2)", {"w": (4,)}),
        Loss.parse("sum((Y - U@V)**2)", {"U": (2, 2), "V": (2, 2)}, data={"Y": (2, 2)}),
        Loss.parse("(x - y)**2 + (x + y + z)**2"),
        Loss.parse("(det(A) - 1)**2", {"A": (2, 2)}),
    ],
    ids=str,
)
def test_linear_symmetries_are_closed_under_brackets(loss: Loss) -> None:
    algebra = derive(loss, ansatz=Linear())
    span = Span([components(field) for field in algebra.generators])
    assert span.dimension == algebra.dimension
    assert algebra.is_closed
    for i, j in combinations(range(algebra.dimension), 2):
        assert span.contains(components(algebra.bracket(i, j)))


def test_polynomial_symmetries_need_not_be_closed() -> None:
    loss = Loss.parse("(1 - x)**2 + 100*(y - x**2)**2")
    assert derive(loss, ansatz=Polynomial(3)).is_closed
    assert not derive(loss, ansatz=Polynomial(4)).is_closed


def test_brackets_are_counted_from_zero() -> None:
    algebra = derive(Loss.parse("x**2 + y**2 + z**2"))
    assert components(algebra.bracket(0, 0)) == {}
    for i, j in ((0, 3), (-1, 0), (3, 3)):
        with pytest.raises(InputError, match="bracket"):
            algebra.bracket(i, j)


def test_a_field_in_text_has_no_bracket() -> None:
    with pytest.raises(InputError, match="polynomials"):
        bracket(VectorField({"x": "y"}), VectorField({"y": "x"}))


def test_the_essential_algebra_lives_on_the_slice() -> None:
    algebra = derive(Loss.parse("x**2 + y**2", ["x", "y", "u"]))
    assert algebra.essential is not algebra
    assert algebra.essential.dimension == 1
    assert set(algebra.essential.generators[0]) == {"x", "y"}
    plain = derive(Loss.parse("x**2 + y**2"))
    assert plain.essential is plain


def test_the_certificate_holds_everything() -> None:
    algebra = derive(Loss.parse("sum((Y - U@V)**2)", {"U": (2, 1), "V": (1, 2)}, data={"Y": (2, 2)}))
    certificate = Certificate.from_json(algebra.certificate.to_json())
    assert certificate.to_json() == algebra.certificate.to_json()
    assert [dict(field.components) for field in algebra.generators] == [dict(field) for field in certificate.fields]
    assert certificate.claims == (*algebra.generator_claims, algebra.completeness)
    assert Loss.from_dict(json.loads(json.dumps(dict(certificate.loss)))) == algebra.loss


def test_generators_read_back_as_formulas() -> None:
    loss = Loss.parse("(1 - x)**2 + 100*(y - x**2)**2")
    (field,) = derive(loss, ansatz=Polynomial(3)).generators
    assert all(loss.read(formula).shape == () for formula in field.components.values())


def test_it_prints() -> None:
    text = str(derive(Loss.parse("x**2 + y**2")))
    assert text.splitlines()[0].startswith("1-dimensional algebra of linear symmetries")
    assert "d/dx" in text
