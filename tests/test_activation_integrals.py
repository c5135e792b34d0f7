"""Separable conserved quantities: found, integrated, and checked by numbers that know nothing of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symmetries import Loss, compile_loss
from symmetries.conservation import conservation_laws
from symmetries.conserved.antiderivative import antiderivative, node_text
from symmetries.formula import read_formula
from symmetries.lower import lower
from symmetries.scalar import ScalarGraph

GATES = [
    "b/(1 + b**2)",
    "sigmoid(b)",
    "tanh(b)",
    "tanh(2*b)",
    "sin(b)",
    "sinh(b)",
    "cosh(b)",
    "exp(3*b)",
    "b**3",
    "b/(1 + b**2)",
    "1/b",
]
NO_CLOSED_FORM = ["softplus(b)", "gelu(b)", "atan(b)", "sin(b) + exp(b)"]


@pytest.mark.parametrize("gate", GATES)
def test_gates(gate: str) -> None:
    """d/dt of the quantity along -grad L is zero in doubles, at points where it has a value."""
    loss = Loss.parse(f"(y - v*{gate}*x)**2", ["v", "b"], data=["x", "y"])
    laws = conservation_laws(loss)
    assert (laws.independent, laws.count.verdict, laws.count.evidence["upper"]) == (1, "proved", 1)
    (quantity,) = laws.quantities
    rng, compiled = np.random.default_rng(0), compile_loss(loss)
    for _ in range(10):
        w = rng.uniform(0.2, 1.2, size=2)
        gradient = compiled.gradient(w, {"x": rng.normal(), "y": rng.normal()})
        slope = quantity.gradient(w)
        assert abs(gradient @ slope) < 1e-10 * np.linalg.norm(gradient) * np.linalg.norm(slope)


@pytest.mark.parametrize("gate", NO_CLOSED_FORM)
def test_gates_without_a_closed_form_are_counted(gate: str) -> None:
    laws = conservation_laws(Loss.parse(f"(y - v*({gate})*x)**2", ["v", "b"], data=["x", "y"]))
    assert (laws.quantities, laws.count.verdict, laws.count.evidence["lower"]) == ((), "proved", 1)
    assert "not integrated in closed form" in laws.remarks[0]


def test_a_layer_of_gates() -> None:
    text = "sum((y - B@(sigmoid(c)*(A@x)))**2)"
    laws = conservation_laws(Loss.parse(text, {"A": (2, 2), "B": (2, 2), "c": (2,)}, data={"x": (2,), "y": (2,)}))
    assert [quantity.kind for quantity in laws.quantities] == ["quadratic"] * 2 + ["activation integral"] * 2
    assert (laws.independent, laws.count.verdict) == (4, "proved")


def test_translations_of_inner_functions() -> None:
    """x**2 + 9*y**2 has a translation in (x**2, y**2): log|x|/18 - ... is kept, a straight line in logarithms."""
    (quantity,) = conservation_laws(Loss.parse("x**2 + 9*y**2")).quantities
    for x, y in ((1.0, 2.0), (0.3, -1.2)):
        assert abs(quantity.gradient([x, y]) @ np.array([2 * x, 18 * y])) < 1e-12


def test_a_parameter_in_two_functions_has_none() -> None:
    loss = Loss.parse("(y - v*tanh(b)*x - b)**2", ["v", "b"], data=["x", "y"])
    assert conservation_laws(loss).quantities == ()


def test_what_is_not_searched_is_said() -> None:
    loss = Loss.parse("(y - v*tanh(b)*x)**2", ["v", "b"], data=["x", "y"])
    assert "metric is not diagonal" in conservation_laws(loss, metric=[[2, 1], [1, 2]]).remarks[0]


@settings(max_examples=30, deadline=None)
@given(st.integers(-3, 3), st.integers(1, 4), st.integers(-3, 3))
def test_antiderivatives(a: int, k: int, c: int) -> None:
    """Central differences of the antiderivative give the function back."""
    text = f"({a} + {c}*exp({k}*b))/(1 + exp(b))**2"
    graph = ScalarGraph()
    found = antiderivative(graph, lower(graph, read_formula(text, {"b": ()})), "b")
    assert found is not None
    primitive = compile_loss(Loss.parse(f"({found}) + 0*b", ["b"]))
    function = compile_loss(Loss.parse(f"({text}) + 0*b", ["b"]))
    for b in (-0.7, 0.4, 1.1):
        slope = (primitive.value([b + 1e-5]) - primitive.value([b - 1e-5])) / 2e-5
        assert abs(slope - function.value([b])) < 1e-6 * (1 + abs(slope))


@pytest.mark.parametrize(
    "text",
    [
        "x + 2*y",
        "exp(-x)/(1 + y**2)",
        "sqrt(x**2 + 1)",
        "tanh(x)*log(y**2 + 1)",
        "gelu(x)",
        "(x**2 + 1)**(2/3)*y",
        "where(relu(x) >= 0, x, y)",
    ],
)
def test_nodes_are_written_and_read_again(text: str) -> None:
    graph = ScalarGraph()
    node = lower(graph, read_formula(text, {"x": (), "y": ()}))
    assert lower(graph, read_formula(node_text(graph, node), {"x": (), "y": ()})) == node


def test_a_function_that_is_constant_on_pieces_has_no_integral() -> None:
    laws = conservation_laws(Loss.parse("(y - u*sign(v))**2", ["u", "v"], data=["y"]))
    assert [quantity.expression for quantity in laws.quantities] == ["v**2"]
