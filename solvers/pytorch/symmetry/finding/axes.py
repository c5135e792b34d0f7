"""Axes of values, as products of factors: how two of them are matched, and how one is cut."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TypeAlias

from solvers.pytorch.symmetry.finding.refining import choose, cut, split
from solvers.pytorch.symmetry.finding.spaces import (
    Atlas,
    Cases,
    Choice,
    Fixed,
    Item,
    Items,
    Occurrence,
    Repeated,
    State,
    Sum,
    items_size,
)

Pair: TypeAlias = tuple[Item | None, Item | None]


class Unmatched(Exception):
    """Two axes cannot be divided into the same factors."""


def divide(atlas: Atlas, item: Item, outer: int) -> Items:
    """A factor as a product of an outer one of the given size and what is left.

    Raises
    ------
    Unmatched: there is no such product.
    """
    if item.size % outer:
        raise Unmatched
    inner = item.size // outer
    if isinstance(item, Fixed):
        return Fixed(outer), Fixed(inner)
    if isinstance(item, Repeated):
        return Repeated(outer), Repeated(inner)
    if isinstance(item, Occurrence):
        if item.space.state is State.FIXED and item.space.refinement is None:
            return Fixed(outer), Fixed(inner)
        split(atlas, item.space, outer)
        return atlas.resolved((item,))
    if isinstance(item, Sum) and len(item.parts) == outer and all(items_size(part) == inner for part in item.parts):
        return Choice(outer), Cases(item.parts)
    raise Unmatched


def regroup(atlas: Atlas, items: Items, sizes: Sequence[int]) -> list[Items]:
    """Factors distributed over axes of the given sizes, row by row.

    Raises
    ------
    Unmatched: a factor would have to be cut where it cannot be.
    """
    rest = [item for item in atlas.resolved(items) if item.size != 1 or isinstance(item, Occurrence | Sum)]
    axes: list[Items] = []
    for size in sizes:
        axis: list[Item] = []
        while size > 1:
            item = rest.pop(0)
            if size % item.size == 0:
                axis.append(item)
                size //= item.size
            else:
                rest = [*divide(atlas, item, size), *rest]
        while rest and rest[0].size == 1:
            axis.append(rest.pop(0))
        axes.append(tuple(axis))
    if rest:
        raise Unmatched
    # A division may have refined spaces that went into an earlier axis.
    return [atlas.resolved(axis) for axis in axes]


def segments(atlas: Atlas, items: Items, sizes: Sequence[int]) -> list[Items]:
    """An axis cut into segments of the given sizes, one behind the other.

    Raises
    ------
    Unmatched: a factor would have to be cut where it cannot be.
    """
    items = atlas.resolved(items)
    items = tuple(item for item in items if item.size != 1 or isinstance(item, Occurrence)) or (Fixed(1),)
    if len(sizes) == 1:
        return [items]
    if all(isinstance(item, Fixed | Repeated) for item in items):
        return [(Fixed(size),) for size in sizes]
    if isinstance(items[0], Choice):
        items = (as_sum(items),)
    first, rest = items[0], items[1:]
    inner = items_size(rest)
    if any(size % inner for size in sizes):
        raise Unmatched
    wanted = [size // inner for size in sizes]
    if isinstance(first, Fixed | Repeated):
        heads: list[Items] = [(type(first)(size),) for size in wanted]
    elif isinstance(first, Occurrence):
        if first.space.state is State.FIXED:
            heads = [(Fixed(size),) for size in wanted]
        else:
            cut(atlas, first.space, wanted)
            (whole,) = atlas.resolved((first,))
            heads = list(whole.parts) if isinstance(whole, Sum) else [(Fixed(size),) for size in wanted]
    elif isinstance(first, Sum):
        heads = _regrouped_parts(atlas, first, wanted)
    else:
        raise Unmatched
    return [atlas.resolved(head + rest) for head in heads]


def _regrouped_parts(atlas: Atlas, whole: Sum, sizes: Sequence[int]) -> list[Items]:
    """The segments of a sum as segments of other sizes; boundaries of either are cut into the other."""
    marks = {0}
    for part in whole.parts:
        marks.add(max(marks) + items_size(part))
    wanted = [0]
    for size in sizes:
        wanted.append(wanted[-1] + size)
    pieces: list[tuple[int, Items]] = []
    start = 0
    for part in whole.parts:
        end = start + items_size(part)
        inside = [start, *[mark for mark in wanted if start < mark < end], end]
        parts = segments(atlas, part, [b - a for a, b in itertools.pairwise(inside)])
        pieces += list(zip(inside, parts, strict=False))
        start = end
    groups: list[Items] = []
    for low, high in itertools.pairwise(wanted):
        inside_parts = tuple(part for place, part in pieces if low <= place < high)
        groups.append(inside_parts[0] if len(inside_parts) == 1 else (Sum(inside_parts),))
    return groups


def as_sum(items: Items) -> Item:
    """A choice, with what depends on it, as segments one behind the other."""
    choice, rest = items[0], items[1:]
    return Sum(tuple(picked(rest, number) for number in range(choice.size)))


def picked(items: Items, number: int) -> Items:
    """The factors with the given case of all cases."""
    return tuple(one for item in items for one in (item.options[number] if isinstance(item, Cases) else (item,)))


def matched(atlas: Atlas, left: Items, right: Items) -> list[Pair]:
    """Pairs of factors of the same size that lie on one another when the axes do; of size one also alone.

    Raises
    ------
    Unmatched: the axes cannot be divided into the same factors.
    """
    one, other = list(atlas.resolved(left)), list(atlas.resolved(right))
    pairs: list[Pair] = []
    while one or other:
        if one and one[0].size == 1 and not (other and other[0].size == 1):
            pairs.append((one.pop(0), None))
        elif other and other[0].size == 1 and not (one and one[0].size == 1):
            pairs.append((None, other.pop(0)))
        elif not one or not other:
            raise Unmatched
        elif one[0].size == other[0].size:
            pairs.append((one.pop(0), other.pop(0)))
        else:
            _divide_larger(atlas, one, other)
            one, other = list(atlas.resolved(tuple(one))), list(atlas.resolved(tuple(other)))
    return pairs


def _divide_larger(atlas: Atlas, one: list[Item], other: list[Item]) -> None:
    """Divide the larger of the first factors, so that its outer factor is as large as the smaller."""
    larger, smaller = (one, other) if one[0].size > other[0].size else (other, one)
    if isinstance(larger[0], Sum) and isinstance(smaller[0], Choice) is False and len(smaller) > 1:
        count = 1
        while count < len(smaller) and items_size(tuple(smaller[:count])) < larger[0].size:
            count += 1
        inside = tuple(smaller[:count])
        if items_size(inside) == larger[0].size:
            parts = segments(atlas, inside, [items_size(part) for part in larger[0].parts])
            smaller[:count] = [Sum(tuple(parts))]
            return
    larger[:1] = list(divide(atlas, larger[0], smaller[0].size))


def open_choice(atlas: Atlas, items: Items) -> Items:
    """An axis whose units are about to be told apart: a space on it becomes a choice."""
    items = atlas.resolved(items)
    if len(items) == 1 and isinstance(items[0], Occurrence):
        choose(atlas, items[0].space)
        return atlas.resolved(items)
    return items
