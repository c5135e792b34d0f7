"""Constant linear maps made of many operations, such as rotary position embeddings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

from torch import Tensor

from solvers.pytorch.symmetry.finding.spaces import Atlas
from solvers.pytorch.symmetry.finding.values import Value


@final
@dataclass(frozen=True)
class Region:
    """Operations that together are a constant linear map of the last axis at every position."""

    start: str
    end: str
    inside: frozenset[str]
    matrices: Tensor


def regions_of(
    graph: Any,
    is_constant: Callable[[str], bool],
    constants: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    names: Mapping[str, str],
) -> dict[str, Region]:
    """The regions of a graph, by the node that they end at."""
    return {}


def turned(atlas: Atlas, region: Region, value: Value) -> Value:
    """The value after the map."""
    return value
