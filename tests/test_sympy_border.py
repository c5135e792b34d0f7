"""SymPy in and out: the same function comes back, and what is not taken is named."""

import numpy as np
import pytest
import sympy
from numeric import evaluate

from manifolds import InputError
from symmetries import Loss
from symmetries.formula import read_formula
from symmetries.printing import formula_text
from symmetries.sympy_border import from_sympy, to_sympy

x, y = sympy.symbols("x y")
p = sympy.Symbol("p", positive=True)
U, V, Y = sympy.MatrixSymbol("U", 3, 2), sympy.MatrixSymbol("V", 2, 4), sympy.MatrixSymbol("Y", 3, 4)
A, w = sympy.MatrixSymbol("A", 3, 3), sympy.MatrixSymbol("w", 3, 1)
SHAPES = {"x": (), "y": (), "p": (), "U": (3, 2), "V": (2, 4), "Y": (3, 4), "A": (3, 3), "w": (3,)}
R = Y - U * V
d = sympy.Dummy("d")


@pytest.mark.parametrize(
    ("expr", "formula"),
    [
        ((x - y) ** 2 / 3 + sympy.Float("0.1") * x, "(x - y)**2/3 + x/10"),
        (sympy.Rational(1, 3) * x - sympy.pi, "x/3 - pi"),
        (sympy.E**x + sympy.E, "exp(x) + e"),
        (x**y + 2**x, "x**y + 2**x"),
        (1 / sympy.sqrt(x**2 + y**2), "1/sqrt(x**2 + y**2)"),
        (sympy.exp(-x) * sympy.Max(0, x, y) + sympy.Min(x, y), "exp(-x)*Max(0, x, y) + Min(x, y)"),
        (sympy.log(x) + sympy.sin(x) + sympy.cos(x) * sympy.tan(x), "log(x) + sin(x) + cos(x)*tan(x)"),
        (sympy.sinh(x) + sympy.cosh(x) - sympy.tanh(x), "sinh(x) + cosh(x) - tanh(x)"),
        (sympy.erf(x) + sympy.atan(x) + sympy.sign(x) + sympy.Abs(x), "erf(x) + atan(x) + sign(x) + abs(x)"),
        (sympy.sec(x) + sympy.coth(x), "1/cos(x) + 1/tanh(x)"),
        (sympy.Heaviside(x - 1), "Heaviside(x - 1)"),
        (sympy.Piecewise((x, x > 0), (y, x > -1), (1, True)), "where(x > 0, x, where(x > -1, y, 1))"),
        (sympy.Function("sigmoid")(x) + sympy.Function("relu")(y), "sigmoid(x) + relu(y)"),
        (sympy.Function("leaky_relu")(x, sympy.Rational(1, 10)), "leaky_relu(x, 1/10)"),
        (sympy.Trace(R * R.T), "trace((Y - U@V)@(Y - U@V).T)"),
        (w.T * A * w, "reshape(w @ A @ w, (1, 1))"),
        (sympy.Inverse(A) + A**2 * x, "inv(A) + x*(A@A)"),
        (sympy.Determinant(A), "det(A)"),
        (sympy.HadamardProduct(U, U) * 2, "2*U*U"),
        (U.applyfunc(sympy.Lambda(d, sympy.tanh(d) + d * x)), "tanh(U) + x*U"),
        (U.applyfunc(sympy.exp), "exp(U)"),
        (U[0, 1] * A[2, 2] + w[1, 0], "U[0, 1]*A[2, 2] + w[1]"),
        (U[1:3, 0:1], "U[1:3, 0:1]"),
        (sympy.Matrix([[x, 1], [y, x * y]]), "[[x, 1], [y, x*y]]"),
        (sympy.KroneckerProduct(U, V), "kron(U, V)"),
        (sympy.Identity(3) * A + sympy.OneMatrix(3, 3), "A + ones((3, 3))"),
        (sympy.Symbol("U_0_1") + sympy.Symbol("U[2,1]"), "U[0, 1] + U[2, 1]"),
        (sympy.Trace(U.T.as_explicit() * U), "sum(U**2)"),
        (p**3, "p**3"),
        (sympy.Integer(3), "3"),
        (0.1, "1/10"),
    ],
    ids=str,
)
def test_the_same_function_comes_in(expr, formula):
    rng = np.random.default_rng(2)
    values = {name: rng.uniform(0.4, 1.8, shape) for name, shape in SHAPES.items()}
    node, known = from_sympy(expr, SHAPES), read_formula(formula, SHAPES)
    assert node.shape == known.shape
    np.testing.assert_allclose(evaluate(node, values), evaluate(known, values), rtol=1e-12)


