"""The copy task: remember ten symbols over a long silence, and say them again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from manifolds.errors import InputError


@final
@dataclass(frozen=True)
class CopyTask:
    r"""Sequences of symbols, silence, a signal and silence again; after the signal the symbols are due.

    The input is :math:`a_1, \dots, a_k`, then delay - 1 blanks, the signal, and k blanks; the target is delay + k
    blanks and :math:`a_1, \dots, a_k`. Blank and signal are two more symbols, after those that are to be remembered.

    Parameters
    ----------
    delay : int
        Time steps between the last symbol and the first that is due, at least 1.
    length : int
        The number k of symbols of a sequence.
    symbols : int
        How many there are to choose from.

    Raises
    ------
    InputError: a number is smaller than 1.

    Source: S. Hochreiter and J. Schmidhuber, "Long short-term memory" (1997); in this form M. Arjovsky, A. Shah and
    Y. Bengio, "Unitary evolution recurrent neural networks" (2016), section 5.1.

    >>> task = CopyTask(3, length=2)
    >>> inputs, targets = task.batch(np.random.default_rng(0), 1)
    >>> inputs[:, 0].tolist(), targets[:, 0].tolist()
    ([6, 5, 8, 8, 9, 8, 8], [8, 8, 8, 8, 8, 6, 5])
    """

    delay: int
    length: int = 10
    symbols: int = 8

    def __post_init__(self) -> None:
        for name in ("delay", "length", "symbols"):
            if getattr(self, name) < 1:
                raise InputError(
                    f"{name} = {getattr(self, name)}", why="the task needs at least one", cure="give a number from 1 up"
                )

    @property
    def steps(self) -> int:
        """Time steps of a sequence, delay + 2 k."""
        return self.delay + 2 * self.length

    @property
    def classes(self) -> int:
        """The number of symbols with blank and signal."""
        return self.symbols + 2

    @property
    def memoryless_loss(self) -> float:
        r"""The mean cross-entropy :math:`k \log(\text{symbols}) / \text{steps}` of the best guess without memory.

        >>> round(CopyTask(200).memoryless_loss, 4)
        0.0945
        """
        return self.length * math.log(self.symbols) / self.steps

    def batch(self, rng: np.random.Generator, size: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets, each an integer tensor of shape (steps, size)."""
        words = rng.integers(self.symbols, size=(self.length, size))
        inputs = np.full((self.steps, size), self.symbols)
        targets = inputs.copy()
        inputs[: self.length] = targets[-self.length :] = words
        inputs[self.length + self.delay - 1] = self.symbols + 1
        return torch.from_numpy(inputs), torch.from_numpy(targets)
