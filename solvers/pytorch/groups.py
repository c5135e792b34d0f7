"""Groups of parameters: what may be written in one, and the rule that it means."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Set
from dataclasses import fields, replace
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from manifolds.errors import InputError
from manifolds.homogeneous import Homogeneous
from manifolds.space import Space
from solvers.pytorch.parameter import ManifoldParameter, placed, space_of
from solvers.rule import Rule
from solvers.rules import make_rule
from solvers.steps.hyperparameters import NON_NEGATIVE, POSITIVE, read_number
from solvers.steps.step_size import StepSize

OPTIONS = ("space", "retraction", "trust_radius", "maximize", "check_finite", "project")
"""What a group may say beside its parameters, its rule, its lr and the hyperparameters of the rule."""


def read_rule(rule: Any, hyperparameters: Mapping[str, Any]) -> Rule:
    """The rule of a name, or a rule with other hyperparameters.

    Raises
    ------
    InputError
        If there is none of this name, a hyperparameter is unknown, or the rule needs more than gradients.

    Examples
    --------
    >>> read_rule("heavy-ball", {"momentum": 0.5})
    HeavyBall(learning_rate=0.01, momentum=0.5)
    """
    if "learning_rate" in hyperparameters:
        raise InputError(
            "learning_rate is given", why="a group of PyTorch calls it lr, and schedulers change it", cure="write lr="
        )
    base = rule if isinstance(rule, Rule) else make_rule(rule)
    if not isinstance(base, Rule) or isinstance(base.learning_rate, StepSize) or not _needs_gradients_alone(base):
        raise InputError(
            f"the rule {rule!r}",
            why="it asks an objective for values or Hessians, and an optimizer of PyTorch is given gradients alone",
            cure="take a rule of gradients with a fixed lr, such as 'adam', or `solvers.minimize.minimize`",
        )
    known = ["lr", *OPTIONS, *(field.name for field in fields(base) if field.name != "learning_rate")]
    for name in hyperparameters:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise InputError(
                f"{name!r} is given to a group with the rule {type(base).__name__}",
                why="it is neither an option of a group nor a hyperparameter of this rule"
                + (f"; the nearest is {near[0]!r}" if near else ""),
                cure=f"use {', '.join(known)}",
            )
    return replace(base, **hyperparameters)


def _needs_gradients_alone(rule: Rule) -> bool:
    """Whether a rule makes a step from a gradient, found out on two numbers."""
    two = torch.ones(2)
    try:
        rule.step(two, rule.start(two), count=1, rate=1.0, point=two)
    except InputError:
        return False
    return True


def read_group(group: dict[str, Any], *, rule: Any, hyperparameters: Mapping[str, Any], lr: Any) -> dict[str, Any]:
    """A group as the optimizer keeps it: `rule`, `lr`, `schedule` and the options, beside its parameters.

    Parameters
    ----------
    group : dict
        As the user wrote it.
    rule, hyperparameters, lr
        Those of the optimizer, for groups that do not say.

    Raises
    ------
    InputError
        If something in it is unknown or does not fit.
    """
    known = {"params", "param_names", "rule", "lr", "initial_lr", *OPTIONS}
    own = {name: value for name, value in group.items() if name not in known}
    if group.get("rule") is None:
        made = read_rule(read_rule(rule, hyperparameters), own)
        rate = group["lr"] if group.get("lr") is not None else lr
    else:
        made = read_rule(group["rule"], own)
        given = made.learning_rate if isinstance(group["rule"], Rule) else lr
        rate = group["lr"] if group.get("lr") is not None else given
    if rate is None:
        rate = made.learning_rate if isinstance(rule, Rule) else 1e-3
    schedule = rate if callable(rate) and not isinstance(rate, Tensor) else None
    rate = read_rate(schedule(1) if schedule is not None else rate)
    space = group.get("space")
    if group.get("retraction") is not None:
        space = with_retraction(space, group["retraction"])
    radius = group.get("trust_radius")
    if radius is not None:
        radius = read_number(radius, name="trust_radius", interval=POSITIVE)
    finite, maximize = group.get("check_finite", "auto"), group.get("maximize", False)
    if not isinstance(maximize, bool):
        raise InputError(f"maximize = {maximize!r}", why="it is True or False", cure="leave it out to minimise")
    if not (isinstance(finite, bool) or (isinstance(finite, str) and finite == "auto")):
        raise InputError(
            f"check_finite = {finite!r}", why="it is True, False or 'auto'", cure="leave it out for 'auto'"
        )
    rest: dict[str, Any] = {name: group[name] for name in ("params", "param_names", "initial_lr") if name in group}
    options = {"trust_radius": radius, "maximize": maximize, "check_finite": finite}
    return {**rest, "lr": rate, "schedule": schedule, "rule": made, "space": space, **options}


def read_rate(rate: Any) -> Any:
    """A learning rate: a number from 0 up, or a tensor with one, which is used as it is.

    Raises
    ------
    InputError
        If it is none, as far as can be seen without waiting for a device.
    """
    if not isinstance(rate, Tensor):
        return read_number(rate, name="lr", interval=NON_NEGATIVE)
    if rate.numel() != 1 or rate.is_complex():
        raise InputError(
            f"lr is a tensor of shape {tuple(rate.shape)} and type {rate.dtype}",
            why="a group has one rate, a real number",
            cure="give torch.tensor(1e-3)",
        )
    if rate.device.type == "cpu":
        read_number(rate.detach().item(), name="lr", interval=NON_NEGATIVE)
    return rate


def check_rate(rate: Any, index: int) -> None:
    """Refuse a rate that was written into a group and is no finite number, where that can be seen without waiting.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> check_rate(-1e-20, 0)  # what a scheduler may round zero to
    """
    if isinstance(rate, Tensor) and rate.device.type != "cpu":
        return
    if not isinstance(rate, Real | Tensor) or not math.isfinite(rate):
        raise InputError(
            f"lr of group {index} was set to {rate!r}",
            why="a step has a finite length; no parameter and no state was changed",
            cure="set a finite number, and look at the scheduler",
        )


def with_retraction(space: Any, retraction: str) -> Space:
    """The space with another retraction.

    Raises
    ------
    InputError
        If it has none to choose.

    Examples
    --------
    >>> from manifolds.spaces import Stiefel
    >>> with_retraction(Stiefel(5, 2), "geodesic")
    Stiefel(5, 2, retraction='geodesic')
    """
    if not isinstance(space, Homogeneous):
        raise InputError(
            f"retraction = {retraction!r} is given to a group with the space {space!r}",
            why="only the homogeneous spaces have several retractions",
            cure="leave it out, or give the group such a space",
        )
    field = {"field": space.field} if space.form.copies == 1 else {}
    return type(space)(space.N, space.n, retraction=retraction, section=space.section_kind, **field)


@torch.no_grad()
def check_group(group: dict[str, Any], index: int, *, held: Set[int], project: bool) -> None:
    """Refuse what does not fit together in a group, and put its parameters on their space where that is asked for.

    Parameters
    ----------
    group : dict
        As `read_group` made it; its parameters become a list.
    index : int
        Its number.
    held : set of int
        Of parameters of other groups, what `id` returns.
    project : bool

    Raises
    ------
    InputError
        If parameters are not on their space, differ in type or device, or would decay on a curved space.
    """
    group["params"] = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
    params = [item[1] if isinstance(item, tuple) else item for item in group["params"]]
    seen = set(held)
    for k, param in enumerate(params):
        _check_leaf(param, f"the parameter {k} of group {index}")
        if id(param) in seen:
            raise InputError(
                f"the parameter {k} of group {index} is there twice",
                why="it would make two steps at once",
                cure="give each parameter to one group",
            )
        seen.add(id(param))
    if group["space"] is not None and len({(param.dtype, param.device) for param in params}) > 1:
        kinds = ", ".join(sorted({f"{param.dtype} on {param.device}" for param in params}))
        raise InputError(
            f"the parameters of group {index} differ: {kinds}",
            why="parameters of one space make their steps together, in one type on one device",
            cure="convert them, or give each kind its own group",
        )
    placed_all = [_placed(group, k, param, index, project=project) for k, param in enumerate(params)]
    for param, data in zip(params, placed_all, strict=True):
        if data is not None and project:
            param.copy_(data)


def _check_leaf(param: Any, name: str) -> None:
    """Refuse what is no tensor of floating-point numbers that may have a gradient.

    Raises
    ------
    InputError
        If it is none.
    """
    if not isinstance(param, Tensor):
        raise InputError(
            f"{name} is {type(param).__name__}", why="an optimizer moves tensors", cure="give torch.nn.Parameter(...)"
        )
    if param.layout != torch.strided:
        raise InputError(
            f"{name} is sparse", why="a step changes all entries", cure="give a dense tensor, such as with .to_dense()"
        )
    if not (param.is_leaf or param.retains_grad):
        raise InputError(
            f"{name} was computed from other tensors",
            why="gradients are kept for tensors that were not computed",
            cure="give the tensor itself, such as torch.nn.Parameter(value.detach())",
        )
    if not (param.is_floating_point() or param.is_complex()):
        raise InputError(
            f"{name} has entries of type {param.dtype}",
            why="steps are made of floating-point numbers",
            cure="convert it to floating-point numbers, such as with .float()",
        )


def _placed(group: dict[str, Any], k: int, param: Tensor, index: int, *, project: bool) -> Tensor | None:
    """The point of a parameter, None in a vector space.

    Raises
    ------
    InputError
        If it is not on its space, or would decay there.
    """
    name, space = f"the parameter {k} of group {index}", space_of(param, group["space"])
    if space is None:
        return None
    if isinstance(param, ManifoldParameter) and param.space != space:
        raise InputError(
            f"{name} carries {param.space.name}, and its group says {space!r}",
            why="a parameter moves on one space",
            cure="leave out the space of the group, or give a plain parameter",
        )
    weight = getattr(group["rule"], "weight_decay", 0.0)
    if weight and isinstance(space, Homogeneous):
        raise InputError(
            f"weight_decay = {weight:g} is given to {name} on {space.name}",
            why="all points of this compact space have the same norm, so that decay has no direction there"
            if space.compact
            else "a decayed point is not on the space",
            cure="write weight_decay=0 in this group, and give parameters without a space their own group",
        )
    return placed(param.detach(), space, project=project, name=name)
