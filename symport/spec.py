"""SPEC, the loss that a command is about: a loss file, a catalogued name, or a formula, in that order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from manifolds.errors import InputError
from symport.pairs import read_point

if TYPE_CHECKING:
    import argparse

    from symmetries.ansatz import Ansatz
    from symmetries.loss import Loss

DECLARATIONS = ("parameters", "data", "constants", "moves")
"""The options that declare the names of a formula."""

WORD = re.compile(r"[^\W\d][\w-]*[^\W_]")


@final
@dataclass(frozen=True, kw_only=True)
class Spec:
    """A loss and what it is called.

    Parameters
    ----------
    loss: the loss.
    title: its name for people.
    slug: its name for files: letters, digits and hyphens.
    ansatz: the family of fields that suits it, None when nobody named one.
    """

    loss: Loss
    title: str
    slug: str
    ansatz: str | None = None

    def at(self, point: Mapping[str, Any]) -> Spec:
        """The same with a point."""
        return replace(self, loss=self.loss.with_point(point))

    def choose_ansatz(self, wanted: str | None) -> Ansatz:
        """The ansatz that the command names, else the one of the loss, else linear fields."""
        from symmetries.ansatz import read_ansatz

        return read_ansatz(wanted or self.ansatz or "linear")


def add_arguments(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """The arguments that name a loss."""
    group = parser.add_argument_group("the loss")
    about = "a loss file (.toml), a name that `symport catalog` lists, or a formula"
    group.add_argument("spec", metavar="SPEC", help=about, nargs="?" if optional else None)
    group.add_argument("--formula", action="store_true", help="SPEC is a formula, whatever it looks like")
    shapes = 'such as "x y w:3 U:3x2"'
    group.add_argument("--parameters", metavar="NAMES", help=f"names and shapes, {shapes}; default: every free name")
    group.add_argument("--data", metavar="NAMES", help='names that stand for all values, such as "Y:3x4"')
    group.add_argument("--constants", metavar="NAMES", help='names on which a symmetry may depend, such as "a b"')
    group.add_argument("--moves", metavar="NAMES", help="names of data that the group may move as well")


def resolve(options: argparse.Namespace) -> Spec:
    """The loss that the command names.

    Raises
    ------
    InputError: SPEC is none of the three, or the options contradict it.
    """
    text = options.spec.strip()
    if options.formula:
        return from_formula(text, options)
    if text.lower().endswith(".toml"):
        refuse_declarations(options, "a loss file")
        return from_file(text)
    found = from_catalog(text, options)
    return found or from_formula(text, options)


def resolve_at(options: argparse.Namespace) -> Spec:
    """The loss that the command names, at the point of ``--at`` where that is given."""
    spec = resolve(options)
    return spec if options.at is None else spec.at(read_point(options.at))


def from_file(text: str) -> Spec:
    """The loss in a file."""
    from symmetries.loss import Loss

    loss = Loss.from_file(text)
    stem = Path(text).stem
    return Spec(loss=loss, title=loss.name or stem, slug=slug(stem), ansatz=loss.ansatz)


def from_catalog(text: str, options: argparse.Namespace) -> Spec | None:
    """The catalogued loss of that name; None when SPEC is to be read as a formula."""
    if not WORD.fullmatch(text):
        return None
    from symmetries.catalog import catalog, find

    entry = find(text)
    if entry is not None:
        refuse_declarations(options, "a catalogued loss")
        return Spec(loss=entry.loss, title=entry.title, slug=slug(entry.name), ansatz=entry.ansatz)
    refuse_misspelled(text, [one.name for one in catalog()], declared=options.parameters is not None)
    return None


def refuse_misspelled(text: str, names: list[str], *, declared: bool) -> None:
    """Refuse a word that is no catalogued name and is hardly meant as a formula."""
    from difflib import get_close_matches

    near = get_close_matches(text.lower(), names, n=3, cutoff=0.75)
    if declared or ("-" in text and not near):
        return
    cure = f"write {' or '.join(near)}, " if near else "see `symport catalog`, "
    why = "a word is a formula only when --formula or --parameters says so"
    raise InputError(f"no catalogued loss is called {text!r}", why=why, cure=f"{cure}or add --formula")


def from_formula(text: str, options: argparse.Namespace) -> Spec:
    """The loss of a formula."""
    from symmetries.loss import Loss

    data = declare_data(options.data, options.moves)
    loss = Loss.parse(text, options.parameters, data=data, constants=options.constants)
    return Spec(loss=loss, title="", slug="formula")


def declare_data(data: str | None, moves: str | None) -> dict[str, Any] | None:
    """The data of a formula; ``moves`` names those that the group may act on.

    >>> declare_data("Y:3x4 x:2", "x")["x"].moves
    True
    """
    if data is None and moves is None:
        return None
    from symmetries.data import Data
    from symmetries.declarations import read_data

    declared = read_data(data or "")
    for name in (moves or "").replace(",", " ").split():
        if name not in declared:
            if ":" in name:
                why, cure = "only --data gives shapes", f'write --data "{name}" --moves "{name.partition(":")[0]}"'
                raise InputError(f"--moves {name!r} has a shape", why=why, cure=cure)
            cure = f'declare it: --data "{name}:3x4"'
            raise InputError(f"--moves names {name!r}", why="the loss has no such data", cure=cure)
        declared[name] = Data(declared[name].shape, moves=True)
    return declared


def refuse_declarations(options: argparse.Namespace, kind: str) -> None:
    """Refuse options that declare what the loss declares itself."""
    for name in DECLARATIONS:
        if getattr(options, name) is not None:
            why = f"SPEC is {kind}, which declares its own names"
            cure = f"remove --{name}, or give the formula in place of SPEC"
            raise InputError(f"--{name} contradicts SPEC", why=why, cure=cure)


def slug(name: str) -> str:
    """A name for files.

    >>> slug("Matrix factorisation, 3 x 2")
    'matrix-factorisation-3-x-2'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "loss"
