"""Which entries a generator moves and on which entries the change depends, as a matrix over the parameters' entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from symport.values import Floats

if TYPE_CHECKING:
    from symmetries.algebra import SymmetryAlgebra
    from symmetries.fields import VectorField

LARGEST = 60
"""Entries up to which each is a row of its own; beyond, each parameter is one row."""

NAMES = 16
"""Names that are written beside a picture."""


@final
@dataclass(frozen=True)
class Structure:
    """The generators of an algebra as matrices.

    Parameters
    ----------
    blocks: each parameter with the rows that belong to it.
    size: number of rows.
    matrices: one matrix a generator; the entry is the coefficient of a linear term, or the size of the others.
    """

    blocks: tuple[tuple[str, int, int], ...]
    size: int
    matrices: tuple[Floats, ...]

    @classmethod
    def of(cls, algebra: SymmetryAlgebra) -> Structure:
        """The structure of a derived algebra.

        >>> from symmetries import Loss, derive
        >>> Structure.of(derive(Loss.parse("x**2 + 9*y**2"))).matrices[0].tolist()
        [[0.0, 9.0], [-1.0, 0.0]]
        """
        from symmetries.expression import entry_names

        loss = algebra.loss
        shapes = loss.parameters | {name: item.shape for name, item in loss.data.items() if item.moves}
        single = sum(len(entry_names(name, shape)) for name, shape in shapes.items()) <= LARGEST
        rows: dict[str, int] = {}
        blocks: list[tuple[str, int, int]] = []
        place = 0
        for name, shape in shapes.items():
            names = entry_names(name, shape)
            rows.update({entry: place + k * single for k, entry in enumerate(names)})
            length = len(names) if single else 1
            blocks.append((name, place, place + length))
            place += length
        return cls(tuple(blocks), place, tuple(matrix_of(field, rows, place) for field in algebra.generators))

    @property
    def starts(self) -> tuple[int, ...]:
        """First row of each parameter."""
        return tuple(start for _, start, _ in self.blocks)

    def labels(self) -> tuple[tuple[str, int, int], ...]:
        """The parameters that are named beside a picture: all, unless they are many."""
        return self.blocks if len(self.blocks) <= NAMES else ()

    def tiles(self, most: int) -> list[Floats]:
        """One matrix a generator, or, of many, the number of generators that use each place."""
        if 0 < len(self.matrices) <= most:
            return list(self.matrices)
        total = np.zeros((self.size, self.size))
        for matrix in self.matrices:
            total += matrix != 0
        return [total]

    def moving(self, algebra: SymmetryAlgebra) -> list[int]:
        """How many generators move each parameter."""
        touched = [{entry.partition("[")[0] for entry in field.components} for field in algebra.generators]
        return [sum(name in names for names in touched) for name, _, _ in self.blocks]


def matrix_of(field: VectorField, rows: dict[str, int], size: int) -> Floats:
    """The matrix of a field."""
    matrix = np.zeros((size, size))
    for entry, polynomial in (field.polynomials or {}).items():
        for monomial, value in polynomial.items():
            names = [name for name, _ in monomial if name in rows]
            linear = len(names) == 1 and dict(monomial)[names[0]] == 1
            for name in names or [entry]:
                matrix[rows[entry], rows[name]] += float(value) if linear else abs(float(value))
    return matrix
