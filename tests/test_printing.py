"""Expressions as text: what is written reads back to the same function, and is what people would write."""

import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numeric import evaluate

from manifolds import InputError
from symmetries import indexing, operations
from symmetries.expression import Node, array, number, pi, symbol, walk
from symmetries.formula import read_formula
from symmetries.printing import formula_text, latex, unicode_text

SHAPES = {"x": (), "y": (), "w": (3,), "U": (3, 2), "A": (2, 2), "row": (1, 3), "theta_1": ()}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("(x+2*y-7)**2+(2*x+y-5)**2", "(x + 2*y - 7)**2 + (2*x + y - 5)**2"),
        ("x**2/4 + y**2/9", "x**2/4 + y**2/9"),
        ("-x - -y", "-x + y"),
        ("x - (y - 1)", "x - (y - 1)"),
        ("-(x + y)**2", "-(x + y)**2"),
        ("(-x)**2", "(-x)**2"),
        ("(x**2)**3", "(x**2)**3"),
        ("x**y**2", "x**(y**2)"),
        ("(x*y)**x", "(x*y)**x"),
        ("x*(y*x)", "x*y*x"),
        ("x/(y/x)", "x/(y/x)"),
        ("1/sqrt(x**2 + y**2)", "1/sqrt(x**2 + y**2)"),
        ("x**(-2/3)", "1/x**(2/3)"),
        ("2*(x + y)/3", "2*(x + y)/3"),
        ("U@A@U.T", "U @ A @ U.T"),
        ("U@(A@U.T)", "U @ (A @ U.T)"),
        ("(U + 1)@A", "(U + 1) @ A"),
        ("trace(A@A)", "trace(A @ A)"),
        ("diag(A)", "diag(A)"),
        ("U[:, 0]", "U[:, 0]"),
        ("U[1]", "U[1, :]"),
        ("w[::-1]", "w[2::-1]"),
        ("w[0:1]", "reshape(w[0], (1,))"),
        ("U_2_1", "U[2, 1]"),
        ("sum(U, axis=0, keepdims=True)", "sum(U, axis=0, keepdims=True)"),
        ("logsumexp(U, axis=1)", "logsumexp(U, axis=1)"),
        ("softmax(U) + softmax(U, axis=0)", "softmax(U) + softmax(U, axis=0)"),
        ("where(x > 0, x, y)", "where(x > 0, x, y)"),
        ("where(x <= y, 1, 2)", "where(x - y <= 0, 1, 2)"),
        ("[[x, 1], [y, 1/2]]", "[[x, 1], [y, 1/2]]"),
        ("eye(2) + eye(2, 2)", "eye(2) + eye(2)"),
        ("ones((2, 3)) + zeros(3)", "ones((2, 3)) + zeros((3,))"),
        ("concatenate([U, U], axis=1)", "concatenate([U, U], axis=1)"),
        ("relu(w)*pi", "relu(w)*pi"),
        ("leaky_relu(w, 1/10)", "leaky_relu(w, 1/10)"),
    ],
)
def test_what_is_written(text, written):
    assert formula_text(read_formula(text, SHAPES)) == written
    assert formula_text(read_formula(written, SHAPES)) == written


@pytest.mark.parametrize("positions", [(5, 0, 3), (0, 2, 4, 1, 3, 5), (1, 1, 1)])
def test_picked_entries_without_a_pattern_are_written_one_by_one(positions):
    node = indexing.gather(symbol("U", (3, 2)), positions, (len(positions), 1))
    again = read_formula(formula_text(node), SHAPES)
    values = {"U": np.arange(6.0).reshape(3, 2)}
    np.testing.assert_array_equal(evaluate(again, values).ravel(), positions)


def scalar_numbers() -> st.SearchStrategy[Node]:
    return st.fractions(-3, 3, max_denominator=5).map(number)


LEAVES = st.one_of(
    scalar_numbers(), st.just(pi()), st.sampled_from(sorted(SHAPES)).map(lambda name: symbol(name, SHAPES[name]))
)
UNARY = ["exp", "tanh", "sigmoid", "relu", "abs", "sin", "softplus", "gelu", "sign", "atan"]


def attempt(build, *arguments) -> Node:
    """The operation where the shapes allow it, else its first argument."""
    try:
        return build(*arguments)
    except InputError:
        return next(argument for argument in arguments if isinstance(argument, Node))


