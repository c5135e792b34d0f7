"""SPEC with sizes that are names: `--parameters "U:nxk V:kxm"`, or shapes such as ["n", "k"] in a loss file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from manifolds.errors import InputError
from symport.answers import CODES, Answer, to_json
from symport.tables import Block, Heading, Line, Table

if TYPE_CHECKING:
    import argparse

    from symmetries.sizes.family import LossFamily
    from symmetries.sizes.family_symmetry import FamilySymmetry
    from symport.session import Session

SIZE = r"(?:[0-9]{1,9}|(?!x)[^\W\d](?:(?!x)\w)*)"
"""A size: an integer, or a name without the letter x."""

SHAPE = re.compile(rf"{SIZE}(x{SIZE})*")

OVERLAP = "not known: the parts overlap"

SYMBOLIC = re.compile(r":\S*[^\W\dx]")
"""A shape in which a letter other than x stands."""


def find_family(options: argparse.Namespace) -> LossFamily | None:
    """The family of losses that the command names, None when all sizes are numbers.

    Raises
    ------
    InputError: the sizes cannot be read, or an option has no meaning for a family.
    """
    text = options.spec.strip()
    family = None
    if not options.formula and text.lower().endswith(".toml"):
        family = family_in_file(text)
    elif any(SYMBOLIC.search(declared or "") for declared in (options.parameters, options.data)):
        family = family_of_formula(text, options)
    if family is not None and (options.ansatz or "linear").strip().lower() != "linear":
        why = "a family is searched for matrices times its parameters"
        raise InputError(f"--ansatz {options.ansatz} with sizes that are names", why=why, cure="leave --ansatz out")
    return family


def family_of_formula(text: str, options: argparse.Namespace) -> LossFamily:
    """The family of a formula."""
    from symmetries.sizes.family import LossFamily

    if options.moves is not None:
        why = "the data of a family stand still"
        raise InputError("--moves with sizes that are names", why=why, cure="give all sizes as integers")
    if options.parameters is None:
        why = "without --parameters every free name is a scalar"
        raise InputError("sizes that are names need --parameters", why=why, cure='add --parameters "U:nxk"')
    constants = (options.constants or "").replace(",", " ").split()
    parameters = split_shapes(options.parameters, "--parameters")
    return LossFamily.parse(text, parameters, data=split_shapes(options.data or "", "--data"), constants=constants)


def split_shapes(text: str, what: str) -> dict[str, tuple[str | int, ...]]:
    """Names with their shapes, in which a length may be a name.

    >>> split_shapes("U:nxk w:3 t", "--parameters")
    {'U': ('n', 'k'), 'w': (3,), 't': ()}
    """
    found: dict[str, tuple[str | int, ...]] = {}
    for word in text.replace(",", " ").split():
        name, colon, lengths = word.partition(":")
        if colon and not SHAPE.fullmatch(lengths):
            why = "a size is an integer or a name without the letter x"
            raise InputError(f"{what}: the shape of {word!r} cannot be read", why=why, cure='write "U:nxk w:3"')
        if name in found:
            raise InputError(f"{what} gives {name!r} twice", why="a name stands for one thing", cure="remove one")
        parts = lengths.split("x") if colon else []
        found[name] = tuple(int(part) if part.isdigit() else part for part in parts)
    return found


def family_in_file(path: str) -> LossFamily | None:
    """The family that a loss file declares, None when all its sizes are numbers."""
    from symmetries.loss_file import read_loss_file, within
    from symmetries.sizes.family import LossFamily

    declared = read_loss_file(path)
    tables = [declared.get(key) for key in ("parameters", "data")]
    shapes = [shape for table in tables if isinstance(table, Mapping) for shape in table.values()]
    if not any(isinstance(shape, list) and any(type(length) is str for length in shape) for shape in shapes):
        return None
    with within(path):
        return LossFamily.parse(
            declared["formula"],
            declared["parameters"] if isinstance(declared.get("parameters"), Mapping) else {},
            data=declared.get("data") or {},
            constants=list(declared.get("constants") or []),
            name=str(declared.get("name", "")),
        )


def answer(family: LossFamily, session: Session) -> Answer:
    """The symmetries of a family, with exit code 3 when the sizes tried show others."""
    from symmetries.certificate import overall
    from symmetries.sizes.family_symmetry import derive_family

    symmetry = derive_family(family, rng=session.seed)
    return Answer(
        payload=payload(symmetry),
        blocks=lambda: blocks(symmetry),
        code=CODES[overall(claim.verdict for claim in symmetry.claims)],
        files=lambda made: {"derive.json": to_json(made).encode()},
    )


def payload(symmetry: FamilySymmetry) -> dict[str, Any]:
    """What programs read: the keys of `derive`, null where they have no meaning for all sizes, and the family."""
    declared = symmetry.family.to_dict()
    unknown = dict.fromkeys(("abelian", "solvable", "nilpotent", "semisimple", "killing_signature", "levi"))
    numbers = dict.fromkeys(
        ("unknowns", "dimension", "null_directions", "essential_dimension", "generators", "null_fields")
    )
    return {
        "loss": {key: declared[key] for key in ("name", "formula", "parameters", "data", "constants")},
        "ansatz": "linear",
        **numbers,
        "closed": None if symmetry.name is None else True,
        "algebra": {"name": symmetry.name, "synonyms": [], **unknown},
        "essential": {"dimension": None, "name": symmetry.name},
        "completeness": symmetry.completeness.to_dict(),
        "redundancy": None,
        "family": {key: value for key, value in symmetry.to_dict().items() if key not in ("family", "completeness")},
    }


def blocks(symmetry: FamilySymmetry) -> list[Block]:
    """What is shown to people."""
    family = symmetry.family
    rows = [["L", family.formula], ["parameters", shown(family.parameters)]]
    rows += [["data", f"{shown(family.data)} (all values)"]] if family.data else []
    rows += [["sizes", f"{', '.join(family.sizes)} (all values)"]]
    found = [["algebra", symmetry.name or "without a name"], ["dimension", symmetry.dimension or OVERLAP]]
    if symmetry.shifts:
        found.append(["null directions", symmetry.null_dimension or OVERLAP])
    parts = [[part.name, claim.verdict, str(part.action or part.field)] for part, claim in proved_parts(symmetry)]
    listed: list[Block] = [Heading("actions"), Table(parts)] if parts else [Line("no matrix acts for all sizes")]
    fits = [
        [said(fit.sizes), str(fit.dimension), str(fit.null_directions), str(fit.unexplained)] for fit in symmetry.fits
    ]
    return [
        Heading(family.name or "family of losses"),
        Table(rows),
        Heading("symmetries for all sizes"),
        Table(found),
        *listed,
        Heading("complete?"),
        Table(fits, ("sizes", "dimension", "null directions", "unexplained")),
        Line(f"{symmetry.completeness.verdict}: {symmetry.completeness.reason}"),
    ]


def proved_parts(symmetry: FamilySymmetry) -> list[tuple[Any, Any]]:
    """The parts and shifts with their claims."""
    parts = (*symmetry.parts, *symmetry.shifts)
    return list(zip(parts, symmetry.invariance[: len(parts)], strict=True))


def shown(shapes: Mapping[str, tuple[str | int, ...]]) -> str:
    """Names with their shapes.

    >>> shown({"U": ("n", 2), "t": ()})
    'U n×2, t'
    """
    return ", ".join(
        " ".join([name, *(["×".join(map(str, shape))] if shape else [])]) for name, shape in shapes.items()
    )


def said(sizes: Mapping[str, int]) -> str:
    """An assignment of sizes in words."""
    return ", ".join(f"{name} = {value}" for name, value in sizes.items())
