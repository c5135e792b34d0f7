r"""Local ascent on orbits of groups with several parameters: L-BFGS in Lie algebra coordinates.

Each step multiplies the element by an exact exponential, :math:`g \leftarrow \exp(\sum_k t_kX_k)\,g`; slopes are the
derivatives along the generators at the new point, so that no derivative of the exponential is needed.

Source: J. Nocedal and S. J. Wright, "Numerical Optimization" (2006), sections 3.1 and 7.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.search.orbit_target import OrbitTarget
from solvers.status import Status
from symmetries.actions.parameter_space import FloatArray

MEMORY = 8

FIRST_STEP, LONGEST_STEP = 0.1, 1.0
"""|t| of the first step and the largest |t| of any."""

SUFFICIENT = 1e-4
"""Share of the increase that the slope promises which a step must make."""

FLAT = 1e-9
"""Derivative of the merit below which a point counts as stationary."""

ROUNDING = 1e-5
"""Derivative of the merit from which a direction out of the region counts."""

NEGLIGIBLE = 1e-15
"""Increase that a quasi-Newton step promises, relative to the merit, at which the ascent has arrived."""

CRAWL = 1e-3
"""Increase of the merit below which steps that a guard shortens are given up."""

BACKTRACKS, FEW_BACKTRACKS = 25, 5

TINY = 1e-300


@final
@dataclass(frozen=True, kw_only=True)
class Region:
    """Where an ascent may go.

    Parameters
    ----------
    radius: bound on |log g|, infinite on compact groups.
    abelian: whether the coordinates of steps add up to those of the element; otherwise lengths of steps add up.
    admits: the guards, whether an element is allowed.
    box: bound on every coordinate, infinite unless the group is a product of positive scalings.
    """

    radius: float
    abelian: bool
    admits: Callable[[Any], bool]
    box: float = np.inf

    def inside(self, coordinates: FloatArray, travelled: float, t: FloatArray) -> FloatArray:
        """The step, shortened or projected so that it ends in the ball."""
        if np.isinf(self.radius) and np.isinf(self.box):
            return t
        if not self.abelian:
            return t * min(1.0, max(self.radius - travelled, 0.0) / max(float(np.linalg.norm(t)), TINY))
        end = np.clip(coordinates + t, -self.box, self.box)
        length = float(np.linalg.norm(end))
        return end * min(1.0, self.radius / max(length, TINY)) - coordinates

    def on_border(self, coordinates: FloatArray, travelled: float) -> bool:
        """Whether the ball ends here."""
        return bool((np.linalg.norm(coordinates) if self.abelian else travelled) >= self.radius * (1 - 1e-9))

    def free(self, coordinates: FloatArray, travelled: float, slope: FloatArray) -> FloatArray:
        """The slope without the parts that lead out of the region, on its border."""
        if self.abelian:
            outwards = (np.abs(coordinates) >= self.box * (1 - 1e-9)) & (slope * coordinates > 0)
            slope = np.where(outwards, 0.0, slope)
        if not self.on_border(coordinates, travelled):
            return slope
        if not self.abelian:
            return 0 * slope
        normal = coordinates / np.linalg.norm(coordinates)
        return slope - max(float(slope @ normal), 0.0) * normal


@final
@dataclass
class Ascent:
    """One local search and its state.

    Parameters
    ----------
    f: the target on the orbit.
    region: where it may go.
    element: where it starts.
    coordinates: those of the element, where the group is abelian.
    travelled: length of the path up to here.
    frame: generators to climb along, in columns of coordinates; those of the action by default.
    """

    f: OrbitTarget
    region: Region
    element: Any
    coordinates: FloatArray
    travelled: float = 0.0
    frame: FloatArray | None = None
    value: float = float("nan")
    steps: int = 0
    status: Status = Status.MAX_STEPS
    reach: float = FIRST_STEP
    refused: bool = False
    slope: float = float("nan")

    def run(self, steps: int, *, gain: float | None = None) -> Ascent:
        """Climb for so many steps, until the target has changed by a factor, or until Ctrl-C."""
        try:
            self._climb(steps, gain)
        except KeyboardInterrupt:
            self.status = Status.INTERRUPTED
        return self

    def _climb(self, steps: int, gain: float | None) -> None:
        """The steps of the ascent; the place is the best one at any time."""
        f = self.f
        self.value, rates = f.value_and_slope(self.element)
        slope = self._slope(self.value, rates)
        pairs: list[tuple[FloatArray, FloatArray]] = []
        while self.steps < steps:
            if not np.isfinite(slope).all():
                self.status = Status.NON_FINITE
                break
            before = self._free(slope)
            self.slope = float(np.linalg.norm(before))
            if self.slope <= FLAT:
                self.status = Status.TRUST_RADIUS if np.linalg.norm(slope) > FLAT else Status.CONVERGED
                break
            merit = f.merit(self.value)
            step = self._free(_quasi_newton(before, pairs)) if pairs else self._along(before)
            if pairs and float(before @ step) <= NEGLIGIBLE * max(1.0, abs(merit)):
                self.status = Status.TRUST_RADIUS if np.linalg.norm(slope - before) > ROUNDING else Status.CONVERGED
                break
            found = self._step(step, before, FEW_BACKTRACKS) if pairs else None
            if found is None and pairs:
                pairs.clear()
                self.reach = FIRST_STEP
            if found is None:
                found = self._step(self._along(before), before, BACKTRACKS)
            if found is None:
                bounded = self.refused or np.linalg.norm(slope - before) > ROUNDING
                self.status = Status.TRUST_RADIUS if bounded else Status.CONVERGED
                break
            t, slope = found
            if self.refused and f.merit(self.value) - merit < CRAWL:
                self.status = Status.TRUST_RADIUS
                break
            self.reach = min(2 * float(np.linalg.norm(t)), LONGEST_STEP)
            if gain is not None and self._reached(gain):
                self._stop_at(t, gain)
                break
            _remember(pairs, t, before - self._free(slope))

    def _free(self, slope: FloatArray) -> FloatArray:
        """The slope without the parts that lead out of the region."""
        return self.region.free(self.coordinates, self.travelled, slope)

    def _along(self, slope: FloatArray) -> FloatArray:
        """A step along the slope, of a length where slopes of the order of one are far from an optimum."""
        return slope * (self.reach * min(1.0, self.slope / FIRST_STEP) / max(self.slope, TINY))

    def _exp(self, t: FloatArray) -> Any:
        """The exponential of coordinates in the frame."""
        return self.f.action.exp(t if self.frame is None else self.frame @ t)

    def _slope(self, value: float, rates: FloatArray) -> FloatArray:
        """The derivatives of the merit along the generators of the frame."""
        slope = self.f.merit_slope(value, rates)
        return slope if self.frame is None else self.frame.T @ slope

    def _step(self, t: FloatArray, slope: FloatArray, tries: int) -> tuple[FloatArray, FloatArray] | None:
        """Take the first of the halved steps that increases the merit enough; None where none does."""
        f, start = self.f, self.f.merit(self.value)
        self.refused = False
        for attempt in range(tries):
            inside = self.region.inside(self.coordinates, self.travelled, t)
            promised, t = float(slope @ inside), t / 2
            if not promised > 0:
                continue
            try:
                element = f.action.compose(self._exp(inside), self.element)
                value, rates = f.value_and_slope(element) if attempt == 0 else (f.value(element), None)
                rises = f.merit(value) >= start + SUFFICIENT * promised
                allowed = rises and self.region.admits(element)
                self.refused = self.refused or (rises and not allowed)
                if allowed:
                    rates = f.value_and_slope(element)[1] if rates is None else rates
                    self.element, self.value = element, value
                    self.coordinates = self.coordinates + inside
                    self.travelled += float(np.linalg.norm(inside))
                    self.steps += 1
                    return inside, self._slope(value, rates)
            except InputError:  # the action or the target is not defined there: nearer points may do
                pass
        return None

    def _reached(self, gain: float) -> bool:
        """Whether the target has changed by a factor since the start."""
        ratio = self.value / self.f.start_value
        return ratio >= gain if self.f.maximize else ratio <= gain

    def _stop_at(self, t: FloatArray, gain: float) -> None:
        """Shorten the last step so that the target has changed by the factor, to a percent of its logarithm."""
        f, low, high = self.f, 0.0, 1.0
        back = f.action.compose(self._exp(-t), self.element)
        for _ in range(12):
            middle = (low + high) / 2
            element = f.action.compose(self._exp(middle * t), back)
            value = f.value(element)
            passed = value / f.start_value >= gain if f.maximize else value / f.start_value <= gain
            if passed:
                high, self.element, self.value = middle, element, value
            else:
                low = middle
        self.coordinates = self.coordinates - (1 - high) * t
        self.status = Status.CONVERGED


def _quasi_newton(slope: FloatArray, pairs: list[tuple[FloatArray, FloatArray]]) -> FloatArray:
    """The slope times the inverse of the negative Hessian that the pairs approximate, of bounded length."""
    q, factors = slope.copy(), []
    for s, y in reversed(pairs):
        factor = float(s @ q) / float(s @ y)
        factors.append(factor)
        q = q - factor * y
    s, y = pairs[-1]
    q = q * (float(s @ y) / float(y @ y))
    for (s, y), factor in zip(pairs, reversed(factors), strict=True):
        q = q + (factor - float(y @ q) / float(s @ y)) * s
    return q * min(1.0, LONGEST_STEP / max(float(np.linalg.norm(q)), TINY))


def _remember(pairs: list[tuple[FloatArray, FloatArray]], s: FloatArray, y: FloatArray) -> None:
    """Keep a pair of step and loss of slope whose curvature is that of a maximum."""
    if float(s @ y) > 1e-10 * float(np.linalg.norm(s)) * float(np.linalg.norm(y)):
        pairs.append((s, y))
        del pairs[:-MEMORY]
