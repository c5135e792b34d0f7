"""Meters of a module 784-16-10-10: curvature of its orbits, sharpness beside a plain loop, trace and eigenvalues.

python -m pytest benchmarks/test_meters.py
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn.functional import cross_entropy, leaky_relu  # noqa: E402

from solvers.pytorch.meters import curve_curvature, hessian_trace, sharpness, top_eigenvalues  # noqa: E402

SLOWEST = 0.05
"""Seconds allowed for the curvature of one curve and its derivative in time."""

SAMPLES, DIRECTIONS, RADII = 200, 100, (0.1, 0.3, 0.5)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [nn.Linear(784, 16), nn.LeakyReLU(0.1), nn.Linear(16, 10), nn.LeakyReLU(0.1), nn.Linear(10, 10)]
        return nn.Sequential(*layers).double()


def batch(samples: int = SAMPLES) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.standard_normal((samples, 784))), torch.from_numpy(rng.integers(10, size=samples))


def scaled(parameters: Any, m: Any, t: Any) -> Any:
    """Positive scalings of the sixteen units of the first hidden layer."""
    s = torch.exp(t * m)
    first, bias, second = (parameters[name] for name in ("0.weight", "0.bias", "2.weight"))
    return {"0.weight": s[:, None] * first, "0.bias": s * bias, "2.weight": second / s}


def hidden_states(model: nn.Module, inputs: Any) -> Any:
    """exp(tM) on the ten hidden states before the last layer, the layers below them fixed; no more samples than 16."""
    with torch.no_grad():
        below = model[1](model[0](inputs)).T
    ones = torch.cat([below, torch.ones_like(below[:1])])
    left = torch.linalg.pinv(ones)

    def curve(parameters: Any, M: Any, t: Any) -> Any:
        weight = torch.cat([parameters["2.weight"], parameters["2.bias"][:, None]], dim=1)
        z = weight @ ones
        goal = torch.linalg.matrix_exp(t * M) @ leaky_relu(z, 0.1)
        moved = weight + (leaky_relu(goal, 10.0) - z) @ left
        last = parameters["4.weight"] @ torch.linalg.matrix_exp(-t * M)
        return {"2.weight": moved[:, :-1], "2.bias": moved[:, -1], "4.weight": last}

    return curve


@pytest.mark.parametrize("action", ["scalings", "hidden states"])
def test_curvature_and_its_derivative(benchmark: BenchmarkFixture, action: str) -> None:
    """At most 50 ms, and the derivative agrees with the curvature at two near points of the curve."""
    model = network()
    curve, shape = (scaled, (16,)) if action == "scalings" else (hidden_states(model, batch(12)[0]), (10, 10))
    element = torch.from_numpy(np.random.default_rng(1).standard_normal(shape))
    element /= element.norm()
    parameters = {name: one.detach().clone() for name, one in model.named_parameters()}
    curve_curvature(curve, parameters, element)  # PyTorch loads its forward mode at the first call
    found = benchmark(curve_curvature, curve, parameters, element)
    ends = []
    for t in (1e-4, -1e-4):
        there = {**parameters, **curve(parameters, element, torch.tensor(t, dtype=torch.float64))}
        ends.append(curve_curvature(curve, there, element).value)
    assert found.slope == pytest.approx((ends[0] - ends[1]) / 2e-4, rel=1e-5, abs=1e-9)
    benchmark.extra_info["curvature"] = found.value
    assert benchmark.stats["median"] <= SLOWEST


def plain_sharpness(model: nn.Module, data: tuple[Any, Any]) -> float:
    """The mean over the same number of displacements, one after the other."""
    held, generator = copy.deepcopy(model), torch.Generator().manual_seed(0)
    start = nn.utils.parameters_to_vector(model.parameters()).detach()
    total = 0.0
    with torch.no_grad():
        for _ in range(DIRECTIONS):
            unit = torch.randn(len(start), generator=generator, dtype=torch.float64)
            unit /= unit.norm()
            for t in RADII:
                for sign in (1, -1):
                    nn.utils.vector_to_parameters(start + sign * t * unit, held.parameters())
                    total += float(cross_entropy(held(data[0]), data[1]))
    return total / (2 * len(RADII) * DIRECTIONS)


@pytest.mark.parametrize("way", ["vectorised", "plain loop"])
def test_sharpness(benchmark: BenchmarkFixture, way: str) -> None:
    """Both give the same number."""
    model, data = network(), batch()
    if way == "plain loop":
        value = benchmark(plain_sharpness, model, data)
    else:
        found = benchmark(sharpness, model, cross_entropy, data, radii=RADII, directions=DIRECTIONS)
        value = found.value
        benchmark.extra_info["standard error"] = found.standard_error
        assert value == pytest.approx(plain_sharpness(model, data), rel=1e-12)
    benchmark.extra_info["sharpness"] = value


@pytest.mark.parametrize("method", ["hutchinson", "hutch++"])
def test_trace(benchmark: BenchmarkFixture, method: str) -> None:
    """Sixty Hessian-vector products."""
    found = benchmark(hessian_trace, network(), cross_entropy, batch(), probes=60, method=method)
    benchmark.extra_info["trace"] = f"{found.value:.3f} +- {found.standard_error:.3f}"
    benchmark.extra_info["gradient equivalents"] = found.cost.gradient_equivalents


def test_eigenvalues(benchmark: BenchmarkFixture) -> None:
    """The three largest, to a residual of 1e-6 of the largest."""
    found = benchmark(top_eigenvalues, network(), cross_entropy, batch(), count=3)
    assert found.converged
    benchmark.extra_info["eigenvalues"] = [round(value, 4) for value in found.values]
    benchmark.extra_info["steps"] = found.steps
