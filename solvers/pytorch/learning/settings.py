"""The settings of a learned optimizer and of its training."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, final

from manifolds.errors import InputError
from symmetries.arguments import read_seed

VARIANTS = ("rate", "teleport", "rate+teleport", "update", "update+teleport")


@final
@dataclass(frozen=True, kw_only=True)
class MetaSettings:
    r"""What the recurrent network decides, its size, and how it is trained.

    Parameters
    ----------
    variant: ``"rate"``: the learning rate alone, the control; ``"teleport"``: the group element alone, at the initial
        rate; ``"rate+teleport"``; ``"update"``: the whole step; ``"update+teleport"``.
    rounds: tasks trained on, one after the other.
    steps: optimizer steps on each task.
    unroll: steps between two updates of the network, through which derivatives are taken.
    hidden, cells: units of an LSTM cell, and how many cells follow each other.
    meta_rate: learning rate of Adam on the network.
    clip: largest norm of the gradient of a meta-loss; early and late steps then count alike.
    radius: largest Frobenius norm of the Lie algebra element of one teleport.
    lowest_rate, initial_rate, highest_rate: learning rates are between the first and the last; an untrained network
        answers the second.
    validation: tasks on which every round is judged; the best network is kept.
    seed: of the network and of the tasks.

    Raises
    ------
    InputError: there is no such variant, or a number does not serve.

    >>> MetaSettings(variant="rate").proposes_teleport, MetaSettings(variant="update+teleport").proposes_update
    (False, True)
    """

    variant: str = "rate+teleport"
    rounds: int = 30
    steps: int = 300
    unroll: int = 10
    hidden: int = 20
    cells: int = 2
    meta_rate: float = 1e-3
    clip: float = 1.0
    radius: float = 0.01
    lowest_rate: float = 1e-7
    initial_rate: float = 1e-4
    highest_rate: float = 5e-3
    validation: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise InputError(
                f"variant={self.variant!r}", why="there is none", cure=f"write one of {', '.join(VARIANTS)}"
            )
        for name in ("rounds", "steps", "unroll", "hidden", "cells", "validation"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f"{name}={value!r}", why="it is no positive integer", cure=f"write {name}=2, say")
        for name in ("meta_rate", "clip", "radius", "lowest_rate", "initial_rate", "highest_rate"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
                raise InputError(f"{name}={value!r}", why="it is no positive number", cure=f"write {name}=1e-3, say")
        if not self.lowest_rate < self.initial_rate < self.highest_rate:
            raise InputError(
                f"rates {self.lowest_rate}, {self.initial_rate}, {self.highest_rate}",
                why="the initial one is to lie strictly between the others",
                cure="write lowest_rate=1e-7, initial_rate=1e-4, highest_rate=5e-3, say",
            )
        object.__setattr__(self, "seed", read_seed(self.seed))

    @property
    def proposes_rate(self) -> bool:
        """Whether the network decides the learning rate."""
        return self.variant != "teleport"

    @property
    def proposes_teleport(self) -> bool:
        """Whether the network decides a group element."""
        return "teleport" in self.variant

    @property
    def proposes_update(self) -> bool:
        """Whether the network corrects the direction of the step."""
        return "update" in self.variant

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON-ready data."""
        return asdict(self)
