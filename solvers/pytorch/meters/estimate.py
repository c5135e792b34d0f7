"""A mean over random samples with its standard error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import torch

from manifolds.errors import InputError
from solvers.cost import Cost


@final
@dataclass(frozen=True, kw_only=True)
class Estimate:
    r"""An unbiased estimate of a mean, with how far off it may be.

    Parameters
    ----------
    value: the mean of the samples.
    standard_error: standard deviation of the mean, from the spread of the samples; infinite for one sample.
    samples: how many independent samples.
    cost: evaluations of the loss, its gradient and its Hessian-vector products.
    evidence: how it was computed, JSON-ready.

    >>> estimate = Estimate.of(torch.tensor([1.0, 2.0, 3.0]), cost=Cost(values=3))
    >>> estimate.value, round(estimate.standard_error, 4), estimate.samples
    (2.0, 0.5774, 3)
    """

    value: float
    standard_error: float
    samples: int
    cost: Cost
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, samples: torch.Tensor, *, cost: Cost, evidence: Mapping[str, Any] | None = None) -> Estimate:
        """The estimate from independent samples in one axis."""
        values = samples.detach().to("cpu", torch.float64)
        count = len(values)
        error = float(values.std(correction=1)) / math.sqrt(count) if count > 1 else math.inf
        return cls(
            value=float(values.mean()), standard_error=error, samples=count, cost=cost, evidence=dict(evidence or {})
        )


def read_samples(value: Any, *, name: str, example: int) -> int:
    """A positive number of samples.

    >>> read_samples(3, name="directions", example=16)
    3
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{name}={value!r}", why="it is no positive integer", cure=f"write {name}={example}")
    return value
