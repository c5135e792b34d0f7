"""How tensors of several parameters lie in one tensor, so that one operation updates all of them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

_NARROW = (torch.float16, torch.bfloat16)


def working_type(dtype: torch.dtype) -> torch.dtype:
    """The type in which a parameter is updated: float32 for the half-precision types, its own for all others.

    >>> working_type(torch.bfloat16), working_type(torch.float64)
    (torch.float32, torch.float64)
    """
    return torch.float32 if dtype in _NARROW else dtype


class Layout(ABC):
    """One tensor for the tensors of several parameters, in the order of the parameters."""

    @abstractmethod
    def pack(self, tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
        """The tensors in one, written to `out` where it is given."""

    @abstractmethod
    def views(self, packed: Tensor) -> Sequence[Tensor]:
        """The tensors of the parameters as views into one that holds them all."""

    def unpack(self, packed: Tensor, targets: Sequence[Tensor]) -> None:
        """Copy what is packed into the tensors of the parameters, whatever their type."""
        torch._foreach_copy_(list(targets), list(self.views(packed)))


@final
class Flat(Layout):
    """Entries one after the other in a vector, for operations that go entry by entry.

    Examples
    --------
    >>> layout = Flat([(2,), (1, 2)])
    >>> packed = layout.pack([torch.tensor([1, 2]), torch.tensor([[3, 4]])])
    >>> packed, layout.views(packed)[1]
    (tensor([1, 2, 3, 4]), tensor([[3, 4]]))
    """

    def __init__(self, shapes: Sequence[tuple[int, ...]]) -> None:
        self.shapes = [tuple(shape) for shape in shapes]
        self.sizes = [math.prod(shape) for shape in self.shapes]

    def pack(self, tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
        """The entries in one vector."""
        rows = [tensor.reshape(-1) for tensor in tensors]
        return torch.cat(rows) if out is None else torch.cat(rows, out=out)

    def views(self, packed: Tensor) -> Sequence[Tensor]:
        """The pieces of the vector in their shapes."""
        return [piece.view(shape) for piece, shape in zip(packed.split(self.sizes), self.shapes, strict=True)]


@final
class Stacked(Layout):
    """Matrices of one shape along a new first axis.

    Examples
    --------
    >>> layout = Stacked()
    >>> layout.pack([torch.zeros(3, 2), torch.ones(3, 2)]).shape
    torch.Size([2, 3, 2])
    """

    def pack(self, tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
        """The matrices in a batch."""
        return torch.stack(list(tensors)) if out is None else torch.stack(list(tensors), out=out)

    def views(self, packed: Tensor) -> Sequence[Tensor]:
        """The matrices of the batch."""
        return packed.unbind()


@final
class Transposed(Layout):
    """Transposes of matrices of one shape along a new first axis: long rows, which are faster to multiply.

    Examples
    --------
    >>> layout = Transposed()
    >>> packed = layout.pack([torch.zeros(3, 2), torch.ones(3, 2)])
    >>> packed.shape, layout.views(packed)[1].shape
    (torch.Size([2, 2, 3]), torch.Size([3, 2]))
    """

    def __init__(self) -> None:
        self._upright: Tensor | None = None

    def pack(self, tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
        """The transposes in a batch."""
        upright = tensors[0][None] if len(tensors) == 1 else self._room(tensors)
        if len(tensors) > 1:
            torch.stack(list(tensors), out=upright)
        return upright.mT.clone(memory_format=torch.contiguous_format) if out is None else out.copy_(upright.mT)

    def views(self, packed: Tensor) -> Sequence[Tensor]:
        """The matrices of the batch."""
        return packed.mT.unbind()

    def unpack(self, packed: Tensor, targets: Sequence[Tensor]) -> None:
        """Copy what is packed into the matrices."""
        first = targets[0]
        if len(targets) == 1:
            first.copy_(packed[0].mT)
        elif first.dtype == packed.dtype and first.device.type == "cpu":
            torch.unbind_copy(self._room(targets).copy_(packed.mT), out=list(targets))
        else:
            super().unpack(packed, targets)

    def _room(self, tensors: Sequence[Tensor]) -> Tensor:
        """A tensor for the batch before it is transposed, kept from step to step."""
        first, old = tensors[0], self._upright
        shape = (len(tensors), *first.shape)
        if old is None or old.shape != shape or old.dtype != first.dtype or old.device != first.device:
            self._upright = old = torch.empty(shape, dtype=first.dtype, device=first.device)
        return old
