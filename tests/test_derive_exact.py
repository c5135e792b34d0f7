"""Exactness: symmetries broken by little, unlucky primes, numbers that are not rational, structural constants."""

from __future__ import annotations

from itertools import islice
from math import prod

import pytest
from oracle import nullity, residual

from symmetries import Linear, Loss, Polynomial, VectorField, derive
from symmetries.algebra import components
from symmetries.primes import suitable_primes
from symmetries.prove import Prover
from symmetries.solve import prove_field
from symmetries.system import DeterminingSystem

P, Q = 2**31 - 1, 2**61 - 1
PRIMES = list(islice(suitable_primes(), 6))


@pytest.mark.parametrize(
    "text",
    [
        "x**4 + 2.0000000000001*x**2*y**2 + y**4",
        "x**4 + (2 + 1/10**30)*x**2*y**2 + y**4",
        "(x**2 + y**2)**2 + 1e-13*x*y*(x - y)",
        f"x**4 + {2 * (1 + P)}*x**2*y**2 + y**4",
        f"x**4 + {2 * (1 + Q)}*x**2*y**2 + y**4",
        f"x**4 + {2 * (1 + P * Q)}*x**2*y**2 + y**4",
        f"x**4 + 2*(1 + 1/{P})*x**2*y**2 + y**4",
        f"x**4 + {2 * (1 + prod(PRIMES))}*x**2*y**2 + y**4",
        f"(x**2 + y**2)**2 + {P}*x*y**3",
        f"(x**2 + y**2)**2 + {Q}*x*y**3",
        f"x**2 + y**2 + {P}*x**3",
        f"exp({1 + P}*x) - exp(x) + y**2",
    ],
)
def test_a_symmetry_broken_by_little_or_modulo_a_prime_is_broken(text: str) -> None:
    algebra = derive(Loss.parse(text))
    assert algebra.dimension == 0
    assert algebra.completeness.verdict == "proved"


@pytest.mark.parametrize("coefficient", ["1e-13", str(P), f"1/{P}", str(Q), str(prod(PRIMES))])
def test_weight_decay_of_any_size_leaves_the_rotations(coefficient: str) -> None:
    text = f"sum((Y - U@V)**2) + {coefficient}*(sum(U**2) + sum(V**2))"
    algebra = derive(Loss.parse(text, {"U": (2, 2), "V": (2, 2)}, data={"Y": (2, 2)}))
    assert (algebra.dimension, algebra.completeness.verdict) == (1, "proved")


@pytest.mark.parametrize("factor", [P, Q, PRIMES[0] * PRIMES[1], 10**40, 10**400])
def test_huge_coefficients_are_never_a_false_answer(factor: int) -> None:
    """x**2 + c y**2 has one rotation; where c is too large to be found, the answer is open, not wrong."""
    algebra = derive(Loss.parse(f"x**2 + {factor}*y**2"))
    assert algebra.dimension == 1 or algebra.completeness.verdict == "undecided"
    if factor < 10**50:
        assert algebra.dimension == 1


def test_more_unlucky_primes_than_are_tried() -> None:
    coefficient = 2 * (1 + prod(islice(suitable_primes(), 70)))
    algebra = derive(Loss.parse(f"x**4 + {coefficient}*x**2*y**2 + y**4"))
    assert algebra.dimension == 0
    assert algebra.completeness.verdict == "undecided"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x**2 + sqrt(2)*y**2", 1),
        ("x**2 + pi*y**2", 1),
        ("x**2 + e*y**2", 1),
        ("x**2 + (sqrt(2) + pi)*y**2 + e**2*z**2", 3),
        ("x**2 + log(2)*y**2 + log(4)*z**2", 3),
        ("x**2 + sin(1)*y**2 + cos(1)**2*z**2", 3),
        ("x**2 + (sin(1)**2 + cos(1)**2)*y**2", 1),
        ("2**(1/3)*x**2 + 4**(1/3)*y**2 + z**2", 3),
        ("(sqrt(2)*x + y)**2 + z**2", 4),
        ("(sqrt(8) - 2*sqrt(2))*x + y**2 + z**2", 4),
        ("(sqrt(6) - sqrt(2)*sqrt(3))*x + y**2 + z**2", 4),
        ("(log(6) - log(2) - log(3))*x + y**2 + z**2", 4),
        ("(2**(1/3)*4**(1/3) - 2)*x + y**2 + z**2", 4),
        ("(sqrt(2) - 1.41421356237309504880168872420969807857)*x + y**2 + z**2", 1),
        ("(pi - 3.14159265358979323846264338327950288)*x + y**2 + z**2", 1),
        ("(e - 2.71828182845904523536028747135266249775724709)*x + y**2 + z**2", 1),
        ("x**4 + 2*sqrt(2)*x**2*y**2 + 2*y**4", 1),
        ("x**4 + 2*1.4142135623730950488*x**2*y**2 + 2*y**4", 0),
    ],
)
def test_numbers_that_are_not_rational(text: str, expected: int) -> None:
    loss = Loss.parse(text)
    algebra = derive(loss)
    assert algebra.dimension == expected
    assert algebra.completeness.verdict == "proved"
    assert all(residual(loss, field) < 1e-12 for field in algebra.generators)


