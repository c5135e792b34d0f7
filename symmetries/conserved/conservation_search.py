"""Where conserved quantities are searched: among polynomials of a degree, or in an algebra of symmetries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, final

from manifolds.errors import InputError
from symmetries.algebra import SymmetryAlgebra
from symmetries.ansatz import Affine, Ansatz, Basis, Diagonal, Linear, Polynomial, read_ansatz
from symmetries.certificate import Claim
from symmetries.conserved.closed_fields import closed_fields
from symmetries.conserved.conservation_equations import Monomials, check_monomials
from symmetries.conserved.conservation_solve import (
    Law,
    LawOutcome,
    degree,
    independent_of_products,
    simplified,
    solve_laws,
)
from symmetries.conserved.metric import Metric
from symmetries.loss import Loss
from symmetries.system import DeterminingSystem

Progress: TypeAlias = Callable[[str, int, int], None]


def still_system(loss: Loss, *, seed: int) -> DeterminingSystem:
    """The determining system of a loss whose moving data stand still: a gradient flow moves parameters only."""
    system = DeterminingSystem.of(loss, seed=seed)
    if not loss.moving_entries:
        return system
    return replace(system, coordinates=loss.entries, data=loss.data_entries, _samplers={})


@final
@dataclass(frozen=True)
class Search:
    """Proved laws, what was searched, and whether there are more of them there."""

    laws: tuple[Law, ...]
    searched: str
    completeness: Claim
    remarks: tuple[str, ...] = ()


def choose_ansatz(loss: Loss, ansatz: Ansatz | None) -> Ansatz:
    """The ansatz that was given; else that of the loss when it has polynomials, else affine fields."""
    if ansatz is None:
        named = read_ansatz(loss.ansatz) if loss.ansatz and loss.ansatz != "blocks" else Affine()
        return named if isinstance(named, Polynomial) and named.degree > 1 else Affine()
    if not isinstance(ansatz, Ansatz):
        cure = "use Affine(), Linear(), Polynomial(3), Diagonal() or Basis([...])"
        raise InputError(f"the ansatz {ansatz!r}", why="it is not an ansatz", cure=cure)
    if not isinstance(ansatz, Linear | Affine | Polynomial | Diagonal | Basis):
        cure = "use Affine(), Linear(), Polynomial(3), Diagonal() or Basis([...])"
        raise InputError(f"the ansatz {ansatz.name}", why="its gradient fields are not searched for", cure=cure)
    return ansatz


def within_algebra(algebra: SymmetryAlgebra, system: DeterminingSystem, metric: Metric) -> Search:
    """The gradient fields in the span of derived symmetries."""
    laws, remarks = closed_fields(algebra, system, metric)
    statement = f"every gradient field in the span of the {algebra.ansatz.name} symmetries belongs to these quantities"
    claim = algebra.completeness
    completeness = Claim(
        statement=statement,
        verdict="undecided" if remarks else claim.verdict,
        reason="; ".join([*remarks, claim.reason]),
        assumptions=claim.assumptions,
        evidence={"algebra": algebra.dimension, "gradient_fields": len(laws)},
    )
    return Search(tuple(simplified(laws)), f"the algebra of {algebra.ansatz.name} symmetries", completeness, remarks)


def search(system: DeterminingSystem, metric: Metric, ansatz: Ansatz, progress: Progress | None) -> Search:
    """Polynomial quantities, degree by degree, without those that are polynomials in simpler ones."""
    every = range(len(system.coordinates))
    if isinstance(ansatz, Diagonal):
        outcome = _solve(system, metric, Monomials.squares(every), progress)
        return Search(
            tuple(outcome.laws), "combinations of squares", _complete(system, outcome, "combination of squares")
        )
    if isinstance(ansatz, Linear):
        outcome = _solve(system, metric, Monomials.of_degrees(every, (2,)), progress)
        return Search(tuple(outcome.laws), "quadratic forms", _complete(system, outcome, "quadratic form"))
    most = ansatz.degree + 1 if isinstance(ansatz, Polynomial) else 2
    check_monomials(len(every), range(1, most + 1))
    kept: list[Law] = []
    outcome = LawOutcome()
    unseen: set[int] = set()
    for top in range(1, most + 1):
        coordinates = [k for k in every if k not in unseen]
        if not coordinates:
            break
        outcome = _solve(system, metric, Monomials.of_degrees(coordinates, range(1, top + 1)), progress)
        kept += independent_of_products(outcome.laws, [law for law in kept if not _single(law)], top)
        if top == 1 and metric.is_diagonal:
            unseen = {metric.entries.index(name) for law in kept if _single(law) for name in law.field}
    what = f"polynomial of degree at most {most}"
    return Search(tuple(kept), f"polynomials of degree at most {most}", _complete(system, outcome, what))


def _solve(system: DeterminingSystem, metric: Metric, monomials: Monomials, progress: Progress | None) -> LawOutcome:
    stage = None if progress is None else lambda done, total: progress("conserved quantities", done, total)
    return solve_laws(system, metric, monomials, progress=stage)


def _single(law: Law) -> bool:
    """Whether the quantity is one coordinate, which the loss does not move."""
    return len(law.polynomial) == 1 and degree(law.polynomial) == 1


def _complete(system: DeterminingSystem, outcome: LawOutcome, what: str) -> Claim:
    found = len(outcome.laws)
    evidence: dict[str, Any] = {**outcome.evidence, "upper_bound": outcome.upper_bound, "proved": found}
    statement = f"every conserved {what} is a polynomial in these quantities"
    if found < outcome.upper_bound:
        reason = "; ".join(outcome.open) or "the upper bound was not reached"
        return Claim(statement=statement, verdict="undecided", reason=reason, evidence=evidence)
    bound = f"the equations at {evidence.get('points', 0)} points modulo {evidence.get('prime', 'a prime')} leave"
    reason = f"{bound} dimension {outcome.upper_bound} at most; {system.independence.reason}"
    assumptions = system.independence.assumptions
    return Claim(statement=statement, verdict="proved", reason=reason, assumptions=assumptions, evidence=evidence)
