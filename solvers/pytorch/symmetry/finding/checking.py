"""The check of a symmetry: the module computes the same before and after random elements."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from copy import copy
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from solvers.pytorch.symmetry.component import Component, Value
from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.symmetry.finding.moving import Moved, Moving
from solvers.pytorch.symmetry.finding.watching import left_alone
from solvers.pytorch.symmetry.linear_maps import LinearMaps
from solvers.pytorch.symmetry.shifts import Shifts

DOUBLE_LIMIT = 5_000_000
"""Modules with more parameters than this are checked in their own precision, to save memory."""

TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-4, torch.float16: 5e-2, torch.bfloat16: 2e-1}
"""Largest relative difference of outputs, by precision, that is put down to rounding."""


@final
class Check:
    """A module with inputs, ready to be evaluated at moved parameters.

    Parameters
    ----------
    module: that is checked.
    args, kwargs: example inputs.
    rng: of the fresh inputs and of the elements.
    """

    def __init__(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], rng: np.random.Generator
    ) -> None:
        self.module = module
        self.rng = rng
        self.buffers = frozenset(name for name, _ in module.named_buffers())
        self.tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        number = sum(tensor.numel() for tensor in self.tensors.values())
        own = {tensor.dtype for tensor in self.tensors.values() if tensor.is_floating_point()}
        self.dtype = next(iter(own)) if len(own) == 1 else torch.float32
        self.inputs = [(args, dict(kwargs)), _fresh(args, kwargs, rng)]
        self.before: list[list[Tensor]] = []
        self.seed = int(rng.integers(2**31))
        self.large = number > DOUBLE_LIMIT
        if not self.large and own and self.dtype is not torch.float64:
            self._try_double()
        if not self.before:
            self.before = [self._outputs(self.inputs[0], self.tensors)]
            try:
                self.before += [self._outputs(one, self.tensors) for one in self.inputs[1:]]
            except Exception:  # noqa: BLE001  # a module may refuse other inputs; those that were given remain
                self.inputs = self.inputs[:1]

    @property
    def tolerance(self) -> float:
        """The largest defect that is put down to rounding."""
        return TOLERANCE.get(self.dtype, 1e-3)

    def _try_double(self) -> None:
        """Check in double precision, where the module runs in it."""
        kept = self.tensors, self.inputs, self.dtype
        self.tensors = {name: _double(tensor) for name, tensor in self.tensors.items()}
        self.inputs = [pytree.tree_map(_double, one) for one in self.inputs]
        self.dtype = torch.float64
        try:
            self.before = [self._outputs(one, self.tensors) for one in self.inputs]
        except Exception:  # noqa: BLE001  # whatever a module raises in another precision, its own one remains
            self.tensors, self.inputs, self.dtype = kept

    def _outputs(self, inputs: Any, tensors: Mapping[str, Tensor]) -> list[Tensor]:
        """All tensors that the module returns; the module itself is left as it is."""
        moved = {name: tensor.detach().clone() if name in self.buffers else tensor for name, tensor in tensors.items()}
        doubled = _Doubled() if self.dtype is torch.float64 else nullcontext()
        inputs_too = [leaf for leaf in pytree.tree_leaves(inputs) if isinstance(leaf, Tensor)]
        stay = [one for one in (*moved.values(), *inputs_too) if not isinstance(one, Moved)]

        def call() -> Any:
            """What the module returns at the moved tensors."""
            torch.default_generator.manual_seed(self.seed)  # other devices keep their states
            return torch.func.functional_call(self.module, moved, inputs[0], inputs[1])

        with torch.no_grad(), torch.random.fork_rng(devices=[]), doubled:
            result = left_alone(call, stay)
        return [leaf for leaf in pytree.tree_leaves(_plain(result)) if isinstance(leaf, Tensor)]

    def defect(self, element: Element) -> float:
        """Largest difference of outputs before and after an element, relative to their size."""
        with torch.no_grad():
            return self._defect_while_read(element) if self.large else self._defect(sparingly(element, self.tensors))

    def _defect_while_read(self, element: Element) -> float:
        """The defect, parameters being moved only while they are read, where the module bears that."""
        try:
            found = self._defect(Moving(element, self.tensors).parameters(self.buffers))
        except Exception:  # noqa: BLE001  # whatever a module raises at such tensors, plain ones remain
            found = math.inf
        return found if found <= self.tolerance else self._defect(sparingly(element, self.tensors))

    def _defect(self, moved: Mapping[str, Tensor]) -> float:
        """Largest difference of outputs at moved tensors, relative to their size."""
        worst = 0.0
        for inputs, before in zip(self.inputs, self.before, strict=True):
            after = self._outputs(inputs, moved)
            for one, other in zip(before, after, strict=True):
                if one.shape != other.shape or not one.is_floating_point():
                    worst = max(worst, 0.0 if torch.equal(one, other) else 1.0)
                    continue
                size = float(one.abs().amax()) if one.numel() else 0.0
                apart = float((one - other).abs().nan_to_num(0.0).amax()) if one.numel() else 0.0
                worst = max(worst, apart / max(size, 1e-30), float(not torch.equal(one.isnan(), other.isnan())))
        return worst

    def failing(self, components: Sequence[Component], *, scale: float = 0.7) -> dict[str, float]:
        """The components, by name, that change what the module computes, with the defect."""
        failing: dict[str, float] = {}

        def search(part: Sequence[Component]) -> None:
            """Find the failing ones among some components by halving."""
            element = Element(tuple((one, _anywhere(one, self.rng, scale=scale)) for one in part))
            defect = self.defect(element)
            if defect <= self.tolerance:
                return
            if len(part) == 1:
                failing[key(part[0])] = defect
                return
            middle = len(part) // 2
            search(part[:middle])
            search(part[middle:])

        for _ in range(2):
            left = [one for one in components if key(one) not in failing]
            if left:
                search(left)
        return failing


def _anywhere(component: Component, rng: np.random.Generator, *, scale: float) -> Value:
    """A random element, of orthogonal groups one of any connected component."""
    value = component.random(rng, scale=scale)
    if isinstance(component, LinearMaps) and component.kind == "O":
        signs = torch.from_numpy(rng.choice([-1.0, 1.0], size=(*component.copies, component.size)))
        return component.compose(value, component.reflection(signs))
    return value


def sparingly(element: Element, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors after an element, one after the other, so that few copies are held at a time."""
    moved = dict(tensors)
    word = list(reversed(element.factors))
    while word:
        whole = next((place for place, (one, _) in enumerate(word) if _reads_more(one)), len(word))
        run, rest = word[:whole], word[whole:]
        for name in dict.fromkeys(leg.tensor for component, _ in run for leg in component.legs):
            for component, value in run:
                if name in component.tensors:
                    part = copy(component)
                    part.legs = tuple(leg for leg in component.legs if leg.tensor == name)
                    moved |= part.transform(moved, value)
        if rest:
            moved |= rest[0][0].transform(moved, rest[0][1])
        word = rest[1:]
    return moved


