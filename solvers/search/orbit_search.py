"""The searches of an orbit: of a line or a circle globally, of larger groups by ascents, of finite ones by samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.search.orbit_ascent import Ascent, Region
from solvers.search.orbit_guards import CAP, is_abelian, is_compact, natural_frame
from solvers.search.orbit_line import Optima, best_times, circle_optima, crossing, interval_optima, merit_along
from solvers.search.orbit_polish import polished_best
from solvers.search.orbit_target import OrbitTarget
from solvers.status import Status
from symmetries.actions.layer_action import LayerAction
from symmetries.actions.parameter_space import FloatArray

CARRIED_RESTARTS, EVALUATED_RESTARTS = 4, 2
"""Random starts on compact groups, where the search costs one gradient and where each step costs three."""

SAMPLES_A_START = 16
"""Random elements among which the best are taken as starts, for each of these."""

SLOWER = 0.5
"""Share of the gain of one stretch beyond the cap that the next must bring where a target counts as unbounded."""

STEEP = 1e6
"""Derivative of the merit, relative to the merit, from which a place is no optimum but beside a pole of the target."""

MOST_CHECKS, BISECTIONS = 32, 10
"""Samples of a line that are tried when a guard refuses all optima, and steps from the best of them to the guard."""


@final
@dataclass(frozen=True, kw_only=True)
class Found:
    """A place on an orbit that a search proposes; ``length`` is the |log g| that was gone through."""

    element: Any
    value: float
    status: Status
    length: float = 0.0
    steps: int = 0
    evidence: Mapping[str, Any] = field(default_factory=dict)


@final
@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to search.

    Parameters
    ----------
    radius: bound on |log g|, or None.
    box: bound on each coordinate, or infinity.
    noise: relative rounding of the loss on the orbit.
    steps, restarts: of the local ascents.
    gain: factor of the target at which to stop, or None.
    admits: the guards, whether an element is allowed.
    period: of a closed orbit of one parameter, or None.
    """

    radius: float | None
    box: float
    noise: float
    steps: int
    restarts: int | None
    gain: float | None
    admits: Callable[[Any], bool]
    period: float | None


def search_orbit(f: OrbitTarget, plan: Plan, rng: np.random.Generator) -> list[Found]:
    """Proposed places, best first."""
    if f.action.dimension == 0:
        return _sampled(f, plan, rng)
    return _on_line(f, plan) if f.action.dimension == 1 else _climbed(f, plan, rng)


def _sampled(f: OrbitTarget, plan: Plan, rng: np.random.Generator) -> list[Found]:
    """Random elements of a finite group, best first; none of the trivial group."""
    if not isinstance(f.action, LayerAction):
        return []
    count = plan.steps if plan.restarts is None else max(plan.restarts, 1)
    found = []
    for _ in range(count):
        g = f.action.random(rng)
        if plan.admits(g):
            found.append(Found(element=g, value=f.value(g), status=Status.MAX_STEPS, steps=1))
    return sorted(found, key=lambda one: -f.merit(one.value))


def _on_line(f: OrbitTarget, plan: Plan) -> list[Found]:
    """Local optima on an orbit of one parameter, those first which the guards allow."""
    merit = merit_along(f)
    reach = min(CAP if plan.radius is None else plan.radius, plan.box)
    if plan.period is not None and (plan.radius is None or plan.radius >= plan.period / 2):
        optima = circle_optima(merit, plan.period, noise=plan.noise)
    else:
        optima = interval_optima(merit, -reach, reach, noise=plan.noise)
    times, merits = polished_best(f, optima)
    if optima.border is None and plan.period is not None:
        times = [t - plan.period if t > plan.period / 2 else t for t in times]
    least = f.merit(f.start_value)
    promising = [t for t, height in zip(times, merits, strict=True) if height > least]
    allowed = [t for t in promising if plan.admits(f.action.exp([t]))]
    is_guarded = bool(promising) and not allowed
    if is_guarded:
        times = best_times(optima, least, MOST_CHECKS)
        first = next((t for t in times if plan.admits(f.action.exp([t]))), 0.0)
        spacing = float(optima.grid[-1] - optima.grid[0]) / MOST_CHECKS
        allowed = [_to_the_guard(f, plan, first, spacing, optima.border)]
    evidence = {"samples": optima.samples, "resolved": optima.resolved, "local_optima": len(optima.times)}
    places = [_at_time(f, plan, t, optima, evidence) for t in allowed]
    return [replace(one, status=Status.TRUST_RADIUS) for one in places] if is_guarded else places


