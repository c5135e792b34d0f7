"""What a search may not leave: the set of feasible points, its tangent spaces, and how to come back to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from manifolds.errors import InputError
from solvers.objective import Objective
from symmetries.actions.parameter_space import FloatArray

ROUNDING = 16 * float(np.finfo(float).eps)


@final
@dataclass(frozen=True, kw_only=True)
class Iterate:
    """A point with the loss and its gradient there, all finite.

    >>> at = Iterate(point=np.zeros(2), value=1.0, gradient=np.array([3.0, 4.0]))
    >>> at.slope, at.normal.tolist()
    (5.0, [0.6, 0.8])
    """

    point: FloatArray
    value: float
    gradient: FloatArray

    @cached_property
    def slope(self) -> float:
        """Length of the gradient, without overflow or underflow of its squares."""
        largest = float(np.abs(self.gradient).max(initial=0.0))
        return largest * float(np.linalg.norm(self.gradient / largest)) if largest else 0.0

    @cached_property
    def normal(self) -> FloatArray:
        """Unit vector along the gradient; zero where the gradient is."""
        largest = float(np.abs(self.gradient).max(initial=0.0))
        if not largest:
            return np.zeros_like(self.gradient)
        scaled = self.gradient / largest
        return scaled / np.linalg.norm(scaled)


class TangentSpace(ABC):
    """The directions in which a search may go from a point."""

    name: str
    """Two tangent spaces of the same name are compared by projection; others have nothing to do with each other."""

    holds_level = False
    """Whether the level holds the search back, so that it pays to stay on it also where lower losses are allowed."""

    @abstractmethod
    def project(self, vector: FloatArray) -> FloatArray:
        """The part of a vector in the space."""


class Constraint(ABC):
    """A set of points with nearly the loss of the start.

    Parameters
    ----------
    objective: the loss.
    start: the point whose loss is kept.
    tolerance: the relative drift that is allowed.

    Raises
    ------
    InputError: the loss or its gradient is not finite at the start.
    """

    def __init__(self, objective: Objective, start: FloatArray, *, tolerance: float) -> None:
        self.objective = objective
        first = self.evaluate(start)
        if first is None:
            raise InputError(
                "the starting point",
                why="the objective or its gradient is not finite there",
                cure="start where both are finite",
            )
        self.start, self.level = first, first.value
        floor = ROUNDING * first.slope * float(np.linalg.norm(start))
        self.allowance = max(tolerance * abs(self.level), floor) or tolerance * first.slope

    def evaluate(self, point: FloatArray) -> Iterate | None:
        """Loss and gradient at a point, or None where they are not finite."""
        if not np.isfinite(point).all():
            return None
        with np.errstate(all="ignore"):
            value, gradient = self.objective.value_and_grad(point)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return None
        return Iterate(point=point, value=value, gradient=gradient)

    @abstractmethod
    def contains(self, at: Iterate, *, slack: float = 0.0) -> bool:
        """Whether a point belongs to the set, up to a further change of the loss by ``slack``."""

    def land(self, point: FloatArray, *, reach: float, slack: float = 0.0, to_level: bool = False) -> Iterate | None:
        """The point of the set that a point leads to.

        Parameters
        ----------
        point: where to start, shape (n,).
        reach: how far from it to look.
        slack: change of the loss that may be left.
        to_level: whether a point with a lower loss is brought up to the level, where lower losses belong to the set.

        Returns
        -------
        The landing point, or None where there is none within reach or the loss is not finite on the way.
        """
        at = self.evaluate(point)
        return None if at is None else self.settle(at, reach=reach, slack=slack, to_level=to_level)

    @abstractmethod
    def settle(self, at: Iterate, *, reach: float, slack: float = 0.0, to_level: bool = False) -> Iterate | None:
        """The landing point from a point where the loss is known already; see :meth:`land`."""

    @abstractmethod
    def tangent_space(self, at: Iterate, gradient: FloatArray) -> TangentSpace:
        """The directions that are open to a search at a point of the set whose merit has this gradient."""
