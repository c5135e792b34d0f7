"""Verification of fields and algebras: exact verdicts, counterexamples that hold, honest numbers."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from public_losses import BY_NAME, public_algebra, public_loss

from manifolds import InputError
from symmetries import Loss, VectorField, derive, verify

SYMMETRIC = [name for name, record in BY_NAME.items() if record["expected_dim"]]


def exact_derivative(text, field, point):
    """X.L at a point by SymPy."""
    names = sympy.symbols(list(point))
    loss = sympy.sympify(text, locals={str(n): n for n in names})
    total = sum(sympy.sympify(c) * sympy.diff(loss, sympy.Symbol(e)) for e, c in field.items())
    return total.subs({name: sympy.Rational(value) for name, value in zip(names, point.values(), strict=True)})


@pytest.mark.parametrize("name", BY_NAME)
def test_derived_algebras_are_proved(name):
    certificate = verify(public_loss(name), public_algebra(name), samples=16)
    assert certificate.verdict == "proved"
    assert len(certificate.claims) == public_algebra(name).dimension + 1
    for claim in certificate.claims[:-1]:
        evidence = claim.evidence
        assert evidence["counterexample"] is None
        assert 0 <= evidence["worst_residual"] <= evidence["tolerance"]
        assert evidence["samples"] == 16


def moved_fields(name, step):
    """The first generator moved out of the derived space along single coordinates."""
    algebra = public_algebra(name)
    field = dict(algebra.generators[0].components)
    for entry in algebra.loss.entries[:4]:
        if verify(algebra.loss, VectorField({entry: entry}), samples=4).verdict != "proved":
            yield VectorField({**field, entry: field.get(entry, "0") + f" + {step}*{entry}"})


@pytest.mark.parametrize("name", SYMMETRIC)
def test_a_field_moved_by_a_ten_millionth_is_refuted(name):
    for field in moved_fields(name, "1/10000000"):
        claim = verify(public_loss(name), field, samples=16).claims[0]
        assert claim.verdict == "refuted"
        example = claim.evidence["counterexample"]
        assert set(example["point"]) >= set(public_loss(name).entries)
        assert Fraction(example["value"]) != 0


@pytest.mark.parametrize(
    "name", ["sumsq3", "mf222", "coulomb", "relu_221", "softmax_2x3", "batchnorm_relu", "lse_centered"]
)
def test_a_field_moved_by_1e_13_is_refuted(name):
    for field in moved_fields(name, "1/10000000000000"):
        assert verify(public_loss(name), field, samples=8).verdict == "refuted"


def test_a_counterexample_is_small_exact_and_true():
    text, field = "(x*y - z)**2 + x**2", {"x": "x", "y": "-y + 1/10000000000000*x"}
    claim = verify(Loss.parse(text, ["x", "y", "z"]), VectorField(field)).claims[0]
    example = claim.evidence["counterexample"]
    assert example["exact"]
    assert all(abs(Fraction(value)) <= 3 for value in example["point"].values())
    assert exact_derivative(text, field, example["point"]) == sympy.Rational(example["value"])


def test_a_near_symmetry_of_a_transcendental_loss():
    loss = Loss.parse("log(exp(x) + exp(y)) - x")
    assert verify(loss, VectorField({"x": "1", "y": "1"})).verdict == "proved"
    claim = verify(loss, VectorField({"x": "1", "y": "1 + 1/10000000000000"})).claims[0]
    assert claim.verdict == "refuted"
    assert claim.evidence["counterexample"]["digits"] == 100
    assert 1e-14 < claim.evidence["counterexample"]["residual"] < 1e-12


def test_several_fields_and_data():
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (2, 1), "V": (1, 2)}, data={"Y": (2, 2)})
    good = VectorField({"U[0,0]": "U[0,0]", "U[1,0]": "U[1,0]", "V[0,0]": "-V[0,0]", "V[0,1]": "-V[0,1]"})
    bad = VectorField({"U[0,0]": "U[1,0]", "U[1,0]": "-U[0,0]"})
    certificate = verify(loss, [good, bad])
    assert [claim.verdict for claim in certificate.claims] == ["proved", "refuted"]
    assert certificate.verdict == "refuted"
    assert set(certificate.claims[1].evidence["counterexample"]["point"]) >= set(loss.entries + loss.data_entries)


def test_moving_data():
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (1, 1), "V": (1, 1)}, data={"Y": {"shape": [1, 1], "moves": True}})
    field = VectorField({"U[0,0]": "U[0,0]", "V[0,0]": "-V[0,0]"})
    assert verify(loss, field).verdict == "proved"
    assert verify(loss, VectorField({"Y[0,0]": "1", "U[0,0]": "1/V[0,0]"})).verdict == "proved"
    assert verify(loss, VectorField({"Y[0,0]": "Y[0,0]"})).verdict == "refuted"


def test_constants_may_stand_in_the_coefficients():
    loss = Loss.parse("(x/a)**2 + (y/b)**2", ["x", "y"], constants=["a", "b"])
    assert verify(loss, VectorField({"x": "-a**2*y", "y": "b**2*x"})).verdict == "proved"
    assert verify(loss, VectorField({"x": "-a*y", "y": "b*x"})).verdict == "refuted"
    assert verify(loss, VectorField({"x": "-sqrt(a**2)*y", "y": "b**2*x/sqrt(a**2)"})).verdict == "proved"


def test_what_only_numbers_see_is_measured():
    loss = Loss.parse("(normal_cdf(x) - (1 + erf(x/sqrt(2)))/2)*y + z**2*0 + normal_cdf(x)*0 + sin(x)**2 + cos(x)**2")
    assert verify(loss, VectorField({"y": "1"})).verdict in {"proved", "measured"}


def test_undefined_losses_are_refused():
    for text in ("log(-x**2 - 1)", "sqrt(-1 - x**2)", "log(-exp(x))"):
        with pytest.raises(InputError) as error:
            verify(Loss.parse(text), VectorField({"x": "x"}))
        assert error.value.cure


@pytest.mark.parametrize(
    "subject", [None, "x", {"x": "y"}, [], [1], 3, derive], ids=["none", "text", "mapping", "empty", "list", "int", "f"]
)
def test_unknown_subjects_are_refused(subject):
    with pytest.raises(InputError):
        verify(Loss.parse("x**2"), subject)


@pytest.mark.parametrize("components", [{"z": "1"}, {"x": "q"}, {"x": "[x, y]"}, {"x": "x +"}, {"U[0]": "x"}])
def test_fields_that_do_not_fit_are_refused(components):
    with pytest.raises(InputError):
        verify(Loss.parse("x**2 + y**2"), VectorField(components))


@pytest.mark.parametrize("samples", [0, -1, 1.5, True])
def test_the_number_of_samples_is_checked(samples):
    with pytest.raises(InputError):
        verify(Loss.parse("x**2"), VectorField({"x": "x"}), samples=samples)


def test_the_seed_decides_the_points():
    loss, field = Loss.parse("x**2 + sin(y)"), VectorField({"x": "y"})
    assert verify(loss, field, rng=3) == verify(loss, field, rng=np.random.default_rng(3))


MONOMIALS = st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1))


@st.composite
def losses_and_fields(draw):
    terms = draw(st.dictionaries(MONOMIALS, st.integers(-3, 3), min_size=1, max_size=4))
    rows = draw(st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=2, max_size=2))
    return terms, rows


@settings(max_examples=60, deadline=None)
@given(losses_and_fields())
def test_the_verdict_is_that_of_an_expansion(case):
    terms, rows = case
    text = " + ".join(f"({value})*x**{i}*y**{j}*d**{k}" for (i, j, k), value in terms.items())
    x, y, d = sympy.symbols("x y d")
    loss = sum(value * x**i * y**j * d**k for (i, j, k), value in terms.items())
    parts = [rows[0][0] * x + rows[0][1] * y, rows[1][0] * x + rows[1][1] * y]
    zero = sympy.expand(parts[0] * sympy.diff(loss, x) + parts[1] * sympy.diff(loss, y)) == 0
    field = VectorField({"x": f"({rows[0][0]})*x + ({rows[0][1]})*y", "y": f"({rows[1][0]})*x + ({rows[1][1]})*y"})
    declared = Loss.parse(text, ["x", "y"], data=["d"])
    assert verify(declared, field, samples=8).verdict == ("proved" if zero else "refuted")


def test_functions_of_a_field_do_not_hide_that_it_crosses_a_pole():
    zero = "exp(2*x) - exp(x)**2"
    certificate = verify(Loss.parse("y**2 + abs(x)/x", ["x", "y"]), VectorField({"x": "1", "y": zero}))
    assert certificate.verdict == "refuted"
    assert "jumps" in certificate.claims[0].reason


@pytest.mark.parametrize(
    ("formula", "field"),
    [
        ("y**2 + sign(x)", {"x": "-200*x*exp(x)"}),  # large steps leap over x = 0, which is never reached
        ("atan(y/x)", {"x": "x*log((x**2 + y**2)**2)", "y": "2*y*log(x**2 + y**2)"}),  # it grows to infinity
    ],
)
def test_a_numeric_flow_that_leaves_its_orbit_refutes_nothing(formula, field):
    assert verify(Loss.parse(formula, ["x", "y"]), VectorField(field)).verdict in ("proved", "undecided")


def test_a_jump_across_which_a_flow_leads_refutes():
    assert verify(Loss.parse("y**2 + sign(x)", ["x", "y"]), VectorField({"x": "exp(x)"})).verdict == "refuted"


@pytest.mark.parametrize(
    ("formula", "field"),
    [
        ("x**2 + y**2", {"x": "-y*x**(1/3)", "y": "x*sign(x)*abs(x)**(1/3)"}),
        ("x**2 + y**2", {"x": "-y*exp(log(x))", "y": "x*x"}),
        ("log(x*y) + log(x)", {"x": "-x/2", "y": "sqrt(y**2)"}),
        ("abs(x)*y**2", {"x": "-2*x*sign(y)*y", "y": "y*abs(y)"}),
    ],
)
def test_a_field_that_vanishes_on_its_domain_alone_is_not_called_another_function(formula, field):
    claim = verify(Loss.parse(formula, ["x", "y"]), VectorField(field)).claims[0]
    assert claim.verdict in ("proved", "measured")
    assert "no zero function" not in claim.reason


def test_values_of_a_field_on_a_thin_set_refute_nothing():
    loss = Loss.parse("relu(x - y) + relu(y - x)", ["x", "y"])
    assert verify(loss, VectorField({"x": "sign(abs(x))**2", "y": "1"})).verdict != "refuted"
    assert verify(loss, VectorField({"x": "sign(abs(x))**2", "y": "1 + relu(x)"})).verdict == "refuted"
