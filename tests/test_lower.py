"""From arrays to scalars: every operation written out entry by entry has the value of the array."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from oracle import Sampler, evaluate

from manifolds import InputError
from symmetries import Loss
from symmetries.floating import evaluate_floats
from symmetries.lower import DETERMINANT_LIMIT, determinant, exact_quotient, inverse, lower, lower_array
from symmetries.scalar import ScalarGraph
from symmetries.straight_line import compile_program

SHAPES = {"x": (), "y": (), "w": (3,), "U": (3, 2), "V": (2, 4), "A": (3, 3)}

FORMULAS = """
sum(U@V) + trace(A)
sum(U.T@A@U)
w@A@w
det(A)
sum(inv(A))
sum(inv(A)@A)
norm(w) + norm(U)
sum(outer(w, U))
sum(kron(U, V))
sum(U*x - w[:, None])
sum(V[1, ::2]) + V[0, -1]
sum(concatenate([U, A], axis=1)**3)
sum(reshape(V, (4, 2))@U.T)
mean(U, axis=0)@V@ones(4)
sum(exp(U)) - sum(log(A)) + sin(V[0, 0])*cos(w[0])
sum(tanh(w) + sinh(w)*cosh(w) + tan(w))
sum(sigmoid(U) + softplus(U - 1)) + sum(gelu(w) + erf(w) + atan(w))
sum(relu(U - 1/2)) + sum(abs(w - 1/2) + sign(w - 1/2))
sum(leaky_relu(w - 1/2, x) + elu(w - 1/2) + elu(w - 1/2, y))
sum(maximum(U, x)) - sum(minimum(w, y))
sum(where(w > 1/2, w**2, -w)) + where(x < y, x, y)
sum(softmax(w)*w) + sum(softmax(U, axis=0)**2)
logsumexp(w) + sum(logsumexp(U, axis=1))
cross_entropy(A, softmax(A))
x**y + x**(3/2) + x**(-1/3) + 2**x
sqrt(x**2 + y**2)/(x + y)
normal_cdf(x - y) + log1p(x)
""".strip().splitlines()


@pytest.mark.parametrize("text", FORMULAS)
def test_the_scalar_form_has_the_value_of_the_array_form(text: str) -> None:
    loss = Loss.parse(text, SHAPES)
    graph = ScalarGraph()
    program = compile_program(graph, [lower(graph, loss.expression)], loss.entries)
    sampler = Sampler(loss, positive=True)
    points = sampler.points(25)
    got = evaluate_floats(program, sampler.entries(points).astype(float))[program.outputs[0]]
    expected = evaluate(loss.expression, points).real.astype(float)
    assert np.isfinite(expected).all()
    assert np.allclose(got, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_determinant_and_inverse_of_numbers(size: int) -> None:
    rng = np.random.default_rng(size)
    numbers = rng.integers(-5, 6, (size, size)) + 17 * np.eye(size, dtype=int)
    graph = ScalarGraph()
    matrix = np.array([[graph.constant(int(value)) for value in row] for row in numbers], dtype=object)
    exact = sympy.Matrix(numbers.tolist())
    value = graph.value_of(determinant(graph, matrix))
    assert value == int(exact.det())
    for got, expected in zip(inverse(graph, matrix).ravel(), exact.inv(), strict=True):
        entry = graph.value_of(int(got))
        assert entry is not None
        assert sympy.Rational(int(entry.p), int(entry.q)) == expected


def test_the_determinant_of_symbols_is_multiplicative() -> None:
    loss = Loss.parse("det(A@B) - det(A)*det(B)", {"A": (2, 2), "B": (2, 2)})
    other = Loss.parse("det(A.T) - det(A)", {"A": (3, 3)})
    for one in (loss, other):
        graph = ScalarGraph()
        program = compile_program(graph, [lower(graph, one.expression)], one.entries)
        points = np.random.default_rng(0).normal(size=(len(one.entries), 10))
        assert np.allclose(evaluate_floats(program, points)[program.outputs[0]], 0)


def test_a_large_determinant_is_refused() -> None:
    size = DETERMINANT_LIMIT + 1
    with pytest.raises(InputError):
        lower(ScalarGraph(), Loss.parse("det(A)", {"A": (size, size)}).expression)


def test_an_array_keeps_its_shape() -> None:
    graph = ScalarGraph()
    node = Loss.parse("sum(U@V)", {"U": (3, 2), "V": (2, 4)}).expression.arguments[0]
    assert lower_array(graph, node).shape == (3, 4)


@pytest.mark.parametrize("relation", ["==", "!="])
def test_a_choice_on_a_thin_set_is_refused(relation: str) -> None:
    with pytest.raises(InputError, match="where"):
        lower(ScalarGraph(), Loss.parse(f"where(x {relation} y, x, y)").expression)


def test_exact_quotients() -> None:
    graph = ScalarGraph()

    def node(text: str) -> int:
        return lower(graph, Loss.parse(text, ["x", "y"]).expression)

    assert exact_quotient(graph, node("x**2 - y**2"), node("x - y")) == node("x + y")
    assert exact_quotient(graph, node("x**2 + y**2"), node("x - y")) is None
    assert exact_quotient(graph, node("x"), node("x - x")) is None
