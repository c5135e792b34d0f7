"""Hidden spaces while they are being found: index sets and fibres, merged, split and held fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias, final

import numpy as np

from solvers.pytorch.symmetry.finding.characters import TRIVIAL, Character
from solvers.pytorch.symmetry.finding.frames import PLAIN, Frame, Metric


class State(IntEnum):
    """What may act on a space: all invertible matrices, permutations with scalings, nothing."""

    LINEAR = 0
    INDEX = 1
    FIXED = 2


@final
@dataclass(frozen=True)
class Fixed:
    """A factor of an axis on which nothing acts: samples, positions, inputs, classes."""

    size: int


@final
@dataclass(frozen=True)
class Repeated:
    """A factor of an axis along which a value is the same."""

    size: int


@final
@dataclass(frozen=True)
class Occurrence:
    r"""A factor of an axis that is a space, its units scaled by a character.

    Where all linear maps act, the element g of the space acts as :math:`F g F^{-1}` in the frame F, or as the same of
    its dual :math:`g^{-T}` where the turn is -1.
    """

    space: Space
    character: Character
    frame: Frame = PLAIN
    turn: int = 1

    @property
    def size(self) -> int:
        """Number of units of the space."""
        return self.space.size


@final
@dataclass(frozen=True)
class Sum:
    """A factor of an axis made of segments, each a product of factors."""

    parts: tuple[Items, ...]

    @property
    def size(self) -> int:
        """The sizes of the segments together."""
        return sum(items_size(part) for part in self.parts)


@final
@dataclass(frozen=True)
class Choice:
    """An axis that numbers a few different things: the queries, keys and values of a packed projection."""

    size: int


@final
@dataclass(frozen=True)
class Cases:
    """Factors that are others for each number of a :class:`Choice` beside them."""

    options: tuple[Items, ...]

    @property
    def size(self) -> int:
        """The size of each option."""
        return items_size(self.options[0])


Item: TypeAlias = Fixed | Repeated | Occurrence | Sum | Choice | Cases
Items: TypeAlias = tuple[Item, ...]


def items_size(items: Items) -> int:
    """The product of the sizes of factors."""
    size = 1
    for item in items:
        size *= item.size
    return size


@final
@dataclass(frozen=True)
class Requirement:
    """A character that must be one, or, where ``constant``, the same for all units of the space."""

    character: Character
    constant: bool = False


@final
@dataclass(frozen=True)
class Refinement:
    """What became of a space: factors, and for each the names that the variables have there."""

    kind: str
    spaces: tuple[Space, ...]
    names: tuple[Mapping[int, int], ...]


@final
@dataclass(eq=False)
class Space:
    """A set of units on which one group acts wherever they occur.

    Parameters
    ----------
    size: number of units.
    name: of the tensor axis it started as.
    family: spaces over which there is one copy of the group for each unit.
    state: what may act.
    permutable: whether the units may change places.
    variables: scalings that live on it.
    requirements: on their characters.
    matrices: with which linear maps must commute, with the variance of the place where they act.
    metrics: for which linear maps must be orthogonal.
    framed: whether it was met in different frames.
    parent: the space that it was merged into; its own g is that of the parent, or the dual of that for the turn -1,
        in the frame ``offset``.
    """

    size: int
    name: str
    family: tuple[Space, ...] = ()
    state: State = State.LINEAR
    permutable: bool = True
    variables: list[int] = field(default_factory=list)
    requirements: list[Requirement] = field(default_factory=list)
    matrices: list[tuple[Character, np.ndarray]] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    framed: bool = False
    parent: Space | None = None
    turn: int = 1
    offset: Frame = PLAIN
    refinement: Refinement | None = None
    reason: str = ""

    def root(self) -> Space:
        """The space that it was merged into."""
        space = self
        while space.parent is not None:
            space = space.parent
        return space

    def placed(self) -> tuple[Frame, int]:
        """The frame and the turn in which the space that it was merged into acts on it."""
        space, frame, turn = self, PLAIN, 1
        while space.parent is not None:
            frame += space.offset.turned(turn)
            turn *= space.turn
            space = space.parent
        return frame, turn

    def is_plain(self) -> bool:
        """Whether it acts everywhere in the same frame, and nothing but lengths limits it."""
        return not self.framed and not any(metric.centred for metric in self.metrics)


class Atlas:
    """All spaces of a module, and what is known of them."""

    def __init__(self, *, without_epsilon: bool = False, framing: bool = False) -> None:
        self.without_epsilon = without_epsilon
        self.framing = framing
        self.vectors: dict[int, str] = {}
        self.frames: set[str] = set()
        self.spaces: list[Space] = []
        self.gauges: list[tuple[Space, int, Space, int]] = []
        self.beside: list[tuple[Space, Space]] = []
        self.notes: list[str] = []
        self._variables = 0

    def variable(self) -> int:
        """A new scaling."""
        self._variables += 1
        return self._variables

    def fresh(self, size: int, name: str, *, family: tuple[Space, ...] = ()) -> Space:
        """A new space with one variable, on which all invertible matrices act."""
        space = Space(size=size, name=name, family=family, variables=[self.variable()])
        self.spaces.append(space)
        return space

    def note(self, text: str) -> None:
        """Remember, once, why a claim was lowered."""
        if text not in self.notes:
            self.notes.append(text)

    def resolved(self, items: Items) -> Items:
        """The factors with every space replaced by what it was merged into or refined to."""
        found: list[Item] = []
        for item in items:
            if isinstance(item, Occurrence):
                found.extend(self._current(item))
            elif isinstance(item, Sum):
                parts = tuple(self.resolved(part) for part in item.parts)
                found.append(_plain_sum(parts))
            elif isinstance(item, Cases):
                found.append(Cases(tuple(self.resolved(option) for option in item.options)))
            else:
                found.append(item)
        return tuple(found)

    def _current(self, item: Occurrence) -> Items:
        """One occurrence in terms of spaces that are neither merged nor refined."""
        space = item.space.root()
        refinement = space.refinement
        if refinement is None:
            frame, turn = item.space.placed()
            character = TRIVIAL if space.state is State.FIXED else item.character
            return (Occurrence(space, character, item.frame + frame.turned(item.turn), item.turn * turn),)
        pieces = tuple(
            self.resolved((Occurrence(child, item.character.renamed(names)),))
            for child, names in zip(refinement.spaces, refinement.names, strict=True)
        )
        if refinement.kind == "product":
            return pieces[0] + pieces[1]
        if refinement.kind == "sum":
            return (Sum(pieces),)
        return (Choice(space.size),) if refinement.kind == "choice" else (Cases(pieces),)

    def family(self, space: Space) -> tuple[Space, ...]:
        """The current spaces over which a space is a family; those that were cut are left out."""
        found: list[Space] = []
        for member in space.family:
            root = member.root()
            refinement = root.refinement
            if refinement is None:
                found.append(root)
            elif refinement.kind == "product":
                found.extend(f for child in refinement.spaces for f in self.family_members(child))
        return tuple(dict.fromkeys(found))

    def family_members(self, space: Space) -> tuple[Space, ...]:
        """The current spaces that a member of a family stands for."""
        return self.family(Space(size=1, name="", family=(space,)))

    def require(self, space: Space, character: Character, *, constant: bool = False) -> None:
        """Demand that a character is one, or constant, on a space."""
        space = space.root()
        if not character.is_trivial():
            space.requirements.append(Requirement(character, constant))

    def require_all(self, items: Items, character: str = "trivial") -> None:
        """Demand of all occurrences that their factor is one, positive, a sign, or constant."""
        for item in self.occurrences(items):
            if character == "positive":
                self.require(item.space, item.character.direction())
            elif character == "sign":
                self.require(item.space, item.character.magnitude())
            elif character == "trivial":
                self.require(item.space, item.character)

    def occurrences(self, items: Items) -> tuple[Occurrence, ...]:
        """All occurrences of spaces in factors, those in segments too."""
        found: list[Occurrence] = []
        for item in self.resolved(items):
            if isinstance(item, Occurrence):
                found.append(item)
            elif isinstance(item, Sum):
                found.extend(one for part in item.parts for one in self.occurrences(part))
            elif isinstance(item, Cases):
                found.extend(one for option in item.options for one in self.occurrences(option))
        return tuple(found)

    def break_up(self, items: Items) -> None:
        """Leave only permutations and scalings of units."""
        for item in self.occurrences(items):
            space = item.space
            if space.state is State.LINEAR:
                space.state = State.INDEX
                if space.matrices:
                    self.fix_space(space)

    def pin(self, items: Items) -> None:
        """Let no unit change its place."""
        self.break_up(items)
        for item in self.occurrences(items):
            item.space.permutable = False

    def fix(self, items: Items, reason: str = "") -> None:
        """Let nothing act on values with these factors any more: no unit moves, and all factors are one."""
        self.pin(items)
        for item in self.occurrences(items):
            self.require(item.space, item.character)
            item.space.reason = item.space.reason or reason

    def fix_space(self, space: Space, reason: str = "") -> None:
        """Let nothing act on one space, nor on what it was refined to."""
        space = space.root()
        if space.refinement is not None:
            for child in space.refinement.spaces:
                self.fix_space(child, reason)
            return
        if space.state is not State.FIXED:
            space.state = State.FIXED
            space.reason = reason


def _plain_sum(parts: tuple[Items, ...]) -> Item:
    """A sum of segments, which is fixed where all segments are."""
    if all(isinstance(item, Fixed | Repeated) for part in parts for item in part):
        return Fixed(sum(items_size(part) for part in parts))
    return Sum(tuple(parts))
