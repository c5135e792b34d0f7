"""The generators of an algebra on a page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from symport.family_rows import families_payload, is_large
from symport.formulas import latex_products, latex_terms
from symport.mathml import mathml
from symport.matrix_form import products
from symport.null_multiples import SAID, null_multiples
from symport.page import badge, details

if TYPE_CHECKING:
    from symmetries.algebra import SymmetryAlgebra
    from symmetries.fields import VectorField
    from symmetries.loss import Loss

FIRST = 24
"""Generators that are seen at once; the others open on a click."""

TERMS = 40
"""Terms of one field that are set as mathematics; more are shown as text."""


def generator_table(algebra: SymmetryAlgebra) -> str:
    """All generators with their verdicts; many, and multiples of null directions, open on a click."""
    if not algebra.generators:
        return "<p>None.</p>"
    if is_large(algebra):
        return table([family_row(one) for one in families_payload(algebra)])
    multiples = null_multiples(algebra)
    rows = [generator_row(algebra, k) for k in range(algebra.dimension)]
    others = [row for k, row in enumerate(rows) if k not in multiples]
    rest = others[FIRST:]
    parts = [table(others[:FIRST]) if others else ""]
    parts.append(details(f"{len(rest)} more generators", table(rest) if rest else ""))
    written = [k for k in range(algebra.dimension) if products(algebra.loss, algebra.generators[k]) is not None]
    if any(k not in multiples for k in written):
        parts.append(legend())
        entrywise = [row(k + 1, terms_html(algebra.loss, algebra.generators[k]), "") for k in written]
        parts.append(details("entry by entry", table(entrywise)))
    if multiples:
        parts.append(f'<p class="why">{"And " if others else ""}{len(multiples)} generators of the form {SAID}.</p>')
        parts.append(details("all of them", table([rows[k] for k in sorted(multiples)])))
    return "".join(parts)


def family_row(one: dict[str, Any]) -> str:
    """One family of a large block algebra."""
    return f'<tr><td>{escape(one["statement"])}</td><td class="last">{badge(one["verdict"])}</td></tr>'


def generator_row(algebra: SymmetryAlgebra, k: int) -> str:
    """One generator, as products of matrices where it is that."""
    loss, field = algebra.loss, algebra.generators[k]
    changes = products(loss, field)
    body = terms_html(loss, field) if changes is None else mathml(latex_products(loss, changes))
    return row(k + 1, body, badge(algebra.generator_claims[k].verdict))


def table(rows: Sequence[str]) -> str:
    """Rows under their titles."""
    return f'<div class="scroll"><table>{"".join(rows)}</table></div>'


def row(number: int, body: str, mark: str) -> str:
    """One generator."""
    name = mathml(f"X_{{{number}}}")
    return f'<tr><td class="name">{name}</td><td>{body}</td><td class="last">{mark}</td></tr>'


def terms_html(loss: Loss, field: VectorField) -> str:
    """A field term by term, so that lines can break between them."""
    if len(field.components) > TERMS:
        return f"<code>{escape(str(field))}</code>"
    shown = " ".join(mathml(term) for term in latex_terms(loss, field)) or mathml("0")
    return f'<span class="terms">{shown}</span>'


def legend() -> str:
    """What the letters of products of matrices mean."""
    unit, change = mathml("E_{ij}"), mathml(r"\delta U")
    return (
        f'<p class="why">{change} is the change of a parameter; {unit} has a 1 at row i, column j, counted from 0.</p>'
    )


def null_table(algebra: SymmetryAlgebra) -> str:
    """The constant fields that the loss does not see; nothing without any."""
    if not algebra.null_fields:
        return ""
    loss = algebra.loss
    rows = [f"<tr><td>{terms_html(loss, field)}</td></tr>" for field in algebra.null_fields]
    explained = (
        "The loss does not change along these constant directions v, so that every f(θ) v is a symmetry as well. "
    )
    explained += f"Without them the algebra has dimension {algebra.essential.dimension}."
    return f"<p>{explained}</p>{table(rows)}"


def latex_listing(algebra: SymmetryAlgebra) -> str:
    """All generators in LaTeX, one a line."""
    lines = [
        f"X_{{{k}}} = {' '.join(latex_terms(algebra.loss, field))}" for k, field in enumerate(algebra.generators, 1)
    ]
    return "\n".join(lines)
