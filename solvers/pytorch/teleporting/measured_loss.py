"""The loss of a module on some batches, measured in full precision and without traces in the module."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, final

import torch
from torch import Tensor, nn
from torch.func import functional_call

from manifolds.errors import InputError
from solvers.cost import Ledger
from solvers.pytorch.meters.flat import FlatParameters, Parameters
from solvers.pytorch.meters.functional import Loss, arguments_of, bare, exact_attention, silent_copy
from solvers.pytorch.teleporting.batches import Batch, cast
from solvers.pytorch.teleporting.distributed import Ranks

Product: TypeAlias = Callable[[Mapping[str, Tensor]], Parameters]
"""A direction by name -> the Hessian times it."""


@final
class MeasuredLoss:
    r"""The mean loss :math:`L(w)` of a module over batches and processes, as a function of parameters by name.

    It runs a copy of the module's structure: mode, buffers, gradients and hooks of the module stay, normalisation
    records nothing, random layers draw the same numbers each time and leave the global state alone, and autocast is
    off.  Tensors that a group moves beside the parameters (running statistics) may be given with them.

    Parameters
    ----------
    model: a module, perhaps compiled or data-parallel.
    loss_fn: function of outputs and targets, with one number as its value.
    batches: pairs of inputs and targets; on each process its own.
    dtype: precision of the evaluations; by default that of the parameters, at least single.
    seed: of random layers.

    Raises
    ------
    InputError: there are no trainable parameters, they are on several devices, or the loss is no finite scalar.

    >>> layer = nn.Linear(2, 1, bias=False, dtype=torch.float64)
    >>> batch = torch.eye(2, dtype=torch.float64), torch.zeros(2, 1, dtype=torch.float64)
    >>> loss = MeasuredLoss(layer, nn.functional.mse_loss, [batch])
    >>> value, gradient = loss.value_and_gradient({"weight": torch.tensor([[3.0, 4.0]], dtype=torch.float64)})
    >>> value, gradient["weight"].tolist()
    (12.5, [[3.0, 4.0]])
    """

    def __init__(
        self,
        model: nn.Module,
        loss_fn: Loss,
        batches: Sequence[Batch],
        *,
        dtype: torch.dtype | None = None,
        seed: int = 0,
    ) -> None:
        self.ranks = Ranks(model)
        original = bare(bare(model))  # a compiled module may be data-parallel
        device, own = _device_and_precision(original)
        self.device, self.dtype = device, own if dtype is None else dtype
        floating = [one for one in (*original.parameters(), *original.buffers()) if one.is_floating_point()]
        self.converts = any(one.dtype != self.dtype for one in floating)
        self.module = silent_copy(_converted(original, self.dtype) if self.converts else original)
        self._loss_fn = loss_fn
        if isinstance(loss_fn, nn.Module):  # it may count what it sees
            self._loss_fn = _converted(loss_fn, self.dtype)
        self.batches = [self._read(batch) for batch in batches]
        self.trainable = [name for name, one in original.named_parameters() if one.requires_grad]
        named = dict(self.module.named_parameters())
        self.parameters: Parameters = {name: named[name].detach().clone() for name in self.trainable}
        self._frozen = {name: one.detach() for name, one in named.items() if name not in self.parameters}
        self.flat = FlatParameters(self.parameters)
        self.ledger = Ledger()
        self._seed = seed + self.ranks.rank
        self._is_open = False

    def on(self, batches: Sequence[Batch]) -> MeasuredLoss:
        """The same loss on other batches; its evaluations count in the same ledger."""
        other = copy.copy(self)
        other.batches = [self._read(batch) for batch in batches]
        return other

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Random numbers, precision and attention as all evaluations within need them; afterwards as before."""
        if self._is_open:
            yield
            return
        self._is_open = True
        cuda = [self.device.index or 0] if self.device.type == "cuda" else []
        try:
            with (
                torch.random.fork_rng(devices=cuda),
                torch.autocast(self.device.type, enabled=False),
                exact_attention(),
                torch.backends.cudnn.flags(enabled=not cuda),  # recurrent layers there lack second derivatives
                torch.enable_grad(),
            ):
                yield
        finally:
            self._is_open = False

    def loss_of(self, batch: Batch, tensors: Mapping[str, Tensor]) -> Tensor:
        """The loss on one batch of this process, differentiable; within :meth:`measuring`."""
        self._seed_random_layers()
        buffers = {name: one.clone() for name, one in self.module.named_buffers()}
        known = {name: one for name, one in tensors.items() if name in self.parameters or name in self._frozen}
        buffers |= {name: tensors[name] for name in buffers if name in tensors}
        args, named = arguments_of(batch[0])
        loss = self._loss_fn(functional_call(self.module, {**known, **buffers}, args, named), batch[1])
        if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.is_floating_point():
            shape = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
            raise InputError(
                f"a loss of shape {shape}",
                why="loss_fn(outputs, targets) must give one real number as a tensor of shape ()",
                cure="average over the batch, for example with reduction='mean'",
            )
        return loss.reshape(())

    def differentiable(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """The mean over the batches of this process, differentiable; within :meth:`measuring`."""
        total = self.loss_of(self.batches[0], tensors)
        for batch in self.batches[1:]:
            total = total + self.loss_of(batch, tensors)
        return total / len(self.batches)

    def value(self, tensors: Mapping[str, Tensor]) -> float:
        """The loss, counted as a third of a gradient."""
        self.ledger.count(values=1)

        def evaluate() -> list[Tensor]:
            """The mean over the batches of this process."""
            with self.measuring(), torch.no_grad():
                return [self.differentiable(tensors)]

        return float(self.ranks.mean(evaluate)[0])

    def value_and_gradient(self, tensors: Mapping[str, Tensor]) -> tuple[float, Parameters]:
        """The loss and its gradient in the trainable parameters by name, counted as one gradient."""
        self.ledger.count(gradients=1)

        def of_batch(batch: Batch) -> list[Tensor]:
            """The loss and its gradient on one batch."""
            leaves = self._leaves(tensors)
            loss = self.loss_of(batch, {**tensors, **leaves})
            return [loss.detach(), *_gradients(loss, leaves)]

        value, *gradient = self._mean(of_batch)
        return float(value), dict(zip(self.trainable, gradient, strict=True))

    def hvp(self, tensors: Mapping[str, Tensor], direction: Mapping[str, Tensor]) -> Parameters:
        """The Hessian times a direction, by differentiating the gradient."""
        self.ledger.count(hvps=1)

        def of_batch(batch: Batch) -> list[Tensor]:
            """The product on one batch."""
            leaves = self._leaves(tensors)
            slope = _gradients(self.loss_of(batch, {**tensors, **leaves}), leaves, create_graph=True)
            return _product(leaves, slope, direction)

        return dict(zip(self.trainable, self._mean(of_batch), strict=True))

    def gradient_and_products(self, tensors: Mapping[str, Tensor]) -> tuple[float, Parameters, Product]:
        """The loss and its gradient, and the function that gives Hessian-vector products there from the same graph.

        It is for one batch on one process.  A gradient and a product count as elsewhere.
        """
        self.ledger.count(gradients=1)
        with self.measuring(), torch.enable_grad():
            leaves = self._leaves(tensors)
            loss = self.loss_of(self.batches[0], {**tensors, **leaves})
            slope = _gradients(loss, leaves, create_graph=True)

        def product(direction: Mapping[str, Tensor]) -> Parameters:
            """The Hessian times a direction."""
            self.ledger.count(hvps=1)
            with self.measuring(), torch.enable_grad():
                parts = _product(leaves, slope, direction, retain_graph=True)
            return dict(zip(self.trainable, parts, strict=True))

        gradient = dict(zip(self.trainable, (one.detach() for one in slope), strict=True))
        return float(loss.detach()), gradient, product

    def _mean(self, of_batch: Callable[[Batch], list[Tensor]]) -> list[Tensor]:
        """The mean over all batches and processes of what is found on each, with one graph at a time."""

        def evaluate() -> list[Tensor]:
            """The mean over the batches of this process."""
            with self.measuring(), torch.enable_grad():
                total = of_batch(self.batches[0])
                for batch in self.batches[1:]:
                    total = [one + more for one, more in zip(total, of_batch(batch), strict=True)]
            count = len(self.batches)
            return [one / count for one in total] if count > 1 else total

        return self.ranks.mean(evaluate)

    def start(self) -> tuple[float, Parameters]:
        """The loss and gradient at the parameters of the module.

        Raises
        ------
        InputError: one of them is not finite.
        """
        value, gradient = self.value_and_gradient(self.parameters)
        finite = math.isfinite(value) and all(bool(torch.isfinite(one).all()) for one in gradient.values())
        if not finite:
            raise InputError(
                f"the loss is {value}" if not math.isfinite(value) else "the gradient of the loss",
                why="it is not finite at the parameters of the module",
                cure="check data and parameters for NaN; teleport before a run diverges",
            )
        return value, gradient

    def _seed_random_layers(self) -> None:
        """The same random numbers in every evaluation; the global state is set aside meanwhile."""
        torch.default_generator.manual_seed(self._seed)
        if self.device.type == "cuda":
            torch.cuda.default_generators[self.device.index or 0].manual_seed(self._seed)

    def _leaves(self, tensors: Mapping[str, Tensor]) -> Parameters:
        """The trainable parameters, to be differentiated in."""
        return {name: tensors[name].detach().requires_grad_() for name in self.trainable}

    def _read(self, batch: Batch) -> Batch:
        """A batch in the precision of the evaluations."""
        return (cast(batch[0], self.dtype), cast(batch[1], self.dtype)) if self.converts else batch


def _gradients(value: Tensor, leaves: Mapping[str, Tensor], **options: Any) -> list[Tensor]:
    """Derivatives of a number, zeros in parameters on which it does not depend."""
    if not value.requires_grad:
        raise InputError(
            "the loss depends on no trainable parameter",
            why="its gradient is needed",
            cure="leave out `torch.no_grad` and `detach` between the parameters and the loss",
        )
    found = torch.autograd.grad(value, list(leaves.values()), allow_unused=True, materialize_grads=True, **options)
    return [one.to_dense() if one.is_sparse else one for one in found]


def _product(
    leaves: Mapping[str, Tensor], slope: Sequence[Tensor], direction: Mapping[str, Tensor], **options: Any
) -> list[Tensor]:
    """The derivatives of a gradient along a direction."""
    pairs = [(one, direction[name]) for name, one in zip(leaves, slope, strict=True)]
    along = torch.stack([(one * way).sum() for one, way in pairs]).sum()
    return _gradients(along, leaves, **options) if along.requires_grad else [0 * one for one in leaves.values()]


def _device_and_precision(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """The one device of a module and the precision in which its loss is measured."""
    parameters = dict(model.named_parameters())
    if not any(one.requires_grad for one in parameters.values()):
        raise InputError(
            f"the model {type(model).__name__} has no parameters with gradients",
            why="a teleport moves trainable parameters",
            cure="set requires_grad_(True) on the parameters that are trained",
        )
    tensors = {**parameters, **dict(model.named_buffers())}
    devices = {str(one.device): name for name, one in tensors.items()}
    if len(devices) > 1:
        places = ", ".join(f"{name!r} on {device}" for device, name in devices.items())
        raise InputError(
            f"tensors on several devices: {places}",
            why="a teleport moves all of them together",
            cure="move the model to one device",
        )
    dtype = torch.float32
    for name, one in parameters.items():
        if not one.is_floating_point():
            raise InputError(
                f"the parameter {name!r} of the type {one.dtype}",
                why="teleports move real parameters",
                cure="hold real and imaginary parts",
            )
        dtype = torch.promote_types(dtype, one.dtype)
    return next(iter(parameters.values())).device, dtype


def _converted(model: nn.Module, dtype: torch.dtype) -> nn.Module:
    """A copy of a module in another precision; its gradients and graphs stay behind."""
    shared: dict[int, Any] = {
        id(one): nn.Parameter(one.detach().to(dtype, copy=True), requires_grad=one.requires_grad)
        for one in model.parameters()
    }
    plain = [one for module in model.modules() for one in vars(module).values() if isinstance(one, Tensor)]
    for one in (*model.buffers(), *plain):
        moved = one.detach().to(dtype, copy=True) if one.is_floating_point() else one.detach().clone()
        shared.setdefault(id(one), moved)
    return copy.deepcopy(model, shared)
