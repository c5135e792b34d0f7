r"""Discovery of symmetries with gradients of PyTorch: functions of tensors, and the parameters of a module."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from manifolds.errors import InputError
from solvers.discovery.axes import AxisScalings
from solvers.discovery.family import Arrays
from solvers.discovery.points import FLAT, PointSource
from solvers.discovery.result import Discovery
from solvers.discovery.run import run
from solvers.discovery.subject import Subject
from symmetries.arguments import read_seed
from symmetries.expression import Shape

Tensors: TypeAlias = Mapping[str, Tensor]


def discover_module(
    module: torch.nn.Module,
    inputs: Any,
    *,
    ansatz: Any = None,
    scale: float = 1.0,
    samples: int | None = None,
    candidates: Sequence[Any] = (),
    tolerance: float | None = None,
    gap: float | None = None,
    approximate: float = 1e-2,
    rng: int | np.random.Generator = 0,
) -> Discovery:
    r"""Find the fields on the parameters of a module that leave what it computes as it is, in numbers.

    Every equation takes new random parameters w, some of the inputs x and a random covector r on the outputs, and asks
    for :math:`X_w \cdot \langle r, \mathrm{module}_w(x)\rangle = 0`.  The parameters that train are moved; the others,
    and the buffers, stay.  The module is left as it was.

    Parameters
    ----------
    module: the module, in the mode in which it is to be examined.
    inputs: one tensor or a tuple of tensors with the samples along the first axis, or a function that draws them from
        a generator of NumPy.
    ansatz: the fields, ``AxisScalings()`` by default; any of :func:`solvers.discover.discover` for small modules.
    scale: the standard deviation of the random parameters, in units of the root mean square of each parameter.
    samples: how many of the inputs an equation sees; None is all of them.
    candidates, tolerance, gap, approximate, rng: as in :func:`solvers.discover.discover`.

    Raises
    ------
    InputError: nothing trains, the parameters are no real numbers or lie on several devices, the outputs are no
        tensors, or the ansatz has too many unknowns.

    >>> layers = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)).double()
    >>> found = discover_module(layers, torch.randn(8, 3, dtype=torch.float64, generator=torch.manual_seed(0)))
    >>> found.dimension, found.name, found.verdict
    (4, 'R^4', 'measured')
    """
    generator = np.random.default_rng(read_seed(rng))
    subject = ModuleSubject(module, inputs, samples=samples)
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not 0 < scale < math.inf:
        raise InputError(f"scale={scale!r}", why="it is no standard deviation", cure="give a positive number")
    source = PointSource(None, lambda draws: subject.drawn(draws, scale))
    return run(
        subject,
        source,
        ansatz=AxisScalings() if ansatz is None else ansatz,
        candidates=candidates,
        tolerance=tolerance,
        gap=gap,
        approximate=approximate,
        rng=generator,
    )


@final
class TorchSubject(Subject):
    """A function of one flat tensor or of tensors by name.

    Parameters
    ----------
    function: w -> f(w), or (w, batch) -> f.
    like: tensors that tell shapes, precision and device.
    named: whether the function takes tensors by name.
    data: draws a batch.
    gradient: the gradient, where it is given; else by backward differentiation.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        like: Tensors,
        *,
        named: bool,
        data: Callable[[np.random.Generator], Any] | None,
        gradient: Callable[..., Any] | None,
    ) -> None:
        super().__init__(_shapes(like), unit=_unit(like), name=getattr(function, "__name__", "f"))
        self._function, self._named, self._data, self._gradient = function, named, data, gradient
        self._like = {name: tensor.detach() for name, tensor in like.items()}

    def gradient(self, point: Arrays, rng: np.random.Generator) -> Arrays:
        """The gradient at a point."""
        batch = () if self._data is None else (self._data(rng),)
        leaves = {name: point[name].detach().clone().requires_grad_() for name in self.shapes}
        argument = leaves if self._named else leaves[FLAT]
        if self._gradient is None:
            return _backward(self._function(argument, *batch), leaves)
        answer = self._gradient(argument, *batch)
        return dict(answer) if self._named else {FLAT: answer.detach()}

    def drawn(self, rng: np.random.Generator, scale: float) -> Arrays:
        """A random point of normal numbers, in the precision and on the device of the tensors."""
        return _normal(self._like, rng, dict.fromkeys(self._like, scale))


