"""Training of recurrent networks on the copy task."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from manifolds.errors import InputError
from solvers.learning_rates import Cosine
from solvers.pytorch import ManifoldOptimizer
from torch_applications.copy_task import CopyTask
from torch_applications.recurrence import Recurrence, make_recurrence


@final
@dataclass(frozen=True, kw_only=True)
class Stretch:
    """What is known after some steps.

    Parameters
    ----------
    step : int
        The last of them.
    loss : float
        Mean cross-entropy over these steps, each on fresh sequences.
    orthogonality_error : float or None
        Of the recurrence after them; None where there is no such matrix.
    """

    step: int
    loss: float
    orthogonality_error: float | None


@final
@dataclass(frozen=True, kw_only=True)
class RecurrenceRun:
    """A training from start to end.

    Parameters
    ----------
    network : str
        One of the kinds of networks.
    delay, size, batch, seed : int
    learning_rate, clip : float
    cosine : bool
    parameters : int
        Number of entries of all parameters, a complex one counted twice.
    memoryless_loss : float
        Of the best guess without memory.
    stretches : tuple of Stretch
    test_loss, recall : float
        On fresh sequences after the training: cross-entropy, and the share of symbols that are said again rightly.
    seconds, optimizer_seconds : float
        Wall time, and that of the steps of the optimizer in it.
    """

    network: str
    delay: int
    size: int
    batch: int
    seed: int
    learning_rate: float
    cosine: bool
    clip: float
    parameters: int
    memoryless_loss: float
    stretches: tuple[Stretch, ...]
    test_loss: float
    recall: float
    seconds: float
    optimizer_seconds: float


def train_recurrence(
    task: CopyTask,
    *,
    network: str,
    size: int = 64,
    steps: int = 600,
    batch: int = 32,
    learning_rate: float = 1e-3,
    cosine: bool = False,
    clip: float = math.inf,
    seed: int = 0,
    every: int = 25,
    progress: Callable[[Stretch], None] | None = None,
) -> tuple[Recurrence, RecurrenceRun]:
    """Train a recurrent network; the same seed gives the same bits on one thread.

    All are trained by Adam at one learning rate for all parameters.

    Parameters
    ----------
    task : CopyTask
    network : str
        One of the kinds of networks.
    size : int
        Hidden units.
    steps, batch : int
        Steps, and fresh sequences for each.
    learning_rate : float
    cosine : bool
        Whether the learning rate falls to zero on half a cosine. Long sequences need it.
    clip : float
        The largest norm of the gradient of all parameters; longer ones are shortened. Long sequences need it.
    seed : int
        Of the start and of the sequences.
    every : int
        Steps of a stretch.
    progress : callable, optional
        Called with each stretch.

    Raises
    ------
    InputError: a number is out of range, the kind is unknown, or the loss is no number.
    """
    for name, number in (("steps", steps), ("batch", batch), ("every", every)):
        if number < 1:
            raise InputError(f"{name} = {number}", why="there is nothing to train", cure="give a number from 1 up")
    if not clip > 0:
        raise InputError(f"clip = {clip}", why="no gradient is left", cure="give a positive number, inf for no limit")
    model = make_recurrence(network, task.classes, size, seed=seed)
    rate = Cosine(learning_rate, 0.0, steps) if cosine else learning_rate
    optimizer = ManifoldOptimizer(model.parameters(), rule="adam", lr=rate)
    rng, start, in_steps, done, losses = np.random.default_rng([seed, 1]), time.perf_counter(), 0.0, [], []
    for step in range(1, steps + 1):
        loss, seconds = _step(model, optimizer, *task.batch(rng, batch), clip=clip)
        losses.append(loss)
        in_steps += seconds
        if step % every == 0 or step == steps:
            error = model.orthogonality_error()
            found = None if math.isnan(error) else error
            done.append(Stretch(step=step, loss=float(np.mean(losses)), orthogonality_error=found))
            losses.clear()
            if progress is not None:
                progress(done[-1])
    test_loss, recall = recalled(model, task, seed=seed)
    return model, RecurrenceRun(
        network=network,
        delay=task.delay,
        size=size,
        batch=batch,
        seed=seed,
        learning_rate=learning_rate,
        cosine=cosine,
        clip=clip,
        parameters=sum(parameter.numel() * (1 + parameter.is_complex()) for parameter in model.parameters()),
        memoryless_loss=task.memoryless_loss,
        stretches=tuple(done),
        test_loss=test_loss,
        recall=recall,
        seconds=time.perf_counter() - start,
        optimizer_seconds=in_steps,
    )


def _step(
    model: Recurrence, optimizer: ManifoldOptimizer, inputs: Tensor, targets: Tensor, *, clip: float
) -> tuple[float, float]:
    """One step on some sequences; the loss before, and the seconds that the optimizer took."""
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), clip)
    start = time.perf_counter()
    optimizer.step()
    return float(loss.detach()), time.perf_counter() - start


@torch.no_grad()
def recalled(model: Recurrence, task: CopyTask, *, seed: int, count: int = 200) -> tuple[float, float]:
    """The mean cross-entropy on fresh sequences, and the share of symbols that the network says again rightly.

    Parameters
    ----------
    model : Recurrence
    task : CopyTask
    seed : int
        Of the sequences, which are others than those of the training.
    count : int
        How many.
    """
    inputs, targets = task.batch(np.random.default_rng([seed, 2]), count)
    scores = model(inputs)
    loss = nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten())
    due = slice(-task.length, None)
    return float(loss), float((scores[due].argmax(dim=-1) == targets[due]).double().mean())