@pytest.mark.parametrize(
    ("text", "constants", "expected"),
    [
        ("(x/a)**2 + (y/b)**2", "a b", 1),
        ("x**2/a**2 + y**2/b**2 + z**2/(a + b)**2", "a b", 3),
        ("a*x**2 + (a + b)*y**2 + a*b*z**2 + (a - b)*w**2", "a b", 6),
        ("exp(a)*x**2 + y**2", "a", 1),
        ("sin(a)*x**2 + cos(a)*y**2", "a", 1),
        ("x**4 + 2*x**2*y**2 + a*y**4", "a", 0),
        ("x**4 + 2*a*x**2*y**2 + a**2*y**4", "a", 1),
        ("(a*x + b*y)**2", "a b", 2),
        ("x**2 + (sin(a)**2 + cos(a)**2)*y**2 + a - a", "a", 1),
        ("(sqrt(a**2) - abs(a))*x + y**2 + z**2", "a", 4),
        ("x*y**a", "a", 1),
    ],
)
def test_structural_constants(text: str, constants: str, expected: int) -> None:
    names = [name for name in ("x", "y", "z", "w") if name in text.replace("exp", "")]
    loss = Loss.parse(text, names, constants=constants)
    algebra = derive(loss)
    assert algebra.dimension == expected
    assert algebra.completeness.verdict == "proved"
    assert all(residual(loss, field, positive=True) < 1e-12 for field in algebra.generators)


@pytest.mark.parametrize("text", ["(x/a)**2 + (y/b)**2", "a*x**2 + y**2", "(a*x + b*y)**2"])
def test_the_same_letters_as_data_break_the_symmetry(text: str) -> None:
    data = [name for name in ("a", "b") if name in text]
    assert derive(Loss.parse(text, ["x", "y"], data=data)).dimension == 0
    assert derive(Loss.parse(text, ["x", "y"], constants=data)).dimension > 0


@pytest.mark.parametrize(
    "loss",
    [
        Loss.parse("x**2 + 9*y**2"),
        Loss.parse("(1 - x)**2 + 100*(y - x**2)**2", ansatz="polynomial:3"),
        Loss.parse("sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 2)}, data={"Y": (3, 2)}),
        Loss.parse("sum((y - W2@relu(W1@x))**2)", {"W1": (2, 2), "W2": (1, 2)}, data={"x": (2,), "y": (1,)}),
        Loss.parse("sum((y - W2@tanh(W1@x) - V@x)**2)", {"W1": (1, 2), "W2": (1, 1), "V": (1, 2)}, data="x:2 y:1"),
        Loss.parse("cross_entropy(W@x, y)", {"W": (3, 2)}, data={"x": (2,), "y": (3,)}),
        Loss.parse("sum((Y - softmax(X@Q@K.T@X.T)@X)**2)", {"Q": (2, 1), "K": (2, 1)}, data={"X": (2, 2), "Y": (2, 2)}),
        Loss.parse("(y - g*(v@x)/norm(v))**2", {"g": (), "v": (3,)}, data="x:3 y"),
        Loss.parse("x**2 + sqrt(2)*y**2"),
        Loss.parse("log(x**2) + log(y**2)"),
    ],
    ids=str,
)
def test_a_field_moved_by_little_is_not_proved(loss: Loss) -> None:
    """Each generator with 1e-7 added to one of its coefficients, and with one entry left out."""
    algebra = derive(loss)
    system = DeterminingSystem.of(loss, seed=0)
    for field in algebra.essential.generators or algebra.generators:
        polynomials = field.polynomials
        assert polynomials is not None
        assert prove_field(system, field).outcome == "zero"
        entry, monomial = next(iter(components(field)))
        changed = {name: dict(polynomial) for name, polynomial in polynomials.items()}
        changed[entry][monomial] *= 1 + type(changed[entry][monomial])(1, 10**7)
        assert prove_field(system, VectorField.from_polynomials(changed)).outcome != "zero"
        rest = {name: polynomial for name, polynomial in polynomials.items() if name != entry}
        if rest:
            assert prove_field(system, VectorField.from_polynomials(rest)).outcome != "zero"


def test_moving_data() -> None:
    moving = {"x": {"shape": [2], "moves": True}, "y": (2,)}
    loss = Loss.parse("sum((y - W@x)**2)", {"W": (2, 2)}, data=moving)
    assert derive(loss).dimension == nullity(loss, Linear()) == 6
    still = Loss.parse("sum((y - W@x)**2)", {"W": (2, 2)}, data={"x": (2,), "y": (2,)})
    assert derive(still).dimension == 0
    samples = {"X": {"shape": [2, 3], "moves": True}, "Y": (2, 3)}
    assert derive(Loss.parse("sum((Y - W@X)**2)", {"W": (2, 2)}, data=samples)).dimension == 4


def test_given_data_with_dependent_rows() -> None:
    given = {"A": [[1, 2, 3], [2, 4, 6]], "y": {"values": [1, 2]}}
    algebra = derive(Loss.parse("sum((y - A@w)**2)", {"w": (3,)}, data=given), ansatz=Polynomial(1))
    assert (algebra.null_directions, algebra.dimension, algebra.essential.dimension) == (2, 8, 0)


def test_given_data_in_general_position() -> None:
    """Four equations for three unknowns: the ellipsoids around the solution turn by so(3), affinely."""
    given = {"A": [["1/3", 2, 3], [2, "0.1", 6], [1, 0, 1], [2, 2, 2]], "y": {"values": [1, 2, 3, 4]}}
    algebra = derive(Loss.parse("sum((y - A@w)**2)", {"w": (3,)}, data=given), ansatz=Polynomial(1))
    assert (algebra.null_directions, algebra.dimension) == (0, 3)


def test_the_prover_is_not_fooled_by_the_sign_of_a_square_root() -> None:
    system = DeterminingSystem.of(Loss.parse("sqrt(x**2*y**2) - x*y + z**2"), seed=0)
    assert isinstance(system.prover, Prover)
    field = VectorField.from_polynomials({"x": {(("y", 1),): 1}})  # type: ignore[dict-item]
    assert prove_field(system, field).outcome != "zero"
