"""The sections that `symport conserved` prints for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symport.formulas import unicode_formula
from symport.sections import SHOWN, claim_lines, cut
from symport.tables import Block, Heading, Line, Table

if TYPE_CHECKING:
    from symmetries.conservation import ConservationLaws


def conserved_blocks(laws: ConservationLaws) -> list[Block]:
    """The quantities, whether there are others, and how many there are of any form."""
    rows = [["searched", laws.searched], ["found", str(len(laws.quantities))], ["independent", str(laws.independent)]]
    blocks: list[Block] = [Heading("conserved by gradient flow"), Table(rows)]
    shown = laws.quantities[:SHOWN]
    quantities = [[f"Q{k}", one.verdict, cut(unicode_formula(one.expression))] for k, one in enumerate(shown, 1)]
    blocks += [Heading("quantities"), Table(quantities)] if quantities else [Line("none of these is conserved")]
    if len(laws.quantities) > SHOWN:
        blocks.append(Line(f"and {len(laws.quantities) - SHOWN} more; --json lists all"))
    blocks += [Line(cut(remark, 400)) for remark in laws.remarks]
    blocks += [Heading("complete?"), *claim_lines(laws.completeness)]
    return [*blocks, Heading("how many, of any form"), *claim_lines(laws.count)]
