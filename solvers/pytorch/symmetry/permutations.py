"""Permutations of hidden units, channels and heads."""

from __future__ import annotations

from math import factorial
from typing import final

import numpy as np
import torch
from torch import Tensor

from solvers.pytorch.symmetry.component import Component, Tensors, on_legs
from solvers.pytorch.symmetry.legs import Leg


@final
class Permutations(Component):
    r"""The symmetric group of a set of n units, or one permutation for each of several copies of it.

    An element is an array p of indices, shape (\*copies, n): unit i of the new tensor is unit p(i) of the old one.

    Parameters
    ----------
    size: the number n.
    copies: number of independent permutations along each copy axis; legs take these axes first.

    >>> units = Permutations("hidden", (Leg(tensor="w", shape=(3,), axes=(0,)),), size=3)
    >>> units.transform({"w": torch.tensor([1.0, 2.0, 3.0])}, torch.tensor([2, 0, 1]))["w"].tolist()
    [3.0, 1.0, 2.0]
    """

    def __init__(self, name: str, legs: tuple[Leg, ...], *, size: int, copies: tuple[int, ...] = ()) -> None:
        super().__init__(name, legs)
        self.size = size
        self.copies = copies

    @property
    def number(self) -> int:
        """Number of copies in all."""
        return int(np.prod(self.copies, dtype=int))

    @property
    def group(self) -> str:
        """For instance ``S_16``."""
        return f"S_{self.size}" + (f"^{self.number}" if self.number > 1 else "")

    @property
    def dimension(self) -> int:
        """A finite group has dimension zero."""
        return 0

    @property
    def discrete_order(self) -> int:
        """n! for each copy."""
        return int(factorial(self.size) ** self.number)

    def identity(self) -> Tensor:
        """Every unit in its place."""
        return torch.arange(self.size).expand(*self.copies, self.size)

    def exponential(self, coordinates: Tensor) -> Tensor:
        """The neutral element: there are no coordinates."""
        return self.identity()

    def inverse(self, value: Tensor) -> Tensor:
        """The places at which the units are found."""
        return torch.argsort(value, dim=-1)

    def compose(self, left: Tensor, right: Tensor) -> Tensor:
        """Unit i of the product is unit right(left(i))."""
        return torch.gather(right, -1, left)

    def random(self, rng: np.random.Generator, *, scale: float) -> Tensor:
        """A uniform permutation for each copy."""
        rows = [rng.permutation(self.size) for _ in range(self.number)]
        return torch.from_numpy(np.array(rows, dtype=np.int64).reshape(*self.copies, self.size))

    def transform(self, tensors: Tensors, value: Tensor) -> dict[str, Tensor]:
        """Units taken from their new places along the axis of each leg."""

        def act(leg: Leg, front: Tensor) -> Tensor:
            """The units in their new order along one leg."""
            if not self.copies:
                return front.index_select(0, value.to(front.device))
            index = value.to(front.device).reshape(*value.shape, *[1] * (front.ndim - value.ndim))
            return torch.gather(front, len(self.copies), index.expand(front.shape))

        return on_legs(tensors, self.legs, act)
