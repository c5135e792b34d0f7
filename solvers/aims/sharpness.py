"""Sharpness as a target: how high the loss is on spheres around a point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.objective import Objective
from solvers.target import Target
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_reals, read_seed

RADII = (0.1, 0.3, 0.5)


@final
@dataclass(frozen=True)
class SharpnessEstimate:
    """A mean over random directions and its standard error; the estimate is unbiased.

    Parameters
    ----------
    value: the mean.
    standard_error: standard deviation of the mean, from the spread over the directions; infinite for one direction.
    """

    value: float
    standard_error: float


@final
@dataclass(frozen=True)
class Sharpness(Target):
    r"""The mean :math:`\varphi(w) = \operatorname{E}_{t, d}\,\tfrac12[L(w + td) + L(w - td)]` over random directions.

    The directions d are uniform on the unit sphere, taken with both signs; the same ones at every point, so that the
    target is a smooth function with the gradient :math:`\operatorname{E}\nabla L(w \pm td)`.  The mean over the
    directions is an unbiased estimate of that over the sphere, which for a quadratic is
    :math:`L(w) + \operatorname{E}t^2\,\operatorname{tr}H/(2n)`.

    Parameters
    ----------
    radii: the distances t, equally weighted.
    directions: how many directions; a value costs 2 values of the loss for each and each radius.
    rng: seed of the directions.

    Raises
    ------
    InputError: a radius is not positive, or there is no direction.

    >>> objective = Objective.from_functions(lambda w: w @ w / 2, lambda w: w, size=3)
    >>> round(Sharpness(radii=[0.2], directions=4).value(objective, np.zeros(3)), 12)
    0.02

    Source: B. Zhao, R. Gower, R. Walters, R. Yu, "Improving Convergence and Generalization Using Parameter Symmetries"
    (2023), arXiv:2305.13404, section 4.1; the directions there have one sign.
    """

    radii: Sequence[float] = RADII
    directions: int = 16
    rng: Any = 0

    name = "sharpness"

    def __post_init__(self) -> None:
        radii = read_reals(self.radii, what="the radii of the sharpness").ravel()
        if not radii.size or not np.isfinite(radii).all() or radii.min() <= 0:
            raise InputError(
                f"radii={self.radii!r}", why="they are no positive numbers", cure="write radii=(0.1, 0.3), for example"
            )
        count = self.directions
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
            raise InputError(f"directions={count!r}", why="it is no positive integer", cure="write directions=16")
        object.__setattr__(self, "radii", tuple(float(t) for t in radii))
        object.__setattr__(self, "rng", read_seed(self.rng))

    def value(self, objective: Objective, w: FloatArray) -> float:
        """The mean loss on the spheres."""
        means = self._means(objective, w)
        return sum(means) / len(means)

    def estimate(self, objective: Objective, w: FloatArray) -> SharpnessEstimate:
        """The mean loss on the spheres with its standard error."""
        means = self._means(objective, w)
        count = len(means)
        with np.errstate(invalid="ignore"):
            error = float(np.std(means, ddof=1)) / math.sqrt(count) if count > 1 else math.inf
        return SharpnessEstimate(sum(means) / count, error)

    def _means(self, objective: Objective, w: FloatArray) -> list[float]:
        """The mean loss along each direction."""
        means = []
        for direction in _directions(self.rng, self.directions, len(w)):
            moves = [sign * t * direction for t in self.radii for sign in (1, -1)]
            means.append(sum(objective.value(w + move) for move in moves) / len(moves))
        return means

    def value_and_grad(self, objective: Objective, w: FloatArray) -> tuple[float, FloatArray]:
        """The mean of the loss and the mean of its gradients."""
        total, slope = 0.0, np.zeros_like(w)
        for direction in _directions(self.rng, self.directions, len(w)):
            for move in (sign * t * direction for t in self.radii for sign in (1, -1)):
                value, gradient = objective.value_and_grad(w + move)
                total += value
                slope += gradient
        count = 2 * len(self.radii) * self.directions
        return total / count, slope / count


@lru_cache(maxsize=8)
def _directions(seed: int, count: int, size: int) -> FloatArray:
    """Unit vectors in rows, uniform and independent."""
    vectors = np.random.default_rng(seed).standard_normal((count, size))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors.setflags(write=False)
    return vectors
