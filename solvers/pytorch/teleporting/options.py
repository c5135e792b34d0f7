"""The options of a teleporter, read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from solvers.pytorch.teleporting.state_transport import StateRule


@final
@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a teleporter, checked; see there."""

    along: str
    target: Any
    maximize: bool
    radius: float | None
    layer_bound: float
    per: str
    steps: int
    gain: float | None
    accept: Any
    rollouts: int
    is_guarded: bool
    rule: StateRule
    lookahead_steps: int
    energy: float
