"""First pass over a formula: words are checked, and the text is cut into pieces small enough for Python's parser.

Python's parser keeps nested expressions on the machine stack, and a sum of a thousand terms nests a thousand deep.  So
every long chain and every deep nest is cut out, replaced by a name that no user can write, and parsed on its own.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import final

from symmetries.refusal import FormulaError, Limits, refuse, shorten
from symmetries.words import MARK, WORD, check_attribute, check_name, check_number, check_other

CHAIN = 64
"""Operators of one kind in a row that one piece may hold."""

NEST = 2
"""Nested brackets that one piece may hold."""


@final
@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the formula in which other pieces are replaced by their names.

    ``text`` is what Python parses; ``here`` and ``there`` are the positions, in it and in the formula, at which the
    spans that were copied start.
    """

    text: str
    here: tuple[int, ...]
    there: tuple[int, ...]

    def position(self, offset: int) -> int:
        """Position in the formula of a position in the piece."""
        span = max(bisect_right(self.here, offset) - 1, 0)
        return self.there[span] + offset - self.here[span]


@dataclass(slots=True)
class Group:
    """An open bracket (or the whole formula) during the scan.

    ``start`` and ``term`` are where the current part and its current term start, the counts are of operators in them,
    ``height`` is how deep the part nests, ``tallest`` the same of the parts before it, ``postfixes`` the number of
    indices and transposes on the value before the bracket, ``cuts`` the spans that were cut out, by start.
    """

    opened: int
    bracket: str
    start: int
    term: int
    postfixes: int = 0
    sums: int = 0
    products: int = 0
    repeats: int = 0
    commas: int = 0
    height: int = 0
    tallest: int = 0
    cuts: list[tuple[int, int, int]] = field(default_factory=list)


def scan(text: str, limits: Limits) -> list[Piece]:
    """Check the words of a formula and cut it into pieces, the whole formula last.

    >>> [piece.text for piece in scan("x*(y + (z - (w)))", Limits())]
    ['y + (z - (w))', 'x*( __0 )']
    """
    if len(text) > limits.characters:
        raise refuse(
            text,
            0,
            "",
            "the formula is too long",
            why=f"the limit is {limits.characters} characters",
            cure="shorten it",
        )
    return Scanner(text, limits).run()


