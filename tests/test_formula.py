"""The formula language: what it means, and what it refuses, where, and with which advice."""

import copy
import json
import pickle
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy
from numeric import NUMPY, evaluate, meaning

from manifolds import InputError
from symmetries.expression import MAX_ENTRIES, symbols_of, walk
from symmetries.formula import FormulaError, Limits, read_formula
from symmetries.sympy_border import to_sympy
from symmetries.vocabulary import CHOICES, CONSTANTS, FUNCTIONS

SHAPES = {"x": (), "y": (), "z": (), "w": (5,), "U": (3, 2), "V": (2, 4), "Y": (3, 4), "A": (3, 3), "T": (2, 3, 4)}
PUBLIC = json.loads((Path(__file__).parent / "data" / "losses_public.json").read_text())

MEANINGS = """
x + 2*y - 7
-x**2
(-x)**2
2**-3*x
x - (y - z)
x/y/z
x/(y/z)
x*y/z*2/3
-x*-y
--x
+x
x**2**3
x**-2
x**(1/2)
x**(-2/3)
x**0.5
2.5e-3*x
1/3 + .5 + 2.
x**y
2**x
(x*y)**(x - y)
e**x
e**(2*x)
pi*x
sqrt(4)/3*x
w + x
U*x - 3
U + w[1:3]
T*Y
U @ V
(U.T @ Y).T
w @ w
U @ V @ Y.T
A @ w[:3]
w[:3] @ A @ w[2:]
U[0, 1]
U[0]
U[-1, :]
U[:, 0]
w[::2]
w[::-1]
w[4:1:-2]
w[:, None] * w[None, :]
T[1, :, 2:]
T[0][1]
A.T.T
sum(U)
sum(U, axis=0)
sum(U, 1)
sum(U, axis=-1, keepdims=True)
sum(T, axis=(0, 2))
sum(T, axis=(-1,), keepdims=True)
mean(U)
mean(T, axis=1)
trace(A)
trace(U.T @ U)
det(A)
inv(A) @ A
norm(U)
norm(U, axis=1)
dot(w, w)
dot(U, V)
dot(x, U)
outer(w, U)
kron(U, V)
exp(x) + log(x) + log1p(x) + sqrt(x) + abs(x) + Abs(-x)
sin(U) + cos(U) + tan(U)
sinh(x) - cosh(x)*tanh(x)
sigmoid(w) + softplus(w) + relu(w - 1) + gelu(w)
erf(x) + atan(x) + normal_cdf(x)
leaky_relu(w - 1, 1/10)
leaky_relu(w - 1, slope=x)
elu(w - 1)
elu(w - 1, x)
sign(w - 1)
maximum(U, x)
minimum(0, w - 1)
Max(0, x, y, w)
Min(x, -y)
softmax(w)
softmax(U, axis=0)
logsumexp(w)
logsumexp(U, axis=1)
log_softmax(U)
log_softmax(U, axis=0)
cross_entropy(Y, Y)
square(U - 1)
eye(3) - A
eye(2, 3)
ones((2, 3)) * 2
ones(3) + zeros((2, 3))
concatenate([U, U])
concatenate((U, Y), axis=1)
reshape(Y, (2, 6))
reshape(Y, -1)
reshape(Y, (4, -1))
diag(A)
diag(w)
where(x > y, x, y)
where(U - 1 <= 0, U, x)
where(x != y, 1, 2)
where(1 >= x, x, y)
where(x == x, x, y)
where(w < 1, w**2, 2*w - 1)
Heaviside(x - 1)
Heaviside(w - 1, 0)
Piecewise((x, x > 10), (y, x < 0), (z, True))
sum((Y - U@V)**2)
sum([[1, 2], [3, 4]] @ V)
sum([x, y, 1/2])
[[x, 1], [y, z]]
[w, 2*w]
"""


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(7)
    return {name: rng.uniform(0.3, 1.9, shape) for name, shape in SHAPES.items()}


@pytest.mark.parametrize("text", MEANINGS.split("\n")[1:-1])
def test_a_formula_means_what_numpy_says(text, values):
    expected = meaning(text.replace("[[1, 2], [3, 4]] @", "Z @"), {**values, "Z": np.array([[1, 2], [3, 4]])})
    np.testing.assert_allclose(evaluate(read_formula(text, SHAPES), values), expected, rtol=1e-12)


