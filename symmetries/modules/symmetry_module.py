"""The module of all polynomial symmetries of a loss, with generators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

from manifolds.errors import InputError
from symmetries.certificate import Certificate, Claim
from symmetries.fields import Polynomial, VectorField
from symmetries.given_basis import field_nodes, node_polynomial
from symmetries.loss import Loss
from symmetries.modules._groebner import groebner_basis
from symmetries.modules.hilbert import count_multiples
from symmetries.modules.module_generators import Minimality
from symmetries.modules.module_vectors import Divisors, Effort, EffortSpent, ModuleOrder, Vector, remainder
from symmetries.modules.polynomial_loss import Poly, PolynomialLoss
from symmetries.modules.syzygies import Codec, Method


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class SymmetryModule:
    r"""All polynomial fields X of any degree with X.L = 0: a module over the polynomials in the parameters.

    With :math:`L = \sum_m d^m L_m(\theta)` for the monomials of the data it is the first syzygy module of the columns
    of the gradients, :math:`\{X : \sum_i X_i\,\partial_i L_m = 0 \text{ for all } m\}`.

    Parameters
    ----------
    loss: the loss.
    coordinates: what the fields move.
    generators: fields whose combinations with polynomial coefficients are all of them, of low degree first.
    generator_claims: one claim for each generator.
    trivial: for each generator, whether it is a combination of the fields that every loss has (Koszul's); None where
        that was not decided.
    minimality: ``minimal`` (graded: the number of generators and their degrees are determined by the loss),
        ``irredundant`` (none can be left out) or ``generating``.
    weights: positive weights of the coordinates for which the gradients, reduced by each other and without common
        factors, are homogeneous; None without.
    rank: rank of the module, the number of parameters less the rank of the gradients.
    equations: number of the coefficients L_m.
    method: how the generators were found.
    completeness: the claim that there are no other polynomial symmetries.

    >>> from symmetries import Loss
    >>> from symmetries.modules.polynomial_module import polynomial_module
    >>> module = polynomial_module(Loss.parse("b**2 - 4*a*c"))
    >>> module.rank, module.degrees, [module.dimension(d) for d in range(4)]
    (2, (1, 1, 1), [0, 3, 11, 26])
    """

    loss: Loss
    coordinates: tuple[str, ...]
    generators: tuple[VectorField, ...]
    generator_claims: tuple[Claim, ...]
    trivial: tuple[bool | None, ...]
    minimality: Minimality
    weights: tuple[int, ...] | None
    rank: int
    equations: int
    method: Method
    completeness: Claim
    effort: int
    parts: PolynomialLoss = field(repr=False)
    trivial_entries: tuple[Mapping[int, Poly], ...] | None = field(repr=False)
    known_basis: tuple[Vector, ...] | None = field(default=None, repr=False)

    @cached_property
    def degrees(self) -> tuple[int, ...]:
        """Degrees of the generators, the largest of their components."""
        return tuple(field_degree(one, self.coordinates) for one in self.generators)

    @property
    def is_complete(self) -> bool:
        """Whether the generators are known to generate every polynomial symmetry."""
        return self.completeness.verdict == "proved"

    @property
    def essential(self) -> tuple[VectorField, ...]:
        """The generators that are no combinations of the trivial fields.

        Together with these they generate the module.
        """
        return tuple(one for one, known in zip(self.generators, self.trivial, strict=True) if known is False)

    @cached_property
    def trivial_fields(self) -> tuple[VectorField, ...]:
        r"""The fields that every loss has: :math:`\partial_i L\,\partial_j - \partial_j L\,\partial_i`.

        Where the gradients of several coefficients are independent, the fields of their minors instead.

        Raises
        ------
        InputError: there are too many of them.
        """
        return tuple(self._field(dict(entries)) for entries in self._require_trivial())

    def dimension(self, degree: int) -> int:
        r"""Dimension over the field of constants of the symmetries of at most this degree.

        .. math:: \dim M_{\le d} = \sum_i \#\{\text{monomials of degree} \le d \text{ in the initial ideal of } i\}

        It is the dimension of ``derive(loss, ansatz=Polynomial(degree))``.

        Raises
        ------
        InputError: the degree is negative, or the module is not known completely.
        """
        if isinstance(degree, bool) or not isinstance(degree, int) or degree < 0:
            raise InputError(f"dimension({degree!r})", why="it is a degree", cure="give an integer from 0 up")
        if not self.is_complete:
            raise InputError(
                "the dimension of a module that is not known completely",
                why=self.completeness.reason,
                cure="raise effort=..., or use derive(loss, ansatz=Polynomial(d))",
            )
        leading: dict[int, list[tuple[int, ...]]] = {}
        for vector in self._basis:
            monomial = vector[0][0]
            leading.setdefault(monomial[0], []).append(monomial[1:])
        size = len(self.coordinates)
        return sum(count_multiples(monomials, size, degree) for monomials in leading.values())

    def contains(self, candidate: VectorField) -> bool:
        """Whether a polynomial field is a combination of the generators with polynomial coefficients.

        For a complete module this is the same as X.L = 0.

        Raises
        ------
        InputError: a component is no polynomial in the parameters and constants, or names no parameter.
        """
        return self._is_divided(candidate, Divisors(self._basis))

    def is_trivial(self, candidate: VectorField) -> bool:
        """Whether a polynomial field is a combination of the trivial fields with polynomial coefficients.

        Raises
        ------
        InputError: there are too many trivial fields, or a component is no polynomial.
        """
        return self._is_divided(candidate, self._trivial_divisors)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """All claims: the generators' and completeness."""
        return (*self.generator_claims, self.completeness)

    @property
    def certificate(self) -> Certificate:
        """The generators with their claims, in a form that can be stored and checked again."""
        return Certificate(
            loss=self.loss.to_dict(),
            fields=tuple(dict(one.components) for one in self.generators),
            claims=self.generator_claims,
        )

    def __str__(self) -> str:
        count = len(self.generators)
        head = (
            f"module of rank {self.rank} with {count} generator{'' if count == 1 else 's'} ({self.minimality}; "
            f"completeness {self.completeness.verdict})"
        )
        marks = {True: "   (trivial)", False: "", None: "   (trivial or not: undecided)"}
        return "\n".join([head, *(f"  {one}{marks[k]}" for one, k in zip(self.generators, self.trivial, strict=True))])

    # inside

    @cached_property
    def _codec(self) -> Codec:
        return Codec.of(self.parts)

    def _budget(self) -> Effort:
        return Effort(self.effort)

    @cached_property
    def _basis(self) -> tuple[Vector, ...]:
        """Groebner basis of the module for the degree order."""
        if self.known_basis is not None:
            return self.known_basis
        return self._basis_of([self._vector(one) for one in self.generators], "the module")

    @cached_property
    def _trivial_divisors(self) -> Divisors:
        vectors = [self._codec.vector(entries) for entries in self._require_trivial()]
        return Divisors(self._basis_of(vectors, "the module of the trivial fields"))

    def _is_divided(self, candidate: VectorField, divisors: Divisors) -> bool:
        """Whether division leaves no remainder."""
        try:
            return not remainder(self._vector(candidate), divisors, ModuleOrder(), self._budget())
        except EffortSpent:
            raise InputError(
                f"the division of the field {candidate}",
                why=f"it takes more than {self.effort} steps",
                cure="raise effort=...",
            ) from None

    def _basis_of(self, vectors: list[Vector], what: str) -> tuple[Vector, ...]:
        try:
            return tuple(groebner_basis(vectors, ModuleOrder(), self._codec.field, self._budget()))
        except EffortSpent:
            raise InputError(
                f"the Groebner basis of {what}", why=f"it takes more than {self.effort} steps", cure="raise effort=..."
            ) from None

    def _require_trivial(self) -> tuple[Mapping[int, Poly], ...]:
        if self.trivial_entries is None:
            raise InputError(
                "the trivial fields of this loss",
                why="there are too many minors of its gradients",
                cure="use a smaller size of the same family",
            )
        return self.trivial_entries

    def _field(self, entries: Mapping[int, Poly]) -> VectorField:
        return VectorField.from_polynomials(
            {self.coordinates[k]: self.parts.ring.named(entry) for k, entry in entries.items()}
        )

    def _vector(self, candidate: VectorField) -> Vector:
        place = {name: k for k, name in enumerate(self.coordinates)}
        entries = {}
        for name, polynomial in polynomial_components(self.loss, self.parts, candidate).items():
            entries[place[name]] = self.parts.ring.poly(polynomial)
        return self._codec.vector(entries)


def field_degree(candidate: VectorField, coordinates: Sequence[str]) -> int:
    """Largest degree of a component in the coordinates.

    >>> field_degree(VectorField.from_polynomials({"x": {(("a", 2), ("y", 1)): 1}}), ["x", "y"])
    1
    """
    moved = set(coordinates)
    polynomials: Any = candidate.polynomials or {}
    monomials = [monomial for part in polynomials.values() for monomial in part]
    return max((sum(exponent for name, exponent in monomial if name in moved) for monomial in monomials), default=0)


def polynomial_components(loss: Loss, parts: PolynomialLoss, candidate: VectorField) -> dict[str, Polynomial]:
    """The components of a field as polynomials in coordinates and constants, refused when they are none."""
    if not isinstance(candidate, VectorField):
        raise InputError(
            f"a module was given {type(candidate).__name__}",
            why="it holds vector fields",
            cure='write VectorField({"x": "-9*y", "y": "x"})',
        )
    system = parts.system
    known = set(parts.ring.names)
    result: dict[str, Polynomial] = {}
    for node, component in field_nodes(loss, system, candidate).items():
        name: Any = system.graph.entries[node]
        polynomial = node_polynomial(system.graph, component)
        if polynomial is None or any(inner not in known for monomial in polynomial for inner, _ in monomial):
            raise InputError(
                f"the component d/d{name.name} = {candidate.components[name.name]}",
                why="it is no polynomial in the parameters and the constants of the loss",
                cure="multiply the field by its denominators",
            )
        result[name.name] = polynomial
    return result
