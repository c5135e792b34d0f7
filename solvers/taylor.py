"""Taylor remainders of an objective along a line: what its derivatives leave over, and how fast that vanishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from solvers.objective import Objective
from symmetries.actions.parameter_space import FloatArray

FACTOR = 4.0
"""Factor between two steps."""

_STEPS = 14
_WINDOW = 3
_EPSILON = float(np.finfo(float).eps)
_CLOSE = (1e-11 * np.arange(8), 1e-2 + 1e-9 * np.arange(8))


@final
@dataclass(frozen=True, kw_only=True)
class Line:
    """An objective on both sides of a point w along a unit vector v, at steps that shrink by :data:`FACTOR`.

    Parameters
    ----------
    direction: v, shape (n,).
    steps: from large to small, shape (m,); those where something is not finite are left out.
    values: the objective at w + h v and at w - h v, shape (2, m).
    gradients: there, shape (2, m, n).
    value, gradient: at w.
    value_noise, gradient_noise: rounding errors to reckon with in a value and in the norm of a gradient, shape (m,).

    >>> objective = Objective.from_functions(lambda w: float(w @ w), lambda w: 2 * w, size=1)
    >>> line = Line.sample(objective, np.array([1.0]), np.array([1.0]), scale=1.0)
    >>> line.steps[:2].tolist(), line.values[:, 0].tolist()
    ([1.0, 0.25], [4.0, 0.0])
    """

    direction: FloatArray
    steps: FloatArray
    values: FloatArray
    gradients: FloatArray
    value: float
    gradient: FloatArray
    value_noise: FloatArray
    gradient_noise: FloatArray

    @classmethod
    def sample(cls, objective: Objective, w: FloatArray, direction: FloatArray, *, scale: float) -> Line:
        """Evaluate along a direction, from the step ``scale`` down."""
        steps = scale * FACTOR ** -np.arange(_STEPS, dtype=float)
        value, gradient = objective.value_and_grad(w)
        pairs = [[objective.value_and_grad(w + sign * h * direction) for h in steps] for sign in (1, -1)]
        values = np.array([[pair[0] for pair in side] for side in pairs])
        gradients = np.array([[pair[1] for pair in side] for side in pairs])
        kept = np.isfinite(values).all(axis=0) & np.isfinite(gradients).all(axis=(0, 2))
        steps, values, gradients = steps[kept], values[:, kept], gradients[:, kept]
        near = [[objective.value_and_grad(w + h * scale * direction) for h in row] for row in _CLOSE]
        reach = _EPSILON * (float(np.linalg.norm(w)) + steps)
        slopes = np.linalg.norm(gradients, axis=-1).max(axis=0)
        bends = np.linalg.norm(gradients[0] - gradients[1], axis=-1) / (2 * steps)
        sizes = np.abs(values).max(axis=0) + abs(value)
        return cls(
            direction=direction,
            steps=steps,
            values=values,
            gradients=gradients,
            value=value,
            gradient=gradient,
            value_noise=_scatter([[[pair[0]] for pair in row] for row in near]) + 2 * _EPSILON * sizes + reach * slopes,
            gradient_noise=_scatter([[pair[1] for pair in row] for row in near])
            + 2 * _EPSILON * (slopes + float(np.linalg.norm(gradient)))
            + reach * bends,
        )

    @property
    def mean_rise(self) -> FloatArray:
        """Even part of the change of the value, shape (m,)."""
        return (self.values[0] - self.value + (self.values[1] - self.value)) / 2

    @property
    def half_difference(self) -> FloatArray:
        """Odd part of the change of the value, shape (m,)."""
        return (self.values[0] - self.values[1]) / 2

    @property
    def mean_turn(self) -> FloatArray:
        """Even part of the change of the gradient, shape (m, n)."""
        return (self.gradients[0] - self.gradient + (self.gradients[1] - self.gradient)) / 2

    @property
    def half_turn(self) -> FloatArray:
        """Odd part of the change of the gradient, shape (m, n)."""
        return (self.gradients[0] - self.gradients[1]) / 2


@final
@dataclass(frozen=True, kw_only=True)
class Limit:
    """What differences tend to as the step shrinks.

    Parameters
    ----------
    size: norm of the limit.
    uncertainty: bound of its error, from rounding and from how much the neighbours differ.
    place: index of the smallest step that was used.
    """

    size: float
    uncertainty: float
    place: int


def find_limit(differences: FloatArray, noise: FloatArray) -> Limit | None:
    """The limit of differences that approach it with the square of the step, None where there are too few.

    One term of the error is cancelled between neighbouring steps.  Of the windows of three steps that no window of
    smaller steps contradicts, the one is taken in which the differences agree best, rounding included.

    Parameters
    ----------
    differences: shape (m,) or (m, n), for steps that shrink by :data:`FACTOR`.
    noise: rounding errors of them, shape (m,).

    >>> steps = 4.0 ** -np.arange(6)
    >>> round(find_limit(3 + steps**2, 0 * steps).size, 12)
    3.0

    Source: L. F. Richardson, "The approximate arithmetical solution by finite differences" (1911).
    """
    rows = differences.reshape(len(differences), -1)
    gain = FACTOR**2
    refined = (gain * rows[1:] - rows[:-1]) / (gain - 1)
    errors = (gain * noise[1:] + noise[:-1]) / (gain - 1)
    best: Limit | None = None
    later: list[tuple[FloatArray, float]] = []
    for first in range(len(refined) - _WINDOW, -1, -1):
        window = refined[first : first + _WINDOW]
        spread = max(float(np.linalg.norm(row - window[-1])) for row in window[:-1])
        uncertainty = spread + float(errors[first : first + _WINDOW].max())
        agrees = all(np.linalg.norm(window[-1] - row) <= uncertainty + bound for row, bound in later)
        later.append((window[-1], uncertainty))
        if agrees and np.isfinite(uncertainty) and (best is None or uncertainty < best.uncertainty):
            best = Limit(size=float(np.linalg.norm(window[-1])), uncertainty=uncertainty, place=first + _WINDOW)
    return best


def find_slope(remainders: FloatArray, steps: FloatArray, noise: FloatArray) -> float | None:
    """The log-log slope of remainders at the smallest steps at which they stand out of rounding.

    None where they do not, or where they vanish at once below a step, as those of piecewise linear functions do.

    >>> steps = 4.0 ** -np.arange(6)
    >>> round(find_slope(steps**2, steps, 0 * steps), 12)
    2.0
    """
    seen = np.flatnonzero(remainders > 30 * noise)[-4:]
    if len(seen) < 2:
        return None
    slope = float(np.polyfit(np.log(steps[seen]), np.log(remainders[seen]), 1)[0])
    below = int(seen[-1]) + 1
    expected = remainders[seen[-1]] * FACTOR**-slope
    return None if below < len(steps) and expected > 1000 * noise[below] else slope


def jumps(parts: FloatArray, steps: FloatArray, noise: FloatArray, place: int, *, threshold: float) -> bool:
    """Whether the even part of a change stays proportional to the step, so that the two one-sided limits differ.

    Parameters
    ----------
    parts: sizes of the even part, shape (m,).
    steps, noise: as in :class:`Line`.
    place: where the limit was taken; the last step at which the part stands out of rounding is used, if it is later.
    threshold: ratios of part and step below this are taken for zero.

    >>> steps = 4.0 ** -np.arange(6)
    >>> [jumps(part, steps, 0 * steps, 5, threshold=1e-6) for part in (steps, steps**2)]
    [True, False]
    """
    last = int(np.flatnonzero(parts > 10 * noise).max(initial=place))
    near, far = parts[last] / steps[last], parts[last - 2] / steps[last - 2]
    return bool(near > max(threshold, 10 * noise[last] / steps[last]) and near > far / 4)


def _scatter(near: Any) -> float:
    """Rounding errors of values at close, evenly spaced points: third differences leave nothing else of them."""
    errors = [np.linalg.norm(np.diff(np.array(row), n=3, axis=0), axis=-1).max() / np.sqrt(20) for row in near]
    finite = [float(error) for error in errors if np.isfinite(error)]
    return max(finite, default=0.0)
