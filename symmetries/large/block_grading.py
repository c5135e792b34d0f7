"""Index spaces of a loss: which axes of its arrays belong together, and which unknowns of a block field can mix.

A field of blocks moves an array W by a matrix on each of its axes.  The entry (i, j) of the matrix on the axis s is one
unknown.  Under scalings and signs of single indices that keep the loss it has a character, and only unknowns of one
character can be related: the space of symmetries is a direct sum over the characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np
from flint import fmpq, fmpq_mat, nmod_mat

from symmetries.expression import Node, Shape
from symmetries.large.block_charges import Axis, Charges, Form, Kind

if TYPE_CHECKING:
    from symmetries.loss import Loss

Character: TypeAlias = tuple[int, ...]
Words: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]


@final
@dataclass(frozen=True)
class Slot:
    """One axis of one array, on which a matrix acts; a scalar has a single axis of length 1.

    >>> Slot("U", 1, 3).text
    'columns of U'
    """

    name: str
    axis: int
    length: int
    ndim: int = 2

    @property
    def text(self) -> str:
        """The axis in words."""
        if self.ndim == 2:
            return f"{'columns' if self.axis else 'rows'} of {self.name}"
        return f"axis {self.axis} of {self.name}" if self.ndim > 2 else self.name


@final
@dataclass(frozen=True)
class IndexSpace:
    """Axes on which one group element acts, with the orientation of each.

    Parameters
    ----------
    slots: the axes.
    signs: 1 or -1 for each: how the powers of the group element compare.
    oriented: whether scalings tell (i, j) from (j, i); signs do not.
    """

    slots: tuple[Slot, ...]
    signs: tuple[int, ...]
    oriented: bool

    @property
    def length(self) -> int:
        """Number of indices."""
        return self.slots[0].length

    @property
    def text(self) -> str:
        """The axes in words."""
        return ", ".join(slot.text for slot in self.slots)


@final
@dataclass(frozen=True)
class Grading:
    """The axes that the matrices act on, sorted by character.

    Parameters
    ----------
    slots: all axes.
    spaces: the graded ones.
    coupled: axes that no scaling and no sign tells apart: their unknowns are solved together.
    components: the graded axes that a scaling or a sign of single indices moves together.
    weights: basis of the scalings, rows of integers by axis.
    parities: basis of the signs, rows of 0 and 1 by axis.
    """

    slots: tuple[Slot, ...]
    spaces: tuple[IndexSpace, ...]
    coupled: tuple[Slot, ...]
    components: tuple[tuple[Slot, ...], ...]
    weights: tuple[Mapping[Axis, int], ...]
    parities: tuple[Mapping[Axis, int], ...]

    def words(self, name: str, shape: Shape, rng: np.random.Generator) -> Words:
        """One word per entry of an array: entries of different characters have different ones but for accidents."""
        longest = max((slot.length for slot in self.slots), default=1)
        top = np.iinfo(np.uint64).max
        weight = np.zeros(shape, dtype=np.uint64)
        parity = np.zeros(shape, dtype=np.uint64)
        for row in self.weights:
            word = rng.integers(0, top, size=longest, dtype=np.uint64, endpoint=True)
            for axis, length in enumerate(shape):
                factor = np.uint64(row.get((name, axis), 0) % 2**64)
                weight = weight + (word[:length] * factor).reshape(_along(axis, shape))
        for row in self.parities:
            word = rng.integers(0, top, size=longest, dtype=np.uint64, endpoint=True)
            for axis, length in enumerate(shape):
                if row.get((name, axis), 0):
                    parity = parity ^ word[:length].reshape(_along(axis, shape))
        return weight * np.uint64(0x9E3779B97F4A7C15) + parity


def _along(axis: int, shape: Shape) -> Shape:
    return tuple(length if k == axis else 1 for k, length in enumerate(shape))


def slots_of(shapes: Mapping[str, Shape]) -> tuple[Slot, ...]:
    """The axes of all arrays."""
    return tuple(
        Slot(name, axis, length, len(shape))
        for name, shape in shapes.items()
        for axis, length in enumerate(shape or (1,))
    )


def moving_shapes(loss: Loss) -> dict[str, Shape]:
    """Shapes of the arrays that a symmetry may move: parameters and moving data."""
    return loss.parameters | {name: item.shape for name, item in loss.data.items() if item.moves}


def grade_blocks(loss: Loss) -> Grading:
    """The index spaces of a loss, by exact linear algebra on its array expression."""
    symbols = loss.parameters | {name: item.shape for name, item in loss.data.items() if item.values is None}
    axes: list[Axis] = [(name, axis) for name, shape in symbols.items() for axis in range(len(shape))]
    weights = _kernel(Charges(loss.expression, symbols, "scaling").equations, axes, modulus=0)
    parities = _kernel(Charges(loss.expression, symbols, "sign").equations, axes, modulus=2)
    slots = slots_of(moving_shapes(loss))
    groups: dict[tuple[int, Character, Character], list[tuple[Slot, int]]] = {}
    coupled: list[Slot] = []
    for slot in slots:
        weight = tuple(row.get((slot.name, slot.axis), 0) for row in weights)
        parity = tuple(row.get((slot.name, slot.axis), 0) for row in parities)
        if not any(weight) and not any(parity):
            coupled.append(slot)
            continue
        sign = -1 if next((value for value in weight if value), 1) < 0 else 1
        key = (slot.length, tuple(sign * value for value in weight), parity)
        groups.setdefault(key, []).append((slot, sign))
    spaces = tuple(
        IndexSpace(tuple(slot for slot, _ in group), tuple(sign for _, sign in group), any(key[1]))
        for key, group in groups.items()
    )
    components = _components(slots, [*weights, *parities])
    return Grading(slots, spaces, tuple(coupled), components, tuple(weights), tuple(parities))


def _components(slots: Iterable[Slot], rows: Iterable[Mapping[Axis, int]]) -> tuple[tuple[Slot, ...], ...]:
    """Axes of one length joined by the rows in which both take part."""
    place = {(slot.name, slot.axis): slot for slot in slots}
    leader = {slot: slot for slot in place.values()}

    def top(slot: Slot) -> Slot:
        """The slot that stands for the set of a slot."""
        while leader[slot] != slot:
            slot = leader[slot]
        return slot

    graded: set[Slot] = set()
    for row in rows:
        members = [place[axis] for axis in row if axis in place]
        graded |= set(members)
        for one in members[1:]:
            leader[top(one)] = top(members[0])
    groups: dict[tuple[Slot, int], list[Slot]] = {}
    for slot in place.values():
        if slot in graded:
            groups.setdefault((top(slot), slot.length), []).append(slot)
    return tuple(tuple(group) for group in groups.values())


def _kernel(equations: list[Form], axes: list[Axis], *, modulus: int) -> list[dict[Axis, int]]:
    """Basis of the solutions of homogeneous equations, integers or 0 and 1."""
    unknowns = sorted({axis for form in equations for axis in form} | set(axes))
    position = {axis: k for k, axis in enumerate(unknowns)}
    rows = max(1, len(equations))
    table: Any = nmod_mat(rows, len(unknowns), modulus) if modulus else fmpq_mat(rows, len(unknowns))
    for row, form in enumerate(equations):
        for axis, value in form.items():
            table[row, position[axis]] = int(value) % 2 if modulus else fmpq(value.numerator, value.denominator)
    reduced, rank = table.rref()
    pivots = [next(c for c in range(len(unknowns)) if reduced[r, c] != 0) for r in range(rank)]
    basis: list[dict[Axis, int]] = []
    for free in sorted(set(range(len(unknowns))) - set(pivots)):
        entries = {pivots[r]: reduced[r, free] for r in range(rank) if reduced[r, free] != 0}
        if modulus:
            vector = {unknowns[c]: 1 for c in entries} | {unknowns[free]: 1}
        else:
            scale = lcm(*(int(value.q) for value in entries.values())) if entries else 1
            vector = {unknowns[c]: int((-value * scale).p) for c, value in entries.items()} | {unknowns[free]: scale}
        basis.append(vector)
    return basis


def is_kept(root: Node, symbols: Mapping[str, Shape], kind: Kind, powers: Mapping[Axis, Fraction]) -> bool:
    """Whether the loss is kept when the axes transform by given powers, all the others not at all.

    False means that the equations of :class:`Charges` do not show it.
    """
    equations = Charges(root, symbols, kind).equations
    modulus = 2 if kind == "sign" else 0
    return _solvable([(_fresh(form), _value(form, powers, modulus)) for form in equations], kind)


def _fresh(form: Form) -> Form:
    return {axis: value for axis, value in form.items() if not axis[0]}


def _value(form: Form, powers: Mapping[Axis, Fraction], modulus: int) -> Fraction:
    total = sum((value * powers.get(axis, Fraction(0)) for axis, value in form.items()), Fraction(0))
    return total % modulus if modulus else total


def _solvable(equations: Iterable[tuple[Form, Fraction]], kind: Kind) -> bool:
    """Whether the powers of diagonal arrays of numbers can be chosen so that all equations hold."""
    open_equations = [(form, value) for form, value in equations if form or value]
    chosen: dict[Axis, Fraction] = {}
    while open_equations:
        rest: list[tuple[Form, Fraction]] = []
        progress = False
        for form, value in open_equations:
            unknown = {axis: factor for axis, factor in form.items() if axis not in chosen}
            known = value + sum((f * chosen[axis] for axis, f in form.items() if axis in chosen), Fraction(0))
            if not unknown:
                if known:
                    return False
                progress = True
            elif len(unknown) == 1:
                axis, factor = next(iter(unknown.items()))
                chosen[axis] = -known / factor
                if kind in {"linear", "rotation"} and chosen[axis] not in {-1, 0, 1}:
                    return False
                progress = True
            else:
                rest.append((form, value))
        if not progress:
            return False
        open_equations = rest
    return True
