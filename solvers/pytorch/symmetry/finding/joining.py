"""What operations of two values demand of the axes that meet: equal actions, dual actions, or products of factors."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import final

from solvers.pytorch.symmetry.finding.axes import Unmatched, matched, segments
from solvers.pytorch.symmetry.finding.characters import TRIVIAL
from solvers.pytorch.symmetry.finding.refining import choose, identify, merge
from solvers.pytorch.symmetry.finding.spaces import (
    Atlas,
    Cases,
    Choice,
    Fixed,
    Item,
    Items,
    Occurrence,
    Space,
    State,
    Sum,
    items_size,
)


class Joining(ABC):
    """The demands of one operation where two axes meet, and what acts on the axis of the result."""

    def __init__(self, atlas: Atlas) -> None:
        self.atlas = atlas

    @abstractmethod
    def both(self, left: Occurrence, right: Occurrence) -> Item:
        """Two spaces meet."""

    @abstractmethod
    def with_fixed(self, item: Occurrence) -> Item:
        """A space meets an axis on which nothing acts."""

    @abstractmethod
    def with_repeated(self, item: Occurrence) -> Item:
        """A space meets an axis along which the other value is the same, or which it does not have."""

    def join(self, left: Items, right: Items) -> Items:
        """The axis of the result, factor by factor."""
        left, right = self.atlas.resolved(left), self.atlas.resolved(right)
        size = max(items_size(left), items_size(right))
        try:
            pairs = matched(self.atlas, left, right)
        except Unmatched:
            self.atlas.fix(left + right, "two axes that meet are divided in different ways")
            return (Fixed(size),)
        found: list[Item] = []
        for one, other in pairs:
            ones = self.atlas.resolved((one,)) if one is not None else ()
            others = self.atlas.resolved((other,)) if other is not None else ()
            if len(ones) > 1 or len(others) > 1:
                found.extend(self.join(ones, others))
            elif ones and others:
                found.extend(self._pair(ones[0], others[0]))
            else:
                found.extend(self.lonely(ones + others))
        return self.atlas.resolved(tuple(found))

    def lonely(self, items: Items) -> Items:
        """The axis of the result where only one value has it."""
        found: list[Item] = []
        for item in self.atlas.resolved(items):
            if isinstance(item, Occurrence):
                found.append(self.with_repeated(item))
            elif isinstance(item, Sum):
                found.append(Sum(tuple(self.lonely(part) for part in item.parts)))
            elif isinstance(item, Cases):
                found.append(Cases(tuple(self.lonely(option) for option in item.options)))
            else:
                found.append(item)
        return tuple(found)

    def _pair(self, one: Item, other: Item) -> Items:
        """The factor of the result for two factors of the same size."""
        if isinstance(one, Sum) or isinstance(other, Sum):
            return self._sums(one, other)
        if isinstance(one, Cases) or isinstance(other, Cases):
            return self._cases(one, other)
        if isinstance(one, Choice) or isinstance(other, Choice):
            for item in (one, other):
                if isinstance(item, Occurrence):
                    choose(self.atlas, item.space)
            return (Choice(one.size),)
        if isinstance(one, Occurrence) and isinstance(other, Occurrence):
            return (self.both(one, other),)
        if isinstance(one, Occurrence) or isinstance(other, Occurrence):
            space, rest = (one, other) if isinstance(one, Occurrence) else (other, one)
            assert isinstance(space, Occurrence)
            return (self.with_fixed(space) if isinstance(rest, Fixed) else self.with_repeated(space),)
        return (one if isinstance(one, Fixed) else other,)

    def _sums(self, one: Item, other: Item) -> Items:
        """Segments meet: the boundaries of each are cut into the other."""
        sizes = _common_sizes(one, other)
        try:
            parts = segments(self.atlas, (one,), sizes)
            others = segments(self.atlas, (other,), sizes)
        except Unmatched:
            self.atlas.fix((one, other), "two axes that meet are cut in different ways")
            return (Fixed(one.size),)
        return (Sum(tuple(self.join(a, b) for a, b in zip(parts, others, strict=True))),)

    def _cases(self, one: Item, other: Item) -> Items:
        """Cases meet each other, or the same factor meets all of them."""
        number = len(one.options) if isinstance(one, Cases) else len(other.options) if isinstance(other, Cases) else 0
        ones = one.options if isinstance(one, Cases) else ((one,),) * number
        others = other.options if isinstance(other, Cases) else ((other,),) * number
        return (Cases(tuple(self.join(a, b) for a, b in zip(ones, others, strict=True))),)


def _common_sizes(one: Item, other: Item) -> list[int]:
    """Sizes of the segments between the boundaries of two sums."""
    marks = {0, one.size}
    for item in (one, other):
        place = 0
        for part in item.parts if isinstance(item, Sum) else ():
            place += items_size(part)
            marks.add(place)
    places = sorted(marks)
    return [b - a for a, b in itertools.pairwise(places)]


@final
class Same(Joining):
    """Both values must be acted on alike: addition, concatenation, choice between two."""

    def both(self, left: Occurrence, right: Occurrence) -> Item:
        """One space with one factor; matrices stay where both sides allow them."""
        space = merge_kinds(self.atlas, left, right, dual=False)
        self.atlas.require(space, left.character - right.character)
        return replace(left, space=space)

    def with_fixed(self, item: Occurrence) -> Item:
        """Nothing may act."""
        self.atlas.fix((item,), "it is added to something that does not move")
        return item

    def with_repeated(self, item: Occurrence) -> Item:
        """Units may change places, and nothing else."""
        self.atlas.break_up((item,))
        self.atlas.require(item.space, item.character)
        return Occurrence(item.space, TRIVIAL)


@final
class Dual(Joining):
    """The sum over an axis of products: what acts on one side must be undone on the other."""

    def both(self, left: Occurrence, right: Occurrence) -> Item:
        """One space with opposite factors."""
        space = merge_kinds(self.atlas, left, right, dual=True)
        self.atlas.require(space, left.character + right.character)
        return Fixed(left.size)

    def with_fixed(self, item: Occurrence) -> Item:
        """Nothing may act."""
        self.atlas.fix((item,), "it is summed with constants")
        return item

    def with_repeated(self, item: Occurrence) -> Item:
        """Units may change places, and nothing else."""
        self.atlas.break_up((item,))
        self.atlas.require(item.space, item.character)
        return item


@final
class Product(Joining):
    """The product of two values, unit by unit."""

    def both(self, left: Occurrence, right: Occurrence) -> Item:
        """One set of units, and the product of the factors."""
        self.atlas.break_up((left, right))
        space = merge(self.atlas, left.space, right.space)
        return Occurrence(space, left.character + right.character)

    def with_fixed(self, item: Occurrence) -> Item:
        """Units keep their places; scalings commute with one another."""
        if item.size > 1:
            self.atlas.pin((item,))
        return item

    def with_repeated(self, item: Occurrence) -> Item:
        """Multiples of the unit matrix commute with everything."""
        return item


def merge_kinds(atlas: Atlas, left: Occurrence, right: Occurrence, *, dual: bool) -> Space:
    """Merge two spaces, both to be broken into units unless both are linear."""
    if State.INDEX in (left.space.state, right.space.state):
        atlas.break_up((left, right))
    return identify(atlas, left, right, dual=dual)
