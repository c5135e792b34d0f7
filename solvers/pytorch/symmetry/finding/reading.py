"""What is given to the finder of symmetries, looked at before anything is done with it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from manifolds.errors import InputError


def unwrapped(module: Any) -> Any:
    """The module inside one that only compiles or distributes it; the parameters are the same."""
    inner = getattr(module, "_orig_mod", module)
    return inner.module if isinstance(inner, nn.parallel.DistributedDataParallel | nn.DataParallel) else inner


def read_arguments(module: Any, example_inputs: Any, *, check: bool) -> tuple[Any, ...]:
    """The positional arguments, after the module was looked at."""
    _read_module(module)
    _read_tensors(module, check=check)
    args = tuple(example_inputs) if isinstance(example_inputs, tuple | list) else (example_inputs,)
    return tuple(one.clone() if isinstance(one, Tensor) and one.is_inference() else one for one in args)


def _read_module(module: Any) -> None:
    """Refuse what has no parameters that can be moved."""
    if not isinstance(module, nn.Module):
        raise InputError(
            f"symmetries_of was given {type(module).__name__}",
            why="only a module has parameters to act on",
            cure="give a torch.nn.Module; for any other function there is solvers.discover",
        )
    if isinstance(module, torch.jit.ScriptModule):
        raise InputError(
            f"symmetries_of was given a module that TorchScript compiled, {type(module).__name__}",
            why="neither its operations nor its parameters can be exchanged",
            cure="give the module that it was made from, and compile it afterwards",
        )
    if not any(True for _ in module.parameters()):
        raise InputError(
            f"{type(module).__name__} has no parameters",
            why="a symmetry moves parameters",
            cure="give a module with at least one layer",
        )


def _read_tensors(module: nn.Module, *, check: bool) -> None:
    """Refuse tensors that have no values, or not here."""
    lazy = (UninitializedParameter, UninitializedBuffer)
    if any(isinstance(one, lazy) for one in (*module.parameters(), *module.buffers())):
        raise InputError(
            f"{type(module).__name__} has parameters without a shape",
            why="lazy modules make them when they run for the first time",
            cure="run the module once on the example inputs before: module(inputs)",
        )
    if not torch.is_inference_mode_enabled() and any(one.is_inference() for one in module.parameters()):
        raise InputError(
            f"{type(module).__name__} was made in the inference mode of PyTorch",
            why="its parameters cannot be changed outside of it",
            cure="make or load the module outside of torch.inference_mode()",
        )
    devices = {str(tensor.device) for tensor in (*module.parameters(), *module.buffers())}
    if len(devices) > 1:
        raise InputError(
            f"the tensors of {type(module).__name__} are on several devices: {', '.join(sorted(devices))}",
            why="an element acts on tensors together",
            cure="move the module to one device: module.to(device)",
        )
    if check and "meta" in devices:
        raise InputError(
            f"the tensors of {type(module).__name__} are on the meta device",
            why="they have no values, and the symmetries are checked by running the module",
            cure="give check=False, or a module with values: module.to_empty(device='cpu')",
        )