@pytest.mark.parametrize(
    ("expr", "named", "advice"),
    [
        (1 + sympy.LambertW(x * y), "LambertW(x*y)", "formula language"),
        (x + sympy.I * y, "I", "real"),
        (sympy.conjugate(x), "conjugate(x)", "real=True"),
        (sympy.re(x), "re(x)", "real=True"),
        (x + sympy.oo, "oo", "finite"),
        (sympy.nan, "nan", "finite"),
        (sympy.zoo, "zoo", "finite"),
        (sympy.Sum(x**2, (y, 1, 3)), "Sum(x**2, (y, 1, 3))", "doit"),
        (sympy.Function("f")(x), "f(x)", "formula language"),
        (sympy.Function("sigmoid")(x, y), "sigmoid(x, y)", "formula language"),
        (sympy.gamma(x) + 1, "gamma(x)", "formula language"),
        (sympy.Eq(x, y), "Eq(x, y)", "formula language"),
        (sympy.Piecewise((x, (x > 0) & (y > 0)), (y, True)), "(x > 0) & (y > 0)", "nest"),
        (sympy.Piecewise((x, x > 0)), "Piecewise", "True"),
        (x + sympy.Symbol("q"), "'q'", "declare"),
        (x + sympy.Symbol("U"), "'U'", "declare"),
        (sympy.Symbol("x", imaginary=True), "'x'", "real=True"),
        (x + sympy.Symbol("x", positive=True), "'x'", "once"),
        (sympy.Trace(sympy.MatrixSymbol("U", 2, 2)), "'U'", "agree"),
        (sympy.MatrixSymbol("U", sympy.Symbol("n"), 2), "'U'", "agree"),
        (A[sympy.Symbol("i"), 0], "A[i, 0]", "integers"),
        (A**x, "A**x", "product"),
        (sympy.Float("1e-9999"), "e-9999", "decimals"),
        ("x**2", "str", "Loss.parse"),
        (None, "NoneType", "SymPy"),
        (float("nan"), "nan", "decimals"),
    ],
    ids=str,
)
def test_what_is_not_taken_is_named(expr, named, advice):
    with pytest.raises(InputError) as caught:
        from_sympy(expr, SHAPES)
    assert named in caught.value.what
    assert advice in caught.value.cure


@pytest.mark.parametrize(
    "formula",
    [
        "sum((Y - U@V)**2)",
        "U @ V",
        "w/norm(w)",
        "softmax(U, axis=0)",
        "logsumexp(w) + x",
        "log_softmax(U)",
        "det(A) + trace(inv(A))",
        "sum(relu(U) + sigmoid(U) + softplus(U) + gelu(U))",
        "leaky_relu(x, 1/10) + elu(x - 1, y)",
        "where(x > y, x, y) + maximum(x, y)*minimum(x, 1)",
        "x**y + pi**x + e",
        "concatenate([U, U], axis=1)[0, 3] + sum(diag(A))",
        "sum(reshape(Y, (2, 6)), axis=0)",
        "U.T",
        "abs(x) + sign(x) + erf(x) + normal_cdf(x) + atan(x)",
        "[[1, x], [2, 1/3]]",
    ],
)
def test_out_and_in_again(formula):
    rng = np.random.default_rng(2)
    values = {name: rng.uniform(0.4, 1.8, shape) for name, shape in SHAPES.items()}
    node = read_formula(formula, SHAPES)
    again = from_sympy(to_sympy(node), SHAPES)
    expected = evaluate(node, values)
    np.testing.assert_allclose(evaluate(again, values).ravel(), expected.ravel(), rtol=1e-10)


def test_entries_are_real_symbols_with_the_names_of_the_entries():
    assert to_sympy(read_formula("U[0, 1] + w[2] - x", SHAPES)).free_symbols == {
        sympy.Symbol(name, real=True) for name in ("U[0,1]", "w[2]", "x")
    }


def test_what_is_too_large_for_sympy_is_refused_at_once():
    with pytest.raises(InputError, match="too large for SymPy"):
        to_sympy(read_formula("sum(P @ P)", {"P": (100, 100)}))
    with pytest.raises(InputError, match="axes"):
        to_sympy(read_formula("T", {"T": (2, 2, 2)}))


def test_a_long_sum_is_read():
    total = sympy.Add(*[sympy.Symbol(f"a{number}") * number for number in range(2_000)])
    assert len(from_sympy(total, {f"a{number}": () for number in range(2_000)}).arguments) == 1_999


def test_a_loss_from_sympy():
    loss = Loss(sympy.Trace(R * R.T), [U, V], data=[Y])
    assert loss.parameters == {"U": (3, 2), "V": (2, 4)}
    assert loss.data["Y"].shape == (3, 4)
    assert Loss.from_dict(loss.to_dict()) == loss
    assert formula_text(loss.expression) == loss.formula


def test_given_data_takes_the_place_of_its_symbols():
    loss = Loss((x - y) ** 2, "x", data={"y": 3})
    assert float(evaluate(loss.expression, {"x": 5.0})) == 4.0
    assert "y" in loss.formula
