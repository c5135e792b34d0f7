"""Null directions: the slice that cuts them off, lifts from it, and the fields that they bring."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from oracle import Sampler, evaluate, residual

from symmetries import Affine, Ansatz, Linear, Loss, Polynomial, VectorField, derive
from symmetries.algebra import apply, components
from symmetries.inflation import inflated_fields, is_numeric, lift_fields, monomials_in, pivots_of, slice_at, times
from symmetries.span import Span

SLANTED = Loss.parse("(x - 2*y + z)**2 + (y + 3*u)**4 + (x + z + 6*u)**2*(y + 3*u)", ["x", "y", "z", "u"])
DIRECTIONS = [
    VectorField.from_polynomials({"x": {(): Fraction(1)}, "z": {(): Fraction(-1)}}),
    VectorField.from_polynomials({"x": {(): Fraction(-6)}, "y": {(): Fraction(-3)}, "u": {(): Fraction(1)}}),
]


def numbers(loss: Loss, values: dict[str, float]) -> float:
    arrays = {name: np.array([value], dtype=np.clongdouble) for name, value in values.items()}
    return float(evaluate(loss.expression, arrays).real[0])


def test_the_directions_are_found() -> None:
    found = derive(SLANTED).null_fields
    span = Span([components(field) for field in found])
    assert span.dimension == 2
    assert all(span.contains(components(field)) for field in DIRECTIONS)


@pytest.mark.parametrize("height", [Fraction(0), Fraction(1), Fraction(-2)])
def test_every_slice_has_the_same_loss(height: Fraction) -> None:
    """L(0, rest) = L(h, rest + h v)."""
    pivots = pivots_of(DIRECTIONS, ("x", "y", "z", "u"))
    assert len(pivots) == 2
    at, shift = slice_at(DIRECTIONS, pivots, height)
    assert set(at) == set(pivots)
    rng = np.random.default_rng(0)
    for _ in range(5):
        rest = {name: float(rng.normal()) for name in ("x", "y", "z", "u") if name not in pivots}
        bottom = {**rest, **dict.fromkeys(pivots, 0.0)}
        moved = {name: value + float(shift.get(name, 0)) for name, value in rest.items()}
        top = {**moved, **{name: float(value) for name, value in at.items()}}
        assert np.isclose(numbers(SLANTED, bottom), numbers(SLANTED, top))


@pytest.mark.parametrize("ansatz", [Linear(), Affine(), Polynomial(2)], ids=lambda ansatz: ansatz.name)
def test_inflated_fields_are_all_functions_times_the_direction(ansatz: Ansatz) -> None:
    loss = Loss.parse("(x - y)**2", ["x", "y"])
    direction = VectorField.from_polynomials({"x": {(): Fraction(1)}, "y": {(): Fraction(1)}})
    fields = list(inflated_fields(direction, ("x", "y"), ansatz.unknowns(2)))
    assert len(fields) == ansatz.inflation(2)
    assert Span([components(field) for field in fields]).dimension == len(fields)
    assert all(residual(loss, field) < 1e-15 for field in fields)


def test_a_lift_is_constant_along_the_null_directions() -> None:
    pivots = pivots_of(DIRECTIONS, ("x", "y", "z", "u"))
    rest = [name for name in ("x", "y", "z", "u") if name not in pivots]
    inner = VectorField.from_polynomials({rest[0]: {((rest[1], 1),): Fraction(1), ((rest[0], 2),): Fraction(5)}})
    (lifted,) = lift_fields([inner], DIRECTIONS, pivots)
    for direction in DIRECTIONS:
        assert direction.polynomials is not None
        assert lifted.polynomials is not None
        for polynomial in lifted.polynomials.values():
            assert not any(apply(direction.polynomials, polynomial).values())


def test_products_with_monomials() -> None:
    field = VectorField.from_polynomials({"x": {(("y", 1),): Fraction(2)}})
    assert times(field, (("y", 1), ("z", 2))).components == {"x": "2*y**2*z**2"}
    assert len(monomials_in(["a", "b", "c"], 2)) == 6
    assert monomials_in(["a"], 0) == [()]


def test_a_direction_with_constants_is_not_numeric() -> None:
    assert is_numeric(DIRECTIONS[0])
    assert not is_numeric(VectorField.from_polynomials({"x": {(("a", 1),): Fraction(1)}}))


@pytest.mark.parametrize("text", ["trace(inv(A)@A) + x**2", "sum((A@inv(A) - eye(2))**2) + x**2", "det(A)/det(A) + x"])
def test_a_removable_singularity_on_the_slice_is_avoided(text: str) -> None:
    algebra = derive(Loss.parse(text, {"A": (2, 2), "x": ()}))
    assert (algebra.null_directions, algebra.dimension, algebra.essential.dimension) == (4, 20, 0)
    assert algebra.completeness.verdict == "proved"


def test_the_loss_on_the_slice_by_numbers() -> None:
    algebra = derive(SLANTED, ansatz=Affine())
    assert algebra.dimension == 2 * 5 + algebra.essential.dimension
    sampler = Sampler(SLANTED)
    assert sampler.coordinates == ("x", "y", "z", "u")
    assert all(residual(SLANTED, field) < 1e-13 for field in algebra.generators)
