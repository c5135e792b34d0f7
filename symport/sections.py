"""The sections that the verbs print for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from symport.formulas import short_field, unicode_field, unicode_formula
from symport.tables import Block, Heading, Line, Table

if TYPE_CHECKING:
    from symmetries.algebra import SymmetryAlgebra
    from symmetries.certificate import Certificate, Claim
    from symmetries.loss import Loss
    from symport.spec import Spec

SHOWN = 24
"""How many generators or claims are printed; the object for programs has all."""

WIDTH = 160
"""Letters of a formula that are printed."""


def loss_blocks(spec: Spec) -> list[Block]:
    """The loss."""
    loss = spec.loss
    rows = [["L", cut(unicode_formula(loss.formula))], ["parameters", names(loss)]]
    data = ", ".join(data_text(loss, name) for name in loss.data)
    rows += [["data", data]] if data else []
    rows += [["constants", ", ".join(loss.constants)]] if loss.constants else []
    return [Heading(spec.title or "loss"), Table(rows)]


def names(loss: Loss) -> str:
    """Parameters with their shapes and their number."""
    shown = cut(", ".join(name + shape_text(shape) for name, shape in loss.parameters.items()))
    return f"{shown} (n = {len(loss.entries)})"


def shape_text(shape: Sequence[int]) -> str:
    """A shape behind a name.

    >>> shape_text((3, 2)), shape_text(())
    (' 3×2', '')
    """
    return " " + "×".join(map(str, shape)) if shape else ""


def data_text(loss: Loss, name: str) -> str:
    """One datum and what it stands for."""
    item = loss.data[name]
    kind = "given" if item.values is not None else "moves too" if item.moves else "all values"
    return f"{name}{shape_text(item.shape)} ({kind})"


def cut(text: str, length: int = WIDTH) -> str:
    """A text that is not longer than a few lines."""
    return text if len(text) <= length else text[: length - 1] + "…"


def derive_blocks(algebra: SymmetryAlgebra) -> list[Block]:
    """What was derived."""
    coordinates = len(algebra.loss.entries) + len(algebra.loss.moving_entries)
    rows = [
        ["fields", f"{algebra.ansatz.name} ({algebra.ansatz.count(coordinates):,} unknown coefficients)"],
        ["dimension", str(algebra.dimension)],
    ]
    if algebra.null_directions:
        essential = algebra.essential.dimension
        rows.append(["null directions", f"{algebra.null_directions} (without them: dimension {essential})"])
    if not algebra.is_closed:
        rows.append(["closed", "no: some brackets leave these fields"])
    return [Heading("symmetries"), Table(rows), *generator_blocks(algebra), *completeness_blocks(algebra)]


def generator_blocks(algebra: SymmetryAlgebra) -> list[Block]:
    """The generators, the first ones when there are many."""
    if not algebra.generators:
        return [Line("no field of this family is a symmetry")]
    pairs = list(zip(algebra.generators, algebra.generator_claims, strict=True))[:SHOWN]
    shown = [short_field(algebra.loss, field) for field, _ in pairs]
    rows = [
        [f"X{k}", claim.verdict, cut(text)] for k, (text, (_, claim)) in enumerate(zip(shown, pairs, strict=True), 1)
    ]
    blocks: list[Block] = [Heading("generators"), Table(rows)]
    if any("δ" in text for text in shown):
        blocks.append(Line("δ: the change of a parameter; Eij: the matrix with a 1 at row i, column j, counted from 0"))
    rest = algebra.dimension - len(rows)
    return [*blocks, Line(f"and {rest} more; --json lists all")] if rest > 0 else blocks


def completeness_blocks(algebra: SymmetryAlgebra) -> list[Block]:
    """Whether there are others, inside the family and outside."""
    blocks: list[Block] = [Heading("complete?"), *claim_lines(algebra.completeness)]
    if algebra.redundancy is not None:
        hidden = algebra.redundancy.verdict == "refuted"
        title = "outside these fields: a continuous symmetry exists" if hidden else "outside these fields"
        blocks += [Heading(title), *claim_lines(algebra.redundancy)]
    if algebra.null_fields:
        blocks.append(Heading("null directions"))
        blocks += [Line(cut(unicode_field(field))) for field in algebra.null_fields[:SHOWN]]
    return blocks


def claim_lines(claim: Claim) -> list[Block]:
    """A claim, its reason and what it rests on."""
    lines: list[Block] = [Line(f"{claim.verdict}: {claim.statement}")]
    lines += [Line(f"because {claim.reason}")] if claim.reason else []
    return lines + [Line(f"assuming that {one}") for one in claim.assumptions]


def verify_blocks(certificate: Certificate) -> list[Block]:
    """What was verified."""
    blocks: list[Block] = [Heading("verdict"), Line(certificate.verdict), Heading("claims")]
    for claim in certificate.claims[:SHOWN]:
        blocks += claim_lines(claim)
        found = claim.evidence.get("counterexample")
        if found:
            blocks.append(Line(f"counterexample: {cut(str(found), 400)}"))
    rest = len(certificate.claims) - SHOWN
    return [*blocks, Line(f"and {rest} more; --json lists all")] if rest > 0 else blocks
