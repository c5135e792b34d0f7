"""`symport act`: a point moved along a symmetry, with the loss before and after."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from manifolds.errors import InputError
from symport import spec as specs
from symport.answers import CODES, Answer, to_json
from symport.payloads import loss_payload
from symport.starts import named_values
from symport.verbs.derive import FAMILIES, search

if TYPE_CHECKING:
    from symmetries.action import GroupAction
    from symmetries.algebra import SymmetryAlgebra
    from symport.session import Session
    from symport.tables import Block


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    specs.add_arguments(parser)
    what = parser.add_argument_group("what acts where")
    what.add_argument("--at", metavar="PAIRS", help='the point, such as "x=-1, y=2"; default: what the loss names')
    what.add_argument("--generator", metavar="K", type=int, default=0, help="number of the generator, from 0")
    what.add_argument("--time", metavar="T", type=float, default=1.0, help="time for which the point flows; default: 1")
    about = f"where to search for generators: {FAMILIES}; default: what the loss names, else linear"
    what.add_argument("--ansatz", metavar="FIELDS", help=about)


def run(options: argparse.Namespace, session: Session) -> Answer:
    """Move the point; free data that the point does not name is drawn from the seed."""
    from symmetries.action import GroupAction

    spec = specs.resolve_at(options)
    values = named_values(spec, session.seed)
    algebra = search(spec, options.ansatz, session)
    check_generator(algebra, options.generator)
    constants = {name: float(values[name]) for name in spec.loss.constants}
    action = GroupAction.from_algebra(algebra, constants=constants)
    payload = moved_payload(action, values, options.generator, options.time)

    def blocks() -> list[Any]:
        """What is shown to people."""
        from symport.sections import loss_blocks

        return [*loss_blocks(spec), *act_blocks(algebra, payload)]

    def files(whole: dict[str, Any]) -> Mapping[str, bytes]:
        """Files that ``--output`` writes."""
        return {"act.json": to_json(whole).encode()}

    verdict = algebra.generator_claims[options.generator].verdict
    head = {"loss": loss_payload(spec.loss), "generator": dict(algebra.generators[options.generator].components)}
    return Answer(payload=head | payload, blocks=blocks, code=CODES[verdict], files=files)


def check_generator(algebra: SymmetryAlgebra, k: int) -> None:
    """Refuse a number that no generator has."""
    if not 0 <= k < algebra.dimension:
        count = f"{algebra.dimension} generator{'s' * (algebra.dimension > 1)}"
        there = f"the algebra has {count}, counted from 0" if algebra.dimension else "the loss has no symmetries there"
        cure = f"use a number below {algebra.dimension}" if algebra.dimension else "try another --ansatz"
        raise InputError(f"--generator {k}", why=there, cure=cure)


def moved_payload(action: GroupAction, values: Mapping[str, Any], k: int, time: float) -> dict[str, Any]:
    """The moved point, and the loss at both points."""
    import numpy as np

    from symmetries.compiled import Tape

    t = np.zeros(action.dimension)
    t[k] = time
    point = {name: values[name] for name in action.space.shapes}
    moved = action.apply(t, point)
    tape = Tape(action.loss.expression, ())
    with np.errstate(all="ignore"):
        before, after = (float(tape.values({**values, **one})[-1]) for one in (point, moved))
    for where, value, cure in (
        ("the point", before, "start from a point where the loss is defined, and not too large"),
        ("the moved point", after, "give a --time nearer to 0"),
    ):
        if not np.isfinite(value):
            raise InputError(f"the loss at {where}", why=f"its value is {value}", cure=cure)
    size = max(abs(before), abs(after))
    form = action.closed_form(k)
    return {
        "time": time,
        "point": {name: np.asarray(value).tolist() for name, value in moved.items()},
        "loss_before": before,
        "loss_after": after,
        "relative_drift": abs(after - before) / size if size > 0 else 0.0,
        "data": {name: value.tolist() for name, value in values.items() if name in action.loss.data},
        "closed_form": dict(form.components) if form is not None else None,
        "closed_form_time": form.time if form is not None else None,
        "domain": action.domain,
    }


def act_blocks(algebra: SymmetryAlgebra, payload: Mapping[str, Any]) -> list[Block]:
    """What the command says to people."""
    from symport.sections import cut
    from symport.tables import Heading, Line, Table

    entries = [[name, str(value)] for name, value in payload["point"].items()]
    rows = [
        ["time", f"{payload['time']:g}"],
        ["loss before", f"{payload['loss_before']:.17g}"],
        ["loss after", f"{payload['loss_after']:.17g}"],
        ["relative drift", f"{payload['relative_drift']:.1e}"],
        ["defined", payload["domain"]],
    ]
    if payload["data"]:
        rows.append(["data", ", ".join(payload["data"]) + ": as the point says, else drawn from the seed"])
    blocks: list[Block] = [Heading("moved point"), Table(entries), Heading("loss"), Table(rows)]
    if payload["closed_form"]:
        blocks.append(Heading(f"flow at the time {payload['closed_form_time']}"))
        blocks += [Line(cut(f"{entry} -> {formula}")) for entry, formula in payload["closed_form"].items()]
    return blocks
