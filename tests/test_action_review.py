"""Closed forms with a frequency that is a root times a constant, names of the time, and fast linear flows."""

from fractions import Fraction

import numpy as np
import pytest

from manifolds.errors import InputError
from symmetries import FiniteAction, GroupAction, Linear, Loss, Polynomial, VectorField, compile_loss, derive, verify
from symmetries.action import time_name
from symmetries.one_parameter import one_parameter_group


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
    assert [claim.verdict for claim in certificate.claims] == ["proved"] * 3
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
