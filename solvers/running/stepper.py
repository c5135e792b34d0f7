"""One step of an optimizer: gradient, coordinates, rule, retraction."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.objective import Objective
from solvers.rule import Rule, SecondOrderRule, Slot, State
from solvers.running.coordinates import Coordinates
from solvers.step_sizes import fixed_rate
from solvers.steps.step_size import StepSize
from symmetries.actions.parameter_space import FloatArray


@final
@dataclass(frozen=True, kw_only=True)
class Step:
    """Where a step led.

    Parameters
    ----------
    w: the point.
    state: of the rule there.
    rate: the learning rate of the step.
    carried: what the space hands on to its next section.
    evaluated: value and gradient there, where the step has asked for them.
    is_stuck: whether no later step from here would move either, unless a teleport comes.
    """

    w: FloatArray
    state: State
    rate: float
    carried: Any
    evaluated: tuple[float, FloatArray] | None = None
    is_stuck: bool = False


class RuleStepper(ABC):
    """A rule on a space, as a function from one point to the next.

    Parameters
    ----------
    rule: the optimizer.
    coordinates: where it runs.
    """

    def __init__(self, rule: Rule, coordinates: Coordinates) -> None:
        self.rule, self.coordinates = rule, coordinates

    @property
    @abstractmethod
    def slots(self) -> Mapping[str, Slot]:
        """How each part of the state follows a change of coordinates."""

    @property
    @abstractmethod
    def has_fixed_rate(self) -> bool:
        """Whether the rate is a number or a schedule, known before the gradient is."""

    def start(self, like: FloatArray) -> State:
        """The state of the rule before the first step, for vectors of this shape."""
        return dict.fromkeys(self.slots, np.zeros_like(like))

    def norm(self, w: FloatArray, gradient: FloatArray, carried: Any = None) -> float:
        """Length of the gradient on the space."""
        if not np.isfinite(gradient).all():
            return float("nan")
        return self.coordinates.norm(self.coordinates.lift(w, gradient, carried)[1])

    @abstractmethod
    def advance(
        self,
        objective: Objective,
        w: FloatArray,
        value: float,
        gradient: FloatArray,
        state: State,
        *,
        count: int,
        number: int,
        carried: Any = None,
    ) -> Step:
        """One step.

        Parameters
        ----------
        objective: whose value and gradient at w are given.
        state: of the rule at w.
        count: steps of the rule since its state was made, this one included.
        number: of the step in the run, from 1, for the rate.
        carried: what the last step on this space returned beside the point.
        """

    def roll(
        self, objectives: list[Objective], w: FloatArray, state: State, *, count: int, step: int
    ) -> FloatArray | None:
        """Where steps on these objectives lead, one each; None where they leave the finite numbers.

        Parameters
        ----------
        objectives: one for each step.
        w, state, count: where they begin.
        step: steps of the run before them.
        """
        for k, objective in enumerate(objectives, start=1):
            value, gradient = objective.value_and_grad(w)
            if not (math.isfinite(value) and np.isfinite(gradient).all()):
                return None
            after = self.advance(objective, w, value, gradient, state, count=count + k, number=step + k)
            w, state = after.w, after.state
            if not np.isfinite(w).all():
                return None
        return w


@final
class Stepper(RuleStepper):
    """A rule whose step is a function of the gradient and of its state.

    Parameters
    ----------
    rule: the optimizer.
    coordinates: where it runs.

    Raises
    ------
    InputError: the rule asks for Hessian-vector products and the space is curved.
    """

    def __init__(self, rule: Rule, coordinates: Coordinates) -> None:
        super().__init__(rule, coordinates)
        if isinstance(rule, SecondOrderRule) and not coordinates.is_euclidean:
            raise InputError(
                f"{rule!r} on {coordinates.describe()}",
                why="it asks for Hessian-vector products along straight lines, and the space is curved",
                cure="use rule='l-bfgs', which learns the curvature from gradients",
            )

    @property
    def slots(self) -> Mapping[str, Slot]:
        """How each part of the state follows a change of coordinates."""
        return self.rule.slots

    @property
    def has_fixed_rate(self) -> bool:
        """Whether the rate is a number or a schedule, known before the gradient is."""
        return not isinstance(self.rule.learning_rate, StepSize)

    def start(self, like: FloatArray) -> State:
        """The state of the rule before the first step, for vectors of this shape."""
        return self.rule.start(np.zeros_like(like))

    def fixed_rate(self, number: int) -> float:
        """The rate of the step with this number, from 1, where it is fixed."""
        return fixed_rate(self.rule.learning_rate, number)

    def advance(
        self,
        objective: Objective,
        w: FloatArray,
        value: float,
        gradient: FloatArray,
        state: State,
        *,
        count: int,
        number: int,
        carried: Any = None,
    ) -> Step:
        """One step, see :meth:`RuleStepper.advance`."""
        section, slope = self.coordinates.lift(w, gradient, carried)
        step_size = self.rule.learning_rate
        rate, is_stuck = 1.0 if isinstance(step_size, StepSize) else self.fixed_rate(number), False
        if isinstance(self.rule, SecondOrderRule):
            displacement, after = self.rule.displacement(objective, w, slope, rate=rate), state
        else:
            point = self._decaying(section, w)
            displacement, after = self.rule.step(slope, state, count=count, rate=rate, point=point)
        if isinstance(step_size, StepSize):
            line = self.coordinates.line(objective, section, w, slope)
            rate = step_size.at(number).rate(line.objective, line.origin, value, line.slope, displacement)
            rate = _checked(float(rate), number)
            # a momentum that points uphill turns at later steps; a step down that is refused stays refused
            is_stuck = rate == 0 and (not state or float(line.slope @ displacement) < 0)
            displacement = rate * displacement
        point, carried = self.coordinates.advance(section, w, displacement)
        return Step(w=point, state=after, rate=rate, carried=carried, is_stuck=is_stuck)

    def _decaying(self, section: Any, w: FloatArray) -> FloatArray | None:
        """What weight decay multiplies, where the rule may look at it."""
        if self.coordinates.is_euclidean:
            return w
        return self.coordinates.position(section, w) if getattr(self.rule, "weight_decay", 0.0) else None


def _checked(rate: float, number: int) -> float:
    """A rate, refused when it is negative or no number."""
    if rate >= 0:
        return rate
    raise InputError(
        f"the learning rate {rate!r} of step {number}",
        why="a rate is a number from 0 up",
        cure="let the schedule return such a number",
    )
