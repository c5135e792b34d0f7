"""The loss of a module as a function of its parameters, which leaves the module as it was."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias, final

import torch
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from manifolds.errors import InputError
from solvers.pytorch.meters.flat import FlatParameters, Parameters

Loss: TypeAlias = Callable[[Any, Any], torch.Tensor]


@final
class FunctionalLoss:
    r"""The loss :math:`L(w)` of a module on one batch, as a function of its trainable parameters by name.

    It runs a copy of the module that shares its tensors: mode, buffers, gradients and hooks of the module stay.  Batch
    normalisation in train mode uses the statistics of the batch and records none.  Random layers draw the same numbers
    in every evaluation.

    Parameters
    ----------
    model: a module with trainable parameters, all on one device.
    loss_fn: function of outputs and targets, with one number as its value.
    batch: inputs and targets; the inputs are a tensor, a tuple of positional or a dict of named arguments.
    seed: of random layers.

    Raises
    ------
    InputError: there are no trainable parameters, the loss is no scalar or not finite, the batch is no pair.

    >>> layer = torch.nn.Linear(2, 1, bias=False, dtype=torch.float64)
    >>> batch = torch.eye(2, dtype=torch.float64), torch.zeros(2, 1, dtype=torch.float64)
    >>> loss = FunctionalLoss(layer, torch.nn.functional.mse_loss, batch)
    >>> float(loss({"weight": torch.tensor([[3.0, 4.0]], dtype=torch.float64)}))
    12.5
    """

    def __init__(self, model: torch.nn.Module, loss_fn: Loss, batch: Any, *, seed: int = 0) -> None:
        self._loss_fn = loss_fn
        self._seed = seed
        self.module = silent_copy(bare(model))
        self.inputs, self._targets = _pair(batch)
        self.parameters = _trainable(self.module)
        self.flat = FlatParameters(self.parameters)
        self.cuda = [self.flat.device.index or 0] if self.flat.device.type == "cuda" else []
        with torch.no_grad():
            value = self(self.parameters)
        if not isinstance(value, torch.Tensor) or value.shape != () or not value.is_floating_point():
            shape = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
            raise InputError(
                f"a loss of shape {shape}",
                why="loss_fn(outputs, targets) must give one real number as a tensor of shape ()",
                cure="average over the batch, for example with reduction='mean'",
            )
        self.value = float(value)
        if not math.isfinite(self.value):
            raise InputError(
                f"the loss is {self.value}",
                why="it is not finite at the parameters of the module",
                cure="check data and parameters for NaN, or take parameters from before the divergence",
            )

    def __call__(self, parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The loss at these parameters; differentiable, also under the transformations of torch.func."""
        buffers = {name: buffer.clone() for name, buffer in self.module.named_buffers()}
        args, named = arguments_of(self.inputs)
        with self._fixed_numbers(), exact_attention():
            outputs = functional_call(self.module, {**parameters, **buffers}, args, named)
            return self._loss_fn(outputs, self._targets)

    def at(self, vector: torch.Tensor) -> torch.Tensor:
        """The loss at the parameters in one vector."""
        return self(self.flat.split(vector))

    @property
    def vector(self) -> torch.Tensor:
        """The parameters of the module as one vector."""
        return self.flat.join(self.parameters)

    @contextmanager
    def _fixed_numbers(self) -> Iterator[None]:
        """Random layers draw from the seed, and the global state stays."""
        with torch.random.fork_rng(devices=self.cuda):
            torch.default_generator.manual_seed(self._seed)  # other devices keep their states, which nobody forked
            for index in self.cuda:
                torch.cuda.default_generators[index].manual_seed(self._seed)
            yield


@contextmanager
def exact_attention() -> Iterator[None]:
    """Attention from its formula, since fused kernels lack second derivatives and batching rules."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def arguments_of(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and named arguments.

    >>> arguments_of((1, 2)), arguments_of({"ids": 3}), arguments_of(4)
    (((1, 2), {}), ((), {'ids': 3}), ((4,), {}))
    """
    if isinstance(inputs, tuple | list):
        return tuple(inputs), {}
    return ((), dict(inputs)) if isinstance(inputs, Mapping) else ((inputs,), {})


def bare(model: torch.nn.Module) -> torch.nn.Module:
    """The module inside a compiled or a data-parallel one.

    >>> layer = torch.nn.Linear(1, 1)
    >>> bare(layer) is layer
    True
    """
    if not isinstance(model, torch.nn.Module):
        raise InputError(f"a model of the type {type(model).__name__}", why="it is no torch.nn.Module", cure="give one")
    inner = getattr(model, "_orig_mod", model)
    return inner.module if isinstance(inner, torch.nn.parallel.DistributedDataParallel) else inner


def silent_copy(model: torch.nn.Module) -> torch.nn.Module:
    """A copy with the same parameters and buffers, in which normalisation records nothing and gradients are dense."""
    shared: dict[int, Any] = {}
    for module in model.modules():
        for one in vars(module).values():
            if isinstance(one, torch.Tensor):  # plain ones may be written by the module
                shared[id(one)] = one.detach().clone()
    shared |= {id(one): one for one in (*model.parameters(), *model.buffers())}
    try:
        copied = copy.deepcopy(model, shared)
    except (TypeError, RuntimeError) as error:
        raise InputError(
            f"the model {type(model).__name__} cannot be copied",
            why=f"{str(error).splitlines()[0]}; a meter works on a copy of the module's structure",
            cure="keep locks, files and generators out of its attributes",
        ) from error
    for module in copied.modules():
        if isinstance(module, torch.nn.Embedding | torch.nn.EmbeddingBag):
            module.sparse = False  # sparse gradients have no derivatives
        if module.training and getattr(module, "track_running_stats", False):
            module.track_running_stats = False  # type: ignore[assignment]
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                if name in module._buffers:
                    module._buffers[name] = None
    return copied


def _trainable(model: torch.nn.Module) -> Parameters:
    """The trainable parameters, detached."""
    found = {name: one.detach() for name, one in model.named_parameters() if one.requires_grad}
    if not sum(one.numel() for one in found.values()):
        raise InputError(
            f"the model {type(model).__name__} has no trainable parameters",
            why="a meter displaces and differentiates in parameters with requires_grad",
            cure="set requires_grad_(True) on the parameters that are meant",
        )
    if len({one.device for one in found.values()}) > 1:
        raise InputError(
            "parameters on several devices",
            why="a direction has its entries on one device",
            cure="move the module to one device for the measurement",
        )
    if any(not one.is_floating_point() for one in found.values()):
        raise InputError("complex parameters", why="meters are for real ones", cure="hold real and imaginary parts")
    return found


def _pair(batch: Any) -> tuple[Any, Any]:
    """Inputs and targets."""
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        raise InputError(
            f"a batch of the type {type(batch).__name__}", why="it is no pair", cure="give batch=(inputs, targets)"
        )
    return batch[0], batch[1]
