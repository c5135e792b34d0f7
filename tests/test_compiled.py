"""The compiled loss: every operation's value, gradient and Hessian-vector product against independent oracles."""

from collections import Counter

import numpy as np
import pytest
from numeric import evaluate

from manifolds import InputError
from solvers.objective import Objective
from symmetries import Loss
from symmetries.array_algebra import RULES
from symmetries.compiled import Tape, compile_loss
from symmetries.expression import walk
from symmetries.operations import UNARY

SHAPES = {"x": (), "y": (), "w": (3,), "U": (3, 2), "A": (3, 3), "row": (1, 3)}

FORMULAS = [
    "x + sum(w) + sum(U + row.T)",
    "x*y*sum(w*row)*sum(U*w[0])",
    "sum(w**3) + x**(-2) + sum(abs(w)**(5/2)) + sqrt(x**2 + y**2)",
    *[f"sum({name}(w))*x + {name}(y)" for name in sorted(UNARY - {"log", "log1p", "sqrt"})],
    "log(1 + x**2) + sum(log1p(w**2)) + sum(sqrt(1 + U**2))",
    "sum(leaky_relu(w, 1/10)*[1, 2, 3]) + leaky_relu(x, y)",
    "sum(elu(w, y)*[1, 2, 3]) + elu(x)",
    "sum(maximum(w, x)*[1, 2, 3]) + sum(minimum(U, y)**2)",
    "sum(where(w > x, w**2, y*w)) + where(x <= y, x**3, y)",
    "sum((1 + x**2)**w) + (2 + sin(y))**x",
    "sum((A @ U)**2) + w @ A @ w + sum(row @ U) + sum(w @ U)*x",
    "sum((U.T @ A.T)**3)",
    "det(A)*x + det(A @ A) + det([[x]])",
    "sum(inv(A + 4*eye(3))*A) + trace(inv(eye(3)*(2 + x**2) + outer(w, w)))",
    "sum(reshape(U, (2, 3))**2 @ w) + sum(diag(A)**3) + sum(diag(w) @ U)",
    "sum(A[1, :]*A[:, 2]) + sum(A[::-1, 0:2]**2)*U[0, 1]",
    "sum(concatenate([U, A, row.T], axis=1)**2) + sum([w, 2*w]*[[1], [x]])",
    "sum(sum(U**2, axis=0)**2) + sum(sum(A, axis=(0, 1), keepdims=True)**3) + mean(w*row)",
    "logsumexp(w) + sum(logsumexp(A, axis=1)*w) + sum(logsumexp(U, axis=0, keepdims=True)**2) + logsumexp(A*x)",
    "sum(softmax(w)*w) + sum(softmax(A, axis=0)*A**2) + sum(log_softmax(U)**2)",
    "cross_entropy(A @ U, [[1, 0], [0, 1], [1/2, 1/2]])",
    "norm(A)*norm(w) + sum(kron(U.T, A))*x + dot(w, w) + pi*x + e*y",
    "Heaviside(x)*y**2 + sign(y)*x",
]


def split(w):
    parts, start = {}, 0
    for name, shape in SHAPES.items():
        stop = start + int(np.prod(shape, dtype=int))
        parts[name] = w[start:stop].reshape(shape)
        start = stop
    return parts


def point(seed):
    return np.random.default_rng(seed).normal(size=3 + 6 + 9 + 3 + 2)


@pytest.mark.parametrize("text", FORMULAS)
def test_value_gradient_and_hessian(text):
    loss = Loss.parse(text, SHAPES)
    compiled = compile_loss(loss)
    w, v = point(1), point(2)
    value, gradient = compiled.value_and_gradient(w)
    np.testing.assert_allclose(value, evaluate(loss.expression, split(w)), rtol=1e-12)
    h = 1e-6
    slopes = [(compiled.value(w + h * unit) - compiled.value(w - h * unit)) / (2 * h) for unit in np.eye(w.size)]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=2e-7 * (1 + abs(value)))
    change = (compiled.gradient(w + h * v) - compiled.gradient(w - h * v)) / (2 * h)
    scale = 1 + np.abs(change).max()
    np.testing.assert_allclose(compiled.hvp(w, v), change, rtol=1e-5, atol=1e-7 * scale)


