"""Parameters by name as one vector, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, final

import torch

Parameters: TypeAlias = dict[str, torch.Tensor]


@final
class FlatParameters:
    """The order of parameters in one vector, row-major, each in its own precision outside of it.

    Parameters
    ----------
    parameters: tensors by name.

    >>> flat = FlatParameters({"U": torch.ones(2, 2), "v": torch.zeros(3)})
    >>> flat.size, flat.split(torch.arange(7.0))["v"].tolist()
    (7, [4.0, 5.0, 6.0])
    """

    def __init__(self, parameters: Mapping[str, torch.Tensor]) -> None:
        self._shapes = {name: (one.shape, one.dtype) for name, one in parameters.items()}
        self._sizes = [one.numel() for one in parameters.values()]
        first = next(iter(parameters.values()))
        self.device = first.device
        self.dtype = first.dtype
        for one in parameters.values():
            self.dtype = torch.promote_types(self.dtype, one.dtype)
        self.size = sum(self._sizes)

    def join(self, parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The vector of these parameters."""
        return torch.cat([parameters[name].reshape(-1).to(self.dtype) for name in self._shapes])

    def split(self, vector: torch.Tensor) -> Parameters:
        """The parameters of a vector."""
        pieces = zip(self._shapes.items(), vector.split(self._sizes), strict=True)
        return {name: piece.reshape(shape).to(dtype) for (name, (shape, dtype)), piece in pieces}
