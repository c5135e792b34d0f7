"""Parameters of large modules that are moved only while an operation reads them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from typing import Any, final

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from solvers.pytorch.symmetry.component import Component, Value
from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.symmetry.shifts import Shifts

SHARE = 16
"""Moved tensors are kept for the next reading while all that is kept is at most one part in so many of the module."""


class Unmovable(Exception):
    """An operation overwrites a parameter, which there is only while it is read."""


@final
class Moving:
    """The tensors of a module after an element, each made when it is asked for.

    Parameters
    ----------
    element: that moves them.
    tensors: before it.
    """

    def __init__(self, element: Element, tensors: Mapping[str, Tensor]) -> None:
        self.word = list(reversed(element.factors))
        self.tensors = tensors
        self.places: dict[str, list[int]] = {}
        for place, (component, _) in enumerate(self.word):
            for name in component.tensors:
                self.places.setdefault(name, []).append(place)
        self._kept: OrderedDict[str, Tensor] = OrderedDict()
        self._limit = sum(one.nbytes for one in tensors.values()) // SHARE

    def parameters(self, plain: frozenset[str]) -> dict[str, Tensor]:
        """All tensors: what the element changes as :class:`Moved`, the names in ``plain`` as they will be."""
        found = dict(self.tensors)
        for name in self.places:
            found[name] = self[name] if name in plain else Moved(self, name, self.tensors[name])
        return found

    def __getitem__(self, name: str) -> Tensor:
        """One tensor after the element."""
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        tensor, like = self._after(name, len(self.word)), self.tensors[name]
        if tensor.stride() != like.stride():
            # Kernels rely on the layout that was promised.
            tensor = torch.empty_strided(like.shape, like.stride(), dtype=like.dtype, device=like.device).copy_(tensor)
        self._kept[name] = tensor
        while len(self._kept) > 1 and sum(one.nbytes for one in self._kept.values()) > self._limit:
            self._kept.popitem(last=False)
        if tensor.nbytes > self._limit:
            del self._kept[name]
        return tensor

    def _after(self, name: str, step: int) -> Tensor:
        """One tensor after so many factors."""
        tensor = self.tensors[name].detach()
        for place in self.places.get(name, ()):
            if place < step:
                tensor = self._one(*self.word[place], name, tensor, place)
        return tensor

    def _one(self, component: Component, value: Value, name: str, tensor: Tensor, place: int) -> Tensor:
        """One tensor after one factor, from what it and the tensors that are read are before it."""
        part = copy(component)
        if isinstance(part, Shifts):
            part.flows = tuple(flow for flow in part.flows if flow.target.tensor == name)
            part.legs = tuple(flow.target for flow in part.flows)
        else:
            directions = {leg.tensor for leg in component.legs if leg.length == name}
            legs = [leg for leg in component.legs if leg.tensor == name or leg.tensor in directions]
            part.legs = tuple(replace(leg, length=leg.length if leg.length == name else "") for leg in legs)
        known = {one: self._after(one, place) for one in part.reads if one != name}
        return part.transform({**known, name: tensor}, value)[name]


@final
class Moved(Tensor):
    """A parameter that is moved when an operation reads it, and forgotten afterwards.

    Parameters
    ----------
    moving: of which it is one.
    name: of the tensor.
    like: the tensor itself.
    """

    moving: Moving
    name_: str
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, moving: Moving, name: str, like: Tensor) -> Moved:
        """A tensor without numbers of its own."""
        made: Moved = torch.Tensor._make_wrapper_subclass(
            cls, like.shape, strides=like.stride(), dtype=like.dtype, device=like.device
        )
        made.moving, made.name_ = moving, name
        return made

    def __init__(self, moving: Moving, name: str, like: Tensor) -> None:
        """Made already."""

    def __repr__(self) -> str:  # type: ignore[override]
        """The name, not the numbers."""
        return f"Moved({self.name_!r}, shape={list(self.shape)})"

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Call the operation with the moved tensors."""
        if func is torch.ops.aten.detach.default:
            return cls(args[0].moving, args[0].name_, args[0])
        named = kwargs or {}
        for place, argument in enumerate(func._schema.arguments):
            given = args[place] if place < len(args) else named.get(argument.name)
            if argument.is_write and any(isinstance(one, cls) for one in pytree.tree_leaves(given)):
                raise Unmovable(str(func))

        def plain(one: Any) -> Any:
            """The moved tensor itself, for an operation that reads it."""
            return one.moving[one.name_] if isinstance(one, cls) else one

        return func(*pytree.tree_map(plain, args), **pytree.tree_map(plain, named))
