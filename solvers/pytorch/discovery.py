r"""Discovery of the symmetries of a module in its parameters, with gradients of PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np
import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from manifolds.errors import InputError
from solvers.discovery.axes import AxisScalings
from solvers.discovery.family import Arrays
from solvers.discovery.points import PointSource
from solvers.discovery.result import Discovery
from solvers.discovery.run import run
from solvers.discovery.subject import Subject
from solvers.pytorch.tensor_gradients import (
    apart,
    backward,
    called,
    functional,
    normal,
    precision_of,
    shapes_of_tensors,
    unit_of,
)
from solvers.steps.hyperparameters import POSITIVE, read_count, read_number
from symmetries.arguments import read_seed


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
    >>> inputs = torch.arange(24.0, dtype=torch.float64).sin().reshape(8, 3)
    >>> found = discover_module(layers, inputs)
    >>> found.dimension, found.name, found.verdict
    (4, 'R^4', 'measured')
    """
    generator = np.random.default_rng(read_seed(rng))
    subject = ModuleSubject(module, inputs, samples=samples)
    size = read_number(scale, name="scale", interval=POSITIVE)
    source = PointSource(None, lambda draws: subject.drawn(draws, size))
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
        named = list(module.named_parameters())
        if any(is_lazy(one) for _, one in named):
            raise InputError("the parameters", why="some have no shape yet", cure="call the module once before")
        like = {name: one.detach() for name, one in named if one.requires_grad and one.numel()}
        super().__init__(shapes_of_tensors(like), unit=unit_of(like), name=type(module).__name__)
        self._samples = None if samples is None else read_count(samples, name="samples")
        self._module, self._inputs, self._like = module, inputs, like
        self._sizes = {name: _size(tensor) for name, tensor in like.items()}

    def drawn(self, rng: np.random.Generator, scale: float) -> Arrays:
        """Random parameters, each as large as the module's own."""
        return normal(self._like, rng, {name: scale * size for name, size in self._sizes.items()})

    def gradient(self, point: Arrays, rng: np.random.Generator) -> Arrays:
        """The gradient of a random functional of the outputs."""
        with apart(next(iter(self._like.values())).device, rng):
            leaves = {name: tensor.detach().clone().requires_grad_() for name, tensor in point.items()}
            value = functional(called(self._module, leaves, self._batch(rng), what="the inputs"), rng)
            self.unit = max(self.unit, precision_of(value))
            return backward(value, leaves)

    def _batch(self, rng: np.random.Generator) -> tuple[Any, ...]:
        """The inputs of one equation."""
        inputs = self._inputs(rng) if callable(self._inputs) else self._inputs
        batch = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
        if self._samples is None:
            return batch
        lengths = {len(one) if isinstance(one, Tensor) and one.ndim else 0 for one in batch}
        if len(lengths) != 1 or lengths == {0}:
            raise InputError(
                "the inputs",
                why=f"samples={self._samples} are taken from tensors with equally many samples along the first axis",
                cure="give such tensors, or leave `samples` out",
            )
        chosen = torch.as_tensor(rng.integers(lengths.pop(), size=self._samples))
        return tuple(one[chosen.to(one.device)] for one in batch)


def _size(tensor: Tensor) -> float:
    """Root mean square of a tensor; 1 where it is zero."""
    return float(tensor.double().square().mean().sqrt()) or 1.0
