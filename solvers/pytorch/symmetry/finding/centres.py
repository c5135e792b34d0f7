"""Vectors with the sum zero: where a normalisation makes them, what keeps them so, what their readers do not see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from solvers.pytorch.symmetry.finding.displacements import Displaced, Stored, Translation
from solvers.pytorch.symmetry.finding.frames import is_frame
from solvers.pytorch.symmetry.finding.trace import CASTS, keeps_numbers, operation_name, shapes_of
from solvers.pytorch.symmetry.shifts import Flow

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


def centre_of(tensors: Mapping[str, Tensor], weight: Any, bias: Any) -> tuple[str, str] | None:
    """The names of the weight and the bias of a normalisation without mean, if nothing else is in its result."""
    if not all(one is None or isinstance(one, Stored) for one in (weight, bias)):
        return None
    if isinstance(weight, Stored) and not is_frame(tensors[weight.name]):
        return None
    first, second = (one.name if isinstance(one, Stored) else "" for one in (weight, bias))
    return first, second


def unread_rows(value: Displaced, weight: Any, axes: tuple[int, ...], bias: Any) -> list[Translation]:
    """The translations of a matrix that reads a value with the sum zero: multiples of one row are not seen.

    With the weight w and the bias b of the value they are the products of columns c and the row of all 1/w, and what
    they make of b, the sum of all b/w times c, is taken up by the bias of the map.
    """
    if value.centred is None or not isinstance(weight, Stored) or not weight.once or len(weight.shape) != 2:
        return []
    first, second = value.centred
    taker = isinstance(bias, Stored) and bias.once and len(bias.shape) == 1
    if second and not taker:
        return []
    frame = ((first, -1),) if first else ()
    scale = float(weight.shape[axes[0]]) ** -0.5
    flows = [Flow(target=weight.leg((axes[1],)), frame=frame, scale=scale)]
    if second:
        flows.append(Flow(target=replace(bias.leg((0,)), exponent=-1), frame=frame, scale=scale, against=second))
    return [Translation(f"{weight.layer} row", weight.shape[axes[1]], flows, routed=True)]
