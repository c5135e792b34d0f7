"""What a command found: the object that programs read, the text for people, files, and an exit code."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, final

from symport.tables import Block, Heading, Line

DONE, REFUTED, BAD_INPUT, UNDECIDED, INTERRUPTED, BROKEN = 0, 1, 2, 3, 130, 70
"""Exit codes; BROKEN is an error in Symport itself."""

EXACT = 2**53
"""Integers beyond this are not exact in every reader of JSON."""

CODES: Mapping[str, int] = {"proved": DONE, "measured": DONE, "refuted": REFUTED, "undecided": UNDECIDED}
"""Exit code of each verdict."""


@final
@dataclass(frozen=True, kw_only=True)
class Answer:
    """The outcome of a command.

    Parameters
    ----------
    payload: the object that ``--json`` prints.
    blocks: what is printed for people, made only when it is needed.
    code: the exit code.
    files: contents by file name, made only when they are written; they take the final payload.
    directory: where files go when the command names no place; None: they are written only on demand.
    written: where they were written.
    """

    payload: dict[str, Any]
    blocks: Callable[[], Sequence[Block]]
    code: int = DONE
    files: Callable[[dict[str, Any]], Mapping[str, bytes]] | None = None
    directory: str | None = None
    written: Sequence[str] = ()

    def with_files(self, written: Sequence[str]) -> Answer:
        """The same answer, which tells people where its files are."""
        return replace(self, written=written)

    def shown(self) -> list[Block]:
        """What is printed for people."""
        where: list[Block] = [Heading("written"), *map(Line, self.written)] if self.written else []
        return [*self.blocks(), *where]


def to_json(payload: Any, *, indent: int | None = 1) -> str:
    """JSON in which NaN and infinities are null and large integers are text.

    >>> to_json({"a": float("inf"), "b": 2**60, "c": (1, 2.5)}, indent=None)
    '{"a": null, "b": "1152921504606846976", "c": [1, 2.5]}'
    """
    return json.dumps(readable(payload), indent=indent, allow_nan=False, ensure_ascii=False)


def readable(value: Any) -> Any:
    """A value made of what every reader of JSON understands exactly."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): readable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [readable(item) for item in items]
    if isinstance(value, int):
        return value if abs(value) <= EXACT else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Fraction):
        return readable(value.numerator) if value.denominator == 1 else str(value)
    if hasattr(value, "tolist"):  # a number or an array of NumPy
        return readable(value.tolist())
    return str(value)
