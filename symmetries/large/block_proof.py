"""Proofs of families: by the characters of the loss, by matrix words, entry by entry, or numbers modulo a prime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.certificate import Claim, Verdict
from symmetries.expression import Node, walk
from symmetries.large.block_charges import Axis, Kind
from symmetries.large.block_families import LETTERS, Family, SpaceFamily
from symmetries.large.block_fields import FieldMaker
from symmetries.large.block_grading import Slot, is_kept, moving_shapes
from symmetries.large.block_moments import diagonal_moment, moment
from symmetries.large.moment_field import FloatArray
from symmetries.large.moment_functions import is_bent
from symmetries.large.moment_sampler import Batch, MomentSampler
from symmetries.sizes.matrix_field import FamilyField, prove_matrix_field
from symmetries.system import DeterminingSystem

if TYPE_CHECKING:
    from symmetries.loss import Loss

SamplerAt: TypeAlias = Callable[[int], MomentSampler]

KINDS: Mapping[str, Kind] = {"gl": "linear", "sl": "linear", "so": "rotation", "diagonal": "scaling"}
CHECK_ROWS = 24
MAX_SINGLE = 400
"""Generators of one family that are proved entry by entry."""


@final
@dataclass(frozen=True)
class Attempt:
    """What came of a proof.

    Parameters
    ----------
    verdict: ``proved``, ``measured``, ``undecided``, or ``refuted`` when the family does not keep the loss.
    reason: why.
    evidence: numbers behind it.
    """

    verdict: Verdict
    reason: str
    evidence: Mapping[str, Any]

    def claim(self, family: Family) -> Claim:
        """The claim about a family."""
        return Claim(
            statement=statement_of(family), verdict=self.verdict, reason=self.reason, evidence=dict(self.evidence)
        )


def statement_of(family: Family) -> str:
    """What is claimed of a family."""
    count = f"{family.dimension:,} generator{'s' if family.dimension > 1 else ''}"
    if isinstance(family, SpaceFamily) and family.action:
        moves = ", ".join(f"δ{name} = {text}" for name, text in family.action.items())
        words = {"gl": "matrix", "sl": "matrix", "so": "skew-symmetric matrix", "diagonal": "diagonal matrix"}
        return f"X L = 0 for {moves} for every {words[family.pattern]} {family.letter} ({count})"
    return f"X L = 0 for {count} on {family.space}"


@final
class FamilyProver:
    """Proofs for one loss.

    Parameters
    ----------
    loss: the loss.
    system: the loss entry by entry, where it is small enough.
    """

    def __init__(self, loss: Loss, system: DeterminingSystem | None) -> None:
        self.loss = loss
        self.system = system
        self.symbols = loss.parameters | {n: item.shape for n, item in loss.data.items() if item.values is None}
        self.maker = FieldMaker(moving_shapes(loss))

    def prove(self, family: Family, *, check: MomentSampler) -> Attempt:
        """The best that can be said of a family."""
        for method in (self._by_characters, self._by_words, self._by_entries):
            found = method(family)
            if found is not None:
                return found
        return self._by_numbers(family, check)

    def _by_characters(self, family: Family) -> Attempt | None:
        if not isinstance(family, SpaceFamily):
            return None
        powers: dict[Axis, Fraction] = {}
        for slot, power in family.powers.items():
            if slot.ndim == 0:
                return None
            powers[slot.name, slot.axis] = power
        if not is_kept(self.loss.expression, self.symbols, KINDS[family.kind], powers):
            return None
        groups = {"linear": "invertible matrices", "rotation": "orthogonal matrices", "scaling": "scalings of indices"}
        reason = f"every operation of L is equivariant under the {groups[KINDS[family.kind]]}, and L is invariant"
        return Attempt("proved", reason, {"method": "equivariance of every operation"})

    def _by_words(self, family: Family) -> Attempt | None:
        if not isinstance(family, SpaceFamily) or not family.action:
            return None
        whole = len(family.indices) == family.length or family.kind in {"so", "sl"}
        if not whole:
            return None
        try:
            field = FamilyField(dict(family.action), letters={family.letter: LETTERS[family.pattern]})
            claim = prove_matrix_field(self.loss, field)
        except InputError:
            return None
        return Attempt("proved", claim.reason, claim.evidence) if claim.verdict == "proved" else None

    def _by_entries(self, family: Family) -> Attempt | None:
        """Prove every generator by itself; a field that changes the loss refutes the family."""
        if self.system is None or family.dimension > MAX_SINGLE:
            return None
        for k in range(family.dimension):
            proof = self.system.prover.prove(self.system.tangent_map(self.maker.field(family.vector(k))))
            if proof.outcome == "nonzero":
                return Attempt("refuted", "a field of the family changes the loss", {})
            if proof.outcome == "discontinuous":
                return Attempt("undecided", "the fields need not keep the jumps of the loss", {})
            if proof.outcome != "zero":
                return None
        return Attempt("proved", "the derivative of L along each field is zero in normal form", {"method": "entries"})

    def _by_numbers(self, family: Family, check: MomentSampler) -> Attempt:
        """Test all generators at fresh points modulo another prime."""
        points, worst = 0, 0.0
        for batch in check.batches(CHECK_ROWS):
            points += batch.count
            worst = max(worst, largest_residual(family, batch, check))
        evidence: dict[str, Any] = {
            "prime": check.field.prime,
            "points": points,
            "worst_residual": worst,
            "tolerance": 0,
        }
        if worst or not points:
            return Attempt("refuted", "a field of the family changes the loss at a point", evidence)
        if may_jump(self.loss.expression):
            return Attempt("undecided", "the derivative vanishes almost everywhere, and the loss may jump", evidence)
        degree = degree_of(self.loss.expression)
        reason = f"X L = 0 at {points} fresh random points modulo {check.field.prime}"
        if degree is not None and not check.bent and degree < check.field.prime:
            bound = points * float(np.log10(degree / check.field.prime))
            evidence |= {"degree": degree, "log10_error_bound": bound}
            reason += (
                f": a polynomial of degree {degree} that is not zero there passes with probability 10**{bound:.0f}"
            )
        return Attempt("measured", reason, evidence)


def largest_residual(family: Family, batch: Batch, sampler: MomentSampler) -> float:
    """Largest residue, in absolute value, of X L over the generators of a family."""
    field = sampler.field
    if isinstance(family, SpaceFamily):
        total: FloatArray = np.zeros((1, 1))
        diagonal = family.kind == "diagonal"
        for slot, power in family.powers.items():
            one = diagonal_moment(batch, slot, field) if diagonal else moment(batch, slot, field)
            turned = one.transpose(0, 2, 1) if family.kind in {"gl", "sl"} and power < 0 else one
            total = field.reduce(total + field.reduce(field.residue(power) * turned))
        if diagonal:
            return float(np.abs(total[:, list(family.indices)]).max())
        total = field.reduce(total - total.transpose(0, 2, 1)) if family.kind == "so" else total
        if family.kind == "sl":
            missing = sorted(set(range(family.length)) - set(family.indices))
            total[:, missing, missing] = 0
        return float(np.abs(total).max())
    moments: dict[Slot, FloatArray] = {}
    worst = 0.0
    for k in range(family.dimension):
        total = np.zeros(batch.count)
        for (slot, i, j), value in family.vector(k).items():
            if slot not in moments:
                moments[slot] = moment(batch, slot, field)
            total = field.reduce(total + field.reduce(field.residue(value) * moments[slot][:, i, j]))
        worst = max(worst, float(np.abs(total).max()))
    return worst


def may_jump(root: Node) -> bool:
    """Whether the loss may jump: signs, branches of ``where``, or branches together with poles."""
    nodes = list(walk(root))
    if any(node.operation == "where" or node.payload == "sign" for node in nodes):
        return True
    poles = any(_has_pole(node) for node in nodes)
    functions = any(node.operation in {"function", "softmax", "logsumexp", "exponential"} for node in nodes)
    return poles and (functions or any(is_bent(node) for node in nodes))


def _has_pole(node: Node) -> bool:
    payload: Any = node.payload
    if node.operation == "power":
        return bool(payload < 0)
    return node.operation in {"inv", "exponential"} or (node.operation == "function" and payload in {"log", "tan"})


def degree_of(root: Node) -> int | None:
    """Degree of a polynomial loss in all its symbols; None when it is no polynomial."""
    degrees: dict[int, int] = {}
    for node in walk(root):
        inner = [degrees[id(argument)] for argument in node.arguments]
        payload: Any = node.payload
        if not inner:
            degrees[id(node)] = int(node.operation == "symbol")
        elif node.operation in {"multiply", "matmul"}:
            degrees[id(node)] = sum(inner)
        elif node.operation == "power" and payload.denominator == 1 and payload >= 0:
            degrees[id(node)] = inner[0] * int(payload)
        elif node.operation in {"add", "transpose", "reshape", "gather", "concatenate", "sum"}:
            degrees[id(node)] = max(inner)
        elif node.operation == "det":
            degrees[id(node)] = inner[0] * node.arguments[0].shape[0]
        else:
            return None
    return degrees[id(root)]
