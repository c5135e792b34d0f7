"""Where the spaces that were found occur in the stored tensors, as legs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import final

from solvers.pytorch.symmetry.finding.characters import Character
from solvers.pytorch.symmetry.finding.frames import PLAIN, Frame
from solvers.pytorch.symmetry.finding.spaces import Atlas, Cases, Choice, Items, Occurrence, Space, Sum, items_size
from solvers.pytorch.symmetry.finding.values import Value
from solvers.pytorch.symmetry.legs import Leg


@final
@dataclass(frozen=True)
class Place:
    """One occurrence of a space in a tensor.

    Parameters
    ----------
    space: that occurs.
    character: by which its units are scaled there.
    frame, turn: in which linear maps act there, as themselves or as their duals.
    tensor: in which.
    blocks: shape to which the tensor is viewed first.
    narrow: the part of it, as (axis, start, length).
    slots: the factors of the part, row by row.
    slot: the number of the factor that is the space.
    """

    space: Space
    character: Character
    tensor: str
    blocks: tuple[int, ...]
    narrow: tuple[tuple[int, int, int], ...]
    slots: Items
    slot: int
    frame: Frame = PLAIN
    turn: int = 1

    def axes(self, family: tuple[Space, ...]) -> tuple[int, ...]:
        """The axes of the members of the family, in their order."""
        found = {item.space: number for number, item in enumerate(self.slots) if isinstance(item, Occurrence)}
        return tuple(found[member] for member in family)

    def leg(self, family: tuple[Space, ...], exponent: int, *, own: bool = True, frame: Frame = PLAIN) -> Leg:
        """The leg of the space here, with its family in front; without the space itself where not ``own``."""
        axes = self.axes(family) + ((self.slot,) if own else ())
        blocks = self.blocks if self.narrow else ()
        shape = tuple(item.size for item in self.slots)
        return Leg(
            tensor=self.tensor,
            shape=shape,
            axes=axes,
            narrow=self.narrow,
            exponent=exponent,
            blocks=blocks,
            frame=frame.powers,
        )


class Scattered(Exception):
    """A segment lies in a tensor in pieces that no view puts together."""


def places_of(atlas: Atlas, name: str, value: Value) -> Iterator[Place]:
    """All occurrences of spaces in one tensor.

    Raises
    ------
    Scattered: a segment is not one piece.
    """
    slots = tuple(item for axis in value.axes for item in atlas.resolved(axis))
    blocks = tuple(item.size for item in slots)
    start = _Walk(name, blocks, slots, (), tuple(range(len(slots))), (True,) * len(slots))
    yield from start.places()


@final
@dataclass(frozen=True)
class _Walk:
    """A part of a tensor on the way to its spaces.

    Parameters
    ----------
    name, blocks, slots, narrow: as in :class:`Place`.
    origin: the axis of the blocks that each slot came from.
    live: whether a slot is to be looked at; the others were, in larger parts.
    """

    name: str
    blocks: tuple[int, ...]
    slots: Items
    narrow: tuple[tuple[int, int, int], ...]
    origin: tuple[int, ...]
    live: tuple[bool, ...]

    def places(self) -> Iterator[Place]:
        """The occurrences among live slots."""
        for number, item in enumerate(self.slots):
            if not self.live[number]:
                continue
            if isinstance(item, Occurrence):
                where = self.name, self.blocks, self.narrow, self.slots, number
                yield Place(item.space, item.character, *where, frame=item.frame, turn=item.turn)
            elif isinstance(item, Sum):
                start = 0
                for part in item.parts:
                    size = items_size(part)
                    options = [part if place == number else (one,) for place, one in enumerate(self.slots)]
                    live = [place == number for place in range(len(self.slots))]
                    yield from self.narrowed(number, start, size, options, live).places()
                    start += size
            elif isinstance(item, Choice):
                for case in range(item.size):
                    options = [one.options[case] if isinstance(one, Cases) else (one,) for one in self.slots]
                    options[number] = ()
                    live = [isinstance(one, Cases) for one in self.slots]
                    yield from self.narrowed(number, case, 1, options, live).places()

    def narrowed(self, number: int, start: int, size: int, options: list[Items], live: list[bool]) -> _Walk:
        """The part where one slot is in a range, with the given factors in the places of the slots."""
        axis = self.origin[number]
        same = [place for place, one in enumerate(self.origin) if one == axis]
        if prod(self.slots[place].size for place in same if place < number) != 1:
            raise Scattered
        after = prod(self.slots[place].size for place in same if place > number)
        base = next((low for one, low, _ in self.narrow if one == axis), 0)
        window = (*(one for one in self.narrow if one[0] != axis), (axis, base + start * after, size * after))
        return _Walk(
            self.name,
            self.blocks,
            tuple(item for option in options for item in option),
            window,
            tuple(one for one, option in zip(self.origin, options, strict=True) for _ in option),
            tuple(one for one, option in zip(live, options, strict=True) for _ in option),
        )
