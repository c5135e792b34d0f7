"""Exact quadratics: coefficients, inertia, minimisers, against SymPy, fractions and mpmath."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.equivalence.decide import decide_loss
from solvers.equivalence.degree import degree_bounds, is_visibly_convex, merged_powers
from solvers.equivalence.exact_arrays import NotExactError
from solvers.equivalence.inertia import has_rank_at_most, inertia_of, to_flint
from solvers.equivalence.minimiser import _refined, has_minimiser, minimiser
from solvers.equivalence.quadratic import Quadratic, integers
from solvers.equivalence.reading import read_quadratic
from symmetries import Loss, compile_loss

FORMULAS: list[tuple[str, Any, Any]] = [
    ("(x + 2*y - 7)**2 + (2*x + y - 5)**2", ["x", "y"], None),
    ("w@A@w/2 - sum(w)", {"w": (4,)}, {"A": (4, 4)}),
    ("sum((X@w - y)**2)", {"w": (4,)}, {"X": (6, 4), "y": (6,)}),
    ("norm(X@w - y)**2 + dot(w, w)/7", {"w": (4,)}, {"X": (6, 4), "y": (6,)}),
    ("mean((Y - W@X)**2) + 3/10*sum(W*W) + dot(W[0], W[1])", {"W": (3, 6)}, {"X": (6, 4), "Y": (3, 4)}),
    ("trace(U@V) + sum((b + U)**2) + sum(V[0]**2)", {"U": (2, 3), "V": (3, 2), "b": (1, 3)}, None),
    ("sum(square(concatenate([u, v@B]) - 1)) + u[0]*v[1] - 3", {"u": (2,), "v": (3,)}, {"B": (3, 2)}),
    (
        "(u@B)@(v@C) + sum(outer(u, v)*D) - 2*(u[0] - v[0])*3",
        {"u": (2,), "v": (3,)},
        {"B": (2, 4), "C": (3, 4), "D": (2, 3)},
    ),
]


def _given(shapes: dict[str, tuple[int, ...]] | None, seed: int = 1) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape) for name, shape in (shapes or {}).items()}


@pytest.mark.parametrize(("text", "parameters", "shapes"), FORMULAS)
def test_coefficients_agree_with_the_compiled_loss(text: str, parameters: Any, shapes: Any) -> None:
    loss, data = Loss.parse(text, parameters, data=shapes), _given(shapes)
    quadratic = read_quadratic(merged_powers(loss.expression), loss.parameters, data)
    compiled, w = compile_loss(loss), np.random.default_rng(0).standard_normal(len(loss.entries))
    value, gradient = compiled.value_and_gradient(w, data)
    hessian = np.array([compiled.hvp(w, direction, data) for direction in np.eye(len(w))])
    assert float(quadratic.value(w)) == pytest.approx(value, rel=1e-13)
    assert [float(one) for one in quadratic.gradient(w)] == pytest.approx(gradient, rel=1e-12, abs=1e-12)
    assert np.allclose(quadratic.hessian, hessian, rtol=1e-13, atol=1e-13)


def test_coefficients_are_exact() -> None:
    """Coefficients of a rational quadratic, against SymPy."""
    loss = Loss.parse("(x/3 - 2*y + 1/7)**2/5 - x*y + 0.1*x", ["x", "y"])
    quadratic = read_quadratic(loss.expression, loss.parameters, {})
    x, y = sp.symbols("x y")
    expected = (x / 3 - 2 * y + sp.Rational(1, 7)) ** 2 / 5 - x * y + x / 10
    point = {x: sp.Rational(3, 4), y: sp.Rational(-5, 8)}
    assert quadratic.value([0.75, -0.625]) == Fraction(str(expected.subs(point)))
    slopes = [Fraction(str(expected.diff(one).subs(point))) for one in (x, y)]
    assert quadratic.gradient([0.75, -0.625]) == slopes


def test_what_has_no_exact_quadratic_says_why() -> None:
    for text, why in (
        ("exp(x)", "degree"),
        ("sqrt(2)*x**2", "root"),
        ("x**2 + exp(2)*x", "exp"),
        ("a*x**2", "no values"),
    ):
        loss = Loss.parse(text, ["x"], data=["a"] if "a" in text else None)
        with pytest.raises(NotExactError, match=why):
            read_quadratic(loss.expression, loss.parameters, {})


def test_degrees_and_convexity_are_upper_bounds() -> None:
    for text, bound, convex in (
        ("x*y + 3", 2, False),
        ("(x + y)**2*5 + x", 2, True),
        ("-(x + y)**2", 2, False),
        ("x**3", 3, False),
        ("x**0", 0, True),
        ("2**(1/2)*x**2", 2, False),
        ("exp(y)*0 + x", float("inf"), False),
    ):
        loss = Loss.parse(text, ["x", "y"])
        assert degree_bounds(loss.expression, loss.parameters)[id(loss.expression)] <= bound
        if degree_bounds(loss.expression, loss.parameters)[id(loss.expression)] <= 2:
            assert is_visibly_convex(loss.expression, loss.parameters) <= convex


def test_a_power_of_a_root_is_merged_only_where_the_inside_is_nonnegative() -> None:
    signed = Loss.parse("sqrt(x)**2", ["x"])
    assert merged_powers(signed.expression) is signed.expression
    square = merged_powers(Loss.parse("sqrt(x**2 + y**2)**2").expression)
    assert degree_bounds(square, "xy")[id(square)] == 2


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("100*(x**2 - y)**2 + (x - 1)**2", "refuted"),
        ("(x**2 + y)**2 - x**4 - 2*x**2*y", "proved"),
        ("log(exp(x**2 + y**2))", "proved"),
        ("exp(x) + y**2", "refuted"),
        ("relu(x)**2 + y**2", "refuted"),
        ("(x + y)/(1 + x**2)", "refuted"),
        ("x**2 + y**2 + 1e-9*x**4", "refuted"),
        ("x + y", "proved"),
    ],
)
def test_is_it_quadratic(text: str, verdict: str) -> None:
    loss = Loss.parse(text, ["x", "y"])
    assert decide_loss(loss, {}, np.ones(2), np.random.default_rng(0)).claim.verdict == verdict


def test_a_quadratic_with_large_and_small_terms_is_not_refuted() -> None:
    """Third differences of a quadratic of functions are rounding, whatever its scale."""
    loss = Loss.parse("10**12*(x - 10**6)**2 + 10**(-12)*y**2 + log(exp(0*x))", ["x", "y"])
    assert decide_loss(loss, {}, np.ones(2), np.random.default_rng(0)).claim.verdict == "proved"


entries = st.integers(-4, 4)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(entries, min_size=n, max_size=n), min_size=n, max_size=n)))
def test_inertia_agrees_with_the_exact_characteristic_polynomial(rows: list[list[int]]) -> None:
    """Signs of all real roots by Descartes' rule, which is exact for symmetric matrices."""
    matrix = np.array([[rows[i][j] + rows[j][i] for j in range(len(rows))] for i in range(len(rows))], dtype=object)
    coefficients = sp.Matrix(matrix.tolist()).charpoly().all_coeffs()
    signs = [sp.sign(value) for value in coefficients if value]
    positive = sum(one != other for one, other in pairwise(signs))
    zero = len(coefficients) - 1 - max(k for k, value in enumerate(coefficients) if value)
    found = inertia_of(matrix)
    assert found.rank_is_proved
    assert found.is_decided
    assert (found.positive, found.negative, found.zero) == (positive, len(rows) - positive - zero, zero)


