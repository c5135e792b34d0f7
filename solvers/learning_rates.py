"""Learning-rate schedules: frozen functions from the number of a step, from 1, to its rate."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

from manifolds.errors import InputError
from solvers.steps.hyperparameters import NON_NEGATIVE, POSITIVE, read_count, read_number


class Schedule(ABC):
    """A function from the number of a step, from 1, to its learning rate; any plain function will do as well.

    Schedules multiply, and follow one another:

    >>> ramp = Linear(0.0, 1.0, 5) * 0.1
    >>> [round(ramp(step), 3) for step in (1, 3, 5, 6)]
    [0.0, 0.05, 0.1, 0.1]
    >>> both = Constant(0.1).then(Constant(0.01), after=20)
    >>> both(20), both(21)
    (0.1, 0.01)
    """

    @abstractmethod
    def __call__(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""

    def __mul__(self, other: Schedule | float) -> Schedule:
        """The product with a schedule or a number."""
        return Product(self, other if isinstance(other, Schedule) else Constant(other))

    __rmul__ = __mul__

    def then(self, following: Callable[[int], float], *, after: int) -> Schedule:
        """This schedule for the first ``after`` steps, and then another one from its own first step on."""
        return Sequence(self, following, after=after)


@final
@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate at all steps.

    >>> Constant(0.1)(7)
    0.1
    """

    rate: float

    def __post_init__(self) -> None:
        read_number(self.rate, name="rate", interval=NON_NEGATIVE)

    def __call__(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        return float(self.rate)


@final
@dataclass(frozen=True)
class Linear(Schedule):
    """From ``start`` at the first step to ``end`` at step ``steps`` on a line, and ``end`` from there on.

    >>> [Linear(1.0, 0.0, 5)(step) for step in (1, 3, 5, 9)]
    [1.0, 0.5, 0.0, 0.0]
    """

    start: float
    end: float
    steps: int

    def __post_init__(self) -> None:
        _check_ends(self.start, self.end)
        read_count(self.steps, name="steps")

    def __call__(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        return self.start + (self.end - self.start) * _progress(step - 1, self.steps - 1)


@final
@dataclass(frozen=True)
class Cosine(Schedule):
    r"""Half a cosine from ``start`` to ``end``, after a warm-up on a line.

    .. math:: \eta_t = \eta_1 + \tfrac12 (\eta_0 - \eta_1)\Bigl(1 + \cos \pi\,\frac{t - 1 - u}{T - 1 - u}\Bigr)

    Parameters
    ----------
    start: :math:`\eta_0`, the largest rate, first reached at the end of the warm-up.
    end: :math:`\eta_1`, the rate of step T and of all later ones.
    steps: T, the warm-up included.
    warmup: u, steps in which the rate rises from ``start/(u+1)`` towards ``start``.

    Raises
    ------
    InputError: a rate is negative, or the warm-up leaves no step.

    >>> [round(Cosine(0.1, 0.0, 5)(step), 4) for step in (1, 3, 5, 9)]
    [0.1, 0.05, 0.0, 0.0]
    >>> [round(Cosine(0.1, 0.0, 6, warmup=1)(step), 4) for step in (1, 2, 4, 6)]
    [0.05, 0.1, 0.05, 0.0]

    Source: I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017), equation 5.
    """

    start: float
    end: float
    steps: int
    warmup: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        _check_ends(self.start, self.end)
        read_count(self.steps, name="steps")
        if read_count(self.warmup, name="warmup", low=0) >= self.steps:
            raise InputError(
                f"warmup={self.warmup}",
                why=f"the schedule has {self.steps} steps, the warm-up included",
                cure="make the warm-up shorter than the schedule",
            )

    def __call__(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        if step <= self.warmup:
            return self.start * step / (self.warmup + 1)
        phase = math.pi * _progress(step - 1 - self.warmup, self.steps - 1 - self.warmup)
        return self.end + (self.start - self.end) * (1 + math.cos(phase)) / 2


@final
@dataclass(frozen=True)
class StepDecay(Schedule):
    """``start``, multiplied by ``factor`` after every ``every`` steps.

    >>> [StepDecay(1.0, 0.5, every=2)(step) for step in (1, 2, 3, 5)]
    [1.0, 1.0, 0.5, 0.25]
    """

    start: float
    factor: float
    every: int = field(kw_only=True)

    def __post_init__(self) -> None:
        read_number(self.start, name="start", interval=NON_NEGATIVE)
        read_number(self.factor, name="factor", interval=POSITIVE)
        read_count(self.every, name="every")

    def __call__(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        return self.start * _power(self.factor, (step - 1) // self.every)


@final
@dataclass(frozen=True)
class Exponential(Schedule):
    """``start``, multiplied by ``factor`` after every step.

    >>> [Exponential(1.0, 0.5)(step) for step in (1, 2, 3)]
    [1.0, 0.5, 0.25]
    """

    start: float
    factor: float

    def __post_init__(self) -> None:
        read_number(self.start, name="start", interval=NON_NEGATIVE)
        read_number(self.factor, name="factor", interval=POSITIVE)

    def __call__(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        return self.start * _power(self.factor, step - 1)


@final
@dataclass(frozen=True)
class OneOver(Schedule):
    r"""The rate :math:`\eta_0/(1 + \delta (t-1))^p`; power 1 for strongly convex stochastic problems, 1/2 for convex.

    >>> [OneOver(1.0, decay=1.0)(step) for step in (1, 2, 4)]
    [1.0, 0.5, 0.25]

    Source: H. Robbins and S. Monro, "A stochastic approximation method" (1951).
    """

    start: float
    decay: float = field(default=1.0, kw_only=True)
    power: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("start", "decay", "power"):
            read_number(getattr(self, name), name=name, interval=NON_NEGATIVE)

    def __call__(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        return self.start / _power(1 + self.decay * (step - 1), self.power)


@final
@dataclass(frozen=True)
class Product(Schedule):
    """The product of two schedules.

    >>> Product(Constant(0.5), Constant(0.5))(1)
    0.25
    """

    left: Callable[[int], float]
    right: Callable[[int], float]

    def __post_init__(self) -> None:
        _check_callable(self.left, self.right)

    def __call__(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        return self.left(step) * self.right(step)


@final
@dataclass(frozen=True)
class Sequence(Schedule):
    """One schedule for the first ``after`` steps, then another from its own first step on.

    >>> [Sequence(Constant(1.0), Exponential(0.5, 0.5), after=2)(step) for step in (2, 3, 4)]
    [1.0, 0.5, 0.25]
    """

    first: Callable[[int], float]
    following: Callable[[int], float]
    after: int = field(kw_only=True)

    def __post_init__(self) -> None:
        _check_callable(self.first, self.following)
        read_count(self.after, name="after", low=0)

    def __call__(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        return self.first(step) if step <= self.after else self.following(step - self.after)


def _progress(done: int, whole: int) -> float:
    """The part of a way that is done, from 0 to 1."""
    return min(done / whole, 1.0) if whole > 0 else min(float(done), 1.0)


def _power(base: float, exponent: float) -> float:
    """A power, infinite where it overflows."""
    try:
        return base**exponent
    except OverflowError:
        return math.inf


def _check_ends(start: float, end: float) -> None:
    """Refuse rates that are negative or no numbers."""
    read_number(start, name="start", interval=NON_NEGATIVE)
    read_number(end, name="end", interval=NON_NEGATIVE)


def _check_callable(*schedules: object) -> None:
    """Refuse what is no function of the step."""
    for schedule in schedules:
        if not callable(schedule):
            raise InputError(
                f"the schedule {schedule!r}",
                why="it is no function of the step",
                cure="give a schedule, or Constant(rate) for a number",
            )