def grow(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    pair = [operations.add, operations.multiply, operations.subtract, operations.matmul, operations.maximum]
    one = [operations.transpose, operations.sum_, operations.mean, operations.softmax, operations.logsumexp]
    one += [operations.diag, operations.negative, operations.trace, operations.log_softmax]

    def bounded(x: Node) -> Node:
        return operations.function("tanh", x)

    def square_plus(x: Node) -> Node:
        return operations.add(number(1), operations.square(x))

    return st.one_of(
        st.builds(attempt, st.sampled_from(pair), inner, inner),
        st.builds(attempt, st.sampled_from(pair), inner, inner),
        st.builds(attempt, st.sampled_from(one), inner),
        st.builds(lambda name, x: operations.function(name, bounded(x)), st.sampled_from(UNARY), inner),
        st.builds(lambda x, e: operations.power(square_plus(x), e), inner, st.fractions(-2, 3, max_denominator=3)),
        st.builds(lambda x, y: attempt(operations.exponential, square_plus(bounded(x)), bounded(y)), inner, inner),
        st.builds(lambda x, y: attempt(operations.divide, x, square_plus(y)), inner, inner),
        st.builds(attempt, st.just(lambda u, a, b: operations.where(u, ">", number(0), a, b)), inner, inner, inner),
        st.builds(attempt, st.just(lambda x: indexing.concatenate([x, x], -1)), inner),
        st.builds(attempt, st.just(lambda x: indexing.index(x, (slice(None, None, -1),))), inner),
        st.builds(attempt, st.just(lambda x: indexing.index(x, (slice(None, 1), 0))), inner),
        st.builds(attempt, st.just(lambda x: indexing.index(x, (0,))), inner),
        st.builds(attempt, st.just(lambda x: indexing.reshape(x, (-1, 1))), inner),
        st.builds(attempt, st.just(lambda x: operations.sum_(x, 0, True)), inner),
        st.builds(attempt, st.just(operations.leaky_relu), inner, scalar_numbers()),
    )


@settings(max_examples=400, deadline=None)
@given(st.recursive(LEAVES, grow, max_leaves=12))
def test_what_is_written_reads_back_to_the_same_function(node):
    rng = np.random.default_rng(5)
    values = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
    again = read_formula(formula_text(node), SHAPES)
    assert again.shape == node.shape
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(evaluate(again, values), evaluate(node, values), rtol=1e-9, atol=1e-9)
    assert latex(node).count("{") == latex(node).count("}")
    assert latex(node).count(r"\left") == latex(node).count(r"\right")
    assert unicode_text(node)


def test_depth_does_not_matter():
    node = symbol("x")
    for _ in range(50 * sys.getrecursionlimit()):
        node = operations.function("sin", node)
    assert formula_text(node).startswith("sin(sin(")
    assert latex(node).count("sin") == 50 * sys.getrecursionlimit()


def test_shared_parts_do_not_explode():
    node = symbol("x")
    for _ in range(100):
        node = operations.multiply(operations.function("sin", node), operations.function("cos", node))
    with pytest.raises(InputError, match="too long as text"):
        formula_text(node)
    assert sum(1 for _ in walk(node)) < 400


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x**2 + 9*theta_1**2", "x² + 9·θ₁²"),
        ("sum((Y - U@V)**2)", "sum((Y - U@V)²)"),
        ("x**-1", "x**-1"),
        ("x**2**3", "x**2³"),
        ("x**2.5", "x**2.5"),
        ("sqrt(alpha)*U_0_1", "√(α)·U₀₁"),
        ("U.T", "Uᵀ"),
        ("where(x >= 0, x, lam_12_3)", "where(x ≥ 0, x, lam₁₂,₃)"),
    ],
)
def test_unicode(text, shown):
    assert unicode_text(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x**2/4 - y", r"\frac{x^{2}}{4} - y"),
        ("(x + y)/2/(x - y)", r"\frac{x + y}{2 \left(x - y\right)}"),
        ("norm(w)", r"\left\lVert w\right\rVert"),
        ("sum((U@A)**2)", r"\left\lVert U A\right\rVert^{2}"),
        ("trace(A)", r"\operatorname{tr}\left(A\right)"),
        ("inv(A).T", r"\left(A^{-1}\right)^{\top}"),
        ("sqrt(x)*theta_1", r"\sqrt{x} \theta_{1}"),
        ("where(x >= 0, x, y)", r"\begin{cases}x & x \ge 0 \\ y & \text{otherwise}\end{cases}"),
        ("U[0, 1]", r"U_{0, 1}"),
        ("U*2*U", r"2 U \odot U"),
        ("abs(x)*e**y", r"\left|x\right| \exp\left(y\right)"),
        ("[[1, 1/2], [0, -1]]", r"\begin{bmatrix}1 & \frac{1}{2} \\ 0 & -1\end{bmatrix}"),
        ("2**x*pi", r"2^{x} \pi"),
        ("w**2", r"w^{\circ 2}"),
    ],
)
def test_latex(text, shown):
    written = latex(read_formula(text, SHAPES))
    assert written == shown


def test_arrays_are_written_exactly():
    node = array((Fraction(1, 3), Fraction(-2), Fraction(0), Fraction(5, 7)), (2, 2))
    assert formula_text(node) == "[[1/3, -2], [0, 5/7]]"
    assert read_formula(formula_text(node), {}).payload == node.payload
