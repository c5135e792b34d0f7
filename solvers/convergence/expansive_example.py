r"""Level-set teleportation can move away from the minimum, as far as one likes: a smooth convex example."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import final

import numpy as np

from manifolds.errors import InputError
from solvers.convergence.paths import require_positive
from solvers.convergence.theorem_check import TheoremCheck, compared
from solvers.objective import Objective
from symmetries.actions.parameter_space import FloatArray
from symmetries.certificate import Claim

SOURCE = "A. Mishkin, A. Bietti, R. Gower, arXiv:2403.03362 (2024), section 4"

LEVEL = Fraction(1)
CURVATURE = Fraction(1, 2)
START = Fraction(2)


@final
@dataclass(frozen=True)
class ExpansiveExample:
    r"""The function :math:`f(x, y) = \varphi(x) + y^2/4` with a long slope of :math:`\varphi` and a steep end.

    :math:`\varphi` is even, with :math:`\varphi'(x) = x` up to :math:`\epsilon`, then :math:`\epsilon` up to X, then
    :math:`\epsilon + x - X`; here :math:`\epsilon = 1/(10X)`.

    Parameters
    ----------
    reach: X, at least 2.

    >>> example = ExpansiveExample(Fraction(100))
    >>> example.objective().value([0.0, 2.0]), round(example.end, 3)
    (1.0, 101.341)
    """

    reach: Fraction

    @property
    def slope(self) -> Fraction:
        """The small slope epsilon."""
        return 1 / (10 * self.reach)

    @property
    def height(self) -> Fraction:
        """The value at the end of the slope, phi(X)."""
        return self.slope * self.reach - self.slope**2 / 2

    @property
    def end(self) -> float:
        """The point x > X with phi(x) = 1."""
        slope = float(self.slope)
        return float(self.reach) - slope + float(np.sqrt(slope**2 + 2 * float(LEVEL - self.height)))

    def squared_gradients(self) -> tuple[Fraction, ...]:
        r"""Squared lengths of the gradient on f = 1 where :math:`\varphi` is 0, at its two bends, and 1.

        In between the squared length is affine in the value of :math:`\varphi`, so its maximum is one of these.
        """
        first = self.slope**2 / 2
        rest = 2 * CURVATURE

        def at(value: Fraction, squared_slope: Fraction) -> Fraction:
            """The squared length where phi has this value and this squared slope."""
            return squared_slope + rest * (LEVEL - value)

        last = self.slope**2 + 2 * (LEVEL - self.height)
        zero = Fraction(0)
        return at(zero, zero), at(first, self.slope**2), at(self.height, self.slope**2), at(LEVEL, last)

    def objective(self) -> Objective:
        """The function as an objective of (x, y)."""
        slope, reach, height = float(self.slope), float(self.reach), float(self.height)

        def value(w: FloatArray) -> float:
            """f(x, y)."""
            x = abs(w[0])
            bent = x * x / 2 if x <= slope else slope * x - slope**2 / 2
            far = x - reach
            return float((height + slope * far + far * far / 2 if far > 0 else bent) + w[1] ** 2 / 4)

        def gradient(w: FloatArray) -> FloatArray:
            """Its gradient."""
            x = abs(w[0])
            return np.array([np.sign(w[0]) * (min(x, slope) + max(x - reach, 0.0)), w[1] / 2])

        def product(w: FloatArray, v: FloatArray) -> FloatArray:
            """Its Hessian times v, almost everywhere."""
            bend = 1.0 if abs(w[0]) < slope or abs(w[0]) > reach else 0.0
            return np.array([bend * v[0], v[1] / 2])

        return Objective.from_functions(value, gradient, product, size=2)


def expansive_in_distance(reach: int | Fraction = 100, *, samples: int = 20_000) -> TheoremCheck:
    r"""Level-set teleportation does not raise the loss, and can raise the distance to the minimum without bound.

    The operator takes w to a point :math:`w^+` of :math:`\{f \le f(w)\}` with the longest gradient.  For the convex
    function of :class:`ExpansiveExample`, whose gradient is Lipschitz with constant 1, it takes (0, 2), at the distance
    2 from the minimum, beyond x = X, and :math:`|w^+ - w^*| \ge R/4` with the radius R of the sub-level set.

    Parameters
    ----------
    reach: X, at least 2.
    samples: points of the level set at which the maximum is compared with numbers.

    Returns
    -------
    Claims, proved with fractions; the last one is measured.

    Raises
    ------
    InputError: ``reach`` is no rational number from 2 up.

    Examples
    --------
    >>> check = expansive_in_distance(1000)
    >>> [claim.verdict for claim in check.claims], check.claims[3].evidence["factor"]
    (['proved', 'proved', 'proved', 'proved', 'proved', 'measured'], 500.0)

    Source: A. Mishkin, A. Bietti, R. Gower, arXiv:2403.03362 (2024), section 4; the example is made here.
    """
    if isinstance(reach, bool) or not isinstance(reach, int | Fraction) or not 2 <= reach <= 10**6:
        raise InputError(
            f"reach={reach!r}", why="it is no rational number from 2 to 10^6", cure="give an integer, such as 100"
        )
    require_positive(samples, "samples", integer=True)
    example = ExpansiveExample(Fraction(reach))
    lengths = example.squared_gradients()
    longest = all(lengths[-1] > other for other in lengths[:-1])
    factor, squared = example.reach / START, example.reach**2 / (example.reach**2 + START**2)
    claims = (
        _fact(
            "f is convex, and its gradient is Lipschitz with constant 1",
            example.slope > 0,
            "the derivative of phi is continuous and piecewise linear with the slopes 1, 0, 1; that of y^2/4 has 1/2",
        ),
        _fact(
            "the longest gradients on f <= 1 are at (x, 0) and (-x, 0) with x > X",
            longest,
            "on a level the squared length is piecewise affine in phi and grows with the level; fractions are compared",
            squared_lengths=[str(length) for length in lengths],
        ),
        _fact("f(w+) <= f(w)", True, "w+ is in the sub-level set of w by definition"),
        _fact(
            "|w+ - w*| > |w - w*|",
            longest and factor >= 1,
            f"|w+| > X = {reach} and |w| = 2",
            factor=float(factor),
        ),
        _fact(
            "|w+ - w*| >= R/4",
            longest and squared >= Fraction(1, 16),
            "R^2 <= x^2 + 2^2 and x > X, so that |w+|^2/R^2 > X^2/(X^2 + 4)",
            squared_share=str(squared),
        ),
        _sampled(example, samples),
    )
    return TheoremCheck(theorem="level-set teleportation and distance", claims=claims, source=SOURCE)


def _fact(statement: str, holds: bool, reason: str, **evidence: object) -> Claim:
    """A claim that was decided with fractions."""
    return Claim(statement=statement, verdict="proved" if holds else "refuted", reason=reason, evidence=evidence)


def _sampled(example: ExpansiveExample, samples: int) -> Claim:
    """No sampled point of the level set has a longer gradient than the end point."""
    objective = example.objective()
    xs = example.end * np.linspace(0.0, 1.0, samples) ** 0.5
    best = 0.0
    for x in xs:
        rest = 1.0 - objective.value(np.array([x, 0.0]))
        best = max(best, float(np.sum(objective.gradient(np.array([x, 2 * np.sqrt(max(rest, 0.0))])) ** 2)))
    end = float(np.sum(objective.gradient(np.array([example.end, 0.0])) ** 2))
    return compared("no sampled point of the level set has a longer gradient than (x, 0)", best, end, samples=samples)
