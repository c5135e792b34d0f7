"""`symport discrete`: the permutations of the parameters, with signs, that keep a loss."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symport import spec as specs
from symport.answers import CODES, Answer, to_json
from symport.payloads import loss_payload

if TYPE_CHECKING:
    from symmetries.discrete import DiscreteGroup
    from symport.session import Session
    from symport.tables import Block

FIRST = 12
"""Entries of one map that are printed; the object for programs has all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    specs.add_arguments(parser)


def run(options: argparse.Namespace, session: Session) -> Answer:
    """Find the group, with exit code 3 when it may be larger."""
    from symmetries.discrete import discrete_symmetries

    spec = specs.resolve(options)
    group = discrete_symmetries(spec.loss, rng=session.seed)

    def blocks() -> list[Block]:
        """What is shown to people."""
        from symport.sections import loss_blocks

        return [*loss_blocks(spec), *discrete_blocks(group)]

    def files(payload: dict[str, Any]) -> Mapping[str, bytes]:
        """Files that ``--output`` writes."""
        return {"discrete.json": to_json(payload).encode()}

    return Answer(payload=discrete_payload(group), blocks=blocks, code=CODES[group.verdict], files=files)


def discrete_payload(group: DiscreteGroup) -> dict[str, Any]:
    """What was found."""
    return {
        "loss": loss_payload(group.loss),
        "order": group.order,
        "name": group.name,
        "generators": [
            {
                "map": element.map,
                "cycles": [list(cycle) for cycle in element.cycles],
                "order": element.order,
                "verdict": claim.verdict,
                "reason": claim.reason,
            }
            for element, claim in zip(group.generators, group.generator_claims, strict=True)
        ],
        "verdict": group.verdict,
        "completeness": group.completeness.to_dict(),
    }


def discrete_blocks(group: DiscreteGroup) -> list[Block]:
    """What was found, for people."""
    from symport.sections import SHOWN, claim_lines, cut
    from symport.tables import Heading, Line, Table

    title = [["group", group.name or "not named"], ["order", order_text(group.order)]]
    blocks: list[Block] = [Heading("discrete symmetries"), Table(title), Heading("generators")]
    rows = [
        [f"g{k}", claim.verdict, cut(map_text(element.map))]
        for k, (element, claim) in enumerate(zip(group.generators, group.generator_claims, strict=True), 1)
    ]
    if not rows:
        blocks.append(Line("no permutation of the parameters, with or without signs, keeps the loss"))
    else:
        blocks.append(Table(rows[:SHOWN]))
    if len(rows) > SHOWN:
        blocks.append(Line(f"and {len(rows) - SHOWN} more; --json lists all"))
    return [*blocks, Heading("complete?"), *claim_lines(group.completeness)]


def map_text(moved: Mapping[str, str]) -> str:
    """The first entries of a map.

    >>> map_text({"x": "-y", "y": "x"})
    'x → -y, y → x'
    """
    shown = [f"{entry} → {value}" for entry, value in list(moved.items())[:FIRST]]
    return ", ".join(shown) + (f", and {len(moved) - FIRST} more" if len(moved) > FIRST else "")


def order_text(order: int) -> str:
    """An order, with its size where it is long.

    >>> order_text(48), order_text(10**30)
    ('48', '1000000000000000000000000000000 (1.0e+30)')
    """
    digits = str(order)
    if len(digits) <= 16:
        return digits
    size = f"{digits[0]}.{digits[1]}e+{len(digits) - 1}"
    return f"{digits} ({size})" if len(digits) <= 60 else size
