r"""A line search for a sufficient decrease and a sufficient rise of the slope."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

NOISE = 100 * float(np.finfo(float).eps)
"""Values that differ by less than this part of their size may differ by rounding alone."""


@final
@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is known at one length.

    Parameters
    ----------
    length: t.
    value: of the objective.
    slope: the derivative along the displacement.
    found: what else was found there.
    """

    length: float
    value: float
    slope: float
    found: Any = None


@final
@dataclass(frozen=True, kw_only=True)
class WolfeSearch:
    r"""A length with :math:`f(t) \le f(0) + c_1 t f'(0)` and :math:`f'(t) \ge c_2 f'(0)`, by brackets and cubics.

    Where f(t) differs from f(0) by rounding alone, :math:`f'(t) \le (2 c_1 - 1) f'(0)` stands in for the first.

    Parameters
    ----------
    decrease, curvature: :math:`c_1 < c_2`.
    trials: most lengths tried.

    >>> f = lambda t: Trial(length=t, value=(t - 3) ** 2, slope=2 * (t - 3))
    >>> WolfeSearch(decrease=1e-4, curvature=0.5, trials=20).find(f, f(0.0), first=1.0, longest=math.inf).length
    3.0

    Source: A. S. Lewis and M. L. Overton, "Nonsmooth optimization via quasi-Newton methods" (2013), algorithm 2.6;
    W. W. Hager and H. Zhang, "A new conjugate gradient method with guaranteed descent" (2005), for the stand-in.
    """

    decrease: float
    curvature: float
    trials: int

    def find(self, at: Callable[[float], Trial], start: Trial, *, first: float, longest: float) -> Trial | None:
        """The trial that was accepted; one with a sufficient decrease alone when no better was found; else None.

        Parameters
        ----------
        at: length -> trial; a value that is not finite fails.
        start: at length zero, with a negative slope.
        first: the length tried first.
        longest: no length above is tried.
        """
        low, high, length = start, None, min(first, longest)
        for _ in range(self.trials):
            trial = at(length)
            if not self._has_decrease(start, trial):
                high = trial
            elif trial.slope < self.curvature * start.slope and length < longest:
                low = trial
            else:
                return trial
            length = _between(low, high) if high else min(_beyond(start, low), longest)
            if high is not None and high.length - low.length <= 1e-15 * high.length:
                break
        return low if low.value < start.value else None

    def _has_decrease(self, start: Trial, trial: Trial) -> bool:
        """The first condition, or its stand-in."""
        if not (math.isfinite(trial.value) and math.isfinite(trial.slope)):
            return False
        if trial.value <= start.value + self.decrease * trial.length * start.slope:
            return True
        is_level = trial.value <= start.value + NOISE * abs(start.value)
        return is_level and trial.slope <= (2 * self.decrease - 1) * start.slope


def _beyond(start: Trial, low: Trial) -> float:
    """A longer length: where the line through both slopes ends, two to ten times as long."""
    bend = (low.slope - start.slope) / low.length
    zero = low.length - low.slope / bend if bend > 0 else math.inf
    return min(max(zero, 2 * low.length), 10 * low.length)


def _between(low: Trial, high: Trial) -> float:
    """The minimiser of the cubic through values and slopes, kept away from both ends; the middle without one."""
    width = high.length - low.length
    part = 0.5
    if math.isfinite(high.value) and math.isfinite(high.slope):
        mean = low.slope + high.slope - 3 * (high.value - low.value) / width
        square = mean * mean - low.slope * high.slope
        if square >= 0:
            root = math.sqrt(square)
            denominator = high.slope - low.slope + 2 * root
            if denominator != 0:
                part = 1 - (high.slope + root - mean) / denominator
    return low.length + width * (min(max(part, 0.1), 0.9) if math.isfinite(part) else 0.5)
