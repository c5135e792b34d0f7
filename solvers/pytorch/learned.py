"""Learned optimizers: a recurrent network proposes the learning rate, the teleport or the whole step."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from manifolds.errors import InputError
from solvers.pytorch.learning.proposer import Proposal, Proposer
from solvers.pytorch.learning.regression import RegressionTask
from solvers.pytorch.learning.result import MetaResult, MetaRound
from solvers.pytorch.learning.rollout import Trajectory, follow
from solvers.pytorch.learning.settings import VARIANTS, MetaSettings
from solvers.pytorch.learning.state_file import read_state, write_state
from solvers.pytorch.learning.task import ModuleTask, Task
from solvers.pytorch.learning.training import MakeTask, MetaTraining
from solvers.status import Status

__all__ = [
    "VARIANTS",
    "MetaResult",
    "MetaRound",
    "MetaSettings",
    "ModuleTask",
    "Proposal",
    "Proposer",
    "RegressionTask",
    "Task",
    "Trajectory",
    "follow",
    "learn_optimizer",
]


def learn_optimizer(
    make_task: MakeTask,
    *,
    settings: MetaSettings | None = None,
    state_file: str | Path | None = None,
    callback: Callable[[MetaRound], Any] | None = None,
    **options: Any,
) -> MetaResult:
    r"""Train a recurrent network to optimise tasks of one kind, by truncated unrolling.

    A step on a task is

    .. math:: w \mapsto \exp(T).w, \qquad w \mapsto w - \eta\,(\nabla L(w) + |\nabla L(w)|\,c)

    with what the network proposes from the gradients that it has seen: an element T of the Lie algebra of a group that
    leaves the loss invariant, a learning rate :math:`\eta`, and a correction c with :math:`|c| < 1`.  The variant
    says which of them it decides; the others are 0, the initial rate, and 0.  Every few steps Adam moves the network
    down the gradient of the sum of the losses met since the last time, taken through all these steps, second
    derivatives and group elements included.  The network with the best validation is returned, which is the untrained
    one when none is better.

    Parameters
    ----------
    make_task: from a seed to a task; all tasks have parameters and groups of the same sizes.
    settings: of the network and the training; or give the fields of :class:`MetaSettings` as options.
    state_file: written after every round; where it exists, the training goes on from it with the same bits.
    callback: called with the record of every round.  An interruption (Ctrl-C) ends the training after the last whole
        round, with the status ``interrupted``.
    options: fields of :class:`MetaSettings`.

    Raises
    ------
    InputError: settings and options are given together, an option does not serve, teleports are to be learned without
        a group, or the state file is another one.

    >>> learned = learn_optimizer(lambda seed: RegressionTask(seed, size=4), rounds=2, steps=20, hidden=4)
    >>> len(learned.rounds), learned.best <= learned.untrained
    (2, True)
    >>> way = learned.follow(RegressionTask(100, size=4))
    >>> way.losses[-1] < way.losses[0], max(way.drifts) < 1e-10
    (True, True)

    Source: M. Andrychowicz et al., "Learning to learn by gradient descent by gradient descent" (2016),
    arXiv:1606.04474; B. Zhao, R. Gower, R. Walters, R. Yu, "Improving Convergence and Generalization Using Parameter
    Symmetries" (2023), arXiv:2305.13404, section 5.
    """
    began = time.perf_counter()
    made = _read_settings(settings, options)
    training = MetaTraining(make_task, made)
    path = None if state_file is None else Path(state_file)
    if path is not None and path.exists():
        read_state(path, training)
    status = _train(training, path, callback)
    return MetaResult(
        settings=made,
        proposer=training.best_proposer(),
        rounds=tuple(training.rounds),
        untrained=training.untrained,
        best=training.best,
        best_round=training.best_round,
        status=status,
        seconds=time.perf_counter() - began,
    )


def _train(training: MetaTraining, path: Path | None, callback: Callable[[MetaRound], Any] | None) -> Status:
    """Do the rounds that are left, and say why they ended."""
    try:
        while len(training.rounds) < training.settings.rounds:
            done = training.round()
            if path is not None:
                write_state(path, training)
            if callback is not None:
                callback(done)
    except KeyboardInterrupt:
        return Status.INTERRUPTED
    return Status.MAX_STEPS


def _read_settings(settings: MetaSettings | None, options: dict[str, Any]) -> MetaSettings:
    """The settings, from one of the two forms."""
    if settings is not None and options:
        raise InputError(
            f"settings together with {', '.join(options)}", why="they say it twice", cure="give one of the two"
        )
    if settings is not None:
        return settings
    unknown = sorted(set(options) - set(MetaSettings.__dataclass_fields__))
    if unknown:
        known = ", ".join(MetaSettings.__dataclass_fields__)
        raise InputError(f"the option {unknown[0]!r}", why="there is none", cure=f"write one of {known}")
    return MetaSettings(**options)
