"""Batches as training loops have them: pairs of inputs and targets, one or several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import torch

from manifolds.errors import InputError

Batch: TypeAlias = tuple[Any, Any]
"""Inputs (a tensor, a tuple of positional or a dict of named arguments) and targets."""


def read_batches(given: Any) -> list[Batch]:
    """The batches in a pair, or in a list or another iterable of pairs.

    A tuple of two is one batch.  A list of two is one batch when it begins with a tensor or a dict, as loaders collate
    it, and two batches when both are pairs.

    Raises
    ------
    InputError: there is no batch, or something is no pair.

    >>> x, y = torch.ones(3, 2), torch.zeros(3)
    >>> len(read_batches((x, y))), len(read_batches([x, y])), len(read_batches([(x, y), (x, y), (x, y)]))
    (1, 1, 3)
    """
    if _is_pair(given) and (isinstance(given, tuple) or not all(_is_pair(one) for one in given)):
        return [_pair(given)]
    if isinstance(given, torch.Tensor | str | Mapping) or not isinstance(given, Iterable):
        raise InputError(
            f"a batch of the type {type(given).__name__}",
            why="it is no pair of inputs and targets",
            cure="give (inputs, targets), or a list of such pairs",
        )
    batches = [_pair(one) for one in given]
    if not batches:
        raise InputError("no batch", why="there is nothing to measure the loss on", cure="give (inputs, targets)")
    return batches


def _is_pair(value: Any) -> bool:
    """Whether something is a tuple or list of two."""
    return isinstance(value, tuple | list) and len(value) == 2


def _pair(value: Any) -> Batch:
    """One batch."""
    if not _is_pair(value):
        raise InputError(
            f"a batch of the type {type(value).__name__}",
            why="it is no pair of inputs and targets",
            cure="give (inputs, targets), or a list of such pairs",
        )
    return value[0], value[1]


def cast(value: Any, dtype: torch.dtype) -> Any:
    """The same with its floating tensors in another precision, through tuples, lists and dicts.

    >>> cast({"x": torch.ones(1), "ids": torch.ones(1, dtype=torch.int64)}, torch.float64)["x"].dtype
    torch.float64
    """
    if isinstance(value, torch.Tensor):
        return value.to(dtype) if value.is_floating_point() else value
    if isinstance(value, Mapping):
        return {key: cast(one, dtype) for key, one in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(cast(one, dtype) for one in value))
    if isinstance(value, tuple | list):
        return type(value)(cast(one, dtype) for one in value)
    return value
