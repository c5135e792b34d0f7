"""The part of the plane that a picture of a loss of two parameters shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from symport.values import Floats, Values

REACH = 10.0
"""Minima are looked for up to this distance from the origin."""

STARTS = 64
ROUNDS = 40
MARGIN = 2.0
WIDEST = 8.0


@final
@dataclass(frozen=True)
class Window:
    """A square of the plane.

    Parameters
    ----------
    x, y: its centre.
    radius: half its side.
    """

    x: float
    y: float
    radius: float

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top."""
        return self.x - self.radius, self.x + self.radius, self.y - self.radius, self.y + self.radius

    def grid(self, count: int) -> tuple[Floats, Floats]:
        """Coordinates of a grid."""
        left, right, bottom, top = self.extent
        x, y = np.meshgrid(np.linspace(left, right, count), np.linspace(bottom, top, count))
        return x, y

    def holds(self, point: Floats, *, scale: float = 1.0) -> bool:
        """Whether a point lies in it, or in it made larger."""
        return bool(max(abs(point[0] - self.x), abs(point[1] - self.y)) <= scale * self.radius)


def choose_window(loss: Values, at: Floats | None, *, seed: int = 0) -> Window:
    """The square around the minima near the origin, and around the declared point.

    >>> choose_window(lambda p: (p[0] - 1)[None] ** 2 + p[1][None] ** 2, None).radius
    2.0
    """
    found = minima(loss, seed)
    points = found if at is None else np.column_stack([found, at])
    low, high = points.min(axis=1), points.max(axis=1)
    spread = float((high - low).max())
    if not points.size or spread > 2 * WIDEST:
        return Window(0.0, 0.0, WIDEST if at is None else max(WIDEST, 1.2 * float(np.abs(at).max())))
    x, y = (np.round((low + high) / 2, 1) + 0.0).tolist()
    return Window(x, y, float(np.ceil(2 * (spread / 2 + MARGIN) - 0.01) / 2))


def minima(loss: Values, seed: int) -> Floats:
    """Points of lowest loss, found by random search from many starts; the origin when there are none inside."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-REACH, REACH, size=(2, STARTS))
    best = loss(points)[0]
    for k in range(ROUNDS):
        for _ in range(8):
            tried = points + rng.normal(size=points.shape) * (REACH / 2 * 0.75**k)
            values = loss(tried)[0]
            better = (values < best) | (np.isnan(best) & ~np.isnan(values))
            points[:, better], best[better] = tried[:, better], values[better]
    if not np.isfinite(best).any():
        return np.zeros((2, 1))
    lowest = np.nanmin(best)
    size = np.nanmedian(np.abs(loss(rng.uniform(-REACH, REACH, size=(2, STARTS)))[0]))
    lowest_points = points[:, best <= lowest + 1e-9 * (size if np.isfinite(size) else 1.0)]
    inside = np.abs(lowest_points).max(axis=0) < REACH
    return lowest_points[:, inside] if inside.any() else np.zeros((2, 1))
