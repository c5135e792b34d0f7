"""What a teleportation makes as large, or as small, as it can."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from manifolds.errors import InputError
from solvers.objective import Objective
from symmetries.actions.parameter_space import FloatArray


class Target(ABC):
    """A real function of the point, made from the objective.

    Every evaluation of the objective goes through the objective, so that its ledger counts it.
    """

    name: str
    """The name by which results speak of it."""

    is_prediction = False
    """Whether it says how much the coming step of an optimizer lowers the loss."""

    has_gradient = True
    """Whether :meth:`value_and_grad` is there; without it searches compare values only."""

    @abstractmethod
    def value(self, objective: Objective, w: FloatArray) -> float:
        """The target at a point, NaN where it is not defined."""

    @abstractmethod
    def value_and_grad(self, objective: Objective, w: FloatArray) -> tuple[float, FloatArray]:
        """The target and its gradient in w, shape (n,).

        Raises
        ------
        InputError: the target has no gradient.
        """

    def start_value(self, objective: Objective, w: FloatArray) -> float:
        """The target at the start of a search.

        Raises
        ------
        InputError: it is NaN or infinite there.
        """
        value = self.value(objective, w)
        self.require_finite(value)
        return value

    def require_finite(self, value: float) -> None:
        """Refuse a value at the start that is NaN or infinite."""
        if not math.isfinite(value):
            raise InputError(
                f"the target {self.name!r} is {value} at the start",
                why="a search compares values of the target, so the first must be a finite number",
                cure="start elsewhere, or choose a target that is defined there",
            )

    def without_gradient(self) -> InputError:
        """The error of a target whose gradient was asked for and which has none."""
        return InputError(
            f"the gradient of the target {self.name!r}",
            why="only its value is known",
            cure="search by values, or give a function that returns the value and the gradient",
        )
