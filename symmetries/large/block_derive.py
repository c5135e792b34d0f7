r"""Derivation of the block symmetries of a loss, for networks of up to 100,000 parameters.

X = sum of matrices on the axes of the arrays; :math:`X\cdot L` is linear in the matrices, with the moment matrices as
coefficients.  The relations between their entries are sampled modulo primes below 2**20, character by character,
lifted to the rationals, gathered in families, and each family is proved as one statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.algebra import EXPLICIT, SymmetryAlgebra
from symmetries.certificate import Claim, Verdict
from symmetries.expression import walk
from symmetries.fields import VectorField
from symmetries.large.block_diagonal import CoupledUnknowns, solve_coupled
from symmetries.large.block_essential import essential_families, has_rational_entries
from symmetries.large.block_families import Family, ProvedFamily, SpaceFamily, UnnamedFields
from symmetries.large.block_fields import FieldMaker, LazySequence
from symmetries.large.block_grading import Grading, grade_blocks, moving_shapes
from symmetries.large.block_independence import independence_of
from symmetries.large.block_lift import ModularSolution, lift
from symmetries.large.block_moments import MomentEquations, TooFewPoints
from symmetries.large.block_null import NullDirections, null_directions
from symmetries.large.block_proof import FamilyProver
from symmetries.large.block_small import small_loss
from symmetries.large.moment_field import field_primes
from symmetries.large.moment_sampler import MomentSampler
from symmetries.modular import UnsuitablePrime
from symmetries.related import Independence

if TYPE_CHECKING:
    from symmetries.ansatz import Ansatz
    from symmetries.loss import Loss

Progress: TypeAlias = Callable[[str, int, int], None]

MAX_PRIMES = 8
MAX_MOMENTS = 8_000_000
"""Entries of the moment matrices of one point."""


@final
@dataclass(frozen=True)
class Derived:
    """Families with what was found on the way.

    Parameters
    ----------
    families: families that were proved or measured.
    bound: dimension that no algebra of block symmetries can exceed.
    open: why the bound was not reached.
    evidence: sizes and primes.
    """

    families: tuple[ProvedFamily, ...]
    bound: int
    open: tuple[str, ...]
    evidence: dict[str, Any]


def derive_blocks(loss: Loss, ansatz: Ansatz, *, seed: int, progress: Progress | None = None) -> SymmetryAlgebra:
    """All block symmetries of a loss.

    Raises
    ------
    InputError: the equations do not fit in memory, or too few points can be sampled.
    """
    grading = grade_blocks(loss)
    columns = CoupledUnknowns(grading)
    _check_memory(grading)
    small = small_loss(loss, seed=seed)
    if small is not None and small.related:
        return small.derive(ansatz, columns)
    search = _Search(loss, grading, columns, seed, progress)
    try:
        derived = search.run(FamilyProver(loss, None if small is None else small.system))
    except TooFewPoints:
        if small is not None:
            return small.derive(ansatz, columns)
        raise InputError(
            "the loss could not be sampled modulo a prime",
            why="too few random points are in its domain, on a definite branch, with all its roots in the field",
            cure="use smaller sizes, or Linear(), which samples entry by entry",
        ) from None
    primes = search.primes()
    sampler, check = search.sampler(next(primes)), search.sampler(next(primes))
    independence = independence_of(sampler)
    if small is None:
        return _assemble(loss, ansatz, derived, independence, null_directions(sampler, check, grading))
    null = NullDirections(small.null_fields())
    if independence.proved or not small.fits(columns):
        return _assemble(loss, ansatz, derived, independence, null)
    # The points took functions for independent that need not be so: the bound comes from the loss entry by entry.
    exact = small.derive(ansatz, columns)
    if exact.dimension != sum(one.family.dimension for one in derived.families):
        return exact
    return _assemble(loss, ansatz, derived, independence, null, completeness=exact.completeness)


def _check_memory(grading: Grading) -> None:
    entries = sum(slot.length**2 for slot in grading.slots)
    if entries > MAX_MOMENTS:
        longest = max(grading.slots, key=lambda slot: slot.length)
        raise InputError(
            f"the ansatz blocks has {entries:,} unknown coefficients",
            why=f"at most {MAX_MOMENTS:,} are taken (about {entries * 8 * 40 / 1e9:.0f} GB would be needed); the "
            f"{longest.text} alone have {longest.length**2:,}",
            cure="use smaller sizes: a family that is found at one size can be proved at all sizes as matrix words",
        )


@final
class _Search:
    """Solutions modulo primes until they are lifted and hold."""

    def __init__(
        self, loss: Loss, grading: Grading, columns: CoupledUnknowns, seed: int, progress: Progress | None
    ) -> None:
        self.loss = loss
        self.grading = grading
        self.columns = columns
        self.seed = seed
        self.progress = progress
        self.letter = next(one for one in ("S", "M", "Z", "S_") if one not in {*loss.parameters, *loss.data})
        degrees: set[int] = set()
        for node in walk(loss.expression):
            payload: Any = node.payload
            if node.operation == "power":
                odd = payload.denominator
                while odd % 2 == 0:
                    odd //= 2
                degrees.add(odd)
        self._degrees = frozenset(degrees - {1})
        self._samplers: dict[int, MomentSampler] = {}

    def primes(self) -> Iterator[int]:
        """Primes that suit the loss."""
        for prime in field_primes(odd_degrees=self._degrees):
            try:
                self.sampler(prime)
            except UnsuitablePrime:
                continue
            yield prime

    def sampler(self, prime: int) -> MomentSampler:
        """The points modulo a prime; positive ones where most others are outside the domain of the loss."""
        if prime not in self._samplers:
            sampler = MomentSampler(self.loss, prime, seed=self.seed)
            if not any(True for _ in sampler.states(1)):
                sampler.positive = True
            self._samplers[prime] = sampler
        return self._samplers[prime]

    def _say(self, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress("moment matrices", done, total)

    def solve(self, prime: int) -> ModularSolution:
        """All relations modulo a prime."""
        sampler = self.sampler(prime)
        self._say(0, 3)
        equations = MomentEquations(sampler, self.grading.spaces)
        equations.solve()
        self._say(1, 3)
        coupled = solve_coupled(sampler, self.columns)
        self._say(2, 3)
        return ModularSolution(prime, tuple(equations.relations), coupled, equations.rows + coupled.rows)

    def run(self, prover: FamilyProver) -> Derived:
        """Families that hold, and the upper bound."""
        primes = self.primes()
        solutions = [self.solve(next(primes))]
        check = self.sampler(next(primes))
        proved: list[ProvedFamily] = []
        reasons: list[str] = ["the coefficients could not be read as rational numbers"]
        for _ in range(MAX_PRIMES):
            families = lift(solutions, self.grading, letter=self.letter)
            if families is not None:
                proved, reasons, refuted = self._prove(families, prover, check)
                if not refuted:
                    break
            following = self.solve(check.field.prime)
            check = self.sampler(next(primes))
            if following.dimension < solutions[0].dimension:
                solutions = [following]
            elif following.dimension == solutions[0].dimension:
                solutions.append(following)
        self._say(3, 3)
        return Derived(
            families=tuple(proved),
            bound=min(one.dimension for one in solutions),
            open=tuple(reasons),
            evidence=self._evidence(solutions),
        )

    def _prove(
        self, families: Sequence[Family], prover: FamilyProver, check: MomentSampler
    ) -> tuple[list[ProvedFamily], list[str], bool]:
        proved, reasons, refuted = [], [], False
        waiting = list(families)
        while waiting:
            family = waiting.pop(0)
            attempt = prover.prove(family, check=check)
            if attempt.verdict in {"proved", "measured"}:
                proved.append(ProvedFamily(family, attempt.claim(family)))
            elif attempt.verdict == "undecided" and isinstance(family, SpaceFamily) and family.parts():
                waiting = [*family.parts(), *waiting]
            else:
                reasons.append(f"{family.dimension} generators on {family.space}: {attempt.reason}")
                refuted |= attempt.verdict == "refuted"
        return proved, reasons, refuted

    def _evidence(self, solutions: Sequence[ModularSolution]) -> dict[str, Any]:
        return {
            "unknowns": sum(slot.length**2 for slot in self.grading.slots),
            "index_spaces": len(self.grading.spaces),
            "coupled_unknowns": self.columns.count,
            "scalings": len(self.grading.weights),
            "sign_changes": len(self.grading.parities),
            "prime": solutions[0].prime,
            "primes": len(solutions),
            "points": solutions[0].points,
        }


# the algebra


def _assemble(
    loss: Loss,
    ansatz: Ansatz,
    derived: Derived,
    independence: Independence,
    null: NullDirections,
    *,
    completeness: Claim | None = None,
) -> SymmetryAlgebra:
    """The algebra of the families; its completeness is that of the sampled bound where no other is given."""
    maker = FieldMaker(moving_shapes(loss))
    dimension = sum(one.family.dimension for one in derived.families)
    completeness = completeness or _completeness(ansatz, derived, independence, null, dimension)
    whole = _of_families(loss, ansatz, derived.families, maker, completeness)
    if not null.fields:
        return whole
    if not all(has_rational_entries(field) for field in null.fields):
        return replace(whole, null_fields=null.fields)
    families = essential_families(derived.families, null.fields, maker)
    essential = _of_families(loss, ansatz, families, maker, completeness)
    return replace(whole, null_fields=null.fields, slice=essential)


def _of_families(
    loss: Loss, ansatz: Ansatz, families: tuple[ProvedFamily, ...], maker: FieldMaker, completeness: Claim
) -> SymmetryAlgebra:
    """The span of some families, its fields made when they are asked for."""
    ends = np.cumsum([one.family.dimension for one in families], dtype=int).tolist()
    dimension = ends[-1] if ends else 0

    def place(k: int) -> tuple[ProvedFamily, int]:
        """Family of generator k, and its number there."""
        which = int(np.searchsorted(ends, k, side="right"))
        return families[which], k - (ends[which - 1] if which else 0)

    def field_at(k: int) -> VectorField:
        """Generator k."""
        one, number = place(k)
        return (
            one.family.fields[number]
            if isinstance(one.family, UnnamedFields)
            else maker.field(one.family.vector(number))
        )

    def claim_at(k: int) -> Claim:
        """Its claim: by its own formula when there are few, else that of its family."""
        claim = place(k)[0].claim
        return replace(claim, statement=f"({field_at(k)}) L = 0") if dimension <= EXPLICIT else claim

    return SymmetryAlgebra(
        loss=loss,
        ansatz=ansatz,
        generators=LazySequence(dimension, field_at),
        generator_claims=LazySequence(dimension, claim_at),
        null_fields=(),
        completeness=completeness,
        families=families,
    )


def _completeness(
    ansatz: Ansatz, derived: Derived, independence: Independence, null: NullDirections, dimension: int
) -> Claim:
    verdict: Verdict = "proved"
    assumptions: tuple[str, ...] = ()
    evidence = derived.evidence | {"upper_bound": derived.bound, "proved_generators": dimension}
    if null.reason:
        evidence["null_directions"] = null.reason
    if dimension < derived.bound:
        verdict, reason = "undecided", "; ".join(derived.open) or "the upper bound was not reached"
    elif not independence.proved and not independence.assumptions:
        verdict, reason = "undecided", independence.reason
    else:
        assumptions = independence.assumptions
        bound = f"the moment matrices at {evidence['points']} points modulo {evidence['prime']} leave"
        reason = f"{bound} dimension {derived.bound} at most; {independence.reason}"
        if any(one.claim.verdict == "measured" for one in derived.families):
            verdict = "measured"
            reason += "; some fields are not proved but tested at random points modulo another prime"
    return Claim(
        statement=f"every {ansatz.name} symmetry of L lies in the span of the fields, of dimension {dimension}",
        verdict=verdict,
        reason=reason,
        assumptions=assumptions,
        evidence=evidence,
    )
