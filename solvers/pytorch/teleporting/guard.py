"""The way back: after a teleport was taken, a run whose loss blows up is returned to before it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from solvers.pytorch.teleporting.writing import Snapshot
from solvers.steps.hyperparameters import POSITIVE, read_count, read_number


@final
@dataclass(frozen=True, kw_only=True)
class WayBack:
    r"""When a run is taken back to before its teleport.

    Parameters
    ----------
    blow_up: a loss L with :math:`L - L_0 > \text{blow\_up}\,|L_0|`, beyond the loss at the teleport, takes it back.
    steps: how many steps of the optimizer a teleport is watched.
    period: how many steps lie between two looks, where the training loop does not tell its losses.

    Raises
    ------
    InputError: a number makes no sense.

    >>> WayBack(blow_up=1.0).has_blown_up(2.5, 1.0)
    True
    """

    blow_up: float = 1.0
    steps: int = 100
    period: int = 10

    def __post_init__(self) -> None:
        read_number(self.blow_up, name="blow_up", interval=POSITIVE)
        read_count(self.steps, name="steps")
        read_count(self.period, name="period")

    def has_blown_up(self, loss: float, reference: float) -> bool:
        """Whether a loss is beyond what is tolerated after a teleport at the reference loss."""
        return not math.isfinite(loss) or loss - reference > self.blow_up * abs(reference)


@final
@dataclass(kw_only=True)
class Watch:
    """A teleport under watch.

    Parameters
    ----------
    snapshot: from before it.
    reference: the loss then.
    left: steps that are left to watch.
    """

    snapshot: Snapshot
    reference: float
    left: int
