"""The sections that the verbs print for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from symport.family_rows import family_blocks, is_large
from symport.formulas import short_field, unicode_field, unicode_formula
from symport.null_multiples import SAID, null_multiples
from symport.tables import Block, Heading, Line, Table

if TYPE_CHECKING:
    from symmetries.algebra import SymmetryAlgebra
    from symmetries.certificate import Certificate, Claim
    from symmetries.loss import Loss
    from symport.spec import Spec

SHOWN = 24
"""How many generators or claims are printed; the object for programs has all."""

SYNONYMS = 4
"""Other names of an algebra that are printed."""

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
    rows = [
        ["fields", f"{algebra.ansatz.name} ({algebra.ansatz.count_in(algebra.loss):,} unknown coefficients)"],
        ["dimension", str(algebra.dimension)],
    ]
    if algebra.null_directions:
        essential = algebra.essential.dimension
        rows.append(["null directions", f"{algebra.null_directions} (without them: dimension {essential})"])
    if not algebra.is_closed:
        rows.append(["closed", "no: some brackets leave these fields"])
    rows += identity_rows(algebra)
    if algebra.hidden:
        count = f"{len(algebra.hidden)} more, proved: the loss is a sum of squares"
        rows.append(["outside these fields", f"{count}, such as {cut(str(algebra.hidden[0]), 60)}"])
    return [Heading("symmetries"), Table(rows), *generator_blocks(algebra), *completeness_blocks(algebra)]


def identity_rows(algebra: SymmetryAlgebra) -> list[list[str]]:
    """What the algebra is: its name and structure, and those of the slice without null directions.

    >>> from symmetries import Loss, derive
    >>> identity_rows(derive(Loss.parse("x**2 + y**2")))[0]
    ['algebra', 'so(2)  (also R^1, u(1))']
    """
    if not algebra.dimension:
        return []
    identity = algebra.identity
    also = f"  (also {', '.join(identity.synonyms[:SYNONYMS])})" if identity.synonyms else ""
    rows = [["algebra", f"{identity.name}{also}" if identity.name else f"no name: {identity.reason}"]]
    if identity.description and (identity.killing_signature is not None) and not identity.abelian:
        rows.append(["structure", identity.description])
    levi = identity.levi
    if levi is not None and levi.semisimple_dimension and levi.radical_dimension:
        radical = levi.radical or f"dimension {levi.radical_dimension}"
        rows.append(["Levi", f"semisimple part {levi.semisimple or 'without a name'}, radical {radical}"])
    rows += [["holds for", one] for one in identity.assumptions]
    if algebra.null_directions and algebra.essential.dimension:
        name = algebra.essential.name
        rows.append(["essential algebra", name if name else f"no name: {algebra.essential.identity.reason}"])
    return rows


def generator_blocks(algebra: SymmetryAlgebra) -> list[Block]:
    """The generators, the first ones when there are many, without the multiples of null directions."""
    if not algebra.generators:
        return [Line("no field of this family is a symmetry")]
    if is_large(algebra):
        return family_blocks(algebra)
    multiples = null_multiples(algebra)
    others = [k for k in range(algebra.dimension) if k not in multiples]
    shown = {k: short_field(algebra.loss, algebra.generators[k]) for k in others[:SHOWN]}
    rows = [[f"X{k + 1}", algebra.generator_claims[k].verdict, cut(text)] for k, text in shown.items()]
    blocks: list[Block] = [Heading("generators"), *([Table(rows)] if rows else [])]
    if any("δ" in text for text in shown.values()):
        blocks.append(Line("δ: the change of a parameter; Eij: the matrix with a 1 at row i, column j, counted from 0"))
    if len(others) > SHOWN:
        blocks.append(Line(f"and {len(others) - SHOWN} more; --json lists all"))
    return [*blocks, *([Line(f"{'and ' * bool(rows)}{len(multiples)} of the form {SAID}")] if multiples else [])]


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


def counterexample_text(found: object) -> str:
    """A point at which a claim fails.

    >>> counterexample_text({"point": {"x": "1", "y": "2"}, "value": "18"})
    'counterexample: the value is 18 at x = 1, y = 2'
    """
    if not (isinstance(found, dict) and isinstance(found.get("point"), dict) and "value" in found):
        return f"counterexample: {found}"
    point = ", ".join(f"{name} = {value}" for name, value in found["point"].items())
    return f"counterexample: the value is {found['value']} at {point}"


def claim_lines(claim: Claim) -> list[Block]:
    """A claim, its reason and what it rests on."""
    lines: list[Block] = [Line(f"{claim.verdict}: {cut(claim.statement, 400)}")]
    lines += [Line(f"because {claim.reason}")] if claim.reason else []
    return lines + [Line(f"assuming that {one}") for one in claim.assumptions]


def verify_blocks(certificate: Certificate) -> list[Block]:
    """What was verified, the claims that failed first."""
    from symmetries.certificate import WEIGHT

    blocks: list[Block] = [Heading("verdict"), Line(certificate.verdict), Heading("claims")]
    ordered = sorted(certificate.claims, key=lambda claim: -WEIGHT[claim.verdict])
    for claim in ordered[:SHOWN]:
        blocks += claim_lines(claim)
        found = claim.evidence.get("counterexample")
        blocks += [Line(cut(counterexample_text(found), 400))] if found else []
    rest = len(certificate.claims) - SHOWN
    return [*blocks, Line(f"and {rest} more; --json lists all")] if rest > 0 else blocks
