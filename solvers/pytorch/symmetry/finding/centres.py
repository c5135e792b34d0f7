"""Which operations only put vectors along the last axis in other places, so that their sums stay what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from solvers.pytorch.symmetry.finding.displacements import Displaced
from solvers.pytorch.symmetry.finding.trace import CASTS, keeps_numbers, operation_name, shapes_of

ROWS = frozenset(
    "view reshape _unsafe_view flatten unflatten permute transpose t unsqueeze squeeze expand select slice repeat"
    " repeat_interleave".split()
)
"""Operations that put numbers in other places, maybe more than once, or leave some out."""


def kept_centre(node: Any, named: Mapping[str, Any], given: list[Any]) -> tuple[str, str] | None:
    """What is known of the sums of vectors along the last axis, where these stay as they are."""
    first = given[0]
    if len(given) != 1 or not isinstance(first, Displaced) or first.centred is None:
        return None
    return first.centred if _keeps_rows(node, named, first.shape) else None


def _keeps_rows(node: Any, named: Mapping[str, Any], before: tuple[int, ...]) -> bool:
    """Whether every vector along the last axis of the result is one of those before."""
    name, after = operation_name(node.target), shapes_of(node)[0]
    if name == "dropout":
        return not named.get("train", True) or not named.get("p", 0.5)
    if name in CASTS:
        return keeps_numbers(node)
    if name not in ROWS or not before or not after or after[-1] != before[-1]:
        return False
    row = torch.arange(before[-1], dtype=torch.int32)
    moved = node.target(row.expand(before).contiguous(), *node.args[1:], **node.kwargs)
    return torch.equal(moved, row.expand(moved.shape))
