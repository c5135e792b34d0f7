"""One step of an optimizer: gradient, coordinates, rule, retraction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.coordinates import Coordinates
from solvers.objective import Objective
from solvers.rule import Rule, SecondOrderRule, Slot, State
from solvers.step_size import StepSize
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
    """

    w: FloatArray
    state: State
    rate: float
    carried: Any


@final
class Stepper:
    """A rule on a space, as a function from one point to the next.

    Parameters
    ----------
    rule: the optimizer.
    coordinates: where it runs.

    Raises
    ------
    InputError: the rule or its step size needs Euclidean space and the space is another one.
    """

    def __init__(self, rule: Rule, coordinates: Coordinates) -> None:
        self.rule, self.coordinates = rule, coordinates
        needs_flat = isinstance(rule, SecondOrderRule) or isinstance(rule.learning_rate, StepSize)
        if needs_flat and not coordinates.is_euclidean:
            raise InputError(
                f"{rule!r} on {coordinates.describe()}",
                why="it asks the objective for values or products along straight lines, and the space is curved",
                cure="use a rule with a fixed learning rate or a schedule of rates",
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
        rate = self.rule.learning_rate
        return _checked(float(rate(number)) if callable(rate) else float(rate), number)

    def norm(self, w: FloatArray, gradient: FloatArray, carried: Any = None) -> float:
        """Length of the gradient on the space."""
        if not np.isfinite(gradient).all():
            return float("nan")
        return self.coordinates.norm(self.coordinates.lift(w, gradient, carried)[1])

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
        section, slope = self.coordinates.lift(w, gradient, carried)
        step_size = self.rule.learning_rate
        rate = 1.0 if isinstance(step_size, StepSize) else self.fixed_rate(number)
        if isinstance(self.rule, SecondOrderRule):
            displacement, after = self.rule.displacement(objective, w, slope, rate=rate), state
        else:
            point = w if self.coordinates.is_euclidean else None
            displacement, after = self.rule.step(slope, state, count=count, rate=rate, point=point)
        if isinstance(step_size, StepSize):
            rate = step_size.at(number).rate(objective, w, value, gradient, displacement)
            rate = _checked(float(rate), number)
            displacement = rate * displacement
        point, carried = self.coordinates.advance(section, w, displacement)
        return Step(w=point, state=after, rate=rate, carried=carried)

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


def _checked(rate: float, number: int) -> float:
    """A rate, refused when it is negative or no number."""
    if rate >= 0:
        return rate
    raise InputError(
        f"the learning rate {rate!r} of step {number}",
        why="a rate is a number from 0 up",
        cure="let the schedule return such a number",
    )
