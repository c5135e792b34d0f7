"""LaTeX as MathML, which browsers set by themselves: the LaTeX of `symmetries.typeset` and `symport.formulas`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import final

WORD = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+|\s+|.", re.DOTALL)

LETTERS = dict(
    zip(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa mu nu xi pi rho sigma tau phi chi psi omega "
        "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega".split(),
        "αβγδεζηθικμνξπρστφχψωΓΔΘΛΞΠΣΦΨΩ",
        strict=True,
    )
)
SIGNS = {
    "cdot": "·",
    "odot": "⊙",
    "circ": "∘",
    "top": "⊤",
    "times": "×",
    "ge": "≥",
    "le": "≤",
    "ne": "≠",
    "partial": "∂",
    "mapsto": "↦",
    "lVert": "‖",
    "rVert": "‖",
}
SPACES = {",": "0.17em", ";": "0.28em", "quad": "1em", " ": "0.25em"}
NAMED = frozenset(["exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "det", "operatorname"])
FENCES = {"bmatrix": ("", ""), "cases": ("{", "")}

LARGEST = 200_000
"""Letters of LaTeX that are set; more is shown as text."""


@final
class Unreadable(Exception):
    """The text is no LaTeX that is known here."""


def mathml(latex: str, *, display: bool = False) -> str:
    r"""A formula for a page; one that is not known here is shown as its LaTeX.

    >>> mathml(r"-\frac{x}{2}")
    '<math><mrow><mo>−</mo><mfrac><mi>x</mi><mn>2</mn></mfrac></mrow></math>'
    """
    try:
        if len(latex) > LARGEST:
            raise Unreadable("too long")
        inside = Writer(latex).all()
    except (Unreadable, RecursionError):
        return f"<code>{escape(latex[:LARGEST])}</code>"
    opening = '<math display="block">' if display else "<math>"
    return f"{opening}{inside}</math>"


@final
class Writer:
    """A reader of one formula that writes MathML as it goes."""

    def __init__(self, latex: str) -> None:
        self.words = [word for word in WORD.findall(latex) if not word.isspace()]
        self.place = 0

    def all(self) -> str:
        """The whole formula."""
        result = self.row(())
        if self.place < len(self.words):
            raise Unreadable(self.words[self.place])
        return result

    def peek(self) -> str:
        """The next word, empty at the end."""
        return self.words[self.place] if self.place < len(self.words) else ""

    def take(self) -> str:
        """The next word, read."""
        word = self.peek()
        if not word:
            raise Unreadable("the end")
        self.place += 1
        return word

    def row(self, stops: tuple[str, ...]) -> str:
        """Atoms up to one of the stops, which is not read."""
        atoms: list[str] = []
        while self.peek() and self.peek() not in stops:
            atoms.append(self.scripted())
        return atoms[0] if len(atoms) == 1 else f"<mrow>{''.join(atoms)}</mrow>"

    def scripted(self) -> str:
        """An atom with what is below and above it."""
        base = self.atom()
        scripts: dict[str, str] = {}
        while self.peek() in ("_", "^") and self.peek() not in scripts:
            mark = self.take()
            scripts[mark] = self.atom()
        if len(scripts) == 2:
            return f"<msubsup>{base}{scripts['_']}{scripts['^']}</msubsup>"
        if scripts:
            tag = "msub" if "_" in scripts else "msup"
            return f"<{tag}>{base}{next(iter(scripts.values()))}</{tag}>"
        return base

    def atom(self) -> str:
        """One thing that scripts can hang on."""
        word = self.take()
        if word == "{":
            inside = self.row(("}",))
            self.take()
            return inside
        if word.startswith("\\"):
            return self.command(word[1:])
        if word.isdecimal():
            return f"<mn>{word}</mn>"
        if word.isalpha():
            return f"<mi>{escape(word)}</mi>"
        if word in ("}", "&", "^", "_"):
            raise Unreadable(word)
        return f"<mo>{'−' if word == '-' else escape(word)}</mo>"

    def command(self, name: str) -> str:
        """What a command stands for."""
        if name in LETTERS:
            return f"<mi>{LETTERS[name]}</mi>"
        if name == "partial":
            return '<mo form="prefix" rspace="0">∂</mo>'
        if name in SIGNS:
            return f"<mo>{SIGNS[name]}</mo>"
        if name in SPACES:
            return f'<mspace width="{SPACES[name]}"></mspace>'
        if name in NAMED:
            return f'<mi mathvariant="normal">{self.text() if name == "operatorname" else name}</mi>'
        match name:
            case "mathrm":
                return f'<mi mathvariant="normal">{self.text()}</mi>'
            case "text":
                return f"<mtext>&#160;{self.text()}</mtext>"
            case "frac":
                return f"<mfrac>{self.atom()}{self.atom()}</mfrac>"
            case "sqrt":
                return f"<msqrt>{self.atom()}</msqrt>"
            case "left":
                return self.fenced()
            case "begin":
                return self.table()
            case "displaystyle":
                return ""
        raise Unreadable(name)

    def text(self) -> str:
        """Letters in braces, as they are."""
        if self.take() != "{":
            raise Unreadable("a brace is missing")
        letters = []
        while self.peek() != "}":
            letters.append(self.take().removeprefix("\\"))
        self.take()
        return escape("".join(letters))

    def fenced(self) -> str:
        """Something between two brackets that grow."""
        opening = self.fence()
        inside = self.row(("\\right",))
        self.take()
        return f"<mrow>{opening}{inside}{self.fence()}</mrow>"

    def fence(self) -> str:
        """One bracket."""
        word = self.take()
        shown = SIGNS.get(word[1:], word)
        return f'<mo fence="true" stretchy="true">{escape(shown)}</mo>'

    def table(self) -> str:
        """A matrix, or cases."""
        kind = self.text()
        if kind not in FENCES:
            raise Unreadable(kind)
        rows = "".join(f"<mtr>{''.join(cells)}</mtr>" for cells in self.rows())
        self.take()
        if self.text() != kind:
            raise Unreadable(kind)
        if kind == "bmatrix":  # its brackets are borders: not every font has brackets that grow
            return f'<mtable class="matrix">{rows}</mtable>'
        left, right = (f'<mo fence="true" stretchy="true">{mark}</mo>' if mark else "" for mark in FENCES[kind])
        return f"<mrow>{left}<mtable>{rows}</mtable>{right}</mrow>"

    def rows(self) -> Iterator[list[str]]:
        """The rows of a table, cell by cell."""
        cells: list[str] = []
        while True:
            cells.append(f"<mtd>{self.row(('&', chr(92) * 2, chr(92) + 'end'))}</mtd>")
            if self.peek() == "&":
                self.take()
                continue
            yield cells
            cells = []
            if self.peek() != "\\\\":
                return
            self.take()
