"""One step of L-BFGS: direction, line search along the retraction, and the new pair."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, final

import numpy as np

from solvers.objective import Objective
from solvers.rule import Slot, State
from solvers.running.coordinates import Coordinates
from solvers.running.stepper import RuleStepper, Step
from solvers.steps.limited_memory import CAUTION, LBFGS, Pair, quasi_newton, slot_names
from solvers.steps.wolfe_search import Trial, WolfeSearch
from symmetries.actions.parameter_space import FloatArray


@final
@dataclass(frozen=True, kw_only=True)
class Landing:
    """Where a trial of the line search leads.

    Parameters
    ----------
    w: the point.
    gradient: there.
    coordinates: of the gradient, isometric.
    carried: what the space hands on.
    """

    w: FloatArray
    gradient: FloatArray
    coordinates: FloatArray
    carried: Any


@final
class LimitedMemoryStepper(RuleStepper):
    """L-BFGS on a space.

    Parameters
    ----------
    rule: its memory and its line search.
    coordinates: where it runs.

    >>> from solvers.running.coordinates import EuclideanCoordinates
    >>> sorted(LimitedMemoryStepper(LBFGS(memory=1), EuclideanCoordinates()).slots.values())
    ['covector', 'vector']
    """

    rule: LBFGS
    has_fixed_rate = False

    def __init__(self, rule: LBFGS, coordinates: Coordinates) -> None:
        super().__init__(rule, coordinates)
        self._search = WolfeSearch(decrease=rule.decrease, curvature=rule.curvature, trials=rule.trials)
        self._last: tuple[State, list[Pair]] | None = None

    @property
    def slots(self) -> Mapping[str, Slot]:
        """Displacements are vectors, changes of gradients are covectors, so that a teleport keeps their products."""
        slots: dict[str, Slot] = {}
        for k in range(self.rule.memory):
            displacement, change = slot_names(k)
            slots[displacement], slots[change] = "vector", "covector"
        return slots

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
        """One step, see :meth:`RuleStepper.advance`; the rate is zero where the search finds no lower point."""
        section, lifted = self.coordinates.lift(w, gradient, carried)
        slope = self.coordinates.isometric(lifted)
        pairs = self._pairs(state)
        for known in (pairs, []) if pairs else ([],):
            direction = quasi_newton(slope, known)
            descent = float(slope @ direction)
            if not -math.inf < descent < 0:
                continue
            displacement = self.coordinates.from_isometric(direction)
            trial = partial(self._trial, objective, section, w, displacement, direction)
            found = self._search.find(
                trial,
                Trial(length=0.0, value=value, slope=descent),
                first=self.rule.learning_rate * (1.0 if known else min(1.0, 1.0 / math.sqrt(-descent))),
                longest=self.coordinates.longest(displacement),
            )
            if found is None:
                continue
            land: Landing = found.found
            pair = found.length * direction, land.coordinates - slope
            return Step(
                w=land.w,
                state=self._remembered(state if known else self.start(w), pair),
                rate=found.length,
                carried=land.carried,
                evaluated=(found.value, land.gradient),
            )
        return Step(w=w, state=self.start(w), rate=0.0, carried=carried, evaluated=(value, gradient), is_stuck=True)

    def _trial(
        self, objective: Objective, section: Any, w: FloatArray, W: FloatArray, direction: FloatArray, length: float
    ) -> Trial:
        """What is found at one length along the retraction."""
        point, carried = self.coordinates.advance(section, w, length * W)
        if not np.isfinite(point).all():
            return Trial(length=length, value=math.inf, slope=math.nan)
        value, gradient = objective.value_and_grad(point)
        if not (math.isfinite(value) and np.isfinite(gradient).all()):
            return Trial(length=length, value=math.inf, slope=math.nan)
        lifted = self.coordinates.isometric(self.coordinates.lift(point, gradient, carried)[1])
        landing = Landing(w=point, gradient=gradient, coordinates=lifted, carried=carried)
        return Trial(length=length, value=value, slope=float(lifted @ direction), found=landing)

    def _pairs(self, state: State) -> list[Pair]:
        """The pairs that are known, in isometric coordinates, the latest first; those of the last state are kept."""
        if self._last is not None and self._last[0] is state:
            return self._last[1]
        pairs = []
        for k in range(self.rule.memory):
            s, y = (state[name] for name in slot_names(k))
            product = float(s @ y)
            if product > 0 and float(y @ y) > 0:
                pairs.append((s, y, product))
        return pairs

    def _remembered(self, state: State, pair: tuple[FloatArray, FloatArray]) -> State:
        """The state with one more pair in place of the oldest, where the pair says something about curvature."""
        s, y = pair
        product = float(s @ y)
        square = float(y @ y)  # zero for changes so small that it underflows
        if not (square > 0 and product > CAUTION * math.sqrt(float(s @ s) * square)):
            return state
        after = dict(zip(slot_names(0), pair, strict=True))
        for k in range(self.rule.memory - 1):
            for older, newer in zip(slot_names(k + 1), slot_names(k), strict=True):
                after[older] = state[newer]
        self._last = after, [(s, y, product), *self._pairs(state)][: self.rule.memory]
        return after
