"""Loss files: a loss, its parameters, its data and a point in TOML.

.. code-block:: toml

    name = "matrix factorisation"
    loss = "sum((Y - U@V)**2)"
    ansatz = "linear"                # optional
    [parameters]                     # shapes; [] is a scalar; without this table every free name is a scalar parameter
    U = [3, 2]
    V = [2, 4]
    [constants]                      # optional: a = []
    [data]                           # optional: a shape, nested lists of numbers, or {shape = [3, 4], moves = true}
    Y = [3, 4]
    [at]                             # optional: a point
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from manifolds.errors import InputError
from symmetries.refusal import FormulaError, shorten

LARGEST = 5_000_000
"""Largest size of a loss file in bytes."""

KEYS = ("name", "loss", "ansatz", "parameters", "constants", "data", "at")

DOTTED = re.compile(r"""(?:(?:(?<![\w-])[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){16}""")
"""A key with more parts than any loss file has; reading very long ones takes quadratic time."""


@contextmanager
def within(path: str | PathLike[str]) -> Iterator[None]:
    """Name the file in the errors of what is read from it.

    >>> with within("a.toml"):
    ...     raise InputError("no loss", why="it is missing", cure="add it")
    Traceback (most recent call last):
    manifolds.errors.InputError: a.toml: no loss
      why: it is missing
      try: add it
    """
    name = shorten(fspath(path), 300)
    try:
        yield
    except FormulaError as error:
        what = f"in {name}, {error.said}"
        place = {"column": error.column, "word": error.word, "line": error.line}
        raise FormulaError(what, why=error.why, cure=error.cure, **place) from None  # type: ignore[arg-type]
    except InputError as error:
        raise InputError(f"{name}: {error.what}", why=error.why, cure=error.cure) from None


def read_loss_file(path: str | PathLike[str]) -> dict[str, Any]:
    """The declaration in a loss file, as :meth:`symmetries.Loss.from_dict` takes it.

    Raises
    ------
    InputError
        When the file cannot be opened, is no TOML, or has keys that no loss has.
    """
    with within(path):
        return read_declaration(decode(path))


def decode(path: str | PathLike[str]) -> str:
    """The text of a file."""
    try:
        with Path(path).open("rb") as file:
            raw = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError("the loss file cannot be opened", why=why, cure="check the path") from None
    if len(raw) > LARGEST:
        raise InputError(
            "the loss file is too large", why=f"the limit is {LARGEST} bytes", cure="declare the data by shape"
        )
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        why = f"byte {error.start} is not UTF-8"
        raise InputError("the loss file is no text", why=why, cure="save it as UTF-8") from None


def read_declaration(text: str) -> dict[str, Any]:
    """The declaration in the text of a loss file.

    >>> read_declaration('loss = "x**2"')["formula"]
    'x**2'
    """
    dotted = DOTTED.search(text)
    if dotted:
        line = text.count("\n", 0, dotted.start()) + 1
        raise InputError(f"line {line} has a key of many parts", why="no loss has such a key", cure="use plain names")
    try:
        tables = tomllib.loads(text, parse_float=Written)
    except tomllib.TOMLDecodeError as error:
        raise InputError("the loss file is no TOML", why=str(error), cure="correct it there") from None
    except (RecursionError, ValueError, MemoryError) as error:
        raise InputError("the loss file cannot be read", why=shorten(str(error), 200), cure="simplify it") from None
    unknown = [key for key in tables if key not in KEYS]
    if unknown:
        what = f"the key {shorten(repr(unknown[0]))}"
        raise InputError(what, why="no loss has such a key", cure=f"use {', '.join(KEYS)}; shapes go into [parameters]")
    if not isinstance(tables.get("loss"), str):
        why = "its formula is missing" if "loss" not in tables else "its formula is no text"
        raise InputError("the file declares no loss", why=why, cure='write loss = "x**2 + y**2" above the tables')
    for key in ("parameters", "constants", "data", "at"):
        if key in tables and not isinstance(tables[key], dict | list | str):
            raise InputError(f"{key} is {shorten(repr(tables[key]))}", why="it is no table", cure=f"write [{key}]")
    return {"formula": tables.pop("loss"), **tables}


class Written(str):
    """A decimal number as it is written, so that nothing is rounded."""

    __slots__ = ()
