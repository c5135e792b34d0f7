"""What a teleport compares: loss, gradient and target at one point."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from torch import nn

from manifolds.errors import InputError
from solvers.pytorch.meters.flat import Parameters
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry


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


def require_trainable(symmetry: ModuleSymmetry, named: Mapping[str, nn.Parameter]) -> None:
    """Refuse a group that moves frozen parameters."""
    frozen = [name for name in symmetry.tensor_names if name in named and not named[name].requires_grad]
    if frozen:
        raise InputError(
            f"the group moves {frozen[0]!r}",
            why="this parameter has no gradient, so that it is not trained",
            cure="set requires_grad_(True) on it, or give a symmetry of the trained parameters",
        )
