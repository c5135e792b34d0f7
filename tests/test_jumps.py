"""Losses that jump: a field must keep the place of the jump."""

from __future__ import annotations

import pytest

from symmetries import Affine, Linear, Loss, VectorField, derive, verify

TANGENT = [
    ("sign(x**2 + y**2 - 1)", Linear(), ["y d/dx - x d/dy"]),
    ("where(x*y > 1, 1, 5)", Linear(), ["x d/dx - y d/dy"]),
    ("where(x > 0, 1, 0) + y**2", Linear(), ["x d/dx"]),
    ("sign(z) + x**2 + y**2", Linear(), ["z d/dz", "y d/dx - x d/dy"]),
    ("(x**2 + y**2 - 1)/abs(x**2 + y**2 - 1)", Linear(), ["y d/dx - x d/dy"]),
    ("z/abs(z) + x**2 + y**2", Linear(), ["z d/dz", "y d/dx - x d/dy"]),
]


@pytest.mark.parametrize(("text", "ansatz", "expected"), TANGENT)
def test_the_fields_that_keep_a_jump_are_found(text: str, ansatz: Linear, expected: list[str]) -> None:
    algebra = derive(Loss.parse(text), ansatz=ansatz)
    assert [str(field) for field in algebra.generators] == expected
    assert algebra.completeness.verdict == "undecided"
    assert "jump" in algebra.completeness.reason


def test_translations_along_a_jump() -> None:
    algebra = derive(Loss.parse("where(x >= y, 1, 0)"), ansatz=Affine())
    assert algebra.dimension == 4
    for field in algebra.generators:
        assert verify(algebra.loss, field).verdict == "proved"


def test_a_continuous_piece_on_one_side_is_no_jump_for_what_keeps_it() -> None:
    algebra = derive(Loss.parse("where(x**2 + y**2 > 1, x**2 + y**2, 5)*z"))
    assert algebra.dimension == 1
    assert algebra.completeness.verdict == "proved"


@pytest.mark.parametrize("entry", ["x", "y"])
def test_what_crosses_a_jump_is_not_proved(entry: str) -> None:
    loss = Loss.parse("where(x + y > 0, 1, 0)")
    assert verify(loss, VectorField({entry: "1"})).verdict in {"refuted", "undecided"}
    assert verify(loss, VectorField({"x": "1", "y": "-1"})).verdict == "proved"
