"""Pieces of HTML; every text that comes from outside is escaped here."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from symport.sections import counterexample_text

if TYPE_CHECKING:
    from symmetries.certificate import Claim

LONGEST = 400
"""Letters of one value on the page."""


def section(title: str, body: str) -> str:
    """A section, nothing when it is empty.

    >>> section("Empty", "")
    ''
    """
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def badge(verdict: str) -> str:
    """A verdict as a coloured mark."""
    return f'<span class="badge {escape(verdict)}">{escape(verdict)}</span>'


def details(summary: str, body: str) -> str:
    """Something that opens on a click, nothing when it is empty."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>" if body else ""


def claim_html(claim: Claim) -> str:
    """A claim with its verdict, reason, assumptions and counterexample."""
    parts = [f'<p class="claim">{badge(claim.verdict)}{escape(claim.statement)}</p>']
    if claim.reason:
        parts.append(f'<p class="why">{escape(claim.reason)}</p>')
    if claim.assumptions:
        items = "".join(f"<li>{escape(one)}</li>" for one in claim.assumptions)
        parts.append(f'<p class="why">assuming that</p><ul class="why">{items}</ul>')
    if claim.evidence.get("counterexample"):
        parts.append(f'<p class="why">{escape(counterexample_text(claim.evidence["counterexample"]))}</p>')
    return "".join(parts)


def facts(evidence: Mapping[str, Any]) -> str:
    """Numbers with their names.

    >>> facts({"upper_bound": 4})
    '<table class="facts"><tr><td>upper bound</td><td>4</td></tr></table>'
    """
    rows = "".join(
        f"<tr><td>{escape(name.replace('_', ' '))}</td><td>{escape(str(value)[:LONGEST])}</td></tr>"
        for name, value in evidence.items()
    )
    return f'<table class="facts">{rows}</table>' if rows else ""
