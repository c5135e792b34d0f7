"""Which functions are proved independent, and how related ones are rewritten."""

from __future__ import annotations

import numpy as np
import pytest

from symmetries import Loss, derive
from symmetries.floating import evaluate_floats
from symmetries.lower import lower
from symmetries.related import Independence, relate
from symmetries.scalar import Atom, Index, ScalarGraph
from symmetries.straight_line import compile_program

NAMES = ["x", "y", "z"]


def related(text: str) -> tuple[ScalarGraph, Index, Index, Independence]:
    graph = ScalarGraph()
    before = lower(graph, Loss.parse(text, NAMES).expression)
    after, verdict = relate(graph, before, seed=0)
    return graph, before, after, verdict


def count(graph: ScalarGraph, root: Index, kind: str) -> int:
    return sum(
        isinstance(entry := graph.entries[node], Atom) and entry.kind == kind and bool(graph.symbols([node]))
        for node in graph.atoms([root])
    )


INDEPENDENT = """
x**2 + y/z
exp(x) + exp(y) + exp(x*y)
exp(x) + exp(x**2)
tanh(x) + tanh(y) + sigmoid(x*y)
sin(x) + cos(y) + exp(x)
log(x) + log(x + 1) + exp(x)
exp(exp(x)) + exp(x)
abs(x) + abs(y) + relu(x - y)
sqrt(x) + sqrt(y) + sqrt(x + y)
sqrt(x**2 + y**2) + sqrt(x**2 + z**2)
sqrt(x**2 + y**2)*sqrt(x**2 + z**2)*sqrt(y**2 + z**2)
sqrt((x + 1/x)**2 + 4)
x**(1/3) + y**(1/6)
sqrt(2)*x + sqrt(3)*y
pi*x + y
""".strip().splitlines()

ASSUMED = {
    "erf(x) + exp(y)": "normal distribution",
    "exp(abs(x)) + exp(x)": "branch",
    "pi*x + e*y": "transcendental constants",
    "sqrt(x + abs(y))": "radicals",
    "sqrt((x + 1/x)**2 - 4)": "radicals",
    "sqrt(x*y + x + y + 1) + sqrt(x + 1) + sqrt(y + 1)": "radicals",
}


@pytest.mark.parametrize("text", INDEPENDENT)
def test_independence_is_proved(text: str) -> None:
    _, _, _, verdict = related(text)
    assert verdict.proved
    assert not verdict.assumptions


@pytest.mark.parametrize("text", ASSUMED)
def test_what_is_not_proved_is_said(text: str) -> None:
    _, _, _, verdict = related(text)
    assert not verdict.proved
    assert any(ASSUMED[text] in assumption for assumption in verdict.assumptions)


@pytest.mark.parametrize(
    ("text", "kind", "left"),
    [
        ("exp(2*x) + exp(3*x)", "exp", 1),
        ("exp(x/2) + exp(x/3)", "exp", 1),
        ("exp(x + y) + exp(x - y) + exp(2*x)", "exp", 2),
        ("exp(x + y) + exp(y + z) + exp(z + x)", "exp", 3),
        ("tanh(x) + exp(2*x)", "tanh", 0),
        ("sin(2*x) + cos(3*x)", "tan_half", 1),
        ("sin(x) + cos(x + 1)", "tan_half", 1),
        ("log(x*y) + log(x/y)", "log", 1),
        ("log(x**2 - y**2) + log(x - y)", "log", 2),
        ("sin(x) + sin(-x) + cos(x)", "tan_half", 1),
    ],
)
def test_related_functions_become_few(text: str, kind: str, left: int) -> None:
    graph, _, after, verdict = related(text)
    assert count(graph, after, kind) == left
    assert verdict.proved


@pytest.mark.parametrize(
    "text",
    [
        "exp(2*x) + exp(3*x) - exp(x/2 + y)",
        "tanh(x) + exp(2*x) + sigmoid(4*x)",
        "sin(2*x) + cos(3*x) - sin(x + y)*cos(y)",
        "sin(x + 1) + cos(x - 2)",
        "log(x**2 - y**2) + log(abs(x - y)) + log(abs(z))",
        "cosh(x + y)*sinh(x - y) + tanh(y)",
        "exp(exp(2*x)) + exp(2*exp(x))",
    ],
)
def test_rewriting_keeps_the_value(text: str) -> None:
    graph, before, after, _ = related(text)
    points = np.abs(np.random.default_rng(0).normal(size=(3, 40))) * [[1.0], [0.5], [1.0]]
    values = []
    for root in (before, after):
        program = compile_program(graph, [root], NAMES)
        values.append(evaluate_floats(program, points)[program.outputs[0]])
    good = np.isfinite(values[0]) & np.isfinite(values[1]) & (np.abs(values[0]) < 1e6)
    assert good.sum() > 10
    assert np.allclose(values[0][good], values[1][good], rtol=1e-9)


@pytest.mark.parametrize("degree", [3, 7, 9, 11, 105])
def test_functions_of_roots_that_the_first_prime_does_not_have(degree: int) -> None:
    loss = Loss.parse(f"exp(abs(x*y)**(1/{degree})) + tanh(abs(x*y)**(1/{degree}))*(x*y)", ["x", "y"])
    assert derive(loss).dimension == 1
