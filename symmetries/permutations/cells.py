"""Partitions of the points +e_0, ..., +e_(n-1), -e_0, ..., -e_(n-1) into numbered cells."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from symmetries.floating import FloatArray

Labels: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
"""The cell of every point."""


def first_unsettled(labels: Labels) -> int | None:
    """The first point that does not lie in a cell of its own."""
    several = np.flatnonzero(np.bincount(labels)[labels] > 1)
    return int(several[0]) if several.size else None


def apart(left: Labels, right: Labels, point: int, image: int) -> tuple[Labels, Labels]:
    """Two partitions with a point of each, and its negative, in cells of their own; numbered together."""
    size = len(left)
    both = 3 * np.concatenate([left, right])
    for start, one in ((0, point), (size, image)):
        both[start + one] += 1
        both[start + (one + size // 2) % size] += 2
    both = numbered(both[:, None])
    return both[:size], both[size:]


def numbered(rows: Any) -> Labels:
    """Equal rows get equal numbers, in their order."""
    return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)


def groups(values: FloatArray, radii: FloatArray) -> Labels:
    """Values in groups of overlapping balls, numbered upwards: equal exact values lie in one group."""
    order = np.argsort(values - radii, kind="stable")
    low, high = (values - radii)[order], (values + radii)[order]
    reach = np.maximum.accumulate(high)
    gaps = np.concatenate([[False], low[1:] > reach[:-1]])
    result = np.empty(len(values), dtype=np.int64)
    result[order] = np.cumsum(gaps)
    return result


def same_counts(left: Labels, right: Labels) -> bool:
    """Whether the cells of two partitions have the same sizes."""
    size = int(max(left.max(), right.max())) + 1
    return bool((np.bincount(left, minlength=size) == np.bincount(right, minlength=size)).all())
