"""Steps of a learned optimizer on a task, and the way that they take."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import final

import torch

from solvers.cost import Cost
from solvers.pytorch.learning.proposer import Memory, Proposer
from solvers.pytorch.learning.task import Task
from solvers.pytorch.meters.flat import Parameters
from solvers.status import Status


@final
@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """The losses of one run.

    Parameters
    ----------
    losses: at the start and after every step; they end where one is not finite.
    rates: learning rates of the steps.
    drifts: relative changes of the loss in the teleports, empty without.
    radii: Frobenius norms of the Lie algebra elements, empty without.
    status: ``max-steps``, or ``non-finite``.
    cost: gradients, one a step and one more for every teleport.
    parameters: those of the lowest loss.
    last_parameters: those after the last step.
    """

    losses: tuple[float, ...]
    rates: tuple[float, ...]
    drifts: tuple[float, ...] = ()
    radii: tuple[float, ...] = ()
    status: Status = Status.MAX_STEPS
    cost: Cost = field(default_factory=Cost)
    parameters: Parameters = field(default_factory=dict, repr=False)
    last_parameters: Parameters = field(default_factory=dict, repr=False)


@final
@dataclass
class Walk:
    """Where a run is: parameters, memory of the network, and what happened in the last step.

    Parameters
    ----------
    parameters: now.
    memory: hidden states of the network.
    loss: before the last step.
    rate: of the last step.
    drift: relative change of the loss in the last teleport; None without.
    radius: norm of its Lie algebra element; None without.
    """

    parameters: Parameters
    memory: Memory
    loss: torch.Tensor | None = None
    rate: float = float("nan")
    drift: float | None = None
    radius: float | None = None

    def cut(self) -> Walk:
        """The same place, without the graph that leads to it."""
        memory = [(hidden.detach(), cell.detach()) for hidden, cell in self.memory]
        return Walk({name: one.detach().requires_grad_() for name, one in self.parameters.items()}, memory)


def start_of(task: Task, proposer: Proposer) -> Walk:
    """The start of a task, with fresh memory."""
    return Walk({name: one.clone() for name, one in task.start.items()}, proposer.fresh_memory()).cut()


def advance(proposer: Proposer, task: Task, walk: Walk, *, differentiable: bool) -> Walk:
    """One step: gradient, proposal, teleport, gradient there, step.

    Parameters
    ----------
    proposer: the network.
    task: loss and group.
    walk: where the run is.
    differentiable: whether derivatives in the weights of the network are to be taken, gradients included.
    """
    loss, gradient = value_and_gradient(task, walk.parameters, differentiable=differentiable)
    proposal, memory = proposer(loss, gradient, walk.memory)
    point, drift, radius = walk.parameters, None, None
    if proposal.coordinates is not None:
        point = task.moved(point, proposal.coordinates)
        there, gradient = value_and_gradient(task, point, differentiable=differentiable)
        drift = _relative_change(float(loss.detach()), float(there.detach()))
        radius = float(proposal.coordinates.detach().norm())
    direction = dict(gradient)
    if proposal.correction is not None:
        length = torch.sqrt(sum((one.square().sum() for one in gradient.values()), torch.zeros((), dtype=loss.dtype)))
        pieces = proposal.correction.split([one.numel() for one in gradient.values()])
        for (name, one), piece in zip(gradient.items(), pieces, strict=True):
            direction[name] = one + length * piece.reshape(one.shape)
    moved = {name: one - proposal.rate * direction[name] for name, one in point.items()}
    made = Walk(moved, memory, loss, float(proposal.rate.detach()), drift, radius)
    if differentiable:
        return made
    cut = made.cut()
    cut.loss, cut.rate, cut.drift, cut.radius = loss.detach(), made.rate, drift, radius
    return cut


def value_and_gradient(task: Task, parameters: Parameters, *, differentiable: bool) -> tuple[torch.Tensor, Parameters]:
    """The loss and its gradient by name."""
    with torch.enable_grad():
        held = parameters
        if not all(one.requires_grad for one in held.values()):
            held = {name: one if one.requires_grad else one.detach().requires_grad_() for name, one in held.items()}
        loss = task.loss(held)
        slopes = torch.autograd.grad(
            loss, list(held.values()), create_graph=differentiable, allow_unused=True, materialize_grads=True
        )
    return (loss if differentiable else loss.detach()), dict(zip(held, slopes, strict=True))


def follow(proposer: Proposer, task: Task, steps: int) -> Trajectory:
    """Run a network on a task without training it.

    Parameters
    ----------
    proposer: the network.
    task: loss and group.
    steps: how many.
    """
    walk = start_of(task, proposer)
    losses = [float(task.loss(walk.parameters).detach())]
    best, least = walk.parameters, losses[0]
    steps_made: list[Walk] = []
    with torch.no_grad():
        for _ in range(steps):
            walk = advance(proposer, task, walk, differentiable=False)
            steps_made.append(walk)
            losses.append(float(task.loss(walk.parameters)))
            if losses[-1] < least:
                best, least = walk.parameters, losses[-1]
            if not math.isfinite(losses[-1]):
                break
    drifts = tuple(one.drift for one in steps_made if one.drift is not None)
    return Trajectory(
        losses=tuple(losses),
        rates=tuple(one.rate for one in steps_made),
        drifts=drifts,
        radii=tuple(one.radius for one in steps_made if one.radius is not None),
        status=Status.MAX_STEPS if math.isfinite(losses[-1]) else Status.NON_FINITE,
        cost=Cost(gradients=len(steps_made) + len(drifts)),
        parameters={name: one.detach() for name, one in best.items()},
        last_parameters={name: one.detach() for name, one in walk.parameters.items()},
    )


def _relative_change(before: float, after: float) -> float:
    """The change of a number relative to the larger of its two values."""
    size = max(abs(before), abs(after))
    return abs(after - before) / size if size else 0.0
