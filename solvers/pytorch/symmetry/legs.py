"""Legs: where, and how, a group acts on a stored tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor


@final
@dataclass(frozen=True, kw_only=True)
class Leg:
    r"""The axes of a parameter or buffer on which an element acts, after the tensor is narrowed and viewed.

    A packed projection of shape (3d, d) has its queries in the first d rows, viewed as (heads, size, d):
    ``Leg(tensor="in_proj_weight", narrow=((0, 0, d),), shape=(heads, size, d), axes=(0, 1))``.

    Parameters
    ----------
    tensor: name of the parameter or buffer in the module; tied tensors go by their first name.
    shape: to which the narrowed tensor is viewed, row by row.
    axes: of that shape, in the order of the axes of the element: copies first, then the axis that is acted on.
    narrow: the part of the tensor that is acted on, as (axis, start, length).
    blocks: shape to which the whole tensor is viewed before it is narrowed; by default its own.
    frame: names w of parameters with one axis, and their powers: the element acts as :math:`FgF^{-1}` with the
        diagonal matrix F of the products of their entries, along the last of the axes.
    length: name of the lengths g of a weight :math:`gv/|v|` whose directions v the tensor holds, where the element acts
        inside the vectors v: the lengths follow, so that :math:`g/|v|` stays.
    length_axis: the axis of the tensor that numbers the vectors.
    exponent: +1 where the element acts as it is (:math:`T \mapsto gT`), -1 where its dual does
        (:math:`T \mapsto g^{-T}T`); scalings take any integer.

    >>> leg = Leg(tensor="weight", shape=(2, 3), axes=(0,), narrow=((0, 1, 2),))
    >>> leg.part(torch.arange(9.0).reshape(3, 3)).tolist()
    [[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]
    """

    tensor: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    narrow: tuple[tuple[int, int, int], ...] = ()
    exponent: int = 1
    blocks: tuple[int, ...] = ()
    frame: tuple[tuple[str, int], ...] = ()
    length: str = ""
    length_axis: int = 0

    def part(self, tensor: Tensor) -> Tensor:
        """The narrowed tensor in the shape of the leg."""
        if self.blocks:
            tensor = tensor.reshape(self.blocks)
        for axis, start, length in self.narrow:
            tensor = tensor.narrow(axis, start, length)
        return tensor.reshape(self.shape)

    def replaced(self, tensor: Tensor, part: Tensor) -> Tensor:
        """The tensor with its part exchanged; a new tensor, differentiable in both."""
        if not self.narrow:
            return part.reshape(tensor.shape)
        pieces = [tensor.reshape(self.blocks) if self.blocks else tensor]
        for axis, start, length in self.narrow:
            pieces.append(pieces[-1].narrow(axis, start, length))
        new = part.reshape(pieces[-1].shape)
        for outer, (axis, start, length) in zip(reversed(pieces[:-1]), reversed(self.narrow), strict=True):
            new = torch.slice_scatter(outer, new, axis, start, start + length)
        return new.reshape(tensor.shape)

    def front(self, tensor: Tensor) -> Tensor:
        """The part with the axes of the leg moved to the front, in their order."""
        return self.part(tensor).movedim(self.axes, tuple(range(len(self.axes))))

    def back(self, tensor: Tensor, front: Tensor) -> Tensor:
        """The tensor whose part, with its axes at the front, is given."""
        return self.replaced(tensor, front.movedim(tuple(range(len(self.axes))), self.axes))

    def spread(self, value: Tensor) -> Tensor:
        """An array over the axes of the leg, with axes of length one beside, so that it broadcasts over the part."""
        order = sorted(range(len(self.axes)), key=lambda position: self.axes[position])
        shape = [1] * len(self.shape)
        for position, axis in enumerate(self.axes):
            shape[axis] = value.shape[position]
        return value.permute(order).reshape(shape)
