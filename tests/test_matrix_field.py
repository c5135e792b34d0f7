"""Matrix words on one loss: the proof never looks at an entry."""

from __future__ import annotations

import time

import pytest

from manifolds.errors import InputError
from symmetries import Loss
from symmetries.sizes.matrix_field import FamilyAction, FamilyField, prove_matrix_field

GL = FamilyField({"U": "-U@S", "V": "S@V"}, {"S": "generic"})


def test_a_hundred_thousand_parameters_cost_nothing():
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (256, 192), "V": (192, 256)}, data={"Y": (256, 256)})
    assert len(loss.entries) == 98_304
    start = time.perf_counter()
    claim = prove_matrix_field(loss, GL)
    assert claim.verdict == "proved"
    assert time.perf_counter() - start <= 0.1
    assert claim.statement == "X L = 0 for δU = -U@S, δV = S@V for every matrix S"
    assert claim.evidence == {"method": "matrix words"}


def test_false_words_are_undecided_and_never_refuted():
    loss = Loss.parse("sum((Y - U@V)**2) + sum(U**2)", {"U": (6, 4), "V": (4, 5)}, data={"Y": (6, 5)})
    claim = prove_matrix_field(loss, GL)
    assert claim.verdict == "undecided"
    assert "do not cancel" in claim.reason


def test_lengths_that_are_equal_by_accident_do_not_help():
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (4, 4), "V": (4, 4)}, data={"Y": (4, 4)})
    assert prove_matrix_field(loss, GL).verdict == "proved"
    left = FamilyField({"U": "S@U", "V": "-V@S"}, {"S": "generic"})
    assert prove_matrix_field(loss, left).verdict == "undecided"


def test_data_that_moves_may_be_moved():
    loss = Loss.parse("sum((Y - W@X)**2)", {"W": (3, 4)}, data={"X": {"shape": (4, 5), "moves": True}, "Y": (3, 5)})
    assert prove_matrix_field(loss, FamilyField({"W": "-W@S", "X": "S@X"}, {"S": "generic"})).verdict == "proved"
    still = Loss.parse("sum((Y - W@X)**2)", {"W": (3, 4)}, data={"X": (4, 5), "Y": (3, 5)})
    with pytest.raises(InputError, match="a component for 'X'"):
        prove_matrix_field(still, FamilyField({"W": "-W@S", "X": "S@X"}, {"S": "generic"}))


def test_given_data_are_constants():
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (2, 2), "V": (2, 2)}, data={"Y": [[1.5, 2], [3, 4]]})
    assert prove_matrix_field(loss, GL).verdict == "proved"


def test_entries_and_reshapes_are_linear_maps():
    loss = Loss.parse("(U@V)[0, 0]**2 + sum(reshape(U@V, (6,))*y)", {"U": (3, 2), "V": (2, 2)}, data={"y": (6,)})
    assert prove_matrix_field(loss, GL).verdict == "proved"
    assert prove_matrix_field(loss, FamilyField({"U": "U@S"}, {"S": "generic"})).verdict == "undecided"


def test_arrays_of_three_axes_stand_still():
    loss = Loss.parse("sum(T[:, :, 0]*(U@V))", {"U": (3, 2), "V": (2, 4)}, data={"T": (3, 4, 2)})
    assert prove_matrix_field(loss, GL).verdict == "proved"
    moved = Loss.parse("sum(T**2)", {"T": (2, 2, 2)})
    with pytest.raises(InputError, match="the field moves 'T'"):
        prove_matrix_field(moved, FamilyField({"T": "T"}))


@pytest.mark.parametrize(
    ("formula", "verdict"),
    [("abs(x)/x", "undecided"), ("sign(1/x)", "undecided"), ("where(x > 0, 1, 2)", "undecided"), ("0*x + 3", "proved")],
)
def test_a_shift_does_not_cross_jumps_and_poles(formula, verdict):
    assert prove_matrix_field(Loss.parse(formula, ["x"]), FamilyField({"x": "1"})).verdict == verdict


@pytest.mark.parametrize("formula", ["abs(x)/x", "where(x > 0, 1, 2)", "sign(x)", "sign(1/x)", "maximum(x, 0)/x"])
def test_a_scaling_keeps_signs(formula):
    assert prove_matrix_field(Loss.parse(formula, ["x"]), FamilyField({"x": "x"})).verdict == "proved"


def test_words_are_shown():
    assert str(FamilyAction({"W": "t*W"}, {"t": "positive"})) == "W → t*W for every positive number t"
    assert str(FamilyField({"b": "b"})) == "δb = b"


def test_deep_residual_linear_layers_are_not_expanded():
    layers = range(14)
    text = "X"
    shapes = {}
    for k in layers:
        text = f"({text} + {text}@A{k}@B{k})" if k < 3 else f"(({text})@(I + A{k}@B{k}))"
        shapes |= {f"A{k}": (4, 3), f"B{k}": (3, 4)}
    data = {"X": (5, 4), "Y": (5, 4), "I": (4, 4)}
    loss = Loss.parse(f"sum((Y - {text})**2)", shapes, data=data)
    start = time.perf_counter()
    assert prove_matrix_field(loss, FamilyField({"A9": "A9@S", "B9": "-S@B9"}, {"S": "generic"})).verdict == "proved"
    assert prove_matrix_field(loss, FamilyField({"A9": "A9@S", "B8": "-S@B8"}, {"S": "generic"})).verdict == "undecided"
    assert time.perf_counter() - start <= 5


def test_functions_nested_too_deeply_are_undecided():
    text = "x"
    for _ in range(150):
        text = f"tanh({text} + x)"
    claim = prove_matrix_field(Loss.parse(text, ["x"]), FamilyField({"x": "x"}))
    assert claim.verdict == "undecided"
