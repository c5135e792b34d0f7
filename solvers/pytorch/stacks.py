"""Parameters that make their steps together, in one batched update."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import repeat
from operator import attrgetter, is_
from typing import Any, final

import torch
from torch import Tensor

from manifolds.errors import InputError
from manifolds.space import Space
from solvers.pytorch.carrying import current_sections
from solvers.pytorch.layouts import Flat, Layout, Stacked, working_type
from solvers.pytorch.moments import accept, as_real, displacement, proposed
from solvers.rule import Rule

_type_of, _shape_of = attrgetter("dtype"), attrgetter("shape")
_ROOM = 1e4  # by how much the products of a step may enlarge a gradient, beside the number of its entries


class Stack(ABC):
    """Parameters of one space, type, device and number of steps; their state is theirs, as views into one tensor.

    A step is `load`, `guard`, `propose`, `finish`, in this order. Until `finish`, neither a parameter nor the state is
    changed.

    Parameters
    ----------
    params : sequence of Tensor
    states : sequence of dict
        What the optimizer keeps for each: `step`, the slots of the rule, `master`, a copy in single precision, for
        half-precision parameters, and `section` where it is transported.
    rule : Rule
    space : Space or None
        None for a vector space.
    """

    layout: Layout

    def __init__(
        self, params: Sequence[Tensor], states: Sequence[dict[str, Any]], rule: Rule, space: Space | None
    ) -> None:
        self.params, self.states, self.rule, self.space = tuple(params), tuple(states), rule, space
        self.dtype, self.device = params[0].dtype, params[0].device
        self.shapes = [param.shape for param in params]
        self._shares: list[tuple[str, list[Tensor]]] = []
        self.count: int = states[0]["step"]
        self.slots = {name: self._shared(name) for name in rule.slots}
        self.carried = self._shared("section") if "section" in states[0] else None
        self.master = working_type(self.dtype) != self.dtype
        self.points = self._shared("master") if self.master else self.layout.pack(params)
        self.gradients = torch.empty_like(self.points)
        self._written = [(-1, 0) for _ in params]
        self._before: list[Tensor] = []
        self._mask: Tensor | None = None

    def _shared(self, name: str) -> Tensor:
        """A part of the state in one tensor, into which the states of the parameters become views."""
        packed = self.layout.pack([state[name] for state in self.states])
        views = list(self.layout.views(packed))
        for state, view in zip(self.states, views, strict=True):
            state[name] = view
        self._shares.append((name, views))
        return packed

    def fits(self, rule: Rule) -> bool:
        """Whether the parameters are as they were, with the same rule and the tensors of the state where they were."""
        first = self.params[0]
        return (
            set(map(_type_of, self.params)) == {self.dtype}
            and first.device == self.device
            and first.shape == self.shapes[0]
            and (self.layout.checks_shapes or list(map(_shape_of, self.params)) == self.shapes)
            and all(all(map(is_, map(dict.get, self.states, repeat(name)), views)) for name, views in self._shares)
            and (rule is self.rule or rule == self.rule)
        )

    def load(self, gradients: Sequence[Tensor], *, maximize: bool) -> None:
        """Fetch the points and their gradients."""
        if self.master:
            self._refresh_master()
            gradients = [gradient.to(self.points.dtype) for gradient in gradients]
        else:
            self.layout.pack(self.params, out=self.points)
        self.layout.pack(gradients, out=self.gradients)
        if maximize:
            self.gradients.neg_()

    def _refresh_master(self) -> None:
        """Take over parameters that were written by someone else since the last step.

        In the memory of the processor they are looked at; elsewhere only PyTorch's count of writes is.
        """
        versions, look = self._versions(), self.device.type == "cpu"
        for param, state, version, written in zip(self.params, self.states, versions, self._written, strict=True):
            if (look or version != written) and not torch.equal(param, state["master"].to(self.dtype)):
                fresh = param.to(self.points.dtype)
                state["master"].copy_(fresh if self.space is None else self.space.project(fresh))
        self._written = versions

    def _versions(self) -> list[tuple[int, int]]:
        """How often each parameter was written, and where its entries are."""
        return [(param._version, param.data_ptr()) for param in self.params]

    def finite_on_device(self) -> Tensor:
        """Whether all entries of the gradients are finite, as a tensor on their device."""
        return torch.isfinite(as_real(self.gradients)).all()

    def finite(self) -> bool:
        """Whether all entries of the gradients are finite, and their products will be; it waits for the device."""
        return math.isfinite(float(as_real(self.gradients).sum())) or bool(self.finite_on_device())

    def guard(self, mask: Tensor | None) -> None:
        """Where the mask, a truth value on the device, is false, the coming step will leave all as it is."""
        self._mask = mask
        self._before = [] if mask is None else [tensor.clone() for tensor in (self.points, *self._kept())]

    def _kept(self) -> list[Tensor]:
        """The state."""
        return [*self.slots.values(), *([] if self.carried is None else [self.carried])]

    def propose(self, rate: Any, radius: float | None) -> None:  # noqa: B027
        """Make ready what may fail: nothing, unless a subclass says otherwise.

        Raises
        ------
        InputError
            If the step leads to no point, and that can be seen without waiting for a device.
        """

    @abstractmethod
    def commit(self, rate: Any, radius: float | None) -> Tensor:
        """Update the state in place, and return the next points in the layout of this stack."""

    def finish(self, rate: Any, radius: float | None) -> None:
        """Make the step."""
        points = self.commit(rate, radius)
        if self._mask is not None:
            good = self._mask
            for tensor in (points, *self._kept()):
                good = good & torch.isfinite(as_real(tensor)).all()
            points = torch.where(good, points, self._before[0])
            for tensor, old in zip(self._kept(), self._before[1:], strict=True):
                tensor.copy_(torch.where(good, tensor, old))
            self._before = []
        if self.master and points is not self.points:
            self.points.copy_(points)
        self.layout.unpack(points, self.params)
        self.count += 1
        for state in self.states:
            state["step"] = self.count
        if self.master:
            self._written = self._versions()


@final
class VectorStack(Stack):
    """Parameters in vector spaces, of any shapes, as one vector."""

    def __init__(
        self, params: Sequence[Tensor], states: Sequence[dict[str, Any]], rule: Rule, space: Space | None = None
    ) -> None:
        self.layout = Flat([tuple(param.shape) for param in params])
        super().__init__(params, states, rule, None)
        self._scratch = torch.empty_like(as_real(self.points))

    def commit(self, rate: Any, radius: float | None) -> Tensor:
        """The points plus the displacement of the rule."""
        step = {"count": self.count + 1, "rate": rate, "point": self.points}
        return self.points.add_(displacement(self.rule, self.gradients, self.slots, self._scratch, **step))


class CurvedStack(Stack):
    """Parameters on a homogeneous space."""

    space: Space

    def finite(self) -> bool:
        """As for every stack, with room for the products of the step; it waits for the device."""
        limit = torch.finfo(self.gradients.dtype).max / (_ROOM * self.gradients.shape[-1] * self.gradients.shape[-2])
        low, high = torch.aminmax(as_real(self.gradients))
        return -limit <= float(low) and float(high) <= limit

    def refuse(self) -> InputError:
        """The error on a step that leads to no point."""
        return InputError(
            f"step {self.count + 1} on {self.space.name} leads to no point",
            why="the step is so long that the retraction is not defined there; nothing was changed",
            cure="give a smaller lr, or trust_radius=1.0, which bounds the length of each step",
        )


@final
class FrameStack(CurvedStack):
    """Parameters on a homogeneous space, moved by the methods of the space."""

    def __init__(self, params: Sequence[Tensor], states: Sequence[dict[str, Any]], rule: Rule, space: Space) -> None:
        self.layout = Stacked()
        super().__init__(params, states, rule, space)
        self._ready: tuple[Tensor, dict[str, Tensor], Any] | None = None

    def propose(self, rate: Any, radius: float | None) -> None:
        """The next points and the next state."""
        self._ready = None
        sections = None if self.carried is None else current_sections(self.space, self.points, self.carried)
        context = self.space.section(self.points, carried=sections, check=False)
        D = self.space.lift(context, self.gradients, check=False)
        W, after = proposed(self.rule, D, self.slots, count=self.count + 1, rate=rate)
        if radius is not None:
            W = self.space.shortened(W, radius)
        points, carried = self.space.advance(context, W)
        if points.device.type == "cpu" and not torch.isfinite(as_real(points)).all():
            raise self.refuse()
        self._ready = points, after, carried

    def commit(self, rate: Any, radius: float | None) -> Tensor:
        """What was made ready."""
        if self._ready is None:
            raise RuntimeError("nothing was proposed")
        points, after, carried = self._ready
        self._ready = None
        accept(self.slots, after)
        if self.carried is not None:
            self.carried.copy_(carried)
        return points
