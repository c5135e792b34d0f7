"""Time of a derivation, proofs included; each benchmark also checks the answer."""

from __future__ import annotations

import subprocess
import sys
import time

import plain_sympy
import pytest
from problems import attention, linear_network, matrix_factorisation, network, public_losses, softmax_regression
from pytest_benchmark.fixture import BenchmarkFixture

from symmetries import Affine, Ansatz, Linear, Loss, derive
from symmetries.ansatz import read_ansatz

FAMILIES = [
    pytest.param(matrix_factorisation(7), Linear(), 49, id="matrix-factorisation-n98"),
    pytest.param(linear_network(10), Linear(), 200, id="linear-network-n300"),
    pytest.param(network("tanh", 4, 24, 2), Affine(), 0, id="tanh-network-affine-n170"),
    pytest.param(network("relu", 10, 40, 2), Linear(), 40, id="relu-network-n522"),
    pytest.param(attention(10, 8), Linear(), 64, id="attention-n160"),
    pytest.param(softmax_regression(10, 10), Affine(), 0, id="softmax-regression-affine-n110"),
]


@pytest.mark.parametrize(("loss", "ansatz", "dimension"), FAMILIES)
def test_family(benchmark: BenchmarkFixture, loss: Loss, ansatz: Ansatz, dimension: int) -> None:
    algebra = benchmark.pedantic(derive, args=(loss,), kwargs={"ansatz": ansatz}, rounds=3, iterations=1)
    assert algebra.dimension == dimension
    assert algebra.completeness.verdict == "proved"


def test_large_matrix_factorisation(benchmark: BenchmarkFixture) -> None:
    """968 parameters, 937,024 unknowns."""
    algebra = benchmark.pedantic(derive, args=(matrix_factorisation(22),), rounds=1, iterations=1)
    assert algebra.dimension == 22**2
    assert algebra.completeness.verdict == "proved"


@pytest.mark.parametrize("size", [2, 3, 4, 5, 7, 10, 14])
def test_growth(benchmark: BenchmarkFixture, size: int) -> None:
    """Growth of the matrix factorisation with its 2 size^2 parameters."""
    loss = matrix_factorisation(size)
    algebra = benchmark.pedantic(derive, args=(loss,), rounds=3, iterations=1)
    benchmark.extra_info["parameters"] = len(loss.entries)
    benchmark.extra_info["unknowns"] = len(loss.entries) ** 2
    assert algebra.dimension == size**2


@pytest.mark.parametrize(
    ("loss", "dimension"),
    [
        pytest.param(matrix_factorisation(4), 16, id="matrix-factorisation-n32"),
        pytest.param(linear_network(3), 18, id="linear-network-n27"),
    ],
)
def test_against_plain_sympy(benchmark: BenchmarkFixture, loss: Loss, dimension: int) -> None:
    """All sides in one run; the ratios in the extra info are SymPy's time over ours."""
    algebra = benchmark.pedantic(derive, args=(loss,), rounds=5, iterations=1)
    assert algebra.dimension == dimension
    for peer in (plain_sympy.expand_collect_nullspace, plain_sympy.polynomial_rank):
        start = time.perf_counter()
        assert peer(loss) == dimension
        seconds = time.perf_counter() - start
        ratio = round(seconds / benchmark.stats["median"])
        benchmark.extra_info[peer.__name__] = {"seconds": round(seconds, 2), "ratio": ratio}
        print(f"\nSymPy, {peer.__name__}: {seconds:.2f} s, ratio {ratio}")


def test_public_table(benchmark: BenchmarkFixture) -> None:
    """The whole table of losses with known symmetries."""
    table = public_losses()

    def run() -> list[int]:
        return [derive(loss, ansatz=read_ansatz(ansatz)).dimension for loss, ansatz, _ in table]

    found = benchmark.pedantic(run, rounds=3, iterations=1)
    assert found == [dimension for _, _, dimension in table]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([sys.executable, "-c", "import symmetries"], id="import"),
        pytest.param([sys.executable, "-m", "symport", "derive", "x**2 + 9*y**2"], id="derive"),
    ],
)
def test_process(benchmark: BenchmarkFixture, command: list[str]) -> None:
    """A whole process, the start of Python included."""
    finished = benchmark.pedantic(
        lambda: subprocess.run(command, capture_output=True, check=False), rounds=5, iterations=1, warmup_rounds=1
    )
    assert finished.returncode == 0, finished.stderr.decode()
