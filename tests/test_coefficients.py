"""Coefficients that are constants: a, sqrt(2), pi."""

from __future__ import annotations

import pytest
from oracle import residual

from symmetries import Loss, Polynomial, VectorField, derive, verify
from symmetries.system import DeterminingSystem


def generator(text: str, constants: str = "", degree: int = 1) -> dict[str, str]:
    (field,) = derive(Loss.parse(text, ["x", "y"], constants=constants), ansatz=Polynomial(degree)).generators
    return dict(field.components)


@pytest.mark.parametrize(
    ("text", "constants", "expected"),
    [
        ("(x/a)**2 + (y/b)**2", "a b", {"x": "a**2*y", "y": "-b**2*x"}),
        ("a*x**2 + y**2", "a", {"x": "y", "y": "-a*x"}),
        ("x**2 + sqrt(2)*y**2", "", {"x": "sqrt(2)*y", "y": "-x"}),
        ("x**2 + pi*y**2", "", {"x": "pi*y", "y": "-x"}),
        ("a*x**2 + (a + b)*y**2", "a b", {"x": "a*y + b*y", "y": "-a*x"}),
        ("x - a*y", "a", {"x": "a", "y": "1"}),
    ],
)
def test_the_generator_is_the_one_people_write(text: str, constants: str, expected: dict[str, str]) -> None:
    degree = 0 if text == "x - a*y" else 1
    got = generator(text, constants, degree)
    opposite = {entry: formula[1:] if formula[0] == "-" else f"-{formula}" for entry, formula in expected.items()}
    opposite = {entry: formula.replace("-a*y + b*y", "-a*y - b*y") for entry, formula in opposite.items()}
    assert got in (expected, opposite)


@pytest.mark.parametrize(
    "text",
    [
        "2**(1/3)*x**2 + 4**(1/3)*y**2",
        "2**(1/4)*x**2 + y**2",
        "x**2 + sqrt(2)*sqrt(3)*y**2",
        "x**2 + (1 + sqrt(5))*y**2",
    ],
)
def test_a_generator_with_roots_reads_back_as_it_was_proved(text: str) -> None:
    loss = Loss.parse(text)
    algebra = derive(loss)
    assert algebra.dimension == 1
    assert residual(loss, algebra.generators[0]) < 1e-15


def test_the_constants_of_a_loss() -> None:
    loss = Loss.parse("a*x**2 + sqrt(2)*y**2 + pi*x*y + exp(1)*x", ["x", "y"], constants=["a", "unused"])
    assert set(DeterminingSystem.of(loss, seed=0).constant_nodes) == {"a", "sqrt(2)", "pi", "exp(1)"}


def test_a_relation_between_constants_is_no_symmetry_of_the_general_case() -> None:
    """x**4 + 2 b x**2 y**2 + a y**4 is round for a = b**2 only."""
    loss = Loss.parse("x**4 + 2*b*x**2*y**2 + a*y**4", ["x", "y"], constants="a b")
    assert derive(loss).dimension == 0
    special = Loss.parse("x**4 + 2*b*x**2*y**2 + b**2*y**4", ["x", "y"], constants="b")
    assert derive(special).dimension == 1


def test_null_directions_with_constants() -> None:
    algebra = derive(Loss.parse("(a*x + b*y)**2 + z**2", ["x", "y", "z"], constants="a b"))
    assert (algebra.null_directions, algebra.dimension, algebra.essential.dimension) == (1, 4, 1)
    assert dict(algebra.null_fields[0].components) in ({"x": "b", "y": "-a"}, {"x": "-b", "y": "a"})


@pytest.mark.parametrize(
    "text", ["sqrt(a)*x**2 + a*y**2 + z**2", "x**2 + sqrt(2)*x*y + sqrt(3)*y**2 + pi*z**2 + e*z*x"]
)
def test_constants_out_of_reach_leave_the_answer_open(text: str) -> None:
    algebra = derive(Loss.parse(text, ["x", "y", "z"], constants=["a"]))
    assert algebra.dimension == 3 or algebra.completeness.verdict == "undecided"


@pytest.mark.parametrize(
    ("text", "constants"),
    [
        ("log(1+a)*x + y", ["a"]),
        ("sin(pi/3)*x + y", []),
        ("log(2+sqrt(3))*x + y", []),
        ("exp(a/2)*x**2 + tanh(1)*y**2", ["a"]),
        ("normal_cdf(1)*x + atan(2)*y", []),
        ("(a+b)**2*x**2 + 3**(2/3)*y**2", ["a", "b"]),
    ],
)
def test_every_generator_reads_back_and_verifies(text: str, constants: list[str]) -> None:
    loss = Loss.parse(text, ["x", "y"], constants=constants)
    algebra = derive(loss)
    assert algebra.dimension > 0
    for field in algebra.generators:
        for formula in field.components.values():
            loss.read(formula)
        assert verify(loss, VectorField(dict(field.components))).verdict == "proved"
