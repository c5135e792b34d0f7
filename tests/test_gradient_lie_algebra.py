"""Ranks of brackets of gradients, against SymPy's brackets and against formulas; jets against derivatives by hand."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from conserved_networks import layers

from symmetries import Loss
from symmetries.conserved.gradient_lie_algebra import Echelon, cost, height, lie_rank, random_shape
from symmetries.conserved.jets import JetProgram
from symmetries.conserved.metric import Metric
from symmetries.modular import Points
from symmetries.sympy_out import to_sympy
from symmetries.system import DeterminingSystem

P = 2**31 - 1


def rank_of(loss: Loss, target: int | None = None, metric: object = None) -> int:
    system = DeterminingSystem.of(loss, seed=0)
    found = lie_rank(system, Metric(loss, metric), target=len(loss.entries) if target is None else target)
    assert found is not None
    return found.rank


def sympy_rank(loss: Loss, rounds: int) -> int:
    """Rank at a rational point of gradients and brackets, built by SymPy from gradients at a few data."""
    value = to_sympy(loss.expression)
    names = [sp.Symbol(name, real=True) for name in loss.entries]
    data = [sp.Symbol(name, real=True) for name in loss.data_entries]
    rng = np.random.default_rng(0)
    fields = []
    for _ in range(len(names) + 1):
        at = dict(zip(data, map(int, rng.integers(-5, 6, size=len(data))), strict=True))
        fields.append(sp.Matrix([value.diff(name).subs(at) for name in names]))
    every = list(fields)
    for _ in range(rounds):
        new = []
        for k, field in enumerate(every[:6]):
            for other in fields[k + 1 : k + 4]:
                new.append((other.jacobian(names) * field - field.jacobian(names) * other).expand())
        every += new
    point = dict(zip(names, [sp.Rational(int(k), 7) for k in rng.integers(1, 40, size=len(names))], strict=True))
    return int(sp.Matrix.hstack(*[field.subs(point) for field in every]).rank())


SMALL = {
    "product": ("(y - u*v)**2", ["u", "v"], ["y"], 1),
    "two products": ("(y - u*v*x - w*z)**2", ["u", "v", "w"], ["x", "y", "z"], 2),
    "cubic": ("(y - u*v**2*x - u)**2", ["u", "v"], ["x", "y"], 2),
    "matrix": ("sum((Y - U@V)**2)", {"U": (1, 2), "V": (2, 2)}, {"Y": (1, 2)}, 3),
}


@pytest.mark.parametrize("name", SMALL)
def test_sympy_finds_the_same_rank(name: str) -> None:
    text, parameters, data, expected = SMALL[name]
    loss = Loss.parse(text, parameters, data=data)
    assert rank_of(loss) == sympy_rank(loss, rounds=1) == expected


def test_jets_are_derivatives() -> None:
    """Gradient of x**3*y at (x + e, y): the part in front of e is its derivative in x."""
    loss = Loss.parse("x**3*y/(1 + y)", ["x", "y"])
    system = DeterminingSystem.of(loss, seed=0)
    _, sampler = next(iter(system.samplers()))
    jets = JetProgram(sampler.modular)
    x, y = 5, 7
    inputs = np.zeros((2, 4, 1), dtype=np.uint64)
    inputs[:, 0, 0] = x, y
    inputs[0, 1, 0] = 1  # + e1
    inputs[1, 2, 0] = 1  # + e2
    found = jets.gradient(inputs, {})[:, :, 0]
    a, b = sp.symbols("x y")
    value = a**3 * b / (1 + b)
    for k, name in enumerate((a, b)):
        derivatives = [value.diff(name), value.diff(name, a), value.diff(name, b), value.diff(name, a, b)]
        for place, derivative in enumerate(derivatives):
            exact = sp.Rational(derivative.subs({a: x, b: y}))
            assert int(found[k, place]) == exact.p * pow(int(exact.q), -1, P) % P


UNARY = [
    "exp(x*y)",
    "tanh(x*y)",
    "sin(x*y)",
    "log(x*y)",
    "sqrt(x*y)",
    "sigmoid(x*y)",
    "gelu(x*y)",
    "relu(x*y)",
    "1/(x*y)",
]


@pytest.mark.parametrize("text", UNARY)
def test_second_derivatives_of_functions_are_symmetric(text: str) -> None:
    """d/dx of the y-slope is d/dy of the x-slope, for every rule of differentiation."""
    loss = Loss.parse(text, ["x", "y"])
    system = DeterminingSystem.of(loss, seed=0)
    _, sampler = next(iter(system.samplers()))
    jets = JetProgram(sampler.modular)
    sample = jets.sample(Points.random(2, 400, np.random.default_rng(1), positive=True)).take(np.arange(4))
    inputs = np.zeros((2, 4, 4), dtype=np.uint64)
    inputs[:, 0] = sample.residues
    inputs[0, 1] = inputs[1, 2] = 1
    found = jets.gradient(inputs, sample.signs)
    assert (found[0, 2] == found[1, 1]).all()
    assert found[:, 0].any()


@pytest.mark.parametrize(
    ("widths", "laws"), [((5, 5, 5, 5), 30), ((2, 3, 2), 6), ((1, 4, 4, 4, 2), 30), ((2, 6, 2), 18)]
)
def test_linear_networks(widths: tuple[int, ...], laws: int) -> None:
    loss = layers(widths, "")
    size = len(loss.entries)
    assert rank_of(loss, size - laws) == size - laws


def test_without_data_there_is_one_field() -> None:
    assert rank_of(Loss.parse("(1 - x)**2 + 100*(y - x**2)**2")) == 1


def test_a_metric_does_not_change_the_rank_of_one_direction() -> None:
    loss = Loss.parse("(y - u*v*w)**2", ["u", "v", "w"], data=["y"])
    assert rank_of(loss) == rank_of(loss, metric=[[2, 1, 0], [1, 2, 0], [0, 0, 1]]) == 1


def test_shapes() -> None:
    rng = np.random.default_rng(0)
    for levels in range(5):
        assert height(random_shape(levels, rng)) == levels
    assert cost(((None, None), None)) == 7 + 3 + 21


def test_echelon() -> None:
    span = Echelon(3, 7)
    assert span.add(np.array([[1, 2, 3], [2, 4, 6]], dtype=np.uint64)) == 1
    assert span.add(np.array([[0, 0, 5], [1, 2, 1]], dtype=np.uint64)) == 1
    assert span.rank == 2
    assert span.add(np.zeros((0, 3), dtype=np.uint64)) == 0
