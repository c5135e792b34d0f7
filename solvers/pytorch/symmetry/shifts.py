"""Translations of hidden spaces that a later bias, a softmax or a normalisation absorbs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from solvers.pytorch.symmetry.component import Component, Tensors, working
from solvers.pytorch.symmetry.legs import Leg


@final
@dataclass(frozen=True, kw_only=True)
class Flow:
    r"""How a translation c arrives at a tensor: :math:`b \mapsto b + e\,W_k \cdots W_1 c`.

    A matrix takes it up along one axis, the same along the others, or in multiples of a vector f of parameters:
    :math:`W \mapsto W + e\,c f^{\mathsf T}`; a bias behind it takes up :math:`e\,(f^{\mathsf T} b)\, c`.

    Parameters
    ----------
    target: the leg along which the vector is added, the same along the other axes; its exponent is the factor e.
    weights: the legs contracted on the way, each over its axes; what is left of each, row by row, is the next vector.
    totals: for each weight the number of entries, one behind the other, whose sum is an entry of the next vector, as
        over the positions of a convolution; by default one.
    frame: names of vectors of parameters, and their powers, whose product is f; without any it is a vector of ones.
    scale: a number by which all of it is multiplied.
    against: name of the vector b with which f is multiplied, where the target takes up multiples of their product.
    """

    target: Leg
    weights: tuple[Leg, ...] = ()
    totals: tuple[int, ...] = ()
    frame: tuple[tuple[str, int], ...] = ()
    scale: float = 1.0
    against: str = ""

    @property
    def reads(self) -> tuple[str, ...]:
        """The tensors that say how much is added."""
        vectors = [name for name, _ in self.frame]
        return (*(weight.tensor for weight in self.weights), *vectors, *([self.against] if self.against else []))

    def added(self, tensors: Tensors, translation: Tensor, front: Tensor) -> Tensor:
        """What is added to the front of the target, so that it broadcasts."""
        vector, axes = self.matrix(tensors, translation.reshape(1, -1)), len(self.target.axes)
        vector = vector.reshape(*front.shape[:axes], *[1] * (front.ndim - axes))
        return vector if self.is_plain() else vector * self.multiples(tensors, vector)

    def is_plain(self) -> bool:
        """Whether the same is added everywhere along the other axes."""
        return not self.frame and not self.against

    def multiples(self, tensors: Tensors, like: Tensor) -> Tensor:
        """By what the vector is multiplied along the other axes: one number for all, or the entries of f."""
        factors = (tensors[name].to(like) ** power for name, power in self.frame)
        vector = math.prod(factors, start=torch.ones((), dtype=like.dtype, device=like.device))
        return (vector * tensors[self.against].to(like)).sum() if self.against else vector

    def matrix(self, tensors: Tensors, translations: Tensor) -> Tensor:
        """The vectors that are added, flat, one row for each row of translations."""
        rows = translations
        for place, weight in enumerate(self.weights):
            front = weight.front(tensors[weight.tensor])
            rows = rows @ front.reshape(rows.shape[-1], -1).to(rows)
            if self.totals and self.totals[place] > 1:
                rows = rows.reshape(*rows.shape[:-1], -1, self.totals[place]).sum(-1)
        return self.target.exponent * self.scale * rows


@final
class Shifts(Component):
    """Translations by the vectors of a space, each absorbed downstream, or needing no absorption at all.

    Parameters
    ----------
    size: number of entries of a translation c.
    flows: where c is added.  Their weights are read before anything changes, and none of them is itself shifted.
    basis: the translations that are allowed, shape (d, size), where they are not all.
    group: how the group is printed; by default ``R^d``.

    >>> bias, after = Leg(tensor="b1", shape=(2,), axes=(0,)), Leg(tensor="b2", shape=(1,), axes=(0,), exponent=-1)
    >>> flows = (Flow(target=bias), Flow(target=after, weights=(Leg(tensor="w2", shape=(1, 2), axes=(1,)),)))
    >>> shifts = Shifts("hidden", flows, size=2)
    >>> tensors = {"b1": torch.zeros(2), "b2": torch.zeros(1), "w2": torch.tensor([[1.0, 2.0]])}
    >>> shifts.transform(tensors, torch.tensor([1.0, 1.0]))["b2"].tolist()
    [-3.0]
    """

    def __init__(self, name: str, flows: tuple[Flow, ...], *, size: int, basis: Tensor | None = None) -> None:
        super().__init__(name, tuple(flow.target for flow in flows))
        self.flows = flows
        self.size = size
        self.basis = basis

    @property
    def frames(self) -> tuple[str, ...]:
        """Names of the vectors by whose multiples matrices are moved, each once."""
        return tuple(dict.fromkeys(name for flow in self.flows for name, _ in flow.frame))

    @property
    def reads(self) -> tuple[str, ...]:
        """The tensors that it changes, and the weights on the way to them."""
        return tuple(dict.fromkeys((*self.tensors, *(name for flow in self.flows for name in flow.reads))))

    @property
    def group(self) -> str:
        """For instance ``R^16``."""
        return f"R^{self.dimension}"

    @property
    def dimension(self) -> int:
        """Number of independent translations."""
        return self.size if self.basis is None else len(self.basis)

    @property
    def discrete_order(self) -> int:
        """Vector spaces are connected."""
        return 1

    def identity(self) -> Tensor:
        """The zero vector."""
        return torch.zeros(self.size, dtype=torch.float64)

    def exponential(self, coordinates: Tensor) -> Tensor:
        """The translation with the given coordinates in the basis."""
        return coordinates if self.basis is None else coordinates @ self.basis.to(coordinates)

    def inverse(self, value: Tensor) -> Tensor:
        """The translation back."""
        return -value

    def compose(self, left: Tensor, right: Tensor) -> Tensor:
        """The sum."""
        return left + right

    def random(self, rng: np.random.Generator, *, scale: float) -> Tensor:
        """Coordinates uniform in [-scale, scale]."""
        return self.exponential(torch.from_numpy(rng.uniform(-scale, scale, size=self.dimension)))

    def transform(self, tensors: Tensors, value: Tensor) -> dict[str, Tensor]:
        """The vectors added along the legs of the flows."""
        changed: dict[str, Tensor] = {}
        for flow in self.flows:
            leg = flow.target
            tensor = changed.get(leg.tensor, tensors[leg.tensor])
            front = leg.front(tensor)
            new = front + flow.added(tensors, working(value, tensor), front)
            changed[leg.tensor] = leg.back(tensor, new.to(tensor.dtype))
        return changed
