"""Which parameters of a group make their steps together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from torch import Tensor

from manifolds.errors import InputError
from manifolds.homogeneous import Homogeneous
from solvers.pytorch.carrying import section_matrix
from solvers.pytorch.layouts import working_type
from solvers.pytorch.moments import as_real
from solvers.pytorch.parameter import space_of
from solvers.pytorch.saving import misfit
from solvers.pytorch.stacks import Stack, make_stack
from solvers.rule import Rule


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

    def load(self, group: Mapping[str, Any]) -> list[Stack]:
        """The stacks of the parameters that have a gradient, with these gradients.

        Raises
        ------
        InputError
            If a gradient does not fit.
        """
        active = [param for param in group["params"] if param.grad is not None and param.numel()]
        if not self._fits(active, group["rule"]):
            self._refuse_gradients(active)
            self.stacks = self._built(active, group)
        for stack in self.stacks:
            gradients = [param.grad for param in stack.params if param.grad is not None]
            try:
                stack.load(gradients, maximize=group["maximize"])
            except RuntimeError:
                self._refuse_gradients(active)
                raise
        return self.stacks

    def _fits(self, active: Sequence[Tensor], rule: Rule) -> bool:
        """Whether the stacks hold just these parameters, with the states that the optimizer has for them."""
        if len(self.stacks) == 1:
            fits = self.stacks[0].fits(active, rule)
        else:
            wanted, held = set(map(id, active)), [id(param) for stack in self.stacks for param in stack.params]
            fits = wanted == set(held) and all(stack.fits(stack.params, rule) for stack in self.stacks)
        present = set(map(id, self.state.values()))
        return fits and all(id(state) in present for stack in self.stacks for state in stack.states)

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
