"""Time of the discrete symmetries, verification and completeness included; each benchmark also checks the answer."""

from __future__ import annotations

from math import factorial

import pytest
from problems import matrix_factorisation, network
from pytest_benchmark.fixture import BenchmarkFixture

from symmetries import Loss
from symmetries.discrete import discrete_symmetries
from symmetries.permutations.discrete_invariance import Invariance


def deep_network(inputs: int, hidden: int, outputs: int) -> Loss:
    """Squared error of a tanh network with two hidden layers and biases."""
    return Loss.parse(
        "sum((y - W3@tanh(W2@tanh(W1@x + b1) + b2) - b3)**2)",
        {
            "W1": (hidden, inputs),
            "b1": (hidden,),
            "W2": (hidden, hidden),
            "b2": (hidden,),
            "W3": (outputs, hidden),
            "b3": (outputs,),
        },
        data={"x": (inputs,), "y": (outputs,)},
    )


FAMILIES = [
    pytest.param(network("tanh", 4, 64, 2), 2**64 * factorial(64), "Z_2 wr S_64", True, id="tanh-4-64-2-n450"),
    pytest.param(network("sigmoid", 4, 64, 2), factorial(64), "S_64", True, id="sigmoid-4-64-2-n450"),
    pytest.param(network("relu", 4, 64, 2), factorial(64), "S_64", True, id="relu-4-64-2-n450"),
    pytest.param(deep_network(2, 4, 2), 384**2, "(Z_2 wr S_4) x (Z_2 wr S_4)", True, id="tanh-2-4-4-2-n42"),
    pytest.param(
        deep_network(8, 24, 4),
        (2**24 * factorial(24)) ** 2,
        "(Z_2 wr S_24) x (Z_2 wr S_24)",
        False,
        id="tanh-8-24-24-4-n916",
    ),
    pytest.param(matrix_factorisation(4), 384, "Z_2 wr S_4", True, id="matrix-factorisation-n32"),
    pytest.param(
        Loss.parse("sum(x**4)", {"x": (100,)}), 2**100 * factorial(100), "Z_2 wr S_100", True, id="quartic-n100"
    ),
]


@pytest.mark.parametrize(("loss", "order", "name", "complete"), FAMILIES)
def test_family(benchmark: BenchmarkFixture, loss: Loss, order: int, name: str, complete: bool) -> None:
    group = benchmark.pedantic(discrete_symmetries, args=(loss,), rounds=3, iterations=1)
    assert (group.order, group.name) == (order, name)
    assert all(claim.verdict == "proved" for claim in group.generator_claims)
    assert group.completeness.verdict == ("proved" if complete else "undecided")


def test_building(benchmark: BenchmarkFixture) -> None:
    """The part of the time that writes the tanh network out entry by entry."""
    made = benchmark.pedantic(Invariance, args=(network("tanh", 4, 64, 2),), rounds=3, iterations=1)
    assert len(made.coordinates) == 450