def test_every_word_of_the_language_is_in_the_table_above():
    words = set(
        MEANINGS.replace("(", " ").replace("*", " ").replace("[", " ").replace("+", " ").replace("-", " ").split()
    )
    assert {*FUNCTIONS, *CHOICES, *CONSTANTS} <= words
    assert {*FUNCTIONS, *CHOICES, *CONSTANTS} == set(NUMPY)


@pytest.mark.parametrize("loss", PUBLIC, ids=lambda loss: loss["name"])
def test_the_public_losses_mean_what_sympy_says(loss):
    names = [*loss["params"], *loss["data"], *loss["constants"]]
    node = read_formula(loss["expr"], dict.fromkeys(names, ()))
    rng = np.random.default_rng(3)
    point = dict(zip(names, rng.uniform(0.4, 1.6, len(names)), strict=True))
    symbols = {name: sympy.Symbol(name, real=True) for name in names}
    known = sympy.sympify(loss["expr"], locals=symbols)
    expected = known.evalf(30, subs={symbols[name]: value for name, value in point.items()})
    assert float(evaluate(node, point)) == pytest.approx(float(expected), rel=1e-9, abs=1e-12)
    assert set(symbols_of(node)) == {str(one) for one in known.free_symbols}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2.0000001", Fraction(20000001, 10000000)),
        ("1e-13", Fraction(1, 10**13)),
        ("0.1 + 0.2", Fraction(3, 10)),
        (".5e1", Fraction(5)),
        ("3/4 - 1/12", Fraction(2, 3)),
        ("2**-3", Fraction(1, 8)),
        ("-5/2", Fraction(-5, 2)),
        ("(2/3)**3", Fraction(8, 27)),
        ("4**(1/2)", Fraction(2)),
        ("(8/27)**(-1/3)", Fraction(3, 2)),
        ("sqrt(1/4)", Fraction(1, 2)),
        ("abs(-3) + sign(-2) + relu(-1)", Fraction(2)),
        ("123456789012345678901234567890", Fraction(123456789012345678901234567890)),
        ("1 - 0.9999999999999", Fraction(1, 10**13)),
    ],
)
def test_numbers_are_exact(text, value):
    node = read_formula(text, {})
    assert (node.operation, node.payload) == ("number", value)


def test_a_root_that_is_not_rational_stays_a_root():
    assert read_formula("sqrt(2)", {}).operation == "power"


@pytest.mark.parametrize(
    ("spelling", "same"),
    [
        ("U_0_1", "U[0, 1]"),
        ("w_3", "w[3]"),
        ("Max(0, x)", "maximum(0, x)"),
        ("Abs(x)", "abs(x)"),
        ("Piecewise((x, x > 0), (y, True))", "where(x > 0, x, y)"),
    ],
)
def test_the_spellings_of_sympy_are_taken(spelling, same):
    shown = [str(to_sympy(read_formula(text, SHAPES))) for text in (spelling, same)]
    assert shown[0] == shown[1]


def test_a_declared_name_comes_before_an_entry():
    node = read_formula("U_0_1", {"U": (3, 2), "U_0_1": ()})
    assert (node.operation, node.payload) == ("symbol", "U_0_1")


def test_unknown_names_are_scalars_where_that_is_asked_for():
    assert symbols_of(read_formula("b*a_1 + a_1", {}, implicit_scalars=True)) == {"b": (), "a_1": ()}


@pytest.mark.parametrize("text", ["nan*x", "inf*x", "oo + x", "E*x", "max*x"])
def test_words_of_other_languages_are_no_scalars_unless_declared(text):
    name = text.split("*")[0].split()[0]
    with pytest.raises(FormulaError, match="is not known"):
        read_formula(text, {}, implicit_scalars=True)
    assert read_formula(text, {name: (), "x": ()}).shape == ()


@pytest.mark.parametrize("name", ["\u0445", "alph\u0430", "\u039a", "\u03bf"])
def test_letters_drawn_like_latin_ones_are_refused(name):
    with pytest.raises(FormulaError, match="only looks like"):
        read_formula(f"{name} + x", {"x": ()}, implicit_scalars=True)