def _reads_more(component: Component) -> bool:
    """Whether a component reads tensors beside those that it changes, or one of those for another."""
    return isinstance(component, Shifts) or any(leg.frame for leg in component.legs)


class _Doubled(TorchDispatchMode):
    """Casts to lower precision inside a module are made to double precision instead."""

    supports_higher_order_operators = True

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the operation with every lower precision among its arguments exchanged."""
        raised = {name: _raised(one) for name, one in (kwargs or {}).items()}
        return func(*[_raised(one) for one in args], **raised)


def _raised(one: Any) -> Any:
    """Double precision for a lower one; anything else as it is."""
    lower = isinstance(one, torch.dtype) and one in (torch.float32, torch.float16, torch.bfloat16)
    return torch.float64 if lower else one


def key(component: Component) -> str:
    """A name that tells components of one space apart."""
    return f"{component.name}: {component.group}"


def _plain(result: Any) -> Any:
    """Results of classes that are dictionaries as such."""
    if isinstance(result, Mapping):
        return {name: _plain(one) for name, one in result.items()}
    if isinstance(result, list | tuple):
        return [_plain(one) for one in result]
    return result


def _double(one: Any) -> Any:
    """Floating-point tensors in double precision."""
    if not isinstance(one, Tensor):
        return one
    return one.detach().double() if one.is_floating_point() else one.detach().clone()


def _fresh(args: tuple[Any, ...], kwargs: Mapping[str, Any], rng: np.random.Generator) -> tuple[Any, dict[str, Any]]:
    """Inputs of the same kind: other numbers; integers stay among those that are there."""

    def change(one: Any) -> Any:
        """Another input of the same kind for one."""
        if not isinstance(one, Tensor) or not one.numel():
            return one
        if one.is_floating_point():
            noise = torch.from_numpy(rng.standard_normal(tuple(one.shape))).to(one)
            size = one.detach().std() if one.numel() > 1 else one.detach().abs().mean()
            return torch.where(torch.isfinite(one), one + noise * (size + 0.1), one)
        if one.dtype is torch.bool:
            return one
        places = torch.from_numpy(rng.permutation(one.numel())).to(one.device)
        return one.flatten()[places].reshape(one.shape)

    return pytree.tree_map(change, args), {name: pytree.tree_map(change, one) for name, one in kwargs.items()}
