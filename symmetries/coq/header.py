"""What an exported file says of itself: what the kernel checks, and what that rests on."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence

from symmetries.loss import Loss

WIDTH = 108

CHECKED = """
The loss is defined below as the function L of a point (the record Point: one real number for each entry of a
parameter, and of data that the group moves) and of the data (the record Given: one real number for each other entry of
the data and each constant that the loss or a field speaks of, where there are any). Given numbers stand in the
definitions themselves, and nothing is said of other numbers. The reader should compare the definitions of section 2
with the formula and the declarations above: that they agree is the one thing that Coq cannot check.
"""

FIELDS = """
For each field X the kernel has checked, for all data and all points under the conditions in its statement,
that the derivative of L (theta + t X(theta)) by t at t = 0 exists and is 0: the theorems symmetry_1, symmetry_2, ... of
the last section. Nothing is taken over from Symport: the derivatives of all inner expressions are proved, along an
arbitrary velocity, from the standard library (section 5), and for each field the inner expressions at which the proof
is cut satisfy X.u = k u with a number k, by the tactics ring and field (section 7).
"""

ACTION = """
For the action g the kernel has checked, for all data, all points and all times under the conditions in its statement,
that L (g_t theta) = L theta: the theorem invariance of the last section.
"""

RESTS = """
It rests on the kernel of Coq and on the axioms of the standard library's real numbers, which Print Assumptions lists at
the end; the file has no axioms of its own. A quotient u/v is u * / v, and nothing is said of points where v = 0;
logarithms, roots and powers with a rational exponent are spoken of for positive arguments alone.
"""

LIMITS = """
Not checked here: that there are no other symmetries, and the name of the algebra.
"""


def header(
    loss: Loss, *, statements: Sequence[str], conditions: Sequence[str], lines: Sequence[str], action: bool
) -> str:
    """The comment at the top of a file."""
    lemmas = sum(len(re.findall(r"^(?:Lemma|Theorem) ", line, re.MULTILINE)) for line in lines)
    parts = [f"Invariance of the loss {loss.name or 'below'}, exported by Symport for Coq 8.16 or later.", ""]
    parts += ["  L = " + loss.formula, *("  " + one for one in declarations(loss)), ""]
    parts += ["The action:" if action else "The fields:"]
    parts += ["  " + statement for statement in statements]
    parts += ["", _filled(CHECKED), "", _filled(ACTION if action else FIELDS), ""]
    parts += _conditions(conditions)
    parts += [_filled(RESTS), "", _filled(LIMITS), "", f"{lemmas} lemmas and theorems. To check: coqc FILE.v"]
    text = "\n".join(_comment(part) for part in parts)
    return f"(*\n{text}\n*)\n"


def declarations(loss: Loss) -> list[str]:
    """What the names of a loss stand for: shapes, and the numbers of given data.

    >>> declarations(Loss.parse("sum((Y - X@U)**2)", {"U": (1, 2)}, data={"X": [[1], ["1/2"]], "Y": (2, 2)}))
    ['parameters: U [1, 2]', 'for all data: Y [2, 2]', 'given: X = [[1], [1/2]]']
    """
    free = {name: item for name, item in loss.data.items() if item.values is None}
    groups: dict[str, Mapping[str, tuple[int, ...]]] = {
        "parameters": dict(loss.parameters),
        "data that the group moves": {name: item.shape for name, item in free.items() if item.moves},
        "for all data": {name: item.shape for name, item in free.items() if not item.moves},
        "constants": dict.fromkeys(loss.constants, ()),
    }
    shown = {
        title: ", ".join(f"{name} {list(shape)}" if shape else name for name, shape in shapes.items())
        for title, shapes in groups.items()
    }
    lines = [f"{title}: {text}" for title, text in shown.items() if text]
    given = {name: str(item.to_json()).replace("'", "") for name, item in loss.data.items() if item.values is not None}
    return [*lines, *(f"given: {name} = {numbers}" for name, numbers in given.items())]


def _conditions(conditions: Sequence[str]) -> list[str]:
    if not conditions:
        return ["Conditions: none; every theorem holds at all points.", ""]
    lines = [
        "Conditions that the theorems assume (a denominator is not zero, an argument is positive, a kink is avoided):"
    ]
    return [*lines, *("  " + condition for condition in conditions), ""]


def _filled(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), WIDTH)


def plain(text: str) -> str:
    """A text that neither ends a comment nor begins another one or a string."""
    return text.replace('"', "'").replace("(*", "( *").replace("*)", "* )")


def _comment(text: str) -> str:
    """The lines of a comment."""
    text = plain(text)
    lines = [
        textwrap.wrap(line, WIDTH, subsequent_indent="    ", break_long_words=False) or [""]
        for line in text.split("\n")
    ]
    return "\n".join(f"  {line}".rstrip() for group in lines for line in group)