@pytest.mark.parametrize("name", ["\u03bb", "\u03bd", "\u0432\u0435\u0441"])
def test_letters_of_other_alphabets_are_read(name):
    assert read_formula(f"{name} + x", {"x": ()}, implicit_scalars=True).shape == ()


def test_equal_parts_are_one_object():
    node = read_formula("sum((U @ V - Y)**2) + sum((U @ V - Y)**2) + U[0, 0]*U_0_0", SHAPES)
    assert sum(part.operation == "matmul" for part in walk(node)) == 1
    assert sum(part.operation == "gather" for part in walk(node)) == 1


def test_a_formula_may_go_over_lines():
    assert read_formula("\n x +\n   y\t\n", SHAPES).operation == "add"
    with pytest.raises(FormulaError) as caught:
        read_formula("x +\n y^2", SHAPES)
    assert (caught.value.line, caught.value.column) == (2, 3)


REFUSED = [
    ("x^2", 2, "^", "write ** for a power"),
    ("x + foo", 5, "foo", "declare"),
    ("x + maxmum(x, y)", 5, "maxmum", "maximum"),
    ("y + ex", 5, "ex", "x"),
    ("np.exp(x)", 3, ".exp", "write exp without np."),
    ("x + torch.relu(x)", 10, ".relu", "write relu without torch."),
    ("U'", 2, "'", ".T"),
    ("U.transpose()", 2, ".transpose", "write .T"),
    ("x.real", 2, ".real", "real"),
    ("x.__class__", 2, ".__class__", ""),
    ("__import__", 1, "__import__", "rename"),
    ("x == 1", 3, "==", "where(c, a, b)"),
    ("(x > 1)*x", 2, "x > 1", "where(c, a, b)"),
    ("where(0 < x < 1, x, y)", 7, "0 < x < 1", "nest two where"),
    ("where(x, 1, 2)", 7, "x", "where(x > 0, a, b)"),
    ("where(x > 0, 1)", 1, "where(x > 0, 1)", "where(c, a, b)"),
    ("where(x > 0 and y > 0, 1, 2)", 13, "and", "nest two where"),
    ("lambda v: v", 1, "lambda", "write the body"),
    ("x if x else y", 3, "if", "where(c, a, b)"),
    ("[v for v in w]", 4, "for", "sum"),
    ("sum(v for v in w)", 7, "for", "sum"),
    ("(q := 3)", 4, ":=", "where it is used"),
    ("'x'", 1, "'", "quotes"),
    ('f"{x}"', 2, '"', "quotes"),
    ("{x}", 1, "{", "( )"),
    ("x // y", 3, "//", "/"),
    ("x % y", 3, "%", "/"),
    ("x << 2", 3, "<<", "where"),
    ("~x", 1, "~", "where"),
    ("x; y", 2, ";", "one formula"),
    ("x, y", 2, ",", "one formula"),
    ("x = y", 3, "=", "formula alone"),
    ("x # y", 3, "#", "comment"),
    ("2x", 1, "2x", "2*x"),
    ("3(x)", 1, "3(x)", "*"),
    ("x y", 3, "y", "*"),
    ("x(y)", 1, "x", "x*(...)"),
    ("1_000*x", 1, "1_000", "write 1000"),
    ("0x10*x", 1, "0x10", "integers"),
    ("3j*x", 1, "3j", "integers"),
    ("007*x", 1, "007", "write 7"),
    ("x +", 4, "", "finish"),
    ("", 1, "", "finish"),
    ("(x", 1, "(", "close"),
    ("x)", 2, ")", "brackets"),
    ("(x]", 3, "]", "brackets"),
    ("x ** * y", 6, "*", "remove"),
    ("sum(*w)", 5, "*", "remove"),
    ("sum(**w)", 5, "**", "remove"),
    ("sum()", 1, "sum()", "sum(x, axis=None, keepdims=False)"),
    ("sum(U, axes=0)", 13, "axes", "sum(x, axis=None, keepdims=False)"),
    ("sum(U, 0, axis=0)", 16, "axis", "sum("),
    ("sum(U, axis=x)", 13, "x", "integer"),
    ("sum(U, axis=1/2)", 13, "1/2", "integer"),
    ("sum(U, axis=7)", 1, "sum(U, axis=7)", "axis"),
    ("sum(U, keepdims=1)", 17, "1", "True or False"),
    ("sin(x, y)", 8, "y", "sin(x)"),
    ("sin", 1, "sin", "sin(x)"),
    ("ln(x)", 1, "ln", "log(x)"),
    ("x + max(x, y)", 5, "max", "maximum"),
    ("U[3, 0]", 1, "U[3, 0]", "below"),
    ("U[0, 0, 0]", 1, "U[0, 0, 0]", "each axis"),
    ("x[0]", 1, "x[0]", "each axis"),
    ("U[x]", 3, "x", "integer"),
    ("U[[0, 1]]", 3, "[0, 1]", "integer"),
    ("U[1:1]", 1, "U[1:1]", "widen"),
    ("U[::0]", 3, "::0", "step"),
    ("U_7_0", 1, "U_7_0", "below"),
    ("U @ Y", 1, "U @ Y", ".T"),
    ("U + Y", 1, "U + Y", "shapes equal"),
    ("det(U)", 1, "det(U)", "shapes"),
    ("concatenate(U)", 13, "U", "[a, b]"),
    ("[[1, 2], [3]]", 1, "[[1, 2], [3]]", "same length"),
    ("[]", 1, "[]", "same length"),
    ("1/0", 1, "1/0", "remove"),
    ("x/(2 - 2)", 1, "x/(2 - 2)", "remove"),
    ("0**-1", 1, "0**-1", "remove"),
    ("sqrt(-1)", 1, "sqrt(-1)", "not negative"),
    ("log(0)", 1, "log(0)", "domain"),
    ("(-2)**x", 1, "(-2)**x", "positive base"),
    ("True", 1, "True", "1 and 0"),
    ("x + None", 5, "None", "1 and 0"),
    ("...", 1, ".", "remove"),
    ("x − y", 3, "−", "write -"),
    ("x × y", 3, "×", "write *"),
    ("x²", 2, "²", "**2"),
    ("ｘ + y", 1, "ｘ", "write x"),
    ("𝐱", 1, "𝐱", "write x"),
    ("x\0", 2, "\0", "remove"),
    ("E + x", 1, "E", "e for the base"),
    ("Piecewise((x, x > 0))", 1, "Piecewise((x, x > 0))", "True"),
    ("Piecewise((x, True), (y, x > 0))", 22, "(y, x > 0)", "Piecewise"),
    ("Piecewise(x)", 11, "x", "Piecewise"),
    ("ones((10**9,))", 1, "ones((10**9,))", "smaller"),
    ("eye(100000)", 1, "eye(100000)", "smaller"),
    ("zeros((0, 2))", 1, "zeros((0, 2))", "[3, 2]"),
    ("x**20000", 1, "x**20000", "smaller exponent"),
    ("9**9**9**9", 4, "9**9**9", "smaller exponent"),
    ("10**9999", 1, "10**9999", "smaller"),
    ("1e99999", 1, "1e99999", "smaller"),
    ("1e-99999", 1, "1e-99999", "smaller"),
]


