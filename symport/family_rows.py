"""The generators of a block algebra by families: index spaces of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symport.tables import Block, Heading, Line, Table

if TYPE_CHECKING:
    from symmetries.algebra import SymmetryAlgebra

MAX_GENERATORS = 1_000
MAX_LETTERS = 5_000_000
"""An answer lists every generator while there are no more than so many, with no more than so many letters."""

LETTERS = 40
"""Letters of one term of a generator, about."""

WORDS = {
    "gl": "every matrix",
    "sl": "every matrix of trace 0",
    "so": "every skew-symmetric matrix",
    "diagonal": "every diagonal matrix",
}


def is_large(algebra: SymmetryAlgebra) -> bool:
    """Whether the generators are shown by family."""
    if algebra.families is None or not algebra.dimension:
        return False
    terms = len(algebra.generators[0].components)
    return algebra.dimension > MAX_GENERATORS or algebra.dimension * terms * LETTERS > MAX_LETTERS


def representatives(algebra: SymmetryAlgebra) -> list[int]:
    """Number of the first generator of each family."""
    starts, total = [], 0
    for one in algebra.families or ():
        starts.append(total)
        total += one.family.dimension
    return starts


def families_payload(algebra: SymmetryAlgebra) -> list[dict[str, Any]]:
    """The families: which axes, which matrices, how they act, how many generators, how sure."""
    return [
        {
            "space": one.family.space,
            "pattern": one.family.pattern,
            "action": dict(one.family.action),
            "name": one.family.name,
            "dimension": one.family.dimension,
            "verdict": one.claim.verdict,
            "statement": one.claim.statement,
            "reason": one.claim.reason,
        }
        for one in algebra.families or ()
    ]


def family_blocks(algebra: SymmetryAlgebra) -> list[Block]:
    """The families for people."""
    rows = []
    for one in algebra.families or ():
        moves = ", ".join(f"δ{name} = {text}" for name, text in one.family.action.items())
        kind = f"{moves}, {WORDS[one.family.pattern]}" if moves else f"single fields on {one.family.space}"
        rows.append([f"{one.family.dimension:,}", one.family.name or "", one.claim.verdict, kind])
    note = "--json has one generator of each family; algebra.generators[k] makes any of them"
    return [Heading("families of generators"), Table(rows), Line(note)]