def _to_the_guard(f: OrbitTarget, plan: Plan, time: float, spacing: float, border: tuple[float, float] | None) -> float:
    """The last time that the guards allow on the way from an allowed sample to the better of its neighbours."""
    merit, exp = merit_along(f), f.action.exp
    ends = [time - spacing, time + spacing]
    if border is not None:
        ends = [min(max(end, border[0]), border[1]) for end in ends]
    inside, outside = time, max(ends, key=merit)
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2
        is_better = merit(middle) > merit(inside) and plan.admits(exp([middle]))
        inside, outside = (middle, outside) if is_better else (inside, middle)
    return inside


def _at_time(f: OrbitTarget, plan: Plan, time: float, optima: Optima, evidence: Mapping[str, Any]) -> Found:
    """The place at a time, or on the way there where the target has changed enough."""
    merit = merit_along(f)
    status = Status.CONVERGED
    if optima.border is not None and time in optima.border:
        status = _border_status(f, plan, lambda factor: f.action.exp([factor * time]))
    if plan.gain is not None:
        level = f.merit(plan.gain * f.start_value)
        reached = crossing(merit, time, level)
        if reached != time and plan.admits(f.action.exp([reached])):
            status, time = Status.CONVERGED, reached
    g = f.action.exp([time])
    is_optimum = status == Status.CONVERGED and plan.gain is None and f.has_slope
    if is_optimum and not optima.resolved and _is_pole(f, *f.value_and_slope(g)):
        status = Status.UNBOUNDED
    return Found(
        element=g, value=f.value(g), status=status, length=abs(time), steps=1, evidence={**evidence, "time": time}
    )


def _is_pole(f: OrbitTarget, value: float, rates: FloatArray) -> bool:
    """Whether the target is so steep at a place that it is one beside a pole."""
    return _is_steep(f, value, float(np.linalg.norm(f.merit_slope(value, rates))))


def _is_steep(f: OrbitTarget, value: float, slope: float) -> bool:
    """Whether a derivative of the merit is far larger than the merit."""
    return slope > STEEP * max(1.0, abs(f.merit(value)))


def _border_status(f: OrbitTarget, plan: Plan, at: Callable[[float], Any]) -> Status:
    """On the border of the region: of a given radius, or of the cap beyond which the target still gets better.

    It is unbounded where the merit does not slow down: what tends to a finite value like exp(-t) gains less and less.
    """
    if plan.radius is not None or plan.box < CAP:
        return Status.TRUST_RADIUS
    try:
        near, middle, far = (f.merit(f.value(at(factor))) for factor in (1.0, 1.5, 2.0))
    except InputError:
        return Status.TRUST_RADIUS
    return Status.UNBOUNDED if 0 < SLOWER * (middle - near) <= far - middle else Status.TRUST_RADIUS


def _climbed(f: OrbitTarget, plan: Plan, rng: np.random.Generator) -> list[Found]:
    """The ends of local ascents from the identity and from random elements, best first."""
    if not f.has_slope:
        return _compared(f, plan, rng)
    compact, abelian = is_compact(f.action), is_abelian(f.action)
    bound = (np.inf if compact else CAP) if plan.radius is None else plan.radius
    region = Region(radius=bound, abelian=abelian, admits=plan.admits, box=plan.box)
    restarts = plan.restarts
    if restarts is None:
        restarts = 0 if not compact else CARRIED_RESTARTS if f.is_transported else EVALUATED_RESTARTS
    frame = natural_frame(f.action) if compact and plan.radius is None else None
    ends = []
    for k, t in enumerate([np.zeros(f.action.dimension), *_starts(f, plan, restarts, bound, frame, rng)]):
        length = float(np.linalg.norm(t))
        try:
            ascent = Ascent(f=f, region=region, element=f.action.exp(t), coordinates=t, travelled=length, frame=frame)
            ascent.run(plan.steps, gain=plan.gain)
        except InputError:
            if k == 0:
                raise
            continue
        ends.append(_end(f, plan, ascent))
        if ascent.status == Status.INTERRUPTED:
            break
        if plan.gain is not None and ascent.status == Status.CONVERGED and _has_gained(f, ascent, plan.gain):
            break
    return sorted(ends, key=lambda one: -f.merit(one.value))


