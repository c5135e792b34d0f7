"""Verbs of the command line as experiments: parameters become words, and the answer a flat table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from manifolds.errors import InputError
from symport.answers import readable
from symport.cli import Parser
from symport.session import Session
from symport.sweeps.task import short

VERBS = ("act", "conserved", "derive", "discrete", "minimize", "newton", "teleport", "verify")
"""Verbs that are experiments: those that compute one thing."""

FILES = ("certificate", "coq", "json", "output", "plot", "quiet", "version", "help")
"""Options that are no parameters: they write files, or concern the printing."""

SHORT_LIST = 8
"""Longest list of numbers that a record of a verb keeps."""


def check_words(verb: str, parameters: Mapping[str, Any]) -> None:
    """Read the parameters as the verb does, without running it.

    >>> check_words("minimize", {"spec": "rosenbrock", "steps": "many"})
    Traceback (most recent call last):
    manifolds.errors.InputError: the parameters of minimize: argument --steps
      why: invalid int value: 'many'
      try: see `symport minimize --help`
    """
    _options(verb, parameters)


def run_verb(verb: str, parameters: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """What the verb found: its numbers and short texts, names of inner tables joined by dots, and its exit code.

    >>> found = run_verb("derive", {"spec": "rosenbrock"}, 0)
    >>> found["dimension"], found["algebra.name"], found["exit_code"]
    (1, 'so(2)', 0)
    """
    options = _options(verb, parameters)
    options.seed = seed
    session = Session(errors=sys.stderr, quiet=True, seed=seed)
    answer = import_module(f"symport.verbs.{verb}").run(options, session)
    return {**dict(_flat(readable(answer.payload))), "exit_code": answer.code}


def _options(verb: str, parameters: Mapping[str, Any]) -> argparse.Namespace:
    """The parameters as the verb's own options."""
    given = dict(parameters)
    spec = given.pop("spec", None)
    if not isinstance(spec, str) or not spec:
        raise InputError(
            f"the parameters of {verb}", why="no loss is named", cure='write spec = "rosenbrock" under [parameters]'
        )
    forbidden = [name for name in given if name in FILES]
    if forbidden:
        why = "it writes files or concerns the printing, and a task does neither"
        raise InputError(f"the parameter {forbidden[0]}", why=why, cure="leave it away")
    parser = Parser(prog=f"symport {verb}", allow_abbrev=False, add_help=False)
    import_module(f"symport.verbs.{verb}").add_arguments(parser)
    parser.set_defaults(json=False, quiet=True, seed=0, output=None)
    words = [word for name, value in given.items() for word in _words(name, value)]
    try:
        return parser.parse_args([*words, "--", spec])
    except InputError as error:
        raise InputError(
            f"the parameters of {verb}: {error.what}", why=error.why, cure=f"see `symport {verb} --help`"
        ) from None


def _words(name: str, value: Any) -> list[str]:
    """One parameter as words of a command line."""
    option = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [option] if value else []
    if not isinstance(value, str | int | float):
        raise InputError(
            f"{name} = {short(value)}", why="an option of a verb is text, a number, true or false", cure="write it so"
        )
    return [f"{option}={value}"]


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The entries of nested tables under joined names; long lists are left out."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif not isinstance(value, list) or _is_short(value):
            yield f"{prefix}{name}", value


def _is_short(values: list[Any]) -> bool:
    """Whether a list is a few numbers or words."""
    return len(values) <= SHORT_LIST and not any(isinstance(item, list | Mapping) for item in values)
