"""What a teleport of a module makes large or small, by name, as functions of the module's objective."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import torch
from torch import Tensor, nn

from manifolds.errors import InputError
from solvers.aims.predicted_decrease import PredictedDecrease
from solvers.aims.target_norms import GradientNorm, PreconditionedGradientNorm
from solvers.objective import Objective
from solvers.pytorch.meters.curvature import CurvatureTarget
from solvers.pytorch.objective import ModuleObjective
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
from solvers.pytorch.teleporting.lookahead import OptimizerLookahead
from solvers.pytorch.teleporting.state_transport import StateRule, States, fresh, states_of
from solvers.target import Target
from solvers.targets import TARGETS, read_target
from symmetries.actions.parameter_space import FloatArray

SMALLEST_STEP = 1e-30
"""What stands for a rate of zero, as warm-ups begin with."""


@final
class OrbitCurvature(Target):
    """The mean curvature of the curves of a module's symmetry group, as the meters measure it.

    Parameters
    ----------
    symmetry: of the module.
    tensors: parameters, and buffers that move along.
    rng: seed of the curves.
    """

    name = "curvature"

    def __init__(self, symmetry: ModuleSymmetry, tensors: Mapping[str, Tensor], *, rng: int) -> None:
        self._beside = dict(tensors)
        self._meter = CurvatureTarget(symmetry, tensors, rng=rng)

    def value(self, objective: Objective, w: FloatArray) -> float:
        """The mean curvature at a point."""
        assert isinstance(objective, ModuleObjective)
        return float(self._meter({**self._beside, **objective.parameters(w)}).detach())

    def value_and_grad(self, objective: Objective, w: FloatArray) -> tuple[float, FloatArray]:
        """The mean curvature and its gradient."""
        assert isinstance(objective, ModuleObjective)
        value, gradient = self._meter.value_and_gradient({**self._beside, **objective.parameters(w)})
        return float(value), objective.vector(gradient)


def make_target(
    spec: Any,
    *,
    objective: ModuleObjective,
    optimizer: torch.optim.Optimizer | None,
    named: Mapping[str, nn.Parameter],
    rule: StateRule,
    symmetry: ModuleSymmetry | None,
    tensors: Mapping[str, Tensor],
    lookahead_steps: int,
    seed: int,
) -> Target:
    """The target of a name, of a function (objective, w) -> value or (value, gradient), or of itself.

    Parameters
    ----------
    spec: what was given.
    objective: of the module on the batches.
    optimizer, named, rule: of the run, for the targets that look at steps, and what a teleport makes of its state.
    symmetry, tensors: for the curvature of orbits.
    lookahead_steps: virtual steps of a lookahead.
    seed: of random directions.

    Raises
    ------
    InputError: the name is not known, or the target needs an optimizer or a group that is not there.
    """
    if spec == "lookahead":
        known = _required(optimizer, "lookahead", "steps")
        return OptimizerLookahead(known, named, objective.measured, steps=lookahead_steps, rule=rule)
    if spec == "preconditioned-gradient-norm":
        known = _required(optimizer, spec, "preconditioner")
        return PreconditionedGradientNorm(objective.vector(preconditioner(known, named, objective, rule)))
    if spec == "predicted-decrease" and optimizer is not None:
        largest = max(float(group["lr"]) for group in optimizer.param_groups)
        return PredictedDecrease(largest_step=max(largest, SMALLEST_STEP))
    if spec == "curvature":
        if symmetry is None or not symmetry.dimension:
            raise InputError(
                "the target 'curvature' without a group",
                why="it is the curvature of the curves of a group",
                cure="give symmetry=symmetries_of(model, inputs)",
            )
        return OrbitCurvature(symmetry, tensors, rng=seed)
    if spec == "gradient-norm":
        return GradientNorm()
    start = objective.vector()
    return read_target(spec, objective=objective, w=start, **({"rng": seed} if spec == "sharpness" else {}))


def preconditioner(
    optimizer: torch.optim.Optimizer,
    named: Mapping[str, nn.Parameter],
    objective: ModuleObjective,
    rule: StateRule,
    states: States | None = None,
) -> dict[str, Tensor]:
    r"""The diagonal by which an optimizer multiplies gradients, :math:`\eta/(\sqrt{v} + \epsilon)` entry by entry.

    Parameters
    ----------
    optimizer, named, rule: of the run.
    objective: of the module, for precision and device.
    states: others than those of the run.

    Raises
    ------
    InputError: the optimizer keeps squares in a way that is not known.
    """
    if states is None:
        states = states_of(optimizer, named)
        states = fresh(states, optimizer, named) if rule.mode == "reset" else states
    groups = {id(one): group for group in optimizer.param_groups for one in group["params"]}
    found: dict[str, Tensor] = {}
    for name, like in objective.measured.parameters.items():
        group = groups.get(id(named[name]))
        if group is None:
            found[name] = torch.zeros_like(like)
            continue
        state, rate = states.get(name, {}), float(group["lr"])
        key = next((key for key in ("exp_avg_sq", "square_avg", "sum") if isinstance(state.get(key), Tensor)), None)
        if key is None:
            found[name] = torch.full_like(like, rate)
            continue
        beta = float(group["betas"][1]) if key == "exp_avg_sq" else None
        square = state[key].to(like.dtype)
        square = square / (1 - beta ** max(float(state["step"]), 1.0)) if beta is not None else square
        positive = square > 0  # the root has no derivative at zero
        root = torch.where(positive, torch.where(positive, square, torch.ones_like(square)).sqrt(), 0.0)
        found[name] = rate / (root + float(group.get("eps", 1e-8)))
    return found


def _required(optimizer: torch.optim.Optimizer | None, name: str, what: str) -> torch.optim.Optimizer:
    """The optimizer, refused when there is none."""
    if optimizer is None:
        raise InputError(
            f"the target {name!r} without an optimizer",
            why=f"it is made of the {what} of the optimizer",
            cure="give Teleporter(model, loss_fn, optimizer=...), or another target",
        )
    return optimizer


def check_target(spec: Any) -> None:
    """Refuse a name that is none before anything is measured."""
    if (isinstance(spec, str) and spec not in TARGETS) or (not isinstance(spec, str | Target) and not callable(spec)):
        read_target(spec)


def is_plain_norm(target: Target) -> bool:
    """Whether a target is a gradient norm, which a group carries along."""
    return isinstance(target, GradientNorm | PreconditionedGradientNorm)
