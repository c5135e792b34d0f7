"""Sums of squares: the fields against SymPy's inverse Jacobian, the algebra against structure constants."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds.errors import InputError
from symmetries import Affine, Loss, Polynomial, VectorField, derive, verify
from symmetries.algebra import bracket, components
from symmetries.catalog import get
from symmetries.fields import polynomial_text
from symmetries.modules.change_of_variables import new_names
from symmetries.modules.polynomial_loss import PolynomialLoss
from symmetries.modules.polynomial_module import polynomial_module
from symmetries.modules.sum_of_squares import SumOfSquares, complete_squares, orthogonal_name, sum_of_squares_symmetries
from symmetries.span import Span

NAMED = [
    ("(1 - x)**2 + 100*(y - x**2)**2", "so(2)"),
    ("(x + 2*y - 7)**2 + (2*x + y - 5)**2", "so(2)"),
    ("x**2 + (y - x**2)**2 + (z - y**2)**2", "so(3)"),
    ("x**2 + (y - x**2)**2 - 2*(z - x*y)**2", "so(2,1)"),
    ("3*(x - y**3)**2 - (y + 1)**2", "so(1,1)"),
    ("(x - y)**2 + (z - x**2)**2 + 0*w", "so(2)"),
    ("(w + x*y)**2 + (x + y**2)**2", "so(2)"),
    ("(x - y**2)**2", "0"),
    ("x**2 + y**2 + z**2 + w**2 + 7", "so(4)"),
    ("-(x**2) - (y - x**5)**2", "so(2)"),
    ("x*y + z**2", "so(2,1)"),
    ("x*y + y*z + z*x", "so(2,1)"),
    ("x**2 + y**2 + (x + y)**2", "so(2)"),
    ("(x + y)**2 + (2*x + 2*y + 1)**2", "0"),
    ("0.26*(x**2 + y**2) - 0.48*x*y", "so(2)"),
    ("(x*y - 1)**2", "0"),
    ("(x + y)**2 + (x*y - 1)**2 + (x - z)**2", "so(3)"),
    ("(x**2 + y - 11)**2 + (x + y**2 - 7)**2", "so(2)"),
    ("x**4 + y**2 - z**6", "so(2,1)"),
]
ROTATING = [text for text, name in NAMED if name != "0"]


def squares_of(text: str) -> SumOfSquares:
    return sum_of_squares_symmetries(Loss.parse(text))


@pytest.mark.parametrize(("text", "name"), NAMED)
def test_the_name_and_the_proofs(text: str, name: str) -> None:
    squares = squares_of(text)
    count, size = len(squares.residuals), len(squares.loss.entries)
    assert squares.name == name
    assert squares.reason == ""
    assert len(squares.fields) == count * (count - 1) // 2
    assert len(squares.null_fields) == size - count
    assert [claim.verdict for claim in squares.certificate.claims] == ["proved"] * len(squares.certificate.claims)
    assert squares.name_claim is not None
    assert squares.name_claim.verdict == "proved"


@pytest.mark.parametrize("text", [text for text, _ in NAMED])
def test_sympy_expands_the_squares_to_the_loss_and_sees_every_field_annihilate_it(text: str) -> None:
    squares = squares_of(text)
    loss = sp.nsimplify(sp.sympify(text))
    written = sum(
        sp.Rational(c.numerator, c.denominator) * sp.sympify(polynomial_text(f)) ** 2
        for c, f in zip(squares.coefficients, squares.residuals, strict=True)
    )
    assert sp.expand(loss - written).is_number
    for field in (*squares.fields, *squares.null_fields):
        derivative = sum(sp.sympify(part) * loss.diff(sp.Symbol(name)) for name, part in field.components.items())
        assert sp.cancel(sp.together(derivative)) == 0


@pytest.mark.parametrize("text", ROTATING)
def test_the_fields_are_the_inverse_jacobian_times_rotations(text: str) -> None:
    """In the coordinates (u, v): X_ab u_a = c_b u_b, X_ab u_b = -c_a u_a, all other coordinates rest."""
    squares = squares_of(text)
    assert squares.change is not None
    new = [sp.sympify(formula) for formula in squares.change.formulas.values()]
    coefficients = [sp.Rational(c.numerator, c.denominator) for c in squares.coefficients]
    for (a, b), field in zip(squares.pairs, squares.fields, strict=True):
        for k, coordinate in enumerate(new):
            image = sum(sp.sympify(part) * coordinate.diff(sp.Symbol(n)) for n, part in field.components.items())
            expected = {a: coefficients[b] * new[b], b: -coefficients[a] * new[a]}.get(k, 0) if k in {a, b} else 0
            assert sp.cancel(sp.together(image - expected)) == 0
    for k, field in enumerate(squares.null_fields):
        for j, coordinate in enumerate(new):
            image = sum(sp.sympify(part) * coordinate.diff(sp.Symbol(n)) for n, part in field.components.items())
            assert sp.cancel(sp.together(image - int(j == len(squares.residuals) + k))) == 0


@pytest.mark.parametrize("text", [text for text in ROTATING if squares_of(text).is_polynomial])
def test_polynomial_fields_close_under_brackets_with_the_constants_of_the_form(text: str) -> None:
    r"""[X_ab, X_bd] = -c_b X_ad for rotations of sum c_a u_a**2, and 0 without a common index."""
    squares = squares_of(text)
    fields = dict(zip(squares.pairs, squares.fields, strict=True))
    span = Span([components(field) for field in fields.values()])
    assert span.dimension == len(fields)
    for (a, b), (c, d) in combinations(fields, 2):
        result = bracket(fields[a, b], fields[c, d])
        assert span.contains(components(result))
        if len({a, b, c, d}) == 4:
            assert components(result) == {}
        if b == c:
            scaled = {key: -squares.coefficients[b] * value for key, value in components(fields[a, d]).items()}
            assert components(result) == scaled


@pytest.mark.parametrize("text", [text for text, _ in NAMED])
def test_the_inverse_of_the_change_of_variables(text: str) -> None:
    change = squares_of(text).change
    assert change is not None
    old, new = sp.symbols(change.parameters), sp.symbols(change.names)
    forward = [sp.sympify(formula) for formula in change.formulas.values()]
    determinant = sp.Matrix(forward).jacobian(list(old)).det()
    ratio = sp.cancel(determinant / sp.sympify(polynomial_text(change.determinant)))
    assert ratio in {1, -1}
    if change.inverse is None:
        return
    assert change.is_unimodular
    backward = [sp.sympify(formula) for formula in (change.inverse_formulas or {}).values()]
    there = [sp.expand(part.subs(dict(zip(new, forward, strict=True)), simultaneous=True)) for part in backward]
    back = [sp.expand(part.subs(dict(zip(old, backward, strict=True)), simultaneous=True)) for part in forward]
    assert there == list(old)
    assert back == list(new)


def test_rosenbrock_is_read_off_without_an_ansatz_and_agrees_with_the_derivation() -> None:
    loss = get("rosenbrock").loss
    (field,) = sum_of_squares_symmetries(loss).fields
    span = Span([components(one) for one in derive(loss, ansatz=Polynomial(3)).generators])
    assert span.dimension == 1
    assert span.contains(components(field))
    assert verify(loss, field).verdict == "proved"


@pytest.mark.parametrize("name", ["booth", "sphere", "quadratic", "quadratic-indefinite", "matyas", "ellipse"])
def test_quadratics_of_the_catalogue_have_the_algebra_that_is_known(name: str) -> None:
    entry = get(name)
    squares = sum_of_squares_symmetries(entry.loss)
    assert squares.name == entry.algebra
    algebra = derive(entry.loss, ansatz=Affine())
    span = Span([components(one) for one in algebra.generators])
    assert len(squares.fields) == algebra.dimension
    assert all(span.contains(components(field)) for field in squares.fields)


@st.composite
def triangular(draw: st.DrawFn) -> str:
    """A sum of squares of x + ..., y + p(x), z + q(x, y) with random coefficients and signs."""
    number = st.integers(-2, 2)
    p = f"{draw(number)} + {draw(number)}*x + {draw(number)}*x**2"
    q = f"{draw(number)} + {draw(number)}*x*y + {draw(number)}*y**2 + {draw(number)}*x"
    c = [draw(st.integers(-3, 3).filter(bool)) for _ in range(3)]
    return f"({c[0]})*(2*x + {draw(number)})**2 + ({c[1]})*(y + {p})**2 + ({c[2]})*(z + {q})**2"


@settings(max_examples=25, deadline=None)
@given(triangular())
def test_triangular_maps_have_polynomial_rotations(text: str) -> None:
    squares = squares_of(text)
    positive = sum(c > 0 for c in squares.coefficients)
    large, small = max(positive, 3 - positive), min(positive, 3 - positive)
    assert squares.name == (f"so({large},{small})" if small else "so(3)")
    assert squares.is_polynomial
    assert squares.change is not None
    assert squares.change.inverse is not None
    module = polynomial_module(squares.loss)
    assert module.is_complete
    assert all(module.contains(field) for field in squares.fields)


@settings(max_examples=10, deadline=None)
@given(triangular())
def test_the_module_from_squares_has_the_dimensions_of_a_derivation(text: str) -> None:
    module = polynomial_module(Loss.parse(text))
    assert module.method == "sum of squares"
    assert module.minimality in {"minimal", "irredundant"}
    for d in range(4):
        assert module.dimension(d) == derive(module.loss, ansatz=Polynomial(d)).dimension


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=6, max_size=6))
def test_quadratic_forms_are_completed_by_the_law_of_inertia(entries: list[int]) -> None:
    a, b, c, d, e, f = entries
    matrix = sp.Matrix([[a, b, c], [b, d, e], [c, e, f]])
    text = f"({a})*x**2 + ({2 * b})*x*y + ({2 * c})*x*z + ({d})*y**2 + ({2 * e})*y*z + ({f})*z**2"
    parts = PolynomialLoss.of(Loss.parse(text, ["x", "y", "z"])).parts
    squares = complete_squares(parts[0]) if parts else []
    assert squares is not None
    assert sum((value * residual**2 for value, residual in squares), 0) == (parts[0] if parts else 0)
    assert len(squares) == matrix.rank()
    # Descartes' rule is exact for the characteristic polynomial of a symmetric matrix.
    signs = [int(value) for value in matrix.charpoly().all_coeffs() if value != 0]
    positive = sum(left * right < 0 for left, right in pairwise(signs))
    assert sum(value > 0 for value, _ in squares) == positive


def test_a_linear_part_that_squares_do_not_hold() -> None:
    assert complete_squares(PolynomialLoss.of(Loss.parse("x**2 + y")).parts[0]) is None


# what is not a sum of squares, or does not help


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        (get("beale").loss, "3 residuals of 2 parameters"),
        (get("rosenbrock-n").loss, "6 residuals of 4 parameters"),
        (get("goldstein-price").loss, "the expression is no sum of squares"),
        (Loss.parse("x**2 + y"), "the expression is no sum of squares"),
        (Loss.parse("x**2 + x**4 + 0*y"), "not seen to be independent"),
        (Loss.parse("(x + y)**2 + (x + y)**4"), "not seen to be independent"),
        (Loss.parse("x**2 + exp(y)**2"), "not a polynomial"),
        (Loss.parse("(x - d)**2", ["x"], data=["d"]), "data or structural constants"),
        (Loss.parse("a*x**2 + y**2", ["x", "y"], constants=["a"]), "data or structural constants"),
        (Loss.parse("0*x", ["x"]), "does not depend on its parameters"),
    ],
)
def test_the_reason_why_there_are_no_fields(loss: Loss, reason: str) -> None:
    squares = sum_of_squares_symmetries(loss)
    assert squares.fields == squares.null_fields == squares.claims == ()
    assert squares.name is None
    assert squares.name_claim is None
    assert reason in squares.reason
    assert reason in str(squares)


def test_beale_shows_its_residuals_all_the_same() -> None:
    squares = sum_of_squares_symmetries(get("beale").loss)
    assert len(squares.residuals) == 3
    assert squares.change is None


def test_only_losses_are_taken() -> None:
    with pytest.raises(InputError, match="needs a Loss"):
        sum_of_squares_symmetries("x**2")  # type: ignore[arg-type]


def test_names_of_new_coordinates_do_not_collide() -> None:
    squares = sum_of_squares_symmetries(Loss.parse("u1**2 + (u2 - u1**2)**2"))
    assert squares.change is not None
    assert squares.change.names == ("u_1", "u_2")
    taken = [f"{stem}1" for stem in ("u", "u_", "u__", "new_")]
    assert not set(new_names(2, taken)) & set(taken)


@pytest.mark.parametrize(
    ("signs", "name"),
    [([], "0"), ([1], "0"), ([1, 1], "so(2)"), ([-1, -1, -1], "so(3)"), ([1, -1, -1], "so(2,1)"), ([1, -1], "so(1,1)")],
)
def test_names(signs: list[int], name: str) -> None:
    assert orthogonal_name([Fraction(sign) for sign in signs]) == name


def test_text() -> None:
    lines = str(squares_of("(1 - x)**2 + 100*(y - x**2)**2")).splitlines()
    assert lines[0] == "(x - 1)**2 + 100*(-x**2 + y)**2 + const: so(2)"
    assert len(lines) == 2


def test_recheck_confirms_the_fields() -> None:
    from symmetries import recheck

    squares: Any = squares_of("x**2 + (y - x**2)**2 + (z - y**2)**2")
    assert recheck(squares.certificate).verdict == "proved"
    false = VectorField({**squares.fields[0].components, "z": "0"})
    assert verify(squares.loss, false).verdict == "refuted"
