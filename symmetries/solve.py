"""From null spaces modulo primes to proved fields with rational coefficients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias, final

import numpy as np

from symmetries.ansatz import Unknowns
from symmetries.blocks import ModularSystem, Partition, Solution, check_largest, partition
from symmetries.coefficients import solve_over_constants
from symmetries.fields import Monomial, VectorField
from symmetries.jumps import tangent_fields
from symmetries.nullspace import Vector, chinese_remainder, primitive_integers, rational_vector, short_basis
from symmetries.prove import Proof
from symmetries.system import DeterminingSystem

Progress: TypeAlias = Callable[[int, int], None]

FIRST_BOUND = 1024
MAX_LIFTS = 60


@final
@dataclass(frozen=True)
class Found:
    """A candidate symmetry with the attempt to prove it."""

    field: VectorField
    proof: Proof


@final
@dataclass
class Outcome:
    """What solving the determining equations gave.

    Parameters
    ----------
    found: proved fields.
    upper_bound: dimension that no symmetry algebra inside the ansatz can exceed.
    open_blocks: unsettled parts, as messages.
    evidence: sizes and primes behind the bound.
    """

    found: list[Found] = field(default_factory=list)
    upper_bound: int = 0
    open_blocks: list[str] = field(default_factory=list)
    evidence: dict[str, Any] = field(default_factory=dict)


def solve(system: DeterminingSystem, unknowns: Unknowns, *, progress: Progress | None = None) -> Outcome:
    """All fields of the span of the unknowns that annihilate the loss, each proved."""
    parts = partition(system, unknowns)
    check_largest(parts)
    outcome = Outcome()
    sampled = next(iter(system.samplers()), None)
    if sampled is None:
        raise system.undefined()
    first = ModularSystem(system, unknowns, *sampled)
    first.sampler.draw(min(parts.largest, 64) + 24)
    for unknown in first.unused(parts.single):
        _solve_block(system, unknowns, outcome, first.solve(np.array([unknown])), first)
    blocks = first.with_solutions(parts.blocks)
    for done, block in enumerate(blocks):
        _solve_block(system, unknowns, outcome, first.solve(block), first)
        if progress is not None:
            progress(done + 1, len(blocks))
    outcome.evidence = _evidence(system, unknowns, parts, first)
    return outcome


def _evidence(system: DeterminingSystem, unknowns: Unknowns, parts: Partition, first: ModularSystem) -> dict[str, Any]:
    return {
        "unknowns": unknowns.count,
        "blocks": parts.count,
        "largest_block": parts.largest,
        "scalings": len(system.grading.weights),
        "sign_changes": len(system.grading.parities),
        "prime": first.prime,
        "points": first.sampler.samples,
    }


def _solve_block(
    system: DeterminingSystem, unknowns: Unknowns, outcome: Outcome, solution: Solution, first: ModularSystem
) -> None:
    """Reconstruct and prove the null vectors of a block, with more primes while that fails."""
    if not solution.basis:
        return
    nullity = len(solution.basis)
    vectors = _rational(solution.basis, first.prime, bound=FIRST_BOUND)
    attempts = _prove_all(system, _fields(system, unknowns, solution.unknowns, vectors)) if vectors else []
    if any(attempt.proof.outcome == "nonzero" for attempt in attempts) or not attempts:
        over_constants = None
        if system.constant_nodes:
            over_constants = solve_over_constants(system, unknowns, solution.unknowns, solution.basis)
        if over_constants is not None:
            attempts = _prove_all(system, over_constants)
        else:
            attempts, nullity = _lift(system, unknowns, solution, attempts)
    outcome.upper_bound += nullity
    outcomes = {attempt.proof.outcome for attempt in attempts}
    if "discontinuous" in outcomes and "nonzero" not in outcomes:
        tangent = _prove_all(system, tangent_fields(system, [attempt.field for attempt in attempts]))
        proved = [attempt for attempt in tangent if attempt.proof.outcome == "zero"]
        if len(proved) >= sum(attempt.proof.outcome == "zero" for attempt in attempts):
            crossing = [attempt for attempt in attempts if attempt.proof.outcome == "discontinuous"]
            attempts = [*proved, crossing[0]]
    _settle(outcome, attempts, nullity)


def _settle(outcome: Outcome, attempts: list[Found], nullity: int) -> None:
    """Keep what was proved, and say what was not."""
    proved = [attempt for attempt in attempts if attempt.proof.outcome == "zero"]
    outcome.found.extend(proved)
    if len(proved) == nullity:
        return
    outcomes = sorted({attempt.proof.outcome for attempt in attempts} - {"zero"})
    reasons = {
        "discontinuous": "a candidate crosses a jump of the loss",
        "too large": "the expansion that would prove a candidate is too large",
        "nonzero": "a candidate modulo primes is no symmetry over the rationals",
    }
    found = [reasons[name] for name in outcomes] or ["a candidate could not be reconstructed over the rationals"]
    outcome.open_blocks.extend(reason for reason in found if reason not in outcome.open_blocks)


def _lift(
    system: DeterminingSystem, unknowns: Unknowns, solution: Solution, attempts: list[Found]
) -> tuple[list[Found], int]:
    """Combine primes until the rational vectors are proved; the proof attempts and the smallest nullity seen.

    A smaller null space modulo another prime replaces a larger one: primes can only enlarge it.
    """
    combined: list[dict[int, int]] = []
    pivots: tuple[int, ...] = ()
    modulus, best = 1, len(solution.basis)
    previous: Vector | None = None
    for lifts, (prime, sampler) in enumerate(system.samplers()):
        if lifts >= MAX_LIFTS or best == 0:
            break
        current = ModularSystem(system, unknowns, prime, sampler).solve(solution.unknowns)
        if len(current.basis) > best:
            continue
        if modulus == 1 or len(current.basis) < best or current.pivots != pivots:
            combined, pivots, modulus, best, previous = current.basis, current.pivots, prime, len(current.basis), None
            attempts = []
        else:
            combined = [
                chinese_remainder(old, modulus, new, prime) for old, new in zip(combined, current.basis, strict=True)
            ]
            modulus *= prime
        probe = rational_vector(combined[0], modulus) if combined else None
        vectors = _rational(combined, modulus) if probe is not None and probe == previous else None
        if vectors:
            attempts = _prove_all(system, _fields(system, unknowns, solution.unknowns, vectors))
            if all(attempt.proof.outcome != "nonzero" for attempt in attempts):
                break
        previous = probe
    return attempts, best


def _rational(basis: list[dict[int, int]], modulus: int, *, bound: int | None = None) -> list[dict[int, int]] | None:
    vectors = []
    for residues in basis:
        vector = rational_vector(residues, modulus, bound=bound)
        if vector is None:
            return None
        vectors.append(primitive_integers(vector))
    return vectors


def _fields(
    system: DeterminingSystem, unknowns: Unknowns, block: np.ndarray[Any, Any], vectors: list[dict[int, int]]
) -> list[VectorField]:
    return [vector_field(system, unknowns, block, vector) for vector in short_basis(vectors)]


def _prove_all(system: DeterminingSystem, fields: list[VectorField]) -> list[Found]:
    """Proof attempts; a field that is no symmetry ends them, since its block must be lifted again."""
    attempts: list[Found] = []
    for candidate in fields:
        attempts.append(Found(candidate, prove_field(system, candidate)))
        if attempts[-1].proof.outcome == "nonzero":
            break
    return attempts


def prove_field(system: DeterminingSystem, candidate: VectorField) -> Proof:
    """Try to prove that a field with polynomial components annihilates the loss."""
    return system.prover.prove(system.tangent_map(candidate))


def vector_field(
    system: DeterminingSystem, unknowns: Unknowns, block: np.ndarray[Any, Any], vector: Mapping[int, int]
) -> VectorField:
    """The field of an integer coefficient vector over the unknowns of a block."""
    polynomials: dict[str, dict[Monomial, Fraction]] = {}
    for place, value in vector.items():
        unknown = block[place]
        entry = system.coordinates[unknowns.component[unknown]]
        monomial = monomial_of(system, unknowns, int(unknowns.monomial[unknown]))
        polynomials.setdefault(entry, {})[monomial] = Fraction(value)
    ordered = {entry: polynomials[entry] for entry in system.coordinates if entry in polynomials}
    return VectorField.from_polynomials(ordered)


def monomial_of(system: DeterminingSystem, unknowns: Unknowns, which: int) -> Monomial:
    """A monomial of the ansatz by names."""
    if unknowns.monomials is None:
        return ((system.coordinates[which], 1),)
    exponents = unknowns.monomials[which]
    return tuple(sorted((system.coordinates[k], int(exponents[k])) for k in np.flatnonzero(exponents)))
