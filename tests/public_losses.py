"""The losses with known answers, as declared losses."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from symmetries import Loss, SymmetryAlgebra, derive
from symmetries.ansatz import read_ansatz

RECORDS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "losses_public.json").read_text())
BY_NAME = {record["name"]: record for record in RECORDS}


@cache
def public_loss(name: str) -> Loss:
    record = BY_NAME[name]
    return Loss.parse(record["expr"], record["params"], data=record["data"], constants=record["constants"])


@cache
def public_algebra(name: str) -> SymmetryAlgebra:
    return derive(public_loss(name), ansatz=read_ansatz(BY_NAME[name]["ansatz"]))
