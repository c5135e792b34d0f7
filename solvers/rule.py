"""Optimizer rules: pure functions from gradients to displacements, on arrays of any shape and library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from manifolds.errors import InputError
from solvers.objective import Objective
from solvers.steps.hyperparameters import NON_NEGATIVE, Interval, read_number
from solvers.steps.step_size import StepSize
from symmetries.actions.parameter_space import FloatArray

Array: TypeAlias = Any
"""An array of any library that follows the Python array API (NumPy, PyTorch)."""

State: TypeAlias = dict[str, Array]
"""Arrays of the shape of the point, by slot name; a step returns a new dictionary."""

Slot: TypeAlias = Literal["covector", "vector", "square", "vector-square"]
"""How a slot follows a change of coordinates with Jacobian J: as J^-T m, as J m, or entry by entry as the square of
a covector (``square``: a scaling by s divides it by s^2) or of a vector (``vector-square``: it multiplies by s^2)."""


@dataclass(frozen=True, kw_only=True)
class Rule(ABC):
    r"""An optimizer as a pure function :math:`(g, s, t) \mapsto (W, s')`; the point moves to w + W.

    Rules use array API operations only, so the same rule drives vectors, matrices, manifold coordinates and tensors.
    Arrays are real: a complex point is given as its real and imaginary parts.  W is the rate times the displacement at
    rate one, and the next state does not depend on the rate.

    Parameters
    ----------
    learning_rate: step size, in units of the displacement over the direction; a schedule maps the step number (from 1)
        to it, and a :class:`~solvers.steps.step_size.StepSize` finds it from the objective.

    Raises
    ------
    InputError: a hyperparameter is no number or lies outside its interval.
    """

    learning_rate: Any = 1e-2

    slots: ClassVar[Mapping[str, Slot]] = {}
    """The slots of the state and how each follows a change of coordinates."""

    ranges: ClassVar[Mapping[str, Interval]] = {}
    """The intervals of the hyperparameters that are numbers."""

    def __post_init__(self) -> None:
        if not callable(self.learning_rate) and not isinstance(self.learning_rate, StepSize):
            rate = read_number(self.learning_rate, name="learning_rate", interval=NON_NEGATIVE)
            object.__setattr__(self, "learning_rate", rate)
        for name, interval in self.ranges.items():
            object.__setattr__(self, name, read_number(getattr(self, name), name=name, interval=interval))

    def start(self, like: Array) -> State:
        """The state before the first step: zeros of the shape of the point, unless a rule says otherwise."""
        return dict.fromkeys(self.slots, like * 0)

    @abstractmethod
    def step(
        self, gradient: Array, state: State, *, count: int, rate: float, point: Array | None = None
    ) -> tuple[Array, State]:
        """The displacement W and the next state.

        Parameters
        ----------
        gradient: at the point (for Nesterov too: the rule is written in the form that needs no look-ahead gradient).
        state: what :meth:`start` or the last step returned.
        count: number of this step, from 1.
        rate: the learning rate of this step.
        point: the point, for rules that decay it.
        """


@dataclass(frozen=True, kw_only=True)
class SecondOrderRule(Rule):
    """A rule that asks the objective for more than the gradient, on flat vectors."""

    learning_rate: Any = 1.0

    def step(
        self, gradient: Array, state: State, *, count: int, rate: float, point: Array | None = None
    ) -> tuple[Array, State]:
        """Refused: the gradient alone does not determine the displacement; see :meth:`displacement`."""
        raise InputError(
            f"{type(self).__name__} was given a gradient alone",
            why="it needs Hessian-vector products of the objective",
            cure="use it on an objective with `minimize`, or call `displacement`",
        )

    @abstractmethod
    def displacement(self, objective: Objective, w: FloatArray, gradient: FloatArray, *, rate: float) -> FloatArray:
        """The displacement W, shape (n,): the rate times the displacement at rate one.

        Parameters
        ----------
        objective: what is minimised; its ledger counts the Hessian-vector products.
        w: the point, shape (n,).
        gradient: there, shape (n,).
        rate: the learning rate of this step.
        """
