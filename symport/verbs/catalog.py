"""`symport catalog`: the ready losses."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symport.answers import Answer, to_json
from symport.payloads import entry_payload

if TYPE_CHECKING:
    from symport.session import Session
    from symport.tables import Block


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb: none."""


def run(options: argparse.Namespace, session: Session) -> Answer:
    """List the catalogue."""
    from symmetries.catalog import catalog

    payload = {"losses": [entry_payload(entry) for entry in catalog()]}

    def files(whole: dict[str, Any]) -> Mapping[str, bytes]:
        """Files that ``--output`` writes."""
        return {"catalog.json": to_json(whole).encode()}

    return Answer(payload=payload, blocks=table, files=files)


def table() -> list[Block]:
    """The catalogue for people."""
    from symmetries.catalog import catalog
    from symport.formulas import unicode_formula
    from symport.sections import cut
    from symport.tables import Heading, Line, Table

    rows = [
        [one.name, one.ansatz, str(one.dimension), one.algebra or "", cut(unicode_formula(one.formula), 60)]
        for one in catalog()
    ]
    columns = ["name", "fields", "dim", "algebra", "loss"]
    return [Heading(f"{len(rows)} losses"), Table(rows, columns), Line("symport study NAME makes a report of one")]
