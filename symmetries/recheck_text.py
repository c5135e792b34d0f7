"""What the second check reads from the text of a certificate."""

from __future__ import annotations

import re
from fractions import Fraction

from symmetries.certificate import Claim

TERM = re.compile(r"(.*?)d/d(\S+)")
NUMBER = re.compile(r"-?[0-9]{1,3000}(/[0-9]{1,3000})?")


def example_point(claim: Claim) -> dict[str, Fraction]:
    """The point of a counterexample, empty when there is none that can be read."""
    try:
        point = claim.evidence["counterexample"]["point"]
        texts = {str(entry): str(value) for entry, value in point.items()}
        if all(NUMBER.fullmatch(text) for text in texts.values()):
            return {entry: Fraction(text) for entry, text in texts.items()}
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError):
        pass
    return {}


def terms(statement: str) -> frozenset[tuple[str, str]] | str:
    """The terms of a field in a statement, whatever their order; other statements as they are."""
    if not statement.endswith(") L = 0"):
        return statement
    found = TERM.findall(statement[1 : -len(") L = 0")])
    return frozenset((entry, factor.strip().removeprefix("+").replace("- ", "-").strip()) for factor, entry in found)
