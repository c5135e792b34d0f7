"""What small points do not show: far kinks, tiny residuals, numbers beyond double precision."""

import math
from fractions import Fraction

import numpy as np
import pytest
from command import in_process

from symmetries import FiniteAction, Loss, VectorField, derive, verify
from symmetries.compiled import compile_loss
from symmetries.counterexample import search_at
from symmetries.directional import FieldDerivative, read_field
from symmetries.recheck import recheck

FAR = [
    ("relu(x - 10**6) + 0*y", {"x": "1"}),
    ("relu(1 - (x - 1234567)**2) + y", {"x": "1"}),
    ("maximum(x, 10**9) + 0*y", {"x": "1"}),
    ("exp(x*y)", {"x": "x", "y": "-(1 + 1e-60)*y"}),
    ("exp(x*y)", {"x": "x", "y": "-(1 + 1e-150)*y"}),
    ("exp(-x**2*10**6) + y", {"x": "1"}),
]


@pytest.mark.parametrize(("text", "field"), FAR)
def test_what_is_hidden_from_small_points_is_refuted(text, field):
    certificate = verify(Loss.parse(text), VectorField(field))
    assert certificate.verdict == "refuted"
    assert set(certificate.claims[0].evidence["counterexample"]["point"]) == {"x", "y"}
    assert recheck(certificate).verdict == "refuted"


def test_what_no_point_shows_and_the_equations_deny_is_undecided():
    claim = verify(Loss.parse("exp(x*y)"), VectorField({"x": "x", "y": "-(1 + 1e-900)*y"})).claims[0]
    assert claim.verdict == "undecided"
    assert "no zero function" in claim.reason


def test_coefficients_beyond_double_precision():
    assert verify(Loss.parse("10**400*x*y"), VectorField({"x": "x", "y": "-y"})).verdict == "proved"
    assert verify(Loss.parse("10**400*x*y"), VectorField({"x": "x", "y": "-2*y"})).verdict == "refuted"
    claim = verify(Loss.parse("exp(x)*10**400 + y**2"), VectorField({"x": "y", "y": "-x"})).claims[0]
    assert claim.verdict == "refuted"
    certificate = verify(Loss.parse("10**400*x*y"), VectorField({"x": "x", "y": "-2*y"}))
    assert Fraction(certificate.claims[0].evidence["counterexample"]["value"]) != 0
    assert certificate.to_json()


def test_compiled_losses_have_infinite_coefficients():
    assert compile_loss(Loss.parse("10**400*x")).value(np.ones(1)) == math.inf
    assert compile_loss(Loss.parse("-10**400*x")).value(np.ones(1)) == -math.inf
    assert compile_loss(Loss.parse("x/10**400")).value(np.ones(1)) == 0.0


@pytest.mark.parametrize("text", ["log(x/10**400)*y", "log(x - 10**6)*y", "sqrt(x - 10**200) + y"])
def test_a_loss_that_is_defined_far_away_is_derived(text):
    assert derive(Loss.parse(text)).completeness.verdict in {"proved", "undecided", "measured"}


def test_a_field_that_depends_on_data_says_so():
    loss = Loss.parse("a*x*y + 0*b", ["x", "y"], data=["a", "b"])
    claim = verify(loss, VectorField({"x": "a*x", "y": "-a*y"})).claims[0]
    assert claim.verdict == "proved"
    assert claim.assumptions == ("the field depends on the data a: for each value of them it is another symmetry",)
    assert verify(loss, VectorField({"x": "x", "y": "-y"})).claims[0].assumptions == ()
    action = verify(loss, FiniteAction({"x": "x*exp(a*t)", "y": "y*exp(-a*t)"}))
    assert all("the action depends on the data a" in claim.assumptions[0] for claim in action.claims)


@pytest.mark.parametrize(
    ("words", "said", "not_said"),
    [
        (("x + Y[0,0]", "--moves", "Y:3x4"), '--data "Y:3x4" --moves "Y"', "3x4:3x4"),
        (("atanh(x) + y",), "write log((1 + x)/(1 - x))/2", "declared"),
        (("acosh(x) + y",), "write log(x + sqrt(x**2 - 1))", "write cosh"),
        (("x + y", "--parameters", "x y:1000000000"), "the limit is 1,000,000 entries", "cannot be read"),
    ],
)
def test_refusals_say_what_helps(capsys, words, said, not_said):
    done = in_process(capsys, "derive", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert not_said not in done.err


def test_a_binary_file_is_no_certificate(capsys, tmp_path):
    place = tmp_path / "binary"
    place.write_bytes(b"\xff\xfe\x00\x80")
    done = in_process(capsys, "verify", "--certificate", str(place))
    assert done.code == 2
    assert "not a certificate" in done.err


def test_help_names_the_exit_code_of_an_internal_error(capsys):
    assert "70 an error in Symport" in " ".join(in_process(capsys, "--help").out.split())


RELATED = [
    ("u*tanh(v)", {"u": "u", "v": "-sinh(v)*cosh(v)"}),
    ("u*sigmoid(v)", {"u": "u", "v": "-(1 + exp(v))"}),
    ("u*tan(v)", {"u": "u", "v": "-sin(v)*cos(v)"}),
    ("u*softplus(v)", {"u": "u", "v": "-log(1 + exp(v))*(1 + exp(-v))"}),
]


@pytest.mark.parametrize(("formula", "field"), RELATED)
def test_functions_of_the_field_are_related_to_those_of_the_loss(formula, field):
    certificate = verify(Loss.parse(formula, ["u", "v"]), VectorField(field))
    assert certificate.verdict == "proved"


@pytest.mark.parametrize(("formula", "field"), RELATED)
def test_a_small_change_of_such_a_field_is_refuted(formula, field):
    wrong = {**field, "v": f"{field['v']} + exp(-50)"}
    assert verify(Loss.parse(formula, ["u", "v"]), VectorField(wrong)).verdict == "refuted"


def test_a_function_that_rounds_to_a_constant_refutes_nothing():
    quantity = FieldDerivative(loss := Loss.parse("u*tanh(v)", ["u", "v"]), read_field(loss, RELATED[0][1]))
    far = {"u": np.array(Fraction(1), dtype=object), "v": np.array(Fraction(6000, 7), dtype=object)}
    assert search_at(quantity, [far], seconds=5).kind == "agrees"
    near = {**far, "v": np.array(Fraction(1, 7), dtype=object)}
    wrong = FieldDerivative(loss, read_field(loss, {"u": "u", "v": "-sinh(v)*cosh(v) + exp(-700)"}))
    assert search_at(wrong, [near], seconds=5).kind == "refuted"
