"""What an optimizer saves: plain numbers, texts and tensors, so that any reader of PyTorch files takes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import fields, replace
from typing import Any

from torch import Tensor

from manifolds.errors import InputError
from solvers.pytorch.parameter import space_of
from solvers.rule import Rule

_OWN = ("lr", "schedule", "space", "trust_radius", "maximize", "check_finite")


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
    if not isinstance(saved, Sequence) or not all(isinstance(one, Mapping) for one in saved):
        raise _foreign("the saved groups are no list of dictionaries")
    if len(saved) != len(groups):
        raise InputError(
            f"the saved state has {len(saved)} groups of parameters, the optimizer {len(groups)}",
            why="states belong to parameters by their order",
            cure="build the optimizer with the groups that it had when it was saved",
        )
    made = []
    for index, (one, group) in enumerate(zip(saved, groups, strict=True)):
        names, rule = one.get("spaces"), one.get("rule")
        if names is None or not isinstance(rule, Mapping) or "name" not in rule:
            raise _foreign(f"the saved group {index} has no rule or no spaces")
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
        if not isinstance(one.get("params"), Sequence) or len(one["params"]) != len(present):
            raise _foreign(f"the saved group {index} does not number its {len(present)} parameters")
        values = {name: value for name, value in rule.items() if name != "name"}
        unknown = sorted(set(values) - {field.name for field in fields(group["rule"])})
        if unknown:
            raise _foreign(f"the saved rule of group {index} has the hyperparameter {unknown[0]!r}")
        kept = {name: deepcopy(value) for name, value in one.items() if name not in ("spaces", "params")}
        base = {name: group[name] for name in (*_OWN, "param_names") if name in group}
        made.append({**base, **kept, "rule": replace(group["rule"], **values), "params": group["params"]})
    return made


def _foreign(what: str) -> InputError:
    """The error on what this package did not save."""
    return InputError(
        what,
        why="it was not saved by a ManifoldOptimizer",
        cure="load what ManifoldOptimizer.state_dict returned",
    )


def read_saved(state_dict: Any) -> tuple[Any, Mapping[Any, Any]]:
    """The groups and the states in what is to be loaded.

    Raises
    ------
    InputError
        If it has none.
    """
    if not isinstance(state_dict, Mapping) or not isinstance(state_dict.get("state"), Mapping):
        raise _foreign("the saved state is no dictionary with a state and param_groups")
    return state_dict.get("param_groups"), state_dict["state"]


def misfit(state: Mapping[str, Any], param: Tensor, rule: Rule) -> str | None:
    """What in a state belongs to a parameter of another shape, None where all fits."""
    for name in (*rule.slots, "master", "section"):
        value = state.get(name)
        cut = -2 if name == "section" else None
        if value is not None and (not isinstance(value, Tensor) or value.shape[:cut] != param.shape[:cut]):
            return f"the entries {name!r} of its state"
    return None


def _words(names: Sequence[str | None]) -> str:
    """The names of spaces, each once."""
    return ", ".join(dict.fromkeys("a vector space" if name is None else name for name in names)) or "nothing"


def restored(
    saved: Sequence[Mapping[str, Any]], states: Mapping[Any, Any], groups: Sequence[Mapping[str, Any]]
) -> defaultdict[Any, dict[str, Any]]:
    """The saved states by parameter, in the types that they had, on the devices of the parameters.

    PyTorch would convert them to the type of the parameter, which would round moments and master copies.

    Parameters
    ----------
    saved : list of mappings
        The groups as they were saved, with numbers for parameters.
    states : mapping of these numbers to dict
    groups : list of dict
        The groups that `read_groups` made of them.

    Raises
    ------
    InputError
        If a state is that of a parameter of another shape.
    """
    made: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
    for index, (one, group) in enumerate(zip(saved, groups, strict=True)):
        for k, (number, param) in enumerate(zip(one["params"], group["params"], strict=True)):
            state = states.get(number)
            if not state:
                continue
            if not isinstance(state, Mapping) or not isinstance(state.get("step"), int):
                raise _foreign(f"the saved state of parameter {k} of group {index} has no number of steps")
            other = misfit(state, param, group["rule"])
            if other is not None:
                raise InputError(
                    f"the parameter {k} of group {index} has the shape {tuple(param.shape)}",
                    why=f"{other}, which was saved, belong to another shape",
                    cure="build the optimizer with parameters of the shapes that they had when it was saved",
                )
            made[param] = {
                name: value.detach().to(param.device, copy=True) if isinstance(value, Tensor) else deepcopy(value)
                for name, value in state.items()
            }
    return made
