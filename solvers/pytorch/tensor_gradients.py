"""Gradients of functions of tensors and of modules with other parameters; the state of PyTorch stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from manifolds.errors import InputError
from symmetries.expression import Shape

Tensors: TypeAlias = Mapping[str, Tensor]


@contextmanager
def apart(device: torch.device, rng: np.random.Generator) -> Iterator[None]:
    """Gradients on, and the random numbers of PyTorch from a seed of ours; its own states come back."""
    on_gpu, seed = device.type == "cuda", int(rng.integers(2**62))
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.random.fork_rng(devices=[device] if on_gpu else []),
    ):
        torch.default_generator.manual_seed(seed)  # other devices keep their states, which nobody forked
        if on_gpu:
            torch.cuda.default_generators[device.index or 0].manual_seed(seed)
        yield


def called(module: torch.nn.Module, leaves: Tensors, batch: Sequence[Any], *, what: str) -> Any:
    """What a module computes with other parameters, its buffers kept; what it cannot take is refused by name."""
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    try:
        return functional_call(module, (dict(leaves), buffers), tuple(batch))
    except (TypeError, ValueError, RuntimeError, IndexError) as error:
        raise InputError(
            what,
            why=f"{type(module).__name__} does not take them: {str(error).partition(chr(10))[0]}",
            cure="give what it can be called with, in its precision and on its device",
        ) from error


def shapes_of_tensors(tensors: Tensors) -> dict[str, Shape]:
    """The shape of each tensor."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def unit_of(tensors: Tensors) -> float:
    """The precision of tensors, refused when they are no real numbers or lie on several devices."""
    kinds = {tensor.dtype for tensor in tensors.values()}
    if not kinds or not all(kind.is_floating_point for kind in kinds):
        raise InputError(
            "the parameters",
            why="none of them trains" if not kinds else "they are no real floating-point numbers",
            cure="give parameters of float64 or float32 with requires_grad",
        )
    if len({tensor.device for tensor in tensors.values()}) > 1:
        raise InputError("the parameters", why="they lie on several devices", cure="move them to one device")
    return max(float(torch.finfo(kind).eps) for kind in kinds)


def precision_of(value: Any) -> float:
    """The unit of rounding of a value; 0 where it is no floating-point tensor."""
    return float(torch.finfo(value.dtype).eps) if isinstance(value, Tensor) and value.is_floating_point() else 0.0


def normal(like: Tensors, rng: np.random.Generator, sizes: Mapping[str, float]) -> dict[str, Tensor]:
    """Independent normal numbers in the shapes of tensors."""
    device = next(iter(like.values())).device
    draws = torch.Generator(device=device).manual_seed(int(rng.integers(2**62)))
    return {
        name: sizes[name] * torch.randn(one.shape, dtype=one.dtype, device=device, generator=draws)
        for name, one in like.items()
    }


def functional(output: Any, rng: np.random.Generator) -> Tensor:
    """A random linear functional of all numbers in an output."""
    if isinstance(output, Tensor):
        real = torch.view_as_real(output) if output.is_complex() else output
        if not real.is_floating_point():
            return real.new_zeros((), dtype=torch.float64)
        draws = torch.Generator(device=real.device).manual_seed(int(rng.integers(2**62)))
        return (real * torch.randn(real.shape, dtype=real.dtype, device=real.device, generator=draws)).sum()
    parts = list(output.values()) if isinstance(output, Mapping) else output
    if not isinstance(parts, Sequence) or isinstance(parts, str) or all(part is None for part in parts):
        raise InputError(
            f"an output of the type {type(output).__name__}",
            why="tensors, or lists and mappings of them, are needed",
            cure="wrap the module in one that returns a tensor",
        )
    terms = [functional(part, rng) for part in parts if part is not None]
    unit = max(map(precision_of, terms))
    kind = next((term.dtype for term in terms if precision_of(term) == unit), torch.float64)
    return torch.stack([term.double() for term in terms]).sum().to(kind)


def backward(value: Any, leaves: Tensors) -> dict[str, Tensor]:
    """The gradient of a value in the leaves; zero where it does not depend on them."""
    if not isinstance(value, Tensor) or value.numel() != 1 or not value.is_floating_point():
        raise InputError(
            f"a value of the type {type(value).__name__}",
            why="one real number is needed",
            cure="return a scalar tensor",
        )
    if not value.requires_grad:
        return {name: torch.zeros_like(leaf) for name, leaf in leaves.items()}
    slopes = torch.autograd.grad(value.reshape(()), list(leaves.values()), allow_unused=True)
    pairs = zip(leaves.items(), slopes, strict=True)
    return {name: torch.zeros_like(leaf) if slope is None else slope for (name, leaf), slope in pairs}
