"""Parameters that make their steps together, in one batched update."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor

from manifolds.errors import InputError
from manifolds.space import Space
from solvers.pytorch.cayley import CayleyKernel
from solvers.pytorch.layouts import Flat, Layout, Stacked, Transposed
from solvers.pytorch.moments import accept, as_real, displacement, proposed
from solvers.rule import Rule

_NARROW = (torch.float16, torch.bfloat16)


def working_type(dtype: torch.dtype) -> torch.dtype:
    """The type in which a parameter is updated: float32 for the half-precision types, its own for all others.

    >>> working_type(torch.bfloat16), working_type(torch.float64)
    (torch.float32, torch.float64)
    """
    return torch.float32 if dtype in _NARROW else dtype


class Stack(ABC):
    """Parameters of one space, type, device and number of steps; their state is theirs, as views into one tensor.

    A step is `load`, `propose`, `commit`, in this order. Until `commit`, neither a parameter nor the state is changed.

    Parameters
    ----------
    params : list of Tensor
    states : list of dict
        What the optimizer keeps for each: `step`, the slots of the rule, `master`, a copy in single precision, for
        half-precision parameters, and `section` where it is transported.
    rule : Rule
    space : Space or None
        None for a vector space.
    """

    layout: Layout

    def __init__(self, params: Sequence[Tensor], states: Sequence[dict[str, Any]], rule: Rule, space: Space | None):
        self.params, self.states, self.rule, self.space = tuple(params), tuple(states), rule, space
        self.dtype, self.device = params[0].dtype, params[0].device
        self.count: int = states[0]["step"]
        self.slots = {name: self._shared(name) for name in rule.slots}
        self.carried = self._shared("section") if "section" in states[0] else None
        self.master = working_type(self.dtype) != self.dtype
        self.points = self._shared("master") if self.master else self._packed(params)
        self.gradients = torch.empty_like(self.points)
        self._written = [-1 for _ in params]

    def _packed(self, tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
        """Tensors of the parameters in one."""
        return self.layout.pack(tensors, out=out)

    def _shared(self, name: str) -> Tensor:
        """A part of the state in one tensor, into which the states of the parameters become views."""
        packed = self._packed([state[name] for state in self.states])
        for state, view in zip(self.states, self.layout.views(packed), strict=True):
            state[name] = view
        return packed

    def fits(self, params: Sequence[Tensor], states: Sequence[dict[str, Any]], rule: Rule) -> bool:
        """Whether these are still the parameters, the states and the rule."""
        return (
            rule == self.rule
            and len(params) == len(self.params)
            and all(map(_same, params, self.params))
            and all(map(_same, states, self.states))
        )

    def load(self, gradients: Sequence[Tensor], *, maximize: bool) -> None:
        """Fetch the points and their gradients."""
        if self.master:
            self._refresh_master()
            gradients = [gradient.to(self.points.dtype) for gradient in gradients]
        else:
            self._packed(self.params, out=self.points)
        self._packed(gradients, out=self.gradients)
        if maximize:
            self.gradients.neg_()

    def _refresh_master(self) -> None:
        """Take over parameters that were written by someone else since the last step."""
        versions = [param._version for param in self.params]
        if versions == self._written:
            return
        for param, state, version, written in zip(self.params, self.states, versions, self._written, strict=True):
            if version != written and not torch.equal(param.detach(), state["master"].to(self.dtype)):
                fresh = param.detach().to(self.points.dtype)
                state["master"].copy_(fresh if self.space is None else self.space.project(fresh))
        self._written = versions

    def all_finite(self) -> Tensor:
        """Whether all entries of the gradients are finite, as a tensor on their device."""
        return torch.isfinite(as_real(self.gradients)).all()

    def propose(self, rate: Any, radius: float | None) -> None:  # noqa: B027
        """Make ready what may fail: nothing, unless a subclass says otherwise."""

    @abstractmethod
    def commit(self, rate: Any, radius: float | None) -> Tensor:
        """Update the state in place, and return the next points in the layout of this stack."""

    def finish(self, rate: Any, radius: float | None, *, mask: Tensor | None) -> None:
        """Make the step; where the mask, a truth value on the device, is false, all remains as it was."""
        kept = [*self.slots.values(), *([] if self.carried is None else [self.carried])]
        before = [] if mask is None else [tensor.clone() for tensor in (self.points, *kept)]
        points = self.commit(rate, radius)
        if mask is not None:
            points = torch.where(mask, points, before[0])
            for tensor, old in zip(kept, before[1:], strict=True):
                tensor.copy_(torch.where(mask, tensor, old))
        if self.master and points is not self.points:
            self.points.copy_(points)
        self.layout.unpack(points, self.params)
        self.count += 1
        for state in self.states:
            state["step"] = self.count
        if self.master:
            self._written = [param._version for param in self.params]


@final
class VectorStack(Stack):
    """Parameters in vector spaces, of any shapes, as one vector."""

    def __init__(self, params: Sequence[Tensor], states: Sequence[dict[str, Any]], rule: Rule, space: Space | None):
        self.layout = Flat([tuple(param.shape) for param in params])
        super().__init__(params, states, rule, None)
        self._scratch = torch.empty_like(as_real(self.points))

    def commit(self, rate: Any, radius: float | None) -> Tensor:
        """The points plus the displacement of the rule."""
        W = displacement(
            self.rule,
            self.gradients,
            self.slots,
            self._scratch,
            count=self.count + 1,
            rate=rate,
            point=self.points,
        )
        return self.points.add_(W)


@final
class FrameStack(Stack):
    """Parameters on a homogeneous space, by the methods of the space."""

    def __init__(self, params: Sequence[Tensor], states: Sequence[dict[str, Any]], rule: Rule, space: Space | None):
        self.layout = Stacked()
        super().__init__(params, states, rule, space)
        self._ready: tuple[Tensor, dict[str, Tensor], Any] | None = None

    def propose(self, rate: Any, radius: float | None) -> None:
        """The next points and the next state.

        Raises
        ------
        InputError
            If the retraction is not defined there, and that can be seen without waiting for a device.
        """
        self._ready = None
        assert self.space is not None
        context = self.space.section(self.points, carried=self.carried, check=False)
        D = self.space.lift(context, self.gradients, check=False)
        W, after = proposed(self.rule, D, self.slots, count=self.count + 1, rate=rate)
        if radius is not None:
            W = self.space.shortened(W, radius)
        points, carried = self.space.advance(context, W)
        if points.device.type == "cpu" and not torch.isfinite(as_real(points)).all():
            raise InputError(
                f"step {self.count + 1} on {self.space.name} leads to no point",
                why="the step is so long that the retraction is not defined there",
                cure="give a smaller lr, or trust_radius=1.0, which bounds the length of each step",
            )
        self._ready = points, after, carried

    def commit(self, rate: Any, radius: float | None) -> Tensor:
        """What was made ready."""
        assert self._ready is not None
        points, after, carried = self._ready
        self._ready = None
        accept(self.slots, after)
        if self.carried is not None:
            self.carried.copy_(carried)
        return points


@final
class CayleyStack(Stack):
    """Parameters on a Stiefel or Grassmann manifold, by the kernel that works in place."""

    def __init__(self, params: Sequence[Tensor], states: Sequence[dict[str, Any]], rule: Rule, space: Space | None):
        assert space is not None
        self.layout = Transposed()
        super().__init__(params, states, rule, space)
        self._kernel = CayleyKernel(flat=getattr(space, "subspaces", False))
        self._scratch, self._next = torch.empty_like(self.points), torch.empty_like(self.points)

    def commit(self, rate: Any, radius: float | None) -> Tensor:
        """The points after the step of the rule."""
        assert self.space is not None
        batch = (-1, *self.points.shape[-2:])
        frames, D = self.points.view(batch), self.gradients.view(batch)
        if not self._kernel.lift(frames, D):
            return self._away_from_kernel(rate, radius)
        W = displacement(self.rule, self.gradients, self.slots, self._scratch, count=self.count + 1, rate=rate)
        if radius is not None:
            W = self.space.shortened(W.mT, radius).mT
        self._kernel.retract(frames, W.reshape(batch), out=self._next.view(batch))
        if self.master:
            return self._next
        self.points, self._next = self._next, self.points
        return self.points

    def _away_from_kernel(self, rate: Any, radius: float | None) -> Tensor:
        """The same step by the methods of the space, which has another section where that of the kernel is singular."""
        assert self.space is not None
        context = self.space.section(self.points.mT.contiguous(), check=False)
        D = self.space.lift(context, self.gradients.mT.contiguous(), check=False).mT.contiguous()
        W = displacement(self.rule, D, self.slots, self._scratch, count=self.count + 1, rate=rate).mT
        W = W if radius is None else self.space.shortened(W, radius)
        return self.space.retract(context, W.contiguous(), check=False).mT


def _same(one: object, other: object) -> bool:
    """Whether two are the same object."""
    return one is other
