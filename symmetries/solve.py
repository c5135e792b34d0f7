"""From null spaces modulo primes to proved fields with rational coefficients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias, final

import numpy as np
from flint import fmpq

from symmetries.ansatz import Unknowns
from symmetries.blocks import ModularSystem, Partition, Solution, partition
from symmetries.coefficients import solve_over_constants
from symmetries.fields import Monomial, VectorField
from symmetries.nullspace import chinese_remainder, primitive_integers, rational_vector, short_basis
from symmetries.prove import Proof
from symmetries.system import DeterminingSystem

Progress: TypeAlias = Callable[[int, int], None]
Polynomials: TypeAlias = Mapping[str, Mapping[Monomial, Fraction]]

FIRST_BOUND = 1024
MAX_LIFTS = 60


@final
@dataclass(frozen=True)
class Found:
    """A proved symmetry."""

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
    outcome = Outcome()
    primes = [(prime, ModularSystem(system, unknowns, prime, sampler)) for prime, sampler in _first(system)]
    if not primes:
        raise system.undefined()
    prime, first = primes[0]
    first.sampler.draw(min(parts.largest, 64) + 24)
    for unknown in first.unused(parts.single):
        _accept(system, unknowns, outcome, np.array([unknown]), [{0: 1}])
        outcome.upper_bound += 1
    blocks = first.with_solutions(parts.blocks)
    for done, block in enumerate(blocks):
        _solve_block(system, unknowns, outcome, first.solve(block), first)
        if progress is not None:
            progress(done + 1, len(blocks))
    outcome.evidence = _evidence(system, unknowns, parts, first)
    return outcome


def _first(system: DeterminingSystem) -> list[tuple[int, Any]]:
    for prime, sampler in system.samplers():
        return [(prime, sampler)]
    return []


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
    vectors = _rational(solution.basis, first.prime, bound=FIRST_BOUND)
    if vectors is not None and _accept(system, unknowns, outcome, solution.unknowns, vectors):
        outcome.upper_bound += len(solution.basis)
        return
    if system.constants or system.constant_atoms:
        exact = solve_over_constants(system, unknowns, solution.unknowns, len(solution.basis))
        if exact is not None and _accept_fields(system, outcome, exact):
            outcome.upper_bound += len(solution.basis)
            return
    _lift(system, unknowns, outcome, solution)


def _lift(system: DeterminingSystem, unknowns: Unknowns, outcome: Outcome, solution: Solution) -> None:
    """Combine primes until the rational vectors are proved; a smaller null space modulo another prime replaces a larger."""
    combined: list[dict[int, int]] = []
    pivots: tuple[int, ...] = ()
    modulus, best = 1, len(solution.basis)
    previous: list[dict[int, int]] | None = None
    for lifts, (prime, sampler) in enumerate(system.samplers()):
        if lifts >= MAX_LIFTS:
            break
        current = ModularSystem(system, unknowns, prime, sampler).solve(solution.unknowns)
        if len(current.basis) > best:
            continue
        if len(current.basis) < best or current.pivots != pivots:
            combined, pivots, modulus, best, previous = current.basis, current.pivots, prime, len(current.basis), None
        else:
            combined = [
                chinese_remainder(old, modulus, new, prime) for old, new in zip(combined, current.basis, strict=True)
            ]
            modulus *= prime
        if best == 0:
            return
        vectors = _rational(combined, modulus)
        if (
            vectors is not None
            and vectors == previous
            and _accept(system, unknowns, outcome, solution.unknowns, vectors)
        ):
            outcome.upper_bound += best
            return
        previous = vectors
    outcome.upper_bound += best
    outcome.open_blocks.append(
        f"{best} candidate field(s) modulo primes in a block of {len(solution.unknowns)} unknowns could not be "
        "reconstructed and proved over the rationals"
    )


def _rational(basis: list[dict[int, int]], modulus: int, *, bound: int | None = None) -> list[dict[int, int]] | None:
    vectors = []
    for residues in basis:
        vector = rational_vector(residues, modulus, bound=bound)
        if vector is None:
            return None
        vectors.append(primitive_integers(vector))
    return vectors


def _accept(
    system: DeterminingSystem,
    unknowns: Unknowns,
    outcome: Outcome,
    block: np.ndarray[Any, Any],
    vectors: list[dict[int, int]],
) -> bool:
    fields = [vector_field(system, unknowns, block, vector) for vector in short_basis(vectors)]
    return _accept_fields(system, outcome, fields)


def _accept_fields(system: DeterminingSystem, outcome: Outcome, fields: list[VectorField]) -> bool:
    """Prove all fields of a block; keep them only together."""
    proved = []
    for candidate in fields:
        proof = prove_field(system, candidate)
        if proof.outcome != "zero":
            return False
        proved.append(Found(candidate, proof))
    outcome.found.extend(proved)
    return True


def prove_field(system: DeterminingSystem, candidate: VectorField) -> Proof:
    """Try to prove that a field with polynomial components annihilates the loss."""
    assert candidate.polynomials is not None
    graph = system.graph
    return system.prover.prove(
        {graph.symbol(entry): system.component_node(polynomial) for entry, polynomial in candidate.polynomials.items()}
    )


def vector_field(
    system: DeterminingSystem,
    unknowns: Unknowns,
    block: np.ndarray[Any, Any],
    vector: Mapping[int, int | Fraction | fmpq],
) -> VectorField:
    """The field of a coefficient vector over the unknowns of a block."""
    polynomials: dict[str, dict[Monomial, Fraction]] = {}
    for place, value in vector.items():
        unknown = block[place]
        entry = system.coordinates[unknowns.component[unknown]]
        monomial = monomial_of(system, unknowns, int(unknowns.monomial[unknown]))
        polynomials.setdefault(entry, {})[monomial] = (
            Fraction(int(value.numerator), int(value.denominator))
            if not isinstance(value, fmpq)
            else Fraction(int(value.p), int(value.q))
        )
    ordered = {entry: polynomials[entry] for entry in system.coordinates if entry in polynomials}
    return VectorField.from_polynomials(ordered)


def monomial_of(system: DeterminingSystem, unknowns: Unknowns, which: int) -> Monomial:
    """A monomial of the ansatz by names."""
    if unknowns.monomials is None:
        return ((system.coordinates[which], 1),)
    exponents = unknowns.monomials[which]
    return tuple(sorted((system.coordinates[k], int(exponents[k])) for k in np.flatnonzero(exponents)))
