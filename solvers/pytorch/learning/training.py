"""The training of a proposer by truncated unrolling, round by round."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any, final

import numpy as np
import torch

from manifolds.errors import InputError
from solvers.pytorch.learning.proposer import Proposer
from solvers.pytorch.learning.result import MetaRound
from solvers.pytorch.learning.rollout import Walk, advance, follow, start_of
from solvers.pytorch.learning.settings import MetaSettings
from solvers.pytorch.learning.task import Task

MakeTask = Callable[[int], Task]

TRAINING, VALIDATION = 0, 1


@final
class MetaTraining:
    """A proposer in training, its Adam, and the best proposer so far.

    Parameters
    ----------
    make_task: from a seed to a task; all tasks have parameters and groups of the same sizes.
    settings: of the network and the training.

    Raises
    ------
    InputError: teleports are to be learned and the tasks have no group.

    >>> from solvers.pytorch.learning.regression import RegressionTask
    >>> settings = MetaSettings(steps=10, rounds=1, hidden=4)
    >>> training = MetaTraining(lambda seed: RegressionTask(seed, size=4), settings)
    >>> training.round().steps
    10
    """

    def __init__(self, make_task: MakeTask, settings: MetaSettings) -> None:
        self.settings = settings
        self._make_task = make_task
        self._judges = [self.task(VALIDATION, k) for k in range(settings.validation)]
        first = self._judges[0]
        if settings.proposes_teleport and not first.coordinates:
            raise InputError(
                f"variant={settings.variant!r}",
                why="the task has no group, so that there is nothing to teleport along",
                cure="write variant='rate' or 'update', or give a task with a group",
            )
        blocks = [one.numel() for one in first.start.values()]
        self.proposer = Proposer(settings, blocks=blocks, coordinates=first.coordinates)
        self.adam = torch.optim.Adam(self.proposer.parameters(), lr=settings.meta_rate)
        self.rounds: list[MetaRound] = []
        self.untrained = self.best = self.validation()
        self.best_round = -1
        self.best_state = copy.deepcopy(self.proposer.state_dict())

    def task(self, kind: int, index: int) -> Task:
        """A task by its place in the training or the validation; the same for the same seed."""
        words = np.random.SeedSequence((self.settings.seed, kind, index)).generate_state(1)
        return self._make_task(int(words[0]))

    def round(self) -> MetaRound:
        """One task; an interruption leaves everything as it was before."""
        before = self.state()
        try:
            made = self._round(len(self.rounds))
            self.rounds.append(made)
            if made.validation < self.best:
                self.best, self.best_round = made.validation, made.index
                self.best_state = copy.deepcopy(self.proposer.state_dict())
        except BaseException:
            self.restore(before)
            raise
        return made

    def validation(self) -> float:
        """Mean last loss on the validation tasks."""
        last = [follow(self.proposer, task, self.settings.steps).losses[-1] for task in self._judges]
        mean = sum(last) / len(last)
        return mean if math.isfinite(mean) else math.inf

    def _round(self, index: int) -> MetaRound:
        """Train on one task, an unrolled stretch at a time."""
        task = self.task(TRAINING, index)
        walk, done = start_of(task, self.proposer), 0
        first = last = float(task.loss(task.start))
        while done < self.settings.steps:
            count = min(self.settings.unroll, self.settings.steps - done)
            total, walk, last = unrolled(self.proposer, task, walk, count)
            done += count
            self.adam.zero_grad(set_to_none=True)
            if math.isfinite(float(total.detach())) and total.requires_grad:
                total.backward()
                norm = torch.nn.utils.clip_grad_norm_(self.proposer.parameters(), self.settings.clip)
                if bool(torch.isfinite(norm)):
                    self.adam.step()
            if not math.isfinite(last):
                break
            walk = walk.cut()
        return MetaRound(index=index, first_loss=first, last_loss=last, steps=done, validation=self.validation())

    def state(self) -> dict[str, Any]:
        """Everything from which the training goes on, as plain numbers and tensors."""
        return copy.deepcopy(
            {
                "proposer": self.proposer.state_dict(),
                "adam": self.adam.state_dict(),
                "best_state": self.best_state,
                "best": self.best,
                "best_round": self.best_round,
                "untrained": self.untrained,
                "rounds": [vars(one) for one in self.rounds],
            }
        )

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        self.proposer.load_state_dict(state["proposer"])
        self.adam.load_state_dict(state["adam"])
        self.best_state = state["best_state"]
        self.best, self.best_round, self.untrained = state["best"], state["best_round"], state["untrained"]
        self.rounds = [MetaRound(**one) for one in state["rounds"]]

    def best_proposer(self) -> Proposer:
        """The network of the best validation."""
        made = copy.deepcopy(self.proposer)
        made.load_state_dict(self.best_state)
        made.zero_grad(set_to_none=True)
        return made


def unrolled(proposer: Proposer, task: Task, walk: Walk, count: int) -> tuple[torch.Tensor, Walk, float]:
    r"""The meta-loss :math:`\sum_{k=1}^K L(w_{t+k})` of some steps, with the graph of its derivatives.

    Parameters
    ----------
    proposer: the network.
    task: loss and group.
    walk: where the run is.
    count: how many steps.
    """
    total = torch.zeros((), dtype=torch.float64)
    with torch.enable_grad():
        for step in range(count):
            walk = advance(proposer, task, walk, differentiable=True)
            assert walk.loss is not None
            if step:
                total = total + walk.loss
        last = task.loss(walk.parameters)
        return total + last, walk, float(last.detach())
