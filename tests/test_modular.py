"""Values and gradients over prime fields, against SymPy and against their own laws."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from symmetries import Loss
from symmetries.modular import SCALE_BITS, GradientSampler, ModularProgram, Points, UnsuitablePrime
from symmetries.primes import suitable_primes
from symmetries.system import DeterminingSystem

P = 2**31 - 1
SMALL = 1_000_003


def program(text: str, names: list[str], prime: int = P) -> ModularProgram:
    return ModularProgram(DeterminingSystem.of(Loss.parse(text, names), seed=0).program, prime)


def outputs(modular: ModularProgram, points: Points) -> tuple[list[int], list[bool]]:
    values, good = modular.evaluate(points)
    return [int(value) for value in values[modular.program.outputs[0]]], good.tolist()


RATIONAL = [
    "(1 - x)**2 + 100*(y - x**2)**2",
    "x/(1 + y**2) - 3/7*y",
    "(x - y)**5/(x*y) + 1/x",
    "x**2*y**3 - 12345678901*x",
]


@pytest.mark.parametrize("text", RATIONAL)
@pytest.mark.parametrize("prime", [P, SMALL])
def test_values_and_gradients_of_rational_losses(text: str, prime: int) -> None:
    modular = program(text, ["x", "y"], prime)
    points = Points.random(2, 12, np.random.default_rng(1))
    values, good = modular.evaluate(points)
    gradient = modular.gradient(values)
    x, y = sympy.symbols("x y")
    expression = sympy.sympify(text, rational=True)
    for k in range(12):
        if not good[k]:
            continue
        at = {s: sympy.Rational(int(n), 2**SCALE_BITS) for s, n in zip((x, y), points.numerators[:, k], strict=True)}
        for derivative, got in (
            (expression, values[modular.program.outputs[0], k]),
            (expression.diff(x), gradient[0, k]),
            (expression.diff(y), gradient[1, k]),
        ):
            exact = derivative.subs(at)
            assert exact.p * pow(int(exact.q), -1, prime) % prime == int(got)


@pytest.mark.parametrize(
    "text",
    [
        "exp(x)*exp(-x) - 1",
        "exp(x + y)*exp(-x - y) - 1",
        "tanh(x - y) + tanh(y - x)",
        "sigmoid(x) + sigmoid(-x) - 1",
        "atan(x) + atan(-x)",
        "erf(x) + erf(-x)",
        "sin(x)**2 + cos(x)**2 - 1",
        "cosh(x)**2 - sinh(x)**2 - 1",
        "sqrt(x**2 + 1)**2 - x**2 - 1",
        "relu(x) - relu(-x) - x",
        "maximum(x, y) + minimum(x, y) - x - y",
    ],
)
def test_laws_of_functions_hold_modulo_a_prime(text: str) -> None:
    values, good = outputs(program(f"({text}) + 0*y", ["x", "y"]), Points.random(2, 30, np.random.default_rng(2)))
    assert any(good)
    assert {value for value, fine in zip(values, good, strict=True) if fine} == {0}


def test_branches_are_those_of_the_real_point() -> None:
    modular = program("abs(x - y) - where(x > y, x - y, y - x) + sign(x)*0", ["x", "y"])
    points = Points.random(2, 50, np.random.default_rng(3))
    assert set(outputs(modular, points)[0]) == {0}
    values, _ = outputs(program("abs(x) + 0*y", ["x", "y"]), points)
    for value, numerator in zip(values, points.numerators[0], strict=True):
        assert value * 2**SCALE_BITS % P == abs(int(numerator)) % P


def test_a_point_without_a_square_root_is_no_good_point() -> None:
    values, good = outputs(program("sqrt(x) + 0*x", ["x"]), Points.random(1, 200, np.random.default_rng(4)))
    assert 60 < sum(good) < 140
    points = Points.random(1, 200, np.random.default_rng(4))
    for value, fine, numerator in zip(values, good, points.numerators[0], strict=True):
        assert not fine or value * value * 2**SCALE_BITS % P == int(numerator) % P


def test_a_logarithm_of_zero_is_no_good_point() -> None:
    points = Points.random(1, 50, np.random.default_rng(5))
    _, good = outputs(program("log(relu(x) + 0*x)", ["x"]), points)
    assert good == (points.numerators[0] > 0).tolist()


def test_primes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UnsuitablePrime):
        program(f"x/{P}", ["x"])
    third = next(prime for prime in suitable_primes() if (prime - 1) % 3 == 0)
    with pytest.raises(UnsuitablePrime):
        program("x**(1/3)", ["x"], third).evaluate(Points.random(1, 4, np.random.default_rng(0)))


def test_suitable_primes_have_the_roots_that_are_asked_for() -> None:
    for prime, _ in zip(
        suitable_primes(quadratic_residues=frozenset({2, 3}), odd_degrees=frozenset({3, 5})), range(5), strict=False
    ):
        assert sympy.isprime(prime)
        assert prime % 4 == 3
        assert all(pow(value, (prime - 1) // 2, prime) == 1 for value in (2, 3))
        assert (prime - 1) % 3
        assert (prime - 1) % 5


def test_a_sampler_draws_as_many_good_points_as_asked() -> None:
    sampler = GradientSampler(program("sqrt(x)*sqrt(y)/(x - y)", ["x", "y"]), np.random.default_rng(0), positive=True)
    assert sampler.draw(25)
    assert sampler.samples >= 25
    assert sampler.points.shape == sampler.gradients.shape == (2, sampler.samples)


def test_a_sampler_gives_up_where_nothing_is_defined() -> None:
    modular = program("sqrt(x*y)*sqrt(-x*y)", ["x", "y"])
    assert not GradientSampler(modular, np.random.default_rng(0)).draw(5)


def test_a_fixed_input_stays() -> None:
    sampler = GradientSampler(program("a*x", ["a", "x"]), np.random.default_rng(0))
    sampler.fix(0, 3 * 2**SCALE_BITS)
    assert sampler.draw(8)
    assert set(sampler.points[0].tolist()) == {3}
    assert len(set(sampler.points[1].tolist())) > 1
