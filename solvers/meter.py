"""What a run has cost up to now, over all objectives that it asked."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import final

from solvers.cost import Cost, Ledger


@final
class Meter:
    """The count of a run: what its ledgers counted since they were first seen, beside the cost of what it resumes.

    >>> ledger = Ledger()
    >>> ledger.count(gradients=5)
    >>> meter = Meter(Cost(gradients=2))
    >>> meter.watch(ledger)
    >>> ledger.count(gradients=1)
    >>> meter.total().gradients
    3
    """

    def __init__(self, before: Cost) -> None:
        self._before = before
        self._start = time.perf_counter()
        self._ledgers: dict[int, tuple[Ledger, Cost]] = {}

    def watch(self, ledger: Ledger) -> None:
        """Count what this ledger counts from now on."""
        if id(ledger) not in self._ledgers:
            self._ledgers[id(ledger)] = ledger, ledger.total()

    def total(self) -> Cost:
        """The cost up to now, with the seconds of the run."""
        cost = self._before
        for ledger, start in self._ledgers.values():
            cost += ledger.total() - start
        return replace(cost, seconds=self._before.seconds + time.perf_counter() - self._start)
