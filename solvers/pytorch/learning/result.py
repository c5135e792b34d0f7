"""What the training of a learned optimizer returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, final

from solvers.pytorch.learning.proposer import Proposer
from solvers.pytorch.learning.rollout import Trajectory, follow
from solvers.pytorch.learning.settings import MetaSettings
from solvers.pytorch.learning.task import Task
from solvers.status import Status


@final
@dataclass(frozen=True, kw_only=True)
class MetaRound:
    """One task of the training.

    Parameters
    ----------
    index: from 0.
    first_loss, last_loss: on the task, at its start and after its last step.
    steps: optimizer steps done, less than asked for where the loss was no longer finite.
    validation: mean last loss on the validation tasks after the round; infinite where one is not finite.
    """

    index: int
    first_loss: float
    last_loss: float
    steps: int
    validation: float


@final
@dataclass(frozen=True, kw_only=True)
class MetaResult:
    """A learned optimizer, and how it was learned.

    Parameters
    ----------
    settings: of the network and the training.
    proposer: the network with the best validation of all rounds, the untrained one included.
    rounds: one record a task.
    untrained: mean last loss of the untrained network on the validation tasks.
    best: the same of the network that is returned; never above `untrained`.
    best_round: after which round; -1 for the untrained network.
    status: ``max-steps`` when all rounds were done, ``interrupted`` otherwise.
    seconds: wall time of this call.
    """

    settings: MetaSettings
    proposer: Proposer
    rounds: tuple[MetaRound, ...]
    untrained: float
    best: float
    best_round: int
    status: Status
    seconds: float

    def follow(self, task: Task, steps: int | None = None) -> Trajectory:
        """Run the learned optimizer on a task; as many steps as in the training unless told."""
        return follow(self.proposer, task, self.settings.steps if steps is None else steps)

    @property
    def curves(self) -> Mapping[str, list[float]]:
        """The columns of the rounds, for a plot."""
        rows = [asdict(one) for one in self.rounds]
        return {name: [row[name] for row in rows] for name in ("index", "first_loss", "last_loss", "validation")}

    def to_dict(self) -> dict[str, Any]:
        """Everything but the network as JSON-ready data."""
        return {
            "settings": self.settings.to_dict(),
            "rounds": [asdict(one) for one in self.rounds],
            "untrained": self.untrained,
            "best": self.best,
            "best_round": self.best_round,
            "status": str(self.status),
            "seconds": self.seconds,
        }
