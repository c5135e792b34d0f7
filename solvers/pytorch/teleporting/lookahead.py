r"""Lookahead for optimizers of PyTorch: the decrease :math:`L(w) - L(w_K)` in K virtual steps from a point."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from solvers.objective import Objective
from solvers.pytorch.objective import ModuleObjective
from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.teleporting.differentiable_steps import DifferentiableSteps
from solvers.pytorch.teleporting.measured_loss import MeasuredLoss
from solvers.pytorch.teleporting.state_transport import StateRule, States, fresh, states_of, transported
from solvers.pytorch.teleporting.virtual_optimizer import VirtualOptimizer
from solvers.target import Target
from symmetries.actions.parameter_space import FloatArray


@final
class OptimizerLookahead(Target):
    r"""The decrease of the loss in the next K steps of an optimizer, on the batches of the loss.

    For SGD, Adagrad, RMSprop, Adam and AdamW derivatives go through the steps; the steps of other optimizers are those
    of a copy, and there are values alone.

    Parameters
    ----------
    optimizer: with its present state and rates.
    named: the parameters of the module by name.
    loss: of the module.
    steps: the number K.
    rule: what a teleport makes of the state.
    """

    name = "lookahead"

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        named: Mapping[str, nn.Parameter],
        loss: MeasuredLoss,
        *,
        steps: int = 5,
        rule: StateRule,
    ) -> None:
        self._optimizer, self._named, self._loss, self.steps, self._rule = optimizer, named, loss, steps, rule
        known = DifferentiableSteps.of(optimizer, named)
        self._formulas = known if loss.ranks.size == 1 else None
        self.has_gradient = self._formulas is not None
        states = states_of(optimizer, named)
        self._states = fresh(states, optimizer, named) if rule.mode == "reset" else states

    def value(self, objective: Objective, w: FloatArray) -> float:
        """The decrease from a point, with the state as it is."""
        assert isinstance(objective, ModuleObjective)
        with self._loss.measuring(), torch.no_grad():
            return float(self._decrease(objective.parameters(w), self._states))

    def value_and_grad(self, objective: Objective, w: FloatArray) -> tuple[float, FloatArray]:
        """The decrease and its gradient."""
        if not self.has_gradient:
            raise self.without_gradient()
        assert isinstance(objective, ModuleObjective)
        with self._loss.measuring():
            leaves = {name: one.requires_grad_() for name, one in objective.parameters(w).items()}
            decrease = self._decrease(leaves, self._states)
            if not math.isfinite(float(decrease)):
                return math.nan, np.full_like(w, math.nan)
            slopes = torch.autograd.grad(decrease, list(leaves.values()))
        return float(decrease), objective.vector(dict(zip(leaves, slopes, strict=True)))

    def from_state(self, tensors: Mapping[str, Tensor], states: States) -> float:
        """The decrease from parameters, and buffers beside them, with a state of the optimizer."""
        with self._loss.measuring(), torch.no_grad():
            return float(self._decrease(tensors, states))

    def on_orbit(self, element: Element, tensors: Mapping[str, Tensor]) -> Tensor:
        """The decrease from g.w with the state that a teleport there leaves, differentiable in the element."""
        states = self._states
        if self._rule.mode == "transport":
            states = transported(states, element, tensors, optimizer=self._optimizer, rule=self._rule)
        with self._loss.measuring(), torch.set_grad_enabled(any(one.requires_grad for one in _arrays(element))):
            return self._decrease(element.transform(tensors), states)

    def _decrease(self, point: Mapping[str, Tensor], states: States) -> Tensor:
        """The loss before the steps less the loss after them."""
        if self._formulas is None:
            return self._by_copy(point, states)
        loss, wants_slope = self._loss, torch.is_grad_enabled()
        slots, count = self._formulas.states(states, point)
        first: Tensor | None = None
        here = dict(point)
        for k in range(self.steps):
            with torch.enable_grad():
                for name in loss.trainable:
                    if not (wants_slope and here[name].requires_grad):
                        here[name] = here[name].detach().requires_grad_()
                value = loss.differentiable(here)
                slopes = torch.autograd.grad(
                    value,
                    [here[name] for name in loss.trainable],
                    create_graph=wants_slope,
                    allow_unused=True,
                    materialize_grads=True,
                )
            loss.ledger.count(gradients=1, hvps=1 if wants_slope else 0)
            first = value if first is None else first
            here, slots = self._formulas.step(
                here, dict(zip(loss.trainable, slopes, strict=True)), slots, count + k + 1
            )
        assert first is not None
        loss.ledger.count(**({"gradients": 1} if wants_slope else {"values": 1}))
        last = loss.differentiable(here)
        return first - last

    def _by_copy(self, point: Mapping[str, Tensor], states: States) -> Tensor:
        """The decrease in the steps of a copy of the optimizer."""
        virtual = VirtualOptimizer(self._optimizer, self._named, self._loss, point=point, states=states)
        first = self._loss.value(point)
        for _ in range(self.steps):
            virtual.step(self._loss.batches)
        return torch.tensor(first - self._loss.value(virtual.point()), dtype=torch.float64)


def _arrays(element: Element) -> list[Tensor]:
    """The arrays of an element."""
    found: list[Tensor] = []
    for _, value in element.factors:
        found += [one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, Tensor)]
    return found
