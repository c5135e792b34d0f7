"""Frames that make their steps together by the kernel that works in place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor

from manifolds.space import Space
from solvers.pytorch.cayley import CayleyKernel, rows_of
from solvers.pytorch.layouts import Transposed
from solvers.pytorch.moments import accept, displacement, in_place, proposed
from solvers.pytorch.stacks import CurvedStack
from solvers.rule import Rule


@final
class CayleyStack(CurvedStack):
    """Parameters on a Stiefel or Grassmann manifold, moved by the kernel that works in place."""

    layout: Transposed

    def __init__(self, params: Sequence[Tensor], states: Sequence[dict[str, Any]], rule: Rule, space: Space) -> None:
        self.layout = Transposed()
        super().__init__(params, states, rule, space)
        self._kernel = CayleyKernel(flat=getattr(space, "subspaces", False))
        *lead, n, N = self.points.shape
        both = self.points.new_zeros((*lead, rows_of(n), N))
        self._both, self._frames, self.gradients = both.flatten(0, -3), both.narrow(-2, 0, n), both.narrow(-2, n, n)
        self.points = self.points if self.master else self._frames
        self._coordinates, self._scratch = (both.new_empty((*lead, n, N)) for _ in range(2))
        self._ready: tuple[Tensor, dict[str, Tensor]] | None = None

    def finite(self) -> bool:
        """As for every curved stack; where the sum of squares is finite, no entry is too large."""
        entries = self.layout.upright if len(self.params) > 1 else self.params[0].grad
        if entries is not None and entries.dtype == self.gradients.dtype and entries.is_contiguous():
            vector = entries.view(-1)
            if math.isfinite(float(torch.dot(vector, vector))):
                return True
        return super().finite()

    def propose(self, rate: Any, radius: float | None) -> None:
        """The next points and the next state, for rules without an update in place, of which the steps may be long."""
        self._ready = None
        if in_place(self.rule, self._coordinates, rate):
            return
        context, D = self._lifted()
        W, after = proposed(self.rule, D, self.slots, count=self.count + 1, rate=rate)
        points = self._moved(context, W, radius)
        if points.device.type == "cpu" and not math.isfinite(float(points.sum())):
            raise self.refuse()
        self._ready = points, after

    def commit(self, rate: Any, radius: float | None) -> Tensor:
        """The points after the step of the rule."""
        if self._ready is not None:
            (points, after), self._ready = self._ready, None
            accept(self.slots, after)
        else:
            context, D = self._lifted()
            W = displacement(self.rule, D, self.slots, self._scratch, count=self.count + 1, rate=rate)
            points = self._moved(context, W, radius)
        return points

    def _lifted(self) -> tuple[Any, Tensor]:
        """The transposed coordinates; and a context if they are those of another section than that of the kernel."""
        if self.master:
            self._frames.copy_(self.points)
        if self._kernel.lift(self._both, out=self._coordinates.view(-1, *self._coordinates.shape[-2:])):
            return None, self._coordinates
        context = self.space.section(_upright(self.points), check=False)
        return context, _upright(self.space.lift(context, _upright(self.gradients), check=False))

    def _moved(self, context: Any, W: Tensor, radius: float | None) -> Tensor:
        """The transposed frames to which a step leads."""
        if radius is not None:
            W = self.space.shortened(W.mT, radius).mT
        if context is not None:
            return self.space.retract(context, _upright(W), check=False).mT
        batch, room = (-1, *W.shape[-2:]), self._coordinates if W is self._scratch else self._scratch
        self._kernel.retract(self._frames.view(batch), W.reshape(batch), out=room.view(batch))
        return room


def _upright(packed: Tensor) -> Tensor:
    """The transposes of matrices, in memory of their own."""
    return packed.mT.clone(memory_format=torch.contiguous_format)
