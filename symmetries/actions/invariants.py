r"""Polynomial invariants of a Lie algebra of polynomial fields: the p with X.p = 0 for every generator X."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement
from math import comb
from typing import TYPE_CHECKING, Any, final

from manifolds.errors import InputError
from symmetries.actions.conjugated_action import multiply_polynomials
from symmetries.actions.parameter_space import ParameterSpace
from symmetries.algebra import apply, require_polynomials
from symmetries.certificate import Claim
from symmetries.fields import Monomial, Polynomial, VectorField, polynomial_text
from symmetries.span import Span

if TYPE_CHECKING:
    from symmetries.algebra import SymmetryAlgebra

MOST_MONOMIALS = 6_000
"""Monomials up to which invariants are searched."""


@final
@dataclass(frozen=True, kw_only=True)
class InvariantRing:
    """Generators of the invariants up to a degree.

    Parameters
    ----------
    degree: the largest degree that was searched.
    generators: invariants that are no polynomials in those of lower degree, by degree.
    dimensions: number of independent invariants of degree at most 1, 2, ..., constants left out.
    claim: that the generators give all invariants up to the degree.
    """

    degree: int
    generators: tuple[Polynomial, ...]
    dimensions: tuple[int, ...]
    claim: Claim

    @property
    def formulas(self) -> tuple[str, ...]:
        """The generators in the formula language."""
        return tuple(map(polynomial_text, self.generators))


def polynomial_invariants(algebra: SymmetryAlgebra, *, degree: int = 2) -> InvariantRing:
    r"""Generators, up to a degree, of the ring of polynomials that are constant on all orbits.

    .. math:: R_d = \{p : \deg p \le d,\ X_k\cdot p = 0 \text{ for all } k\}

    Parameters
    ----------
    algebra: an algebra with polynomial generators and rational coefficients.
    degree: the largest degree.

    Raises
    ------
    InputError: the degree is no positive integer, there are too many monomials, or coefficients are no numbers.

    Examples
    --------
    >>> from symmetries import Loss, derive
    >>> algebra = derive(Loss.parse("sum((Y - U@V)**2)", {"U": (1, 2), "V": (2, 1)}, data={"Y": (1, 1)}))
    >>> polynomial_invariants(algebra).formulas
    ('U[0,0]*V[0,0] + U[0,1]*V[1,0]',)

    Source: H. Derksen and G. Kemper, "Computational Invariant Theory" (2015), section 4.2.
    """
    names = ParameterSpace.of(algebra.loss).entries
    fields = [_numeric(field, set(names)) for field in algebra.generators]
    if isinstance(degree, bool) or not isinstance(degree, int) or degree < 1:
        raise InputError(f"degree={degree!r}", why="it is the largest degree of the invariants", cure="give 1, 2, ...")
    count = comb(len(names) + degree, degree)
    if count > MOST_MONOMIALS:
        raise InputError(
            f"invariants of degree {degree} in {len(names)} coordinates",
            why=f"they have {count:,} monomials, and at most {MOST_MONOMIALS:,} are searched",
            cure="ask for a lower degree",
        )
    generators: list[Polynomial] = []
    products: dict[int, list[Polynomial]] = {0: [{(): Fraction(1)}]}
    dimensions: list[int] = []
    homogeneous = all(_is_linear(field) for field in fields)
    for d in range(1, degree + 1):
        found = _invariants(fields, names, range(d, d + 1) if homogeneous else range(d + 1))
        products[d] = _products(generators, d)
        known = products[d] if homogeneous else [product for k in range(d + 1) for product in products[k]]
        span = Span(map(dict, known))
        new = [polynomial for polynomial in found if span.add(polynomial)]
        generators += new
        products[d] += new
        dimensions.append(len(found) + dimensions[-1] if homogeneous and dimensions else len(found) - (not homogeneous))
    reason = "the equations X.p = 0 were solved exactly for all monomials up to the degree"
    statement = f"every polynomial invariant of degree at most {degree} is a polynomial in the generators"
    return InvariantRing(
        degree=degree,
        generators=tuple(generators),
        dimensions=tuple(dimensions),
        claim=Claim(statement=statement, verdict="proved", reason=reason, evidence={"monomials": count}),
    )


def _numeric(field: VectorField, names: set[str]) -> Mapping[str, Polynomial]:
    """The components of a field without constants."""
    polynomials = require_polynomials(field)
    foreign = {name for p in polynomials.values() for m in p for name, _ in m if name not in names}
    if foreign:
        raise InputError(
            f"the field {field}",
            why=f"its coefficients contain {', '.join(sorted(foreign))}",
            cure="give the loss numbers in the place of its constants",
        )
    return polynomials


def _is_linear(field: Mapping[str, Polynomial]) -> bool:
    """Whether all components are homogeneous of degree one, so that invariants are sums of homogeneous ones."""
    return all(sum(e for _, e in monomial) == 1 for polynomial in field.values() for monomial in polynomial)


def _monomials(names: Sequence[str], degrees: range) -> list[Monomial]:
    """All monomials of the degrees."""
    result: list[Monomial] = []
    for degree in degrees:
        for choice in combinations_with_replacement(sorted(names), degree):
            powers: dict[str, int] = {}
            for name in choice:
                powers[name] = powers.get(name, 0) + 1
            result.append(tuple(powers.items()))
    return result


def _invariants(fields: Sequence[Mapping[str, Polynomial]], names: Sequence[str], degrees: range) -> list[Polynomial]:
    """A basis of the invariants whose monomials have the degrees, with integer coefficients."""
    from flint import fmpz_mat

    monomials = _monomials(names, degrees)
    rows: dict[Any, int] = {}
    entries: list[tuple[int, int, Fraction]] = []
    for j, monomial in enumerate(monomials):
        for k, field in enumerate(fields):
            for image, value in apply(field, {monomial: Fraction(1)}).items():
                if value:
                    entries.append((rows.setdefault((k, image), len(rows)), j, value))
    scale: dict[int, int] = {}
    for i, _, value in entries:
        scale[i] = scale.get(i, 1) * value.denominator
    matrix = fmpz_mat(max(len(rows), 1), len(monomials))
    for i, j, value in entries:
        matrix[i, j] = int(value * scale[i])
    kernel, nullity = matrix.nullspace()
    result: list[Polynomial] = []
    for column in range(nullity):
        values = [int(kernel[i, column]) for i in range(len(monomials))]
        result.append(_primitive({m: Fraction(v) for m, v in zip(monomials, values, strict=True) if v}))
    return sorted(result, key=lambda polynomial: (len(polynomial), polynomial_text(polynomial)))


def _primitive(polynomial: dict[Monomial, Fraction]) -> dict[Monomial, Fraction]:
    """A polynomial with integer coefficients, over their greatest common divisor."""
    from math import gcd

    divisor = gcd(*(int(value) for value in polynomial.values()))
    sign = -1 if next(iter(polynomial.values())) < 0 else 1
    return {monomial: value * sign / divisor for monomial, value in polynomial.items()}


def _products(generators: Sequence[Polynomial], degree: int) -> list[Polynomial]:
    """All products of generators of one degree."""
    degrees = [max(sum(e for _, e in monomial) for monomial in polynomial) for polynomial in generators]
    result: list[Polynomial] = []

    def extend(start: int, left: int, product: Polynomial) -> None:
        """Multiply by generators from a place on until the degree is used up."""
        if left == 0:
            result.append(product)
            return
        for k in range(start, len(generators)):
            if degrees[k] <= left:
                extend(k, left - degrees[k], multiply_polynomials(product, generators[k]))

    extend(0, degree, {(): Fraction(1)})
    return result
