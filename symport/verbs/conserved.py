"""`symport conserved`: what gradient flow keeps, proved, and how much of it there can be."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symport import spec as specs
from symport.answers import CODES, Answer, to_json
from symport.pairs import read_point
from symport.payloads import loss_payload

if TYPE_CHECKING:
    from symmetries.conservation import ConservationLaws
    from symport.session import Session
    from symport.spec import Spec

FAMILIES = "affine, linear, diagonal or polynomial:3 (any degree)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    specs.add_arguments(parser)
    where = parser.add_argument_group("what is searched")
    about = f"fields among which the gradients are searched: {FAMILIES}; default: affine, or what the loss names"
    where.add_argument("--ansatz", metavar="FIELDS", help=about)
    metric = 'weights of the parameters in the metric of the flow, such as "U=2; V=1"; default: 1'
    where.add_argument("--metric", metavar="PAIRS", help=metric)
    patterns = "branches of relu and the like in the count: those that sampled data reach, or all (an assumption)"
    where.add_argument("--patterns", choices=("realised", "all"), default="realised", help=patterns)


def run(options: argparse.Namespace, session: Session) -> Answer:
    """Search, with exit code 3 when the list of polynomials may be incomplete or the number is not settled."""
    spec = specs.resolve(options)
    laws = search(spec, options, session)

    def blocks() -> list[Any]:
        """What is shown to people."""
        from symport.conserved_sections import conserved_blocks
        from symport.sections import loss_blocks

        return [*loss_blocks(spec), *conserved_blocks(laws)]

    def files(payload: dict[str, Any]) -> Mapping[str, bytes]:
        """Files that ``--output`` writes."""
        return {"conserved.json": to_json(payload).encode()}

    return Answer(payload=conserved_payload(laws), blocks=blocks, code=CODES[laws.verdict], files=files)


def search(spec: Spec, options: argparse.Namespace, session: Session) -> ConservationLaws:
    """The conserved quantities of a loss."""
    from symmetries.conservation import conservation_laws

    ansatz = spec.choose_ansatz(options.ansatz) if options.ansatz else None
    metric = read_point(options.metric, "--metric") if options.metric is not None else None
    with session.progress() as progress:
        return conservation_laws(
            spec.loss, ansatz=ansatz, metric=metric, patterns=options.patterns, rng=session.seed, progress=progress
        )


def conserved_payload(laws: ConservationLaws) -> dict[str, Any]:
    """What is conserved, for programs."""
    evidence = laws.count.evidence
    return {
        "loss": loss_payload(laws.loss),
        "searched": laws.searched,
        "quantities": [
            {
                "expression": quantity.expression,
                "verdict": quantity.verdict,
                "kind": quantity.kind,
                "field": dict(quantity.field.components),
                "reason": quantity.claim.reason,
            }
            for quantity in laws.quantities
        ],
        "independent": laws.independent,
        "count": {"lower": evidence.get("lower"), "upper": evidence.get("upper"), **laws.count.to_dict()},
        "completeness": laws.completeness.to_dict(),
        "remarks": list(laws.remarks),
    }
