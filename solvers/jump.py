"""A teleport inside a minimisation: search, guard, acceptance, and what becomes of the optimizer's state."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.acceptance import Rollout
from solvers.batches import Batches
from solvers.cost import Cost
from solvers.guard import Guard, Stability, StableTarget
from solvers.objective import Objective
from solvers.orbit_guards import require_kept, require_same_space
from solvers.results import TeleportResult
from solvers.rule import State
from solvers.run_state import RunState
from solvers.schedules import TeleportSchedule
from solvers.scipy_stepper import ScipyStepper
from solvers.status import Status
from solvers.stepper import Stepper
from solvers.targets import read_target
from solvers.teleport import read_move, teleport
from solvers.transport import transport_state
from symmetries.actions.parameter_space import FloatArray

DRIFT = 1e-6
"""By how much, relative to its size, the loss may rise in a teleport that is taken."""


@final
@dataclass(frozen=True, kw_only=True)
class Landing:
    """Where an accepted teleport put the run.

    Parameters
    ----------
    w: the point.
    state: of the rule there.
    count: steps of the rule since its state was made.
    value, gradient: on the batch of the coming step.
    """

    w: FloatArray
    state: State
    count: int
    value: float
    gradient: FloatArray


@final
class Jump:
    """The teleports of one schedule.

    Parameters
    ----------
    schedule: where they go and who accepts them.
    objective: the whole objective.
    batches, stepper: of the run.
    seed: of the searches; each draws from a generator of its own, made of the seed and the step.
    """

    def __init__(
        self,
        schedule: TeleportSchedule,
        *,
        objective: Objective,
        batches: Batches,
        stepper: Stepper | ScipyStepper,
        seed: int,
    ) -> None:
        self._schedule, self._batches, self._stepper, self._seed = schedule, batches, stepper, seed
        self._objective = schedule.objective or objective
        if self._objective.size != objective.size:
            raise InputError(
                f"a teleport along level sets of an objective of {self._objective.size} parameters",
                why=f"the one that is minimised has {objective.size}",
                cure="give an objective of the same parameters",
            )
        self._move = read_move(schedule.along, radius=schedule.radius, options=schedule.options)

    def require_possible(self, w: FloatArray) -> None:
        """Refuse, before the first step, an action of another loss and a target that is not finite at the start.

        Raises
        ------
        InputError: the action does not keep the objective, or the target is unknown or not finite.
        """
        action = self._schedule.action
        with np.errstate(all="ignore"):
            if action is not None:
                require_same_space(action, self._objective)
                level = self._objective.value_and_grad(w)
                require_kept(action, self._objective, w, level, np.random.default_rng(self._seed))
            read_target(self._schedule.target, objective=self._objective, w=w, action=action)

    def attempt(self, run: RunState) -> tuple[Landing | None, TeleportResult]:
        """Search from the point of a run: where it lands, None when the teleport is not taken, and the record."""
        before = self._objective.ledger.total()
        try:
            result, refusal = self._search_twice(run)
        except InputError as error:
            result, refusal = self._without_search(run), f"{error.what}: {error.why}"
        landing = None
        if refusal is None and not np.array_equal(result.point, run.w):
            landing, refusal = self._land(run, result)
        evidence = dict(result.evidence)
        if refusal is not None:
            evidence |= {"rejected": refusal}
            result = replace(result, status=Status.REJECTED)
            landing = None
        cost = self._objective.ledger.total() - before
        return landing, replace(result, evidence=evidence, cost=cost)

    def _without_search(self, run: RunState) -> TeleportResult:
        """The record of a search that was refused where the run stands, such as a target without a value there."""
        loss, gradient = self._objective.value_and_grad(run.w)
        length = float(np.linalg.norm(gradient))
        return TeleportResult(
            point=run.w.copy(),
            loss_before=loss,
            loss_after=loss,
            target=read_target(self._schedule.target, action=self._schedule.action).name,
            target_before=float("nan"),
            target_after=float("nan"),
            gradient_norm_before=length,
            gradient_norm_after=length,
            status=Status.REJECTED,
            cost=Cost(),
        )

    def _search_twice(self, run: RunState) -> tuple[TeleportResult, str | None]:
        """The best point, or the best among the stable ones where that is not stable; with the reason to refuse it."""
        guard = self._schedule.guard
        result = self._search(run, self._schedule.target)
        if guard is None or np.array_equal(result.point, run.w):
            return result, None
        refusal = self._refusal(guard, run, result)
        stability = self._stability(guard, run)
        if refusal is None or stability is None:
            return result, refusal
        target = read_target(self._schedule.target, objective=self._objective, w=run.w, action=self._schedule.action)
        stable = StableTarget(
            target,
            stability,
            limit=self._limit(guard, run, stability),
            maximize=self._schedule.maximize,
            floor=result.target_before,
        )
        again = self._search(run, stable)
        reached = target.value(self._objective, again.point)
        again = replace(again, target=result.target, target_before=result.target_before, target_after=reached)
        is_better = reached > result.target_before if self._schedule.maximize else reached < result.target_before
        is_taken = is_better and self._refusal(guard, run, again) is None
        return (again, None) if is_taken else (result, refusal)

    def _search(self, run: RunState, target: Any) -> TeleportResult:
        """One teleport of the point of a run, as a vector."""
        with np.errstate(all="ignore"):
            return teleport(
                self._objective,
                run.w.copy(),
                along=self._move,
                target=target,
                maximize=self._schedule.maximize,
                rng=np.random.default_rng((self._seed, run.step)),
            )

    def _refusal(self, guard: Guard, run: RunState, result: TeleportResult) -> str | None:
        """Why the guard refuses a destination; None where it does not."""
        before, after = result.loss_before, result.loss_after
        if not after - before <= DRIFT * abs(before):
            return f"the loss rose from {before:.6g} to {after:.6g}"
        if not guard.bounds_scale(self._objective.space, run.w, result.point):
            return f"the norm of a matrix changed by more than a factor {guard.scale:g}"
        stability = self._stability(guard, run)
        if stability is not None:
            number, limit = stability.number(self._objective, result.point), self._limit(guard, run, stability)
            if number > limit:
                return f"the step would overshoot: rate times curvature is {number:.6g}, above {limit:.6g}"
        return None

    def _stability(self, guard: Guard, run: RunState) -> Stability | None:
        """The stability number at the rate of the coming step; None where no rate is known or no test is wanted."""
        if isinstance(self._stepper, ScipyStepper) or not self._stepper.has_fixed_rate or np.isinf(guard.stability):
            return None
        rate = self._stepper.fixed_rate(run.step + 1)
        return Stability(self._stepper.rule, rate, products=guard.products)

    def _limit(self, guard: Guard, run: RunState, stability: Stability) -> float:
        """The largest number allowed; where the step is no multiple of the gradient, what the point has already."""
        if stability.is_proportional(run.gradient):
            return guard.stability
        return max(guard.stability, stability.number(self._objective, run.w))

    def _land(self, run: RunState, result: TeleportResult) -> tuple[Landing | None, str | None]:
        """The run at the destination, or why the teleport is not taken."""
        objective = self._batches(run.step)
        w = np.array(result.point, dtype=float)
        value, gradient = objective.value_and_grad(w)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return None, "the loss or its gradient is not finite at the destination"
        state, count, problem = self._moved_state(run, result, gradient)
        if problem is not None:
            return None, problem
        landing = Landing(w=w, state=state, count=count, value=value, gradient=gradient)
        return landing, self._judged(run, landing)

    def _moved_state(
        self, run: RunState, result: TeleportResult, gradient: FloatArray
    ) -> tuple[State, int, str | None]:
        """The state of the rule and its count at the destination, and why there is none."""
        schedule = self._schedule
        if schedule.state == "reset":
            return self._stepper.start(gradient), 0, None
        if schedule.state == "keep" or schedule.action is None or not run.state:
            return run.state, run.count, None
        if result.element is None:
            return run.state, run.count, "the move names no group element that could transport the state"
        slots, action, element = self._stepper.slots, schedule.action, result.element
        try:
            state = transport_state(slots, run.state, action=action, element=element, w=run.w)
        except InputError as error:
            return run.state, run.count, f"{error.what}: {error.why}"
        return state, run.count, None

    def _judged(self, run: RunState, landing: Landing) -> str | None:
        """Why the acceptance test refuses a landing; None where it does not."""
        accept = self._schedule.accept
        if accept is None:
            return None
        if not isinstance(accept, Rollout):
            return None if accept(run.w.copy(), landing.w.copy()) else "the acceptance function said no"
        without, with_teleport = accept.ends(
            self._stepper,
            self._batches,
            step=run.step,
            starts=((run.w, run.state, run.count), (landing.w, landing.state, landing.count)),
        )
        if accept.prefers(without, with_teleport):
            return None
        return f"after {accept.steps} steps the loss is {with_teleport:.6g} with the teleport, {without:.6g} without"
