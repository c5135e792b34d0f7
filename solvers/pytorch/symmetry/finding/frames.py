"""Frames: in multiples of which vectors of parameters the coordinates of a space are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor


@final
@dataclass(frozen=True)
class Frame:
    r"""The diagonal matrix :math:`F = \prod_w \operatorname{diag}(w)^{a_w}` of parameters w with one axis.

    What acts on a space as g acts as :math:`F g F^{-1}` where its coordinates were multiplied by the entries of F.

    Parameters
    ----------
    powers: the exponents a that are not zero, by name, in the order of the names.

    >>> one = Frame.of("norm.weight")
    >>> (one + one).halved() == one, (one - one).is_plain(), one.halved() is None
    (True, True, True)
    """

    powers: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, name: str) -> Frame:
        """The entries of one parameter."""
        return cls(((name, 1),))

    def __add__(self, other: Frame) -> Frame:
        """The product of the matrices."""
        powers = dict(self.powers)
        for name, power in other.powers:
            powers[name] = powers.get(name, 0) + power
        return Frame(tuple(sorted((name, power) for name, power in powers.items() if power)))

    def __neg__(self) -> Frame:
        """The inverse matrix."""
        return Frame(tuple((name, -power) for name, power in self.powers))

    def __sub__(self, other: Frame) -> Frame:
        """The quotient of the matrices."""
        return self + (-other)

    def turned(self, turn: int) -> Frame:
        """The matrix, or its inverse for -1."""
        return self if turn > 0 else -self

    def halved(self) -> Frame | None:
        """The matrix of which this one is the square, if no root has to be taken of a parameter."""
        if any(power % 2 for _, power in self.powers):
            return None
        return Frame(tuple((name, power // 2) for name, power in self.powers))

    def is_plain(self) -> bool:
        """Whether it is the unit matrix whatever the parameters."""
        return not self.powers


PLAIN = Frame()
"""The unit matrix."""


@final
@dataclass(frozen=True)
class Metric:
    r"""The demand that what acts in a frame, :math:`F g F^{-1}`, is orthogonal, as where lengths are taken.

    Parameters
    ----------
    frame: F.
    centred: whether it also keeps the vector of ones, or turns it round, as where the mean is taken away before.
    upright: whether it does not turn it round either, as where the mean itself is taken.
    """

    frame: Frame
    centred: bool = False
    upright: bool = False


SPREAD = 1e3
"""By how much the entries of a vector may differ in size where coordinates are measured by it."""


def is_frame(tensor: Tensor) -> bool:
    """Whether coordinates can be measured in multiples of the entries of a tensor: a vector with none near zero."""
    if tensor.ndim != 1 or not tensor.numel() or tensor.is_meta:
        return tensor.ndim == 1 and tensor.is_meta
    sizes = tensor.detach().abs()
    return bool(torch.isfinite(sizes).all()) and float(sizes.amin()) * SPREAD > float(sizes.amax())
