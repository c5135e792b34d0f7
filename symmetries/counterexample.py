"""The search for a point where a quantity that should vanish does not.

Where the loss is rational, or rational on each side of its kinks, points with small coordinates are tried in exact
fractions: a value that is not zero there is a refutation, however small.  Elsewhere the quantity is computed with 50
digits, again with 100 where that is not zero, and passes for zero below 1e-45 of the scale of its summands.  Above
that, and below it where a value is known to be hidden, it counts as nonzero only where ball arithmetic with up to 800
digits excludes zero: two roundings of tanh(v) to 1 agree, and yet its derivative is not zero.
"""

from __future__ import annotations

import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, islice
from time import monotonic
from typing import Any, Literal, TypeAlias, final

import numpy as np

from symmetries.balls import certainly_nonzero
from symmetries.directional import Point, Quantity, as_floats, from_entries, point_text
from symmetries.dual import Hole, Unsupported
from symmetries.dual_numbers import Digits, Fractions
from symmetries.numbers import as_float

Kind: TypeAlias = Literal["refuted", "agrees", "undefined"]

DIGITS, MORE_DIGITS = 50, 100
SHARP_DIGITS = (100, 200, 400, 800)
THRESHOLD = 1e-45
SIMPLER_ENTRIES = 80
SIMPLER_SECONDS = 2.0
TRIES = 8
FEW = 8


@final
@dataclass(frozen=True, kw_only=True)
class Finding:
    """What the search found.

    Parameters
    ----------
    kind: ``refuted``, ``agrees`` (zero at every point) or ``undefined`` (no point where the quantity has a value).
    samples: number of points with a value.
    worst: largest residual relative to the scale of the summands; 0 when all were exactly zero.
    exact: whether the values were exact fractions.
    settled: whether the first point that was asked for had a value.
    counterexample: the point and the values there, JSON-ready.
    """

    kind: Kind
    samples: int
    worst: float = 0.0
    exact: bool = False
    settled: bool = True
    counterexample: dict[str, Any] = field(default_factory=dict)


def search(quantity: Quantity, *, samples: int, rng: np.random.Generator, first: Point | None = None) -> Finding:
    """Look for a counterexample at up to ``samples`` points where the quantity is defined, and at a first one."""
    try:
        return _search(_Exact(quantity), samples, rng, first)
    except Unsupported:
        return _search(_Many(quantity), samples, rng, first)


def candidates(quantity: Quantity, rng: np.random.Generator, count: int) -> Iterator[Point]:
    """Points with small rational coordinates, growing slowly, some of them positive."""
    shapes = quantity.shapes
    size = sum(math.prod(shape) for shape in shapes.values())
    for attempt in range(count):
        bound = 2 + attempt // 8
        low = 1 if attempt % (2 if attempt < 8 else 4) == 1 else -bound
        below = 1 if attempt % 4 < 2 else int(rng.integers(2, 9))
        numerators = rng.integers(low * below if low < 0 else 1, bound * below + 1, size=size)
        yield from_entries([Fraction(int(value), below) for value in numerators], shapes)


class _Numbers(ABC):
    """A way to calculate the quantity."""

    exact: bool
    digits = MORE_DIGITS

    def __init__(self, quantity: Quantity) -> None:
        self.quantity = quantity

    @abstractmethod
    def value(self, point: Point) -> tuple[Any, float, bool] | None:
        """The quantity, its size relative to its summands, and whether it lies on an edge; None where undefined."""

    @abstractmethod
    def text(self, value: Any) -> str:
        """A value as text."""

    def residual(self, point: Point) -> tuple[Any, float] | None:
        """The quantity and its size relative to its summands; on an edge, only if it is also nonzero nearby."""
        result = self.value(point)
        if result is None:
            return None
        if result[2] and result[1] > THRESHOLD:
            for step in (Fraction(1, 1024), Fraction(-1, 2048)):
                near = self.value({name: _shifted(values, step) for name, values in point.items()})
                if near is None or near[1] <= THRESHOLD:
                    return None
        return result[:2]


def _shifted(values: Any, step: Fraction) -> Any:
    """The entries moved by different small steps, fractions that ball arithmetic holds exactly."""
    steps = np.array([step * Fraction(128 + k % 61, 128) for k in range(np.size(values))], dtype=object)
    return values + steps.reshape(np.shape(values))


@final
class _Exact(_Numbers):
    """Exact fractions."""

    exact = True

    def value(self, point: Point) -> tuple[Any, float, bool] | None:
        """The quantity, exactly."""
        arithmetic = Fractions()
        value, loss = self.quantity.evaluate(arithmetic, point)
        if isinstance(value, Hole) or isinstance(loss, Hole):
            return None
        return value, 0.0 if value == 0 else math.inf, arithmetic.edge

    def text(self, value: Any) -> str:
        """The value as text."""
        return str(value)


