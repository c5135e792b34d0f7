r"""How far a minimum moves and how far that is from the old valley: displacement against curvature.

A valley is a curve through the origin, with curvature :math:`\kappa` there.  When the minimum moves by r in a random
direction, the mean distance to the curve is E; :math:`E/r = 2/\pi` for a line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from scipy.integrate import quad

from manifolds.errors import InputError
from solvers.convergence.theorem_check import TheoremCheck, figure, undecided
from symmetries.certificate import Claim, Verdict

Curve: TypeAlias = Literal["circle", "parabola"]

SOURCE = "B. Zhao, R. Gower, R. Walters, R. Yu, arXiv:2305.13404 (2023), section 4.2 and appendix C"

ACCURACY = 1e-10

SMALLEST, LARGEST = 1e-10, 1e9
"""Products of curvature and radius below which a curve is a line, to first order, and above which none is measured."""


def displacement_against_curvature(
    curvatures: Sequence[float], *, radius: float = 0.1, curve: Curve = "parabola"
) -> TheoremCheck:
    r"""Mean distance from a circle of radius r to a curve of curvature :math:`\kappa` through its centre, over r.

    .. math:: \frac{1}{2\pi r}\int_0^{2\pi} \operatorname{dist}\bigl(r(\cos\theta, \sin\theta), \gamma\bigr)\,d\theta

    with exact foot points: the centre of the circle, the root of a cubic for the parabola :math:`y = \kappa x^2/2`.

    Parameters
    ----------
    curvatures: values of the curvature, ascending, in units of an inverse length; 0 is the line.
    radius: r, in units of a length.
    curve: ``circle`` or ``parabola``.

    Returns
    -------
    A claim for each curvature with the value, one for the line, and one that the displacement decreases with the
    curvature over the given values, refuted with two of them where it does not.

    Raises
    ------
    InputError: the curve is not known, or a number is negative or not finite.

    Examples
    --------
    >>> check = displacement_against_curvature([1, 2, 5, 10], curve="circle")
    >>> check.verdict, [round(claim.evidence["value"], 5) for claim in check.claims[1:-1]]
    ('measured', [0.63635, 0.63555, 0.62955, 0.59874])
    >>> displacement_against_curvature([5, 20, 100]).claims[-1].verdict
    'refuted'

    Source: B. Zhao, R. Gower, R. Walters, R. Yu, arXiv:2305.13404 (2023), section 4.2 and appendix C.
    """
    if curve not in ("circle", "parabola"):
        raise InputError(f"curve={curve!r}", why="it is not known", cure="use 'circle' or 'parabola'")
    numbers = [_nonnegative(value, "a curvature") for value in np.atleast_1d(np.array(curvatures, dtype=object))]
    r = _nonnegative(radius, "radius")
    if numbers and not numbers[-1] * r <= LARGEST:
        raise InputError(
            f"a curvature of {numbers[-1]:g} at the radius {r:g}",
            why=f"the curve is a point or a ray beside the circle: the product is above {LARGEST:g}",
            cure="give a smaller curvature",
        )
    if r == 0 or not numbers or sorted(set(numbers)) != numbers:
        raise InputError(
            "radius or curvatures",
            why="the radius must be positive, and the curvatures must ascend",
            cure="give radius=0.1 and curvatures=[1, 2, 5], for example",
        )
    values = [mean_displacement(kappa * r, curve) for kappa in numbers]
    claims = [_line(), *(_value_claim(curve, k, r, *pair) for k, pair in zip(numbers, values, strict=True))]
    if len(numbers) > 1:
        claims.append(_decreasing(curve, numbers, values))
    return TheoremCheck(theorem=f"displacement against curvature: {curve}", claims=tuple(claims), source=SOURCE)


def mean_displacement(bend: float, curve: Curve) -> tuple[float, float]:
    r"""E/r and a bound of its quadrature error; by scaling it depends on :math:`\kappa r` alone.

    >>> [round(mean_displacement(bend, "parabola")[0], 5) for bend in (0.5, 1, 2, 5)]
    [0.63095, 0.62106, 0.61401, 0.63902]
    """
    if bend < SMALLEST:
        return 2 / math.pi, bend
    if curve == "circle":
        total, error = _integral(lambda angle: _from_circle(bend, angle), _circle_crossing(bend))
    else:
        total, error = _integral(lambda angle: _from_parabola(bend, angle), _parabola_crossing(bend))
    return total / math.pi, error / math.pi


def _integral(distance: Callable[[float], float], crossing: float | None) -> tuple[float, float]:
    """Integral from -pi/2 to pi/2, broken where the circle crosses the curve and the distance has a kink."""
    ends = [-math.pi / 2, *([] if crossing is None else [crossing]), math.pi / 2]
    parts = [quad(distance, a, b, epsabs=ACCURACY, epsrel=ACCURACY, limit=400) for a, b in pairwise(ends)]
    return sum(part[0] for part in parts), sum(part[1] for part in parts)


def _from_circle(bend: float, angle: float) -> float:
    """Distance of the point at an angle on the unit circle to the circle of curvature k, centred at (0, 1/k)."""
    height = math.sin(angle)
    # sqrt(1 + 1/k^2 - 2 s/k) - 1/k without cancellation
    root = math.sqrt(max(1 + bend * bend - 2 * bend * height, 0.0))
    return abs(bend - 2 * height) / (1 + root)


def _circle_crossing(bend: float) -> float | None:
    """The angle in the right half plane where the unit circle meets the circle of curvature k."""
    return math.asin(bend / 2) if bend < 2 else None


def _from_parabola(bend: float, angle: float) -> float:
    """Distance of the point at an angle, in the right half plane, to y = k x^2/2."""
    px, py = math.cos(angle), math.sin(angle)
    x = _foot(bend, max(px, 0.0), py)
    return math.hypot(x - px, bend * x * x / 2 - py)


def _foot(bend: float, px: float, py: float) -> float:
    """The nonnegative foot point of (px, py), px >= 0: the largest root of k^2 x^3/2 + (1 - k p_y) x - p_x = 0."""
    p, q = 2 * (1 - bend * py) / bend**2, -2 * px / bend**2
    discriminant = (q / 2) ** 2 + (p / 3) ** 3
    if discriminant > 0:
        root = math.sqrt(discriminant)
        big = np.cbrt(-q / 2 + root)
        x = float(big - p / (3 * big)) if big else 0.0
    else:
        size = 2 * math.sqrt(max(-p / 3, 0.0))
        ratio = 3 * q / (p * size) if size else 0.0
        x = size * math.cos(math.acos(min(1.0, max(-1.0, ratio))) / 3)
    for _ in range(3):
        slope = 3 * x * x + p
        if slope <= 0:
            break
        x -= (x**3 + p * x + q) / slope
    return max(x, 0.0)


def _parabola_crossing(bend: float) -> float:
    """The angle where the unit circle meets the parabola: x^2 + k^2 x^4/4 = 1."""
    square = 2 / (1 + math.sqrt(1 + bend**2))
    return math.atan2(bend * square / 2, math.sqrt(square))


def _nonnegative(value: float, name: str) -> float:
    """A number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= value < math.inf:
        raise InputError(f"{name}: {value!r}", why="it is no number from 0 up", cure="give a finite one")
    return float(value)


