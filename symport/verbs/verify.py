"""`symport verify`: a field, a finite action, a derived algebra or a stored certificate, proved or refuted."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from manifolds.errors import InputError
from symport import certificates, proofs
from symport import spec as specs
from symport.answers import CODES, Answer, to_json
from symport.pairs import read_components
from symport.payloads import loss_payload, verify_payload
from symport.verbs.derive import search

if TYPE_CHECKING:
    from symmetries.certificate import Certificate
    from symport.session import Session
    from symport.spec import Spec

TIME = "t"
"""The time of a finite action."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    specs.add_arguments(parser, optional=True)
    what = parser.add_argument_group("what is verified (default: the symmetries that are derived)")
    what.add_argument("--field", metavar="PAIRS", help='a vector field, such as "x: -9*y; y: x"')
    what.add_argument(
        "--action", metavar="PAIRS", help=f'an action of the time {TIME}, such as "x: x*exp(t); y: y*exp(-t)"'
    )
    what.add_argument(
        "--ansatz", metavar="FIELDS", help="the family of fields to derive in, when nothing else is named"
    )
    about = "check this certificate again; with --field or --action, write the certificate there"
    what.add_argument("--certificate", metavar="FILE", help=about)
    what.add_argument("--coq", metavar="FILE", help="write a proof there that Coq's kernel checks (coqc FILE)")


def run(options: argparse.Namespace, session: Session) -> Answer:
    """Verify, with exit code 1 when a claim is refuted and 3 when one is undecided."""
    refuse_contradictions(options)
    if options.coq is not None:
        proofs.check_place(options.coq)
    writes = options.field is not None or options.action is not None
    if options.certificate is not None and not writes:
        return check_again(options, session)
    spec = specs.resolve(options)
    if options.certificate is not None:
        certificates.check_place(options.certificate)
    certificate = verified(spec, options, session)
    text = certificate.to_coq() if options.coq is not None else None
    if options.certificate is not None:
        certificates.store(options.certificate, certificate)
        session.say(f"written: {options.certificate}")
    return exported(answer(spec, certificate), options, session, text)


def refuse_contradictions(options: argparse.Namespace) -> None:
    """Refuse options that do not go together."""
    if options.field is not None and options.action is not None:
        raise InputError("--field and --action", why="one command verifies one thing", cure="run it once for each")
    if options.spec is None and options.certificate is None:
        raise InputError("there is no SPEC", why="verify needs a loss", cure="name a loss, or --certificate FILE alone")
    if options.spec is None and (options.field is not None or options.action is not None):
        raise InputError("there is no SPEC", why="a field is verified for a loss", cure="name the loss")
    if options.certificate is not None and options.ansatz is not None:
        why = "a certificate says itself what is claimed"
        raise InputError("--certificate and --ansatz", why=why, cure="remove --ansatz")


def verified(spec: Spec, options: argparse.Namespace, session: Session) -> Certificate:
    """The certificate of what the command names."""
    from symmetries.fields import VectorField
    from symmetries.finite_action import FiniteAction
    from symmetries.verify import verify

    loss = spec.loss
    if options.field is not None:
        return verify(loss, VectorField(read_components(options.field, loss, "--field")), rng=session.seed)
    if options.action is not None:
        components = read_components(options.action, loss, "--action", time=TIME)
        return verify(loss, FiniteAction(components, time=TIME), rng=session.seed)
    return verify(loss, search(spec, options.ansatz, session), rng=session.seed)


def check_again(options: argparse.Namespace, session: Session) -> Answer:
    """Check a stored certificate, by a path that shares nothing with the derivation."""
    stored = certificates.load(options.certificate)
    loss = certificates.loss_of(stored)
    if options.spec is not None:
        certificates.check_same(specs.resolve(options).loss, loss, options.certificate)
    from symmetries.recheck import recheck

    found = recheck(stored, rng=session.seed)
    text = stored.to_coq() if options.coq is not None else None
    shown = answer(specs.Spec(loss=loss, title=loss.name, slug=specs.slug(loss.name)), found)
    return exported(shown, options, session, text)


def exported(answer: Answer, options: argparse.Namespace, session: Session, text: str | None) -> Answer:
    """The answer, with the proof written where `--coq` says."""
    if text is None:
        return answer
    proofs.store(options.coq, text)
    session.say(f"written: {options.coq}")
    return replace(answer, payload={**answer.payload, "coq": options.coq})


def answer(spec: Spec, certificate: Certificate) -> Answer:
    """What the command prints, and its exit code."""

    def blocks() -> list[Any]:
        """What is shown to people."""
        from symport.sections import loss_blocks, verify_blocks

        return [*loss_blocks(spec), *verify_blocks(certificate)]

    def files(payload: dict[str, Any]) -> Mapping[str, bytes]:
        """Files that ``--output`` writes."""
        return {"verify.json": to_json(payload).encode(), "certificate.json": (certificate.to_json() + "\n").encode()}

    payload = {"loss": loss_payload(spec.loss), **verify_payload(certificate)}
    return Answer(payload=payload, blocks=blocks, code=CODES[certificate.verdict], files=files)
