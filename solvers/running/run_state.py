"""What a minimisation knows between two steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final, overload

from solvers.cost import Cost
from solvers.results import Record
from solvers.rule import State
from symmetries.actions.parameter_space import FloatArray


@final
class HistoryView(Sequence[Record]):
    """The first records of a list that goes on growing, read-only.

    Parameters
    ----------
    records: the list.
    length: how many of them are seen.
    """

    def __init__(self, records: list[Record], length: int) -> None:
        self._records, self._length = records, length

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        if isinstance(index, slice):
            return [self._records[k] for k in range(*index.indices(self._length))]
        return self._records[range(self._length)[index]]


@final
@dataclass(frozen=True, kw_only=True)
class LoopState:
    """What callbacks and triggers see of a minimisation.

    Parameters
    ----------
    step: optimizer steps done.
    point: where they led, in the form in which the start was given; a copy.
    loss, gradient_norm: there, on the batch of the coming step.
    best_value: the lowest loss up to now.
    history: one record a step, the start included; the last one belongs to this state.
    """

    step: int
    point: Any
    loss: float
    gradient_norm: float
    best_value: float
    history: Sequence[Record]


@final
@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Where the run stood before an accepted teleport, to go back to.

    Parameters
    ----------
    w: the point.
    state: of the rule.
    count: steps of the rule since its state was made.
    level: the loss there; of mini-batches the largest of the last ones.
    teleport: number of the teleport in the list of the run.
    """

    w: FloatArray
    state: State
    count: int
    level: float
    teleport: int


@final
@dataclass(frozen=True, kw_only=True)
class RunState:
    """Everything on which the rest of a run depends; each step makes a new one, so that it is never half done.

    Parameters
    ----------
    step: optimizer steps done.
    w: the point.
    state: of the rule.
    count: steps of the rule since its state was made.
    value, gradient: at w on the batch of the coming step.
    best, best_value: the best point and its loss.
    records, teleports: how many entries of the lists of the loop belong to this state.
    snapshots: where to go back to when a run blows up after a teleport, the latest last.
    paused_until: no teleport before this step.
    returns: how often the run was taken back to before a teleport.
    carried: what the space hands on to its next section.
    cost: up to the last record.
    """

    step: int
    w: FloatArray
    state: State
    count: int
    value: float
    gradient: FloatArray
    best: FloatArray
    best_value: float
    records: int = 0
    teleports: int = 0
    snapshots: tuple[Snapshot, ...] = ()
    paused_until: int = 0
    returns: int = 0
    carried: Any = None
    cost: Cost = field(default_factory=Cost)
