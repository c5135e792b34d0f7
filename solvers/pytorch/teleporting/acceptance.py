"""Whether a teleport of a module is taken: virtual steps from both points, over the batches in turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from manifolds.errors import InputError
from solvers.convergence.theorem_check import figure
from solvers.pytorch.teleporting.batches import Batch
from solvers.pytorch.teleporting.distributed import Ranks
from solvers.pytorch.teleporting.measured_loss import MeasuredLoss
from solvers.pytorch.teleporting.state_transport import States, states_of
from solvers.pytorch.teleporting.virtual_optimizer import VirtualOptimizer
from solvers.running.acceptance import Rollout, read_acceptance

Judge: TypeAlias = Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Any]
"""A function (tensors before, tensors after), both by name -> whether the teleport is taken."""

OVERFLOW = 1e12
"""A virtual loss beyond which a rollout has left the numbers of interest."""


def read_accept(accept: Any, optimizer: torch.optim.Optimizer | None) -> Rollout | Judge | None:
    """What decides on teleports; a rollout needs an optimizer.

    Raises
    ------
    InputError: it cannot decide, or there is no optimizer whose steps could be tried.

    >>> read_accept(None, None) is None
    True
    """
    found: Any = read_acceptance(accept)
    if isinstance(found, Rollout) and optimizer is None:
        raise InputError(
            "accept='rollout' without an optimizer",
            why="a rollout tries steps of the optimizer",
            cure="give Teleporter(model, loss_fn, optimizer=...)",
        )
    return found


def rollout_end(
    rollout: Rollout,
    optimizer: torch.optim.Optimizer,
    named: Mapping[str, nn.Parameter],
    loss: MeasuredLoss,
    batches: Sequence[Batch],
    *,
    point: Mapping[str, Tensor],
    states: States,
) -> float:
    """The mean loss over the batches after virtual steps from a point; NaN where they leave the finite numbers.

    Parameters
    ----------
    rollout: how many steps.
    optimizer, named, loss: of the run.
    batches: of this process, taken in turn.
    point, states: where the steps begin.
    """
    virtual = VirtualOptimizer(optimizer, named, loss, point=point, states=states)
    end = virtual.run(batches, steps=rollout.steps)
    value = loss.on(batches[: rollout.steps]).value(end)
    return value if math.isfinite(value) and abs(value) < OVERFLOW else math.nan


def rolls_better(
    rollout: Rollout,
    optimizer: torch.optim.Optimizer,
    named: Mapping[str, nn.Parameter],
    loss: MeasuredLoss,
    batches: Sequence[Batch],
    places: tuple[tuple[Mapping[str, Tensor], States | None], tuple[Mapping[str, Tensor], States]],
    *,
    orders: int,
    rng: np.random.Generator,
) -> tuple[bool, dict[str, Any]]:
    """Whether virtual steps end lower with the teleport, in each of some orders of the batches, and the ends.

    Parameters
    ----------
    rollout, optimizer, named, loss, batches: as for :func:`rollout_end`.
    places: tensors and states without and with the teleport; None are those of the optimizer.
    orders: how many orders.
    rng: of the orders.
    """
    (start, present), (end, states) = places
    present = states_of(optimizer, named) if present is None else present
    ends: list[dict[str, float | None]] = []
    evidence: dict[str, Any] = {"steps": rollout.steps, "margin": rollout.margin, "ends": ends}
    for order in orders_of(batches, orders, rng):
        given: Any = (rollout, optimizer, named, loss, order)
        without = rollout_end(*given, point=start, states=present)
        with_teleport = rollout_end(*given, point=end, states=states)
        ends.append({"without": figure(without), "with": figure(with_teleport)})
        if not rollout.prefers(without, with_teleport):
            return False, evidence
    return True, evidence


def orders_of(batches: Sequence[Batch], count: int, rng: np.random.Generator) -> list[list[Batch]]:
    """The batches in some orders, the given one first; one order when there is one batch.

    >>> [len(order) for order in orders_of([(0, 1), (2, 3)], 3, np.random.default_rng(0))]
    [2, 2, 2]
    """
    orders = [list(batches)]
    while len(orders) < count and len(batches) > 1:
        orders.append([batches[k] for k in rng.permutation(len(batches))])
    return orders


def judged(judge: Judge, before: Mapping[str, Tensor], after: Mapping[str, Tensor], ranks: Ranks) -> bool:
    """What a function of the user's says; its error on one process is one on all."""
    answer, failure = False, None
    try:
        answer = bool(judge(before, after))
    except BaseException as error:  # noqa: BLE001
        failure = error
    ranks.require_all(failure)
    return answer
