"""Trace, eigenvalues and spectral density of Hessians of modules, beside dense Hessians."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from manifolds.errors import InputError  # noqa: E402
from solvers.pytorch.meters import hessian_trace, spectral_density, top_eigenvalues  # noqa: E402

mse = nn.functional.mse_loss
cross_entropy = nn.functional.cross_entropy


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Convolutional(nn.Module):
    """A small network with convolution, normalisation, pooling and a tied weight."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, dtype=torch.float64)
        self.norm = nn.BatchNorm2d(2, dtype=torch.float64)
        self.last = nn.Linear(8, 3, dtype=torch.float64)

    def forward(self, x):
        hidden = nn.functional.avg_pool2d(torch.tanh(self.norm(self.conv(x))), 2)
        return self.last(hidden.flatten(1))


def problem(kind: str) -> tuple[nn.Module, Any, tuple[Any, Any]]:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        if kind == "convolution":
            return Convolutional(), cross_entropy, (torch.randn(6, 1, 6, 6).double(), torch.randint(0, 3, (6,)))
        activation = {"tanh": nn.Tanh(), "relu": nn.ReLU(), "linear": nn.Identity()}[kind]
        net = nn.Sequential(nn.Linear(3, 4), activation, nn.Linear(4, 2)).double()
        return net, mse, (torch.randn(9, 3).double(), torch.randn(9, 2).double())


KINDS = ["tanh", "relu", "linear", "convolution"]


def dense(model: nn.Module, loss_fn: Any, batch: Any) -> np.ndarray[Any, Any]:
    """The Hessian by PyTorch's own nested Jacobians."""
    names = [name for name, _ in model.named_parameters()]
    sizes = [one.numel() for one in model.parameters()]
    shapes = [one.shape for one in model.parameters()]
    kept = {name: one.clone() for name, one in model.named_buffers()}

    def value(vector):
        parts = [part.reshape(shape) for part, shape in zip(vector.split(sizes), shapes, strict=True)]
        buffers = {name: one.clone() for name, one in kept.items()}
        outputs = torch.func.functional_call(model, {**dict(zip(names, parts, strict=True)), **buffers}, (batch[0],))
        return loss_fn(outputs, batch[1])

    start = nn.utils.parameters_to_vector(model.parameters()).detach()
    return torch.autograd.functional.hessian(value, start).numpy()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", ["largest", "smallest", "magnitude"])
def test_eigenvalues_are_those_of_the_dense_hessian(kind, which):
    given = problem(kind)
    H = dense(*given)
    found = top_eigenvalues(*given, count=3, which=which, tolerance=1e-9)
    values = np.linalg.eigvalsh(H)
    order = {"largest": np.argsort(-values), "smallest": np.argsort(values), "magnitude": np.argsort(-abs(values))}
    assert found.values == pytest.approx(values[order[which]][:3], abs=1e-8 * abs(values).max())
    assert found.converged
    for value, vector, residual in zip(found.values, found.vectors, found.residuals, strict=True):
        x = torch.cat([part.ravel() for part in vector.values()]).numpy()
        assert np.linalg.norm(x) == pytest.approx(1, rel=1e-12)
        assert np.linalg.norm(H @ x - value * x) == pytest.approx(residual, abs=1e-13 * abs(values).max())


def test_too_few_steps_are_told():
    given = problem("tanh")
    found = top_eigenvalues(*given, count=2, most_steps=3)
    assert not found.converged
    assert found.steps == 3
    values = np.linalg.eigvalsh(dense(*given))
    for value, residual in zip(found.values, found.residuals, strict=True):
        assert np.abs(values - value).min() <= residual  # the bound holds all the same


