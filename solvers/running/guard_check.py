"""The guard of a schedule applied to the destinations of a run."""

from __future__ import annotations

import math
from typing import final

import numpy as np

from solvers.objective import Objective
from solvers.results import TeleportResult
from solvers.rule import SecondOrderRule, State
from solvers.running.guard import Guard, Stability
from solvers.running.run_state import RunState
from solvers.running.scipy_stepper import ScipyStepper
from solvers.running.stepper import RuleStepper, Stepper
from symmetries.actions.parameter_space import FloatArray

DRIFT = 1e-6
"""By how much, relative to its size, the loss may rise in a teleport that is taken."""


@final
class GuardCheck:
    """Whether a destination passes the guard: its loss, the scale of its matrices, and the coming step from there.

    Where the rate is a number or a schedule the step is judged by its stability number; where it is found from the
    objective, or the rule uses the Hessian, the step from a fresh state is made and must not raise the loss.

    Parameters
    ----------
    guard: what is allowed.
    objective: whose level set was searched.
    stepper: the optimizer.
    """

    def __init__(self, guard: Guard, *, objective: Objective, stepper: RuleStepper | ScipyStepper) -> None:
        self._guard, self._objective, self._stepper = guard, objective, stepper
        self.reached: float | None = None
        """Loss after the step from the destination that was asked about last; None where no step was made."""

    def refusal(self, run: RunState, result: TeleportResult, state: State, count: int) -> str | None:
        """Why a destination is refused; None where it is not.

        Parameters
        ----------
        run: where the teleport began.
        result: where it leads.
        state, count: of the rule there.
        """
        self.reached = None
        before, after = result.loss_before, result.loss_after
        if not after - before <= DRIFT * abs(before):
            return f"the loss rose from {before:.6g} to {after:.6g}"
        if not self._guard.bounds_scale(self._objective.space, run.w, result.point):
            return f"the norm of a matrix changed by more than a factor {self._guard.scale:g}"
        if math.isinf(self._guard.stability) or isinstance(self._stepper, ScipyStepper):
            return None
        stability = self.stability(run, state, count)
        if stability is None:
            return self._refused_step(self._stepper, run, result.point)
        number, limit = stability.number(self._objective, result.point), self.limit(run)
        if number <= limit:
            return None
        return f"the step would overshoot: rate times curvature is {number:.6g}, above {limit:.6g}"

    def stability(self, run: RunState, state: State, count: int) -> Stability | None:
        """The stability number at the rate of the coming step; None where another test is made, or none."""
        stepper = self._stepper
        if not isinstance(stepper, Stepper) or isinstance(stepper.rule, SecondOrderRule):
            return None
        if not stepper.has_fixed_rate or math.isinf(self._guard.stability):
            return None
        rate, products = stepper.fixed_rate(run.step + 1), self._guard.products
        return Stability(stepper.rule, rate, products=products, state=state, count=count)

    def limit(self, run: RunState) -> float:
        """The largest number allowed; where the step is no multiple of the gradient, what the point has already."""
        stability = self.stability(run, run.state, run.count)
        if stability is None or stability.is_proportional(run.gradient):
            return self._guard.stability
        return max(self._guard.stability, stability.number(self._objective, run.w))

    def _refused_step(self, stepper: RuleStepper, run: RunState, w: FloatArray) -> str | None:
        """Why a step of the rule from a point is refused: it raises the loss."""
        with np.errstate(all="ignore"):
            value, gradient = self._objective.value_and_grad(w)
            state = stepper.start(gradient)
            after = stepper.advance(self._objective, w, value, gradient, state, count=1, number=run.step + 1)
            reached = self._objective.value(after.w) if np.isfinite(after.w).all() else math.inf
        self.reached = reached
        return None if reached <= value else f"the step would overshoot: it leads from {value:.6g} to {reached:.6g}"
