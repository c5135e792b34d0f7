"""What the formula reader refuses: its limits, and the error that says where and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from manifolds.errors import InputError


@final
@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of the formula reader; each is enforced before anything is expanded.

    Parameters
    ----------
    characters: length of a formula.
    depth: nested brackets.
    repeats: signs in a row (``--x``), powers in a row (``x**2**2``) and postfixes in a row (``x.T.T``).
    name: length of a name.
    digits: decimal digits of a number, written or computed, and of its decimal exponent's value.
    arguments: arguments of one function, or entries of one row of an array that is written out.
    exponent: numerator and denominator of an exponent.
    axes: axes of one array.
    entries: entries of all arrays of the formula together, results of operations included.
    products: multiplications of all matrix products, determinants and inverses together.

    >>> Limits().exponent
    10000
    """

    characters: int = 1_000_000
    depth: int = 200
    repeats: int = 16
    name: int = 200
    digits: int = 1_000
    arguments: int = 10_000
    exponent: int = 10_000
    axes: int = 8
    entries: int = 5_000_000
    products: int = 100_000_000


@final
class FormulaError(InputError):
    """A formula was refused at a column, because of a word.

    Parameters
    ----------
    what, why, cure: the three parts of every :class:`manifolds.errors.InputError`.
    column: where the offending word starts, counted from 1 (in its line).
    word: the offending word as it was written.
    line: the line of the formula, counted from 1.

    >>> error = FormulaError("'^' is no operator here", why="powers are written **", cure="**", column=2, word="^")
    >>> print(error)
    column 2: '^' is no operator here
      why: powers are written **
      try: **
    """

    def __init__(self, what: str, *, why: str, cure: str, column: int, word: str, line: int | None = None) -> None:
        place = f"column {column}" if line is None else f"line {line}, column {column}"
        super().__init__(f"{place}: {what}", why=why, cure=cure)
        self.said = what
        self.column = column
        self.word = word
        self.line = line

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild with the place, so that the error crosses a process boundary."""
        return (_rebuild, (self.said, self.why, self.cure, self.column, self.word, self.line))


def _rebuild(said: str, why: str, cure: str, column: int, word: str, line: int | None) -> FormulaError:
    return FormulaError(said, why=why, cure=cure, column=column, word=word, line=line)


def refuse(text: str, position: int, word: str, what: str, *, why: str, cure: str) -> FormulaError:
    """The error at a position (from 0) of a text; the line is named when the text has several."""
    start = text.rfind("\n", 0, position) + 1
    line = text.count("\n", 0, position) + 1 if "\n" in text else None
    return FormulaError(what, why=why, cure=cure, column=position - start + 1, word=shorten(word), line=line)


def shorten(word: str, length: int = 60) -> str:
    """A word on one line, cut when it is long.

    >>> shorten("x" * 100, 8)
    'xxxxx...'
    """
    flat = " ".join(word.split()) or word
    return flat if len(flat) <= length else flat[: length - 3] + "..."
