"""Closed forms with a frequency that is a root times a constant, names of the time, and fast linear flows."""

from fractions import Fraction

import numpy as np
import pytest

from manifolds.errors import InputError
from symmetries import FiniteAction, GroupAction, Linear, Loss, Polynomial, VectorField, compile_loss, derive, verify
from symmetries.action import time_name
from symmetries.actions.one_parameter import one_parameter_group


@pytest.mark.parametrize("square", [2, 3, 4, 8, -2, -9])
def test_a_frequency_with_a_constant_is_divided_by_as_a_whole(square):
    """w' = (square*a*y, -a*x) has the frequency a*sqrt(square)."""
    field = VectorField.from_polynomials(
        {"x": {(("a", 1), ("y", 1)): Fraction(square)}, "y": {(("a", 1), ("x", 1)): Fraction(-1)}}
    )
    action = one_parameter_group(field)
    assert action is not None
    loss = Loss.parse(f"x**2 + {square}*y**2", ["x", "y"], constants=["a"])
    certificate = verify(loss, FiniteAction(dict(action.components)))
    assert [claim.verdict for claim in certificate.claims[:2]] == ["proved"] * 2
    assert certificate.claims[2].verdict in {"proved", "measured"}
    point = np.array([0.4, -0.9, 0.3, 1.7])
    moved = [compile_loss(Loss.parse(action.components[name], ["x", "y", "t", "a"])).value(point) for name in "xy"]
    matrix = 0.3 * 1.7 * np.array([[0, square], [-1, 0]])
    values, vectors = np.linalg.eig(matrix)
    expected = (vectors @ np.diag(np.exp(values)) @ np.linalg.inv(vectors)).real @ [0.4, -0.9]
    np.testing.assert_allclose(moved, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("formula", "ansatz"),
    [
        ("t**2 + s**2", Linear()),
        ("t*x", Linear()),
        ("(t - x**2)**2 + (x - 1)**2", Polynomial(3)),
        ("x**2 + 2*x*t**2 + t**4 + t**2", Polynomial(3)),
    ],
)
def test_the_time_is_no_symbol_of_the_loss(formula, ansatz):
    loss = Loss.parse(formula)
    action = GroupAction.from_algebra(derive(loss, ansatz=ansatz))
    form = action.closed_form(0)
    assert form is not None
    assert form.time == action.time == time_name(loss) != "t"
    assert verify(loss, form).verdict == "proved"


def test_a_field_with_a_quantity_of_the_name_of_the_time_is_refused():
    field = VectorField.from_polynomials({"t": {(("x", 1),): Fraction(1)}})
    with pytest.raises(InputError, match="the time is called 't'") as caught:
        one_parameter_group(field)
    assert "quantity of that name" in caught.value.why
    assert "time='s'" in caught.value.cure


def test_fast_linear_flows_are_not_refuted_by_rounding():
    loss = Loss.parse("sign(x - 50*y)", ["x", "y"])
    certificate = verify(loss, GroupAction.from_algebra(derive(loss, ansatz=Linear())))
    assert certificate.verdict == "proved"


ACTIONS = {
    "linear": GroupAction.from_algebra(derive(Loss.parse("x**2 + y**2"))),
    "conjugated": GroupAction.catalogued("rosenbrock"),
    "layers": GroupAction.catalogued("low-rank", rows=2, columns=2, rank=2),
}
NO_NUMBERS = (None, "a", object(), [[1], [2, 3]], [1j], 10**400, np.array(["a"]), 1 + 2j)


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("wrong", NO_NUMBERS, ids=lambda value: type(value).__name__)
def test_what_is_no_number_is_refused(name, wrong):
    action = ACTIONS[name]
    point = np.ones(action.space.size)
    calls = (
        lambda: action.apply(wrong, point),
        lambda: action.apply(action.identity, wrong),
        lambda: action.exp(wrong),
        lambda: action.compose(wrong, action.identity),
        lambda: action.inverse(wrong),
        lambda: action.field(wrong),
        lambda: action.orbit(point, wrong),
    )
    for call in calls:
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.why
        assert caught.value.cure


@pytest.mark.parametrize("wrong", [None, True, 99, -1, 1.5, "a"])
def test_a_generator_has_a_number(wrong):
    with pytest.raises(InputError, match="the generator") as caught:
        ACTIONS["linear"].closed_form(wrong)
    assert "counted from 0" in caught.value.why


@pytest.mark.parametrize("wrong", ["a", -1, 1.5, np.array(["a"])])
def test_a_seed_is_an_integer_or_a_generator(wrong):
    action = ACTIONS["linear"]
    for call in (lambda: action.random(wrong), lambda: verify(action.loss, action, rng=wrong)):
        with pytest.raises(InputError, match="rng="):
            call()


def test_an_action_comes_from_an_algebra_with_values_by_name():
    with pytest.raises(InputError, match="from_algebra was given str"):
        GroupAction.from_algebra("x**2")
    with pytest.raises(InputError, match="constants="):
        GroupAction.from_algebra(derive(Loss.parse("x**2 + y**2")), constants=[1.0])
    with pytest.raises(InputError, match="a field was given as NoneType"):
        one_parameter_group(None)
    with pytest.raises(InputError, match="not catalogued"):
        GroupAction.catalogued([])
    with pytest.raises(InputError, match="times of the shape"):
        ACTIONS["linear"].orbit([1.0, 0.0], [[1.0]])
