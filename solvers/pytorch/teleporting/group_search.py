r"""Search of the orbit of a module's parameters in Lie algebra coordinates, :math:`\max_\xi f(\exp(\xi)\cdot w)`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from solvers.convergence.theorem_check import figure
from solvers.pytorch.teleporting.orbit_functions import OrbitFunction
from solvers.search.orbit_ascent import Ascent, Region
from solvers.status import Status
from symmetries.actions.parameter_space import FloatArray


@final
@dataclass(frozen=True, kw_only=True)
class FoundElement:
    """Where a search of an orbit ended.

    Parameters
    ----------
    coordinates: of the best element, shape (dimension,).
    value: the function there.
    status: why the search stopped.
    steps: accepted steps.
    evidence: what is reported beside, JSON-ready.
    """

    coordinates: FloatArray
    value: float
    status: Status
    steps: int
    evidence: Mapping[str, Any] = field(default_factory=dict)


@final
@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How far a search may go.

    Parameters
    ----------
    radius: bound on every coordinate of log g.
    layer: bound on the factor by which the norm of a parameter may grow or shrink.
    steps: accepted steps at most.
    gain: factor of the function at which the search ends; None is none.
    """

    radius: float
    layer: float
    steps: int
    gain: float | None = None


def search_group(f: OrbitFunction, bounds: Bounds, *, rng: np.random.Generator) -> FoundElement:
    """The best element within the bounds: L-BFGS, or random directions where there are no derivatives.

    Parameters
    ----------
    f: the function on the orbit.
    bounds: of the search.
    rng: of random directions.
    """
    dimension = f.chart.dimension
    norms = {name: float(one.norm()) for name, one in f.tensors.items()}

    def admits(coordinates: FloatArray) -> bool:
        """Whether no parameter grows or shrinks too much."""
        return largest_factor(f, coordinates, norms) <= bounds.layer

    region = Region(radius=math.inf, abelian=True, admits=admits, box=bounds.radius)
    if f.is_logarithmic and not f.start_value > 0:
        reason = {"reason": "the gradient is zero, wherever an element leads"}
        start = np.zeros(dimension)
        return FoundElement(
            coordinates=start, value=f.start_value, status=Status.NO_IMPROVEMENT, steps=0, evidence=reason
        )
    if not f.has_slope:
        return _climb_by_values(f, region, bounds, rng)
    given: Any = f  # the ascent asks for a function on a group, which coordinates under addition are
    ascent = Ascent(given, region, element=np.zeros(dimension), coordinates=np.zeros(dimension))
    ascent.run(bounds.steps, gain=bounds.gain)
    status = ascent.status
    if status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    if status in (Status.CONVERGED, Status.MAX_STEPS) and _on_border(ascent.coordinates, bounds.radius):
        status = Status.TRUST_RADIUS
    return FoundElement(
        coordinates=np.asarray(ascent.element),
        value=ascent.value,
        status=status,
        steps=ascent.steps,
        evidence={"method": "L-BFGS in Lie algebra coordinates", "slope": figure(ascent.slope)},
    )


def largest_factor(f: OrbitFunction, coordinates: FloatArray, norms: Mapping[str, float]) -> float:
    """The largest factor by which the norm of a tensor grows or shrinks; infinity where one is no longer finite."""
    with torch.no_grad():
        return growth(f.chart.element(torch.from_numpy(coordinates)).changes(f.tensors), norms)


def growth(moved: Mapping[str, Tensor], norms: Mapping[str, float]) -> float:
    """The largest factor between the norms of tensors and those given; infinity where one is no longer finite."""
    largest = 1.0
    for name, one in moved.items():
        before, after = norms[name], float(one.norm())
        if not math.isfinite(after):
            return math.inf
        if before > 0 and after > 0 and one.ndim >= 2:
            largest = max(largest, after / before, before / after)
    return largest


def _climb_by_values(f: OrbitFunction, region: Region, bounds: Bounds, rng: np.random.Generator) -> FoundElement:
    """Steps to and fro along random directions; each that is better is taken, and lengths adapt."""
    best, value, reach, steps = np.zeros(f.chart.dimension), f.start_value, bounds.radius / 2, 0
    for _ in range(bounds.steps):
        direction = rng.standard_normal(best.size)
        direction *= reach / (np.abs(direction).max() or 1.0)
        for sign in (1, -1):
            trial = best + region.inside(best, 0.0, sign * direction)
            reached = f.value(trial)
            if f.merit(reached) > f.merit(value) and region.admits(trial):
                best, value, steps = trial, reached, steps + 1
                reach = min(1.5 * reach, bounds.radius)
                break
        else:
            reach *= 0.7
    evidence = {"method": "random directions, values alone"}
    status = Status.TRUST_RADIUS if steps and _on_border(best, bounds.radius) else Status.MAX_STEPS
    return FoundElement(coordinates=best, value=value, status=status, steps=steps, evidence=evidence)


def _on_border(coordinates: FloatArray, radius: float) -> bool:
    """Whether a coordinate is as large as it may be."""
    return bool(coordinates.size and np.abs(coordinates).max() >= radius * (1 - 1e-9))
