"""Teleports of PyTorch modules in training: what they cost, and what they do beside a run without.

The network 784-16-10-10 of leaky ReLU units without biases is trained on 1,500 digits, stretched to 28 x 28 pixels, in
mini-batches of 20 for 15 epochs; five seeds.  One teleport comes after the first epoch: one scaling a hidden layer, at
most by exp(2), to where the loss falls most in five virtual steps on 200 samples; it is taken when 60 virtual steps on
mini-batches end lower by 5 % in each of three orders of the batches.

    OMP_NUM_THREADS=1 python -m pytest benchmarks/test_teleporter.py -s
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

torch = pytest.importorskip("torch")

from solvers.pytorch import symmetries_of  # noqa: E402
from solvers.pytorch.datasets import digits28  # noqa: E402
from solvers.pytorch.teleporter import Teleporter  # noqa: E402
from solvers.results import TeleportResult  # noqa: E402
from solvers.running.acceptance import Rollout  # noqa: E402

LOSS = torch.nn.functional.cross_entropy
EPOCHS, BATCH, SEEDS = 15, 20, (54321, 108642, 162963, 217284, 271605)
AFTER = 75
"""Steps before the teleport: one epoch."""

OPTIMIZERS: dict[str, tuple[Callable[..., Any], float, float]] = {
    "sgd": (torch.optim.SGD, 1e-2, 0.2),
    "momentum": (lambda params, lr: torch.optim.SGD(params, lr=lr, momentum=0.9), 1e-3, 0.03),
    "adagrad": (torch.optim.Adagrad, 1e-2, 0.05),
    "rmsprop": (torch.optim.RMSprop, 1e-4, 2e-3),
    "adam": (torch.optim.Adam, 1e-4, 5e-3),
}
"""Optimizers with the rates of the published experiments and with tuned ones."""

DIGITS = digits28()


@dataclass(frozen=True, kw_only=True)
class Run:
    """How a training ended."""

    train: float
    test: float
    teleport: TeleportResult | None = None
    seconds: float = 0.0


def network(seed: int) -> torch.nn.Module:
    """The network with weights uniform in one over the root of the number of inputs."""
    torch.manual_seed(seed)
    layers: list[torch.nn.Module] = []
    for inputs, outputs in ((784, 16), (16, 10), (10, 10)):
        layers += [torch.nn.Linear(inputs, outputs, bias=False), torch.nn.LeakyReLU(0.1)]
    model = torch.nn.Sequential(*layers[:-1])
    with torch.no_grad():
        for weight in model.parameters():
            weight.uniform_(-1 / weight.shape[1] ** 0.5, 1 / weight.shape[1] ** 0.5)
    return model


def train(seed: int, make: Callable[..., Any], rate: float, *, options: dict[str, Any] | None = None) -> Run:
    """One training, with a teleport where there are options for it."""
    model, inputs, targets = network(seed), DIGITS.train_inputs, DIGITS.train_targets
    optimizer = make(model.parameters(), lr=rate)
    order, found, seconds = np.random.default_rng(seed), None, 0.0
    for step in range(EPOCHS * AFTER):
        if step % AFTER == 0:
            parts = torch.from_numpy(order.permutation(len(inputs))).split(BATCH)
        if options is not None and step == AFTER:
            symmetry = symmetries_of(model, inputs[:2])
            shuffled = torch.from_numpy(np.random.default_rng(seed + 1).permutation(len(inputs)))
            pieces = [shuffled[:200], *shuffled.split(BATCH)]
            teleporter = Teleporter(model, LOSS, optimizer=optimizer, symmetry=symmetry, **options)
            began = time.perf_counter()
            found = teleporter.step([(inputs[piece], targets[piece]) for piece in pieces])
            seconds = time.perf_counter() - began
        piece = parts[step % AFTER]
        optimizer.zero_grad()
        LOSS(model(inputs[piece]), targets[piece]).backward()
        optimizer.step()
    with torch.no_grad():
        ends = [LOSS(model(x), y).item() for x, y in ((inputs, targets), (DIGITS.test_inputs, DIGITS.test_targets))]
    return Run(train=ends[0], test=ends[1], teleport=found, seconds=seconds)


ARMS: dict[str, dict[str, Any]] = {
    "teleport": {
        "target": "lookahead",
        "per": "space",
        "radius": 2.0,
        "layer_bound": 30.0,
        "steps": 25,
        "accept": Rollout(steps=60, margin=0.05),
    },
    "random": {"along": "random", "radius": 2.0, "accept": Rollout(steps=60, margin=0.05)},
    "reset-only": {"along": "random", "radius": 1e-9, "state": "reset"},
}


@pytest.mark.parametrize("tuned", [False, True], ids=["published-rates", "tuned-rates"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training(benchmark: BenchmarkFixture, name: str, tuned: bool) -> None:
    """Never more than 2 % above the base, no divergence; at published rates most teleports are taken."""
    make, rate = OPTIMIZERS[name][0], OPTIMIZERS[name][1 + tuned]
    base = [train(seed, make, rate) for seed in SEEDS]
    arms = {
        arm: [train(seed, make, rate, options=options) for seed in SEEDS]
        for arm, options in ARMS.items()
        if arm != "teleport"
    }
    arms["teleport"] = benchmark.pedantic(
        lambda: [train(seed, make, rate, options=ARMS["teleport"]) for seed in SEEDS], rounds=1
    )
    taken = [run for run in arms["teleport"] if run.teleport is not None and run.teleport.element is not None]
    print(f"\n{name} at {rate:g}: base {mean(base)}", *(f"{arm} {mean(runs)}" for arm, runs in arms.items()), sep="; ")
    print(f"  {len(taken)} of {len(SEEDS)} taken, seconds at most {max(run.seconds for run in arms['teleport']):.2f}")
    worst = float(np.mean([run.train for run in arms["teleport"]]) / np.mean([run.train for run in base]))
    benchmark.extra_info |= {"base": mean(base), **{arm: mean(runs) for arm, runs in arms.items()}, "taken": len(taken)}
    assert np.isfinite(worst)
    assert worst <= 1.02
    assert max(run.teleport.relative_drift for run in taken) <= 1e-5 if taken else True
    if not tuned:
        assert sum(run.teleport.gain >= 1.1 for run in taken if run.teleport is not None) >= len(SEEDS) / 2
    if name == "sgd" and not tuned:
        assert np.mean([run.train for run in arms["teleport"]]) <= 0.20
        assert max(run.seconds for run in arms["teleport"]) <= 1.0


def mean(runs: list[Run]) -> str:
    """Mean losses on the training and on the test samples."""
    return f"{np.mean([run.train for run in runs]):.4f} (test {np.mean([run.test for run in runs]):.4f})"


def big_batch() -> tuple[Any, Any]:
    """The first 200 samples."""
    return DIGITS.train_inputs[:200], DIGITS.train_targets[:200]


def sgd_step(model: torch.nn.Module) -> float:
    """The least time of a step on 200 samples, in seconds."""
    optimizer, (inputs, targets), times = torch.optim.SGD(model.parameters(), lr=1e-9), big_batch(), []
    for _ in range(200):
        began = time.perf_counter()
        optimizer.zero_grad()
        LOSS(model(inputs), targets).backward()
        optimizer.step()
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def test_cost_of_ten_steps_of_a_search_for_long_gradients(benchmark: BenchmarkFixture) -> None:
    """At most 50 steps of gradient descent on the same batch."""
    model = network(0)
    symmetry, state = symmetries_of(model, big_batch()[0][:2]), {k: v.clone() for k, v in model.state_dict().items()}
    teleporter = Teleporter(model, LOSS, symmetry=symmetry, radius=3.0)
    results: list[TeleportResult] = []

    def once() -> None:
        results.append(teleporter.step(big_batch()))
        model.load_state_dict(state)

    one = sgd_step(model)
    benchmark.pedantic(once, rounds=30, warmup_rounds=2)
    median = float(benchmark.stats.stats.median)
    print(f"\n{1e3 * median:.2f} ms = {median / one:.0f} steps of {1e3 * one:.3f} ms; gain {results[0].gain:.2f}")
    benchmark.extra_info |= {"steps of gradient descent": median / one, "gain": results[0].gain}
    assert results[0].steps == 10
    assert results[0].relative_drift <= 1e-5
    assert median <= 50 * one


def test_cost_of_a_null_space_teleport(benchmark: BenchmarkFixture) -> None:
    """784-256-256-10, 200 samples, 8 steps: at most 200 ms, no drift."""
    torch.manual_seed(0)
    layers = [torch.nn.Linear(784, 256), torch.nn.LeakyReLU(0.1), torch.nn.Linear(256, 256), torch.nn.LeakyReLU(0.1)]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(256, 10))
    state = {name: one.clone() for name, one in model.state_dict().items()}
    teleporter = Teleporter(model, LOSS, along="null-space", steps=8)
    results: list[TeleportResult] = []

    def once() -> None:
        model.load_state_dict(state)
        results.append(teleporter.step(big_batch()))

    benchmark.pedantic(once, rounds=5, warmup_rounds=1)
    drift = results[0].evidence["drift_in_double_precision"]
    print(f"\n{1e3 * float(benchmark.stats.stats.median):.0f} ms, gain {results[0].gain:.4f}, drift {drift:.1e}")
    benchmark.extra_info |= {"gain": results[0].gain, "drift": drift, "ranks": results[0].evidence["ranks"]}
    assert abs(drift) <= 1e-12
    assert float(benchmark.stats.stats.median) <= 0.2
