"""Training of the vision transformer, with and without orthogonality constraints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from manifolds.errors import InputError
from solvers.pytorch import ManifoldOptimizer
from solvers.rules import Adam, GradientDescent, HeavyBall, Rule
from torch_applications.images import Images
from torch_applications.transformer import VisionTransformer, relative_error

RULES: dict[str, Rule] = {
    "adam": Adam(beta1=0.9, beta2=0.99, epsilon=3e-7),
    "heavy-ball": HeavyBall(momentum=0.5),
    "gradient-descent": GradientDescent(),
}
"""The three rules of the published experiment with their hyperparameters."""


@final
@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What is known after an epoch.

    Parameters
    ----------
    loss : float
        Over the training images, each as its batch met it.
    test_loss, accuracy : float
        On the test images; accuracy from 0 to 1.
    orthogonality_error : float or None
        The largest of a projection; None without constraint.
    """

    loss: float
    test_loss: float
    accuracy: float
    orthogonality_error: float | None


@final
@dataclass(frozen=True, kw_only=True)
class TransformerRun:
    """A training from start to end.

    Parameters
    ----------
    layers, batch, seed : int
    orthonormal : bool
        Whether projections were on the Stiefel manifold.
    rule : str
    learning_rate : float
    parameters : int
        Number of entries of all parameters.
    epochs : tuple of Epoch
    seconds, optimizer_seconds : float
        Wall time of the training with its tests, and that of the steps of the optimizer in it.
    """

    layers: int
    batch: int
    seed: int
    orthonormal: bool
    rule: str
    learning_rate: float
    parameters: int
    epochs: tuple[Epoch, ...]
    seconds: float
    optimizer_seconds: float


def train_transformer(
    images: Images,
    *,
    layers: int,
    heads: int,
    orthonormal: bool,
    epochs: int = 20,
    batch: int = 128,
    rule: str = "adam",
    learning_rate: float = 1e-3,
    seed: int = 0,
    progress: Callable[[Epoch], None] | None = None,
) -> tuple[VisionTransformer, TransformerRun]:
    """Train a transformer on images; the same seed gives the same bits on one thread.

    Parameters
    ----------
    images : Images
    layers, heads : int
        Blocks, and heads of the attention in each.
    orthonormal : bool
        Whether query, key and value projections are on the Stiefel manifold, or free.
    epochs, batch : int
        Passes over the images, and images of a step.
    rule : str
        One of `RULES`, for all parameters alike.
    learning_rate : float
    seed : int
        Of the start and of the order of the images.
    progress : callable, optional
        Called with each epoch.

    Raises
    ------
    InputError: a number is out of range, or the loss is no number.
    """
    for name, number in (("layers", layers), ("epochs", epochs), ("batch", batch)):
        if number < 1:
            raise InputError(f"{name} = {number}", why="there is nothing to train", cure="give a number from 1 up")
    if rule not in RULES:
        raise InputError(f"rule = {rule!r}", why="it is unknown here", cure=f"give one of {', '.join(RULES)}")
    model = VisionTransformer(
        width=images.pixels,
        heads=heads,
        layers=layers,
        classes=images.classes,
        seed=seed,
        orthonormal=orthonormal,
    )
    optimizer = ManifoldOptimizer(model.parameters(), rule=RULES[rule], lr=learning_rate)
    tokens, labels = torch.from_numpy(images.train_tokens), torch.from_numpy(images.train_labels)
    order, start, in_steps, done = np.random.default_rng(seed), time.perf_counter(), 0.0, []
    for _ in range(epochs):
        square = 0.0
        for chosen in torch.from_numpy(order.permutation(len(labels))).split(batch):
            loss, seconds = _step(model, optimizer, tokens[chosen], labels[chosen])
            square, in_steps = square + loss**2 * len(chosen), in_steps + seconds
        done.append(_epoch(model, images, math.sqrt(square / len(labels))))
        if progress is not None:
            progress(done[-1])
    return model, TransformerRun(
        layers=layers,
        batch=batch,
        seed=seed,
        orthonormal=orthonormal,
        rule=rule,
        learning_rate=learning_rate,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        epochs=tuple(done),
        seconds=time.perf_counter() - start,
        optimizer_seconds=in_steps,
    )


def _step(
    model: VisionTransformer, optimizer: ManifoldOptimizer, tokens: Tensor, labels: Tensor
) -> tuple[float, float]:
    """One step on a batch; its loss before, and the seconds that the optimizer took."""
    optimizer.zero_grad()
    loss = relative_error(model(tokens), labels)
    loss.backward()
    start = time.perf_counter()
    optimizer.step()
    return float(loss.detach()), time.perf_counter() - start


@torch.no_grad()
def _epoch(model: VisionTransformer, images: Images, loss: float, size: int = 2048) -> Epoch:
    """The tests after an epoch, some images at a time."""
    labels = torch.from_numpy(images.test_labels)
    pieces = [model(tokens) for tokens in torch.from_numpy(images.test_tokens).split(size)]
    probabilities = torch.cat(pieces)
    error = model.orthogonality_error()
    return Epoch(
        loss=loss,
        test_loss=float(relative_error(probabilities, labels)),
        accuracy=float((probabilities.argmax(dim=-1) == labels).double().mean()),
        orthogonality_error=None if math.isnan(error) else error,
    )