@pytest.mark.parametrize(("text", "column", "word", "cure"), REFUSED, ids=[case[0][:20] for case in REFUSED])
def test_the_error_names_the_column_the_word_and_what_to_write(text, column, word, cure):
    with pytest.raises(FormulaError) as caught:
        read_formula(text, SHAPES)
    error = caught.value
    assert (error.column, error.word) == (column, word)
    assert cure in error.cure
    assert str(error).startswith(f"column {column}: ")
    assert error.why


def test_the_column_is_right_inside_what_is_read_in_pieces():
    text = "+".join(["x*(y + (z - (x + 1)))"] * 400) + " + sin(cos((tan((x + foo)))))"
    with pytest.raises(FormulaError) as caught:
        read_formula(text, SHAPES)
    assert (caught.value.column, caught.value.word) == (text.index("foo") + 1, "foo")


def test_the_column_counts_letters_not_bytes():
    with pytest.raises(FormulaError) as caught:
        read_formula("α*β + (γ*δ + nope)", dict.fromkeys("αβγδ", ()))
    assert (caught.value.column, caught.value.word) == (14, "nope")


def test_a_formula_must_be_text():
    with pytest.raises(InputError, match="int"):
        read_formula(3, {})  # type: ignore[arg-type]


@pytest.mark.parametrize("clone", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_the_error_survives_copying_and_pickling(clone):
    with pytest.raises(FormulaError) as caught:
        read_formula("x +\n y^2", SHAPES)
    twin = clone(caught.value)
    assert type(twin) is FormulaError
    assert str(twin) == str(caught.value)
    assert (twin.column, twin.word, twin.line, twin.cure) == (3, "^", 2, caught.value.cure)


@pytest.mark.parametrize("operator", ["+", "-", "*", "/"])
def test_long_chains_are_read(operator):
    node = read_formula(operator.join(["x"] * 20_000), SHAPES)
    expected = {"+": 20_000, "-": 2 - 20_000, "*": 1, "/": 1}[operator]
    assert float(evaluate(node, {"x": 1.0})) == expected


def test_long_chains_in_brackets_are_read():
    inner = " - ".join(f"{number}*y" for number in range(3_000))
    node = read_formula(f"x + ({inner} - (x*{'*'.join(['z'] * 500)}))**2", SHAPES)
    value = (-sum(range(1, 3_000)) * 2 - 3) ** 2 + 3
    assert float(evaluate(node, {"x": 3.0, "y": 2.0, "z": 1.0})) == value


def test_long_products_in_a_sum_are_read():
    product = "*".join(["y"] + ["z"] * 300)
    node = read_formula(f"x - {product} + x/{product.replace('*', '/')}", SHAPES)
    power = 1.01**300
    expected = 7 - 2 * power + 7 / 2 / power
    assert float(evaluate(node, {"x": 7.0, "y": 2.0, "z": 1.01})) == pytest.approx(expected, rel=1e-12)


def test_a_long_power_is_refused_before_it_is_computed():
    started = time.perf_counter()
    with pytest.raises(FormulaError, match="too large"):
        read_formula("((7**1100)**9999)", SHAPES)
    assert time.perf_counter() - started < 0.5


def test_deep_brackets_are_read_and_deeper_ones_are_refused():
    depth = Limits().depth
    text = "(1 + " * depth + "x" + ")" * depth
    assert float(evaluate(read_formula(text, SHAPES), {"x": 1.0})) == depth + 1
    nested = "sin(" * depth + "x" + ")" * depth
    assert float(evaluate(read_formula(nested, SHAPES), {"x": 1.0})) < 0.2
    with pytest.raises(FormulaError, match="too deep"):
        read_formula(f"({text})", SHAPES)


@pytest.mark.parametrize(
    ("limits", "text", "word"),
    [
        (Limits(characters=5), "x + y + z", "too long"),
        (Limits(depth=2), "((x + (y)))", "too deep"),
        (Limits(repeats=2), "---x", "in a row"),
        (Limits(repeats=2), "x**2**2**2", "in a row"),
        (Limits(repeats=2), "A.T.T.T", "in a row"),
        (Limits(name=3), "abcd", "too long"),
        (Limits(arguments=3), "Max(x, y, x, y)", "too long"),
        (Limits(digits=3), "1234*x", "too many digits"),
        (Limits(digits=3), "x*(999*999)", "too large"),
        (Limits(exponent=3), "x**4", "exponent"),
        (Limits(exponent=3), "x**(1/4)", "exponent"),
        (Limits(axes=2), "T*1", "axes"),
        (Limits(entries=20), "sum(U*2 + 3*U) - Y", "too large"),
        (Limits(entries=20), "eye(5)", "too large"),
        (Limits(products=20), "U @ V", "too large"),
        (Limits(products=20), "det(A)", "too large"),
    ],
)
def test_each_limit_is_enforced(limits, text, word):
    read_formula(text, {**SHAPES, "abcd": ()})
    with pytest.raises(FormulaError, match=word):
        read_formula(text, {**SHAPES, "abcd": ()}, limits=limits)


def test_an_array_of_the_largest_size_is_read():
    assert read_formula(f"sum(ones({MAX_ENTRIES}))", {}).shape == ()
