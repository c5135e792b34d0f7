"""The sampled equations: gradients at points, one part to find the null space and another to check it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias, final

import numpy as np
from array_api_compat import array_namespace

from solvers.discovery.family import Arrays, Family, flat
from solvers.discovery.subject import Subject
from solvers.discovery.triangle import Triangle
from symmetries.actions.parameter_space import FloatArray

FLAT_COORDINATES = 2_000
"""Coordinates up to which constant null directions are looked for."""

KEPT_POINTS = 256
"""Points that are kept to see whether they tell the fields apart."""

FEW_POINTS = 8
"""Held-out points that are kept of functions with more coordinates."""

LOST = 50
"""Gradients that are taken at most for each equation that is wanted."""

HOPELESS = 400
"""Gradients without any equation after which no more are taken."""

FIRST = 16
"""Gradients whose median length says how long one is."""


MARGIN = 16
"""Equations beyond the number of unknowns."""

BoolArray: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
IntArray: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]


@final
@dataclass(eq=False)
class Equations:
    """What the gradients said so far.

    Parameters
    ----------
    subject: the function.
    family: the fields.
    rng: draws data and points.
    """

    subject: Subject
    family: Family
    rng: np.random.Generator
    flat_points: int = field(default=0, init=False)
    non_finite: int = field(default=0, init=False)
    held: list[FloatArray] = field(default_factory=list, init=False)
    held_points: list[Arrays] = field(default_factory=list, init=False)
    points: list[FloatArray] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        size = self.family.space.size
        self.triangle = Triangle(self.family.count)
        self.directions = Triangle(size) if size <= FLAT_COORDINATES else None
        self.terms, self.sizes = np.zeros(self.family.count), np.zeros(self.family.count)
        self.active = np.zeros(self.family.count, dtype=np.int64)
        self.slopes = np.zeros(size) if self.directions is not None else np.zeros(0)
        self.sloping = np.zeros(len(self.slopes), dtype=np.int64)
        self._lengths: list[float] = []
        self._seen: set[bytes] = set()
        self.repeated = 0

    @property
    def seen(self) -> int:
        """Number of gradients so far."""
        return self.triangle.rows + len(self.held) + self.flat_points + self.non_finite

    def take(self, points: Iterator[Arrays], *, train: int, hold: int) -> bool:
        """Take points until there are that many equations to solve and to check; whether there were enough."""
        limit = self.seen + LOST * max(train + hold - self.triangle.rows - len(self.held), 0)
        while self.triangle.rows < train or len(self.held) < hold:
            useful = self.triangle.rows + len(self.held)
            point = next(points, None) if useful or self.seen < HOPELESS else None
            if point is None or self.seen >= limit:
                return False
            self._take(point, to_hold=len(self.held) < hold)
        return True

    def exhaust(self, points: Iterator[Arrays]) -> None:
        """Take all points that are left."""
        for point in points:
            self._take(point, to_hold=False)

    def _take(self, point: Arrays, *, to_hold: bool) -> None:
        """Take one point: its equation, or nothing where its gradient is zero or not finite."""
        with np.errstate(all="ignore"):
            gradient = self.subject.gradient(point, self.rng)
        length = length_of(gradient)
        if not np.isfinite(length):
            self.non_finite += 1
            return
        if length == 0 or length <= self.subject.unit**0.75 * self._usual():
            self.flat_points += 1
            return
        self._lengths = [*self._lengths, length][:FIRST]
        equation = self.family.equation(point, gradient, length=length)
        if not np.isfinite(equation.sizes).all():
            self.non_finite += 1
            return
        here = flat(point, self.family.space) if self.directions is not None else np.zeros(0)
        if to_hold:
            self.held.append(equation.row)
            if here.size or len(self.held_points) < FEW_POINTS:
                self.held_points.append(point)
            self._seen.add(here.tobytes())
            return
        self.repeated += here.size > 0 and here.tobytes() in self._seen
        self.triangle.add(equation.row)
        self.terms += equation.terms
        self.active += equation.terms > 0
        self.sizes += equation.sizes
        if self.directions is not None:
            slope = flat(gradient, self.family.space) / length
            self.directions.add(slope)
            self.slopes += slope**2
            self.sloping += slope != 0
            if len(self.points) < max(KEPT_POINTS, self.family.count):
                self.points.append(here)

    def rare(self) -> BoolArray:
        """Unknowns that too few equations contain to solve for them."""
        return too_rare(self.active)

    def idle(self) -> BoolArray:
        """Unknowns whose terms were zero at all points."""
        return np.asarray(self.active == 0)

    def _usual(self) -> float:
        """The median length of the first gradients."""
        return float(np.median(self._lengths)) if self._lengths else 0.0

    def scales(self, floor: float) -> FloatArray:
        """The factor of each unknown: the size of its terms, or where they may be rounding, of its field."""
        rows = max(self.triangle.rows, 1)
        sizes, terms = np.sqrt(self.sizes / rows), np.sqrt(self.terms / rows)
        sizes = np.where(sizes > 0, sizes, 1.0)
        return np.maximum(terms, floor * (float(np.max(terms / sizes)) or 1.0) * sizes)


def too_rare(active: IntArray) -> BoolArray:
    """Unknowns that are in fewer equations than there are unknowns that are no less rare, and a margin.

    Units that are seldom active have such: they could satisfy the equations by chance.  Those that are in no equation
    are left out.

    >>> too_rare(np.array([40, 40, 3, 0])).tolist()
    [False, False, True, False]
    """
    at_most = np.searchsorted(np.sort(active), active, side="right") - int(np.sum(active == 0))
    return np.asarray((active > 0) & (active < at_most + MARGIN))


def length_of(gradient: Arrays) -> float:
    """Euclidean length of a gradient; NaN where it has an entry that is not finite."""
    total = 0.0
    for part in gradient.values():
        xp = array_namespace(part)
        total += float(xp.sum(part * part, dtype=xp.float64))
    return float(np.sqrt(total))
