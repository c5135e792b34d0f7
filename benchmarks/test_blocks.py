"""Time of block symmetries of networks with 100,000 parameters, reconstruction and proof included."""

from __future__ import annotations

import resource

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from symmetries import Loss, SymmetryAlgebra, derive
from symmetries.ansatz import Blocks

Case = tuple[str, dict[str, tuple[int, ...]], dict[str, tuple[int, ...]], int, str]

CASES: dict[str, Case] = {
    "attention 256 x 192": (
        "sum((Y - X@Q@K.T@X.T)**2)",
        {"Q": (256, 192), "K": (256, 192)},
        {"X": (4, 256), "Y": (4, 4)},
        36_864,
        "gl(192,R)",
    ),
    "softmax attention 256 x 192": (
        "sum((Y - softmax(X@Q@K.T@X.T))**2)",
        {"Q": (256, 192), "K": (256, 192)},
        {"X": (8, 256), "Y": (8, 8)},
        36_864,
        "gl(192,R)",
    ),
    "relu 153-300-151": (
        "sum((y - B@relu(A@x))**2)",
        {"A": (300, 153), "B": (151, 300)},
        {"x": (153,), "y": (151,)},
        300,
        "R^300",
    ),
    "tanh 153-300-151": (
        "sum((y - B@tanh(A@x))**2)",
        {"A": (300, 153), "B": (151, 300)},
        {"x": (153,), "y": (151,)},
        0,
        "0",
    ),
    "relu 100-150-150-100": (
        "sum((y - C@relu(B@relu(A@x)))**2)",
        {"A": (150, 100), "B": (150, 150), "C": (100, 150)},
        {"x": (100,), "y": (100,)},
        300,
        "R^300",
    ),
    "linear 183-183-183-183": (
        "sum((Y - C@B@A)**2)",
        {"A": (183, 183), "B": (183, 183), "C": (183, 183)},
        {"Y": (183, 183)},
        66_978,
        "gl(183,R) + gl(183,R)",
    ),
    "factorisation 224 x 224 x 224": (
        "sum((Y - U@V)**2)",
        {"U": (224, 224), "V": (224, 224)},
        {"Y": (224, 224)},
        50_176,
        "gl(224,R)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_large_network(benchmark: BenchmarkFixture, case: str) -> None:
    """Dimension, name, proof of every family and completeness."""
    formula, parameters, data, dimension, name = CASES[case]
    loss = Loss.parse(formula, parameters, data=data)

    def run() -> SymmetryAlgebra:
        return derive(loss, ansatz=Blocks())

    algebra = benchmark.pedantic(run, rounds=2, iterations=1)
    assert (algebra.dimension, algebra.name, algebra.completeness.verdict) == (dimension, name, "proved")
    assert algebra.families is not None
    assert all(one.claim.verdict == "proved" for one in algebra.families)
    benchmark.extra_info["unknowns"] = Blocks().count_in(loss)
    benchmark.extra_info["peak GB of the process"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


@pytest.mark.parametrize("width", [10, 32, 100])
@pytest.mark.parametrize("kind", ["linear", "relu", "attention"])
def test_growing_network(benchmark: BenchmarkFixture, kind: str, width: int) -> None:
    """From a few hundred to some ten thousand parameters."""
    square = (width, width)
    losses = {
        "linear": ("sum((y - C@B@A@x)**2)", dict.fromkeys("ABC", square), {"x": (width,), "y": (width,)}),
        "relu": ("sum((y - B@relu(A@x))**2)", dict.fromkeys("AB", square), {"x": (width,), "y": (width,)}),
        "attention": (
            "sum((Y - softmax(X@Q@K.T@X.T))**2)",
            dict.fromkeys("QK", square),
            {"X": (4, width), "Y": (4, 4)},
        ),
    }
    expected = {"linear": 2 * width**2, "relu": width, "attention": width**2}[kind]
    formula, parameters, data = losses[kind]
    loss = Loss.parse(formula, parameters, data=data)
    algebra = benchmark.pedantic(lambda: derive(loss, ansatz=Blocks()), rounds=2, iterations=1)
    assert (algebra.dimension, algebra.completeness.verdict) == (expected, "proved")
