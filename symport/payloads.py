"""The parts of the objects that programs read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symmetries.algebra import SymmetryAlgebra
    from symmetries.catalog import CatalogEntry
    from symmetries.certificate import Certificate, Claim
    from symmetries.loss import Loss

EVIDENCE = ("samples", "worst_residual", "tolerance", "counterexample")
"""What the evidence of a verified claim always names, null where it does not apply."""


def loss_payload(loss: Loss) -> dict[str, Any]:
    """A loss: its formula and the shapes of its symbols; data that is given has its values."""
    declared = loss.to_dict()
    shown = {key: declared[key] for key in ("name", "formula", "parameters", "data", "constants")}
    return shown | ({"at": declared["at"]} if "at" in declared else {})


def derive_payload(algebra: SymmetryAlgebra) -> dict[str, Any]:
    """What was derived."""
    essential = algebra.essential
    return {
        "loss": loss_payload(algebra.loss),
        "ansatz": algebra.ansatz.name,
        "unknowns": algebra.ansatz.count_in(algebra.loss),
        "dimension": algebra.dimension,
        "null_directions": algebra.null_directions,
        "essential_dimension": essential.dimension,
        **generators_payload(algebra),
        "null_fields": [dict(field.components) for field in algebra.null_fields],
        "closed": algebra.is_closed,
        "algebra": algebra_payload(algebra),
        "essential": {
            "dimension": essential.dimension,
            "name": essential.name,
            "synonyms": list(essential.synonyms),
        },
        "completeness": algebra.completeness.to_dict(),
        "hidden": [dict(field.components) for field in algebra.hidden],
        "redundancy": algebra.redundancy.to_dict() if algebra.redundancy is not None else None,
    }


def generators_payload(algebra: SymmetryAlgebra) -> dict[str, Any]:
    """The generators; of a large block algebra one for each family, and the families."""
    from symport.family_rows import families_payload, is_large, representatives

    chosen = representatives(algebra) if is_large(algebra) else range(algebra.dimension)
    listed = ((algebra.generators[k], algebra.generator_claims[k]) for k in chosen)
    shown = {
        "generators": [
            {"field": dict(field.components), "verdict": claim.verdict, "reason": claim.reason}
            for field, claim in listed
        ],
        "generators_complete": len(chosen) == algebra.dimension,
    }
    return shown | ({"families": families_payload(algebra)} if algebra.families is not None else {})


def algebra_payload(algebra: SymmetryAlgebra) -> dict[str, Any]:
    """What the algebra is; null is what is not known, and ``reason`` says why there is no name."""
    identity = algebra.identity
    signature, levi = identity.killing_signature, identity.levi
    return {
        "name": identity.name,
        "synonyms": list(identity.synonyms),
        "abelian": identity.abelian,
        "solvable": identity.solvable,
        "nilpotent": identity.nilpotent,
        "semisimple": identity.semisimple,
        "reductive": identity.reductive,
        "perfect": identity.perfect,
        "unimodular": identity.unimodular,
        "killing_signature": list(signature) if signature is not None else None,
        "levi": {"radical": levi.radical, "semisimple": levi.semisimple} if levi is not None else None,
        "radical_dimension": levi.radical_dimension if levi is not None else None,
        "centre_dimension": identity.centre,
        "derived_series": list(identity.derived_series) or None,
        "lower_central_series": list(identity.lower_central_series) or None,
        "simple_ideals": list(identity.simple_ideals),
        "description": identity.description,
        "reason": identity.reason,
        "assumptions": list(identity.assumptions),
    }


def claim_payload(claim: Claim) -> dict[str, Any]:
    """A verified claim; what its evidence always names is null where it does not apply."""
    shown = claim.to_dict()
    return shown | {"evidence": dict.fromkeys(EVIDENCE) | shown["evidence"]}


def verify_payload(certificate: Certificate) -> dict[str, Any]:
    """What was verified."""
    return {
        "verdict": certificate.verdict,
        "claims": [claim_payload(claim) for claim in certificate.claims],
    }


def entry_payload(entry: CatalogEntry) -> dict[str, Any]:
    """One catalogued loss."""
    declared = loss_payload(entry.loss)
    return {
        "name": entry.name,
        "title": entry.title,
        **{key: declared[key] for key in ("formula", "parameters", "data", "constants")},
        "ansatz": entry.ansatz,
        "dimension": entry.dimension,
        "null_directions": entry.null_directions,
        "algebra": entry.algebra,
        "note": entry.note,
        "source": entry.source,
    }
