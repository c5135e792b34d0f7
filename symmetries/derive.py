r"""Derivation of the symmetry algebra of a loss.

X = sum_k c_k m_k(theta) d/dtheta_{i(k)} annihilates L exactly when sum_k c_k m_k(theta) dL/dtheta_{i(k)} = 0 at every
theta and for all free data: linear equations in c.  They are sampled at random points of a prime field, where no
rounding occurs; split by the characters of a proved group of scalings and signs; solved; the solutions are lifted to
the rationals; and each one is proved exactly.  The nullity modulo the prime bounds the dimension from above, the
proofs from below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import comb
from typing import Any, TypeAlias

import numpy as np

from manifolds.errors import InputError
from symmetries.algebra import SymmetryAlgebra
from symmetries.ansatz import Ansatz, Basis, Blocks, Linear, Polynomial, check_size, read_ansatz
from symmetries.arguments import read_seed, require_loss
from symmetries.certificate import Claim, Verdict
from symmetries.crosscheck import float_nullity
from symmetries.domain import require_defined
from symmetries.fields import VectorField
from symmetries.given_basis import solve_in_basis
from symmetries.inflation import inflated_fields, is_numeric, lift_fields, monomials_in, pivots_of, slice_at, times
from symmetries.loss import Loss
from symmetries.redundancy import redundancy_claim
from symmetries.solve import Found, Outcome, prove_field, solve
from symmetries.system import DeterminingSystem

SLICE_HEIGHTS = (Fraction(0), Fraction(1), Fraction(-2), Fraction(5, 3))

Progress: TypeAlias = Callable[[str, int, int], None]


def derive(
    loss: Loss,
    *,
    ansatz: Ansatz | None = None,
    rng: int | np.random.Generator = 0,
    progress: Progress | None = None,
) -> SymmetryAlgebra:
    r"""Derive all symmetries of a loss inside an ansatz, exactly.

    A symmetry is a vector field X on parameter space with :math:`X\cdot L = \sum_i X_i\,\partial L/\partial\theta_i =
    0` for all parameters and all free data.

    Parameters
    ----------
    loss: the loss.
    ansatz: where to search; by default the one that the loss names, else ``Linear()``.
    rng: seed or generator of the sampling; the answer does not depend on it.
    progress: called with (stage, done, total) during long work.

    Raises
    ------
    InputError: the ansatz is too large for memory, or the loss is undefined at every sampled point.

    Examples
    --------
    >>> from symmetries import Loss, derive
    >>> algebra = derive(Loss.parse("x**2 + 9*y**2"))
    >>> algebra.dimension, algebra.completeness.verdict
    (1, 'proved')
    >>> print(algebra.generators[0])
    9*y d/dx - x d/dy

    Source: P. J. Olver, "Applications of Lie Groups to Differential Equations" (1993), section 2.1.
    """
    loss = require_loss(loss, where="derive")
    chosen = ansatz if ansatz is not None else read_ansatz(loss.ansatz) if loss.ansatz else Linear()
    if not isinstance(chosen, Ansatz):
        raise InputError(
            f"the ansatz {chosen!r}",
            why="it is not an ansatz",
            cure="use Linear(), Affine(), Polynomial(3), Diagonal(), Blocks() or Basis([...])",
        )
    seed = read_seed(rng)
    if isinstance(chosen, Blocks):
        from symmetries.large.block_derive import derive_blocks

        require_defined(loss, seed=seed)
        return derive_blocks(loss, chosen, seed=seed, progress=progress)
    check_size(chosen, len(loss.entries) + len(loss.moving_entries))
    require_defined(loss, seed=seed)
    return _derive(loss, DeterminingSystem.of(loss, seed=seed), chosen, progress)


def _derive(loss: Loss, system: DeterminingSystem, ansatz: Ansatz, progress: Progress | None) -> SymmetryAlgebra:
    null = _null_directions(system)
    if isinstance(ansatz, Basis):
        outcome = solve_in_basis(loss, system, ansatz)
        return _assemble(loss, system, ansatz, outcome, null)
    if not null.found or not ansatz.inflation(len(system.coordinates)):
        outcome = solve(system, ansatz.unknowns(len(system.coordinates)), progress=_stage(progress))
        return _assemble(loss, system, ansatz, outcome, null)
    return _derive_on_slice(loss, system, ansatz, null, progress)


def _stage(progress: Progress | None) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, total: progress("determining equations", done, total)


def _null_directions(system: DeterminingSystem) -> Outcome:
    """The constant fields that annihilate the loss."""
    return solve(system, Polynomial(0).unknowns(len(system.coordinates)))


def _derive_on_slice(
    loss: Loss, system: DeterminingSystem, ansatz: Ansatz, null: Outcome, progress: Progress | None
) -> SymmetryAlgebra:
    """The algebra when there are null directions v: f(theta) v for every f, and the lift of the slice's algebra."""
    directions = [found.field for found in null.found]
    pivots = pivots_of(directions, system.coordinates)
    inner = _slice(system, directions, pivots)
    size = len(inner.coordinates)
    unknowns = ansatz.unknowns(len(system.coordinates))
    slice_outcome = solve(inner, ansatz.unknowns(size), progress=_stage(progress)) if size else Outcome()
    essential = _assemble(loss, inner, ansatz, slice_outcome, Outcome())
    if not all(is_numeric(field) for field in directions):
        outcome = solve(system, unknowns, progress=_stage(progress))
        return replace(_assemble(loss, system, ansatz, outcome, null), slice=essential)
    outcome = Outcome(evidence=slice_outcome.evidence | {"null_directions": len(directions)})
    _add_lifted(system, outcome, slice_outcome, directions, pivots, shift=0)
    if isinstance(ansatz, Polynomial) and size:
        for shift in range(1, ansatz.degree):
            lower = solve(inner, Polynomial(ansatz.degree - shift).unknowns(size))
            _add_lifted(system, outcome, lower, directions, pivots, shift=shift)
    for one in null.found:
        fields = inflated_fields(one.field, system.coordinates, unknowns)
        outcome.found.extend(Found(field, one.proof) for field in fields)
    outcome.upper_bound += ansatz.inflation(len(system.coordinates)) * null.upper_bound
    outcome.open_blocks += null.open_blocks
    return replace(_assemble(loss, system, ansatz, outcome, null), slice=essential)


