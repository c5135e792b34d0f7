"""What is left of a block algebra where the null directions are cut off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

from symmetries.fields import Monomial, VectorField
from symmetries.large.block_families import ProvedFamily, UnnamedFields
from symmetries.large.block_fields import FieldMaker
from symmetries.span import Span

Component: TypeAlias = tuple[str, Monomial]

MAX_SINGLE = 2_000
"""Generators of a family that meets null directions and is looked at field by field."""


def essential_families(
    families: Sequence[ProvedFamily], null_fields: Sequence[VectorField], maker: FieldMaker
) -> tuple[ProvedFamily, ...]:
    """The families on the slice where the null directions v are cut off.

    X loses its part along the null directions, which is a function times v, and what depends on coordinates that were
    cut.  A family on arrays that have no null direction stays as it is.
    """
    rows = unit_rows(null_fields)
    met = {entry.partition("[")[0] for row in rows.values() for entry in row}
    span = Span()
    result: list[ProvedFamily] = []
    for one in families:
        if not one.family.arrays & met or one.family.dimension > MAX_SINGLE:
            result.append(one)
            continue
        left: list[VectorField] = []
        for k in range(one.family.dimension):
            row = cut(maker.field(one.family.vector(k)), rows)
            if span.add(row):
                left.append(_field(row))
        if left:
            result.append(ProvedFamily(UnnamedFields(tuple(left), one.family), one.claim))
    return tuple(result)


def has_rational_entries(field: VectorField) -> bool:
    """Whether the entries of a constant field are rational, and no functions of numbers such as exp(1)."""
    return all(set(polynomial) == {()} for polynomial in (field.polynomials or {}).values())


def unit_rows(null_fields: Sequence[VectorField]) -> dict[str, dict[str, Fraction]]:
    """The span of constant fields by one row per pivot, 1 there and 0 at the other pivots."""
    rows: dict[str, dict[str, Fraction]] = {}
    users: dict[str, set[str]] = {}
    for field in null_fields:
        row = {entry: polynomial[()] for entry, polynomial in (field.polynomials or {}).items()}
        for entry in [entry for entry in row if entry in rows]:
            _subtract(row, rows[entry], row[entry])
        if not row:
            continue
        pivot = next(iter(row))
        row = {entry: value / row[pivot] for entry, value in row.items()}
        for other in users.get(pivot, set()):
            _subtract(rows[other], row, rows[other].get(pivot, Fraction(0)))
        rows[pivot] = row
        for entry in row:
            users.setdefault(entry, set()).add(pivot)
    return rows


def _subtract(row: dict[str, Fraction], other: Mapping[str, Fraction], factor: Fraction) -> None:
    for entry, value in other.items():
        new = row.get(entry, Fraction(0)) - factor * value
        if new:
            row[entry] = new
        else:
            row.pop(entry, None)


def cut(field: VectorField, rows: Mapping[str, Mapping[str, Fraction]]) -> dict[Component, Fraction]:
    """The coefficients of a linear field on the slice where the pivots are 0."""
    result: dict[Component, Fraction] = {}
    for entry, polynomial in (field.polynomials or {}).items():
        for monomial, coefficient in polynomial.items():
            if monomial[0][0] in rows:
                continue
            if entry not in rows:
                result[entry, monomial] = result.get((entry, monomial), Fraction(0)) + coefficient
                continue
            for other, value in rows[entry].items():
                if other != entry:
                    result[other, monomial] = result.get((other, monomial), Fraction(0)) - coefficient * value
    return {key: value for key, value in result.items() if value}


def _field(row: Mapping[Component, Fraction]) -> VectorField:
    polynomials: dict[str, dict[Monomial, Fraction]] = {}
    for (entry, monomial), value in row.items():
        polynomials.setdefault(entry, {})[monomial] = value
    return VectorField.from_polynomials(polynomials)
