"""`symport study`: the whole path for one loss, with a report."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symport import spec as specs
from symport.answers import CODES, DONE, REFUTED, UNDECIDED, Answer, to_json
from symport.files import check_directory
from symport.group_study import GroupStudy
from symport.move_study import MoveStudy
from symport.payloads import derive_payload, loss_payload, verify_payload
from symport.verbs.derive import FAMILIES, search

if TYPE_CHECKING:
    from symmetries.algebra import SymmetryAlgebra
    from symmetries.certificate import Certificate
    from symport.session import Session
    from symport.spec import Spec


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    specs.add_arguments(parser)
    about = f"where to search: {FAMILIES}; default: what the loss names, else linear"
    parser.add_argument("--ansatz", metavar="FIELDS", help=about)
    about = 'a point that the pictures show and teleports start from, such as "x=-1, y=2"'
    parser.add_argument("--at", metavar="PAIRS", help=about)


def run(options: argparse.Namespace, session: Session) -> Answer:
    """Derive, verify, go from fields to groups, teleport, and lay out the report.

    The exit code is the heavier of those of the derivation and the verification; the other parts carry their verdicts.
    """
    spec = specs.resolve_at(options)
    directory = options.output or f"symport-study-{spec.slug}"
    check_directory(directory)
    algebra = search(spec, options.ansatz, session)
    from symmetries.verify import verify

    certificate = verify(spec.loss, algebra, rng=session.seed)
    groups, moves = GroupStudy.of(algebra, session), MoveStudy.of(algebra, session)
    parts = {
        "loss": loss_payload(spec.loss) | {"title": spec.title},
        "derive": session.head("derive") | derive_payload(algebra),
        "verify": session.head("verify") | verify_payload(certificate),
        **groups.payload(session),
        **moves.payload(session),
    }
    return Answer(
        payload=parts,
        blocks=lambda: [*blocks(spec, algebra, certificate), *groups.blocks(), *moves.blocks()],
        code=together(CODES[algebra.completeness.verdict], CODES[certificate.verdict]),
        files=lambda payload: files(spec, algebra, certificate, payload, groups, moves),
        directory=directory,
    )


def together(*codes: int) -> int:
    """The exit code of several parts: refuted over undecided over done."""
    return REFUTED if REFUTED in codes else UNDECIDED if UNDECIDED in codes else DONE


def blocks(spec: Spec, algebra: SymmetryAlgebra, certificate: Certificate) -> list[Any]:
    """What is printed for people: what was derived, and one line on its verification."""
    from symport.sections import derive_blocks, loss_blocks
    from symport.tables import Heading, Line

    checked = f"{certificate.verdict}: {len(certificate.claims)} claims"
    return [*loss_blocks(spec), *derive_blocks(algebra), Heading("verified"), Line(checked)]


def files(
    spec: Spec,
    algebra: SymmetryAlgebra,
    certificate: Certificate,
    payload: dict[str, Any],
    groups: GroupStudy,
    moves: MoveStudy,
) -> Mapping[str, bytes]:
    """The report, its object, the certificate and the pictures."""
    from symport.pictures import draw
    from symport.report import Study, render

    pictures = (*draw(algebra), *moves.pictures())
    study = Study(
        spec=spec,
        algebra=algebra,
        certificate=certificate,
        payload=payload,
        pictures=pictures,
        groups=groups,
        moves=moves,
    )
    page = render(study)
    return {
        "report.json": (to_json(payload) + "\n").encode(),
        "certificate.json": (certificate.to_json() + "\n").encode(),
        **{picture.file: picture.content for picture in pictures},
        "report.html": page.encode(),
    }
