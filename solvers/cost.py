"""What a computation costs, counted in evaluations and in gradient equivalents."""

from __future__ import annotations

import time
import weakref
from dataclasses import dataclass, replace
from typing import Any, Protocol, final

VALUE_WEIGHT = 1 / 3
"""A value in gradient equivalents: reverse mode takes about three times the operations of the function."""

HVP_WEIGHT = 2.0
"""A Hessian-vector product in gradient equivalents: forward mode over reverse mode doubles every operation."""


@final
@dataclass(frozen=True, kw_only=True)
class Cost:
    r"""Evaluations of an objective, :math:`\text{gradients} + 2\,\text{hvps} + \tfrac13\,\text{values}` together.

    A value that comes with its gradient counts as the gradient alone.

    Parameters
    ----------
    values: values asked for alone.
    gradients: gradients, with or without the value.
    hvps: Hessian-vector products.
    extra: other work, already in gradient equivalents (factorisations, samples of a target).
    seconds: wall time.
    value_weight, hvp_weight: gradient equivalents of one value and of one Hessian-vector product.

    >>> cost = Cost(gradients=3, hvps=2)
    >>> cost.gradient_equivalents, (cost + cost).hvps
    (7.0, 4)

    Source: A. Griewank and A. Walther, "Evaluating Derivatives" (2008), sections 3.2 and 3.3.
    """

    values: int = 0
    gradients: int = 0
    hvps: int = 0
    extra: float = 0.0
    seconds: float = 0.0
    value_weight: float = VALUE_WEIGHT
    hvp_weight: float = HVP_WEIGHT

    @property
    def gradient_equivalents(self) -> float:
        """The whole cost in units of one gradient, wall time left out."""
        return self.gradients + self.hvp_weight * self.hvps + self.value_weight * self.values + self.extra

    def __add__(self, other: Cost) -> Cost:
        return self._combined(other, 1)

    def __sub__(self, other: Cost) -> Cost:
        return self._combined(other, -1)

    def _combined(self, other: Cost, sign: int) -> Cost:
        """This cost plus or minus another one; the weights stay."""
        return replace(
            self,
            values=self.values + sign * other.values,
            gradients=self.gradients + sign * other.gradients,
            hvps=self.hvps + sign * other.hvps,
            extra=self.extra + sign * other.extra,
            seconds=self.seconds + sign * other.seconds,
        )

    def to_dict(self) -> dict[str, Any]:
        """The cost as JSON-ready data."""
        return {
            "values": self.values,
            "gradients": self.gradients,
            "hvps": self.hvps,
            "extra": self.extra,
            "gradient_equivalents": self.gradient_equivalents,
            "seconds": self.seconds,
        }


class Counter(Protocol):
    """What is told of everything that a ledger counts."""

    def add(self, cost: Cost) -> None:
        """Add this much."""


@final
class Ledger:
    """The running count of one objective.

    >>> ledger = Ledger()
    >>> before = ledger.total()
    >>> ledger.count(gradients=1)
    >>> (ledger.total() - before).gradients
    1
    """

    def __init__(self, *, value_weight: float = VALUE_WEIGHT, hvp_weight: float = HVP_WEIGHT) -> None:
        self._start = time.perf_counter()
        self._cost = Cost(value_weight=value_weight, hvp_weight=hvp_weight)
        self._told: tuple[weakref.ref[Counter], ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        """The count alone: who is told of it stays behind when a ledger is copied or sent to another process."""
        return {**self.__dict__, "_told": ()}

    def tell(self, counter: Counter) -> None:
        """Tell another count of everything from now on, as long as it lives; it is told once of each."""
        told = tuple(one for one in self._told if one() is not None)
        known = any(one() is counter for one in told)
        self._told = told if known else (*told, weakref.ref(counter))

    def count(self, *, values: int = 0, gradients: int = 0, hvps: int = 0, extra: float = 0.0) -> None:
        """Add evaluations."""
        more = Cost(values=values, gradients=gradients, hvps=hvps, extra=extra)
        self._cost += more
        for reference in self._told:
            counter = reference()
            if counter is not None:
                counter.add(more)

    def total(self) -> Cost:
        """The count up to now, with the seconds since the ledger was opened."""
        return replace(self._cost, seconds=time.perf_counter() - self._start)
