"""Recurrent networks: with an orthogonal or unitary recurrence, and those that they are compared with."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from manifolds.errors import InputError
from manifolds.spaces import Stiefel
from solvers.pytorch import ManifoldParameter
from torch_applications.transformer import glorot


def shrunk(z: Tensor, bias: Tensor) -> Tensor:
    r"""The activation :math:`z \mapsto \frac{z}{|z|} \max(|z| + b, 0)`, known as modReLU: it keeps signs and phases.

    Source: M. Arjovsky, A. Shah and Y. Bengio, "Unitary evolution recurrent neural networks" (2016), section 4.4.

    >>> shrunk(torch.tensor([3.0, -0.5, -2.0]), torch.tensor([-1.0])).tolist()
    [2.0, -0.0, -1.0]
    """
    return torch.sgn(z) * torch.relu(z.abs() + bias)


class Recurrence(nn.Module, ABC):
    """A map from sequences of symbols to scores of the symbols at each time.

    Parameters
    ----------
    classes : int
        Number of symbols.
    size : int
        Number of hidden units.
    rng : numpy.random.Generator
    """

    def __init__(self, classes: int, size: int, *, rng: np.random.Generator) -> None:
        super().__init__()
        if size < 1:
            raise InputError(f"size = {size}", why="there is no hidden unit", cure="give a number from 1 up")
        self.size = size
        self.bias = nn.Parameter(torch.zeros(classes))
        self.outward = nn.Parameter(glorot(self.features, classes, rng=rng))

    @property
    def features(self) -> int:
        """The number of real numbers in a hidden state."""
        return self.size

    @abstractmethod
    def hidden(self, inputs: Tensor) -> Tensor:
        """Real hidden states of shape (steps, batch, features), from symbols of shape (steps, batch)."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Scores of shape (steps, batch, classes), from symbols of shape (steps, batch)."""
        return self.hidden(inputs) @ self.outward + self.bias

    def orthogonality_error(self) -> float:
        r"""The norm :math:`\|W^* W - I\|_F` of the recurrence; not a number where it is free."""
        return math.nan


@final
class ModulusRecurrence(Recurrence):
    r"""States :math:`h_t = \sigma(W h_{t-1} + V x_t)` with the activation :func:`shrunk`, from :math:`h_0 = 0`.

    Parameters
    ----------
    classes, size, rng
        As for `Recurrence`.
    field : "real" or "complex"
        Whether W starts orthogonal or unitary; hidden states are real or complex.
    constrained : bool
        Whether W stays so.
    """

    def __init__(
        self, classes: int, size: int, *, rng: np.random.Generator, field: str = "real", constrained: bool = True
    ) -> None:
        self.field = field
        super().__init__(classes, size, rng=rng)
        space = Stiefel(size, size, field=field)
        like = torch.zeros(1, dtype=torch.complex64 if field == "complex" else torch.float32)
        start = space.random(rng, like=like)
        self.weight: nn.Parameter = ManifoldParameter(start, space) if constrained else nn.Parameter(start)
        self.inward = nn.Parameter(glorot(classes, self.features, rng=rng))
        self.threshold = nn.Parameter(torch.from_numpy(rng.uniform(-0.01, 0.01, size).astype(np.float32)))

    @property
    def features(self) -> int:
        """The number of real numbers in a hidden state."""
        return self.size if self.field == "real" else 2 * self.size

    def hidden(self, inputs: Tensor) -> Tensor:
        """The states, complex ones as their real and imaginary parts."""
        pushes = nn.functional.embedding(inputs, self.inward)
        if self.field == "complex":
            pushes = torch.view_as_complex(pushes.unflatten(-1, (self.size, 2)))
        turned, state, states = self.weight.mT, torch.zeros_like(pushes[0]), []
        for push in pushes.unbind():
            state = shrunk(push + state @ turned, self.threshold)
            states.append(state)
        found = torch.stack(states)
        return torch.view_as_real(found).flatten(-2) if self.field == "complex" else found

    def orthogonality_error(self) -> float:
        r"""The norm :math:`\|W^* W - I\|_F`."""
        weight = self.weight.detach()
        return float(Stiefel(self.size, self.size, field=self.field).error(weight))


@final
class StandardRecurrence(Recurrence):
    """A recurrent network of PyTorch: of the tanh kind, or with long short-term memory.

    Parameters
    ----------
    classes, size, rng
        As for `Recurrence`.
    gated : bool
        Whether it is `torch.nn.LSTM` or `torch.nn.RNN`.
    """

    def __init__(self, classes: int, size: int, *, rng: np.random.Generator, gated: bool) -> None:
        super().__init__(classes, size, rng=rng)
        self.classes = classes
        self.cell = nn.LSTM(classes, size) if gated else nn.RNN(classes, size)
        bound = size**-0.5
        with torch.no_grad():
            for parameter in self.cell.parameters():
                parameter.copy_(torch.from_numpy(rng.uniform(-bound, bound, tuple(parameter.shape))))

    def hidden(self, inputs: Tensor) -> Tensor:
        """The states."""
        one_hot = nn.functional.one_hot(inputs, self.classes).to(self.bias.dtype)
        return self.cell(one_hot)[0]


def make_recurrence(kind: str, classes: int, size: int, *, seed: int) -> Recurrence:
    """A network of a kind, one of `KINDS`.

    Parameters
    ----------
    kind : str
    classes, size : int
        Symbols, and hidden units.
    seed : int
        Of the start.

    Raises
    ------
    InputError: the kind is unknown.

    >>> make_recurrence("unitary", 10, 8, seed=0)(torch.zeros(5, 2, dtype=torch.int64)).shape
    torch.Size([5, 2, 10])
    """
    rng = np.random.default_rng(seed)
    first = kind.removesuffix("-start")
    if first in ("orthogonal", "unitary"):
        field = "real" if first == "orthogonal" else "complex"
        return ModulusRecurrence(classes, size, rng=rng, field=field, constrained=first == kind)
    if kind in ("tanh", "lstm"):
        return StandardRecurrence(classes, size, rng=rng, gated=kind == "lstm")
    raise InputError(f"the kind {kind!r} of network", why="it is unknown", cure=f"give one of {', '.join(KINDS)}")


KINDS = {
    "orthogonal": "real recurrence, kept orthogonal",
    "unitary": "complex recurrence, kept unitary",
    "orthogonal-start": "the first without its constraint, from the same start",
    "unitary-start": "the second without its constraint, from the same start",
    "tanh": "torch.nn.RNN",
    "lstm": "torch.nn.LSTM",
}
"""The networks by name."""
