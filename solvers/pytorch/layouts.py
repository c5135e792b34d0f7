"""How tensors of several parameters lie in one tensor, so that one operation updates all of them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, final

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

    checks_shapes: ClassVar[bool]
    """Whether `pack` refuses tensors of which one has another shape than the first."""

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

    checks_shapes = False

    def __init__(self, shapes: Sequence[tuple[int, ...]]) -> None:
        self.shapes = [tuple(shape) for shape in shapes]
        self.sizes = [math.prod(shape) for shape in self.shapes]
        self._packed: Tensor | None = None
        self._parts: list[Tensor] = []

    def pack(self, tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
        """The entries in one vector."""
        rows = [tensor.reshape(-1) for tensor in tensors]
        return torch.cat(rows) if out is None else torch.cat(rows, out=out)

    def views(self, packed: Tensor) -> Sequence[Tensor]:
        """The pieces of the vector in their shapes."""
        return [piece.view(shape) for piece, shape in zip(packed.split(self.sizes), self.shapes, strict=True)]

    def unpack(self, packed: Tensor, targets: Sequence[Tensor]) -> None:
        """Copy what is packed into the tensors of the parameters; the views of one vector are made once."""
        if packed is not self._packed:
            self._packed, self._parts = packed, list(self.views(packed))
        torch._foreach_copy_(list(targets), self._parts)


@final
class Stacked(Layout):
    """Matrices of one shape along a new first axis.

    Examples
    --------
    >>> layout = Stacked()
    >>> layout.pack([torch.zeros(3, 2), torch.ones(3, 2)]).shape
    torch.Size([2, 3, 2])
    """

    checks_shapes = True

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

    checks_shapes = True

    def __init__(self) -> None:
        self.upright: Tensor | None = None
        """The matrices that were packed or unpacked last, where there are several."""
        self._parts: list[Tensor] = []

    def pack(self, tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
        """The transposes in a batch."""
        upright = tensors[0].unsqueeze(0) if len(tensors) == 1 else self._room(len(tensors), tensors[0])
        if len(tensors) > 1:
            torch.stack(list(tensors), out=upright)
        return upright.mT.clone(memory_format=torch.contiguous_format) if out is None else out.copy_(upright.mT)

    def views(self, packed: Tensor) -> Sequence[Tensor]:
        """The matrices of the batch."""
        return packed.mT.unbind()

    def unpack(self, packed: Tensor, targets: Sequence[Tensor]) -> None:
        """Copy what is packed into the matrices."""
        if len(targets) == 1:
            targets[0].copy_(packed.select(0, 0).mT)
        else:
            self._room(len(targets), packed.select(0, 0).mT).copy_(packed.mT)
            torch._foreach_copy_(list(targets), self._parts)

    def _room(self, count: int, like: Tensor) -> Tensor:
        """A tensor for so many matrices before they are transposed, kept from step to step with its parts."""
        old, shape = self.upright, (count, *like.shape)
        if old is None or old.shape != shape or old.dtype != like.dtype or old.device != like.device:
            self.upright = old = torch.empty(shape, dtype=like.dtype, device=like.device)
            self._parts = list(old.unbind())
        return old