def test_inertia_at_any_condition_number() -> None:
    """Hilbert's matrix of order 25, of condition 1e36, and the same with the least eigenvalue made negative."""
    order, common = 25, 1
    for k in range(1, 2 * order):
        common = lcm(common, k)
    hilbert = np.array([[common // (i + j + 1) for j in range(order)] for i in range(order)], dtype=object)
    assert inertia_of(hilbert).is_definite
    hilbert[0, 0] -= common // 200  # more than 1/(H^-1)_00 = 1/625
    shifted = inertia_of(hilbert)
    assert (shifted.positive, shifted.negative) == (order - 1, 1)


@pytest.mark.parametrize("n", [2, 30, 80])
def test_inertia_of_doubles_of_condition_1e12(n: int) -> None:
    rng = np.random.default_rng(n)
    basis, _ = np.linalg.qr(rng.standard_normal((n, n)))
    matrix = (basis * np.logspace(-12, 0, n)) @ basis.T
    matrix = (matrix + matrix.T) / 2
    assert inertia_of(integers(matrix)[0]).is_definite
    values = np.linspace(-1, 1, n)
    signed = (basis * values) @ basis.T
    found = inertia_of(integers((signed + signed.T) / 2)[0])
    assert (found.positive, found.negative) == ((values > 0).sum(), (values < 0).sum())


def test_ranks_are_proved_by_hadamards_bound() -> None:
    factor = np.random.default_rng(0).integers(-3, 4, (4, 9)).astype(object)
    gram = to_flint(factor.T @ factor)
    assert has_rank_at_most(gram, 4)
    assert not has_rank_at_most(gram, 3)


@pytest.mark.parametrize("condition", [1e3, 1e12])
def test_the_refined_minimiser_has_many_digits(condition: float) -> None:
    """The residual of refinement in exact arithmetic, and the exact solution."""
    rng, n = np.random.default_rng(3), 40
    basis, _ = np.linalg.qr(rng.standard_normal((n, n)))
    matrix = (basis * np.logspace(-np.log10(condition), 0, n)) @ basis.T
    form = np.zeros((n + 1, n + 1))
    form[:n, :n] = (matrix + matrix.T) / 2
    form[:n, n] = form[n, :n] = rng.standard_normal(n)
    quadratic = Quadratic(*integers(form))
    refined = _refined(quadratic.form[:-1, :-1], -quadratic.form[:-1, -1])
    exact = minimiser(quadratic, range(n))
    assert refined is not None
    assert exact is not None
    assert not any(quadratic.gradient(exact))
    size = max(abs(one) for one in exact)
    assert max(abs(one - other) for one, other in zip(refined, exact, strict=True)) < size / 2**90


def test_a_linear_part_outside_the_range_has_no_minimiser() -> None:
    for text, attained in (("x**2 + y", False), ("(x + y)**2 + x + y", True), ("(x + y)**2 + x", False)):
        loss = Loss.parse(text, ["x", "y"])
        assert has_minimiser(read_quadratic(loss.expression, loss.parameters, {}), 1) is attained


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=6))
def test_doubles_are_integers_over_a_power_of_two(values: list[float]) -> None:
    try:
        whole, denominator = integers(np.array(values))
    except NotExactError:
        return
    assert [Fraction(int(one), denominator) for one in whole] == [Fraction(value) for value in values]
