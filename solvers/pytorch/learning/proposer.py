"""The recurrent network that reads gradients and proposes learning rate, group element and step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias, final

import torch

from solvers.pytorch.learning.settings import MetaSettings
from solvers.pytorch.meters.flat import Parameters

Memory: TypeAlias = list[tuple[torch.Tensor, torch.Tensor]]

LOG_UNIT = 10.0
"""Logarithms are divided by it, so that inputs of the network are of the order of one."""


@final
@dataclass(frozen=True)
class Proposal:
    """What the network proposes for one step.

    Parameters
    ----------
    rate: the learning rate.
    coordinates: Lie algebra coordinates of the teleport, or None.
    correction: what is added to the gradient, in units of its norm and not longer than one; or None.
    """

    rate: torch.Tensor
    coordinates: torch.Tensor | None
    correction: torch.Tensor | None


@final
class Proposer(torch.nn.Module):
    r"""LSTM cells on gradients, and linear maps from the last one's hidden state.

    Inputs: the gradients of all parameters, each divided by its norm, the logarithms of the norms, and that of the
    loss.  Learning rates interpolate between their bounds in the logarithm; the Lie algebra element is
    :math:`T = \rho a/\sqrt{1 + |a|^2}` with the radius :math:`\rho`.  The linear maps start at zero: an untrained
    network is gradient descent at the initial rate, without teleports.

    Parameters
    ----------
    settings: which of the three it proposes, and sizes.
    blocks: numbers of entries of the parameters, one after the other.
    coordinates: dimension of the Lie algebra.

    >>> proposer = Proposer(MetaSettings(hidden=4), blocks=[3], coordinates=2)
    >>> gradient = {"w": torch.ones(3, dtype=torch.float64)}
    >>> proposal, _ = proposer(torch.tensor(1.0, dtype=torch.float64), gradient, proposer.fresh_memory())
    >>> round(proposal.rate.item(), 12), proposal.coordinates.tolist()
    (0.0001, [0.0, 0.0])
    """

    def __init__(self, settings: MetaSettings, *, blocks: list[int], coordinates: int) -> None:
        super().__init__()
        self.settings = settings
        self.blocks, self.coordinates = list(blocks), coordinates
        size = sum(blocks) + len(blocks) + 1
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(settings.seed)
            widths = [size] + [settings.hidden] * (settings.cells - 1)
            made = [torch.nn.LSTMCell(width, settings.hidden, dtype=torch.float64) for width in widths]
            self.cells = torch.nn.ModuleList(made)
        self.rate_map = self._map(1) if settings.proposes_rate else None
        self.teleport_map = self._map(coordinates) if settings.proposes_teleport else None
        self.update_map = self._map(sum(blocks)) if settings.proposes_update else None
        span = math.log(settings.highest_rate / settings.lowest_rate)
        share = math.log(settings.initial_rate / settings.lowest_rate) / span
        self._span, self._offset = span, math.log(share / (1 - share))

    def fresh_memory(self) -> Memory:
        """Hidden states and cell states before the first step."""
        zero = torch.zeros(1, self.settings.hidden, dtype=torch.float64)
        return [(zero, zero)] * len(self.cells)

    def forward(self, loss: torch.Tensor, gradient: Parameters, memory: Memory) -> tuple[Proposal, Memory]:
        """A proposal from loss and gradient, and the new memory."""
        signal, kept = _features(loss, gradient)[None], []
        for cell, state in zip(self.cells, memory, strict=True):
            state = cell(signal, state)
            kept.append(state)
            signal = state[0]
        hidden = signal[0]
        raw = hidden.new_zeros(()) if self.rate_map is None else self.rate_map(hidden)[0]
        rate = self.settings.lowest_rate * torch.exp(self._span * torch.sigmoid(raw + self._offset))
        element = None if self.teleport_map is None else self.settings.radius * _into_ball(self.teleport_map(hidden))
        correction = None if self.update_map is None else _into_ball(self.update_map(hidden))
        return Proposal(rate, element, correction), kept

    def _map(self, size: int) -> torch.nn.Linear:
        """A linear map that starts at zero."""
        made = torch.nn.utils.skip_init(torch.nn.Linear, self.settings.hidden, size, dtype=torch.float64)
        for one in made.parameters():
            torch.nn.init.zeros_(one)
        return made


def _features(loss: torch.Tensor, gradient: Parameters) -> torch.Tensor:
    """The inputs of the network, of the order of one whatever the size of the gradients."""
    tiny = torch.finfo(torch.float64).tiny
    logs, parts = [torch.log(loss.abs() + tiny) / LOG_UNIT], []
    for one in gradient.values():
        norm = torch.sqrt(one.square().sum() + tiny)
        parts.append(one.reshape(-1) / norm)
        logs.append(torch.log(norm) / LOG_UNIT)
    return torch.cat([*parts, torch.stack(logs)])


def _into_ball(vector: torch.Tensor) -> torch.Tensor:
    """A smooth map into the unit ball, near zero the identity."""
    return vector / torch.sqrt(1 + vector.square().sum())
