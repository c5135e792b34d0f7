"""The free algebra of matrices: its normal form against NumPy, entry by entry, on random formulas."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
from form_values import Values

from symmetries import Loss, compile_loss
from symmetries.sizes.equivariance import Derivation
from symmetries.sizes.matrix_algebra import MatrixAlgebra
from symmetries.sizes.matrix_field import FamilyField, Setting, start
from symmetries.sizes.matrix_forms import Form, NotDecided
from symmetries.sizes.matrix_letters import letter_atom, random_letter
from symmetries.sizes.matrix_reading import Reading, matrix_shape

SHAPES = {"A": (3, 4), "B": (4, 3), "C": (3, 3), "G": (4, 4), "u": (3,), "v": (4,), "t": ()}

# formulas


def matrix(rng: random.Random, rows: int, columns: int, depth: int) -> str:
    """A random formula of that shape."""
    names = [name for name, shape in SHAPES.items() if shape == (rows, columns)]
    flipped = [f"{name}.T" for name, shape in SHAPES.items() if shape == (columns, rows)]
    if depth == 0:
        return rng.choice(names + flipped)
    inner = rng.choice((3, 4))

    def sub(m: int = rows, n: int = columns) -> str:
        return matrix(rng, m, n, depth - 1)

    column = {3: "u", 4: "v"}[rows]
    row = {3: "u", 4: "v"}[columns]
    return rng.choice(
        [
            lambda: f"({sub()} + {sub()})",
            lambda: f"({sub()} - 2*{sub()})",
            lambda: f"({sub(rows, inner)}@{sub(inner, columns)})",
            lambda: f"({sub(columns, rows)}).T",
            lambda: f"({sub()}*{sub()})",
            lambda: f"relu({sub()})",
            lambda: f"tanh({sub()}/9)",
            lambda: f"softmax({sub()}/9, axis={rng.choice((0, 1))})",
            lambda: f"({sub()}*{row})",
            lambda: f"(reshape({column}, ({rows}, 1))*{sub()})",
            lambda: f"outer({column}, {row})",
            lambda: f"({sub()} - mean({sub()}, axis=0))",
            lambda: f"({sub()} - sum({sub()}, axis=1, keepdims=True)/5)",
            lambda: f"({sub()}*sum({sub()}*{sub()}, axis=1, keepdims=True))",
            lambda: f"(t*{sub()})",
            lambda: f"abs({sub()})",
            lambda: f"maximum({sub()}, {sub()})",
            lambda: f"leaky_relu({sub()}, 1/3)",
            lambda: f"where({sub()} > {sub()}, {sub()}, 1)",
            lambda: f"({sub()}/sqrt(sum({sub()}**2, axis=1, keepdims=True)))",
            lambda: f"({sub()}/norm({sub()}))",
            lambda: f"({sub()}**3/9)",
            lambda: f"(diag({column})@{sub()})",
        ]
    )()


def scalar(rng: random.Random) -> str:
    """A random loss."""
    rows, columns = rng.choice((3, 4)), rng.choice((3, 4))
    inner = matrix(rng, rows, columns, rng.choice((1, 2)))
    return rng.choice(
        [
            f"sum(({inner})**2)",
            f"sum({inner})",
            f"trace(({inner})@({inner}).T)",
            f"sum(logsumexp(({inner})/9, axis={rng.choice((0, 1))}))",
            f"mean(({inner})*({matrix(rng, rows, columns, 1)}))",
            f"sum(diag(({inner})@({matrix(rng, columns, rows, 1)})))",
            f"{'u' if rows == 3 else 'v'}@({inner})@{'u' if columns == 3 else 'v'}",
        ]
    )


def values_of(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape) for name, shape in SHAPES.items()}


def value_of(loss: Loss, values: dict[str, np.ndarray]) -> float:
    return float(compile_loss(loss).value(np.concatenate([np.ravel(values[name]) for name in SHAPES])))


def as_matrices(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.reshape(value, matrix_shape(SHAPES[name])) for name, value in values.items()}


@pytest.mark.parametrize("seed", range(120))
def test_the_normal_form_has_the_value_of_the_formula(seed):
    loss = Loss.parse(scalar(random.Random(seed)), SHAPES)
    algebra = MatrixAlgebra()
    try:
        form = Reading(algebra).read(loss.expression)
    except NotDecided:
        pytest.skip("the expansion is too large")
    values = values_of(seed)
    expected = value_of(loss, values)
    assert Values(algebra, as_matrices(values)).form(form)[0, 0] == pytest.approx(expected, rel=1e-9, abs=1e-9)


FIELDS = [
    FamilyField({"A": "S@A", "B": "-B@S", "C": "S@C"}, {"S": "skew"}),
    FamilyField({"A": "D@A - A@E", "G": "E@G", "u": "D@u"}, {"D": "diagonal", "E": "diagonal"}),
    FamilyField({"A": "S@A@G", "v": "G@v", "t": "t"}, {"S": "generic"}),
    FamilyField({"C": "c@ones.T + C", "A": "ones@d.T", "v": "d"}, {"c": "generic", "d": "generic"}),
]


@pytest.mark.parametrize("seed", range(120))
def test_the_derivative_of_the_normal_form_is_the_derivative_of_the_loss(seed):
    loss = Loss.parse(scalar(random.Random(1000 + seed)), SHAPES)
    family = FIELDS[seed % len(FIELDS)]
    algebra = MatrixAlgebra()
    forms, derivation = start(Setting.of(loss), family, algebra)
    try:
        moved = derivation.of(Reading(algebra).read(loss.expression))
    except NotDecided:
        pytest.skip("no rule, or too large")
    rng = np.random.default_rng(seed)
    values = values_of(seed)
    known = as_matrices(values)
    for letter in derivation.letters:
        name, kind, _ = letter.key
        known[name] = random_letter(kind, letter.rows, letter.columns, rng).astype(float)
    oracle = Values(algebra, known)
    step = 1e-6
    change = {name: oracle.form(form).reshape(SHAPES[name]) for name, form in forms.items()}
    ahead, behind = (
        value_of(loss, {name: value + sign * step * change.get(name, 0) for name, value in values.items()})
        for sign in (1, -1)
    )
    scale = 1 + abs(value_of(loss, values))
    assert oracle.form(moved)[0, 0] == pytest.approx((ahead - behind) / (2 * step), rel=2e-4, abs=2e-4 * scale)


# laws


def letters(algebra: MatrixAlgebra, **shapes: tuple[int, int]) -> list[Form]:
    return [algebra.single(algebra.atom("symbol", name, *shape)) for name, shape in shapes.items()]


def equal(algebra: MatrixAlgebra, left: Form, right: Form) -> bool:
    return not algebra.add(left, algebra.scale(right, -1))


def test_traces_rotate_and_transpose():
    algebra = MatrixAlgebra()
    a, b, c = letters(algebra, a=(2, 3), b=(3, 4), c=(4, 2))
    cycle = algebra.trace(algebra.product(a, b, c))
    assert equal(algebra, cycle, algebra.trace(algebra.product(b, c, a)))
    assert equal(algebra, cycle, algebra.trace(algebra.transpose(algebra.product(c, a, b))))
    assert not equal(algebra, cycle, algebra.scale(cycle, 2))


def test_the_trace_of_a_skew_letter_with_a_symmetric_product_vanishes():
    algebra = MatrixAlgebra()
    (a,) = letters(algebra, a=(3, 5))
    skew = algebra.single(letter_atom(algebra, "S", "skew", 3, 3))
    assert not algebra.trace(algebra.product(skew, a, algebra.transpose(a)))
    generic = algebra.single(letter_atom(algebra, "T", "generic", 3, 3))
    assert algebra.trace(algebra.product(generic, a, algebra.transpose(a)))


def test_letters_and_inverses_cancel():
    algebra = MatrixAlgebra()
    g = algebra.single(letter_atom(algebra, "g", "invertible", 3, 3))
    inverse = algebra.single(letter_atom(algebra, "g", "invertible", 3, 3, inverse=True))
    q = algebra.single(letter_atom(algebra, "q", "orthogonal", 3, 3))
    one = algebra.identity(3)
    assert equal(algebra, algebra.multiply(g, inverse), one)
    assert equal(algebra, algebra.multiply(algebra.transpose(g), algebra.transpose(inverse)), one)
    assert not equal(algebra, algebra.multiply(g, algebra.transpose(inverse)), one)
    assert equal(algebra, algebra.multiply(q, algebra.transpose(q)), one)
    assert not equal(algebra, algebra.multiply(q, q), one)


def test_positive_diagonal_factors_leave_homogeneous_functions():
    algebra = MatrixAlgebra()
    (a,) = letters(algebra, a=(3, 4))
    d = algebra.single(algebra.power_letter("d", 3, Fraction(1)))
    squared = algebra.single(algebra.power_letter("d", 3, Fraction(2)))
    scaled = algebra.multiply(d, a)
    assert equal(algebra, algebra.function("relu", scaled), algebra.multiply(d, algebra.function("relu", a)))
    power = algebra.function("power:4", scaled)
    fourth = algebra.single(algebra.power_letter("d", 3, Fraction(4)))
    assert equal(algebra, power, algebra.multiply(fourth, algebra.function("power:4", a)))
    assert not equal(algebra, power, algebra.multiply(squared, algebra.function("power:4", a)))
    assert equal(algebra, algebra.function("sign", scaled), algebra.function("sign", a))
    tanh = algebra.function("tanh", scaled)
    assert not equal(algebra, tanh, algebra.multiply(d, algebra.function("tanh", a)))


def test_relu_knows_its_opposite_and_positive_factors():
    algebra = MatrixAlgebra()
    (a,) = letters(algebra, a=(3, 4))
    relu = algebra.function("relu", a)
    other = algebra.function("relu", algebra.scale(a, -2))
    assert equal(algebra, other, algebra.scale(algebra.add(relu, algebra.scale(a, -1)), 2))


def test_a_length_is_counted_by_its_measure():
    algebra = MatrixAlgebra(lambda length: (Fraction(1), (("n", Fraction(1)),)))
    ones = algebra.ones(5)
    counted = algebra.multiply(algebra.transpose(ones), ones)
    assert list(counted.terms) == [((("n", Fraction(1)),), (), ())]
    assert algebra.trace(algebra.identity(5)).terms == counted.terms


def test_long_products_are_not_expanded():
    text = "@".join(["(A@B + C)"] * 24)
    loss = Loss.parse(f"sum(({text})**2)", {"A": (3, 4), "B": (4, 3), "C": (3, 3)})
    algebra = MatrixAlgebra()
    form = Reading(algebra).read(loss.expression)
    assert len(form.terms) <= 128
    values = {"A": np.full((3, 4), 0.1), "B": np.full((4, 3), 0.2), "C": np.diag([0.5, 0.7, 0.9])}
    step = values["A"] @ values["B"] + values["C"]
    expected = (np.linalg.matrix_power(step, 24) ** 2).sum()
    assert Values(algebra, values).form(form)[0, 0] == pytest.approx(expected)


def test_an_expansion_stops_at_its_limit():
    algebra = MatrixAlgebra()
    many = [algebra.single(algebra.atom("symbol", f"a{k}", 2, 2)) for k in range(70)]
    total = algebra.add(*many)
    with pytest.raises(NotDecided, match="more than 4000 terms"):
        algebra.multiply(total, total)


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("sum(1/(A*A + 1))", "the power -1"),
        ("sum(log(A*A + 1))", "log"),
        ("sum(where(A > 1, A, 0))", "a choice by > 0"),
        ("sum(sign(A + 1))", "sign"),
        ("sum(tan(A))", "tan"),
        ("det(C)", "det"),
        ("sum(inv(C))", "inv"),
        ("sum(elu(A, 1))", "elu"),
        ("sum(concatenate([A, C], axis=1))", "concatenate"),
    ],
)
def test_what_stops_the_rules_is_named(formula, said):
    loss = Loss.parse(formula, {"A": (3, 4), "C": (3, 3)})
    derivation = Derivation(algebra := MatrixAlgebra(), {}, ())
    moved = {name: algebra.single(algebra.atom("symbol", name, *SHAPES[name])) for name in ("A", "C")}
    shift = {name: algebra.multiply(form, algebra.transpose(form)) for name, form in moved.items()}
    derivation.field = {name: algebra.multiply(shift[name], moved[name]) for name in moved}
    with pytest.raises(NotDecided) as caught:
        derivation.of(Reading(algebra).read(loss.expression))
    assert said in str(caught.value)