def _has_gained(f: OrbitTarget, ascent: Ascent, gain: float) -> bool:
    """Whether an ascent has reached the asked factor."""
    return f.merit(ascent.value) >= f.merit(gain * f.start_value)


def _starts(
    f: OrbitTarget, plan: Plan, count: int, bound: float, frame: FloatArray | None, rng: np.random.Generator
) -> list[FloatArray]:
    """Coordinates of the best of many random elements; of length up to half of the radius where there is one."""
    known = []
    for _ in range(count * SAMPLES_A_START):
        t = rng.standard_normal(f.action.dimension)
        reach = np.pi * np.sqrt(len(t)) if np.isinf(bound) else bound / 2
        t *= reach * rng.random() / float(np.linalg.norm(t))
        t = t if frame is None else frame @ t
        try:
            g = f.action.exp(t)
            known.append((f.merit(f.value(g)) if plan.admits(g) else -np.inf, t))
        except InputError:
            continue
    return [t for _, t in sorted(known, key=lambda one: -one[0])[:count]]


def _end(f: OrbitTarget, plan: Plan, ascent: Ascent) -> Found:
    """Where an ascent ended; on the border of the cap it is asked whether the target still gets better beyond."""
    status, evidence = ascent.status, {"path_length": ascent.travelled, "slope": ascent.slope}
    if status == Status.CONVERGED and _is_steep(f, ascent.value, ascent.slope):
        status = Status.UNBOUNDED
    at_cap = ascent.region.on_border(ascent.coordinates, ascent.travelled)
    if status == Status.TRUST_RADIUS and plan.radius is None and at_cap:
        _, rates = f.value_and_slope(ascent.element)
        outwards = ascent.coordinates if ascent.region.abelian else f.merit_slope(1.0, rates)
        outwards = outwards / max(float(np.linalg.norm(outwards)), 1e-300)
        compose, exp, element = f.action.compose, f.action.exp, ascent.element
        status = _border_status(f, plan, lambda factor: compose(exp((factor - 1) * CAP * outwards), element))
        evidence = {**evidence, "cap": CAP}
    return Found(
        element=ascent.element,
        value=ascent.value,
        status=status,
        length=ascent.travelled,
        steps=ascent.steps,
        evidence=evidence,
    )


def _compared(f: OrbitTarget, plan: Plan, rng: np.random.Generator) -> list[Found]:
    """Random elements around the best so far, in ever smaller distances: for targets without a gradient."""
    compact, abelian = is_compact(f.action), is_abelian(f.action)
    bound = (np.inf if compact else CAP) if plan.radius is None else plan.radius
    region = Region(radius=bound, abelian=abelian, admits=plan.admits, box=plan.box)
    best = Found(element=f.action.identity, value=f.start_value, status=Status.MAX_STEPS)
    coordinates, travelled, reach = np.zeros(f.action.dimension), 0.0, 1.0
    for _ in range(plan.steps * (1 + (plan.restarts or 0))):
        t = rng.standard_normal(f.action.dimension)
        t = region.inside(coordinates, travelled, t * (reach / np.linalg.norm(t)))
        try:
            g = f.action.compose(f.action.exp(t), best.element)
            value = f.value(g)
        except InputError:
            value = float("nan")
        if f.merit(value) > f.merit(best.value) and plan.admits(g):
            coordinates, travelled = coordinates + t, travelled + float(np.linalg.norm(t))
            best = replace(best, element=g, value=value, length=travelled, steps=best.steps + 1)
            reach = min(2 * reach, 1.0)
        else:
            reach = max(0.8 * reach, 1e-6)
    return [best]
