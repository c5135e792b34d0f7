r"""Syzygies of gradients: all polynomial vectors X with M X = 0 for a matrix M of polynomials.

The rows of M are gradients.  Only as many rows as M has rank are needed: a vector over the fraction field that is
orthogonal to them is orthogonal to all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from operator import add
from typing import Any, Literal, TypeAlias, final

import numpy as np
from flint import fmpq, fmpq_mat

from symmetries.modules._groebner import coefficient_field, groebner_basis
from symmetries.modules.module_vectors import (
    Divisors,
    Effort,
    EffortSpent,
    ModuleOrder,
    Monomial,
    Vector,
    is_groebner_basis,
    remainder,
)
from symmetries.modules.polynomial_loss import Poly, PolynomialLoss

Row: TypeAlias = tuple[Poly, ...]
Method: TypeAlias = Literal["full rank", "minors", "Groebner basis", "sum of squares"]

POINT_SPAN = 1_000
MAX_MINOR_ROWS, MAX_REDUCERS = 4, 60
MAX_KOSZUL, MAX_TRIVIAL = 5_000, 400
"""Most trivial syzygies that are written out, of one row and of several."""


@final
@dataclass(frozen=True)
class Syzygies:
    """The first syzygy module of the columns of a matrix.

    Parameters
    ----------
    basis: a Groebner basis of it for ``ModuleOrder()``, or what was found when the effort was spent.
    method: how it was found.
    finished: whether the basis is complete.
    checked: whether Buchberger's criterion and the rest of the proof were checked on the result.
    size: number of elements of the larger basis from which it was read off.
    """

    basis: tuple[Vector, ...]
    method: Method
    finished: bool = True
    checked: bool = True
    size: int = 0


def independent_parts(loss: PolynomialLoss) -> list[Poly]:
    """Coefficients of low degree whose gradients are linearly independent over the rational functions.

    Their rank at a point proves the independence.  That they span all the others is likely, and is checked by whoever
    uses the syzygies.
    """
    points = _points(loss)
    chosen: list[Poly] = []
    rows: list[Row] = []
    for part in loss.parts:
        if len(chosen) == len(loss.coordinates):
            break
        row = primitive(loss.gradient(part))
        if any(rank_at([*rows, row], point) > len(rows) for point in points):
            chosen.append(part)
            rows.append(row)
    return chosen


def rank_at(rows: Sequence[Row], point: Sequence[int]) -> int:
    """Rank of a matrix of polynomials at a point, a lower bound of its rank."""
    values = [fmpq(entry(*point)) for row in rows for entry in row]
    return int(fmpq_mat(len(rows), len(rows[0]), values).rank())


def primitive(row: Row) -> Row:
    """A row without the common factor of its entries."""
    common = row[0]
    for entry in row[1:]:
        common = common.gcd(entry)
    return row if common == 0 or common.is_constant() else tuple(entry // common for entry in row)


def minor(rows: Sequence[Row], columns: tuple[int, ...], known: dict[tuple[int, ...], Poly] | None = None) -> Poly:
    """Determinant of the given columns of the last rows, by expansion."""
    known = {} if known is None else known
    found = known.get(columns)
    if found is None:
        head = rows[len(rows) - len(columns)]
        found = head[columns[0]]
        if len(columns) > 1:
            found = found * 0
            for k, column in enumerate(columns):
                if head[column] != 0:
                    rest = minor(rows, columns[:k] + columns[k + 1 :], known)
                    found += head[column] * rest * (-1) ** k
        known[columns] = found
    return found


def trivial_syzygies(rows: Sequence[Row]) -> list[dict[int, Poly]] | None:
    r"""The syzygies that every matrix with these rows has, from its minors; None when there are too many.

    For one row f they are Koszul's :math:`f_i e_j - f_j e_i`.  For r rows and r + 1 columns, column j is multiplied by
    the minor without it, with alternating sign.

    Source: D. A. Buchsbaum, D. S. Rim, "A generalized Koszul complex II" (1964).
    """
    size, width = len(rows), len(rows[0]) if rows else 0
    if size > MAX_MINOR_ROWS or comb(width, size + 1) > (MAX_KOSZUL if size == 1 else MAX_TRIVIAL):
        return None
    known: dict[tuple[int, ...], Poly] = {}
    found = []
    for columns in combinations(range(width), size + 1) if rows else ():
        entries = {
            column: minor(rows, columns[:k] + columns[k + 1 :], known) * (-1) ** (size - k)
            for k, column in enumerate(columns)
        }
        entries = {column: entry for column, entry in entries.items() if entry != 0}
        if entries:
            found.append(entries)
    return found


def reduced_rows(loss: PolynomialLoss, chosen: Sequence[Poly], effort: int) -> list[Row]:
    """The gradients of the chosen coefficients, those of higher degree reduced by all gradients of lower degree.

    A symmetry annihilates all of them, so adding a multiple of one to another changes nothing.  In a regularised
    factorisation, the square of the product is a multiple of its entries, and what is left is the gradient of the
    regulariser.
    """
    codec, order = Codec.of(loss), ModuleOrder()
    zero = loss.ring.context.constant(0)
    plain = [loss.gradient(part) for part in chosen]
    rows: list[Row] = []
    for part, row in zip(chosen, plain, strict=True):
        lower = [loss.gradient(one) for one in loss.parts if one.total_degree() < part.total_degree()]
        if 0 < len(lower) <= MAX_REDUCERS:
            small = Effort(effort)
            vectors = [codec.vector(_present(one)) for one in lower]
            try:
                divisors = Divisors(groebner_basis(vectors, order, codec.field, small))
                entries = codec.entries(remainder(codec.vector(_present(row)), divisors, order, small), loss.ring)
                row = tuple(entries.get(k, zero) for k in range(len(row)))
            except EffortSpent:
                pass
        rows.append(row)
    independent = not rows or any(rank_at(rows, point) == len(rows) for point in _points(loss))
    return rows if independent else plain


def _points(loss: PolynomialLoss) -> list[list[int]]:
    """Two points to take ranks at."""
    rng = np.random.default_rng(0)
    count = max(1, len(loss.ring.names))
    return [[int(value) for value in rng.integers(-POINT_SPAN, POINT_SPAN, count)] for _ in range(2)]


def _present(row: Row) -> dict[int, Poly]:
    return {k: entry for k, entry in enumerate(row) if entry != 0}


def find_syzygies(loss: PolynomialLoss, rows: Sequence[Row], effort: Effort) -> Syzygies:
    """All syzygies of the rows, which are independent over the rational functions."""
    width = len(loss.coordinates)
    codec = Codec.of(loss)
    if len(rows) == width:
        return Syzygies((), "full rank")
    if not rows:
        units = [[((k, *[0] * width), codec.field.one)] for k in range(width)]
        return Syzygies(tuple(units), "minors")
    if len(rows) == width - 1 <= MAX_MINOR_ROWS:
        return Syzygies((_null_vector(rows, codec),), "minors")
    return _by_groebner_basis(rows, codec, effort)


def _null_vector(rows: Sequence[Row], codec: Codec) -> Vector:
    """The one generator when the rank is one less than the number of columns: the maximal minors, coprime.

    Polynomials factor uniquely, so every syzygy, being a rational multiple of it, is a polynomial one.
    """
    width = len(rows[0])
    known: dict[tuple[int, ...], Poly] = {}
    minors = tuple(
        minor(rows, tuple(j for j in range(width) if j != k), known) * (-1) ** (width - 1 - k) for k in range(width)
    )
    return codec.vector({k: entry for k, entry in enumerate(primitive(minors)) if entry != 0})


def _by_groebner_basis(rows: Sequence[Row], codec: Codec, effort: Effort) -> Syzygies:
    """Eliminate the first r components of the vectors (column j of M, e_j): what is left are the syzygies."""
    size, width = len(rows), len(rows[0])
    order = ModuleOrder(split=size)
    columns = []
    for j in range(width):
        entries = {i: row[j] for i, row in enumerate(rows) if row[j] != 0}
        terms = dict(codec.vector(entries, order)) | {(size + j, *[0] * width): codec.field.one}
        columns.append(order.vector(terms))
    found: list[Vector] = []
    try:
        basis = groebner_basis(columns, order, codec.field, effort, found=found)
    except EffortSpent:
        return Syzygies(tuple(_syzygy_part(found, size)), "Groebner basis", finished=False, checked=False)
    try:
        checked = _is_basis_of(basis, columns, order, effort)
    except EffortSpent:
        checked = False
    return Syzygies(tuple(_syzygy_part(basis, size)), "Groebner basis", checked=checked, size=len(basis))


def _syzygy_part(vectors: Sequence[Vector], size: int) -> list[Vector]:
    return [
        [((monomial[0] - size, *monomial[1:]), value) for monomial, value in vector]
        for vector in vectors
        if vector[0][0][0] >= size
    ]


def _is_basis_of(basis: Sequence[Vector], columns: Sequence[Vector], order: ModuleOrder, effort: Effort) -> bool:
    """Whether vectors are a Groebner basis of the module of the columns, without trust in who found them.

    Each is the combination of the columns that its last components say; each column leaves no remainder; and
    Buchberger's criterion holds.
    """
    size = order.split
    for vector in basis:
        total = dict(vector)
        for monomial, value in vector:
            if monomial[0] >= size:
                effort.spend(len(columns[monomial[0] - size]))
                for inner, coefficient in columns[monomial[0] - size]:
                    moved = (inner[0], *map(add, inner[1:], monomial[1:]))
                    total[moved] = total.get(moved, 0 * value) - value * coefficient
        if any(total.values()):
            return False
    divisors = Divisors(basis)
    if any(remainder(column, divisors, order, effort) for column in columns):
        return False
    return is_groebner_basis(basis, order, effort)


@final
@dataclass(frozen=True)
class Codec:
    """Between polynomials of python-flint and vectors over the field of constants.

    Parameters
    ----------
    width: number of coordinates.
    field: the field of constants.
    constants: their names.
    """

    width: int
    field: Any
    constants: tuple[str, ...]

    @classmethod
    def of(cls, loss: PolynomialLoss) -> Codec:
        """The codec of the ring of a loss."""
        return cls(len(loss.coordinates), coefficient_field(loss.constants), loss.constants)

    def vector(self, entries: Mapping[int, Poly], order: ModuleOrder | None = None) -> Vector:
        """The vector with the given polynomials in its components."""
        terms: dict[Monomial, dict[tuple[int, ...], Any]] = {}
        for component, polynomial in entries.items():
            for exponents, value in polynomial.to_dict().items():
                head, tail = tuple(map(int, exponents[: self.width])), tuple(map(int, exponents[self.width :]))
                terms.setdefault((component, *head), {})[tail] = value
        return (order or ModuleOrder()).vector({monomial: self._value(part) for monomial, part in terms.items()})

    def _value(self, part: Mapping[tuple[int, ...], fmpq]) -> Any:
        from sympy import QQ

        numbers = {tail: QQ(int(value.p), int(value.q)) for tail, value in part.items()}
        if not self.constants:
            return next(iter(numbers.values()))
        return self.field(self.field.field.ring.from_dict(numbers))

    def entries(self, vector: Vector, ring: Any) -> dict[int, Poly]:
        """The components of a vector as polynomials with integer coefficients and without common factor."""
        terms: dict[int, dict[tuple[int, ...], fmpq]] = {}
        scale = self._denominator(vector)
        for monomial, value in vector:
            target = terms.setdefault(monomial[0], {})
            for tail, number in self._parts(value, scale).items():
                target[(*monomial[1:], *tail)] = fmpq(int(number.numerator), int(number.denominator))
        return normalised({component: ring.context.from_dict(part) for component, part in sorted(terms.items())})

    def _denominator(self, vector: Vector) -> Any:
        if not self.constants:
            return None
        scale = self.field.field.ring.one
        for _, value in vector:
            scale = scale.lcm(value.denom)
        return scale

    def _parts(self, value: Any, scale: Any) -> dict[tuple[int, ...], Any]:
        if scale is None:
            return {(): value}
        cleared = value.numer * scale.exquo(value.denom)
        return {tuple(map(int, exponents)): number for exponents, number in cleared.items()}


def normalised(entries: Mapping[int, Poly]) -> dict[int, Poly]:
    """Polynomials scaled together to coprime integer coefficients, the first one positive."""
    numbers = [value for polynomial in entries.values() for value in polynomial.coeffs()]
    content = fmpq(0)
    for value in numbers:
        content = abs(value) if content == 0 else content.gcd(value)
    if numbers and numbers[0] < 0:
        content = -content
    return {component: polynomial / content for component, polynomial in entries.items()}
