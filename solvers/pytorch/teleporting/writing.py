"""Writing a teleport into a model and its optimizer: all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from solvers.pytorch.teleporting.distributed import Ranks
from solvers.pytorch.teleporting.state_transport import States, copied, states_of, write_states


@final
@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Tensors of a model and states of an optimizer, to go back to.

    Parameters
    ----------
    tensors: copies by name.
    states: copies by name of the parameter.
    """

    tensors: Mapping[str, Tensor]
    states: States

    @classmethod
    def of(
        cls,
        model: nn.Module,
        names: list[str],
        optimizer: torch.optim.Optimizer | None,
        named: Mapping[str, nn.Parameter],
    ) -> Snapshot:
        """Copies of some tensors and of the whole state."""
        live = tensors_of(model)
        states = {} if optimizer is None else copied(states_of(optimizer, named))
        return cls(tensors={name: live[name].detach().clone() for name in names}, states=states)

    def restore(
        self, model: nn.Module, optimizer: torch.optim.Optimizer | None, named: Mapping[str, nn.Parameter]
    ) -> None:
        """Everything as it was, bit for bit, in the same storage."""
        write_tensors(model, self.tensors)
        if optimizer is not None:
            for name, one in named.items():
                if name not in self.states and one in optimizer.state:
                    del optimizer.state[one]
            write_states(copied(self.states), optimizer, named)

    def go_back(
        self, model: nn.Module, optimizer: torch.optim.Optimizer | None, named: Mapping[str, nn.Parameter]
    ) -> None:
        """Restore all of it, or nothing on an error or interrupt."""
        present = Snapshot.of(model, list(self.tensors), optimizer, named)
        try:
            self.restore(model, optimizer, named)
        except BaseException:
            present.restore(model, optimizer, named)
            raise
        torch.clear_autocast_cache()


@final
class Transaction:
    """The write of one teleport, which is taken back unless everything after it succeeds too.

    Parameters
    ----------
    model, optimizer, named: what is written into, and the parameters by name.
    ranks: the processes, which write the same.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer | None,
        named: Mapping[str, nn.Parameter],
        ranks: Ranks,
    ) -> None:
        self._model, self._optimizer, self._named, self._ranks = model, optimizer, named, ranks
        self._before: Snapshot | None = None

    def write(self, tensors: Mapping[str, Tensor], states: States | None, *, whole: bool = False) -> Snapshot:
        """Write tensors and states, on every process the same bits.

        Returns what was there before: of the tensors that are written, or of all of them.
        """
        failure: BaseException | None = None
        names = list(tensors_of(self._model) if whole else tensors)
        before = Snapshot.of(self._model, names, self._optimizer, self._named)
        self._before = before
        try:
            self._ranks.from_first([one.contiguous() for one in tensors.values()])
            write_tensors(self._model, tensors)
            if self._optimizer is not None and states is not None:
                write_states(states, self._optimizer, self._named)
            torch.clear_autocast_cache()  # casts of the old weights, when the loop is within autocast
        except BaseException as error:  # noqa: BLE001 - told to all processes before it is raised
            failure = error
        self._ranks.require_all(failure)
        if self._ranks.size > 1:
            self._before = None  # the others have it too: from here on it stays
        return before

    def take_back(self) -> None:
        """Everything as it was before the write, if there was one."""
        if self._before is not None:
            self._before.restore(self._model, self._optimizer, self._named)
            torch.clear_autocast_cache()


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, tied ones once."""
    return dict(model.named_parameters()) | dict(model.named_buffers())


def write_tensors(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """New numbers in the old storage."""
    live = tensors_of(model)
    with torch.no_grad():
        for name, one in tensors.items():
            live[name].copy_(one)
