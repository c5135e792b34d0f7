"""Which parameters of a group make their steps together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from operator import is_
from typing import Any, cast, final

import torch
from torch import Tensor

from manifolds.errors import InputError
from manifolds.homogeneous import Homogeneous
from manifolds.space import Space
from solvers.pytorch.carrying import section_matrix
from solvers.pytorch.cayley import has_kernel
from solvers.pytorch.cayley_stacks import CayleyStack
from solvers.pytorch.layouts import working_type
from solvers.pytorch.moments import as_real
from solvers.pytorch.parameter import space_of
from solvers.pytorch.saving import misfit
from solvers.pytorch.stacks import FrameStack, Stack, VectorStack
from solvers.rule import Rule


@final
class Entries:
    """Which entries the state of an optimizer has, to see whether others are there now.

    Parameters
    ----------
    state : mapping
        From parameters to what is kept for each.

    Examples
    --------
    >>> state = {"a": {}}
    >>> entries = Entries(state)
    >>> before = entries.same()
    >>> state["a"] = {}
    >>> before, entries.same()
    (True, False)
    """

    def __init__(self, state: Mapping[Any, dict[str, Any]]) -> None:
        self.state = state
        self.keep()

    def keep(self) -> None:
        """Take the present entries for those that there are."""
        self._params, self._states = list(self.state), list(self.state.values())

    def same(self) -> bool:
        """Whether the entries are still those that were kept, in their order."""
        return (
            len(self.state) == len(self._params)
            and all(map(is_, self.state, self._params))
            and all(map(is_, self.state.values(), self._states))
        )


@final
class Plan:
    """The stacks of one group, kept from step to step as long as the same parameters have gradients.

    Parameters
    ----------
    index : int
        The number of the group, for messages.
    state : mapping
        The state of the optimizer.
    kernel : bool
        Whether stacks may work in place.
    """

    def __init__(self, index: int, state: Mapping[Tensor, dict[str, Any]], *, kernel: bool) -> None:
        self.index, self.state, self.kernel = index, state, kernel
        self.stacks: list[Stack] = []
        self._params: list[Tensor] = []
        self._waiting: list[bool] = []
        self._empty: list[Tensor] = []
        self._places: list[list[int]] = []

    def load(self, group: Mapping[str, Any], *, same: bool) -> list[Stack]:
        """The stacks of the parameters that have a gradient, with these gradients.

        Parameters
        ----------
        group : mapping
        same : bool
            Whether the entries of the state are those of the last step.

        Raises
        ------
        InputError
            If a gradient does not fit.
        """
        params: list[Tensor] = group["params"]
        gradients = [param.grad for param in params]
        if not (same and self._fits(params, gradients, group["rule"])):
            self._begin(params, gradients, group)
        for stack, places in zip(self.stacks, self._places, strict=True):
            own = gradients if len(places) == len(gradients) else [gradients[k] for k in places]
            try:
                stack.load(cast("list[Tensor]", own), maximize=group["maximize"])
            except RuntimeError:
                self._refuse(stack.params, group)
                raise
        return self.stacks

    def _fits(self, params: Sequence[Tensor], gradients: Sequence[Tensor | None], rule: Rule) -> bool:
        """Whether the stacks hold just the parameters that have gradients, as they were."""
        return (
            len(params) == len(self._params)
            and all(map(is_, params, self._params))
            and list(map(is_, gradients, repeat(None))) == self._waiting
            and not any(param.numel() for param in self._empty)
            and all(stack.fits(rule) for stack in self.stacks)
        )

    def _begin(self, params: Sequence[Tensor], gradients: Sequence[Tensor | None], group: Mapping[str, Any]) -> None:
        """New stacks for these parameters; none where one is refused."""
        self._params, self._waiting, self._empty, self.stacks, self._places = [], [], [], [], []
        waiting = [gradient is None for gradient in gradients]
        present = [param for param, one in zip(params, waiting, strict=True) if not one]
        active = [param for param in present if param.numel()]
        self._refuse_gradients(active)
        stacks, number = self._built(active, group), {id(param): k for k, param in enumerate(params)}
        self.stacks, self._places = stacks, [[number[id(param)] for param in stack.params] for stack in stacks]
        self._params, self._waiting = list(params), waiting
        self._empty = [param for param in present if not param.numel()]

    def _refuse(self, params: Sequence[Tensor], group: Mapping[str, Any]) -> None:
        """Refuse gradients or parameters that cannot be brought together.

        Raises
        ------
        InputError
            If there is one.
        """
        self._refuse_gradients(params)
        for param in params:
            space = space_of(param, group["space"])
            self._refuse_shape(param, space if isinstance(space, Homogeneous) else None, group)

    def _built(self, active: Sequence[Tensor], group: Mapping[str, Any]) -> list[Stack]:
        """New stacks: parameters of equal space, shape, type, device and number of steps together."""
        made: dict[Any, list[Tensor]] = {}
        for param in active:
            space = space_of(param, group["space"])
            curved = space if isinstance(space, Homogeneous) else None
            self._refuse_shape(param, curved, group)
            state = begun(self.state[param], param, curved, group["rule"])
            shape = None if curved is None else tuple(param.shape)
            made.setdefault((curved, shape, param.dtype, param.device, state["step"]), []).append(param)
        return [
            make_stack(params, [self.state[param] for param in params], group["rule"], key[0], kernel=self.kernel)
            for key, params in made.items()
        ]

    def _refuse_shape(self, param: Tensor, space: Homogeneous | None, group: Mapping[str, Any]) -> None:
        """Refuse a parameter that has another shape than when it was registered.

        Raises
        ------
        InputError
            If its shape is not that of its state, or of its space.
        """
        other = misfit(self.state.get(param, {}), param, group["rule"])
        if other is None and (space is None or tuple(param.shape[-len(space.shape) :]) == tuple(space.shape)):
            return
        number = next(k for k, one in enumerate(group["params"]) if one is param)
        raise InputError(
            f"the parameter {number} of group {self.index} has the shape {tuple(param.shape)}",
            why=f"{other} belong to another shape" if other else f"a point of {space} has another shape",
            cure="build the optimizer anew after parameters were given other shapes",
        )

    def _refuse_gradients(self, active: Sequence[Tensor]) -> None:
        """Refuse gradients that are sparse, or of another shape than their parameters.

        Raises
        ------
        InputError
            If there is one.
        """
        for k, param in enumerate(active):
            gradient = param.grad
            if gradient is None:
                continue
            name = f"the gradient of parameter {k} of group {self.index}"
            if gradient.layout != torch.strided:
                raise InputError(
                    f"{name} is sparse",
                    why="coordinates of a step have an entry for each entry of the parameter",
                    cure="make it dense, such as with sparse=False in torch.nn.Embedding",
                )
            if gradient.shape != param.shape or gradient.device != param.device:
                raise InputError(
                    f"{name} has the shape {tuple(gradient.shape)} on {gradient.device}",
                    why=f"the parameter has the shape {tuple(param.shape)} on {param.device}",
                    cure="compute it anew after changing a parameter, by zero_grad() and backward()",
                )


def make_stack(
    params: Sequence[Tensor], states: Sequence[dict[str, Any]], rule: Rule, space: Space | None, *, kernel: bool
) -> Stack:
    """A stack of the kind that a space needs; `kernel` says whether it may be one that works in place."""
    if space is None:
        return VectorStack(params, states, rule)
    if kernel and has_kernel(space):
        return CayleyStack(params, states, rule, space)
    return FrameStack(params, states, rule, space)


def begun(state: dict[str, Any], param: Tensor, space: Homogeneous | None, rule: Rule) -> dict[str, Any]:
    """The state of a parameter, with what is missing before its first step, in the type and on the device of it."""
    wide = param.detach().to(working_type(param.dtype))
    state.setdefault("step", 0)
    for name, value in rule.start(as_real(torch.zeros_like(wide))).items():
        fresh: Tensor = torch.view_as_complex(value.contiguous()) if wide.is_complex() else value
        present: Tensor = state.get(name, fresh)
        state[name] = present.to(device=wide.device, dtype=wide.dtype)
    if wide.dtype != param.dtype:
        if "master" not in state:
            state["master"] = wide.clone() if space is None else space.project(wide)
        state["master"] = state["master"].to(device=wide.device, dtype=wide.dtype)
    if space is not None and space.section_kind == "transported":
        if "section" not in state or state["section"].dtype != wide.dtype:
            state["section"] = section_matrix(space, wide)
        state["section"] = state["section"].to(wide.device)
    return state


def not_finite(index: int, params: Sequence[Tensor]) -> InputError:
    """The error on gradients that are not finite.

    Parameters
    ----------
    index : int
        The number of the group.
    params : sequence of Tensor
        Its parameters.
    """
    bad = [k for k, p in enumerate(params) if p.grad is not None and not torch.isfinite(p.grad).all()]
    names = "" if not bad else " of parameter " + ", ".join(map(str, bad[:5])) + (", ..." if len(bad) > 5 else "")
    return InputError(
        f"the gradient{names} of group {index} is not finite"
        + ("" if bad else ", or so large that its products are not"),
        why="a step along it would lead to no point; no parameter and no state was changed",
        cure="leave the step out, and look where the loss overflows; torch.amp.GradScaler does so in half precision",
    )
