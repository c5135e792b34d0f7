"""Losses whose block symmetries follow from relations between functions, held against the diagonal fields."""

import pytest

from symmetries import Blocks, Diagonal, Linear, Loss, VectorField, derive, verify
from symmetries.large import block_derive as module
from symmetries.large.block_grading import grade_blocks
from symmetries.large.block_independence import independence_of
from symmetries.large.moment_field import field_primes
from symmetries.large.moment_sampler import MomentSampler

SCALARS = {"x": (), "y": (), "z": ()}
RELATED = (
    "log(exp(x))*y",
    "exp(log(x))*y",
    "(log(x**2) - 2*log(x))*y",
    "(log(x**2) - 2*log(abs(x)))*y",
    "(softplus(x) - softplus(-x))*y",
    "(log(x*y) - log(x) - log(y))*z",
    "(sqrt(x**2) - abs(x))*y",
    "(log(sqrt(x)) - log(x)/2)*y",
    "(sinh(log(x)) - (x - 1/x)/2)*y",
    "logsumexp([x])*y",
)
NUMBERS = (
    "(exp(1)*exp(2) - exp(3))*x + y",
    "exp(log(2))*x - 2*x + y",
    "(log(4) - 2*log(2))*x + y",
    "sin(pi)*x + y",
)


@pytest.mark.parametrize("formula", RELATED + NUMBERS)
def test_related_functions_do_not_lower_the_bound(formula):
    loss = Loss.parse(formula, SCALARS)
    found, oracle = derive(loss, ansatz=Blocks()), derive(loss, ansatz=Diagonal())
    assert found.completeness.verdict == oracle.completeness.verdict == "proved"
    assert found.dimension == oracle.dimension


@pytest.mark.parametrize("formula", RELATED + NUMBERS)
def test_large_losses_with_related_functions_are_not_complete_without_assumptions(formula, monkeypatch):
    monkeypatch.setattr(module, "small_loss", lambda loss, seed: None)
    loss = Loss.parse(formula, SCALARS)
    found = derive(loss, ansatz=Blocks())
    wrong = found.dimension != derive(loss, ansatz=Diagonal()).dimension
    assert not wrong or found.completeness.verdict == "undecided" or found.completeness.assumptions


def test_log_softmax_over_one_index_is_zero():
    loss = Loss.parse("sum((log_softmax(B.T - v, axis=0)@B)**2)", {"B": (2, 1), "v": (2,)})
    found = derive(loss, ansatz=Blocks())
    assert found.dimension == 8
    assert found.completeness.verdict == "proved"


def test_functions_of_several_numbers_are_not_taken_for_independent():
    prime = next(field_primes())
    one, several = (Loss.parse(text, SCALARS) for text in ("exp(1)*x + y", "exp(1)*x + exp(2)*y"))
    assert independence_of(MomentSampler(one, prime, seed=0)).proved
    found = independence_of(MomentSampler(several, prime, seed=0))
    assert not found.proved
    assert not found.assumptions
    assert "functions of numbers" in found.reason


@pytest.mark.parametrize(
    "formula",
    [
        "sum(where(r > 0, A, A**2))",
        "sum(where(v > 0, A, A**2))",
        "sum(where(r > 0, v, A))",
        "sum(leaky_relu(v, A))",
        "sum(maximum(r, A@v))",
    ],
)
def test_conditions_are_broadcast(formula):
    loss = Loss.parse(formula, {"A": (2, 2), "v": (2,), "r": ()})
    assert grade_blocks(loss).slots
    found, linear = derive(loss, ansatz=Blocks()), derive(loss, ansatz=Linear())
    assert found.dimension <= linear.dimension


def test_null_directions_with_transcendental_entries_are_kept():
    found = derive(Loss.parse("(cos(2) - 2*cos(1)**2 + 1)*x + y", SCALARS), ansatz=Blocks())
    assert found.null_directions >= 1
    assert found.essential is found


def test_a_quotient_by_a_negative_number_has_an_absolute_value():
    found = derive(Loss.parse("abs(x/cos(exp(1)))*y", SCALARS), ansatz=Blocks())
    assert found.dimension == 2


def test_roots_of_roots_of_absolute_values_are_expanded():
    formula = "norm((sqrt(abs(concatenate([u, u])))@(outer(X, X).T@(A/reshape(X, (1, 2)))))**3)"
    loss = Loss.parse(formula, {"A": (2, 2), "u": (1,)}, data={"X": (2,)})
    assert derive(loss, ansatz=Linear()).dimension >= 1


def test_a_normal_distribution_function_far_out_has_no_value():
    loss = Loss.parse("logsumexp([cos(relu(u)/y), gelu(10**400*u)])", {"u": (), "y": ()})
    field = VectorField({"u": "u", "y": "y"})
    assert verify(loss, field).verdict in {"undecided", "refuted", "measured"}
