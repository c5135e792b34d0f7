"""Identifiers of Coq for the entries of a loss."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

KEYWORDS = """
    Axiom CoFixpoint Definition Fixpoint Hypothesis Lemma Parameter Prop Set SProp Theorem Type Variable as at by cofix
    discriminated else end exists exists2 fix for forall fun if in lazymatch let match multimatch return then using
    where with
"""
TAKEN = """
    Given L O PI Point R Rabs Rinv Rle Rlt Rmax Rmin Rminus Rmult Ropp Rplus Rpower S theta velocity given t
    abs_step atan by_cofactors combine cos derivable_pt_lim exp jet kink_multiple ln move pow sin sqrt step tanh
    act left right None Some true false nat Z eq I
"""
RESERVED = frozenset((KEYWORDS + TAKEN).split())


def identifiers(entries: Iterable[str]) -> dict[str, str]:
    """One identifier for each entry, as close to it as Coq permits.

    >>> identifiers(["U[0,1]", "U_0_1", "at", "θ", "n1"])
    {'U[0,1]': 'U_0_1', 'U_0_1': 'U_0_1_', 'at': 'at_', 'θ': 'u3b8', 'n1': 'n1_'}
    """
    found: dict[str, str] = {}
    used: set[str] = set()
    for entry in entries:
        name = _plain(entry)
        if name in RESERVED or _is_own(name):
            name += "_"
        while name in used:
            name += "_"
        used.add(name)
        found[entry] = name
    return found


def _is_own(name: str) -> bool:
    return (
        re.fullmatch(r"n\d+|[dFHJKOPRX]_.*|X\d+.*|(jet|near|keeps|max|min|max0|min0|abs|step|sqrt|exp)_.*", name)
        is not None
    )


def _plain(entry: str) -> str:
    """The entry in ASCII letters, digits and underscores."""
    text = entry.replace("[", "_").replace("]", "").replace(",", "_")
    letters = []
    for letter in unicodedata.normalize("NFKD", text):
        if letter.isascii() and (letter.isalnum() or letter == "_"):
            letters.append(letter)
        elif not unicodedata.combining(letter):
            letters.append(f"u{ord(letter):x}")
    name = "".join(letters)
    return name if name[:1].isalpha() else f"x{name}"
