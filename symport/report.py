"""The report of a study: one page that needs nothing else, no network and no other file."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any, final

from symport.formulas import latex_formula, tidy
from symport.generator_rows import generator_table, latex_listing, null_table
from symport.group_study import GroupStudy
from symport.mathml import mathml
from symport.move_study import MoveStudy
from symport.page import badge, claim_html, details, facts, section
from symport.sections import data_text, shape_text

if TYPE_CHECKING:
    from symmetries.algebra import SymmetryAlgebra
    from symmetries.certificate import Certificate
    from symport.pictures import Picture
    from symport.spec import Spec

LONGEST = 4_000
"""Letters of LaTeX of the loss that are set on the page; a longer formula is shown as it was written."""

LONGEST_NAME = 14
"""Letters of the name of an algebra that fit in a card."""

CLAIMS = 200
"""Verified claims that the page lists; report.json has all."""


@final
@dataclass(frozen=True, kw_only=True)
class Study:
    """What a report is made of.

    Parameters
    ----------
    spec: the loss and its names.
    algebra: what was derived.
    certificate: what was verified of it.
    payload: the object that ``report.json`` holds.
    pictures: the pictures.
    groups: finite transformations, discrete symmetries, conserved quantities.
    moves: a teleportation, and Newton equivalence.
    """

    spec: Spec
    algebra: SymmetryAlgebra
    certificate: Certificate
    payload: dict[str, Any]
    pictures: Sequence[Picture]
    groups: GroupStudy = field(default_factory=GroupStudy)
    moves: MoveStudy = field(default_factory=MoveStudy)


def render(study: Study) -> str:
    """The page."""
    template = files("symport").joinpath("templates/report.html").read_text(encoding="utf-8")
    heading = study.spec.title or "Symmetry report"
    return Template(template).substitute(
        title=escape(f"Symmetries: {study.spec.title or study.spec.loss.formula[:60]}"),
        version=escape(str(study.payload["version"])),
        heading=escape(heading),
        formula=loss_formula(study),
        names=loss_names(study),
        lead=lead(study.algebra),
        cards=cards(study),
        sections="\n".join(part for part in sections(study) if part),
        footer=footer(study),
    )


def loss_formula(study: Study) -> str:
    """The loss, as mathematics."""
    from symmetries.expression import symbols_of
    from symmetries.formula import read_formula
    from symmetries.printing import latex

    loss = study.spec.loss
    shapes = (
        loss.parameters | {name: item.shape for name, item in loss.data.items()} | dict.fromkeys(loss.constants, ())
    )
    try:
        node = read_formula(loss.formula, shapes)
    except ValueError:  # a formula that uses the values of its data in an exponent or an index
        node = loss.expression
    shown = tidy(latex(node))
    if len(shown) > LONGEST:
        return f"<pre>{escape(loss.formula[:LONGEST])}</pre>"
    used = symbols_of(loss.expression)
    arguments = r",\,".join(latex_formula(loss, name) for name in loss.parameters if name in used)
    head = rf"L({arguments}) = " if len(loss.parameters) <= 6 else "L = "
    return mathml(head + shown, display=True)


def loss_names(study: Study) -> str:
    """What the letters stand for."""
    loss = study.spec.loss
    shown = ", ".join(escape(name + shape_text(shape)) for name, shape in loss.parameters.items())
    count = len(loss.entries)
    rows = [("parameters", f"{shown} &ensp;({count} {'entry' if count == 1 else 'entries'})")]
    if loss.data:
        rows.append(("data", ", ".join(escape(data_text(loss, name)) for name in loss.data)))
    if loss.constants:
        rows.append(("constants", escape(", ".join(loss.constants))))
    rows.append(("formula", f"<code>{escape(loss.formula[:LONGEST])}</code>"))
    return f'<dl class="names">{"".join(f"<dt>{term}</dt><dd>{value}</dd>" for term, value in rows)}</dl>'


def lead(algebra: SymmetryAlgebra) -> str:
    """The result in two sentences."""
    fields, proved = family(algebra.ansatz.name), algebra.completeness.verdict == "proved"
    if not algebra.dimension:
        first = f"No {fields} was found that leaves this loss unchanged."
    elif algebra.dimension == 1:
        first = f"One {fields}, up to a factor, leaves this loss unchanged."
    else:
        many = fields.replace("field", "fields")
        first = f"A space of dimension {algebra.dimension} of {many} leaves this loss unchanged."
    if not proved:
        return f"{first} Whether there are more is undecided."
    conditional = ", under the assumptions below" if algebra.completeness.assumptions else ""
    return f"{first} It is proved that there {'are no others' if algebra.dimension else 'is none'}{conditional}."


def family(name: str) -> str:
    """What the fields of an ansatz are called.

    >>> family("polynomial:3"), family("affine")
    ('polynomial vector field of degree at most 3', 'affine vector field')
    """
    kind, _, degree = name.partition(":")
    return f"{escape(kind)} vector field" + (f" of degree at most {degree}" if degree else "")


def cards(study: Study) -> str:
    """The figures."""
    algebra = study.algebra
    shown = [
        *(
            [(f"<b>{escape(algebra.name)}</b>", "algebra")]
            if algebra.name and len(algebra.name) <= LONGEST_NAME
            else []
        ),
        (f"<b>{algebra.dimension}</b>", "dimension"),
        (f"<b>{algebra.null_directions}</b>", "null directions"),
        (f"<b>{algebra.essential.dimension}</b>", "essential dimension"),
        (badge(algebra.completeness.verdict), "completeness"),
        (badge(study.certificate.verdict), "verified again"),
    ]
    return "".join(f'<div class="card">{value}<span class="what">{what}</span></div>' for value, what in shown)


def sections(study: Study) -> list[str]:
    """The sections of the page, empty ones included."""
    algebra = study.algebra
    return [
        section("Generators", generator_table(algebra)),
        section("The algebra", structure(algebra)),
        section("Pictures", "".join(map(figure, study.pictures))),
        section("Is the list complete?", completeness(algebra)),
        *study.groups.sections(),
        *study.moves.sections(),
        section("Null directions", null_table(algebra)),
        section("Outside these fields", redundancy(algebra)),
        section("Verification", verification(study)),
        section("For other programs", listings(study)),
    ]


def structure(algebra: SymmetryAlgebra) -> str:
    """What the algebra is."""
    identity = algebra.identity
    if not algebra.dimension:
        return ""
    rows = [("name", identity.name or f"none: {identity.reason}")]
    rows += [("also", ", ".join(identity.synonyms))] if identity.synonyms else []
    rows += [("structure", identity.description)] if identity.description else []
    levi = identity.levi
    if levi is not None and levi.semisimple_dimension:
        rows.append(("semisimple part", levi.semisimple or f"dimension {levi.semisimple_dimension}"))
        rows.append(("radical", levi.radical or f"dimension {levi.radical_dimension}"))
    if identity.killing_signature is not None:
        positive, negative, zero = identity.killing_signature
        rows.append(("Killing form", f"{positive} positive, {negative} negative, {zero} zero squares"))
    rows += [("holds for", one) for one in identity.assumptions]
    if algebra.null_directions:
        essential = algebra.essential.identity
        rows.append(("without null directions", essential.name or f"no name: {essential.reason}"))
    body = "".join(f"<tr><td>{escape(term)}</td><td>{escape(value)}</td></tr>" for term, value in rows)
    return f'<table class="facts">{body}</table>'


def figure(picture: Picture) -> str:
    """A picture, inside the page."""
    source = f"data:image/svg+xml;base64,{b64encode(picture.content).decode()}"
    caption = escape(picture.caption)
    return f'<figure><img src="{source}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'


def completeness(algebra: SymmetryAlgebra) -> str:
    """The claim that there are no others."""
    claim = algebra.completeness
    closed = (
        ""
        if algebra.is_closed
        else "<p>The brackets of some generators leave these fields, so they span no Lie algebra.</p>"
    )
    return claim_html(claim) + closed + details("the numbers behind it", facts(claim.evidence))


def redundancy(algebra: SymmetryAlgebra) -> str:
    """Whether a continuous symmetry outside the ansatz must exist."""
    claim = algebra.redundancy
    if claim is None:
        return ""
    if claim.verdict == "refuted":
        head = '<p class="claim"><span class="badge hint">there is more</span>'
        head += f"{escape(claim.reason)}. Another family of fields may find it.</p>"
        return head + details("the numbers behind it", facts(claim.evidence))
    return claim_html(claim) + details("the numbers behind it", facts(claim.evidence))


def verification(study: Study) -> str:
    """What was verified of the derived algebra."""
    claims = study.certificate.claims
    shown = "".join(claim_html(claim) for claim in claims[:CLAIMS])
    rest = len(claims) - CLAIMS
    more = f"<p class='why'>and {rest} more in report.json</p>" if rest > 0 else ""
    head = (
        f'<p class="claim">{badge(study.certificate.verdict)} {len(claims)} claims, checked after the derivation.</p>'
    )
    return head + details("all claims", shown + more)


def listings(study: Study) -> str:
    """The same in LaTeX, and where the data is."""
    text = "<p><code>report.json</code> holds everything on this page; "
    text += "<code>symport verify --certificate certificate.json</code> checks it again.</p>"
    return text + details("generators in LaTeX", f"<pre>{escape(latex_listing(study.algebra))}</pre>")


def footer(study: Study) -> str:
    """What made the page."""
    seconds = study.payload["seconds"]
    return f"Symport {escape(str(study.payload['version']))}, {seconds:.2f} s."
