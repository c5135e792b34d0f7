"""Identifiers of Coq for the entries of a loss."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from symmetries.coq.prelude import PRELUDE
from symmetries.coq.scaling import SCALING

KEYWORDS = """
    Axiom CoFixpoint Definition End Fixpoint Hypothesis IF Lemma Parameter Print Proof Prop Qed Record Require SProp
    Section Set Theorem Type Variable Variables as at by cofix discriminated else end exists exists2 fix for forall fun
    if in lazymatch let ltac match mod multimatch return then using where with
"""
TAKEN = """
    Given I L MakeGiven MakePoint O PI Point R S Some True Z act all_symmetries assert atan cos curve derivable_pt_lim
    eq eq_refl exp false given invariance left ln move nat None or_introl or_intror pow proj2 right sin sqrt t tanh
    theta true velocity
    PI_RGT_0 exp_pos pow2_ge_0 pow_lt sqrt_lt_R0 sqrt_pos
"""
LEMMAS = re.findall(r"^(?:Lemma|Definition|Ltac) (\w+)", PRELUDE + SCALING, re.MULTILINE)
RESERVED = frozenset([*(KEYWORDS + TAKEN).split(), *LEMMAS])
"""Words that mean something in Coq or in the file."""

OWN = re.compile(
    r"n\d+|([AJOP]|H_[OP]|off)_[A-Za-z]\w*|[FKR]_(L|n\d+)|X\d+(_(L|n\d+))?|(invariant|symmetry)_\d+|R[a-z]\w*"
)
"""Names that the file gives itself, and those of the library of real numbers."""


def identifiers(entries: Iterable[str]) -> dict[str, str]:
    """One identifier for each entry, as close to it as Coq permits.

    >>> identifiers(["U[0,1]", "U_0_1", "at", "θ", "n1", "J_x"])
    {'U[0,1]': 'U_0_1', 'U_0_1': 'U_0_1_', 'at': 'at_', 'θ': 'u3b8', 'n1': 'n1_', 'J_x': 'xJ_x'}
    """
    found: dict[str, str] = {}
    used: set[str] = set()
    for entry in entries:
        name = _plain(entry)
        while name in used or name in RESERVED or OWN.fullmatch(name):
            longer = f"{name}_"
            name = f"x{name}" if OWN.fullmatch(longer) else longer
        used.add(name)
        found[entry] = name
    return found


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
