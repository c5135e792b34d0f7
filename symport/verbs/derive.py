"""`symport derive`: all symmetries of a loss in a family of fields, proved."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from symport import families
from symport import spec as specs
from symport.answers import CODES, Answer, to_json
from symport.payloads import derive_payload

if TYPE_CHECKING:
    from symmetries.algebra import SymmetryAlgebra
    from symmetries.certificate import Certificate
    from symport.session import Session
    from symport.spec import Spec

FAMILIES = "linear, affine, diagonal, blocks (large networks) or polynomial:3 (any degree)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    specs.add_arguments(parser)
    about = f"where to search: {FAMILIES}; default: what the loss names, else linear"
    parser.add_argument("--ansatz", metavar="FIELDS", help=about)


def run(options: argparse.Namespace, session: Session) -> Answer:
    """Derive, with exit code 3 when the list may be incomplete."""
    family = families.find_family(options)
    if family is not None:
        return families.answer(family, session)
    spec = specs.resolve(options)
    algebra = search(spec, options.ansatz, session)

    def blocks() -> list[Any]:
        """What is shown to people."""
        from symport.sections import derive_blocks, loss_blocks

        return [*loss_blocks(spec), *derive_blocks(algebra)]

    def files(payload: dict[str, Any]) -> Mapping[str, bytes]:
        """Files that ``--output`` writes."""
        return {
            "derive.json": to_json(payload).encode(),
            "certificate.json": (stored(algebra).to_json() + "\n").encode(),
        }

    return Answer(payload=derive_payload(algebra), blocks=blocks, code=CODES[algebra.completeness.verdict], files=files)


def stored(algebra: SymmetryAlgebra) -> Certificate:
    """The certificate of what was derived; what is outside the ansatz is a remark and no part of it."""
    if algebra.families is not None:
        return algebra.certificate
    return replace(algebra.certificate, claims=(*algebra.generator_claims, algebra.completeness))


def search(spec: Spec, wanted: str | None, session: Session) -> SymmetryAlgebra:
    """The algebra of a loss, with its size said before and a progress bar on long work."""
    from symmetries.ansatz import check_size
    from symmetries.derive import derive

    ansatz = spec.choose_ansatz(wanted)
    check_size(ansatz, len(spec.loss.entries) + len(spec.loss.moving_entries))
    session.announce(ansatz.count_in(spec.loss), ansatz.name)
    with session.progress() as progress:
        return derive(spec.loss, ansatz=ansatz, rng=session.seed, progress=progress)
