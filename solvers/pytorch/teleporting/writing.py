"""Writing a teleport into a model and its optimizer: all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

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
            write_states(self.states, optimizer, named)


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, tied ones once."""
    return dict(model.named_parameters()) | dict(model.named_buffers())


def write_tensors(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """New numbers in the old storage."""
    live = tensors_of(model)
    with torch.no_grad():
        for name, one in tensors.items():
            live[name].copy_(one)


def write_all(
    model: nn.Module,
    tensors: Mapping[str, Tensor],
    *,
    optimizer: torch.optim.Optimizer | None,
    states: States | None,
    named: Mapping[str, nn.Parameter],
    whole: bool = False,
) -> Snapshot:
    """Write tensors and states; on an error or interrupt everything is as before.

    Returns what was there before: of the tensors that are written, or of all of them.
    """
    before = Snapshot.of(model, list(tensors_of(model) if whole else tensors), optimizer, named)
    try:
        write_tensors(model, tensors)
        if optimizer is not None and states is not None:
            write_states(states, optimizer, named)
    except BaseException:
        before.restore(model, optimizer, named)
        raise
    return before