def test_every_operation_is_tried():
    tried = {node.operation for text in FORMULAS for node in walk(Loss.parse(text, SHAPES).expression)}
    assert set(RULES) <= tried


@pytest.mark.parametrize(
    "matrix", [np.zeros((3, 3)), np.diag([1.0, 2.0, 0.0]), np.ones((3, 3)), np.diag([3.0, 0.0, 0.0])]
)
def test_determinant_of_a_singular_matrix(matrix):
    compiled = compile_loss(Loss.parse("det(A)", {"A": (3, 3)}))
    w = matrix.ravel()
    cofactors = [
        [(-1) ** (i + j) * np.linalg.det(np.delete(np.delete(matrix, i, 0), j, 1)) for j in range(3)] for i in range(3)
    ]
    np.testing.assert_allclose(compiled.gradient(w), np.ravel(cofactors), atol=1e-12)
    v = np.random.default_rng(0).normal(size=9)
    h = 1e-6
    change = (compiled.gradient(w + h * v) - compiled.gradient(w - h * v)) / (2 * h)
    np.testing.assert_allclose(compiled.hvp(w, v), change, atol=1e-8)


@pytest.mark.parametrize(
    ("text", "at", "value", "slope"),
    [
        ("softplus(x)", 800.0, 800.0, 1.0),
        ("softplus(x)", -800.0, 0.0, 0.0),
        ("sigmoid(x)", -800.0, 0.0, 0.0),
        ("logsumexp([x, 2*x])", 1000.0, 2000.0, 2.0),
        ("sum(softmax([x, 2*x])*[1, 2])", 1000.0, 2.0, 0.0),
        ("tanh(x)", 20.0, 1.0, 4 * np.exp(-40.0)),
        ("sigmoid(x)", 40.0, 1.0, np.exp(-40.0)),
        ("where(x > 0, log(x), 0)", -1.0, 0.0, 0.0),
        ("where(x > 0, sqrt(x), x)", -4.0, -4.0, 1.0),
        ("norm([x, x])", 0.0, 0.0, 0.0),
        ("relu(x)**2", 0.0, 0.0, 0.0),
    ],
)
def test_stable_at_the_edges(text, at, value, slope):
    compiled = compile_loss(Loss.parse(text))
    found = compiled.value_and_gradient(np.array([at]))
    np.testing.assert_allclose(found[0], value, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(found[1], [slope], rtol=1e-10, atol=1e-300)


def test_derivatives_against_many_digits():
    mpmath = pytest.importorskip("mpmath")
    compiled = compile_loss(Loss.parse("exp(sin(x))/(1 + x**2) + tanh(x)*atan(x)"))
    with mpmath.workdps(50):
        exact = [
            float(
                mpmath.diff(lambda x: mpmath.exp(mpmath.sin(x)) / (1 + x**2) + mpmath.tanh(x) * mpmath.atan(x), 0.7, k)
            )
            for k in (1, 2)
        ]
    np.testing.assert_allclose(compiled.gradient([0.7]), [exact[0]], rtol=1e-14)
    np.testing.assert_allclose(compiled.hvp([0.7], [1.0]), [exact[1]], rtol=1e-13)


def test_undefined_is_nan():
    compiled = compile_loss(Loss.parse("log(x) + y"))
    value, gradient = compiled.value_and_gradient([-1.0, 1.0])
    assert np.isnan(value)
    assert np.isnan(gradient).all()
    assert np.isnan(compiled.hvp([-1.0, 1.0], [1.0, 1.0])).all()
    assert np.isnan(compile_loss(Loss.parse("sum(inv([[x, x], [x, x]]))")).value([1.0]))


def test_data_and_constants():
    loss = Loss.parse("a*sum((Y - w)**2)", {"w": (2,)}, data={"Y": (2,)}, constants=["a"])
    compiled = compile_loss(loss)
    assert compiled.value([1.0, 2.0], {"Y": [0.0, 0.0], "a": 2.0}) == 10.0
    np.testing.assert_allclose(compiled.values([[1.0, 2.0], [0.0, 0.0]], {"Y": [0.0, 0.0], "a": 1.0}), [5.0, 0.0])
    for data in (None, {"Y": [0.0, 0.0]}, {"Y": [0.0], "a": 1.0}, {"Y": [0.0, 0.0], "a": 1.0, "b": 1.0}):
        with pytest.raises(InputError):
            compiled.value([1.0, 2.0], data)
    with pytest.raises(InputError, match="shape"):
        compiled.gradient([1.0], {"Y": [0.0, 0.0], "a": 2.0})
    assert compile_loss(loss) is compile_loss(loss)


def test_an_unused_parameter_has_gradient_zero():
    compiled = compile_loss(Loss.parse("x**2", ["x", "y"]))
    np.testing.assert_array_equal(compiled.gradient([3.0, 5.0]), [6.0, 0.0])
    np.testing.assert_array_equal(compiled.hvp([3.0, 5.0], [1.0, 1.0]), [2.0, 0.0])
    constant = compile_loss(Loss.parse("2 + 0*y", ["x", "y"]))
    np.testing.assert_array_equal(constant.gradient([3.0, 5.0]), [0.0, 0.0])
    np.testing.assert_array_equal(constant.hvp([3.0, 5.0], [1.0, 1.0]), [0.0, 0.0])


@pytest.mark.parametrize(
    ("text", "operations"),
    [
        ("(x - 1)**2*y + exp((x - 1)**2) + (x - 1)**2", {"add": 2, "power": 1, "multiply": 1, "function": 1}),
        ("sum((U @ A)**2) + sum(abs(U @ A)) + det(A)*det(A)", {"matmul": 1, "power": 1, "det": 1}),
        ("sum([1, 2]*w[0:2]) + sum([1, 3]*w[0:2])", {"array": 2, "gather": 1}),
        ("sum(w[0:2]**2) + sum(w[1:3]**2)", {"gather": 2, "power": 2}),
    ],
)
def test_a_subexpression_that_recurs_is_one_step(text, operations):
    shapes = {"x": (), "y": (), "w": (3,), "U": (2, 3), "A": (3, 3)}
    loss = Loss.parse(text, {name: shapes[name] for name in shapes if name in text})
    tape = Tape(loss.expression, tuple(loss.parameters))
    counts = Counter(step.node.operation for step in tape.steps)
    assert {name: counts[name] for name in operations} == operations
    assert counts["symbol"] == len(loss.parameters)
    assert tape.steps[-1].node is tape.root
    compiled, w = compile_loss(loss), np.random.default_rng(1).normal(size=compile_loss(loss).size)
    step = 1e-6 * np.eye(len(w))
    differences = [(compiled.value(w + one) - compiled.value(w - one)) / 2e-6 for one in step]
    np.testing.assert_allclose(compiled.gradient(w), differences, rtol=1e-6, atol=1e-7)
    turns = [(compiled.gradient(w + one) - compiled.gradient(w - one)) / 2e-6 for one in step]
    np.testing.assert_allclose([compiled.hvp(w, one) for one in np.eye(len(w))], turns, rtol=1e-6, atol=1e-6)


def test_objectives_of_one_loss_are_compiled_once():
    def declare():
        return Loss.parse("sum((Y - U @ V)**2) + 77*U[0, 0]", {"U": (2, 1), "V": (1, 2)}, data={"Y": (2, 2)})

    before = compile_loss.cache_info()
    for k in range(5):
        Objective.from_loss(declare(), {"Y": k * np.eye(2)}).value_and_grad(np.ones(4))
    after = compile_loss.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 4)
