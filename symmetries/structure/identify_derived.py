"""Identification of a derived algebra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symmetries.ansatz import Linear
from symmetries.structure.algebra_identity import AlgebraIdentity
from symmetries.structure.identify_fields import identify_polynomial_fields
from symmetries.structure.naming import MAX_DIMENSION, too_large, unknown, zero

if TYPE_CHECKING:
    from symmetries.algebra import SymmetryAlgebra

NOT_CLOSED = "the brackets of some generators leave these fields, so they span no Lie algebra"


def identify_derived(algebra: SymmetryAlgebra, *, seed: int = 0) -> AlgebraIdentity:
    """The identity of a derived algebra."""
    if algebra.dimension == 0:
        return zero()
    if algebra.dimension > MAX_DIMENSION:
        return _by_blocks(algebra) or too_large(algebra.dimension)
    if any(field.polynomials is None for field in algebra.generators):
        return unknown(algebra.dimension, "the components of some generators are no polynomials")
    if not algebra.is_closed:
        return unknown(algebra.dimension, NOT_CLOSED)
    names = (*algebra.loss.entries, *algebra.loss.moving_entries)
    inside = {
        name
        for field in algebra.generators
        for polynomial in (field.polynomials or {}).values()
        for monomial in polynomial
        for name, _ in monomial
    }
    constants = sorted(inside - set(names))
    if constants:
        from symmetries.structure.identify_constants import identify_over_constants

        return identify_over_constants(algebra.generators, names, constants, seed=seed)
    # all symmetries inside a family of linear fields are closed under brackets; a list that may lack some need not be
    complete = algebra.completeness.verdict == "proved"
    found = identify_polynomial_fields(algebra.generators, names, closed=complete, seed=seed)
    return found if found is not None else unknown(algebra.dimension, NOT_CLOSED)


def _by_blocks(algebra: SymmetryAlgebra) -> AlgebraIdentity | None:
    """The identity of a large complete algebra of linear fields, from its action on blocks of coordinates."""
    from symmetries.structure.natural_blocks import identify_by_blocks

    if not isinstance(algebra.ansatz, Linear) or algebra.completeness.verdict != "proved":
        return None
    return identify_by_blocks(algebra.generators, (*algebra.loss.entries, *algebra.loss.moving_entries))
