"""One training of a classifier: an optimizer, an arm that acts on it at given steps, and what it costs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor, nn

from manifolds.errors import InputError
from solvers.pytorch import Teleporter, symmetries_of
from solvers.pytorch.datasets import Dataset, digits28, read_folder
from solvers.pytorch.teleporting.guard import WayBack
from solvers.running.acceptance import Rollout

ARMS = ("base", "reset-only", "random", "teleport")
"""Nothing; a new optimizer state at the same steps; random points of the orbit; the search, its state carried along."""

BATCH = 20
"""Images of a step."""

TELEPORT_BATCH = 200
"""Images on which a teleport measures its target."""

ROLLOUT = 60
"""Virtual steps, each on images of its own, that compare the ends with and without a teleport; at most an epoch."""

MOST_LOSS = 1e4
"""A loss above this counts as divergence."""

OPTIMIZERS: Mapping[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": lambda parameters, lr: torch.optim.SGD(parameters, lr=lr, momentum=0.9),
    "adagrad": lambda parameters, lr: torch.optim.Adagrad(parameters, lr=lr, eps=1e-10),
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}

PUBLISHED = {"sgd": 1e-2, "momentum": 1e-3, "adagrad": 1e-2, "rmsprop": 1e-4, "adam": 1e-4, "adamw": 1e-4}
"""Learning rates of the published experiments; AdamW takes that of Adam."""


@final
@dataclass(frozen=True, kw_only=True)
class Arm:
    """What is done to a run, and when.

    Parameters
    ----------
    name: one of `ARMS`.
    steps: numbers of optimizer steps after which it is done.
    options: of the teleporter: along, target, maximize, steps and so on.
    """

    name: str = "base"
    steps: frozenset[int] = frozenset()
    options: Mapping[str, Any] = field(default_factory=dict)


@cache
def load(folder: str | None, most: int | None = None) -> Dataset:
    """The images of a folder, or the stretched digits; some of them where a number is given."""
    data = digits28() if folder is None else read_folder(Path(folder))
    return data if most is None else data.first(most, most)


def make_network(widths: tuple[int, ...], seed: int, dtype: torch.dtype = torch.float32) -> nn.Sequential:
    """Linear layers without biases with LeakyReLUs of slope 1/10 between them, weights uniform within 1/sqrt(fan-in).

    >>> [tuple(one.shape) for one in make_network((4, 3, 2), 0).parameters()]
    [(3, 4), (2, 3)]
    """
    generator = torch.Generator().manual_seed(seed)
    layers: list[nn.Module] = []
    for below, above in zip(widths, widths[1:], strict=False):  # noqa: RUF007
        layer = nn.Linear(below, above, bias=False, dtype=dtype)
        with torch.no_grad():
            draws = torch.rand((above, below), generator=generator, dtype=dtype)
            layer.weight.copy_((2 * draws - 1) / math.sqrt(below))
        layers += [layer, nn.LeakyReLU(0.1)]
    return nn.Sequential(*layers[:-1])


def widths_of(data: Dataset) -> tuple[int, ...]:
    """The published layers: 16 and 10 units, 128 and 32 for the colour images.

    >>> widths_of(load(None))
    (784, 16, 10, 10)
    """
    return (data.features, *((128, 32) if data.features > 2000 else (16, 10)), data.classes)


@final
class Run:
    """A training that can be stopped in the middle and looked at.

    Parameters
    ----------
    data: what is learned.
    optimizer: its name.
    rate: learning rate.
    seed: of the start and of the order of the images.
    arm: what is done to the run.
    """

    def __init__(self, data: Dataset, *, optimizer: str, rate: float, seed: int, arm: Arm) -> None:
        if optimizer not in OPTIMIZERS:
            raise InputError(f"the optimizer {optimizer!r}", why="there is none", cure=f"use {', '.join(OPTIMIZERS)}")
        self.data, self.arm, self.seed = data, arm, seed
        self.network = make_network(widths_of(data), (seed + 1) * 54321)
        self.loss = nn.functional.cross_entropy
        self.optimizer = OPTIMIZERS[optimizer](self.network.parameters(), lr=rate)
        self.order = torch.Generator().manual_seed(seed)
        self.chosen = torch.Generator().manual_seed(seed + 1_000_003)
        self.steps, self.cost = 0, 0.0
        self.events: list[dict[str, Any]] = []
        self.history: list[dict[str, Any]] = []
        self.seconds = 0.0
        self._teleporter: Any = None
        self._size = 0.0

    @property
    def steps_an_epoch(self) -> int:
        """Optimizer steps in one pass over the images."""
        return -(-len(self.data.train_targets) // BATCH)

    @cached_property
    def symmetry(self) -> Any:
        """The symmetry group of the network."""
        return symmetries_of(self.network, self.data.train_inputs[:8])

    @property
    def rollout(self) -> int:
        """Virtual steps of an acceptance test."""
        return min(ROLLOUT, self.steps_an_epoch)

    def epochs(self, count: int) -> bool:
        """Train for some epochs; whether the loss stayed finite."""
        for _ in range(count):
            began = time.perf_counter()
            for batch in torch.randperm(len(self.data.train_targets), generator=self.order).split(BATCH):
                self._act()
                self.optimizer.zero_grad()
                self.loss(self.network(self.data.train_inputs[batch]), self.data.train_targets[batch]).backward()
                self.optimizer.step()
                self.steps += 1
                self.cost += 1.0
                self._look()
            self.seconds += time.perf_counter() - began
            self.history.append(self.measured())
            train = self.history[-1]["train_loss"]
            if not train < MOST_LOSS:
                return False
        return True

    def measured(self) -> dict[str, Any]:
        """Losses and accuracy now, with the cost up to here in gradients of one step."""
        with torch.no_grad():
            train = float(self.loss(self.network(self.data.train_inputs), self.data.train_targets))
            outputs = self.network(self.data.test_inputs)
            test = float(self.loss(outputs, self.data.test_targets))
            right = float((outputs.argmax(1) == self.data.test_targets).double().mean())
        return {"step": self.steps, "train_loss": train, "test_loss": test, "accuracy": right, "cost": self.cost}

    def batch(self, size: int = TELEPORT_BATCH) -> tuple[Tensor, Tensor]:
        """Random images on which a teleport looks."""
        chosen = torch.randperm(len(self.data.train_targets), generator=self.chosen)[:size]
        return self.data.train_inputs[chosen], self.data.train_targets[chosen]

    def _act(self) -> None:
        """Do what the arm does before this step."""
        if self.steps not in self.arm.steps or self.arm.name == "base":
            return
        if self.arm.name == "reset-only":
            self.optimizer.state.clear()
            return
        self.teleport(self.batch(), self.arm)

    def _look(self) -> None:
        """Take the run back to before the last teleport if its loss blew up since."""
        if self._teleporter is not None and self._teleporter.is_watching:
            guard = self._teleporter.guard
            self.cost += self._size / 3 / guard.period  # one value of the loss in every period
            if self._teleporter.check():
                self.events[-1]["taken_back"] = self.steps

    def _made(self, arm: Arm) -> Any:
        """The teleporter of an arm; a random one is tested and watched alike."""
        given = {"state": "transport", "accept": Rollout(steps=self.rollout), "guard": WayBack(), **arm.options}
        if arm.name == "random":
            given["along"] = "random"
        if given.get("along", "group") in ("group", "random"):
            given["symmetry"] = self.symmetry
        return Teleporter(self.network, self.loss, optimizer=self.optimizer, rng=self.seed, **given)

    def teleport(self, batch: Any, arm: Arm) -> None:
        """One teleport of the run, written down with its cost in gradients of one step."""
        if self._teleporter is None:
            self._teleporter = self._made(arm)
        self._size = len(batch[1]) / BATCH
        others = [self.batch(BATCH) for _ in range(self.rollout - 1)] if self._teleporter.options.accept else []
        result = self._teleporter.step([batch, *others])
        cost = result.cost.gradient_equivalents * self._size
        for _ in result.evidence.get("rollout", {}).get("ends", ()):  # on the images of a step, but for one each
            cost -= 2 * (len(others) + 1 / 3) * self._size
            cost += 2 * (len(others) + (len(others) + self._size) / 3)
        self.cost += cost
        self.events.append({
            "step": self.steps, "gain": result.gain, "drift": result.relative_drift, "status": result.status.value,
            "loss_before": result.loss_before, "loss_after": result.loss_after,
            "target_before": result.target_before, "target_after": result.target_after,
            "gradient_norm_before": result.gradient_norm_before, "gradient_norm_after": result.gradient_norm_after,
            "cost": cost, "seconds": result.cost.seconds, "accepted": result.element is not None,
        })  # fmt: skip


def summary(run: Run, ok: bool) -> dict[str, Any]:
    """What a record keeps of a run."""
    last = run.history[-1]
    gains = [one["gain"] for one in run.events if one["accepted"]]
    return {
        "train_loss": last["train_loss"] if ok else None,
        "test_loss": last["test_loss"] if ok else None,
        "accuracy": last["accuracy"],
        "diverged": not ok,
        "cost": run.cost,
        "tried": len(run.events),
        "accepted": len(gains),
        "taken_back": sum("taken_back" in one for one in run.events),
        "gains": gains,
        "largest_drift": max((one["drift"] for one in run.events if one["accepted"]), default=0.0),
        "training_seconds": round(run.seconds, 4),
        "history": run.history,
        "events": run.events,
    }


def moments(run_epoch: int, steps_an_epoch: int, count: int, *, apart: int = 1) -> frozenset[int]:
    """The steps at which an arm acts: some in a row from the beginning of an epoch.

    >>> sorted(moments(2, 75, 3))
    [150, 151, 152]
    """
    first = run_epoch * steps_an_epoch
    return frozenset(first + apart * number for number in range(count))


def per_epoch(run: Mapping[str, Any], name: str) -> Iterator[float]:
    """A number of the history, epoch by epoch."""
    return (one[name] if one[name] is not None else math.nan for one in run["history"])
