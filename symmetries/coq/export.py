r"""Machine-checkable proofs of invariance: the text of a file that Coq's kernel accepts.

The loss is defined again, entry by entry, as a function of a point.  For every field X the file proves

.. math:: \frac{d}{dt} L(\theta + t\,X(\theta)) \Big|_{t=0} = 0

for all data and all points where the loss is defined: first that the derivatives of all inner expressions are what the
chain rule says, from the standard library alone, then one small identity for each expression the proof is cut at.

Source: The Coq development team, "The Coq proof assistant", version 8.16 (2022).
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from manifolds.errors import InputError
from symmetries.coq.action import export_action
from symmetries.coq.check import check_action, check_fields
from symmetries.coq.claims import prove_field
from symmetries.coq.derivatives import chain_rule, definitions
from symmetries.coq.domain import Domain
from symmetries.coq.fields import (
    FieldProof,
    field_definition,
    field_theorem,
    final_theorem,
    identity_lemma,
    relation_lemma,
)
from symmetries.coq.header import header
from symmetries.coq.layout import Layout
from symmetries.coq.lowering import Lowering
from symmetries.coq.names import identifiers
from symmetries.coq.prelude import PRELUDE
from symmetries.coq.relative import relative_invariants
from symmetries.coq.satisfied import Assumption, require_satisfied
from symmetries.coq.terms import Key, TermPool
from symmetries.directional import free_shapes, movable, read_field
from symmetries.expression import entry_names
from symmetries.fields import VectorField
from symmetries.finite_action import FiniteAction
from symmetries.loss import Loss

if TYPE_CHECKING:
    from symmetries.certificate import Certificate

DEFINITION = re.compile(r"^Definition (\w+)(.*)", re.MULTILINE | re.DOTALL)

LARGEST = 40_000
"""Most identities of a file."""


def export(certificate: Certificate) -> str:
    r"""The text of a Coq file that proves the invariance of the loss along each field of a certificate.

    Every field is proved again before anything is written.

    Parameters
    ----------
    certificate: a certificate with fields; what it claims of them must be right.

    Raises
    ------
    InputError: a field is not proved to be a symmetry, the claims contradict the fields, or the loss has a function
        that the export does not know.

    Examples
    --------
    >>> from symmetries import Loss, VectorField, verify
    >>> certificate = verify(Loss.parse("x**2 + 9*y**2"), VectorField({"x": "-9*y", "y": "x"}))
    >>> print(export(certificate).split("Theorem ")[1].split("Proof")[0].strip())
    symmetry_1 : forall (theta : Point),
      derivable_pt_lim (fun t => L (move theta (X1 theta) t)) 0 0.
    """
    try:
        return _exported(certificate)
    except RecursionError:
        raise InputError(
            "the export to Coq", why="the loss is nested too deeply", cure="export the certificate of a smaller loss"
        ) from None


def _exported(certificate: Certificate) -> str:
    loss = Loss.from_dict(dict(certificate.loss))
    if certificate.action:
        times = {str(claim.evidence["time"]) for claim in certificate.claims if "time" in claim.evidence}
        action = FiniteAction(certificate.action, time=times.pop() if len(times) == 1 else "t")
        check_action(loss, certificate, action)
        return export_action(loss, action)
    if not certificate.fields:
        raise InputError(
            "the export of a certificate to Coq",
            why="it holds no vector field and no action",
            cure="export the certificate of an algebra, or of `symport verify SPEC --field ...`",
        )
    check_fields(loss, certificate)
    pool = TermPool()
    lowering = Lowering(pool)
    root = lowering.scalar(loss.expression)
    fields = [
        {entry: lowering.scalar(node) for entry, node in read_field(loss, components).items()}
        for components in certificate.fields
    ]
    entries = list(movable(loss))
    known = [entry for name, shape in free_shapes(loss).items() for entry in entry_names(name, shape)]
    layout = Layout(pool, root, [k for one in fields for k in one.values()], identifiers(known), entries)
    if root not in layout.moves or layout.is_leaf(root):
        why = "no parameter occurs in it" if root not in layout.moves else "it is a single entry"
        raise InputError(f"the loss {loss.formula} in the export to Coq", why=why, cure="nothing is to be proved")
    if len(layout.names) * len(fields) > LARGEST:
        why = f"{len(fields)} fields and {len(layout.names)} inner expressions make a file that Coq would not finish"
        raise InputError("the export to Coq", why=why, cure="export single fields with `symport verify --field`")
    return _assembled(loss, layout, lowering.labels, entries, _proofs(layout, certificate, fields))


def _proofs(layout: Layout, certificate: Certificate, fields: list[dict[str, Key]]) -> list[FieldProof]:
    inner = set(layout.pool.closure([layout.root]))
    wanted = [k for k in layout.names if k in inner & layout.moves and layout.pool[k].operation != "step"]
    guesses = relative_invariants(layout.pool, layout.keys, fields, wanted)
    proofs = []
    for k, (components, field, guess) in enumerate(zip(certificate.fields, fields, guesses, strict=True), start=1):
        text = str(VectorField(components))
        identities = prove_field(layout, field, {layout.root: Fraction(0)} | guess)
        if identities is None:
            raise InputError(
                f"the field {text} in the export to Coq",
                why="its proof needs a relation between functions that the export does not know, or is too large",
                cure="keep the certificate as JSON, which `symport verify --certificate` checks again",
            )
        proofs.append(FieldProof(k, text, field, tuple(identities)))
    return proofs


def _assembled(loss: Loss, layout: Layout, labels: dict[Key, str], entries: list[str], proofs: list[FieldProof]) -> str:
    """The whole file."""
    domain = Domain(layout)
    lines, off = _sections(layout, domain, labels, entries, proofs)
    conditions = domain.described(labels)
    conditions += [f"{statement}   (field X{number} alone)" for number, statement in off]
    statements = [f"X{proof.number} = {proof.text}" for proof in proofs]
    top = header(loss, statements=statements, conditions=conditions, lines=lines, action=False)
    return "\n".join([top, *lines, ""])


def _sections(
    layout: Layout, domain: Domain, labels: dict[Key, str], entries: list[str], proofs: list[FieldProof]
) -> tuple[list[str], list[tuple[int, str]]]:
    """The sections of the file, and the conditions on kinks with the numbers of their fields."""
    lines = ["Require Import Reals Lra.", "Local Open Scope R_scope.", ""]
    lines += ["(* 1. Derivatives along a line, and functions with a kink *)", PRELUDE.strip(), ""]
    lines += ["(* 2. The loss *)", *definitions(layout, labels, entries), ""]
    lines += ["(* 3. The fields *)", *(field_definition(layout, proof, entries) for proof in proofs), ""]
    given = ["Variable given : Given."] if layout.has_given else []
    lines += ["(* 4. Where the loss is defined *)", "Section At_a_point.", *given, "Variable theta : Point."]
    lines += [*domain.lines, "", "(* 5. The chain rule *)", *chain_rule(layout, domain, entries), ""]
    bodies = _bodies(lines)
    relations = {
        relation.leading: relation
        for proof in proofs
        for identity in proof.identities
        for _, relation in identity.cofactors
    }
    if relations:
        lines += ["(* 6. Relations between the functions that occur *)"]
        lines += [relation_lemma(layout, domain, relations[key]) for key in sorted(relations)]
    lines += ["", "(* 7. The derivative along each field *)"]
    ends: list[str] = []
    kinks: list[tuple[int, str]] = []
    for proof in proofs:
        lines.append(f"Section Field_{proof.number}.")
        lines += [identity_lemma(layout, proof, identity, bodies) for identity in proof.identities]
        theorem, off = field_theorem(layout, proof)
        assumed = [*domain.assumed, *(Assumption(key, positive=False) for key in off.values())]
        require_satisfied(layout.pool, assumed, f"the theorem on the field {proof.text}")
        lines += [*theorem, f"End Field_{proof.number}.", ""]
        ends += final_theorem(layout, domain, proof, off)
        kinks += [(proof.number, statement) for statement in off]
    lines += ["End At_a_point.", "", "(* 8. The theorems *)", *ends, ""]
    last = " ".join(f"symmetry_{proof.number}" for proof in proofs)
    lines += [f"Definition all_symmetries := ({', '.join(last.split())}).", "Print Assumptions all_symmetries."]
    return lines, kinks


def _bodies(lines: list[str]) -> dict[str, str]:
    """The definitions by name."""
    found = [DEFINITION.search(line) for line in lines]
    return {one[1]: one[2] for one in found if one}
