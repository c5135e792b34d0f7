"""Which layer of a module a transformation of torch.func or a second derivative does not go through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from solvers.pytorch.meters.functional import FunctionalLoss, exact_attention

REFUSALS = (RuntimeError, NotImplementedError, ValueError)
"""What PyTorch raises where it has no rule; running out of memory is none of them."""

Attempt = Callable[[Callable[[torch.Tensor], torch.Tensor], torch.Tensor], Any]


def failing_layer(loss: FunctionalLoss, attempt: Attempt) -> str:
    """Name and type of the innermost layer on which an attempt fails by itself.

    Parameters
    ----------
    loss: whose module is looked through.
    attempt: takes a function of one vector, and a vector, and raises where the function does not allow it.
    """
    met: dict[str, tuple[torch.nn.Module, Any, Any]] = {}
    handles = []
    for name, module in loss.module.named_modules():

        def note(module: torch.nn.Module, args: Any, named: Any, name: str = name) -> None:
            """Keep what a layer is called with first."""
            met.setdefault(name, (module, args, named))

        handles.append(module.register_forward_pre_hook(note, with_kwargs=True))
    try:
        with torch.no_grad():
            loss(loss.parameters)
    finally:
        for handle in handles:
            handle.remove()
    for name in sorted(met, key=lambda name: -name.count(".") if name else 1):
        module, args, named = met[name]
        if _fails(module, args, named, attempt):
            return f"{name or 'the module'} ({type(module).__name__})"
    return "an operation outside of the layers"


def _fails(module: torch.nn.Module, args: Any, named: Any, attempt: Attempt) -> bool:
    """Whether the attempt fails on one layer as a function of its parameters and floating inputs."""
    parts = [one.detach() for one in module.parameters() if one.is_floating_point()]
    names = [name for name, one in module.named_parameters() if one.is_floating_point()]
    places = [k for k, one in enumerate(args) if isinstance(one, torch.Tensor) and one.is_floating_point()]
    parts += [args[k].detach() for k in places]
    sizes = [one.numel() for one in parts]
    if not sizes:
        return False

    def squares(vector: torch.Tensor) -> torch.Tensor:
        """The sum of the squares of the outputs, as a function of parameters and inputs in one vector."""
        pieces = [piece.reshape(like.shape) for piece, like in zip(vector.split(sizes), parts, strict=True)]
        given = list(args)
        for place, piece in zip(places, pieces[len(names) :], strict=True):
            given[place] = piece
        buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
        held = {**dict(zip(names, pieces[: len(names)], strict=True)), **buffers}
        outputs = torch.func.functional_call(module, held, tuple(given), dict(named))
        leaves = torch.utils._pytree.tree_leaves(outputs)
        return sum((one.square().sum() for one in leaves if isinstance(one, torch.Tensor)), torch.zeros(()))

    try:
        with exact_attention():
            attempt(squares, torch.cat([one.reshape(-1) for one in parts]))
    except torch.OutOfMemoryError:
        raise
    except REFUSALS:
        return True
    return False


def attempt_batch(function: Callable[[torch.Tensor], torch.Tensor], vector: torch.Tensor) -> None:
    """Evaluate at two vectors at once."""
    torch.func.vmap(function, randomness="same")(torch.stack([vector, vector]))