def test_eigenvalues_of_higher_multiplicity():
    """Two outputs with the same inputs: every eigenvalue is double; one start sees each of them once."""
    layer = nn.Linear(4, 2, bias=False, dtype=torch.float64)
    inputs = torch.randn(9, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    batch = inputs, torch.zeros(9, 2, dtype=torch.float64)
    found = top_eigenvalues(layer, mse, batch, count=8)
    once = np.linalg.eigvalsh((inputs.T @ inputs / 9).numpy())[::-1]
    assert found.values == pytest.approx(np.repeat(once, 2), rel=1e-10)


def test_a_loss_without_curvature():
    layer = nn.Linear(3, 1, dtype=torch.float64)
    given = layer, lambda outputs, _: outputs.sum(), (torch.ones(2, 3, dtype=torch.float64), None)
    assert hessian_trace(*given, probes=3).value == 0
    found = top_eigenvalues(*given)
    assert found.values == (0.0,)
    assert found.converged


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["hutchinson", "hutch++"])
def test_traces_are_unbiased_with_honest_errors(kind, method):
    given = problem(kind)
    exact = np.trace(dense(*given))
    scores = []
    for seed in range(20):
        found = hessian_trace(*given, probes=24, method=method, rng=seed)
        assert found.cost.hvps == 24
        scores.append((found.value - exact) / max(found.standard_error, 1e-12 * abs(exact)))
    assert abs(np.mean(scores)) < 4 / math.sqrt(20)
    assert np.std(scores) < 1.7


def test_the_second_method_is_exact_where_its_subspace_is_everything():
    given = problem("tanh")
    size = sum(one.numel() for one in given[0].parameters())
    found = hessian_trace(*given, probes=3 * size, method="hutch++")
    assert found.value == pytest.approx(np.trace(dense(*given)), rel=1e-10)
    assert found.standard_error < 1e-10
    assert hessian_trace(*given, probes=3 * size).standard_error > 1e-3


@pytest.mark.parametrize("chunk", [1, 4, 100])
def test_traces_do_not_depend_on_how_many_are_computed_at_once(chunk):
    given = problem("convolution")
    assert hessian_trace(*given, probes=7, chunk=chunk).value == pytest.approx(
        hessian_trace(*given, probes=7).value, rel=1e-11
    )


def test_single_precision():
    net, loss_fn, (inputs, targets) = problem("tanh")
    exact = np.linalg.eigvalsh(dense(net, loss_fn, (inputs, targets)))
    found = top_eigenvalues(net.float(), loss_fn, (inputs.float(), targets.float()), tolerance=1e-4)
    assert found.converged
    assert found.values[0] == pytest.approx(exact[-1], rel=1e-4)


def test_moments_of_the_density():
    given = problem("tanh")
    H = dense(*given)
    found = spectral_density(*given, probes=60, steps=12)
    assert found.weights.sum() == pytest.approx(1, rel=1e-12)
    assert found.nodes.max() <= np.linalg.eigvalsh(H).max() * (1 + 1e-9)
    for power in (1, 2):
        moment = np.trace(np.linalg.matrix_power(H, power)) / len(H)
        assert found.weights @ found.nodes**power == pytest.approx(moment, rel=0.25)
    grid = np.linspace(found.nodes.min() - 3, found.nodes.max() + 3, 4001)
    assert np.trapezoid(found.smoothed(grid, width=0.3), grid) == pytest.approx(1, abs=1e-6)
    with pytest.raises(InputError, match="width"):
        found.smoothed(grid, width=0)


@pytest.mark.parametrize(
    "options",
    [{"count": 0}, {"count": 10**6}, {"which": "middle"}, {"tolerance": 0}, {"most_steps": 0}, {"tolerance": "low"}],
)
def test_refused_options_of_the_eigenvalues(options):
    with pytest.raises(InputError):
        top_eigenvalues(*problem("tanh"), **options)


@pytest.mark.parametrize("options", [{"probes": 0}, {"method": "guess"}, {"method": "hutch++", "probes": 5}])
def test_refused_options_of_the_trace(options):
    with pytest.raises(InputError):
        hessian_trace(*problem("tanh"), **options)
