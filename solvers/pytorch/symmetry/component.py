"""Components: the factors of the symmetry group of a module, each acting on tensors along its legs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from solvers.pytorch.symmetry.legs import Leg

Tensors: TypeAlias = Mapping[str, Tensor]
"""Parameters and buffers by name."""

Value: TypeAlias = Any
"""An element of a component, in the form that the component chose."""


class Component(ABC):
    """A group with an action on the tensors of a module that keeps what the module computes.

    Parameters
    ----------
    name: by which tables speak of it.
    legs: where it acts.

    Where ``implied`` is set, its elements are products of those of other components: it adds nothing to the group.
    """

    def __init__(self, name: str, legs: tuple[Leg, ...]) -> None:
        self.name = name
        self.legs = legs
        self.implied = False

    @property
    @abstractmethod
    def group(self) -> str:
        """The group as it is printed: ``GL(5)^2``, ``R+^16``, ``S_16``, ..."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Dimension of the group, the number of its Lie algebra coordinates; 0 for finite groups."""

    @property
    @abstractmethod
    def discrete_order(self) -> int:
        """Number of connected components that it is known to have."""

    @abstractmethod
    def identity(self) -> Value:
        """The neutral element."""

    @abstractmethod
    def exponential(self, coordinates: Tensor) -> Value:
        """The element exp of a vector of Lie algebra coordinates, shape (dimension,); differentiable."""

    @abstractmethod
    def inverse(self, value: Value) -> Value:
        """The inverse element."""

    @abstractmethod
    def compose(self, left: Value, right: Value) -> Value:
        """The product: first right, then left."""

    @abstractmethod
    def random(self, rng: np.random.Generator, *, scale: float) -> Value:
        """A random element whose logarithm has at most the norm ``scale``; of finite groups a uniform one."""

    @abstractmethod
    def transform(self, tensors: Tensors, value: Value) -> dict[str, Tensor]:
        """The tensors that the element changes, changed; differentiable in tensors and element."""

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors on which it acts, each once."""
        names = (name for leg in self.legs for name in (leg.tensor, leg.length) if name)
        return tuple(dict.fromkeys(names))

    @property
    def frames(self) -> tuple[str, ...]:
        """Names of the vectors in multiples of which it acts, each once."""
        return tuple(dict.fromkeys(name for leg in self.legs for name, _ in leg.frame))

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the tensors that it needs, each once: those that it changes, and those that say by how much."""
        return tuple(dict.fromkeys((*self.tensors, *self.frames)))

    def is_discrete(self) -> bool:
        """Whether the group is finite."""
        return self.dimension == 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.group}, on {', '.join(self.tensors)})"


def working(value: Tensor, like: Tensor) -> Tensor:
    """The array of an element in the precision and on the device in which it meets a tensor.

    It is that of the tensor, but at least single: half precision would spoil the element before it acts.
    """
    return value.to(device=like.device, dtype=torch.promote_types(like.dtype, torch.float32))


def _ratio(new: Tensor, old: Tensor, axis: int) -> Tensor:
    """By how much the vectors that an axis numbers became longer."""
    inside = [place for place in range(new.ndim) if place != axis]
    norm = torch.linalg.vector_norm
    return norm(new, dim=inside, keepdim=True) / norm(old, dim=inside, keepdim=True)


def frame_of(leg: Leg, tensors: Tensors, front: Tensor) -> Tensor | None:
    """The entries of the frame of a leg, along the axis that is acted on of its front; None for the unit matrix."""
    if not leg.frame:
        return None
    scale = torch.ones((), dtype=torch.promote_types(front.dtype, torch.float32), device=front.device)
    for name, power in leg.frame:
        scale = scale * working(tensors[name], front) ** power
    return scale.reshape(-1, *[1] * (front.ndim - len(leg.axes)))


def in_frame(leg: Leg, tensors: Tensors) -> Tensor:
    """The front of the tensor of a leg in its frame, where what acts on the leg acts as itself."""
    front = leg.front(tensors[leg.tensor])
    scale = frame_of(leg, tensors, front)
    return front if scale is None else front / scale


def on_legs(tensors: Tensors, legs: tuple[Leg, ...], act: Any) -> dict[str, Tensor]:
    """The tensors changed leg by leg: ``act(leg, front)`` gives the new part, the axes of the leg at its front."""
    changed: dict[str, Tensor] = {}
    for leg in legs:
        tensor = changed.get(leg.tensor, tensors[leg.tensor])
        front = leg.front(tensor)
        scale = frame_of(leg, tensors, front)
        front = act(leg, front) if scale is None else scale * act(leg, front / scale)
        changed[leg.tensor] = leg.back(tensor, front.to(tensor.dtype))
        if leg.length:
            lengths = changed.get(leg.length, tensors[leg.length])
            changed[leg.length] = lengths * _ratio(changed[leg.tensor], tensor, leg.length_axis)
    return changed
