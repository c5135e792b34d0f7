r"""A smaller module for the same search: the first layer on the span of its inputs.

Inputs :math:`X = QR` of a layer on data, one column a sample, give the same outputs as R with the weight WQ, and
gradients :math:`\delta X^T` of the same norm as :math:`\delta R^T`.  What the batch does not see of W does not enter
the gradient at all, so that a search for the gradient norm leaves it alone.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from solvers.pytorch.meters.flat import FlatParameters
from solvers.pytorch.meters.functional import silent_copy
from solvers.pytorch.objective import ModuleObjective
from solvers.search.null_space_layers import Layer
from symmetries.actions.parameter_space import FloatArray

WORTH = 0.7
"""The ratio of samples to inputs up to which a smaller layer is worth making."""


@final
@dataclass(frozen=True, kw_only=True)
class Narrowed:
    """Where a search works, and the way back from there.

    Parameters
    ----------
    objective: of the smaller module.
    layers: those that move, in its coordinates.
    original: the point in the coordinates of the whole module.
    first, entries: place and number of the entries of the matrix that was made smaller; they keep their values.
    """

    objective: ModuleObjective
    layers: Sequence[Layer]
    original: FloatArray
    first: int = 0
    entries: int = 0

    def widened(self, point: FloatArray) -> FloatArray:
        """A point of the search in the coordinates of the whole module."""
        stop = self.first + self.entries
        kept = len(self.original) - stop
        return np.concatenate([point[: self.first], self.original[self.first : stop], point[len(point) - kept :]])


def narrowed(
    objective: ModuleObjective, layers: Sequence[Layer], *, name: str, columns: Tensor, first: int
) -> Narrowed:
    """The search on a module whose layer of a name sees the span of its inputs.

    Parameters
    ----------
    objective: of the module.
    layers: that move; the one of the name is none of them.
    name: of a linear layer that sees data alone, once.
    columns: its inputs, one column a sample.
    first: index of the first entry of its weight.
    """
    loss, original = objective.measured, objective.vector()
    basis, triangle = torch.linalg.qr(columns)
    module = silent_copy(loss.module)
    wide = module.get_submodule(name)
    assert isinstance(wide, nn.Linear)
    narrow = nn.Linear(basis.shape[1], wide.out_features, bias=False, dtype=columns.dtype, device=columns.device)
    narrow.weight = nn.Parameter(wide.weight.detach() @ basis)
    narrow.bias = wide.bias

    def on_span(module: nn.Module, args: tuple[Any, ...]) -> tuple[Tensor]:
        """The inputs in coordinates of their span."""
        return (triangle.T,)

    narrow.register_forward_pre_hook(on_span)
    module.set_submodule(name, narrow)
    small = copy.copy(loss)
    small.module = module
    small.parameters = {**loss.parameters, f"{name}.weight": narrow.weight.detach()}
    small.flat = FlatParameters(small.parameters)
    entries = wide.weight.numel()
    shift = entries - narrow.weight.numel()
    moved = [
        replace(one, start=one.start - shift, bias=None if one.bias is None else one.bias - shift)
        if one.start > first
        else one
        for one in layers
    ]
    return Narrowed(objective=ModuleObjective(small), layers=moved, original=original, first=first, entries=entries)
