"""Lists of parameters and of groups of them, as the user wrote them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from torch import Tensor

from manifolds.errors import InputError


def read_params(params: Any) -> list[Any]:
    """The parameters or groups of parameters of an optimizer.

    Raises
    ------
    InputError
        If there is none.
    """
    if isinstance(params, Tensor | dict | Set) or not isinstance(params, Iterable):
        raise InputError(
            f"the parameters are given as {type(params).__name__}",
            why="an optimizer has several parameters, or groups of them",
            cure="give a list, such as [weight], [{'params': [weight], 'space': space}] or model.parameters()",
        )
    listed = list(params)
    if any(isinstance(item, dict) for item in listed):
        for index, item in enumerate(listed):
            read_mapping(item, index, ())
    if not listed:
        raise InputError(
            "there are no parameters", why="an optimizer has something to move", cure="give at least one parameter"
        )
    return listed


def read_mapping(group: Any, index: int, others: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A group as the user wrote it, with the list of its parameters.

    Raises
    ------
    InputError
        If it is no group, its parameters have no order, or only some parameters of the optimizer have names.
    """
    if not isinstance(group, dict) or "params" not in group:
        raise InputError(
            f"group {index} is {group if isinstance(group, dict) else type(group).__name__!r}",
            why="a group is a dictionary with its parameters under 'params', and stands beside others like it",
            cure="write {'params': [weight], 'space': space}",
        )
    params = group["params"]
    if isinstance(params, dict | Set) or not isinstance(params, Iterable):
        raise InputError(
            f"the parameters of group {index} are given as {type(params).__name__}",
            why="states belong to parameters by their order",
            cure="give a list of them",
        )
    listed = [params] if isinstance(params, Tensor) else list(params)
    named = {isinstance(item, tuple) for item in listed} | {"param_names" in other for other in others}
    if len(named) > 1:
        raise InputError(
            f"some parameters are given with names and some without, in group {index} or before",
            why="names stand for all parameters of an optimizer or for none",
            cure="give model.named_parameters() or model.parameters() throughout",
        )
    return {**group, "params": listed}