def _slice(system: DeterminingSystem, directions: list[VectorField], pivots: tuple[str, ...]) -> DeterminingSystem:
    """The loss with its null directions cut off, at a height where it has no removable singularity."""
    heights = SLICE_HEIGHTS if all(is_numeric(field) for field in directions) else SLICE_HEIGHTS[:1]
    for height in heights[:-1]:
        try:
            return system.slice(*slice_at(directions, pivots, height))
        except InputError:
            continue
    return system.slice(*slice_at(directions, pivots, heights[-1]))


def _add_lifted(
    system: DeterminingSystem,
    outcome: Outcome,
    inner: Outcome,
    directions: list[VectorField],
    pivots: tuple[str, ...],
    *,
    shift: int,
) -> None:
    """Add the slice's fields, lifted and times every monomial of degree ``shift`` in the cut coordinates."""
    for field in lift_fields([one.field for one in inner.found], directions, pivots):
        proof = prove_field(system, field)
        if proof.outcome != "zero":
            outcome.open_blocks.append(f"the lift of a field from the slice was not proved: {field}")
            continue
        outcome.found.extend(Found(times(field, monomial), proof) for monomial in monomials_in(pivots, shift))
    outcome.upper_bound += comb(len(pivots) + shift - 1, shift) * inner.upper_bound
    outcome.open_blocks += inner.open_blocks


def _assemble(
    loss: Loss, system: DeterminingSystem, ansatz: Ansatz, outcome: Outcome, null: Outcome
) -> SymmetryAlgebra:
    fields = tuple(found.field for found in outcome.found)
    return SymmetryAlgebra(
        loss=loss,
        ansatz=ansatz,
        generators=fields,
        generator_claims=tuple(_generator_claim(found) for found in outcome.found),
        null_fields=tuple(found.field for found in null.found),
        completeness=_completeness(system, ansatz, outcome),
        redundancy=redundancy_claim(system, fields) if system.data else None,
    )


def _generator_claim(found: Found) -> Claim:
    proof = found.proof
    method = "after expansion" if proof.expansions else "in normal form"
    inner = (
        "one expression whose derivative vanishes"
        if proof.invariants == 1
        else (f"{proof.invariants} expressions whose derivatives vanish")
    )
    return Claim(
        statement=f"({found.field}) L = 0",
        verdict="proved",
        reason=f"L depends on what X moves through {inner}, {method}",
        evidence={"invariants": proof.invariants, "expansions": proof.expansions},
    )


def _completeness(system: DeterminingSystem, ansatz: Ansatz, outcome: Outcome) -> Claim:
    """The claim that the fields found span all symmetries inside the ansatz."""
    dimension = len(outcome.found)
    evidence: dict[str, Any] = {**outcome.evidence, "upper_bound": outcome.upper_bound, "proved_generators": dimension}
    checked = float_nullity(system, ansatz)
    if checked is not None:
        evidence["float_nullity"] = checked
    statement = f"every {ansatz.name} symmetry of L lies in the span of the fields, of dimension {dimension}"
    verdict: Verdict = "proved"
    assumptions: tuple[str, ...] = ()
    if dimension < outcome.upper_bound:
        verdict = "undecided"
        reason = "; ".join(dict.fromkeys(outcome.open_blocks)) or "the upper bound was not reached"
    elif not system.independence.proved and checked is not None and checked > outcome.upper_bound:
        verdict = "undecided"
        reason = (
            f"double precision sees {checked} symmetries, the exact equations {outcome.upper_bound}: "
            "two functions in the loss may be related in a way that was not recognised"
        )
    else:
        assumptions = system.independence.assumptions
        bound = f"the equations at {evidence.get('points', 0)} points modulo {evidence.get('prime', 'a prime')} leave"
        reason = f"{bound} dimension {outcome.upper_bound} at most; {system.independence.reason}"
    return Claim(statement=statement, verdict=verdict, reason=reason, assumptions=assumptions, evidence=evidence)
