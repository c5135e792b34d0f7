"""The Lie algebra of the symmetries of a loss inside an ansatz."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, final

from manifolds.errors import InputError
from symmetries.ansatz import Affine, Ansatz, Blocks, Diagonal, Linear
from symmetries.brackets import apply, bracket, components, require_polynomials
from symmetries.certificate import Certificate, Claim
from symmetries.fields import VectorField
from symmetries.span import Span

if TYPE_CHECKING:
    from symmetries.large.block_families import ProvedFamily
    from symmetries.loss import Loss
    from symmetries.structure.algebra_identity import AlgebraIdentity, LeviDecomposition

__all__ = ["SymmetryAlgebra", "apply", "bracket", "components", "require_polynomials"]

HIDDEN_ENTRIES = 40
"""Parameters up to which the loss is read as a sum of squares."""

EXPLICIT = 1_000
"""Up to that many generators everything is said of each; beyond, of the families."""


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

    @cached_property
    def identity(self) -> AlgebraIdentity:
        """What the algebra is: its structure, and its name where that determines it; computed when asked for.

        >>> from symmetries import Loss, derive
        >>> found = derive(Loss.parse("x**2 + y**2 - z**2")).identity
        >>> found.name, found.killing_signature, found.levi.semisimple
        ('so(2,1)', (2, 1, 0), 'so(2,1)')
        """
        from symmetries.large.block_identity import identify_families
        from symmetries.structure.identify_derived import identify_derived

        families = None if self.families is None else identify_families([one.family for one in self.families])
        return families or identify_derived(self)

    @property
    def name(self) -> str | None:
        """Name of the algebra in the printed grammar; None where none is certain."""
        return self.identity.name

    @property
    def synonyms(self) -> tuple[str, ...]:
        """Other names of the same algebra."""
        return self.identity.synonyms

    @property
    def killing_signature(self) -> tuple[int, int, int] | None:
        """Positive, negative and zero squares of the Killing form; None where it is not known."""
        return self.identity.killing_signature

    @property
    def levi(self) -> LeviDecomposition | None:
        """Levi decomposition: the radical and a semisimple subalgebra; None where it is not known."""
        return self.identity.levi

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

    @cached_property
    def module_generators(self) -> tuple[VectorField, ...]:
        """Generators of lowest degree: the other generators are polynomial combinations of these.

        The fields of a loss are a module over the polynomials, so multiples of a field appear again in higher degrees.

        >>> from symmetries import Loss, Polynomial, derive
        >>> algebra = derive(Loss.parse("(1 - x)**2 + 100*(y - x**2)**2"), ansatz=Polynomial(5))
        >>> algebra.dimension, len(algebra.module_generators), algebra.is_closed, algebra.name
        (6, 1, False, None)
        """
        from symmetries.structure.lowest_degree import lowest_degree_generators

        names = (*self.loss.entries, *self.loss.moving_entries)
        return tuple(self.generators[k] for k in lowest_degree_generators(self.generators, names))

    @cached_property
    def hidden(self) -> tuple[VectorField, ...]:
        """Proved symmetries outside the ansatz that the loss shows when it is read as a sum of squares.

        >>> from symmetries import Affine, Loss, derive
        >>> algebra = derive(Loss.parse("(1 - x)**2 + 100*(y - x**2)**2"), ansatz=Affine())
        >>> algebra.dimension, len(algebra.hidden), algebra.hidden[0].components["x"]
        (0, 1, '-100*x**2 + 100*y')
        """
        if len(self.loss.entries) > HIDDEN_ENTRIES or self.loss.data_entries or self.loss.moving_entries:
            return ()
        from symmetries.modules.sum_of_squares import sum_of_squares_symmetries

        squares = sum_of_squares_symmetries(self.loss)
        span = Span([components(field) for field in self.generators])
        return tuple(
            field
            for field, claim in zip(squares.fields, squares.claims, strict=True)
            if claim.verdict == "proved" and (field.polynomials is None or not span.contains(components(field)))
        )

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
