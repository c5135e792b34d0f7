"""One-parameter groups in closed form against SciPy's exponential and against the loss."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from symmetries import Affine, Loss, VectorField, derive, verify
from symmetries.actions.one_parameter import one_parameter_group
from symmetries.ansatz import read_ansatz
from symmetries.catalog import CatalogEntry, catalog
from symmetries.compiled import Tape
from symmetries.expression import Node
from symmetries.fields import Monomial, Polynomial
from symmetries.finite_action import FiniteAction
from symmetries.formula import read_formula

CLOSED = [entry for entry in catalog() if entry.ansatz in ("linear", "affine") and entry.dimension]


def field_of(matrix: np.ndarray, shift: np.ndarray | None = None) -> VectorField:
    """The field A w + b."""
    size = len(matrix)
    polynomials: dict[str, Polynomial] = {}
    for i in range(size):
        polynomial: dict[Monomial, Fraction] = {((f"x{j}", 1),): Fraction(int(matrix[i, j])) for j in range(size)}
        if shift is not None:
            polynomial[()] = Fraction(int(shift[i]))
        polynomials[f"x{i}"] = polynomial
    return VectorField.from_polynomials(polynomials)


def evaluate(action: FiniteAction, point: np.ndarray, time: float, **constants: float) -> np.ndarray:
    """The point at a time."""
    values = {f"x{k}": np.asarray(value) for k, value in enumerate(point)}
    values |= {"t": np.asarray(time)} | {name: np.asarray(value) for name, value in constants.items()}
    shapes = dict.fromkeys(values, ())
    moved = point.copy()
    for k in range(len(point)):
        if f"x{k}" in action.components:
            node: Node = read_formula(action.components[f"x{k}"], shapes)
            moved[k] = float(Tape(node, ()).values(values)[-1])
    return moved


SPLIT = {
    "diagonal": np.diag([2, -1, 0]),
    "nilpotent": np.array([[0, 1, 2], [0, 0, 3], [0, 0, 0]]),
    "rotation": np.array([[0, -2], [2, 0]]),
    "irrational rotation": np.array([[0, -3], [1, 0]]),
    "irrational boost": np.array([[0, 2], [1, 0]]),
    "spiral": np.array([[1, -2], [2, 1]]),
    "one Jordan block": np.array([[2, 1], [0, 2]]),
    "double rotation, not diagonalisable": np.array([[0, -1, 1, 0], [1, 0, 0, 1], [0, 0, 0, -1], [0, 0, 1, 0]]),
    "mixed": np.array([[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 3, 1], [1, 0, 0, 3]]),
    "zero eigenvalue and a boost": np.array([[0, 1, 1], [1, 0, 1], [0, 0, 0]]),
}


@pytest.mark.parametrize("kind", SPLIT)
@pytest.mark.parametrize("time", [0.0, 0.7, -1.3])
def test_equals_the_matrix_exponential(kind: str, time: float) -> None:
    matrix = SPLIT[kind]
    action = one_parameter_group(field_of(matrix))
    assert action is not None
    point = np.linspace(0.5, 1.5, len(matrix))
    assert evaluate(action, point, time) == pytest.approx(expm(time * matrix) @ point, rel=1e-12, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=6, max_size=6), st.floats(-1, 1))
def test_planar_affine_fields(entries: list[int], time: float) -> None:
    matrix, shift = np.array(entries[:4]).reshape(2, 2), np.array(entries[4:])
    action = one_parameter_group(field_of(matrix, shift))
    if not entries[0] and not any(entries):
        return
    assert action is not None
    homogeneous = np.zeros((3, 3))
    homogeneous[:2, :2], homogeneous[:2, 2] = matrix, shift
    point = np.array([0.3, -0.8])
    expected = (expm(time * homogeneous) @ [*point, 1])[:2]
    assert evaluate(action, point, time) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_no_closed_form_for_an_irreducible_cubic() -> None:
    assert one_parameter_group(field_of(np.array([[0, 0, 1], [1, 0, 1], [0, 1, 0]]))) is None


def test_no_closed_form_for_a_nonlinear_field() -> None:
    assert one_parameter_group(VectorField.from_polynomials({"x": {(("x", 2),): Fraction(1)}})) is None


def test_an_entry_that_is_not_moved_stays_in_the_coefficients() -> None:
    action = one_parameter_group(VectorField.from_polynomials({"x": {(("y", 2),): Fraction(3)}}))
    assert action is not None
    assert "y**2" in action.components["x"]
    assert verify(Loss.parse("y**2 + 0*x", ["x", "y"]), action).verdict == "proved"


def test_constants_stay_symbols() -> None:
    loss = Loss.parse("x**2/a**2 + y**2/b**2", ["x", "y"], constants=["a", "b"])
    action = one_parameter_group(derive(loss).generators[0])
    assert action is not None
    assert verify(loss, action).verdict == "proved"


def test_a_frequency_of_unknown_sign_has_no_closed_form() -> None:
    loss = Loss.parse("x**2 + a*y**2", ["x", "y"], constants=["a"])
    assert one_parameter_group(derive(loss).generators[0]) is None


@pytest.mark.parametrize("entry", CLOSED, ids=lambda entry: entry.name)
def test_every_catalogued_linear_generator_has_one(entry: CatalogEntry) -> None:
    algebra = derive(entry.loss, ansatz=read_ansatz(entry.ansatz))
    actions = [one_parameter_group(field) for field in algebra.generators]
    assert all(action is not None for action in actions)
    assert actions[-1] is not None
    assert verify(entry.loss, actions[-1], samples=8).verdict in ("proved", "measured")


def test_translations() -> None:
    algebra = derive(Loss.parse("(x - y)**2", ["x", "y"]), ansatz=Affine())
    assert all(one_parameter_group(field) is not None for field in algebra.generators)


def test_text_of_the_components() -> None:
    action = one_parameter_group(VectorField.from_polynomials({"x": {(): Fraction(2)}}), time="s")
    assert action is not None
    assert dict(action.components) == {"x": "x + 2*s"}
