"""Fields of lowest degree among those found, from which the others come by polynomial factors."""

from __future__ import annotations

from collections.abc import Sequence

from symmetries.brackets import components, require_polynomials
from symmetries.fields import VectorField
from symmetries.inflation import monomials_in, times
from symmetries.span import Span


def lowest_degree_generators(fields: Sequence[VectorField], names: Sequence[str]) -> tuple[int, ...]:
    r"""Numbers of the fields that are no combinations of monomials times the chosen ones, inside their degree.

    Fields are taken by degree; X is left out when :math:`X = \sum_j p_j X_j` with chosen fields and polynomials such
    that no term exceeds the degree of X.

    >>> from fractions import Fraction
    >>> x, y = {"x": {(("y", 1),): Fraction(1)}}, {"x": {(("y", 2),): Fraction(2)}}
    >>> lowest_degree_generators([VectorField.from_polynomials(one) for one in (y, x)], ["x", "y"])
    (1,)
    """
    known = set(names)
    degrees = [degree_of(field, known) for field in fields]
    chosen: list[int] = []
    for degree in sorted(set(degrees)):
        span = Span()
        for k in chosen:
            for factor in range(degree - degrees[k] + 1):
                for monomial in monomials_in(list(names), factor):
                    span.add(components(times(fields[k], monomial)))
        chosen += [k for k, own in enumerate(degrees) if own == degree and span.add(components(fields[k]))]
    return tuple(sorted(chosen))


def degree_of(field: VectorField, names: set[str]) -> int:
    """Largest degree of the components in the named coordinates."""
    monomials = [monomial for part in require_polynomials(field).values() for monomial in part]
    return max((sum(e for name, e in monomial if name in names) for monomial in monomials), default=0)
