"""What a teleport compares: loss, gradient and target at one point."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import nn

from manifolds.errors import InputError
from solvers.pytorch.meters.flat import Parameters
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry

MOST_ROUNDING = 1e-2
"""Relative change of the loss that is never put down to rounding."""


@final
@dataclass(frozen=True, kw_only=True)
class Place:
    """Loss, gradient and target at one point."""

    loss: float
    gradient: Parameters
    target: float

    @property
    def gradient_norm(self) -> float:
        """The Euclidean norm of the gradient."""
        return math.sqrt(sum(float(one.double().square().sum()) for one in self.gradient.values()))


def allowance(before: Place, named: Mapping[str, nn.Parameter], parameters: Parameters, *, relative: float) -> float:
    """By how much a loss may change, and by how much it does when a point is rounded to the precision of the model.

    Parameters
    ----------
    before: the start.
    named: the parameters of the model, for their precision.
    parameters: their values.
    relative: change of the loss, relative to it, that is allowed in any precision.
    """
    eps = max(torch.finfo(one.dtype).eps for one in named.values())
    size = math.sqrt(sum(float(one.double().square().sum()) for one in parameters.values()))
    rounding = 8 * eps * (before.gradient_norm * (1 + size) + abs(before.loss))
    return max(relative * abs(before.loss), min(rounding, MOST_ROUNDING * abs(before.loss)))


def require_trainable(symmetry: ModuleSymmetry, named: Mapping[str, nn.Parameter]) -> None:
    """Refuse a group that moves frozen parameters."""
    frozen = [name for name in symmetry.tensor_names if name in named and not named[name].requires_grad]
    if frozen:
        raise InputError(
            f"the group moves {frozen[0]!r}",
            why="this parameter has no gradient, so that it is not trained",
            cure="set requires_grad_(True) on it, or give a symmetry of the trained parameters",
        )


def available(dtype: torch.dtype | None, module: nn.Module) -> torch.dtype | None:
    """A precision that the device has."""
    device = next(module.parameters()).device
    return None if device.type == "mps" else dtype
