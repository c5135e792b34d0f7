"""What belongs to a model: its optimizer, its symmetry, the parts of its group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from manifolds.errors import InputError
from solvers.pytorch.meters.functional import bare
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry


def inner_optimizer(optimizer: Any) -> torch.optim.Optimizer | None:
    """The optimizer inside a wrapper that teleports."""
    if optimizer is None or isinstance(optimizer, torch.optim.Optimizer):
        inner = getattr(optimizer, "teleported", optimizer)
        return inner if inner is None or isinstance(inner, torch.optim.Optimizer) else optimizer
    raise InputError(
        f"an optimizer of the type {type(optimizer).__name__}",
        why="it is no torch.optim.Optimizer",
        cure="give the optimizer of the training loop",
    )


def require_owner(optimizer: torch.optim.Optimizer | None, module: nn.Module) -> None:
    """Refuse an optimizer of other parameters."""
    if optimizer is None:
        return
    named = {id(one): name for name, one in module.named_parameters()}
    owned = [id(one) for group in optimizer.param_groups for one in group["params"]]
    foreign = sum(one not in named for one in owned)
    if foreign or not owned:
        raise InputError(
            f"the optimizer {type(optimizer).__name__}",
            why=f"{foreign} of its {len(owned)} parameters are not parameters of the model",
            cure="make the optimizer from model.parameters() of this model, after moving it to its device",
        )


def not_owned(optimizer: torch.optim.Optimizer, named: Mapping[str, nn.Parameter], names: Iterable[str]) -> list[str]:
    """Which parameters of some names belong to another optimizer, whose state does not follow, or to none."""
    owned = {id(one) for group in optimizer.param_groups for one in group["params"]}
    return [name for name in names if name in named and id(named[name]) not in owned]


def require_same_module(symmetry: ModuleSymmetry, module: nn.Module) -> None:
    """Refuse the symmetry of another module."""
    if symmetry.module is not module and bare(symmetry.module) is not module:
        raise InputError(
            f"the symmetry of another {type(symmetry.module).__name__}",
            why="its elements move the parameters of that one",
            cure="find it for this model: symmetries_of(model, inputs)",
        )


def read_per(per: Any) -> str:
    """What has coordinates of its own in a search."""
    if per not in ("unit", "space"):
        raise InputError(f"per={per!r}", why="there is no such part of a group", cure="use per='unit' or per='space'")
    return str(per)
