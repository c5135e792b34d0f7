"""The groups of the spaces that were found, as components that act on tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import final

import numpy as np
import torch

from solvers.pytorch.symmetry.component import Component
from solvers.pytorch.symmetry.finding.characters import TRIVIAL, Character
from solvers.pytorch.symmetry.finding.commutants import algebra_name, commutant
from solvers.pytorch.symmetry.finding.places import Place, Scattered, places_of
from solvers.pytorch.symmetry.finding.solving import (
    Row,
    binary_independent,
    binary_null_space,
    independent,
    null_space,
)
from solvers.pytorch.symmetry.finding.spaces import Atlas, Occurrence, Space, State
from solvers.pytorch.symmetry.finding.values import Value, settled
from solvers.pytorch.symmetry.hidden_space import HiddenSpace
from solvers.pytorch.symmetry.legs import Leg
from solvers.pytorch.symmetry.linear_maps import LinearMaps
from solvers.pytorch.symmetry.permutations import Permutations
from solvers.pytorch.symmetry.scalings import Scalings, Signs


def concluded(atlas: Atlas, parameters: Mapping[str, Value]) -> None:
    """Make the last decisions: which blocks are index sets, and over what there are copies."""
    for outer, variable, inner in atlas.gauges:
        # Blocks that are scaled inside need no scaling as a whole; blocks that are held inside may be acted on.
        inside = atlas.resolved((Occurrence(inner, TRIVIAL),))
        if any(item.space.state is not State.FIXED for item in atlas.occurrences(inside)):
            whole = atlas.resolved((Occurrence(outer, Character.of(variable)),))
            atlas.break_up(whole)
            atlas.require_all(whole)
    for value in parameters.values():
        settled(atlas, value)
    for space in atlas.spaces:
        if space.parent is None and space.refinement is None:
            space.family = tuple(one for one in atlas.family(space) if one.state is not State.LINEAR)
    for space in atlas.spaces:
        space.family = tuple(one for one in space.family if space not in one.family)


def compiled(atlas: Atlas, parameters: Mapping[str, Value]) -> tuple[HiddenSpace, ...]:
    """The hidden spaces on which something acts, with their groups."""
    found: dict[Space, list[Place]] = {}
    for name, value in parameters.items():
        try:
            places = list(places_of(atlas, name, settled(atlas, value)))
        except Scattered:
            atlas.fix(value.items, "a segment lies in pieces")
            atlas.note(f"{name} is held fixed: a segment of it lies in pieces")
            continue
        for place in places:
            found.setdefault(place.space, []).append(place)
    names: dict[str, int] = {}
    spaces = []
    for space, places in found.items():
        if space.state is State.FIXED:
            continue
        name = _named(places, names)
        components = Solved(space, places, name).components(atlas)
        if components:
            spaces.append(HiddenSpace(name=name, size=space.size, components=components))
    return tuple(spaces)


def _named(places: list[Place], names: dict[str, int]) -> str:
    """A name from the tensor that writes to the space, numbered where it is taken."""
    first = places[0].tensor
    stem = first.removesuffix(".weight").removesuffix(".bias")
    names[stem] = names.get(stem, 0) + 1
    return stem if names[stem] == 1 else f"{stem} ({names[stem]})"


@final
@dataclass
class Solved:
    """The group of one space, from its requirements.

    Parameters
    ----------
    space: the space.
    places: where it occurs.
    name: under which its components go.
    """

    space: Space
    places: list[Place]
    name: str
    numbers: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        characters = [place.character for place in self.places] + [one.character for one in self.space.requirements]
        characters += [sign for sign, _ in self.space.matrices]
        for character in characters:
            for variable in (*(v for v, _ in character.log), *character.sign):
                self.numbers.setdefault(variable, len(self.numbers))

    @property
    def family(self) -> tuple[Space, ...]:
        """The spaces over which there are copies, those of size one left out."""
        return tuple(one for one in self.space.family if one.size > 1)

    @property
    def copies(self) -> tuple[int, ...]:
        """The sizes of the family."""
        return tuple(one.size for one in self.family)

    def components(self, atlas: Atlas) -> tuple[Component, ...]:
        """All factors of the group."""
        if self.space.state is State.LINEAR:
            found = self._linear()
            if found is not None:
                return found
            atlas.break_up((Occurrence(self.space, TRIVIAL),))
        continuous = self._scalings()
        signs = self._signs()
        return (*continuous, *signs, *self._permutations())

    def _row(self, character: Character) -> Row:
        """The exponents of a character by variable."""
        row = [Fraction(0)] * len(self.numbers)
        for variable, exponent in character.log:
            row[self.numbers[variable]] = exponent
        return row

    def _bits(self, character: Character) -> list[int]:
        """The variables whose sign takes part in a character."""
        row = [0] * len(self.numbers)
        for variable in character.sign:
            row[self.numbers[variable]] = 1
        return row

    def _linear(self) -> tuple[Component, ...] | None:
        """Invertible matrices, where all scalings are powers of one."""
        rows = [self._row(one.character) for one in self.space.requirements if one.character.log]
        basis = null_space(rows, len(self.numbers))
        if any(one.constant for one in self.space.requirements) or len(basis) > 1:
            return None
        if not basis:
            if self.space.matrices:
                return None
            legs = tuple(place.leg(self.family, 1) for place in self.places)
            return (LinearMaps(self.name, legs, size=self.space.size, copies=self.copies, kind="O"),)
        exponents = [self._exponent(place.character, basis[0]) for place in self.places]
        if any(exponent not in (1, -1) for exponent in exponents):
            return None
        if exponents[0] < 0:
            basis[0] = [-entry for entry in basis[0]]
            exponents = [-exponent for exponent in exponents]
        legs = tuple(place.leg(self.family, e) for place, e in zip(self.places, exponents, strict=True))
        if not self.space.matrices:
            return (LinearMaps(self.name, legs, size=self.space.size, copies=self.copies),)
        constraints = [
            matrix if self._exponent(sign, basis[0]) > 0 else matrix.swapaxes(-1, -2)
            for sign, matrix in self.space.matrices
        ]
        algebra = commutant(np.concatenate([one.reshape(-1, *one.shape[-2:]) for one in constraints]))
        maps = LinearMaps(
            self.name,
            legs,
            size=self.space.size,
            copies=self.copies,
            kind="algebra",
            basis=torch.from_numpy(algebra),
            label=algebra_name(algebra),
        )
        return (maps,)

    def _exponent(self, character: Character, vector: list[int]) -> int:
        """The power of a scaling in a character."""
        total = sum(a * b for a, b in zip(self._row(character), vector, strict=True))
        return int(total) if total.denominator == 1 else 0

    def _scalings(self) -> tuple[Component, ...]:
        """Positive scalings of units, and such as are the same for all units."""
        width = len(self.numbers)
        own = [self._row(one.character) for one in self.space.requirements if not one.constant]
        all_rows = [self._row(one.character) for one in self.space.requirements]
        free = null_space(all_rows, width)
        common = null_space(own, width) if len(own) < len(all_rows) else []
        shape = (*self.copies, self.space.size)
        seen = [self._seen(vector) for vector in (*free, *common)]
        found: list[Component] = []
        for number in independent(seen):
            scale = self._scale((*free, *common)[number])
            legs = self._scaled_legs([int(e * scale) for e in seen[number]], own=number < len(free))
            size = shape if number < len(free) else self.copies
            if legs:
                found.append(Scalings(self._part(len(found)), legs, shape=size))
        return tuple(found)

    def _part(self, number: int) -> str:
        """The name of one of several components of a kind."""
        return self.name if not number else f"{self.name} [{number + 1}]"

    def _scale(self, vector: list[int]) -> int:
        """A number that makes all exponents whole."""
        scale = 1
        for place in self.places:
            total = sum((a * b for a, b in zip(self._row(place.character), vector, strict=True)), Fraction(0))
            scale *= (total * scale).denominator
        return scale

    def _seen(self, vector: list[int]) -> list[Fraction]:
        """The exponents of a scaling at all places."""
        rows = [self._row(place.character) for place in self.places]
        return [sum((a * b for a, b in zip(row, vector, strict=True)), Fraction(0)) for row in rows]

    def _scaled_legs(self, exponents: list[int], *, own: bool) -> tuple[Leg, ...]:
        """The legs at which a scaling has an exponent."""
        pairs = zip(self.places, exponents, strict=True)
        return tuple(place.leg(self.family, e, own=own) for place, e in pairs if e)

    def _signs(self) -> tuple[Component, ...]:
        """Signs of units, and such as are the same for all units."""
        width = len(self.numbers)
        own = [self._bits(one.character) for one in self.space.requirements if not one.constant]
        all_rows = [self._bits(one.character) for one in self.space.requirements]
        free = binary_null_space(all_rows, width)
        common = binary_null_space(own, width) if len(own) < len(all_rows) else []
        bits = [self._bits(place.character) for place in self.places]
        vectors = [*free, *common]
        seen = [[sum(a * b for a, b in zip(row, vector, strict=True)) % 2 for row in bits] for vector in vectors]
        found: list[Component] = []
        for number in binary_independent(seen):
            own_axis = number < len(free)
            legs = self._scaled_legs(seen[number], own=own_axis)
            size = (*self.copies, self.space.size) if own_axis else self.copies
            found.append(Signs(self._part(len(found)), legs, shape=size))
        return tuple(found)

    def _permutations(self) -> tuple[Component, ...]:
        """All permutations of the units, where they may change places."""
        if not self.space.permutable or self.space.size == 1:
            return ()
        legs = tuple(place.leg(self.family, 1) for place in self.places)
        return (Permutations(self.name, legs, size=self.space.size, copies=self.copies),)
