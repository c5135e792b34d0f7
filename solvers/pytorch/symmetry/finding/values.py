"""Values: the tensors of a network with what acts on their axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, TypeAlias, final

from solvers.pytorch.symmetry.finding.axes import Unmatched, picked, regroup
from solvers.pytorch.symmetry.finding.joining import Joining, Same
from solvers.pytorch.symmetry.finding.spaces import (
    Atlas,
    Cases,
    Choice,
    Fixed,
    Item,
    Items,
    Occurrence,
    Repeated,
    Space,
    Sum,
    items_size,
)


@final
@dataclass(frozen=True)
class Value:
    """A tensor by the factors of its axes.

    Parameters
    ----------
    axes: the factors of each axis, row by row.
    constant: whether no parameter takes part in it.
    zero: whether it is known to be zero.
    """

    axes: tuple[Items, ...]
    constant: bool = False
    zero: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return tuple(items_size(axis) for axis in self.axes)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.axes)

    @property
    def items(self) -> Items:
        """All factors of all axes."""
        return tuple(item for axis in self.axes for item in axis)


def constant(shape: Sequence[int], *, uniform: bool = False, zero: bool = False) -> Value:
    """A tensor that no parameter takes part in."""
    kind = Repeated if uniform or zero else Fixed
    return Value(tuple(() if size == 1 else (kind(size),) for size in shape), constant=True, zero=zero)


def settled(atlas: Atlas, value: Value) -> Value:
    """The value in current spaces; copies of a group over what the value no longer has become one."""
    axes = tuple(atlas.resolved(axis) for axis in value.axes)
    items = tuple(item for axis in axes for item in axis)
    if any(isinstance(item, Cases) for item in items) and sum(isinstance(item, Choice) for item in items) != 1:
        atlas.fix(items, "different things are numbered and mixed")
        return Value(constant(value.shape).axes, constant=value.constant)
    _settle(atlas, items, set())
    return replace(value, axes=axes)


def _single(items: Items) -> set[Space]:
    """The spaces that occur once among factors, those in segments left out."""
    spaces = [item.space for item in items if isinstance(item, Occurrence)]
    return {space for space in spaces if spaces.count(space) == 1}


def _settle(atlas: Atlas, items: Items, outside: set[Space]) -> None:
    """Drop from families what is not present, in each case and each segment."""
    number = next((len(item.options) for item in items if isinstance(item, Cases)), 0)
    for case in range(number):
        _settle(atlas, picked(items, case), outside)
    if number:
        return
    present = outside ^ _single(items)
    for item in items:
        if isinstance(item, Occurrence):
            space = item.space
            space.family = tuple(one for one in atlas.family(space) if one in present and one is not space)
        elif isinstance(item, Sum):
            for part in item.parts:
                _settle(atlas, part, present)


def shared(atlas: Atlas, left: Items, right: Items) -> Items:
    """The factors of two axes that met which are the same space at the same place."""
    one, other = atlas.resolved(left), atlas.resolved(right)
    if [item.size for item in one] != [item.size for item in other]:
        return ()
    return tuple(item for a, b in zip(one, other, strict=True) for item in _agreed(atlas, a, b))


def _agreed(atlas: Atlas, one: Item, other: Item) -> Items:
    """The factor, or of segments and cases what is the same in each."""
    if isinstance(one, Occurrence) and isinstance(other, Occurrence):
        return (one,) if one.space is other.space else ()
    if isinstance(one, Sum) and isinstance(other, Sum) and len(one.parts) == len(other.parts):
        return (Sum(tuple(shared(atlas, a, b) for a, b in zip(one.parts, other.parts, strict=True))),)
    if isinstance(one, Cases) and isinstance(other, Cases) and len(one.options) == len(other.options):
        return (Cases(tuple(shared(atlas, a, b) for a, b in zip(one.options, other.options, strict=True))),)
    return ()


def tied(atlas: Atlas, items: Items) -> None:
    """Let what acts on factors depend on one another alone."""
    _settle(atlas, atlas.resolved(items), set())


def combined(atlas: Atlas, rule: Joining, left: Value, right: Value) -> Value:
    """Two values combined unit by unit, with broadcasting."""
    ndim = max(left.ndim, right.ndim)
    ones = ((),) * (ndim - left.ndim) + left.axes
    others = ((),) * (ndim - right.ndim) + right.axes
    axes: list[Items] = []
    for one, other in zip(ones, others, strict=True):
        if items_size(one) == items_size(other):
            axes.append(rule.join(one, other))
        else:
            axes.append(rule.lonely(one) + rule.lonely(other))
    both_constant = left.constant and right.constant
    return settled(atlas, Value(tuple(axes), constant=both_constant))


Kind: TypeAlias = Literal["linear", "positive", "odd", "even", "magnitude", "direction", "any"]
"""How a map of numbers treats factors: any; positive ones; signs; signs that vanish; absolute values; signs of
values; none."""


def mapped(atlas: Atlas, value: Value, kind: Kind | int | float) -> Value:
    """A map of numbers applied to every unit; a number is a power."""
    if kind == "linear":
        return replace(value, zero=False) if value.zero else value
    atlas.break_up(value.items)
    return settled(atlas, Value(_scaled(atlas, value.axes, kind), constant=value.constant))


def _scaled(atlas: Atlas, axes: tuple[Items, ...], kind: Kind | int | float) -> tuple[Items, ...]:
    """The factors that a map of numbers leaves, after its demands were made."""
    if kind in ("positive", "odd", "even", "any"):
        demand = {"positive": "positive", "odd": "sign", "even": "sign", "any": "trivial"}[str(kind)]
        for axis in axes:
            atlas.require_all(axis, demand)

    def after(item: Occurrence) -> Occurrence:
        """The occurrence behind the map."""
        character = item.character
        if kind in ("positive", "magnitude"):
            character = character.magnitude()
        elif kind in ("odd", "direction"):
            character = character.direction()
        elif kind in ("any", "even"):
            character = character - character
        elif isinstance(kind, int | float):
            if float(kind) != int(kind):
                atlas.require(item.space, character.direction())
            character = character.power(Fraction(kind))
        return Occurrence(item.space, character)

    return tuple(with_occurrences(atlas, axis, after) for axis in axes)


def with_occurrences(atlas: Atlas, items: Items, change: Callable[[Occurrence], Occurrence]) -> Items:
    """The factors with every occurrence of a space changed."""
    found: list[Item] = []
    for item in atlas.resolved(items):
        if isinstance(item, Occurrence):
            found.append(change(item))
        elif isinstance(item, Sum):
            found.append(Sum(tuple(with_occurrences(atlas, part, change) for part in item.parts)))
        elif isinstance(item, Cases):
            found.append(Cases(tuple(with_occurrences(atlas, option, change) for option in item.options)))
        else:
            found.append(item)
    return tuple(found)


def reshaped(atlas: Atlas, value: Value, shape: Sequence[int]) -> Value:
    """The value viewed in another shape, row by row."""
    try:
        axes = regroup(atlas, value.items, shape)
    except Unmatched:
        return held(atlas, value, shape, "an axis is cut across its factors by a view")
    return settled(atlas, replace(value, axes=tuple(axes)))


def held(atlas: Atlas, value: Value, shape: Sequence[int], reason: str) -> Value:
    """A value of a shape on which nothing acts, as nothing may act on what it was made from."""
    atlas.fix(value.items, reason)
    return replace(constant(shape), constant=value.constant)


def joined(atlas: Atlas, values: Sequence[Value], *, broken: bool = False) -> Value:
    """Values that must be acted on alike, as one."""
    if broken:
        for value in values:
            atlas.break_up(value.items)
    moving = [value for value in values if not value.zero] or list(values[:1])
    first = moving[0]
    for other in moving[1:]:
        first = combined(atlas, Same(atlas), first, other)
    return first
