"""A rule on tensors that hold many parameters: in place for Adam, by the rule itself for all others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from solvers.rule import Rule
from solvers.steps.rules_moments import Adam

_HUGE = 1e6  # a rate above which steps may overflow


def as_real(tensor: Tensor) -> Tensor:
    """The real and imaginary parts of a complex tensor along a new last axis; a real tensor itself.

    >>> as_real(torch.tensor([1 + 2j])).tolist(), as_real(torch.tensor([1.0])).tolist()
    ([[1.0, 2.0]], [1.0])
    """
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def proposed(
    rule: Rule, D: Tensor, slots: Mapping[str, Tensor], *, count: int, rate: Any, point: Tensor | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """The displacement and the next state of a rule, without touching the present one.

    Parameters
    ----------
    rule: a rule of gradients.
    D: the gradient, in coordinates.
    slots: the state, tensors of the shape and type of D.
    count: number of this step, from 1.
    rate: the learning rate.
    point: for rules that decay it.
    """
    state = {name: as_real(slot) for name, slot in slots.items()}
    real_point = None if point is None else as_real(point)
    W, after = rule.step(as_real(D), state, count=count, rate=rate, point=real_point)
    return (torch.view_as_complex(W.contiguous()) if D.is_complex() else W), after


def accept(slots: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> None:
    """Write the next state over the present one."""
    for name, slot in slots.items():
        as_real(slot).copy_(after[name])


def in_place(rule: Rule, D: Tensor, rate: Any) -> bool:
    """Whether `displacement` updates the state of a rule in place: then the step is of bounded length.

    >>> in_place(Adam(), torch.zeros(2), 1e-3), in_place(Adam(epsilon=0), torch.zeros(2), 1e-3)
    (True, False)
    """
    if type(rule) is not Adam or rule.epsilon == 0 or rule.epsilon_root != 0 or D.is_complex():
        return False
    return (isinstance(rate, Tensor) and rate.device.type != "cpu") or float(rate) < _HUGE


def displacement(
    rule: Rule,
    D: Tensor,
    slots: Mapping[str, Tensor],
    scratch: Tensor,
    *,
    count: int,
    rate: Any,
    point: Tensor | None = None,
) -> Tensor:
    """The displacement of a rule; its state is updated in place, and D and the scratch tensor may be overwritten.

    Parameters
    ----------
    rule, D, slots, count, rate, point: as for `proposed`.
    scratch: a real tensor with as many real entries as D.

    Notes
    -----
    Without a point, which is the case on curved spaces, Adam makes one pass over the memory where PyTorch has such a
    function; with one, it goes through the operations of `torch.optim.Adam`, so that the bits are the same.

    Source: D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1.
    """
    if not isinstance(rule, Adam) or not in_place(rule, D, rate):
        W, after = proposed(rule, D, slots, count=count, rate=rate, point=point)
        accept(slots, after)
        return W
    if point is None and _has_one_pass(D, rate):
        return _in_one_pass(rule, D, slots, scratch, count=count, rate=rate)
    first, second = 1 - rule.beta1**count, 1 - rule.beta2**count
    average, square = slots["average"], slots["square"]
    average.lerp_(D, 1 - rule.beta1)
    square.mul_(rule.beta2).addcmul_(D, D, value=1 - rule.beta2)
    torch.sqrt(square, out=scratch)
    scratch.div_(second**0.5).add_(rule.epsilon)
    return torch.mul(average, -(rate / first), out=D).div_(scratch)


def _has_one_pass(D: Tensor, rate: Any) -> bool:
    """Whether PyTorch can make a step of Adam in one pass over these tensors."""
    known = D.device.type == "cpu" and D.dtype in (torch.float32, torch.float64) and D.is_contiguous()
    return known and hasattr(torch, "_fused_adam_") and not isinstance(rate, Tensor)


def _in_one_pass(
    rule: Adam, D: Tensor, slots: Mapping[str, Tensor], scratch: Tensor, *, count: int, rate: float
) -> Tensor:
    """The displacement of Adam: where it moves the origin to."""
    torch._fused_adam_(
        [scratch.zero_()],
        [D],
        [slots["average"]],
        [slots["square"]],
        [],
        [torch.tensor(float(count))],
        lr=rate,
        beta1=rule.beta1,
        beta2=rule.beta2,
        weight_decay=0.0,
        eps=rule.epsilon,
        amsgrad=False,
        maximize=False,
    )
    return scratch
