"""Derivatives of a curve of parameters in its time, at t = 0."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import torch
from torch.autograd import forward_ad

from solvers.pytorch.meters.flat import Parameters

Curve: TypeAlias = Callable[[Parameters, Any, torch.Tensor], Mapping[str, torch.Tensor]]
Path: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
Derivatives: TypeAlias = tuple[torch.Tensor, ...]

NODES = 11
REACH = {torch.float64: 0.1, torch.float32: 0.3}


def derivatives_in_time(path: Path, like: torch.Tensor, *, order: int) -> Derivatives:
    """The derivatives up to an order, by nested forward mode.

    Parameters
    ----------
    path: from a time, a tensor of shape (), to a vector.
    like: a vector of the type and on the device of the path.
    order: how many derivatives.

    >>> [float(one) for one in derivatives_in_time(lambda t: torch.exp(2 * t), torch.ones(1), order=3)]
    [2.0, 4.0, 8.0]
    """
    load_forward_mode()
    one = torch.ones((), dtype=like.dtype, device=like.device)

    def with_derivatives(t: torch.Tensor, left: int) -> Derivatives:
        """The path at a time and as many derivatives as are left."""
        if left == 0:
            return (path(t),)
        found = torch.func.jvp(lambda s: with_derivatives(s, left - 1), (t,), (one,))
        return (*found[0], found[1][-1])

    return with_derivatives(torch.zeros_like(one), order)[1:]


@cache
def load_forward_mode() -> None:
    """Let PyTorch load its forward mode, which warns of a function that it deprecates itself."""
    with warnings.catch_warnings(), forward_ad.dual_level():
        warnings.simplefilter("ignore", DeprecationWarning)
        forward_ad.make_dual(torch.ones(()), torch.ones(()))


def derivatives_by_differences(path: Path, like: torch.Tensor) -> Derivatives:
    """Three derivatives from a polynomial through values of the path at Chebyshev nodes around zero.

    Parameters
    ----------
    path: from a time, a tensor of shape (), to a vector.
    like: a vector of the type and on the device of the path.

    >>> found = derivatives_by_differences(lambda t: torch.exp(2 * t)[None], torch.ones(1, dtype=torch.float64))
    >>> [round(float(one), 6) for one in found]
    [2.0, 4.0, 8.0]
    """
    reach = REACH.get(like.dtype, 0.3)
    nodes = np.cos(np.pi * np.arange(NODES) / (NODES - 1))
    inverse = np.linalg.inv(np.vander(nodes, increasing=True))
    with torch.no_grad():
        values = [path(torch.tensor(reach * x, dtype=like.dtype, device=like.device)) for x in nodes]
    stacked = torch.stack(values).to(torch.float64)
    factors = [1.0 / reach, 2.0 / reach**2, 6.0 / reach**3]
    return tuple(
        factor * torch.from_numpy(inverse[k + 1]).to(stacked.device) @ stacked for k, factor in enumerate(factors)
    )
