"""What is checked again before a proof is exported: nothing is written that is not proved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifolds.errors import InputError
from symmetries.fields import VectorField
from symmetries.finite_action import FiniteAction, action_quantities
from symmetries.given_basis import field_nodes
from symmetries.identity import is_identically_zero
from symmetries.loss import Loss
from symmetries.operations import subtract
from symmetries.system import DeterminingSystem

if TYPE_CHECKING:
    from symmetries.certificate import Certificate

VERIFY = "write the certificate again with `symport verify`"


def check_fields(loss: Loss, certificate: Certificate) -> None:
    """Refuse a field that the exact prover does not prove, and claims that contradict the fields."""
    fields = [VectorField(components) for components in certificate.fields]
    verdicts = {_plain(claim.statement): claim.verdict for claim in certificate.claims}
    spoken = {_plain(f"({field}) L = 0") for field in fields}
    for claim in certificate.claims:
        if claim.statement.endswith(") L = 0") and _plain(claim.statement) not in spoken:
            why = "the certificate holds no field that it speaks of"
            raise InputError(f"the claim {claim.statement!r} in the export to Coq", why=why, cure=VERIFY)
    system = DeterminingSystem.of(loss, seed=0)
    for field in fields:
        verdict = verdicts.get(_plain(f"({field}) L = 0"))
        what = f"the field {field} in the export to Coq"
        proved = system.prover.prove(field_nodes(loss, system, field)).outcome == "zero"
        if not proved:
            why = "it is not proved that the field annihilates the loss"
            raise InputError(what, why=why, cure="see what `symport verify` says of it")
        if verdict is None or verdict == "refuted":
            why = "the certificate makes no claim about it" if verdict is None else "the certificate calls it refuted"
            raise InputError(what, why=why, cure=VERIFY)


def check_action(loss: Loss, certificate: Certificate, action: FiniteAction) -> None:
    """Refuse an action that is not proved to leave the loss unchanged."""
    statement = f"L(g_{action.time} w) = L(w)"
    what = f"the action {action} in the export to Coq"
    quantities = action_quantities(loss, action)[statement]
    if not all(is_identically_zero(subtract(one.left, one.right)) for one in quantities):
        why = "it is not proved that the action leaves the loss unchanged"
        raise InputError(what, why=why, cure="see what `symport verify` says of it")
    verdicts = {claim.statement: claim.verdict for claim in certificate.claims}
    if verdicts.get(statement) in {None, "refuted"}:
        raise InputError(what, why=f"the certificate does not claim that {statement}", cure=VERIFY)


def _plain(statement: str) -> str:
    return "".join(statement.split())
