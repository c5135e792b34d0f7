r"""Lookahead as a target: how far the loss falls in the next steps of an optimizer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.objective import Objective
from solvers.rule import Rule, SecondOrderRule, State
from solvers.rules import AdaDelta, AdaGrad, Adam, AdamW, GradientDescent, HeavyBall, Nesterov, RMSProp
from solvers.steps.hyperparameters import read_count
from solvers.steps.step_size import StepSize
from solvers.target import Target
from symmetries.actions.parameter_space import FloatArray

ANALYTIC = (GradientDescent, HeavyBall, Nesterov, AdaGrad, RMSProp, AdaDelta, Adam, AdamW)
"""Rules that treat each coordinate alone, by analytic formulas."""

STEP = 1e-100
"""Imaginary step of the derivatives of a rule: imaginary parts are linear in it."""


@final
@dataclass(frozen=True, eq=False)
class Lookahead(Target):
    r"""The decrease :math:`L(w) - L(w_K)` in K steps :math:`w_{j+1} = w_j + W_j` of an optimizer from w.

    Its gradient goes backwards through the steps,

    .. math:: \lambda_K = \nabla L(w_K), \qquad
        \lambda_i = \lambda_{i+1} + \frac{\partial W_i}{\partial w_i}\lambda_{i+1}
        + \nabla^2L(w_i)\sum_{j \ge i} \frac{\partial W_j}{\partial g_i}\lambda_{j+1},

    with one Hessian-vector product a step.  The derivatives of the rule are exact, entry by entry, for gradient
    descent, heavy ball, Nesterov, AdaGrad, RMSProp, AdaDelta, Adam and AdamW at fixed rates or schedules; other rules
    and step-size policies give values without gradients.  A value costs K gradients and one value of the loss.

    Parameters
    ----------
    rule: the optimizer.
    steps: the number K of steps.
    state: its state at the first step, from a run; a fresh one by default.
    count: how many steps the rule has done since its state was made.

    Raises
    ------
    InputError: the rule is none, or steps is no positive integer.

    >>> objective = Objective.from_functions(lambda w: w @ w / 2, lambda w: w, lambda w, v: v, size=1)
    >>> Lookahead(GradientDescent(learning_rate=0.5), steps=1).value_and_grad(objective, np.array([2.0]))
    (1.5, array([1.5]))
    """

    rule: Rule = field(default_factory=GradientDescent)
    steps: int = 5
    state: State | None = None
    count: int = 0
    has_gradient: bool = field(init=False, default=True)

    name = "lookahead"

    def __post_init__(self) -> None:
        if not isinstance(self.rule, Rule):
            raise InputError(
                f"the rule of a lookahead of the type {type(self.rule).__name__}",
                why="it is no optimizer rule",
                cure="write Lookahead(Adam(learning_rate=1e-2), steps=5)",
            )
        object.__setattr__(self, "steps", read_count(self.steps, name="steps"))
        object.__setattr__(self, "count", read_count(self.count, name="count", low=0))
        slots = sorted(self.rule.start(np.zeros(1)))
        if self.state is not None and not (isinstance(self.state, Mapping) and sorted(self.state) == slots):
            raise InputError(
                f"the state of a lookahead of {type(self.rule).__name__}",
                why=f"its slots are {', '.join(slots) or 'none'}",
                cure="give the state of a run of this rule, or leave it away for a fresh one",
            )
        known = isinstance(self.rule, ANALYTIC) and not isinstance(self.rule.learning_rate, StepSize)
        object.__setattr__(self, "has_gradient", known)

    def value(self, objective: Objective, w: FloatArray) -> float:
        """The decrease; NaN where the steps leave the finite numbers."""
        run = self._run(objective, w)
        return run.first_value - objective.value(run.points[-1]) if run.is_finite else math.nan

    def value_and_grad(self, objective: Objective, w: FloatArray) -> tuple[float, FloatArray]:
        """The decrease and its gradient."""
        if not self.has_gradient:
            raise self.without_gradient()
        run = self._run(objective, w)
        if not run.is_finite:
            return math.nan, np.full_like(w, math.nan)
        last, adjoint = objective.value_and_grad(run.points[-1])
        with np.errstate(all="ignore"):
            slopes, decays = self._derivatives(run)
            pulled = [np.zeros_like(w) for _ in range(self.steps)]
            for i in range(self.steps - 1, -1, -1):
                for j in range(i + 1):
                    pulled[j] += slopes[i][j] * adjoint
                adjoint = adjoint + decays[i] * adjoint + objective.hvp(run.points[i], pulled[i])
        return run.first_value - last, run.gradients[0] - adjoint

    def _run(self, objective: Objective, w: FloatArray) -> _Run:
        """The virtual steps."""
        points, gradients, first_value = [w], [], math.nan
        state = self.rule.start(w) if self.state is None else self.state
        with np.errstate(all="ignore"):
            for k in range(self.steps):
                value, gradient = objective.value_and_grad(points[-1])
                first_value = value if k == 0 else first_value
                gradients.append(gradient)
                if not (math.isfinite(value) and np.isfinite(gradient).all()):
                    return _Run(first_value, points, gradients, is_finite=False)
                move, state = self._step(objective, points[-1], value, gradient, state, k)
                points.append(points[-1] + move)
        return _Run(first_value, points, gradients, is_finite=bool(np.isfinite(points[-1]).all()))

    def _step(
        self, objective: Objective, w: FloatArray, value: float, gradient: FloatArray, state: State, k: int
    ) -> tuple[FloatArray, State]:
        """The displacement of virtual step k and the next state."""
        policy = self.rule.learning_rate
        rate = 1.0 if isinstance(policy, StepSize) else self._rate(k)
        if isinstance(self.rule, SecondOrderRule):
            move = self.rule.displacement(objective, w, gradient, rate=rate)
        else:
            move, state = self.rule.step(gradient, state, count=self.count + k + 1, rate=rate, point=w)
        if isinstance(policy, StepSize):
            move = policy.at(self.count + k + 1).rate(objective, w, value, gradient, move) * move
        return move, state

    def _rate(self, k: int) -> float:
        """The learning rate of virtual step k."""
        rate: Any = self.rule.learning_rate
        return float(rate(self.count + k + 1)) if callable(rate) else float(rate)

    def _derivatives(self, run: _Run) -> tuple[list[list[FloatArray]], list[FloatArray]]:
        """Derivatives of each displacement, entry by entry: in each gradient so far, and in the point."""
        slopes: list[list[FloatArray]] = [[] for _ in range(self.steps)]
        decays = []
        for i in range(self.steps):
            state: State = self.rule.start(run.points[0]) if self.state is None else self.state
            for j in range(self.steps):
                options: Any = {"count": self.count + j + 1, "rate": self._rate(j)}
                if j == i:
                    near = self.rule.step(run.gradients[j], state, point=run.points[j] + 1j * STEP, **options)[0]
                    decays.append(np.imag(near) / STEP)
                gradient = run.gradients[j] + (1j * STEP if j == i else 0)
                move, state = self.rule.step(gradient, state, point=run.points[j], **options)
                if j >= i:
                    slopes[j].append(np.imag(move) / STEP)
        return slopes, decays


@final
@dataclass(frozen=True)
class _Run:
    """Virtual steps: the loss at the start, the points, the gradients at all but the last."""

    first_value: float
    points: list[FloatArray]
    gradients: list[FloatArray]
    is_finite: bool