def _line() -> Claim:
    """The value of a line."""
    reason = "the mean of |sin| over a period is 2/pi"
    evidence = {"value": 2 / math.pi}
    return Claim(statement="E/r = 2/pi for a line", verdict="proved", reason=reason, evidence=evidence)


def _value_claim(curve: Curve, kappa: float, radius: float, value: float, error: float) -> Claim:
    """The value at one curvature."""
    statement = f"E/r = {value:.8f} for a {curve} of curvature {kappa:g} at r = {radius:g}"
    evidence = {"value": figure(value), "quadrature_error": figure(error), "curvature_times_radius": kappa * radius}
    if not error <= 1e-8:
        return undecided(statement, "the quadrature did not reach 8 digits", **evidence)
    reason = f"exact foot points, adaptive quadrature with an error below {max(error, 1e-15):.0e}"
    return Claim(statement=statement, verdict="measured", reason=reason, evidence=evidence)


def _decreasing(curve: Curve, curvatures: list[float], values: list[tuple[float, float]]) -> Claim:
    """Whether the values decrease."""
    statement = f"E/r of a {curve} decreases with the curvature over these values"
    rises = [k for k in range(len(values) - 1) if values[k + 1][0] >= values[k][0]]
    verdict: Verdict = "refuted" if rises else "measured"
    evidence = {"curvatures": curvatures, "values": [value for value, _ in values]}
    if not rises:
        return Claim(statement=statement, verdict=verdict, reason="each is below the one before", evidence=evidence)
    k = rises[0]
    evidence["counterexample"] = curvatures[k : k + 2]
    reason = f"it rises from {values[k][0]:.5f} at {curvatures[k]:g} to {values[k + 1][0]:.5f} at {curvatures[k + 1]:g}"
    return Claim(statement=statement, verdict=verdict, reason=reason, evidence=evidence)