@final
class ModuleSubject(Subject):
    """The outputs of a module, as a function of the parameters that train.

    Parameters
    ----------
    module: the module.
    inputs: tensors, or a function that draws them.
    samples: how many of the inputs an equation sees.
    """

    def __init__(self, module: torch.nn.Module, inputs: Any, *, samples: int | None) -> None:
        if not isinstance(module, torch.nn.Module):
            raise InputError(f"{type(module).__name__}", why="it is no module", cure="give a torch.nn.Module")
        if samples is not None and (isinstance(samples, bool) or not isinstance(samples, int) or samples < 1):
            raise InputError(f"samples={samples!r}", why="it is no number of inputs", cure="give an integer from 1 up")
        like = {name: one.detach() for name, one in module.named_parameters() if one.requires_grad}
        super().__init__(_shapes(like), unit=_unit(like), name=type(module).__name__)
        self._module, self._inputs, self._samples, self._like = module, inputs, samples, like
        self._sizes = {name: _size(tensor) for name, tensor in like.items()}

    def drawn(self, rng: np.random.Generator, scale: float) -> Arrays:
        """Random parameters, each as large as the module's own."""
        return _normal(self._like, rng, {name: scale * size for name, size in self._sizes.items()})

    def gradient(self, point: Arrays, rng: np.random.Generator) -> Arrays:
        """The gradient of a random functional of the outputs."""
        inputs = self._inputs(rng) if callable(self._inputs) else self._inputs
        batch = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
        if self._samples is not None:
            chosen = torch.as_tensor(rng.integers(len(batch[0]), size=self._samples))
            batch = tuple(one[chosen.to(one.device)] for one in batch)
        leaves = {name: tensor.detach().requires_grad_() for name, tensor in point.items()}
        buffers = {name: buffer.clone() for name, buffer in self._module.named_buffers()}
        output = functional_call(self._module, (leaves, buffers), batch)
        return _backward(_functional(output, rng), leaves)


def read(
    f: Any,
    points: Any,
    gradient: Callable[..., Any] | None,
    *,
    sample: Callable[[np.random.Generator], Any] | None,
    scale: float,
    data: Callable[[np.random.Generator], Any] | None,
) -> tuple[Subject, PointSource]:
    """A function of tensors with its points: a list of them, or one that says what they are like."""
    if isinstance(f, torch.nn.Module):
        raise InputError(
            f"the module {type(f).__name__}",
            why="the parameters of a module move, and its inputs are data",
            cure="use solvers.pytorch.discovery.discover_module(module, inputs)",
        )
    if not callable(f) and gradient is None:
        raise InputError(f"f={f!r}", why="it is no function", cure="give a function of tensors")
    if sample is not None:
        raise InputError("sample beside tensors", why="points are drawn like the tensor", cure="give the points")
    listed, named = _listed(points)
    like = listed[0] if listed is not None else points if named else {FLAT: points}
    subject = TorchSubject(f, like, named=named, data=data, gradient=gradient)
    if listed is not None:
        wrong = next((one for one in listed if _shapes(one) != subject.shapes), None)
        if wrong is not None or not all(bool(torch.isfinite(t).all()) for one in listed for t in one.values()):
            raise InputError("the points", why="they differ in shape or are not finite", cure="give equal finite ones")
    return subject, PointSource(listed, lambda rng: subject.drawn(rng, scale))


def _listed(points: Any) -> tuple[list[Tensors] | None, bool]:
    """The points that were given, repeated ones left out, None for a template; and whether they go by name."""
    if isinstance(points, Mapping):
        return None, True
    if isinstance(points, Tensor):
        if points.ndim == 1:
            return None, False
        if points.ndim != 2:
            raise InputError(
                f"points of the shape {list(points.shape)}",
                why="points have the shape [points, coordinates]",
                cure="give one row for each point, or one vector to draw points like it",
            )
        return [{FLAT: row} for row in torch.unique(points.detach(), dim=0)], False
    items = list(points)
    if all(isinstance(one, Mapping) for one in items):
        keys = [b"".join(t.detach().cpu().numpy().tobytes() for t in one.values()) for one in items]
        return list(dict(zip(keys, items, strict=True)).values()), True
    return _listed(torch.stack(items))


def _shapes(tensors: Tensors) -> dict[str, Shape]:
    """The shape of each tensor."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _unit(tensors: Tensors) -> float:
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


def _size(tensor: Tensor) -> float:
    """Root mean square of a tensor; 1 where it is zero."""
    return float(tensor.double().square().mean().sqrt()) or 1.0


def _normal(like: Tensors, rng: np.random.Generator, sizes: Mapping[str, float]) -> dict[str, Tensor]:
    """Independent normal numbers in the shapes of tensors."""
    device = next(iter(like.values())).device
    draws = torch.Generator(device=device).manual_seed(int(rng.integers(2**62)))
    return {
        name: sizes[name] * torch.randn(one.shape, dtype=one.dtype, device=device, generator=draws)
        for name, one in like.items()
    }


def _functional(output: Any, rng: np.random.Generator) -> Tensor:
    """A random linear functional of all real outputs."""
    if isinstance(output, Tensor):
        if not output.is_floating_point():
            return output.new_zeros((), dtype=torch.float64)
        draws = torch.Generator(device=output.device).manual_seed(int(rng.integers(2**62)))
        return (output * torch.randn(output.shape, dtype=output.dtype, device=output.device, generator=draws)).sum()
    parts = list(output.values()) if isinstance(output, Mapping) else output
    if not isinstance(parts, Sequence) or isinstance(parts, str):
        raise InputError(
            f"an output of the type {type(output).__name__}",
            why="tensors, or lists and mappings of them, are needed",
            cure="wrap the module in one that returns a tensor",
        )
    terms = [_functional(part, rng) for part in parts if part is not None]
    return torch.stack([term.double() for term in terms]).sum()


def _backward(value: Any, leaves: Tensors) -> dict[str, Tensor]:
    """The gradient of a value in the leaves; zero where it does not depend on them."""
    if not isinstance(value, Tensor) or value.numel() != 1:
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
