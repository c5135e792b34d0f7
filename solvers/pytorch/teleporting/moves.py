"""Moves of a module: each proposes tensors of the same loss where a target is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from manifolds.errors import InputError
from solvers.aims.target_norms import PreconditionedGradientNorm
from solvers.pytorch.objective import ModuleObjective
from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
from solvers.pytorch.teleporting.chart import Chart
from solvers.pytorch.teleporting.group_search import Bounds, growth, search_group
from solvers.pytorch.teleporting.lookahead import OptimizerLookahead
from solvers.pytorch.teleporting.orbit_functions import CarriedNorm, OrbitFunction, PulledTarget, UnrolledOnOrbit
from solvers.pytorch.teleporting.state_transport import StateRule, states_of, transported
from solvers.pytorch.teleporting.targets import is_plain_norm, preconditioner
from solvers.status import Status
from solvers.target import Target

DRAWS, NEARER = 40, 0.7
"""Draws of a random element until one is within the bounds, and how much nearer to the identity each is."""


@final
@dataclass(frozen=True, kw_only=True)
class Proposal:
    """Where a move would lead.

    Parameters
    ----------
    tensors: those that change, by name, in the precision of the evaluations.
    element: the group element; None for moves without a group.
    status: why the search stopped.
    steps: accepted steps of the search.
    value: the target there, as the search saw it; None where it did not look.
    start: the target at the start, likewise.
    evidence: what the move reports beside, JSON-ready.
    """

    tensors: Mapping[str, Tensor]
    element: Element | None
    status: Status
    steps: int
    value: float | None = None
    start: float | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@final
@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a search along a group needs beside its bounds.

    Parameters
    ----------
    chart: coordinates on the symmetry group of the module.
    tensors: parameters, and buffers that move along, in the precision of the evaluations.
    objective, target: on the batches.
    gradient: of the loss at the start.
    optimizer, named, rule: of the run, and what a teleport makes of its state.
    target_is_of_state: whether the metric was made of the optimizer's state, and so moves with it.
    """

    chart: Chart
    tensors: Mapping[str, Tensor]
    objective: ModuleObjective
    target: Target
    gradient: Mapping[str, Tensor]
    optimizer: torch.optim.Optimizer | None
    named: Mapping[str, nn.Parameter]
    rule: StateRule
    target_is_of_state: bool = False

    def function(self, *, maximize: bool) -> OrbitFunction:
        """The target as a function on the group, by the cheapest exact way."""
        chart, tensors, target = self.chart, self.tensors, self.target
        if is_plain_norm(target):
            return CarriedNorm(chart, tensors, self.gradient, maximize=maximize, eta=self._metric())
        f: OrbitFunction
        if isinstance(target, OptimizerLookahead):

            def decrease(coordinates: Tensor) -> Tensor:
                """The target at a point of the orbit."""
                return target.on_orbit(chart.element(coordinates), tensors)

            f = UnrolledOnOrbit(chart, tensors, decrease, maximize=maximize, has_slope=target.has_gradient)
        else:
            f = PulledTarget(chart, tensors, self.objective, target, maximize=maximize)
        if any(name not in self.objective.space.shapes for name in tensors):
            f.has_slope = False  # running statistics move too, and layers have no derivatives in them
        return f

    def _metric(self) -> Any:
        """The diagonal metric at g.w, which follows the transported state; None for the plain norm."""
        if not isinstance(self.target, PreconditionedGradientNorm):
            return None
        optimizer = self.optimizer
        if optimizer is None or self.rule.mode != "transport" or not self.target_is_of_state:
            fixed = self.objective.parameters(np.asarray(self.target.eta))
            return lambda element: fixed
        states = states_of(optimizer, self.named)

        def metric(element: Element) -> Mapping[str, Tensor]:
            """The metric of the state that an element transports."""
            moved = transported(states, element, self.tensors, optimizer=optimizer, rule=self.rule)
            return preconditioner(optimizer, self.named, self.objective, self.rule, moved)

        return metric


def along_group(scene: Scene, bounds: Bounds, *, maximize: bool, rng: np.random.Generator) -> Proposal:
    """The best element of the group within the bounds."""
    f = scene.function(maximize=maximize)
    found = search_group(f, bounds, rng=rng)
    element = scene.chart.element(torch.from_numpy(found.coordinates))
    moved = bool(np.any(found.coordinates))
    size = float(np.abs(found.coordinates).max()) if found.coordinates.size else 0.0
    return Proposal(
        tensors=_changes(element, scene.tensors) if moved else {},
        element=element if moved else None,
        status=found.status,
        steps=found.steps,
        value=found.value,
        start=f.start_value,
        evidence={**found.evidence, "largest_log_scale": size, "dimension": scene.chart.dimension},
    )


def at_random(
    symmetry: ModuleSymmetry, tensors: Mapping[str, Tensor], *, radius: float, layer: float, rng: np.random.Generator
) -> Proposal:
    """A random element within the bounds, whatever the target is there: the control of a search."""
    norms = {name: float(one.norm()) for name, one in tensors.items()}
    for draw in range(DRAWS):
        element = symmetry.random_element(rng, scale=radius * NEARER**draw, discrete=False)
        moved = _changes(element, tensors)
        if growth(moved, norms) <= layer:
            return Proposal(tensors=moved, element=element, status=Status.CONVERGED, steps=1)
    reason = {"reason": "every element that was drawn changes the norm of a weight by more than layer_bound"}
    return Proposal(tensors={}, element=None, status=Status.NO_IMPROVEMENT, steps=0, evidence=reason)


def without_group(point: np.ndarray[Any, np.dtype[np.float64]], objective: ModuleObjective, found: Any) -> Proposal:
    """The end of a search in flat coordinates.

    Parameters
    ----------
    point: where the search began.
    objective: whose coordinates they are.
    found: the destination of the move.
    """
    if found.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    moved = not np.array_equal(point, found.point)
    return Proposal(
        tensors=objective.parameters(found.point) if moved else {},
        element=None,
        status=found.status,
        steps=found.steps,
        evidence=dict(found.evidence),
    )


def require_symmetry(symmetry: Any, along: str) -> ModuleSymmetry:
    """The symmetry, refused when there is nothing to move along."""
    if not isinstance(symmetry, ModuleSymmetry):
        raise InputError(
            f"a symmetry of the type {type(symmetry).__name__}",
            why=f"along={along!r} needs the symmetry group of the module",
            cure="give symmetry=symmetries_of(model, inputs)",
        )
    if not symmetry.dimension:
        raise InputError(
            "a module whose symmetry group has dimension 0",
            why="there is nothing to search along",
            cure='use along="level-set" or along="null-space"',
        )
    return symmetry


def _changes(element: Element, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that an element changes."""
    with torch.no_grad():
        return {name: one.detach() for name, one in element.changes(tensors).items()}
