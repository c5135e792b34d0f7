"""Exact proofs that a field annihilates a loss, and that wrong ones are not proved."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import Sampler, evaluate

from symmetries import Loss, VectorField, verify
from symmetries.floating import evaluate_floats
from symmetries.given_basis import field_nodes
from symmetries.prove import Proof, Prover
from symmetries.straight_line import compile_program
from symmetries.system import DeterminingSystem

MF = ("sum((Y - U@V)**2)", {"U": (2, 1), "V": (1, 2)}, {"Y": (2, 2)})
SCALING = {"U[0,0]": "U[0,0]", "U[1,0]": "U[1,0]", "V[0,0]": "-V[0,0]", "V[0,1]": "-V[0,1]"}


def prove(loss: Loss, field: dict[str, str]) -> Proof:
    system = DeterminingSystem.of(loss, seed=0)
    return system.prover.prove(field_nodes(loss, system, VectorField(field)))


TRUE = [
    ("x**2 + 9*y**2", {"x": "9*y", "y": "-x"}),
    ("x**2 + 9*y**2", {"x": "9*y*exp(x)", "y": "-x*exp(x)"}),
    ("exp(x*y)", {"x": "x", "y": "-y"}),
    ("log(x) - log(y)", {"x": "x", "y": "y"}),
    ("relu(x)*relu(y)", {"x": "x", "y": "-y"}),
    ("sqrt(x**2 + y**2)", {"x": "-y", "y": "x"}),
    ("x/sqrt(x**2 + y**2)", {"x": "x", "y": "y"}),
    ("atan(y/x)", {"x": "x", "y": "y"}),
    ("tanh(x - y)", {"x": "1", "y": "1"}),
    ("sin(x)**2 + cos(x)**2 + y", {"x": "y"}),
    ("cos(x)*y", {"x": "cos(x)", "y": "y*sin(x)"}),
    ("sign(x)*y**2", {"x": "x"}),
    ("where(x > 0, y, z)", {"x": "x*y"}),
    ("x**y", {"x": "x", "y": "-y/log(x)"}),
]

FALSE = [
    ("x**2 + 9*y**2", {"x": "9*y", "y": "-x*(1 + 1e-13)"}),
    ("relu(x)*relu(y)", {"x": "1"}),
    ("abs(x) - x + y", {"x": "1"}),
    ("sqrt(x**2) - x + y", {"x": "1"}),
    ("exp(x*y)", {"x": "x", "y": "y"}),
    ("sign(x)*y**2", {"x": "1"}),
    ("where(x > 0, y, z)", {"x": "y"}),
    ("abs(x)/x + y", {"x": "1"}),
    ("atan(1/x) + atan(x)", {"x": "1"}),
    ("Heaviside(x - y)", {"x": "1"}),
    ("x**2 + y**3", {"x": "0*x + 1e-30"}),
]


@pytest.mark.parametrize(("text", "field"), TRUE)
def test_a_symmetry_is_proved(text: str, field: dict[str, str]) -> None:
    assert prove(Loss.parse(text), field).outcome == "zero"


@pytest.mark.parametrize(("text", "field"), FALSE)
def test_what_is_no_symmetry_is_not_proved(text: str, field: dict[str, str]) -> None:
    assert prove(Loss.parse(text), field).outcome != "zero"


def test_a_field_across_a_jump_is_called_so() -> None:
    assert prove(Loss.parse("sign(x)*y**2"), {"x": "1"}).outcome == "discontinuous"
    assert prove(Loss.parse("sign(x)*y**2"), {"x": "y"}).outcome == "discontinuous"


def test_a_matrix_loss_is_proved_by_its_invariants() -> None:
    loss = Loss.parse(MF[0], MF[1], data=MF[2])
    proof = prove(loss, SCALING)
    assert proof.outcome == "zero"
    assert proof.invariants > 0
    assert prove(loss, {**SCALING, "V[0,1]": "V[0,1]"}).outcome == "nonzero"
    assert prove(loss, {entry: text for entry, text in SCALING.items() if entry != "V[0,1]"}).outcome == "nonzero"


def test_an_expansion_past_its_limit_is_no_proof() -> None:
    text = "(x + y + z)**9*(x - y)**9 - " + "*".join(["(x**2 - y**2 + x*z - y*z)"] * 9)
    loss = Loss.parse(f"({text})*w + u", ["x", "y", "z", "u", "w"])
    system = DeterminingSystem.of(loss, seed=0)
    nodes = field_nodes(loss, system, VectorField({"w": "1"}))
    assert Prover(system.graph, system.root, term_limit=50).prove(nodes).outcome == "too large"
    assert Prover(system.graph, system.root).prove(nodes).outcome == "zero"


@pytest.mark.parametrize(("text", "field"), [*TRUE[:12], *FALSE[:5]])
def test_the_derivative_is_that_of_numbers(text: str, field: dict[str, str]) -> None:
    """X.L as a node, in doubles, against the derivative by a complex step."""
    loss = Loss.parse(text)
    system = DeterminingSystem.of(loss, seed=0)
    node = system.prover.derivative(field_nodes(loss, system, VectorField(field)))
    program = compile_program(system.graph, [node], system.inputs)
    sampler = Sampler(loss, positive=True)
    points = sampler.points(15)
    direction = {entry: evaluate(loss.read(formula), points).real for entry, formula in field.items()}
    expected = sampler.slope(points, direction).astype(float)
    got = evaluate_floats(program, sampler.entries(points).astype(float))[program.outputs[0]]
    assert np.allclose(got, expected, atol=1e-10)


def test_a_logarithm_of_a_bent_argument_may_jump() -> None:
    """log(2|x| + x) - log|x| is log 3 on one side of 0 and 0 on the other."""
    loss = Loss.parse("log(2*abs(x) + x) - log(abs(x)) + y")
    assert verify(loss, VectorField({"x": "1"})).verdict != "proved"
    assert verify(loss, VectorField({"x": "x"})).verdict == "proved"
