"""The group of one hidden space, from what is required of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd
from typing import final

import numpy as np
import torch

from solvers.pytorch.symmetry.component import Component
from solvers.pytorch.symmetry.finding.characters import TRIVIAL, Character
from solvers.pytorch.symmetry.finding.commutants import commutant
from solvers.pytorch.symmetry.finding.frames import PLAIN
from solvers.pytorch.symmetry.finding.places import Place
from solvers.pytorch.symmetry.finding.solving import (
    Row,
    binary_independent,
    binary_null_space,
    independent,
    null_space,
)
from solvers.pytorch.symmetry.finding.spaces import Atlas, Occurrence, Space, State
from solvers.pytorch.symmetry.legs import Leg
from solvers.pytorch.symmetry.linear_maps import LinearMaps
from solvers.pytorch.symmetry.permutations import Permutations
from solvers.pytorch.symmetry.scalings import Scalings, Signs


def forced(space: Space, character: Character) -> bool:
    """Whether the requirements on a space leave a factor no other value than one."""
    if space.state is State.FIXED:
        return True
    numbers: dict[int, int] = {}
    for one in (character, *(requirement.character for requirement in space.requirements)):
        for variable in (*(v for v, _ in one.log), *one.sign):
            numbers.setdefault(variable, len(numbers))
    system = [one.character for one in space.requirements if not one.constant]
    row = log_row(character, numbers)
    free = null_space([log_row(one, numbers) for one in system], len(numbers))
    if any(sum(a * b for a, b in zip(row, vector, strict=True)) for vector in free):
        return False
    bits = sign_row(character, numbers)
    signs = binary_null_space([sign_row(one, numbers) for one in system], len(numbers))
    return not any(sum(a * b for a, b in zip(bits, vector, strict=True)) % 2 for vector in signs)


def log_row(character: Character, numbers: Mapping[int, int]) -> Row:
    """The exponents of a character by the numbers of the variables."""
    row = [Fraction(0)] * len(numbers)
    for variable, exponent in character.log:
        row[numbers[variable]] = exponent
    return row


def sign_row(character: Character, numbers: Mapping[int, int]) -> list[int]:
    """The variables whose sign takes part in a character, by their numbers."""
    row = [0] * len(numbers)
    for variable in character.sign:
        row[numbers[variable]] = 1
    return row


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
        """All factors of the group, each named by the layer whose units it scales."""
        if self.space.state is State.LINEAR:
            found = self._linear()
            if found is not None:
                return found
            atlas.break_up((Occurrence(self.space, TRIVIAL),))
        if self.space.state is State.FIXED:
            return ()
        return (*self._scalings(), *self._signs(), *self._permutations())

    def _linear(self) -> tuple[Component, ...] | None:
        """Invertible matrices, where all scalings are powers of one."""
        rows = [log_row(one.character, self.numbers) for one in self.space.requirements if one.character.log]
        basis = null_space(rows, len(self.numbers))
        if any(one.constant for one in self.space.requirements) or len(basis) > 1:
            return None
        size, copies = self.space.size, self.copies
        if self.space.matrices and (not basis or self.space.framed):
            return None
        if not basis:
            return self._orthogonal()
        exponents = [self._exponent(place.character, basis[0]) for place in self.places]
        if any(exponent not in (1, -1) for exponent in exponents):
            return None
        turn = self._turn(exponents)
        exponents = [turn * exponent for exponent in exponents]
        legs = tuple(
            place.leg(self.family, int(e), frame=place.frame) for place, e in zip(self.places, exponents, strict=True)
        )
        if not self.space.matrices:
            return (LinearMaps(self.name, legs, size=size, copies=copies),)
        constraints = [
            matrix if turn * self._exponent(sign, basis[0]) > 0 else matrix.swapaxes(-1, -2)
            for sign, matrix in self.space.matrices
        ]
        algebra, label = commutant(np.concatenate([one.reshape(-1, size, size) for one in constraints]))
        label = f"({label})" if (copies and not label.endswith(")")) or (copies and " x " in label) else label
        entries = torch.from_numpy(algebra)
        return (LinearMaps(self.name, legs, size=size, copies=copies, kind="algebra", basis=entries, label=label),)

    def _orthogonal(self) -> tuple[Component, ...] | None:
        """Orthogonal maps, in the frame in which all lengths are taken."""
        frame, metrics = PLAIN, self.space.metrics
        if not self.space.is_plain():
            frames = {metric.frame for metric in metrics}
            if len(frames) != 1:
                return None
            (frame,) = frames
        centred, upright = (any(getattr(one, kind) for one in metrics) for kind in ("centred", "upright"))
        legs = tuple(place.leg(self.family, 1, frame=place.frame - frame.turned(place.turn)) for place in self.places)
        size, copies = self.space.size, self.copies
        return (LinearMaps(self.name, legs, size=size, copies=copies, kind="O", centred=centred, upright=upright),)

    def _exponent(self, character: Character, vector: list[int]) -> Fraction:
        """The power of a scaling in a character."""
        return sum((power * vector[self.numbers[variable]] for variable, power in character.log), Fraction(0))

    def _turn(self, exponents: Sequence[Fraction | int]) -> int:
        """The sign by which a bias, or else the first tensor, is acted on as it is."""
        acted = [(len(place.slots) > 1, e) for place, e in zip(self.places, exponents, strict=True) if e]
        return 1 if min(acted, key=lambda one: one[0])[1] > 0 else -1

    def _head(self, exponents: Sequence[Fraction | int]) -> Place | None:
        """The place that names a scaling: where it acts as it is, a bias rather than a weight."""
        acted = [place for place, exponent in zip(self.places, exponents, strict=True) if exponent > 0]
        return min(acted, key=lambda place: len(place.slots) > 1, default=None)

    def _scalings(self) -> tuple[Component, ...]:
        """Positive scalings of units, and such as are the same for all units."""
        width = len(self.numbers)
        system = [(log_row(one.character, self.numbers), one.constant) for one in self.space.requirements]
        free = null_space([row for row, _ in system], width)
        common = (
            null_space([row for row, constant in system if not constant], width) if any(c for _, c in system) else []
        )
        vectors = [*free, *common]
        seen = [[self._exponent(place.character, vector) for place in self.places] for vector in vectors]
        found: list[Component] = []
        for number in independent([_whole(one) for one in seen]):
            exponents = _whole(seen[number])
            exponents = [self._turn(exponents) * exponent for exponent in exponents]
            own = number < len(free)
            head = self._head(exponents)
            name = layer_of(head) if own and head is not None else self.name
            shape = (*self.copies, self.space.size) if own else self.copies
            found.append(Scalings(name, self._legs(exponents, own=own), shape=shape))
        return tuple(found)

    def _legs(self, exponents: Sequence[int], *, own: bool) -> tuple[Leg, ...]:
        """The legs at which a scaling has an exponent."""
        pairs = zip(self.places, exponents, strict=True)
        return tuple(place.leg(self.family, e, own=own) for place, e in pairs if e)

    def _signs(self) -> tuple[Component, ...]:
        """Signs of units, and such as are the same for all units."""
        width = len(self.numbers)
        system = [(sign_row(one.character, self.numbers), one.constant) for one in self.space.requirements]
        free = binary_null_space([row for row, _ in system], width)
        loose = [row for row, constant in system if not constant]
        common = binary_null_space(loose, width) if any(c for _, c in system) else []
        bits = [sign_row(place.character, self.numbers) for place in self.places]
        vectors = [*free, *common]
        seen = [[sum(a * b for a, b in zip(row, vector, strict=True)) % 2 for row in bits] for vector in vectors]
        found: list[Component] = []
        for number in binary_independent(seen):
            own = number < len(free)
            head = self._head(seen[number])
            name = layer_of(head) if own and head is not None else self.name
            shape = (*self.copies, self.space.size) if own else self.copies
            found.append(Signs(name, self._legs(seen[number], own=own), shape=shape))
        return tuple(found)

    def _permutations(self) -> tuple[Component, ...]:
        """All permutations of the units, where they may change places."""
        if not self.space.permutable or self.space.size == 1:
            return ()
        legs = tuple(place.leg(self.family, 1) for place in self.places)
        return (Permutations(self.name, legs, size=self.space.size, copies=self.copies),)


def _whole(exponents: Sequence[Fraction]) -> list[int]:
    """The smallest whole numbers in the ratios of fractions."""
    scale = 1
    for one in exponents:
        scale *= (one * scale).denominator
    entries = [int(one * scale) for one in exponents]
    divisor = gcd(*entries) or 1
    return [entry // divisor for entry in entries]


def layer_of(place: Place) -> str:
    """The layer whose tensor has a place."""
    path, _, name = place.tensor.rpartition(".")
    if ".parametrizations." in f".{path}":
        return path.partition("parametrizations.")[0].rstrip(".") or path
    if name in ("weight", "bias"):
        return path or name
    return f"{path}.{name}".lstrip(".").replace("bias", "weight")
