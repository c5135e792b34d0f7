"""Translations on their way through a network: who carries them, and who takes them up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, final

import torch
from torch import Tensor

from solvers.pytorch.symmetry.legs import Leg
from solvers.pytorch.symmetry.shifts import Flow, Shifts


@final
@dataclass(eq=False)
class Translation:
    """A vector that is added to a parameter, each entry of it free until something sees it.

    Parameters
    ----------
    name: of the layer.
    size: number of entries.
    flows: where it is added, first to the parameter it starts from.
    row: whether it moves whole rows by multiples of the vector of ones.
    watch: what else is seen where this is.
    """

    name: str
    size: int
    flows: list[Flow]
    row: bool = False
    free: Tensor = field(init=False)
    parts: dict[tuple[int, ...], Translation] = field(default_factory=dict)
    routed: bool = False
    watch: list[Carried] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.free = torch.ones(self.size, dtype=torch.bool)

    def part(self, entries: Tensor) -> Translation | None:
        """Some entries, in order, as a translation of their own, taken from this one; none where no view gives them."""
        key = tuple(entries.tolist())
        if key not in self.parts:
            jumps = (entries.diff() != 1).nonzero()
            run = int(jumps[0]) + 1 if len(jumps) else len(entries)
            stride = int(entries[run] - entries[0]) if len(jumps) else self.size
            low, number = int(entries[0]), len(entries) // run
            regular = (torch.arange(number)[:, None] * stride + low + torch.arange(run)).flatten()
            if len(regular) != len(entries) or not torch.equal(regular, entries.long()) or number * stride != self.size:
                return None
            leg = self.flows[0].target
            narrow = replace(leg, shape=(len(entries),), narrow=((1, low, run),), blocks=(number, stride))
            if leg.narrow or len(leg.shape) != 1:
                return None
            self.parts[key] = Translation(self.name, len(entries), [Flow(target=narrow)])
            if not bool(self.free[entries.long()].all()):
                self.parts[key].stop()
            self.free[entries.long()] = False
        return self.parts[key]

    def stop(self, entries: Tensor | None = None) -> None:
        """These entries, or all, are seen; in the parts too."""
        self.free[slice(None) if entries is None else entries.long()] = False
        while self.watch:
            self.watch.pop().see()
        for key, part in self.parts.items():
            own = torch.tensor(key)
            part.stop(None if entries is None else torch.isin(own, entries.long()).nonzero()[:, 0])

    def component(self, name: str, *, centred: bool = False) -> Shifts | None:
        """The group of the entries that are free, where there are any; ``centred``, of those with the sum zero."""
        number = int(self.free.sum())
        if not number:
            return None
        basis = None if number == self.size else torch.eye(self.size, dtype=torch.float64)[self.free]
        if centred:
            basis = torch.eye(self.size, dtype=torch.float64)[1:] - torch.eye(self.size, dtype=torch.float64)[:-1]
            if self.size == 1:
                return None
        return Shifts(name, tuple(self.flows), size=self.size, basis=basis)


@final
@dataclass(frozen=True, eq=False)
class Carried:
    """A translation as it is found in a value.

    Parameters
    ----------
    translation: which.
    index: for every number of the value the entry of the translated vector that is added to it; for rows, the same
        integer for all numbers that move alike.
    weights, totals: through which it came, as in :class:`~solvers.pytorch.symmetry.shifts.Flow`.
    sign: with which it arrives.
    """

    translation: Translation
    index: Tensor
    weights: tuple[Leg, ...] = ()
    totals: tuple[int, ...] = ()
    sign: int = 1

    def see(self) -> None:
        """Something sees it: the entries in the value are no longer free."""
        self.translation.stop(None if self.translation.row or self.weights else self.index.unique())

    def moved(self, index: Tensor) -> Carried:
        """The same in a value whose numbers are in other places; a part of a fresh vector becomes one of its own."""
        fresh = not self.translation.row and not self.weights and not self.translation.routed
        entries = index.unique() if fresh else index
        if fresh and 0 < len(entries) < self.translation.size:
            part = self.translation.part(entries)
            if part is not None:
                return replace(self, translation=part, index=torch.searchsorted(entries, index).to(torch.int32))
        return replace(self, index=index)

    def route(self) -> bool:
        """Whether all of the vector may be taken on from here: nothing has taken parts of it elsewhere."""
        if not self.weights and self.translation.parts:
            self.translation.stop()
            return False
        self.translation.routed = True
        return True

    def taken_up(self, target: Leg) -> None:
        """A parameter takes it up: what arrives is taken away there."""
        self.route()
        flow = Flow(target=replace(target, exponent=-self.sign), weights=self.weights, totals=self.totals)
        self.translation.flows.append(flow)

    def followed(self, target: Leg) -> None:
        """A running mean moves along with it."""
        self.route()
        flow = Flow(target=replace(target, exponent=self.sign), weights=self.weights, totals=self.totals)
        self.translation.flows.append(flow)


@final
@dataclass(frozen=True, eq=False)
class Displaced:
    """A value with the translations in it.

    Parameters
    ----------
    shape: of the value.
    carried: the translations.
    source: the parameter that can take up any translation of the value, where nothing else has seen it yet.
    stochastic: whether its last axis sums to one.
    centred: names of vectors w and b, which may be empty, if along the last axis the sum of the entries, b taken away
        and divided by those of w, is zero.
    constant: whether it is a constant.
    """

    shape: tuple[int, ...]
    carried: tuple[Carried, ...] = ()
    source: tuple[Leg, Translation] | None = None
    stochastic: bool = False
    constant: bool = False
    centred: tuple[str, str] | None = None

    def see(self) -> Displaced:
        """Something sees all of it; nothing is carried on."""
        for one in self.carried:
            one.see()
        return Displaced(self.shape)


@final
@dataclass(frozen=True, eq=False)
class Stored:
    """A parameter, or one with its axes in another order.

    Parameters
    ----------
    name: of it.
    shape: as it is stored.
    order: the stored axis at each place.
    once: whether it is read only once.
    """

    name: str
    shape: tuple[int, ...]
    order: tuple[int, ...]
    once: bool

    def leg(self, axes: Sequence[int], *, shape: Sequence[int] | None = None) -> Leg:
        """The leg along stored axes."""
        return Leg(tensor=self.name, shape=tuple(self.shape if shape is None else shape), axes=tuple(axes))

    @property
    def layer(self) -> str:
        """The layer whose parameter it is."""
        path, _, name = self.name.rpartition(".")
        return path if name in ("weight", "bias") and path else self.name


def reordered(name: str, args: Any, stored: Stored, shape: tuple[int, ...]) -> Displaced | Stored:
    """A parameter with its axes in another order; any other view of it is a constant."""
    number = len(stored.shape)
    if name in ("t", "transpose", "permute"):
        order = list(range(number))
        if name == "permute":
            order = [one % number for one in args[1]]
        else:
            first, second = (0, 1) if name == "t" else (args[1] % number, args[2] % number)
            if number > 1:
                order[first], order[second] = order[second], order[first]
        return replace(stored, order=tuple(stored.order[place] for place in order))
    if name in ("clone", "contiguous", "alias"):
        return stored
    return Displaced(shape)


def pattern(index: Tensor, axis: int) -> int | None:
    """How often in a row each entry comes along an axis, if they come in order and alike everywhere else."""
    moved = index.movedim(axis, -1).reshape(-1, index.shape[axis])
    if not moved.numel() or not torch.equal(moved, moved[:1].expand_as(moved)):
        return None
    first = moved[0]
    number = int(first[-1]) + 1
    repeats = len(first) // number if number > 0 and len(first) % number == 0 else 0
    if repeats and torch.equal(first, torch.arange(number, dtype=first.dtype).repeat_interleave(repeats)):
        return repeats
    return None


def spread(length: int, shape: Sequence[int], axis: int) -> Tensor:
    """The numbers of the entries along one axis of a shape."""
    view = [1] * len(shape)
    view[axis] = length
    return torch.arange(length, dtype=torch.int32).reshape(view).expand(tuple(shape))


def is_constant_along(index: Tensor, axis: int) -> bool:
    """Whether entries are the same along an axis."""
    return torch.equal(index, index.narrow(axis, 0, 1).expand_as(index))


def vector_source(stored: Stored, shape: Sequence[int], axis: int) -> Displaced:
    """A parameter of one axis as a value along an axis of a shape, with its own translation."""
    leg = stored.leg((len(stored.shape) - 1,))
    translation = Translation(stored.layer, stored.shape[-1], [Flow(target=leg)])
    carried = Carried(translation, spread(stored.shape[-1], shape, axis))
    return Displaced(tuple(shape), (carried,), source=(leg, translation))


def row_source(stored: Stored, axes: Sequence[int], shape: Sequence[int]) -> Carried:
    """The translation of a parameter along axes, the same along the others, as rows of a value along its last axis."""
    size = prod(stored.shape[axis] for axis in axes)
    translation = Translation(stored.layer, size, [Flow(target=stored.leg(axes))], row=True)
    rows = torch.arange(prod(shape[:-1]), dtype=torch.int32).reshape(*shape[:-1], 1)
    return Carried(translation, rows.expand(tuple(shape)))
