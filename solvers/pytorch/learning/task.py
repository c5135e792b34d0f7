"""What an optimizer is learned on: a loss of parameters by name, with a group that leaves it invariant."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, final

import torch

from manifolds.errors import InputError
from solvers.pytorch.meters.flat import Parameters
from solvers.pytorch.meters.functional import FunctionalLoss, Loss


class Task(ABC):
    """A loss, a start, and the action of a group in Lie algebra coordinates.

    Parameters
    ----------
    start: parameters by name.
    coordinates: dimension of the Lie algebra; zero without a group.
    """

    def __init__(self, start: Parameters, *, coordinates: int) -> None:
        self.start = start
        self.coordinates = coordinates

    @abstractmethod
    def loss(self, parameters: Parameters) -> torch.Tensor:
        """The loss, differentiable."""

    @abstractmethod
    def moved(self, parameters: Parameters, coordinates: torch.Tensor) -> Parameters:
        """The action of exp(coordinates), which keeps the loss; differentiable in both."""

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(one.numel() for one in self.start.values())


@final
class ModuleTask(Task):
    """The training of a module on one batch, with the group that a symmetry finder found.

    Parameters
    ----------
    model: a module; its parameters are the start, and it is left as it was.
    loss_fn: function of outputs and targets, with one number as its value.
    batch: inputs and targets.
    symmetry: what ``coordinates`` and ``transformed(parameters, coordinates)`` say, the action of the module's group.

    Raises
    ------
    InputError: there are no trainable parameters, or the loss is no finite scalar.

    >>> layer = torch.nn.Linear(2, 1, bias=False, dtype=torch.float64)
    >>> batch = torch.eye(2, dtype=torch.float64), torch.zeros(2, 1, dtype=torch.float64)
    >>> task = ModuleTask(layer, torch.nn.functional.mse_loss, batch)
    >>> task.size, task.coordinates
    (2, 0)
    """

    def __init__(self, model: torch.nn.Module, loss_fn: Loss, batch: Any, *, symmetry: Any = None) -> None:
        self._loss = FunctionalLoss(model, loss_fn, batch)
        self._symmetry = symmetry
        start = {name: one.clone() for name, one in self._loss.parameters.items()}
        super().__init__(start, coordinates=0 if symmetry is None else int(symmetry.coordinates))

    def loss(self, parameters: Parameters) -> torch.Tensor:
        """The loss of the module."""
        return self._loss(parameters)

    def moved(self, parameters: Parameters, coordinates: torch.Tensor) -> Parameters:
        """The action of the module's group."""
        if self._symmetry is None:
            raise InputError("the task has no group", why="no symmetry was given", cure="give symmetry=")
        return dict(self._symmetry.transformed(parameters, coordinates))
