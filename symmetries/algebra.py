"""The Lie algebra of the symmetries of a loss inside an ansatz."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, final

from manifolds.errors import InputError
from symmetries.ansatz import Affine, Ansatz, Blocks, Diagonal, Linear
from symmetries.block_families import EXPLICIT, ProvedFamily, families_name
from symmetries.certificate import Certificate, Claim
from symmetries.fields import Monomial, Polynomial, VectorField, multiply_monomials
from symmetries.span import Span

if TYPE_CHECKING:
    from symmetries.loss import Loss


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class SymmetryAlgebra:
    r"""All vector fields X of an ansatz with X.L = 0, as a real vector space with a basis of proved generators.

    Parameters
    ----------
    loss: the loss.
    ansatz: the family that was searched.
    generators: a basis; the essential ones first, then f(theta) v for each null direction v.
    generator_claims: one claim per generator.
    null_fields: the constant fields v with v.L = 0.
    essential: the algebra of the loss on the slice where the null directions are cut off; the algebra itself without
        any.
    completeness: the claim that there are no other symmetries inside the ansatz.
    redundancy: the claim about continuous symmetries outside the ansatz, when the loss has free data.
    families: the generators of a block ansatz by index space, None for other families of fields.

    >>> from symmetries import Loss, derive
    >>> algebra = derive(Loss.parse("(x - y)**2 + 0*z", ["x", "y", "z"]))
    >>> algebra.dimension, algebra.null_directions, algebra.essential.dimension
    (6, 2, 0)
    >>> algebra.is_closed, algebra.completeness.verdict
    (True, 'proved')
    """

    loss: Loss
    ansatz: Ansatz
    generators: Sequence[VectorField]
    generator_claims: Sequence[Claim]
    null_fields: tuple[VectorField, ...]
    completeness: Claim
    redundancy: Claim | None = None
    slice: SymmetryAlgebra | None = None
    families: tuple[ProvedFamily, ...] | None = None

    @property
    def dimension(self) -> int:
        """Dimension of the algebra."""
        return len(self.generators)

    @property
    def null_directions(self) -> int:
        """Number of independent constant directions along which the loss does not change."""
        return len(self.null_fields)

    @property
    def essential(self) -> SymmetryAlgebra:
        """The algebra on the slice that cuts off the null directions."""
        return self.slice or self

    @property
    def name(self) -> str | None:
        """Name of the algebra; None: algebras are not named yet."""
        return families_name([one.family for one in self.families]) if self.families is not None else None

    @property
    def killing_signature(self) -> None:
        """Signature of the Killing form; None: not computed yet."""
        return

    @property
    def levi(self) -> None:
        """Levi decomposition; None: not computed yet."""
        return

    def bracket(self, i: int, j: int) -> VectorField:
        r"""Lie bracket of two generators, :math:`[X, Y]_k = X(Y_k) - Y(X_k)`."""
        count = len(self.generators)
        if not (0 <= i < count and 0 <= j < count):
            raise InputError(
                f"bracket({i}, {j})",
                why=f"there are {count} generators, counted from 0",
                cure=f"use numbers below {count}",
            )
        return bracket(self.generators[i], self.generators[j])

    @cached_property
    def is_closed(self) -> bool:
        """Whether the brackets of all generators lie in their span.

        The bracket of two symmetries is a symmetry; it can only leave the ansatz, and a linear, affine or diagonal
        one is closed under brackets.
        """
        if isinstance(self.ansatz, Linear | Affine | Diagonal | Blocks):
            return True
        span = Span([components(field) for field in self.generators])
        count = len(self.generators)
        return all(span.contains(components(self.bracket(i, j))) for i in range(count) for j in range(i))

    @property
    def claims(self) -> tuple[Claim, ...]:
        """All claims: the generators', completeness, redundancy."""
        extra = (self.redundancy,) if self.redundancy is not None else ()
        return (*self.generator_claims, self.completeness, *extra)

    @property
    def certificate(self) -> Certificate:
        """The generators with their claims and completeness, in a form that can be stored and checked again.

        The redundancy speaks of what lies outside the ansatz and is left out.  Of a large block algebra it keeps the
        claim of each family, with one of its fields.
        """
        if self.families is not None and self.dimension > EXPLICIT:
            return self._family_certificate()
        return Certificate(
            loss=self.loss.to_dict(),
            fields=tuple(dict(field.components) for field in self.generators),
            claims=(*self.generator_claims, self.completeness),
        )

    def _family_certificate(self) -> Certificate:
        families = self.families or ()
        starts = [sum(one.family.dimension for one in families[:k]) for k in range(len(families))]
        return Certificate(
            loss=self.loss.to_dict(),
            fields=tuple(dict(self.generators[start].components) for start in starts),
            claims=(*(one.claim for one in families), self.completeness),
        )

    def __str__(self) -> str:
        verdict = self.completeness.verdict
        head = f"{self.dimension}-dimensional algebra of {self.ansatz.name} symmetries (completeness {verdict})"
        if self.families is not None and self.dimension > EXPLICIT:
            return "\n".join([head, *(f"  {one.claim.statement}" for one in self.families)])
        return "\n".join([head, *(f"  {field}" for field in self.generators)])


def components(field: VectorField) -> dict[tuple[str, Monomial], Fraction]:
    """Coefficients of a polynomial field by component and monomial."""
    return {
        (entry, monomial): value
        for entry, polynomial in require_polynomials(field).items()
        for monomial, value in polynomial.items()
    }


def require_polynomials(field: VectorField) -> Mapping[str, Polynomial]:
    """The polynomial components of a field, refused when they are not known."""
    if field.polynomials is None:
        raise InputError(
            f"the field {field}",
            why="its components are not known as polynomials",
            cure="use a field that derive() returned",
        )
    return field.polynomials


def bracket(left: VectorField, right: VectorField) -> VectorField:
    r"""Lie bracket of two polynomial fields, :math:`[X, Y]_k = X(Y_k) - Y(X_k)`.

    >>> x = {"x": {(("y", 1),): Fraction(-1)}, "y": {(("x", 1),): Fraction(1)}}
    >>> t = {"x": {(): Fraction(1)}}
    >>> print(bracket(VectorField.from_polynomials(t), VectorField.from_polynomials(x)))
    d/dy
    """
    x, y = require_polynomials(left), require_polynomials(right)
    result: dict[str, dict[Monomial, Fraction]] = {}
    for one, other, sign in ((x, y, 1), (y, x, -1)):
        for entry, polynomial in other.items():
            for monomial, value in apply(one, polynomial).items():
                target = result.setdefault(entry, {})
                target[monomial] = target.get(monomial, Fraction(0)) + sign * value
    return VectorField.from_polynomials(result)


def apply(field: Mapping[str, Polynomial], polynomial: Polynomial) -> dict[Monomial, Fraction]:
    """Derivative of a polynomial along a polynomial field."""
    result: dict[Monomial, Fraction] = {}
    for monomial, value in polynomial.items():
        for name, exponent in monomial:
            if name not in field:
                continue
            rest = multiply_monomials(monomial, ((name, -1),))
            for factor, coefficient in field[name].items():
                together = multiply_monomials(rest, factor)
                result[together] = result.get(together, Fraction(0)) + value * exponent * coefficient
    return result
