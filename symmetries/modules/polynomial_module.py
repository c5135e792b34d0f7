r"""The complete module of polynomial symmetries of a polynomial loss, of every degree at once.

X.L = 0 says that X is a syzygy of the gradient.  Syzygies are found by the rank alone where it leaves one direction or
none, from a sum of squares with a constant Jacobian determinant, and by a Groebner basis elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, final

from manifolds.errors import InputError
from symmetries.ansatz import Affine
from symmetries.arguments import require_loss
from symmetries.certificate import Claim, Verdict
from symmetries.derive import derive
from symmetries.fields import VectorField
from symmetries.loss import Loss
from symmetries.modules._groebner import groebner_basis
from symmetries.modules.module_generators import Selection, degree, positive_weights, select
from symmetries.modules.module_vectors import Divisors, Effort, EffortSpent, ModuleOrder, Vector, remainder
from symmetries.modules.polynomial_loss import Poly, PolynomialLoss
from symmetries.modules.sum_of_squares import SumOfSquares, read_sum_of_squares
from symmetries.modules.symmetry_module import SymmetryModule
from symmetries.modules.syzygies import (
    Codec,
    Row,
    Syzygies,
    find_syzygies,
    independent_parts,
    primitive,
    reduced_rows,
    trivial_syzygies,
)

EFFORT = 3_000_000
"""Steps of a Groebner basis, one term added to another; a million take some seconds."""

SMALL = 3
"""The choice of generators, and the test whether they are trivial, may each take this part of the effort."""

MAX_AFFINE = 40
MAX_SHOWN = 400

INCOMPLETE = "the Groebner basis was not finished within {effort} steps; the fields found so far are symmetries"

REASONS: Mapping[str, str] = {
    "full rank": "the gradients of the coefficients of L have the rank of the number of parameters at a point, so only "
    "X = 0 is orthogonal to them",
    "minors": "the gradients have the rank n - 1; the coprime vector of their minors divides every syzygy, because "
    "polynomials factor uniquely",
    "Groebner basis": "elimination gives all syzygies; the {size} elements of the Groebner basis lie in its module, "
    "generate it and satisfy Buchberger's criterion, checked apart from the computation",
    "sum of squares": "the residuals are coordinates with a constant Jacobian determinant, so they form a regular "
    "sequence, whose syzygies are Koszul's",
}


@final
@dataclass(frozen=True)
class _Answer:
    """Generators of a module before they are written as fields."""

    entries: tuple[Mapping[int, Poly], ...]
    selection: Selection
    found: Syzygies
    weights: tuple[int, ...] | None


def polynomial_module(loss: Loss, *, effort: int = EFFORT) -> SymmetryModule:
    r"""All polynomial vector fields that annihilate a polynomial loss, as a module with generators.

    .. math:: \{X \in \mathbb{Q}[\theta]^n : X\cdot L = 0\} = \operatorname{Syz}(\partial_1 L, \dots, \partial_n L)

    Data stand for all values: with :math:`L = \sum_m d^m L_m` the field annihilates every :math:`L_m`.  Coefficients
    may depend on the structural constants.

    Parameters
    ----------
    loss: a loss that is a polynomial in its parameters and data.
    effort: steps after which a Groebner basis is given up; the completeness is then ``undecided``.

    Returns
    -------
    SymmetryModule with proved generators, minimal where the loss is homogeneous for positive weights.

    Raises
    ------
    InputError: the loss is no polynomial, has too many parameters or terms, or a number that is not rational.

    Examples
    --------
    >>> from symmetries import Loss
    >>> module = polynomial_module(Loss.parse("(1 - x)**2 + 100*(y - x**2)**2"))
    >>> print(module)
    module of rank 1 with 1 generator (irredundant; completeness proved)
      (100*x**2 - 100*y) d/dx + (200*x**3 - 200*x*y + x - 1) d/dy   (trivial)
    >>> [module.dimension(d) for d in range(7)]
    [0, 0, 0, 1, 3, 6, 10]

    Source: D. Cox, J. Little, D. O'Shea, "Using Algebraic Geometry" (2005), chapters 5 and 6.
    """
    loss = require_loss(loss, where="polynomial_module")
    if isinstance(effort, bool) or not isinstance(effort, int) or effort < 1:
        raise InputError(f"effort={effort!r}", why="it is a number of steps", cure="give a positive integer")
    parts = PolynomialLoss.of(loss)
    chosen = independent_parts(parts)
    while True:
        answer, trivial = _solve(loss, parts, chosen, effort)
        missed = _missed(parts, chosen, answer.entries)
        if missed is None:
            return _module(loss, parts, chosen, answer, trivial, effort)
        chosen = [*chosen, missed]


def _missed(parts: PolynomialLoss, chosen: Sequence[Poly], entries: Sequence[Mapping[int, Poly]]) -> Poly | None:
    """A coefficient of the loss that a generator does not annihilate: its gradient was wrongly thought dependent."""
    for part in parts.parts:
        if part not in chosen:
            gradient = parts.gradient(part)
            if any(sum((f * gradient[k] for k, f in one.items()), 0 * part) != 0 for one in entries):
                return part
    return None


def _solve(
    loss: Loss, parts: PolynomialLoss, chosen: Sequence[Poly], effort: int
) -> tuple[_Answer, tuple[Mapping[int, Poly], ...] | None]:
    """Generators of the module, and the trivial fields."""
    gradients = [parts.gradient(part) for part in chosen]
    offered = trivial_syzygies(gradients)
    trivial = None if offered is None else tuple(offered)
    codec = Codec.of(parts)
    if len(chosen) == 1 < len(parts.coordinates) - 1:
        squares = read_sum_of_squares(loss, parts.system)
        if squares.is_polynomial and squares.change and squares.change.inverse:
            return _from_squares(squares, parts, trivial, codec), trivial
    rows = [primitive(row) for row in reduced_rows(parts, chosen, effort // SMALL)]
    found = find_syzygies(parts, rows, Effort(effort))
    weights = positive_weights(rows, len(parts.coordinates))
    vectors = None if trivial is None else [codec.vector(entries) for entries in trivial]
    if not found.finished:
        basis = sorted(found.basis, key=degree)[:MAX_SHOWN]
        selection = Selection(tuple(basis), (None,) * len(basis), "generating")
    else:
        selection = _selection(rows, weights, found, vectors, codec, effort)
    entries = tuple(codec.entries(vector, parts.ring) for vector in selection.vectors)
    return _Answer(entries, selection, found, weights), trivial


def _selection(
    rows: Sequence[Row],
    weights: tuple[int, ...] | None,
    found: Syzygies,
    trivial: list[Vector] | None,
    codec: Codec,
    effort: int,
) -> Selection:
    """Few generators; that they generate is checked by their own reduced Groebner basis, which is unique.

    The minors of rows that are homogeneous have the sum of their degrees, so no trivial field has a lower one.
    """
    plain = weights is not None and set(weights) == {1}
    lowest = sum(max(int(entry.total_degree()) for entry in row) for row in rows) if plain and rows else 0
    order = ModuleOrder()
    chosen = select(found.basis, trivial, weights, codec.field, Effort(effort // SMALL))
    try:
        again = groebner_basis(chosen.vectors, order, codec.field, Effort(effort))
        target = sorted(found.basis, key=lambda one: order(one[0][0]))
        if sorted(again, key=lambda one: order(one[0][0])) != [_monic(one) for one in target]:
            raise EffortSpent
    except EffortSpent:
        vectors = tuple(sorted(found.basis, key=degree))
        return Selection(vectors, (None,) * len(vectors), "generating")
    if trivial is None:
        flags = tuple(False if degree(vector) < lowest else None for vector in chosen.vectors)
        return Selection(chosen.vectors, flags, chosen.minimality)
    if None not in chosen.trivial:
        return chosen
    try:
        small = Effort(effort // SMALL)
        divisors = Divisors(groebner_basis(trivial, order, codec.field, small))
        flags = tuple(not remainder(vector, divisors, order, small) for vector in chosen.vectors)
    except EffortSpent:
        return chosen
    return Selection(chosen.vectors, flags, chosen.minimality)


def _monic(vector: Vector) -> Vector:
    return [(monomial, value / vector[0][1]) for monomial, value in vector]


def _from_squares(
    squares: SumOfSquares, parts: PolynomialLoss, trivial: tuple[Mapping[int, Poly], ...] | None, codec: Codec
) -> _Answer:
    """The rotations of residuals that are coordinates, and the fields that move none.

    With as many residuals as parameters, the Koszul fields of L generate the same module, and are taken where their
    degree is lower.  At a common zero of the residuals the generators are minimal, so none can be left out.
    """
    rotations = [_entries(parts, field) for field in squares.fields]
    if not squares.null_fields and trivial is not None and _largest(trivial) < _largest(rotations):
        rotations = [dict(entries) for entries in trivial]
    nulls = [_entries(parts, field) for field in squares.null_fields]
    pairs = [(codec.vector(one), True) for one in rotations] + [(codec.vector(one), False) for one in nulls]
    pairs.sort(key=lambda pair: degree(pair[0]))
    vectors, flags = tuple(one for one, _ in pairs), tuple(flag for _, flag in pairs)
    selection = Selection(vectors, flags, "minimal" if _all_homogeneous(vectors) else "irredundant")
    entries = tuple(codec.entries(vector, parts.ring) for vector in vectors)
    weights = positive_weights([parts.gradient(part) for part in parts.parts], len(parts.coordinates))
    return _Answer(entries, selection, Syzygies((), "sum of squares"), weights)


def _all_homogeneous(vectors: Sequence[Vector]) -> bool:
    """Whether every vector is homogeneous, so that generators of which none can be left out are minimal."""
    return all(len({sum(monomial[1:]) for monomial, _ in vector}) == 1 for vector in vectors)


def _largest(entries: Sequence[Mapping[int, Poly]]) -> int:
    return max((int(f.total_degree()) for one in entries for f in one.values()), default=0)


def _entries(parts: PolynomialLoss, field: VectorField) -> dict[int, Poly]:
    place = {name: k for k, name in enumerate(parts.coordinates)}
    return {place[name]: parts.ring.poly(polynomial) for name, polynomial in (field.polynomials or {}).items()}


def _module(
    loss: Loss,
    parts: PolynomialLoss,
    chosen: Sequence[Poly],
    answer: _Answer,
    trivial: tuple[Mapping[int, Poly], ...] | None,
    effort: int,
) -> SymmetryModule:
    fields = [
        VectorField.from_polynomials({parts.coordinates[k]: parts.ring.named(f) for k, f in entries.items()})
        for entries in answer.entries
    ]
    flags = answer.selection.trivial
    if not answer.found.finished:
        fields = _with_affine(loss, fields)
        flags = (None,) * len(fields)
    claims = tuple(_claim(parts, field) for field in fields)
    basis = answer.found.basis if answer.found.finished and answer.found.method != "sum of squares" else None
    return SymmetryModule(
        loss=loss,
        coordinates=parts.coordinates,
        generators=tuple(fields),
        generator_claims=claims,
        trivial=flags,
        minimality=answer.selection.minimality,
        weights=answer.weights,
        rank=len(parts.coordinates) - len(chosen),
        equations=len(parts.parts),
        method=answer.found.method,
        completeness=_completeness(answer, claims, effort, len(chosen)),
        effort=effort,
        parts=parts,
        trivial_entries=trivial,
        known_basis=basis,
    )


def _with_affine(loss: Loss, fields: list[VectorField]) -> list[VectorField]:
    """The affine symmetries, and further fields that were found before a Groebner basis was given up."""
    if len(loss.entries) + len(loss.moving_entries) > MAX_AFFINE:
        return fields
    affine = derive(loss, ansatz=Affine()).generators
    known = {tuple(sorted(field.components.items())) for field in affine}
    return list(chain(affine, (one for one in fields if tuple(sorted(one.components.items())) not in known)))


def _claim(parts: PolynomialLoss, field: VectorField) -> Claim:
    """The claim that a field annihilates the loss."""
    proof = parts.system.prover.prove(parts.system.tangent_map(field))
    evidence: dict[str, Any] = {"invariants": proof.invariants, "expansions": proof.expansions}
    reason = "X.L is zero, written out exactly"
    if proof.outcome != "zero":
        assert field.polynomials is not None
        if any(parts.along(field.polynomials, part) != 0 for part in parts.parts):
            reason = f"the exact proof ended: {proof.outcome}"
            return Claim(statement=f"({field}) L = 0", verdict="undecided", reason=reason, evidence=evidence)
    return Claim(statement=f"({field}) L = 0", verdict="proved", reason=reason, evidence=evidence)


def _completeness(answer: _Answer, claims: Sequence[Claim], effort: int, rank: int) -> Claim:
    found = answer.found
    count = len(claims)
    statement = f"every polynomial field X with X.L = 0 is a combination of the {count} generators, with polynomials"
    evidence: dict[str, Any] = {"method": found.method, "rank_of_gradients": rank, "generators": count}
    verdict: Verdict = "proved"
    reason = REASONS[found.method].format(size=found.size)
    assumptions: tuple[str, ...] = ()
    if not found.finished:
        verdict, reason = "undecided", INCOMPLETE.format(effort=effort)
    elif any(claim.verdict != "proved" for claim in claims):
        verdict, reason = "undecided", "a generator was not proved"
    elif not found.checked:
        reason = f"elimination gives all syzygies, by a Groebner basis of {found.size} elements"
        assumptions = ("SymPy's Groebner basis is one; its check took too many steps",)
    evidence["groebner_basis"] = found.size
    return Claim(statement=statement, verdict=verdict, reason=reason, assumptions=assumptions, evidence=evidence)