@final
class Scanner:
    """The scan of one formula; see :func:`scan`."""

    def __init__(self, text: str, limits: Limits) -> None:
        self.text = text
        self.flat = re.sub(r"\s", " ", text)
        self.limits = limits
        self.pieces: list[Piece] = []
        self.groups = [Group(0, "", 0, 0)]
        self.operand = False
        self.postfixes = 0
        self.last = self.last_word = ""

    def run(self) -> list[Piece]:
        """All pieces, the whole formula last."""
        for match in WORD.finditer(self.text):
            kind = match.lastgroup or "other"
            if kind != "space":
                getattr(self, f"on_{kind}")(match.start(), match.group())
                self.last, self.last_word = kind, match.group()
        group, end = self.groups[-1], len(self.text)
        if len(self.groups) > 1:
            word = group.bracket
            raise self.refuse(
                group.opened, word, f"{word!r} is never closed", why="its partner is missing", cure="close it"
            )
        if not self.operand:
            raise self.refuse(end, "", "the formula ends too early", why="a value is missing", cure="finish it")
        self.pieces.append(self.piece(group, 0, end))
        return self.pieces

    def refuse(self, position: int, word: str, what: str, *, why: str, cure: str) -> FormulaError:
        """The error at a position."""
        return refuse(self.text, position, word, what, why=why, cure=cure)

    def piece(self, group: Group, start: int, end: int) -> Piece:
        """A span as a piece; the group's cuts inside it are taken off and stand in it by name."""
        first = len(group.cuts)
        while first and group.cuts[first - 1][0] >= start:
            first -= 1
        parts, here, there, length = [], [0], [start], 0
        for begin, stop, number in group.cuts[first:]:
            name = f" {MARK}{number} "
            parts += [self.flat[start:begin], name]
            length += begin - start
            here += [length, length + len(name)]
            there += [begin, stop]
            length, start = length + len(name), stop
        del group.cuts[first:]
        parts.append(self.flat[start:end])
        return Piece("".join(parts), tuple(here), tuple(there))

    def cut(self, group: Group, start: int, end: int) -> None:
        """Make the span a piece of its own."""
        piece = self.piece(group, start, end)
        group.cuts.append((start, end, len(self.pieces)))
        self.pieces.append(piece)

    def end_part(self, group: Group, end: int, following: int) -> None:
        """An argument, a bound of a slice or a side of a comparison ends; it is cut out when it nests too deep."""
        if group.height >= NEST:
            self.cut(group, group.start, end)
            group.height = 0
        group.tallest = max(group.tallest, group.height)
        group.start = group.term = following
        group.sums = group.products = group.repeats = group.height = 0

    def require_operand(self, position: int, word: str) -> None:
        """Refuse an operator without a value before it."""
        if not self.operand:
            why, cure = "a value is missing before it", "add a name or a number, or remove it"
            raise self.refuse(position, word, f"{shorten(word)!r} is unexpected", why=why, cure=cure)

    def begin_operand(self, position: int, word: str) -> None:
        """A value starts; refuse one that follows another without an operator."""
        if self.operand:
            why, cure = "an operator is missing before it", "write * for a product"
            raise self.refuse(position, word, f"{shorten(word)!r} is unexpected", why=why, cure=cure)
        self.operand, self.postfixes = True, 0

    def count(self, number: int, position: int, word: str, what: str) -> None:
        """Refuse too many of the same in a row."""
        if number > self.limits.repeats:
            why, cure = f"the limit is {self.limits.repeats}", "use fewer of them, or brackets"
            raise self.refuse(position, word, f"too many {what} in a row", why=why, cure=cure)

    def on_number(self, position: int, word: str) -> None:
        """A number."""
        self.begin_operand(position, word)
        check_number(self.text, position, word, self.limits)

    def on_name(self, position: int, word: str) -> None:
        """A name."""
        check_name(self.text, position, word, self.limits)
        self.begin_operand(position, word)

    def on_attribute(self, position: int, word: str) -> None:
        """A transpose, or another attribute, which is refused."""
        self.require_operand(position, word)
        check_attribute(self.text, position, word, self.last_word if self.last == "name" else "")
        self.postfixes += 1
        self.count(self.postfixes, position, word, "indices or transposes")

    def on_other(self, position: int, word: str) -> None:
        """A character that the language does not have."""
        check_other(self.text, position, word)

    def on_sign(self, position: int, word: str) -> None:
        """A sum, a difference, or a sign."""
        group = self.groups[-1]
        if not self.operand:
            group.repeats += 1
            self.count(group.repeats, position, word, "signs or powers")
            return
        if group.sums >= CHAIN:
            self.cut(group, group.start, position)
            group.sums = 0
        group.sums += 1
        group.term, group.products, group.repeats = position + 1, 0, 0
        self.operand = False

    def on_product(self, position: int, word: str) -> None:
        """A product or a quotient."""
        self.require_operand(position, word)
        if word in ("//", "%"):
            why = "rounding has no symmetries to derive"
            raise self.refuse(position, word, f"{word!r} is refused", why=why, cure="write / for a quotient")
        group = self.groups[-1]
        if group.products >= CHAIN:
            self.cut(group, group.term, position)
            group.products = 0
        group.products += 1
        group.repeats = 0
        self.operand = False

    def on_power(self, position: int, word: str) -> None:
        """A power."""
        self.require_operand(position, word)
        self.groups[-1].repeats += 1
        self.count(self.groups[-1].repeats, position, word, "signs or powers")
        self.operand = False

    def on_open(self, position: int, word: str) -> None:
        """A call, an index, a group or a list."""
        if len(self.groups) > self.limits.depth:
            why, cure = f"the limit is {self.limits.depth}", "take some away"
            raise self.refuse(position, word, "brackets nest too deep", why=why, cure=cure)
        self.postfixes = self.postfixes + 1 if self.operand else 0
        self.count(self.postfixes, position, word, "indices or calls")
        self.groups.append(Group(position, word, position + 1, position + 1, self.postfixes))
        self.operand = False

    def on_close(self, position: int, word: str) -> None:
        """The end of a call, an index, a group or a list."""
        group = self.groups[-1]
        if group.bracket + word not in ("()", "[]"):
            why = f"{group.bracket!r} is open" if group.bracket else "no bracket is open"
            raise self.refuse(position, word, f"{word!r} is unexpected", why=why, cure="match the brackets")
        if self.last not in ("open", "comma", "colon"):
            self.require_operand(position, word)
        self.end_part(group, position, position + 1)
        self.groups.pop()
        outer = self.groups[-1]
        outer.cuts += group.cuts
        outer.height = max(outer.height, group.tallest + 1)
        self.operand, self.postfixes = True, group.postfixes

    def on_comma(self, position: int, word: str) -> None:
        """The end of an argument."""
        self.inside("([", position, word)
        if self.last != "colon":
            self.require_operand(position, word)
        group = self.groups[-1]
        group.commas += 1
        if group.commas >= self.limits.arguments:
            why, cure = f"the limit is {self.limits.arguments}", "declare a long array as data"
            raise self.refuse(group.opened, group.bracket, "a list is too long", why=why, cure=cure)
        self.separate(position)

    def on_colon(self, position: int, word: str) -> None:
        """The end of a bound of a slice."""
        self.inside("[", position, word)
        self.separate(position)

    def on_equals(self, position: int, word: str) -> None:
        """The end of the name of an argument."""
        self.inside("(", position, word)
        self.require_operand(position, word)
        self.separate(position)

    def on_relation(self, position: int, word: str) -> None:
        """The end of the left side of a comparison."""
        self.inside("(", position, word)
        self.require_operand(position, word)
        self.separate(position, len(word))

    def separate(self, position: int, length: int = 1) -> None:
        """A new part starts."""
        self.end_part(self.groups[-1], position, position + length)
        self.operand = False

    def inside(self, brackets: str, position: int, word: str) -> None:
        """Refuse a separator outside the brackets that it belongs to."""
        if self.groups[-1].bracket not in tuple(brackets):
            cure = {
                ",": "write one formula",
                ":": "use it only inside an index",
                "=": "write the formula alone, without the name of its value",
            }.get(word, "write where(c, a, b) for a choice between two values")
            raise self.refuse(position, word, f"{word!r} is unexpected", why="it has no meaning here", cure=cure)
