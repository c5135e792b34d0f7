"""Sweep files: TOML that names an experiment, its fixed parameters and its grid."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from manifolds.errors import InputError
from symport.sweeps.plan import Plan, read_plan
from symport.sweeps.task import short

LARGEST = 1 << 20
"""Bytes of a sweep file."""

KEYS = ("experiment", "name", "repeats", "retries", "timeout", "show", "parameters", "grid")
"""What a sweep file may declare."""


@final
@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What a sweep file says.

    Parameters
    ----------
    name: of the sweep.
    plan: what is to be run.
    retries: how often a task that failed is tried again; None where the file does not say.
    timeout: seconds for one task; None without a limit.
    show: entries of the results that the table shows; empty: those that fit.
    """

    name: str
    plan: Plan
    retries: int | None = None
    timeout: float | None = None
    show: tuple[str, ...] = ()


def read_sweep_file(path: str) -> Declaration:
    """The declaration in a sweep file.

    Raises
    ------
    InputError: the file cannot be read, is no TOML, or declares no sweep.
    """
    try:
        with Path(path).open("rb") as file:
            raw = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"the sweep file {path!r}", why=why, cure="check the path") from None
    try:
        if len(raw) > LARGEST:
            raise InputError("the file is too large", why=f"the limit is {LARGEST} bytes", cure="declare fewer values")
        return read_declaration(raw.decode(), name=Path(path).stem)
    except UnicodeDecodeError as error:
        why = f"byte {error.start} is not UTF-8"
        raise InputError(f"the sweep file {path!r} is no text", why=why, cure="save it as UTF-8") from None
    except InputError as error:
        raise InputError(f"{path}: {error.what}", why=error.why, cure=error.cure) from None


def read_declaration(text: str, *, name: str = "sweep") -> Declaration:
    """The declaration in the text of a sweep file.

    >>> text = '''
    ... experiment = "minimize"
    ... repeats = 2
    ... [parameters]
    ... spec = "rosenbrock"
    ... [grid]
    ... rule = ["adam", "adagrad"]
    ... '''
    >>> read_declaration(text).plan.size
    4
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError("the file is no TOML", why=str(error), cure="correct it there") from None
    except (RecursionError, ValueError, MemoryError) as error:
        raise InputError("the file cannot be read", why=str(error)[:200], cure="simplify it") from None
    unknown = [key for key in tables if key not in KEYS]
    if unknown:
        cure = f"use {', '.join(KEYS)}; values go into [parameters] and [grid]"
        raise InputError(f"the key {short(unknown[0])}", why="no sweep has such a key", cure=cure)
    experiment = tables.get("experiment")
    if not isinstance(experiment, str):
        why = "it names no experiment" if experiment is None else f"its experiment is {short(experiment)}"
        raise InputError("the file declares no sweep", why=why, cure='write experiment = "minimize" above the tables')
    return Declaration(
        name=_text(tables.get("name", name)),
        plan=read_plan(experiment, tables.get("parameters"), tables.get("grid"), tables.get("repeats", 1)),
        retries=None if "retries" not in tables else read_retries(tables["retries"]),
        timeout=None if "timeout" not in tables else read_timeout(tables["timeout"]),
        show=_names(tables.get("show", [])),
    )


def read_retries(value: Any) -> int:
    """How often a task that failed is tried again.

    >>> read_retries(-1)
    Traceback (most recent call last):
    manifolds.errors.InputError: retries = -1
      why: it is no number of further attempts
      try: give an integer from 0 to 100
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
        raise InputError(
            f"retries = {short(value)}", why="it is no number of further attempts", cure="give an integer from 0 to 100"
        )
    return value


def read_timeout(value: Any) -> float | None:
    """Seconds for one task; None is no limit."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise InputError(
            f"timeout = {short(value)}", why="it is no number of seconds above 0", cure="write timeout = 60"
        )
    return float(value)


def _text(value: Any) -> str:
    """The name of a sweep."""
    if not isinstance(value, str):
        raise InputError(f"name = {short(value)}", why="it is no text", cure='write name = "rates of Adam"')
    return value


def _names(value: Any) -> tuple[str, ...]:
    """The entries to be shown."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InputError(f"show = {short(value)}", why="it is no list of names", cure='write show = ["value"]')
    return tuple(value)
