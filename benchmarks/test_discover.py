"""Symmetries of black boxes found in numbers: scalings of hidden units up to a million parameters, and small losses.

Each row checks its answer and the bars that it has to meet; the times, the memory and the gap are in the extra
information of the benchmark. `SYMPORT_LARGE=1 pytest benchmarks/test_discover.py --benchmark-only
--benchmark-json=discover.json` makes all figures; without `SYMPORT_LARGE` the network of a million parameters is left
out.
"""

from __future__ import annotations

import itertools
import os
import resource
import time
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from solvers.discover import Discovery, discover
from symmetries import Affine, derive
from symmetries.catalog import get

LARGE = pytest.mark.skipif(not os.environ.get("SYMPORT_LARGE"), reason="a million parameters want SYMPORT_LARGE=1")
NETWORKS = [
    pytest.param((16, 32, 16, 4), 20.0, id="1k"),
    pytest.param((64, 128, 32, 10), 60.0, id="13k"),
    pytest.param((256, 300, 64, 10), 300.0, id="97k"),
    pytest.param((784, 1000, 200, 10), 1_200.0, id="987k", marks=LARGE),
]


def relu_network(widths: tuple[int, ...]) -> Any:
    """A dense network of single precision with biases."""
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(0)
    layers: list[Any] = []
    for one, other in itertools.pairwise(widths):
        layers += [torch.nn.Linear(one, other), torch.nn.ReLU()]
    module = torch.nn.Sequential(*layers[:-1])
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return module


@pytest.mark.parametrize(("widths", "seconds"), NETWORKS)
def test_scalings_of_a_relu_network(benchmark: BenchmarkFixture, widths: tuple[int, ...], seconds: float) -> None:
    """One scaling for each hidden unit and no other, within the seconds."""
    torch = pytest.importorskip("torch")
    from solvers.pytorch.discovery import discover_module

    module = relu_network(widths)
    inputs = torch.randn(64, widths[0], generator=torch.Generator().manual_seed(1))
    start = time.perf_counter()
    found: Discovery = benchmark.pedantic(discover_module, (module, inputs), {"samples": 4}, rounds=1)
    taken = time.perf_counter() - start
    assert (found.verdict, found.dimension) == ("measured", sum(widths[1:-1]))
    assert found.name == f"R^{sum(widths[1:-1])}"
    benchmark.extra_info |= {
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "unknowns": found.unknowns,
        "gap": found.gap,
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    assert taken <= seconds


@pytest.mark.parametrize("name", ["matrix-factorisation", "relu-network", "booth"])
def test_catalogue_next_to_the_derivation(benchmark: BenchmarkFixture, name: str) -> None:
    """The dimension of the derivation, and how much longer than it the sampling takes."""
    loss = get(name).loss
    start = time.perf_counter()
    exact = derive(loss, ansatz=Affine())
    derivation = time.perf_counter() - start
    found: Discovery = benchmark(discover, loss, ansatz=Affine())
    assert (found.verdict, found.dimension) == ("measured", exact.dimension)
    benchmark.extra_info |= {"unknowns": found.unknowns, "derivation_seconds": derivation}
