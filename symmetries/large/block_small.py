"""Block symmetries of small losses, entry by entry: for related functions, and roots that no field has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from manifolds.errors import InputError
from symmetries.algebra import SymmetryAlgebra
from symmetries.ansatz import Ansatz, Basis, Polynomial
from symmetries.certificate import Claim
from symmetries.expression import walk
from symmetries.fields import VectorField
from symmetries.given_basis import solve_in_basis
from symmetries.large.block_diagonal import CoupledUnknowns
from symmetries.large.block_fields import FieldMaker
from symmetries.large.block_grading import moving_shapes
from symmetries.natural_domain import lower_loss
from symmetries.related import relate
from symmetries.scalar import ScalarGraph
from symmetries.solve import Outcome, solve
from symmetries.system import DeterminingSystem

if TYPE_CHECKING:
    from symmetries.loss import Loss

MAX_OPERATIONS = 2_500
"""Scalar operations of a loss that is also looked at entry by entry."""
MAX_UNKNOWNS = 400


@final
@dataclass(frozen=True)
class SmallLoss:
    """A small loss entry by entry.

    Parameters
    ----------
    loss: the loss.
    system: its determining equations.
    related: whether related functions in it were rewritten in independent ones.
    """

    loss: Loss
    system: DeterminingSystem
    related: bool

    def fits(self, columns: CoupledUnknowns) -> bool:
        """Whether :meth:`derive` takes so many unknowns."""
        return len(spanning_fields(self.loss, columns)) <= MAX_UNKNOWNS

    def null_fields(self) -> tuple[VectorField, ...]:
        """The constant fields that annihilate the loss, each proved."""
        constants = Polynomial(0).unknowns(len(self.system.coordinates))
        return tuple(found.field for found in solve(self.system, constants).found)

    def derive(self, ansatz: Ansatz, columns: CoupledUnknowns) -> SymmetryAlgebra:
        """All block symmetries, as combinations of the fields that span the blocks.

        Raises
        ------
        InputError: there are too many of them.
        """
        fields = spanning_fields(self.loss, columns)
        if len(fields) > MAX_UNKNOWNS:
            raise InputError(
                f"the ansatz blocks has {len(fields):,} unknown coefficients",
                why=f"functions in the loss are related or have roots, and then at most {MAX_UNKNOWNS} are taken",
                cure="use smaller sizes, or Linear()",
            )
        outcome = solve_in_basis(self.loss, self.system, Basis(fields))
        return SymmetryAlgebra(
            loss=self.loss,
            ansatz=ansatz,
            generators=tuple(found.field for found in outcome.found),
            generator_claims=tuple(
                Claim(
                    statement=f"({found.field}) L = 0",
                    verdict="proved",
                    reason="the derivative of L along the field is zero in normal form",
                )
                for found in outcome.found
            ),
            null_fields=self.null_fields(),
            completeness=self._completeness(ansatz, outcome),
        )

    def _completeness(self, ansatz: Ansatz, outcome: Outcome) -> Claim:
        count, independence = len(outcome.found), self.system.independence
        complete = count == outcome.upper_bound
        bound = f"the equations at {outcome.evidence.get('points', 0)} points leave dimension {outcome.upper_bound}"
        return Claim(
            statement=f"every {ansatz.name} symmetry of L lies in the span of the fields, of dimension {count}",
            verdict="proved" if complete else "undecided",
            reason=f"{bound} at most; {independence.reason}" if complete else "; ".join(outcome.open_blocks),
            assumptions=independence.assumptions if complete else (),
            evidence=outcome.evidence | {"upper_bound": outcome.upper_bound, "proved_generators": count},
        )


def spanning_fields(loss: Loss, columns: CoupledUnknowns) -> list[VectorField]:
    """A basis of the block fields: a unit matrix on one axis, one diagonal unit left out for each further axis."""
    maker = FieldMaker(moving_shapes(loss))
    fields = []
    for slot in columns.grading.slots:
        for i in range(slot.length):
            for j in range(slot.length):
                if (i, j) != (0, 0) or slot.axis == 0:
                    fields.append(maker.field({(slot, i, j): 1}))  # type: ignore[dict-item]
    return fields


def small_loss(loss: Loss, *, seed: int) -> SmallLoss | None:
    """The loss entry by entry, None when it is too large for that."""
    if operations(loss) > MAX_OPERATIONS:
        return None
    graph = ScalarGraph()
    lowered, _ = lower_loss(graph, loss.expression)
    related = relate(graph, lowered, seed=seed)[0] != lowered
    return SmallLoss(loss, DeterminingSystem.of(loss, seed=seed), related)


def operations(loss: Loss) -> int:
    """Number of scalar operations of a loss."""
    total = 0
    for node in walk(loss.expression):
        inner = node.arguments[0].shape[-1] if node.operation == "matmul" else 1
        dense = node.shape[0] ** 3 * 20 if node.operation == "inv" else 0
        dense = 2 ** node.arguments[0].shape[0] * 8 if node.operation == "det" else dense
        total += node.size * inner + dense
    return total
