"""What chooses the length of a step from the objective."""

from __future__ import annotations

from abc import ABC, abstractmethod

from solvers.objective import Objective
from symmetries.actions.parameter_space import FloatArray


class StepSize(ABC):
    """A rule's learning rate that is found anew at each step, by asking the objective.

    Give it as ``learning_rate`` of a rule.  Every rule's displacement is its rate times the displacement at rate one,
    so the rate is a length along that direction.
    """

    def at(self, count: int) -> StepSize:
        """The policy of the step with this number, from 1; the same for all steps unless a policy holds a schedule."""
        return self

    @abstractmethod
    def rate(
        self, objective: Objective, w: FloatArray, value: float, gradient: FloatArray, direction: FloatArray
    ) -> float:
        """The rate: the point moves to w + rate * direction; zero where no step along it lowers the objective.

        Evaluations go through the objective, so that its ledger counts them.

        Parameters
        ----------
        objective: whose value is lowered.
        w: the point, shape (n,).
        value: the objective there.
        gradient: its gradient there, shape (n,).
        direction: the displacement of the rule at rate one, shape (n,): minus the gradient for gradient descent.
        """
