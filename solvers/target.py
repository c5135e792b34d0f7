"""What a teleportation makes as large, or as small, as it can."""

from __future__ import annotations

from abc import ABC, abstractmethod

from solvers.objective import Objective
from symmetries.actions.parameter_space import FloatArray


class Target(ABC):
    """A real function of the point, made from the objective.

    Every evaluation of the objective goes through the objective, so that its ledger counts it.
    """

    name: str
    """The name by which results speak of it."""

    @abstractmethod
    def value(self, objective: Objective, w: FloatArray) -> float:
        """The target at a point, NaN where it is not defined."""

    @abstractmethod
    def value_and_grad(self, objective: Objective, w: FloatArray) -> tuple[float, FloatArray]:
        """The target and its gradient in w, shape (n,)."""
