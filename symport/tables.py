"""What a command prints for people: sections of text and tables, as plain text or, in a terminal, with rich."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO, TypeAlias, final

if TYPE_CHECKING:
    from rich.text import Text

COLOURS = {"proved": "green", "measured": "cyan", "refuted": "red", "undecided": "yellow"}
"""Colour of each verdict in a terminal."""


@final
@dataclass(frozen=True)
class Heading:
    """A line that opens a section."""

    text: str


@final
@dataclass(frozen=True)
class Line:
    """A line of text."""

    text: str


@final
@dataclass(frozen=True)
class Table:
    """Rows under column titles; without titles, labels with their values.

    Parameters
    ----------
    rows: the cells, row by row.
    columns: titles of the columns.
    """

    rows: Sequence[Sequence[str]]
    columns: Sequence[str] = ()


Block: TypeAlias = Heading | Line | Table


def plain(blocks: Iterable[Block]) -> str:
    """The blocks as plain text.

    >>> print(plain([Heading("ellipse"), Table([["dimension", "1"], ["closed", "yes"]])]), end="")
    ellipse
      dimension  1
      closed     yes
    """
    lines: list[str] = []
    for block in blocks:
        if isinstance(block, Heading):
            lines += [""] * bool(lines) + [block.text]
        elif isinstance(block, Line):
            lines.append(f"  {block.text}")
        else:
            lines += plain_table(block)
    return "\n".join(lines) + "\n"


def plain_table(table: Table) -> list[str]:
    """The lines of a table, aligned."""
    rows = [list(table.columns), *table.rows] if table.columns else list(table.rows)
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]) - 1)] if rows else []
    padded = ([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]] for row in rows)
    return ["  " + "  ".join(row).rstrip() for row in padded]


def write_rich(blocks: Iterable[Block], stream: TextIO) -> None:
    """The blocks in a terminal."""
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    for block in blocks:
        if isinstance(block, Heading):
            console.print()
            console.print(Text(block.text, style="bold"))
        elif isinstance(block, Line):
            console.print(coloured(block.text), soft_wrap=False)
        else:
            shown = RichTable(box=None, show_header=bool(block.columns), pad_edge=False, padding=(0, 2, 0, 0))
            for title in block.columns or [""] * (len(block.rows[0]) if block.rows else 0):
                shown.add_column(title, header_style="dim", overflow="fold")
            for row in block.rows:
                shown.add_row(*(coloured(cell) for cell in row))
            console.print(shown)
    console.print()


def coloured(text: str) -> Text:
    """A text with the verdict that it begins with in colour."""
    from rich.text import Text

    result = Text(text)
    first = text.partition(" ")[0].strip(",;:")
    if first in COLOURS:
        result.stylize(COLOURS[first], 0, len(first))
    return result
