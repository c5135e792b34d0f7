"""Linear representations of a Lie algebra, in blocks: the functions of the parameters on which its fields act."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import Any, final

import numpy as np
from flint import fmpz_poly

from manifolds.errors import InputError
from symmetries.brackets import apply
from symmetries.fields import Monomial, Polynomial, VectorField
from symmetries.structure.integer_matrices import (
    Integers,
    characteristic_polynomial,
    integers,
    product,
    random_rows,
    rank,
)
from symmetries.structure.spectra import Spectrum, is_periodic, spectrum
from symmetries.structure.structure_constants import exact

ONE = ""
"""Name of the constant function among the coordinates."""


@final
@dataclass(frozen=True, eq=False)
class Block:
    """An invariant subspace with its matrices, one for each basis vector of the algebra.

    Parameters
    ----------
    matrices: an array over (basis vector, row, column); columns are images.
    copies: how often the same matrices occur.
    names: the coordinates of the first copy.
    """

    matrices: Integers
    copies: int
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """Dimension of the subspace."""
        return int(self.matrices.shape[1])


@final
@dataclass(frozen=True, eq=False)
class Representation:
    """A representation as a sum of blocks; matrices are integers over one denominator.

    Parameters
    ----------
    blocks: the different blocks.
    denominator: by which all matrices are to be divided.
    """

    blocks: tuple[Block, ...]
    denominator: int = 1

    def of(self, vector: Integers) -> list[Integers]:
        """The matrices of one element, block by block, times the denominator."""
        row = vector.reshape(1, -1)
        return [product(row, flat(block)).reshape(block.size, block.size) for block in self.blocks]

    def trace_form(self, x: Integers, y: Integers) -> Fraction:
        """tr(x y)."""
        pairs = zip(self.blocks, self.of(x), self.of(y), strict=True)
        total = sum(block.copies * int(np.sum(a.astype(object) * b.T.astype(object))) for block, a, b in pairs)
        return Fraction(total, self.denominator**2)

    def moved(self, rows: Integers, rng: np.random.Generator) -> list[int]:
        """Dimension, block by block, of what the semisimple algebra spanned by the rows moves.

        A few random elements generate it and move as much.
        """
        few = product(random_rows(3, len(rows), rng, bound=2), rows)
        parts = [self.of(element) for element in few]
        return [rank(np.concatenate([part[k] for part in parts], axis=1)) for k in range(len(self.blocks))]

    def change(self, basis: Integers, denominator: int) -> Representation:
        """The representation in another basis of the algebra, whose rows are over a denominator."""
        tables = [product(basis, flat(block)) for block in self.blocks]
        below = self.denominator * denominator
        common = abs(below)
        for table in tables:
            common = gcd(common, *(table.reshape(-1).tolist() if common > 1 else ()))
        common = -common if below < 0 else common
        blocks = tuple(
            Block(integers(table // common).reshape(len(basis), block.size, block.size), block.copies, block.names)
            for table, block in zip(tables, self.blocks, strict=True)
        )
        return Representation(blocks, below // common)

    def spectrum(self, vector: Integers) -> Spectrum:
        """The kind of one element."""
        kinds = {spectrum(matrix) for matrix in self.of(vector)} - {"zero"}
        return kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "zero"

    def is_circle(self, vector: Integers) -> bool:
        """Whether one element generates a circle: a rotation whose frequencies are commensurable."""
        polynomial = fmpz_poly([1])
        for matrix in self.of(vector):
            polynomial *= characteristic_polynomial(matrix)
        return self.spectrum(vector) == "compact" and is_periodic(polynomial)


def flat(block: Block) -> Integers:
    """The matrices of a block as rows."""
    return block.matrices.reshape(len(block.matrices), block.size**2)


# reading


def matrices_representation(matrices: Sequence[Any]) -> Representation:
    """The representation that square matrices span, entries read exactly."""
    tables = [matrix.tolist() if hasattr(matrix, "tolist") else matrix for matrix in matrices]
    size = len(tables[0]) if isinstance(tables[0], list | tuple) else 0
    for number, table in enumerate(tables):
        square = isinstance(table, list | tuple) and len(table) == size
        if not size or not square or any(not isinstance(row, list | tuple) or len(row) != size for row in table):
            raise InputError(
                f"matrix {number}",
                why="it is no square matrix of the size of the first one",
                cure="give square matrices of one size",
            )
    rows = [
        {(i, j): value for i, row in enumerate(table) for j, entry in enumerate(row) if (value := exact(entry, where))}
        for where, table in ((f"matrix {number}", table) for number, table in enumerate(tables))
    ]
    return _representation(rows, [str(k) for k in range(size)])


def fields_representation(fields: Sequence[VectorField], names: Iterable[str]) -> Representation:
    r"""The representation of linear and affine fields on the functions 1 and \theta_i, f -> X.f.

    Its matrices have the image of a function as a column; the bracket of fields is their commutator.
    """
    order = {name: k for k, name in enumerate(names)}
    rows: list[dict[tuple[Any, Any], Fraction]] = []
    for field in fields:
        row: dict[tuple[Any, Any], Fraction] = {}
        for entry, polynomial in _polynomials(field).items():
            for monomial, value in polynomial.items():
                row[order[monomial[0][0]] if monomial else -1, order[entry]] = value
        rows.append(row)
    return _representation(rows, list(order))


def _polynomials(field: VectorField) -> dict[str, Polynomial]:
    return dict(field.polynomials or {})


def _representation(rows: Sequence[dict[tuple[Any, Any], Fraction]], names: Sequence[str]) -> Representation:
    """Blocks from sparse matrices with entries (row, column); -1 is the constant function, shared by all blocks."""
    parent = list(range(len(names)))

    def root(k: int) -> int:
        """The coordinate that stands for the block of a coordinate."""
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    for i, j in {place for row in rows for place in row if place[0] >= 0}:
        parent[root(i)] = root(j)
    members: dict[int, list[int]] = {}
    for k in range(len(names)):
        members.setdefault(root(k), []).append(k)
    where = {k: (head, place) for head, group in members.items() for place, k in enumerate(group)}
    affine = {where[j][0] for row in rows for i, j in row if i < 0}
    scales = [lcm(*(value.denominator for value in row.values())) if row else 1 for row in rows]
    scale = lcm(*scales) if scales else 1
    sizes = {head: len(group) + (head in affine) for head, group in members.items()}
    tables = {head: np.zeros((len(rows), size, size), dtype=object) for head, size in sizes.items()}
    for number, row in enumerate(rows):
        for (i, j), value in row.items():
            head, column = where[j]
            tables[head][number, where[i][1] if i >= 0 else -1, column] = int(value * scale)
    return Representation(_distinct(members, tables, names, affine), scale)


def _distinct(
    members: dict[int, list[int]], tables: dict[int, Integers], names: Sequence[str], affine: set[int]
) -> tuple[Block, ...]:
    """Blocks, equal ones once, those where nothing moves left out."""
    found: dict[tuple[int, tuple[Any, ...]], tuple[int, Integers, tuple[str, ...]]] = {}
    for head, table in tables.items():
        if not table.any():
            continue
        key = (table.shape[1], tuple(table.reshape(-1).tolist()))
        labels = tuple(names[k] for k in members[head]) + ((ONE,) if head in affine else ())
        count, first, shown = found.get(key, (0, integers(table), labels))
        found[key] = (count + 1, first, shown)
    return tuple(Block(table, count, labels) for count, table, labels in found.values())


def functions_representation(
    fields: Sequence[VectorField], names: Iterable[str], *, limit: int
) -> Representation | None:
    """The representation of polynomial fields on the smallest invariant space of functions with all coordinates.

    None when this space is larger than a limit; it is infinite for most fields.
    """
    parts = [_polynomials(field) for field in fields]
    basis = _Functions()
    waiting: list[Polynomial] = [{((name, 1),): Fraction(1)} for name in names]
    while waiting:
        function = waiting.pop(0)
        if not basis.add(function):
            continue
        if len(basis.functions) > limit or any(sum(e for _, e in m) > limit for m in function):
            return None
        waiting += [apply(part, function) for part in parts]
    rows = []
    for part in parts:
        row: dict[tuple[Any, Any], Fraction] = {}
        for column, function in enumerate(basis.functions):
            for place, value in basis.coordinates(apply(part, function)).items():
                row[place, column] = value
        rows.append(row)
    return _representation(rows, [f"f{k}" for k in range(len(basis.functions))])


class _Functions:
    """Independent polynomials, in echelon form together with how each row is made of them."""

    def __init__(self) -> None:
        self.functions: list[Polynomial] = []
        self._rows: dict[Monomial, tuple[dict[Monomial, Fraction], dict[int, Fraction]]] = {}

    def _reduce(self, function: Polynomial) -> tuple[dict[Monomial, Fraction], dict[int, Fraction]]:
        rest = {key: value for key, value in function.items() if value}
        made: dict[int, Fraction] = {}
        for pivot, (row, parts) in self._rows.items():
            factor = rest.get(pivot)
            if not factor:
                continue
            for key, value in row.items():
                rest[key] = rest.get(key, Fraction(0)) - factor * value
            rest = {key: value for key, value in rest.items() if value}
            for place, value in parts.items():
                made[place] = made.get(place, Fraction(0)) + factor * value
        return rest, made

    def add(self, function: Polynomial) -> bool:
        """Take a function up, unless it depends on the others."""
        rest, made = self._reduce(function)
        if not rest:
            return False
        pivot = next(iter(rest))
        parts = {key: -value / rest[pivot] for key, value in made.items()}
        parts[len(self.functions)] = 1 / rest[pivot]
        self._rows[pivot] = ({key: value / rest[pivot] for key, value in rest.items()}, parts)
        self.functions.append(function)
        return True

    def coordinates(self, function: Polynomial) -> dict[int, Fraction]:
        """A function of the span by the independent ones."""
        rest, made = self._reduce(function)
        assert not rest
        return {key: value for key, value in made.items() if value}
