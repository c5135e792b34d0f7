"""Sharpness of modules, and what all meters refuse and leave alone."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from manifolds.errors import InputError  # noqa: E402
from solvers.aims.sharpness import Sharpness  # noqa: E402
from solvers.objective import Objective  # noqa: E402
from solvers.pytorch.meters import (  # noqa: E402
    SharpnessTarget,
    hessian_trace,
    sharpness,
    spectral_density,
    top_eigenvalues,
)
from solvers.pytorch.meters.estimate import Estimate  # noqa: E402

mse = nn.functional.mse_loss
METERS = [
    lambda *given, **options: sharpness(*given, directions=3, **options),
    lambda *given, **options: hessian_trace(*given, probes=3, **options),
    lambda *given, **options: top_eigenvalues(*given, most_steps=6, **options),
    lambda *given, **options: spectral_density(*given, probes=1, steps=4, **options),
]
meters = pytest.mark.parametrize("meter", METERS, ids=["sharpness", "trace", "eigenvalues", "density"])


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def network(seed: int = 0, dtype: Any = torch.float64) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 5, dtype=dtype), nn.Tanh(), nn.Linear(5, 2, dtype=dtype))


def data(seed: int = 0, dtype: Any = torch.float64) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(7, 3, generator=generator, dtype=dtype), torch.randn(7, 2, generator=generator, dtype=dtype)


def quadratic() -> tuple[nn.Module, tuple[Any, Any], Any]:
    """A loss w'Aw/2 of nine parameters, and A."""
    layer = nn.Linear(9, 1, bias=False, dtype=torch.float64)
    nn.init.constant_(layer.weight, 0.3)
    inputs = torch.randn(12, 9, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return layer, (inputs, torch.zeros(12, 1, dtype=torch.float64)), 2 * inputs.T @ inputs / 12


def plain_mean(model: nn.Module, batch: Any, target: SharpnessTarget) -> list[float]:
    """Mean losses along the directions of a target, one evaluation of the module after the other."""
    generator = torch.Generator().manual_seed(0)
    held, means = copy.deepcopy(model), []
    start = nn.utils.parameters_to_vector(model.parameters()).detach()
    with torch.no_grad():
        for _ in range(target.directions):
            unit = torch.randn(len(start), generator=generator, dtype=torch.float64)
            unit /= unit.norm()
            losses = []
            for t in target.radii:
                for sign in (1, -1):
                    nn.utils.vector_to_parameters(start + sign * t * unit, held.parameters())
                    losses.append(float(mse(held(batch[0]), batch[1])))
            means.append(sum(losses) / len(losses))
    return means


@pytest.mark.parametrize("chunk", [None, 1, 5, 1000])
def test_sharpness_is_the_mean_of_plain_evaluations(chunk):
    model, batch = network(), data()
    options: dict[str, Any] = {"radii": (0.2, 0.7), "directions": 6, "rng": 0}
    found = sharpness(model, mse, batch, chunk=chunk, **options)
    means = plain_mean(model, batch, SharpnessTarget(model, mse, batch, **options))
    assert found.value == pytest.approx(np.mean(means), rel=1e-13)
    assert found.standard_error == pytest.approx(np.std(means, ddof=1) / math.sqrt(6), rel=1e-10)
    assert (found.samples, found.cost.values) == (6, 27)


def test_sharpness_of_a_quadratic_is_unbiased():
    """The mean over the sphere is L + E t^2 tr A / 2n; the standard error says how far off the estimate is."""
    layer, batch, A = quadratic()
    exact = mse(layer(batch[0]), batch[1]).item() + (0.1**2 + 0.4**2) / 2 * float(A.trace()) / 18
    errors = []
    for seed in range(60):
        found = sharpness(layer, mse, batch, radii=(0.1, 0.4), directions=30, rng=seed)
        errors.append((found.value - exact) / found.standard_error)
    assert abs(np.mean(errors)) < 3 / math.sqrt(60)
    assert 0.7 < np.std(errors) < 1.4


def test_sharpness_agrees_with_the_array_version_of_the_same_loss():
    layer, batch, A = quadratic()
    w = layer.weight.detach().ravel().numpy()
    objective = Objective.from_functions(lambda v: v @ A.numpy() @ v / 2, lambda v: A.numpy() @ v, size=9)
    other = Sharpness(radii=(0.3,), directions=400).estimate(objective, w)
    found = sharpness(layer, mse, batch, radii=(0.3,), directions=400)
    assert abs(found.value - other.value) < 4 * math.hypot(found.standard_error, other.standard_error)


def test_gradient_of_the_sharpness():
    model, batch = network(), data()
    target = SharpnessTarget(model, mse, batch, radii=(0.2, 0.5), directions=4, chunk=3)
    start = {name: one.detach().clone() for name, one in model.named_parameters()}
    value, gradient = target.value_and_gradient(start)
    assert float(value) == pytest.approx(sharpness(model, mse, batch, radii=(0.2, 0.5), directions=4).value, rel=1e-13)
    by_functions = torch.func.grad(target)(start)
    for name, one in start.items():
        move = torch.randn(one.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        ends = [float(target({**start, name: one + sign * 1e-5 * move})) for sign in (1, -1)]
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(float((gradient[name] * move).sum()), rel=1e-7)
        assert torch.allclose(by_functions[name], gradient[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_same_seed_same_bits(dtype):
    model, batch = network(dtype=dtype), data(dtype=dtype)
    one, two, other = (sharpness(model, mse, batch, directions=4, rng=seed) for seed in (3, 3, 4))
    assert one.value == two.value
    assert one.value != other.value
    assert sharpness(model, mse, batch, directions=4, rng=np.random.default_rng(0)).value != one.value


class Awkward(nn.Module):
    """What a measurement could disturb: statistics, dropout, a frozen layer, a shared weight, a buffer that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4, dtype=torch.float64)
        self.norm = nn.BatchNorm1d(4, dtype=torch.float64)
        self.drop = nn.Dropout(0.5)
        self.frozen = nn.Linear(4, 4, dtype=torch.float64).requires_grad_(False)
        self.last = nn.Linear(4, 3, bias=False, dtype=torch.float64)
        self.last.weight = nn.Parameter(self.first.weight.detach().T.clone())
        self.twin = self.last
        self.register_buffer("calls", torch.zeros((), dtype=torch.float64))

    def forward(self, x):
        self.calls += 1
        return self.twin(self.frozen(self.drop(self.norm(self.first(x)))))


@meters
@pytest.mark.parametrize("train", [True, False])
def test_the_model_stays_bit_for_bit(meter, train):
    model = Awkward().train(train)
    batch = data()[0], data(1)[0]
    model.first.weight.grad = torch.ones_like(model.first.weight)
    before = copy.deepcopy(model.state_dict())
    flags = [one.requires_grad for one in model.parameters()]
    modes = [module.training for module in model.modules()]
    state, fast = torch.get_rng_state(), torch.backends.mha.get_fastpath_enabled()
    meter(model, mse, batch)
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert [one.requires_grad for one in model.parameters()] == flags
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(model.first.weight.grad, torch.ones_like(model.first.weight))
    assert all(one.grad is None for one in model.frozen.parameters())
    assert model.last.weight.grad is None
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.backends.mha.get_fastpath_enabled() is fast
    assert model.norm.running_mean is not None


def test_dropout_takes_the_same_units_away_at_all_displacements():
    model = nn.Sequential(nn.Linear(3, 40, bias=False), nn.Dropout(0.5), nn.Linear(40, 2, bias=False)).double()
    small = sharpness(model, mse, data(), radii=[1e-9], directions=8)
    assert small.value == pytest.approx(small.evidence["loss"], rel=1e-7)
    assert small.standard_error < 1e-8
    assert sharpness(model, mse, data(), radii=[1e-9], directions=8, chunk=1).value == pytest.approx(small.value)
    assert sharpness(model, mse, data(), rng=1).evidence["loss"] != small.evidence["loss"]


def test_random_layers_that_draw_otherwise_in_a_batch_are_evaluated_in_a_loop():
    layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.3, batch_first=True, dtype=torch.float64)
    inputs = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = sharpness(layer, lambda outputs, _: outputs.sin().mean(), (inputs, None), radii=[1e-9], directions=3)
    assert found.value == pytest.approx(found.evidence["loss"], abs=1e-8)
    assert not found.evidence["vectorised"]
    assert "random layers" in found.evidence["reason"]


@meters
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_models_are_looked_into(meter):
    model = network()
    one = meter(torch.compile(model, backend="eager"), mse, data())
    two = meter(model, mse, data())
    key = "value" if isinstance(one, Estimate) else "nodes" if hasattr(one, "nodes") else "values"
    assert np.array_equal(getattr(one, key), getattr(two, key))


class Foreign(torch.autograd.Function):
    """A square without rules for batches and second derivatives."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, slope):
        (x,) = ctx.saved_tensors
        return 2 * x * slope


class Silent(torch.autograd.Function):
    """A square whose backward loses the second derivative without a word."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, slope):
        (x,) = ctx.saved_tensors
        return 2 * x.detach() * slope


class Square(nn.Module):
    def __init__(self, function=Foreign) -> None:
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function.apply(x)


class PlainSquare(nn.Module):
    def forward(self, x):
        return x * x


def two_squares(function=Foreign) -> tuple[nn.Module, nn.Module]:
    base = network()
    return nn.Sequential(base[0], Square(function), base[2]), nn.Sequential(base[0], PlainSquare(), base[2])


def test_a_layer_without_rule_for_batches_is_named_and_evaluated_in_a_loop():
    odd, plain = two_squares()
    found, exact = (sharpness(model, mse, data(), directions=5) for model in (odd, plain))
    assert found.evidence["vectorised"] is False
    assert found.evidence["layer"] == "1 (Square)"
    assert exact.evidence["vectorised"] is True
    assert found.value == pytest.approx(exact.value, rel=1e-13)


@pytest.mark.parametrize("function", [Foreign, Silent])
def test_a_layer_without_second_derivative_is_named_and_gradients_are_subtracted(function):
    odd, plain = two_squares(function)
    found, exact = (hessian_trace(model, mse, data(), probes=5) for model in (odd, plain))
    assert found.evidence["products"] == "central differences of gradients"
    assert found.evidence["layer"] == "1 (Square)"
    assert found.value == pytest.approx(exact.value, rel=1e-7)
    assert found.cost.gradients == 11
    assert exact.cost.hvps == 5


def test_recurrent_cells_go_through_a_loop():
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.LSTM(3, 4, batch_first=True)

        def forward(self, x):
            return self.cell(x[:, None])[0][:, 0, :2]

    found = sharpness(Reader(), mse, data(dtype=torch.float32), directions=2)
    assert found.evidence["layer"] == "cell (LSTM)"
    assert math.isfinite(found.value)


@pytest.mark.parametrize("train", [True, False])
def test_attention_is_evaluated_many_at_once(train):
    layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True, dtype=torch.float64).train(train)
    inputs = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = sharpness(layer, lambda outputs, _: outputs.sin().mean(), (inputs, None), directions=3)
    assert found.evidence["vectorised"] is not train  # dropout in train mode draws otherwise in a batch
    one = hessian_trace(layer, lambda outputs, _: outputs.sin().mean(), (inputs, None), probes=2)
    assert one.evidence["products"] == "reverse mode twice"


@meters
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda model: model.requires_grad_(False), "no trainable parameters"),
        (lambda model: nn.init.constant_(model[0].bias, math.nan), "the loss is nan"),
        (lambda model: nn.init.constant_(model[2].bias, math.inf), "the loss is inf"),
    ],
)
def test_refused_models(meter, change, words):
    model = network()
    change(model)
    with pytest.raises(InputError, match=words) as caught:
        meter(model, mse, data())
    assert caught.value.why
    assert caught.value.cure


@meters
def test_refused_losses_and_batches(meter):
    with pytest.raises(InputError, match=r"a loss of shape \(7, 2\)"):
        meter(network(), lambda a, b: (a - b) ** 2, data())
    with pytest.raises(InputError, match="a loss of shape float"):
        meter(network(), lambda a, b: 1.0, data())
    with pytest.raises(InputError, match="it is no pair"):
        meter(network(), mse, data()[0])
    with pytest.raises(InputError, match="no seed"):
        meter(network(), mse, data(), rng=-1)
    with pytest.raises(InputError, match=r"no torch\.nn\.Module"):
        meter(lambda x: x, mse, data())


@pytest.mark.parametrize("options", [{"radii": ()}, {"radii": (0.1, -1)}, {"radii": "much"}, {"chunk": 0}])
def test_refused_options_of_the_sharpness(options):
    with pytest.raises(InputError):
        sharpness(network(), mse, data(), **options)
    with pytest.raises(InputError, match="directions=0"):
        sharpness(network(), mse, data(), directions=0)


def test_losses_that_overflow_on_the_spheres_are_told_as_infinite():
    model = nn.Linear(3, 2, bias=False, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    found = sharpness(model, lambda a, _: torch.exp(a.square().sum()), data(), directions=2, radii=[1e3])
    assert found.value == math.inf


def test_models_that_cannot_be_copied_are_refused():
    import threading

    model = network()
    model.lock = threading.Lock()
    with pytest.raises(InputError, match="cannot be copied"):
        sharpness(model, mse, data())


def test_inputs_by_position_and_by_name():
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.ones(2, dtype=torch.float64))

        def forward(self, x, y):
            return x @ self.w + y

    x, y = torch.eye(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    one = hessian_trace(Sum(), mse, ((x, y), torch.zeros_like(y)), probes=2)
    two = hessian_trace(Sum(), mse, ({"x": x, "y": y}, torch.zeros_like(y)), probes=2)
    assert one.value == two.value == pytest.approx(2.0)
