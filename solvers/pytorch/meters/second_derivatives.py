"""Whether reverse mode twice gives the second derivatives of a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd.function import BackwardCFunction

Function = Callable[[torch.Tensor], torch.Tensor]

AGREEMENT = {torch.float64: 1e-4, torch.float32: 3e-2}
"""Relative difference from a central difference of gradients that rounding and curvature may make."""


def custom_functions(value: torch.Tensor) -> list[str]:
    """Names of the functions in the graph of a value whose backward is written by hand.

    >>> x = torch.ones(2, requires_grad=True)
    >>> custom_functions(x.sin().sum())
    []
    """
    found: set[str] = set()
    met: set[Any] = set()
    waiting: list[Any] = [value.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in met:
            continue
        met.add(node)
        if isinstance(node, BackwardCFunction):
            found.add(type(node).__name__.removesuffix("Backward"))
        waiting.extend(one for one, _ in node.next_functions)
    return sorted(found)


def attempt_second_derivative(function: Function, vector: torch.Tensor) -> None:
    """Take a Hessian-vector product by reverse mode twice, and raise where it fails or is wrong.

    A backward that is written by hand can lose the second derivative without a word, so that with one of them in the
    graph the product is compared with a difference of gradients.
    """
    with torch.enable_grad():
        leaf = vector.detach().clone().requires_grad_()
        value = function(leaf)
        if not value.requires_grad:
            return
        slope = torch.autograd.grad(value, leaf, create_graph=True, allow_unused=True, materialize_grads=True)[0]
        names, along = custom_functions(value), torch.ones_like(slope)
        product = torch.zeros_like(slope)
        if slope.requires_grad:
            product = torch.autograd.grad(slope, leaf, along, allow_unused=True, materialize_grads=True)[0]
    if names:
        other = difference_of_gradients(lambda point: gradient_of(function, point), vector.detach(), along)
        size = float(other.norm())
        if not float((product - other).norm()) <= AGREEMENT.get(vector.dtype, 3e-2) * max(size, 1e-6):
            raise RuntimeError(f"the backward of {', '.join(names)} cannot be differentiated")


def gradient_of(function: Function, point: torch.Tensor) -> torch.Tensor:
    """The gradient of a function of one vector."""
    with torch.enable_grad():
        leaf = point.detach().requires_grad_()
        return torch.autograd.grad(function(leaf), leaf, allow_unused=True, materialize_grads=True)[0]


def difference_of_gradients(gradient: Any, point: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """A Hessian-vector product by a central difference, its step the cube root of the rounding.

    >>> found = difference_of_gradients(lambda w: w**3, torch.ones(1, dtype=torch.float64), torch.ones(1))
    >>> round(found.item(), 6)
    3.0
    """
    length = float(vector.norm())
    if length == 0:
        return torch.zeros_like(vector)
    step = torch.finfo(point.dtype).eps ** (1 / 3) * max(1.0, float(point.norm())) / length
    ends = [gradient(point + sign * step * vector) for sign in (1, -1)]
    return (ends[0] - ends[1]) / (2 * step)
