"""What an optimizer saves: plain numbers, texts and tensors, so that any reader of PyTorch files takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from torch import Tensor

from manifolds.errors import InputError
from solvers.pytorch.parameter import space_of
from solvers.rule import Rule


def plain_rule(rule: Rule) -> dict[str, Any]:
    """The name of the class of a rule and its hyperparameters.

    >>> from solvers.rules import make_rule
    >>> plain_rule(make_rule("heavy-ball", momentum=0.5))
    {'name': 'HeavyBall', 'momentum': 0.5}
    """
    values = {field.name: getattr(rule, field.name) for field in fields(rule) if field.name != "learning_rate"}
    return {"name": type(rule).__name__, **values}


def plain_groups(packed: Sequence[dict[str, Any]], groups: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Groups as they are saved: rules by name and hyperparameters, the space of each parameter by its name.

    Parameters
    ----------
    packed : list of dict
        Groups as PyTorch saves them, with numbers for parameters.
    groups : list of dict
        The groups themselves.
    """
    made = []
    for one, group in zip(packed, groups, strict=True):
        kept = {name: value for name, value in one.items() if name not in ("space", "schedule")}
        made.append({**kept, "rule": plain_rule(group["rule"]), "spaces": space_names(group)})
    return made


def space_names(group: Mapping[str, Any]) -> list[str | None]:
    """The names of the spaces of the parameters of a group; None for a vector space."""
    spaces = [space_of(param, group["space"]) for param in group["params"]]
    return [None if space is None else space.name for space in spaces]


def read_groups(saved: Sequence[Mapping[str, Any]], groups: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Saved groups with rules and spaces as objects again: spaces and schedules are those of the present groups.

    Raises
    ------
    InputError
        If the groups do not match.
    """
    if len(saved) != len(groups):
        raise InputError(
            f"the saved state has {len(saved)} groups of parameters, the optimizer {len(groups)}",
            why="states belong to parameters by their order",
            cure="build the optimizer with the groups that it had when it was saved",
        )
    made = []
    for index, (one, group) in enumerate(zip(saved, groups, strict=True)):
        names, rule = one.get("spaces"), one.get("rule")
        if names is None or not isinstance(rule, Mapping):
            raise InputError(
                f"the saved group {index} has no rule or no spaces",
                why="it was not saved by a ManifoldOptimizer",
                cure="load what ManifoldOptimizer.state_dict returned",
            )
        present = space_names(group)
        if names != present:
            raise InputError(
                f"the parameters of group {index} were saved on {_words(names)}, and are on {_words(present)}",
                why="moments are coordinates of one space",
                cure="build the optimizer with the spaces that it had when it was saved",
            )
        if rule["name"] != type(group["rule"]).__name__:
            raise InputError(
                f"group {index} was saved with the rule {rule['name']}, and has {type(group['rule']).__name__}",
                why="rules keep different states",
                cure="build the optimizer with the rule that it had when it was saved",
            )
        values = {name: value for name, value in rule.items() if name != "name"}
        kept = {name: value for name, value in one.items() if name != "spaces"}
        own = {"rule": replace(group["rule"], **values), "space": group["space"], "schedule": group["schedule"]}
        made.append({**kept, **own})
    return made


def _words(names: Sequence[str | None]) -> str:
    """The names of spaces, each once."""
    return ", ".join(dict.fromkeys("a vector space" if name is None else name for name in names)) or "nothing"


def restored(state: Mapping[Any, Any], kept: Mapping[int, Any], params: Sequence[Tensor]) -> None:
    """Put back the tensors of a saved state in the types that they had, on the devices of the parameters.

    PyTorch converts them to the type of the parameter, which would round moments and master copies.

    Parameters
    ----------
    state : mapping of parameters to dict
        What was loaded, written to in place.
    kept : mapping of numbers of parameters to dict
        The saved state.
    params : list of Tensor
        All parameters, in the order of their numbers.
    """
    for number, param in enumerate(params):
        for name, value in kept.get(number, {}).items():
            if isinstance(value, Tensor):
                state[param][name] = value.detach().to(param.device, copy=True)
