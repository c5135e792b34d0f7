"""Null directions: constant fields v with v.L = 0.

The fields f(theta) v that they bring, and the slice that cuts them off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations_with_replacement

from symmetries.ansatz import Unknowns
from symmetries.fields import Monomial, Polynomial, VectorField, multiply_monomials


def pivots_of(directions: Sequence[VectorField], coordinates: Sequence[str]) -> tuple[str, ...]:
    """One coordinate per null direction such that setting them to zero cuts off all directions."""
    order = {name: k for k, name in enumerate(coordinates)}
    rows = [
        {entry: _at_constants(polynomial) for entry, polynomial in _components(field).items()} for field in directions
    ]
    return tuple(sorted(_reduced(rows), key=order.__getitem__))


def _at_constants(polynomial: Polynomial) -> Fraction:
    """Value of a polynomial in structural constants where each of them is a fixed large number."""
    names = sorted({name for monomial in polynomial for name, _ in monomial})
    value = {name: Fraction(1_000_003 + 7919 * k) for k, name in enumerate(names)}
    total = Fraction(0)
    for monomial, coefficient in polynomial.items():
        for name, exponent in monomial:
            coefficient *= value[name] ** exponent
        total += coefficient
    return total


def _components(field: VectorField) -> dict[str, Polynomial]:
    assert field.polynomials is not None
    return dict(field.polynomials)


def _reduced(rows: list[dict[str, Fraction]]) -> dict[str, dict[str, Fraction]]:
    """Reduced echelon rows by pivot."""
    echelon: dict[str, dict[str, Fraction]] = {}
    for given in rows:
        row = dict(given)
        for pivot, other in echelon.items():
            row = _minus(row, other, row.get(pivot, Fraction(0)))
        if not row:
            continue
        pivot = next(iter(row))
        row = {entry: value / row[pivot] for entry, value in row.items()}
        for name, other in echelon.items():
            echelon[name] = _minus(other, row, other.get(pivot, Fraction(0)))
        echelon[pivot] = row
    return echelon


def _minus(row: dict[str, Fraction], other: dict[str, Fraction], factor: Fraction) -> dict[str, Fraction]:
    result = {entry: row.get(entry, Fraction(0)) - factor * other.get(entry, Fraction(0)) for entry in row | other}
    return {entry: value for entry, value in result.items() if value}


def _unit_directions(directions: Sequence[VectorField]) -> dict[str, dict[str, Fraction]]:
    """The span of numeric null directions by one vector per pivot, 1 there and 0 at the other pivots."""
    return _reduced(
        [{entry: polynomial[()] for entry, polynomial in _components(field).items()} for field in directions]
    )


def slice_at(
    directions: Sequence[VectorField], pivots: Sequence[str], height: Fraction
) -> tuple[dict[str, Fraction], dict[str, Fraction]]:
    """Values of the pivots and shifts of the others that give the loss on the slice where the pivots are zero.

    The loss does not change along v, so L at (0, rest) is L at (h, rest + h v); a height h other than 0 avoids a
    removable singularity at 0.  The pivots get different multiples of it, so that a matrix of them is regular.
    """
    values = {pivot: height * pow(7, k, 101) for k, pivot in enumerate(pivots)}
    shift: dict[str, Fraction] = {}
    if height:
        for pivot, row in _unit_directions(directions).items():
            for entry, value in row.items():
                if entry not in pivots:
                    shift[entry] = shift.get(entry, Fraction(0)) + values[pivot] * value
    return values, shift


def lift_fields(
    fields: Sequence[VectorField], directions: Sequence[VectorField], pivots: Sequence[str]
) -> list[VectorField]:
    """Fields on the slice as fields on the whole space, constant along the null directions.

    With v_p the direction that is 1 at the pivot p and 0 at the others, the projection on the slice is
    theta - sum_p theta_p v_p, and the lift of X is X at the projected point.
    """
    echelon = _unit_directions(directions)
    projection: dict[str, dict[Monomial, Fraction]] = {}
    for pivot, row in echelon.items():
        for entry, value in row.items():
            if entry not in pivots:
                target = projection.setdefault(entry, {((entry, 1),): Fraction(1)})
                target[((pivot, 1),)] = -value
    return [
        VectorField.from_polynomials(
            {entry: _substitute(polynomial, projection) for entry, polynomial in _components(field).items()}
        )
        for field in fields
    ]


def _substitute(polynomial: Polynomial, values: dict[str, dict[Monomial, Fraction]]) -> dict[Monomial, Fraction]:
    result: dict[Monomial, Fraction] = {}
    for monomial, coefficient in polynomial.items():
        terms: dict[Monomial, Fraction] = {(): coefficient}
        for name, exponent in monomial:
            factor = values.get(name, {((name, 1),): Fraction(1)})
            for _ in range(exponent):
                terms = _product(terms, factor)
        for key, value in terms.items():
            result[key] = result.get(key, Fraction(0)) + value
    return {key: value for key, value in result.items() if value}


def _product(left: dict[Monomial, Fraction], right: dict[Monomial, Fraction]) -> dict[Monomial, Fraction]:
    result: dict[Monomial, Fraction] = {}
    for first, a in left.items():
        for second, b in right.items():
            key = multiply_monomials(first, second)
            result[key] = result.get(key, Fraction(0)) + a * b
    return result


def inflated_fields(direction: VectorField, coordinates: Sequence[str], unknowns: Unknowns) -> Iterator[VectorField]:
    """m(theta) v for every monomial m of the ansatz."""
    first = unknowns.component == unknowns.component[0]
    for which in unknowns.monomial[first]:
        if unknowns.monomials is None:
            monomial: Monomial = ((coordinates[int(which)], 1),)
        else:
            row = unknowns.monomials[int(which)]
            monomial = tuple(sorted((coordinates[k], int(row[k])) for k in row.nonzero()[0]))
        yield times(direction, monomial)


def times(field: VectorField, monomial: Monomial) -> VectorField:
    """A monomial times a field."""
    return VectorField.from_polynomials(
        {
            entry: {multiply_monomials(inner, monomial): value for inner, value in polynomial.items()}
            for entry, polynomial in _components(field).items()
        }
    )


def monomials_in(names: Sequence[str], degree: int) -> list[Monomial]:
    """All monomials of one degree in the given names.

    >>> monomials_in(["x", "y"], 2)
    [(('x', 2),), (('x', 1), ('y', 1)), (('y', 2),)]
    """
    return [tuple(sorted(Counter(choice).items())) for choice in combinations_with_replacement(names, degree)]


def is_numeric(field: VectorField) -> bool:
    """Whether the components are numbers, free of structural constants."""
    return all(set(polynomial) == {()} for polynomial in _components(field).values())
