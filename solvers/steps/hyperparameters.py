"""Hyperparameters of rules: numbers in an interval, refused by name when they lie outside."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, final

from manifolds.errors import InputError


@final
@dataclass(frozen=True)
class Interval:
    """The interval from ``low`` to ``high``; ``low`` belongs to it unless ``open_low``, ``high`` never does.

    >>> 0.0 in NON_NEGATIVE, 0.0 in POSITIVE, 1.0 in UNIT
    (True, False, False)
    """

    low: float
    high: float = math.inf
    open_low: bool = False

    def __contains__(self, value: float) -> bool:
        return (self.low < value if self.open_low else self.low <= value) and value < self.high

    def __str__(self) -> str:
        low = f"larger than {self.low:g}" if self.open_low else f"at least {self.low:g}"
        return f"{low} and finite" if math.isinf(self.high) else f"{low} and below {self.high:g}"


NON_NEGATIVE = Interval(0.0)
POSITIVE = Interval(0.0, open_low=True)
UNIT = Interval(0.0, 1.0)


def read_number(value: Any, *, name: str, interval: Interval) -> float:
    """A real number of the interval as a Python float, which leaves the precision of arrays as it is.

    Raises
    ------
    InputError: it is no real number (a truth value is none), or lies outside.

    >>> read_number(1, name="momentum", interval=POSITIVE)
    1.0
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"{name}: {value!r}", why="it is no real number", cure=f"give {name} as a number, {interval}")
    number = float(value)
    if number not in interval:
        raise InputError(
            f"{name}: {number!r}", why=f"{name} must be {interval}", cure=f"choose {name} in that interval"
        )
    return number


def read_count(value: Any, *, name: str, low: int = 1) -> int:
    """A whole number from ``low`` up.

    Raises
    ------
    InputError: it is none.

    >>> read_count(3, name="steps")
    3
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < low:
        raise InputError(
            f"{name}: {value!r}", why=f"{name} must be a whole number", cure=f"give an integer from {low} up"
        )
    return int(value)
