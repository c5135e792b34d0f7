"""Block fields: matrices on the axes of arrays as vector fields, made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias, TypeVar, final, overload

import numpy as np

from symmetries.expression import Shape, entry_names
from symmetries.fields import Monomial, VectorField
from symmetries.large.block_diagonal import Unknown
from symmetries.large.block_grading import Slot

BlockVector: TypeAlias = Mapping[Unknown, Fraction]
"""Coefficients of a block field by entry of the matrices on its axes."""

T = TypeVar("T")


@final
class LazySequence(Sequence[T]):
    """A sequence whose items are made one at a time.

    >>> LazySequence(3, lambda k: k * k)[1:]
    (1, 4)
    """

    def __init__(self, size: int, make: Callable[[int], T]) -> None:
        self._size = size
        self._make = make

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, k: int) -> T: ...

    @overload
    def __getitem__(self, k: slice) -> Sequence[T]: ...

    def __getitem__(self, k: int | slice) -> T | Sequence[T]:
        if isinstance(k, slice):
            return tuple(self._make(place) for place in range(*k.indices(self._size)))
        place = k + self._size if k < 0 else k
        if not 0 <= place < self._size:
            raise IndexError(k)
        return self._make(place)

    def __iter__(self) -> Iterator[T]:
        return (self._make(place) for place in range(self._size))


@final
@dataclass(frozen=True)
class FieldMaker:
    """Vector fields from block vectors.

    Parameters
    ----------
    shapes: shapes of the arrays that move, in the order of the coordinates.
    """

    shapes: Mapping[str, Shape]

    def field(self, vector: BlockVector) -> VectorField:
        """The field that moves W[.., i, ..] by c W[.., j, ..], added up over every coefficient c at (axis, i, j)."""
        polynomials: dict[str, dict[Monomial, Fraction]] = {}
        names: dict[str, Any] = {}
        for (slot, i, j), value in vector.items():
            if slot.name not in names:
                shape = self.shapes[slot.name]
                names[slot.name] = np.array(entry_names(slot.name, shape), dtype=object).reshape(shape or (1,))
            table = np.moveaxis(names[slot.name], slot.axis, 0)
            for moved, source in zip(np.ravel(table[i]), np.ravel(table[j]), strict=True):
                terms = polynomials.setdefault(moved, {})
                monomial = ((source, 1),)
                terms[monomial] = terms.get(monomial, Fraction(0)) + value
        ordered: dict[str, dict[Monomial, Fraction]] = {}
        for name in self.shapes:
            if name in names:
                ordered |= {entry: polynomials[entry] for entry in names[name].ravel() if entry in polynomials}
        return VectorField.from_polynomials(ordered)


def action_text(slot: Slot, power: Fraction, letter: str, kind: str) -> str | None:
    """How an array changes when a matrix acts on one of its axes, as a formula; None with more than two axes.

    >>> action_text(Slot("U", 1, 2), Fraction(-1), "S", "linear")
    '-U@S'
    """
    if slot.ndim > 2 or slot.ndim == 0:
        return None
    columns = slot.axis == 1
    if kind == "linear":
        matrix = letter if (power > 0) != columns else f"{letter}.T"
        sign = power
    else:
        matrix, sign = letter, -power if kind == "rotation" and columns else power
    product = f"{slot.name}@{matrix}" if columns else f"{matrix}@{slot.name}"
    if abs(sign) == 1:
        return product if sign > 0 else f"-{product}"
    return f"{sign}*{product}"