class _Many(_Numbers):
    """50 digits, and 100 where it matters."""

    exact = False

    def value(self, point: Point) -> tuple[Any, float, bool] | None:
        """The quantity, with so many digits that a nonzero value is certain."""
        first = self._value(point, DIGITS)
        if first is None:
            return None
        scale = self._scale(point, first[1])
        size = _relative(first[0], scale)
        if size <= THRESHOLD:
            return first[0], size, first[2]
        second = self._value(point, MORE_DIGITS)
        if second is None or _relative(second[0], scale) <= THRESHOLD:
            return None if second is None else (second[0], _relative(second[0], scale), second[2])
        certain = self._certain(point)
        return None if certain is None else (certain, _relative(certain, scale), second[2])

    def _certain(self, point: Point) -> Any | None:
        """The quantity where balls of some precision exclude zero; None elsewhere."""
        for digits in SHARP_DIGITS:
            found = certainly_nonzero(lambda arithmetic: self.quantity.evaluate(arithmetic, point), digits)
            if found is not None:
                return found
        return None

    def _value(self, point: Point, digits: int) -> tuple[Any, Any, bool] | None:
        import mpmath

        with mpmath.workdps(digits):
            arithmetic = Digits()
            value, loss = self.quantity.evaluate(arithmetic, point)
        if any(isinstance(one, Hole) or not mpmath.isfinite(one) for one in (value, loss)):
            return None
        return value, loss, arithmetic.edge

    def _scale(self, point: Point, loss: Any) -> Any:
        scale = self.quantity.floats(as_floats(point))[1]
        return scale if math.isfinite(scale) and scale > 0 else 1 + abs(loss)

    def text(self, value: Any) -> str:
        """The value as text."""
        import mpmath

        return str(mpmath.nstr(value, 30))


@final
class _Sharp(_Many):
    """As many digits as it takes to exclude zero; the size is infinite where that is done."""

    digits = SHARP_DIGITS[-1]

    def value(self, point: Point) -> tuple[Any, float, bool] | None:
        """The quantity, nonzero only where balls exclude zero."""
        found = self._value(point, MORE_DIGITS)
        if found is None:
            return None
        certain = self._certain(point)
        return (found[0], 0.0, False) if certain is None else (certain, math.inf, found[2])


def _relative(value: Any, scale: Any) -> float:
    return as_float(abs(value) / scale)


def search_at(quantity: Quantity, points: Iterable[Point], *, seconds: float) -> Finding:
    """Look for a counterexample at given points, with as many digits as it takes, for some time."""
    try:
        return _search_at(_Exact(quantity), points, seconds)
    except Unsupported:
        return _search_at(_Sharp(quantity), points, seconds)


def _search_at(numbers: _Numbers, points: Iterable[Point], seconds: float) -> Finding:
    found, end = 0, monotonic() + seconds
    for point in points:
        if monotonic() > end:
            break
        result = numbers.residual(point)
        if result is not None:
            found += 1
            if result[1] > THRESHOLD:
                return _refuted(numbers, _simpler(numbers, point), found)
    return Finding(kind="agrees" if found else "undefined", samples=found, exact=numbers.exact)


def _search(numbers: _Numbers, samples: int, rng: np.random.Generator, first: Point | None) -> Finding:
    found, worst = 0, 0.0
    settled = first is None or numbers.residual(first) is not None
    if first is not None and not numbers.exact and not _nonzero(numbers, first):
        sharp = _Sharp(numbers.quantity)
        if _nonzero(sharp, first):
            return _refuted(sharp, first, 1)
    points = candidates(numbers.quantity, rng, TRIES * samples)
    for point in points if first is None else chain(islice(points, FEW), [first], points):
        result = numbers.residual(point)
        if result is None:
            continue
        found += 1
        size = result[1]
        if size > THRESHOLD:
            return _refuted(numbers, _simpler(numbers, point), found)
        worst = max(worst, size)
        if found >= samples:
            break
    kind: Kind = "agrees" if found else "undefined"
    return Finding(kind=kind, samples=found, worst=worst, exact=numbers.exact, settled=settled)


def _nonzero(numbers: _Numbers, point: Point) -> bool:
    result = numbers.residual(point)
    return result is not None and result[1] > THRESHOLD


def _simpler(numbers: _Numbers, point: Point) -> Point:
    """The same with as many coordinates as possible 0 or 1."""
    shapes = numbers.quantity.shapes
    values = [value for name in shapes for value in np.ravel(point[name])]
    if len(values) > SIMPLER_ENTRIES:
        return point
    end = monotonic() + SIMPLER_SECONDS
    for k, old in enumerate(values):
        for simple in (Fraction(0), Fraction(1)):
            if monotonic() > end or old == simple:
                break
            values[k] = simple
            if _nonzero(numbers, from_entries(values, shapes)):
                break
            values[k] = old
    return from_entries(values, shapes)


def _refuted(numbers: _Numbers, point: Point, found: int) -> Finding:
    result = numbers.residual(point)
    assert result is not None
    floats, scale = numbers.quantity.floats(as_floats(point))
    relative = abs(as_float(result[0])) / scale if scale > 0 and math.isfinite(scale) else None
    relative = relative if relative is not None and math.isfinite(relative) else None
    counterexample = {
        "point": point_text(point),
        "value": numbers.text(result[0]),
        "scale": scale if math.isfinite(scale) else None,
        "residual": relative,
        "exact": numbers.exact,
    }
    if not numbers.exact:
        counterexample["digits"] = numbers.digits
    worst = relative if relative is not None else abs(floats)
    worst = worst if math.isfinite(worst) else abs(as_float(result[0]))
    worst = min(worst, sys.float_info.max)
    return Finding(kind="refuted", samples=found, worst=worst, exact=numbers.exact, counterexample=counterexample)
