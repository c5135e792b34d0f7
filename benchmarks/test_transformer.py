"""Networks with orthogonality constraints: what the constraint gives, and what it costs.

Each row checks its bars; the figures are in the extra information of the benchmark. The trainings are those of the
scripts `examples/train_digits_transformer.py` and `examples/train_orthogonal_recurrence.py`, on one thread.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

from torch_applications.copy_task import CopyTask  # noqa: E402
from torch_applications.images import digits  # noqa: E402
from torch_applications.recurrence_training import train_recurrence  # noqa: E402
from torch_applications.transformer_training import TransformerRun, train_transformer  # noqa: E402

BOUND = 5e-6
SEEDS = range(8)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trainings(*, layers: int, orthonormal: bool) -> list[TransformerRun]:
    """Twenty epochs from each of eight starts, on the same digits."""
    images = digits()
    return [train_transformer(images, layers=layers, heads=4, orthonormal=orthonormal, seed=s)[1] for s in SEEDS]


def note(benchmark: BenchmarkFixture, runs: list[TransformerRun]) -> None:
    """The figures of the table."""
    last = [run.epochs[-1] for run in runs]
    accuracies = [epoch.accuracy for epoch in last]
    benchmark.extra_info["accuracies"] = [round(accuracy, 3) for accuracy in accuracies]
    benchmark.extra_info["mean accuracy"] = round(statistics.mean(accuracies), 3)
    benchmark.extra_info["losses"] = [round(epoch.loss, 3) for epoch in last]
    benchmark.extra_info["seconds of one"] = round(min(run.seconds for run in runs), 1)
    shares = [run.optimizer_seconds / run.seconds for run in runs]
    benchmark.extra_info["share of the optimizer"] = round(statistics.median(shares), 3)
    errors = [epoch.orthogonality_error for run in runs for epoch in run.epochs if epoch.orthogonality_error]
    benchmark.extra_info["largest orthogonality error"] = max(errors, default=None)
    assert max(run.seconds for run in runs) <= 60
    assert max(errors, default=0.0) <= BOUND


def test_digits_on_the_stiefel_manifold(benchmark: BenchmarkFixture) -> None:
    """32 blocks: a mean accuracy of at least .60 after twenty epochs, a tenth of the time at most in the optimizer."""
    runs = benchmark.pedantic(lambda: trainings(layers=32, orthonormal=True), rounds=1)
    note(benchmark, runs)
    accuracies = [run.epochs[-1].accuracy for run in runs]
    assert statistics.mean(accuracies) >= 0.60
    assert min(accuracies) >= 0.5
    assert benchmark.extra_info["share of the optimizer"] <= 0.10


def test_digits_without_the_constraint(benchmark: BenchmarkFixture) -> None:
    """32 blocks: no start leaves the loss and the accuracy of one class for all images."""
    runs = benchmark.pedantic(lambda: trainings(layers=32, orthonormal=False), rounds=1)
    note(benchmark, runs)
    for run in runs:
        assert run.epochs[-1].loss >= 1.33
        assert run.epochs[-1].accuracy <= 0.12


@pytest.mark.parametrize("orthonormal", [True, False], ids=["stiefel", "free"])
def test_digits_with_fewer_layers(benchmark: BenchmarkFixture, orthonormal: bool) -> None:
    """16 blocks, where both learn, one of them faster."""
    runs = benchmark.pedantic(lambda: trainings(layers=16, orthonormal=orthonormal), rounds=1)
    note(benchmark, runs)


@pytest.mark.parametrize(
    ("network", "rate"),
    [
        ("unitary", 1e-3),
        ("orthogonal", 1e-3),
        ("unitary-start", 1e-3),
        ("orthogonal-start", 1e-3),
        ("lstm", 1e-2),
        ("tanh", 3e-3),
    ],
)
def test_copy_task(benchmark: BenchmarkFixture, network: str, rate: float) -> None:
    """A delay of 200 steps, 64 hidden units, 600 steps; LSTM and tanh network at learning rates that suit them."""
    task = CopyTask(200)
    options: dict[str, Any] = {
        "network": network,
        "size": 64,
        "steps": 600,
        "learning_rate": rate,
        "cosine": True,
        "clip": 1.0,
    }
    _, run = benchmark.pedantic(lambda: train_recurrence(task, **options), rounds=1)
    error = run.stretches[-1].orthogonality_error
    benchmark.extra_info["test loss"] = round(run.test_loss, 4)
    benchmark.extra_info["loss without memory"] = round(task.memoryless_loss, 4)
    benchmark.extra_info["recall"] = round(run.recall, 3)
    benchmark.extra_info["orthogonality error"] = error
    benchmark.extra_info["share of the optimizer"] = round(run.optimizer_seconds / run.seconds, 3)
    if network == "unitary":
        assert run.test_loss <= task.memoryless_loss / 10
        assert run.recall >= 0.99
    if network in ("unitary", "orthogonal"):
        assert error is not None
        assert error <= BOUND
    if network in ("lstm", "tanh"):
        assert run.test_loss >= 0.95 * task.memoryless_loss
