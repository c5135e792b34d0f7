r"""Global search on orbits of one parameter: on circles by trigonometric, on intervals by Chebyshev interpolation.

The interpolant is refined until its coefficients have decayed to rounding; then every local optimum of the target is
one of the interpolant, and the best one is polished on the exact derivative.

Source: L. N. Trefethen, "Approximation Theory and Approximation Practice" (2013), chapters 3 and 18.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from solvers.search.orbit_target import OrbitTarget
from symmetries.actions.parameter_space import FloatArray

Function: TypeAlias = Callable[[float], float]

FIRST_SAMPLES, MOST_SAMPLES = 32, 1024

RESOLVED = 1e-11
"""Relative size of the last third of the coefficients at which an interpolant counts as the function."""

PREDICTED, BETWEEN = 1e-7, (0.3819660113, 0.7245194822)
"""Relative error of the interpolant between the samples, and the parts of the period at which it is taken."""

OVERSAMPLING = 8

NOISE, NOISY_FROM, NOISY_BELOW = 0.7, 512, 1e-2
"""Rounding ends the refinement: from so many samples on, doubling them must bring coefficients below this so far down.

Larger ones are not rounding: the samples are still too few.
"""

LOWEST = 1e300
"""Depth at which values that are not finite are put."""


@final
@dataclass(frozen=True, kw_only=True)
class Optima:
    """Local maxima of a merit on a line, best first.

    Parameters
    ----------
    times: where they are, shape (k,).
    merits: the merits there, shape (k,).
    resolved: whether the function was resolved to rounding, so that no local maximum is missing.
    samples: number of samples.
    near: how far the true optima may be from these, before they are polished.
    grid, heights: equidistant times and the merits there.
    border: the ends of the interval; None on a circle.
    """

    times: FloatArray
    merits: FloatArray
    resolved: bool
    samples: int
    near: float
    grid: FloatArray
    heights: FloatArray
    border: tuple[float, float] | None = None


def merit_along(f: OrbitTarget) -> Function:
    """The merit at exp(tX).w as a function of t; minus infinity where the action or the target is not defined."""

    def merit(t: float) -> float:
        """The merit at one time."""
        try:
            return f.merit(f.value(f.action.exp([t])))
        except InputError:
            return -np.inf

    return merit


def circle_optima(merit: Function, period: float, *, noise: float = 0.0) -> Optima:
    """All local maxima of a periodic function, by its Fourier coefficients.

    >>> found = circle_optima(lambda t: float(np.cos(t) + np.cos(2 * t)), 2 * np.pi)
    >>> (found.times + 1e-12).round(9).tolist(), found.resolved
    ([0.0, 3.141592654], True)
    """
    values, resolved = _circle_samples(merit, period, noise)
    count = len(values)
    if not resolved:
        dense, times = values, period * np.arange(count) / count
    else:
        coefficients = np.fft.rfft(values)
        times = period * np.arange(OVERSAMPLING * count) / (OVERSAMPLING * count)
        dense = np.fft.irfft(coefficients, OVERSAMPLING * count) * OVERSAMPLING
    peaks = np.flatnonzero((dense >= np.roll(dense, 1)) & (dense > np.roll(dense, -1)))
    if not len(peaks):
        peaks = np.array([int(np.argmax(dense))])
    found, heights = times[peaks], dense[peaks]
    if resolved:
        found, heights = _newton_on_circle(coefficients / count, found, period)
    order = np.argsort(-heights, kind="stable")
    return Optima(
        times=found[order],
        merits=heights[order],
        resolved=resolved,
        samples=count,
        near=period / count * (1e-3 if resolved else 1.0),
        grid=times,
        heights=dense,
    )


def _circle_samples(merit: Function, period: float, noise: float) -> tuple[FloatArray, bool]:
    """Equidistant values, as many as their Fourier coefficients need, and whether these have decayed to rounding."""
    count = FIRST_SAMPLES
    values = np.array([merit(period * k / count) for k in range(count)])
    tail, enough = _fourier_tail(values), _enough(noise)
    while True:
        if tail <= enough and _predicts(values, merit, period, noise):
            return values, True
        if count >= MOST_SAMPLES:
            return values, False
        between = [merit(period * (k + 0.5) / count) for k in range(count)]
        values, count, before = np.stack([values, between], axis=1).ravel(), 2 * count, tail
        tail = _fourier_tail(values)
        if count >= NOISY_FROM and enough < tail <= NOISY_BELOW and tail > NOISE * before:
            return values, False


def _predicts(values: FloatArray, merit: Function, period: float, noise: float) -> bool:
    """Whether the interpolant gives two values between the samples: a wave that they miss would show there."""
    modes = np.fft.rfft(values) / len(values)
    weights = np.where(np.arange(len(modes)) == 0, 1.0, 2.0) * modes
    allowed = (PREDICTED + 1e3 * noise) * float(np.abs(values).max())
    parts = np.exp(2j * np.pi * np.outer(BETWEEN, np.arange(len(modes))))
    return all(
        abs(one - merit(part * period)) <= allowed for one, part in zip((parts @ weights).real, BETWEEN, strict=True)
    )


def _enough(noise: float) -> float:
    """How far coefficients must decay when the function has a relative rounding."""
    return min(max(RESOLVED, 100 * noise), 1e-3)


def _fourier_tail(values: FloatArray) -> float:
    """Size of the last third of the Fourier coefficients, relative to the largest; infinite where they are not."""
    if not np.isfinite(values).all():
        return np.inf
    sizes = np.abs(np.fft.rfft(values))
    return float(sizes[2 * len(sizes) // 3 :].max() / max(float(sizes.max()), 1e-300))


def _newton_on_circle(coefficients: FloatArray, times: FloatArray, period: float) -> tuple[FloatArray, FloatArray]:
    """Newton steps on the derivative of the interpolant, each no longer than a sample; the points and the values."""
    modes = np.arange(len(coefficients))
    weights = np.where(modes == 0, 1.0, 2.0) * coefficients
    frequencies = 2j * np.pi * modes / period
    longest = period / (2 * OVERSAMPLING * len(modes))
    moved = times.astype(float)
    for _ in range(8):
        waves = np.exp(np.outer(moved, frequencies))
        first, second = (waves @ (weights * frequencies**k) for k in (1, 2))
        curvature = np.where(second.real < 0, second.real, -np.inf)
        moved = moved + np.clip(-first.real / curvature, -longest, longest)
    return moved, (np.exp(np.outer(moved, frequencies)) @ weights).real


def interval_optima(merit: Function, low: float, high: float, *, noise: float = 0.0) -> Optima:
    """All local maxima of a function on an interval around 0, its ends included, by its Chebyshev coefficients.

    Where the function is not finite the interval shrinks to the part around 0 where it is.

    >>> found = interval_optima(lambda t: t * (1 - t * t), -2.0, 1.0)
    >>> found.times.round(1).tolist()
    [-2.0, 0.6]
    """
    from numpy.polynomial import chebyshev
    from scipy.fft import dct

    low, high = _finite_part(merit, low, high)
    count, known = FIRST_SAMPLES, dict[float, float]()

    def at(x: float) -> float:
        """The function at a node of [-1, 1], computed once."""
        if x not in known:
            known[x] = merit(low + (high - low) * (x + 1) / 2)
        return known[x]

    while True:
        nodes = np.cos(np.pi * np.arange(count + 1) / count)
        values = np.array([at(float(x)) for x in nodes])
        coefficients = dct(values, type=1) / count if np.isfinite(values).all() else np.full(count + 1, np.nan)
        coefficients[[0, -1]] /= 2
        sizes = np.abs(coefficients)
        resolved = bool(sizes[2 * count // 3 :].max() <= _enough(noise) * sizes.max())
        if resolved or count >= MOST_SAMPLES // 4:
            break
        count *= 2
    dense = np.linspace(-1.0, 1.0, OVERSAMPLING * count + 1)
    heights = (
        chebyshev.chebval(dense, coefficients)
        if resolved
        else np.interp(dense, nodes[::-1], values[::-1].clip(min=-LOWEST))
    )
    padded = np.concatenate([[-np.inf], heights, [-np.inf]])
    peaks = np.flatnonzero((heights >= padded[:-2]) & (heights > padded[2:]))
    times = low + (high - low) * (dense[peaks] + 1) / 2
    order = np.argsort(-heights[peaks], kind="stable")
    return Optima(
        times=times[order],
        merits=heights[peaks][order],
        resolved=resolved,
        samples=len(known),
        near=(high - low) * (1 / (OVERSAMPLING * count) if resolved else np.pi / 2 / count),
        grid=low + (high - low) * (dense + 1) / 2,
        heights=heights,
        border=(low, high),
    )


def _finite_part(merit: Function, low: float, high: float) -> tuple[float, float]:
    """The ends of the part of an interval around 0 where a function is finite, found by halving."""
    ends = []
    for end in (low, high):
        inside, outside = 0.0, end
        if np.isfinite(merit(end)):
            ends.append(end)
            continue
        for _ in range(20):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if np.isfinite(merit(middle)) else (inside, middle)
        ends.append(inside)
    return ends[0], ends[1]


def crossing(merit: Function, time: float, level: float) -> float:
    """The time between 0 and a time where the merit first reaches a level, among 16 parts of the way; else the time."""
    from scipy.optimize import brentq

    steps = np.linspace(0.0, time, 17)
    before = steps[0]
    for t in steps[1:]:
        if merit(float(t)) >= level:
            return float(brentq(lambda s: merit(s) - level, before, float(t), xtol=1e-12))
        before = float(t)
    return time


def best_times(optima: Optima, least: float, count: int) -> list[float]:
    """Some equidistant times with a merit above a level, those of the largest merit first."""
    every = max(len(optima.grid) // count, 1)
    times, heights = optima.grid[::every], optima.heights[::every]
    return [float(times[k]) for k in np.argsort(-heights, kind="stable") if heights[k] > least]
