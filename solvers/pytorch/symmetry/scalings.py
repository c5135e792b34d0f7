"""Positive scalings of hidden units, and their changes of sign."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from torch import Tensor

from solvers.pytorch.symmetry.component import Component, Tensors, on_legs, working
from solvers.pytorch.symmetry.legs import Leg


@final
class Scalings(Component):
    r"""Positive numbers s, one a unit: :math:`T \mapsto s^eT` along the axes of each leg with exponent e.

    An element is log s, so that inverses are exact.

    Parameters
    ----------
    shape: of s; legs have one axis for each of its axes.

    >>> weights = (Leg(tensor="w1", shape=(2, 3), axes=(0,)), Leg(tensor="w2", shape=(1, 2), axes=(1,), exponent=-1))
    >>> scalings = Scalings("hidden", weights, shape=(2,))
    >>> value = scalings.exponential(torch.tensor([2.0, 1.0]).log())
    >>> moved = scalings.transform({"w1": torch.ones(2, 3), "w2": torch.ones(1, 2)}, value)
    >>> moved["w1"].round().tolist(), moved["w2"].tolist()
    ([[2.0, 2.0, 2.0], [1.0, 1.0, 1.0]], [[0.5, 1.0]])
    """

    def __init__(self, name: str, legs: tuple[Leg, ...], *, shape: tuple[int, ...]) -> None:
        super().__init__(name, legs)
        self.shape = shape

    @property
    def group(self) -> str:
        """For instance ``R+^16``."""
        return f"R+^{self.dimension}"

    @property
    def dimension(self) -> int:
        """One for each unit."""
        return int(np.prod(self.shape, dtype=int))

    @property
    def discrete_order(self) -> int:
        """Positive numbers are connected."""
        return 1

    def identity(self) -> Tensor:
        """Zeros: the logarithm of one."""
        return torch.zeros(self.shape, dtype=torch.float64)

    def exponential(self, coordinates: Tensor) -> Tensor:
        """The coordinates are log s already."""
        return coordinates.reshape(self.shape)

    def inverse(self, value: Tensor) -> Tensor:
        """The logarithm of 1 / s."""
        return -value

    def compose(self, left: Tensor, right: Tensor) -> Tensor:
        """The logarithm of the product."""
        return left + right

    def random(self, rng: np.random.Generator, *, scale: float) -> Tensor:
        """Logarithms uniform in [-scale, scale]."""
        return torch.from_numpy(rng.uniform(-scale, scale, size=self.shape))

    def transform(self, tensors: Tensors, value: Tensor) -> dict[str, Tensor]:
        """Products along the axes of each leg."""

        def act(leg: Leg, front: Tensor) -> Tensor:
            """The scaled units along one leg."""
            factor = torch.exp(leg.exponent * working(value, front))
            return front * factor.reshape(*self.shape, *[1] * (front.ndim - len(self.shape)))

        return on_legs(tensors, self.legs, act)


@final
class Signs(Component):
    r"""Signs, one a unit: :math:`T \mapsto \epsilon T` along the axes of each leg.

    Parameters
    ----------
    shape: of the array of signs; legs have one axis for each of its axes.

    >>> signs = Signs("hidden", (Leg(tensor="w", shape=(2, 1), axes=(0,)),), shape=(2,))
    >>> signs.group, signs.discrete_order
    ('{+-1}^2', 4)
    """

    def __init__(self, name: str, legs: tuple[Leg, ...], *, shape: tuple[int, ...]) -> None:
        super().__init__(name, legs)
        self.shape = shape

    @property
    def number(self) -> int:
        """Number of signs."""
        return int(np.prod(self.shape, dtype=int))

    @property
    def group(self) -> str:
        """For instance ``{+-1}^16``."""
        return f"{{+-1}}^{self.number}"

    @property
    def dimension(self) -> int:
        """A finite group has dimension zero."""
        return 0

    @property
    def discrete_order(self) -> int:
        """Two for each unit."""
        return int(2**self.number)

    def identity(self) -> Tensor:
        """Ones."""
        return torch.ones(self.shape, dtype=torch.float64)

    def exponential(self, coordinates: Tensor) -> Tensor:
        """The neutral element: there are no coordinates."""
        return self.identity()

    def inverse(self, value: Tensor) -> Tensor:
        """Signs are their own inverses."""
        return value

    def compose(self, left: Tensor, right: Tensor) -> Tensor:
        """The product."""
        return left * right

    def random(self, rng: np.random.Generator, *, scale: float) -> Tensor:
        """Independent fair signs."""
        return torch.from_numpy(rng.choice([-1.0, 1.0], size=self.shape))

    def transform(self, tensors: Tensors, value: Tensor) -> dict[str, Tensor]:
        """Products along the axes of each leg."""

        def act(leg: Leg, front: Tensor) -> Tensor:
            """The units with their signs along one leg."""
            return front * working(value, front).reshape(*self.shape, *[1] * (front.ndim - len(self.shape)))

        return on_legs(tensors, self.legs, act)
