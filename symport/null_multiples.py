"""Which generators are only a function times a null direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symmetries.algebra import SymmetryAlgebra
    from symmetries.fields import VectorField

SAID = "f(θ) v, with a null direction v and a function f of the family"


def null_multiples(algebra: SymmetryAlgebra) -> frozenset[int]:
    """Numbers, from 0, of the generators f(theta) v with a null direction v and one monomial f.

    >>> from symmetries import Loss, derive
    >>> sorted(null_multiples(derive(Loss.parse("(x - y)**2"))))
    [0, 1]
    """
    directions = [constants(field) for field in algebra.null_fields]
    return frozenset(
        number
        for number, field in enumerate(algebra.generators)
        if any(direction and is_multiple(field, direction) for direction in directions)
    )


def constants(field: VectorField) -> dict[str, object]:
    """The components of a constant field; nothing when they are no numbers."""
    polynomials = field.polynomials or {}
    numeric = all(set(polynomial) == {()} for polynomial in polynomials.values())
    return {entry: polynomial[()] for entry, polynomial in polynomials.items()} if numeric else {}


def is_multiple(field: VectorField, direction: dict[str, object]) -> bool:
    """Whether a field is one monomial times a constant direction."""
    polynomials = field.polynomials or {}
    if set(polynomials) != set(direction) or any(len(polynomial) != 1 for polynomial in polynomials.values()):
        return False
    monomials = {monomial for polynomial in polynomials.values() for monomial in polynomial}
    values = {entry: value for entry, polynomial in polynomials.items() for value in polynomial.values()}
    return len(monomials) == 1 and values == direction
