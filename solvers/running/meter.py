"""What a run has cost up to now, over all objectives that it asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import final

from solvers.cost import Cost, Ledger
from solvers.objective import Objective


@final
class Meter:
    """The count of a run: what its ledgers count from when they are first seen, beside the cost of what it resumes.

    Parameters
    ----------
    before: the cost to begin with.

    >>> ledger = Ledger()
    >>> ledger.count(gradients=5)
    >>> meter = Meter(Cost(gradients=2))
    >>> meter.watch(ledger)
    >>> ledger.count(gradients=1)
    >>> meter.total().gradients
    3
    """

    def __init__(self, before: Cost) -> None:
        self.restart(before)

    def restart(self, before: Cost) -> None:
        """Count from here on, beside another cost; what was watched goes on being watched."""
        self._cost = before
        self._start = time.perf_counter()

    def watch(self, ledger: Ledger) -> None:
        """Count what this ledger counts from now on; a ledger that is watched already is counted once."""
        ledger.tell(self)

    def batch(self, batches: Callable[[int], Objective], step: int) -> Objective:
        """The objective of a step, watched."""
        objective = batches(step)
        self.watch(objective.ledger)
        return objective

    def add(self, cost: Cost) -> None:
        """Add what a ledger has counted."""
        self._cost += cost

    def total(self) -> Cost:
        """The cost up to now, with the seconds of the run."""
        return replace(self._cost, seconds=self._cost.seconds + time.perf_counter() - self._start)
