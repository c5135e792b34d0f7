"""Which of the local optima on an orbit of one parameter is the best, and where exactly it is."""

from __future__ import annotations

import numpy as np

from solvers.search.orbit_line import LOWEST, Optima, merit_along
from solvers.search.orbit_target import OrbitTarget

TIED = 1e-8
"""Difference of merits, relative to the largest on the line, that interpolation may get wrong."""

POLISHED = 8
"""Optima of a function that the samples do not resolve which are polished before the best is taken."""


def polished_best(f: OrbitTarget, optima: Optima) -> tuple[list[float], list[float]]:
    """Times and merits of the optima, best first: the best polished, several where samples alone tell which is best.

    Optima that differ by the rounding of the interpolant are compared by the merit itself.
    """
    times, merits = [float(t) for t in optima.times], [float(height) for height in optima.merits]
    merit = merit_along(f)

    def sort() -> None:
        """Put the best first."""
        order = sorted(range(len(times)), key=lambda k: -merits[k])
        times[:], merits[:] = [times[k] for k in order], [merits[k] for k in order]

    if optima.resolved:
        equal = TIED * float(np.abs(optima.heights).max())
        tied = [k for k, height in enumerate(merits[:POLISHED]) if merits[0] - height <= equal]
        if len(tied) > 1:
            merits[: len(tied)] = [merit(times[k]) for k in tied]
            sort()
        times[0] = polished(f, times[0], optima.near, optima.border)
        return times, merits
    for k in range(min(len(times), POLISHED)):
        times[k] = polished(f, times[k], optima.near, optima.border)
        merits[k] = merit(times[k])
    sort()
    return times, merits


def polished(f: OrbitTarget, time: float, width: float, border: tuple[float, float] | None = None) -> float:
    """A local maximum near a time, as a root of the exact derivative to rounding; by values where there is none."""
    from scipy.optimize import brentq, minimize_scalar

    low, high = time - width, time + width
    if border is not None:
        low, high = max(low, border[0]), min(high, border[1])

    def slope(t: float) -> float:
        """Derivative of the merit."""
        value, rates = f.value_and_slope(f.action.exp([t]))
        return float(f.merit_slope(value, rates)[0])

    def by_values() -> float:
        """A maximum of the merit itself, undefined places lowest; the bounded search never ends on an end."""
        merit = merit_along(f)
        found = minimize_scalar(
            lambda t: -max(merit(t), -LOWEST), bounds=(low, high), method="bounded", options={"xatol": 1e-10}
        )
        return float(found.x) if -found.fun > merit(time) else time

    if not f.has_slope:
        return by_values()
    try:
        left, right = slope(low), slope(high)
        if border is not None and time in border:
            inwards = left < 0 if time == border[0] else right > 0
            if inwards:
                return time
        if not left > 0 > right:
            return by_values()
        return float(brentq(slope, low, high, xtol=4 * np.finfo(float).eps, rtol=4 * np.finfo(float).eps))
    except ValueError:  # the target has no derivative, or is undefined within the bracket
        return by_values()
