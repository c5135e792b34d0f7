"""Checks of an objective: whether its value, gradient and Hessian-vector product belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from solvers.objective import Objective, as_objective
from solvers.taylor import Limit, Line, find_limit, find_slope, jumps
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.arguments import read_generator
from symmetries.certificate import Claim, Verdict, overall

_FIRST, _SECOND = 1e-6, 1e-4
_EXACT, _DIFFERENCED = 1e-15, 1e-7
_DIRECTIONS = 5


@final
@dataclass(frozen=True, kw_only=True)
class ObjectiveCheck:
    """What was found of an objective.

    Parameters
    ----------
    claims: that the values agree, of the gradient, and of the Hessian-vector product.
    slopes: log-log slopes of the Taylor remainders by name, medians over the directions: ``gradient`` (2 expected),
        ``hvp`` (3, of the value) and ``hvp of the gradient`` (2); None where the remainder is zero to rounding.
    """

    claims: tuple[Claim, ...]
    slopes: Mapping[str, float | None]

    @property
    def verdict(self) -> Verdict:
        """Verdict of all claims together."""
        return overall(claim.verdict for claim in self.claims)

    def to_dict(self) -> dict[str, Any]:
        """The check as JSON-ready data."""
        claims = [claim.to_dict() for claim in self.claims]
        return {"verdict": self.verdict, "slopes": dict(self.slopes), "claims": claims}


def check_objective(objective: Any, w: Point, *, rng: int | np.random.Generator = 0) -> ObjectiveCheck:
    r"""Check value, gradient and Hessian-vector product of an objective against each other near a point.

    Along random unit vectors v the remainder :math:`|L(w+hv) - L(w) - h\,\nabla L\cdot v|` must vanish like
    :math:`h^2`, with :math:`\tfrac12 h^2 v^T H v` taken off too like :math:`h^3`, and
    :math:`|\nabla L(w+hv) - \nabla L(w) - hHv|` like :math:`h^2`; the product must be linear and symmetric.  A claim is
    refuted when differences of the objective, refined until they agree, differ from what it says by more than their
    uncertainty and than a part in :math:`10^6` (first order) or :math:`10^4` (second order); it is undecided where
    rounding hides the answer, or where the objective has a kink.  The evaluations go to the objective's ledger.

    Parameters
    ----------
    objective: or a loss without free data.
    w: a point, shape (n,), not at a kink.
    rng: seed or generator of the directions.

    Raises
    ------
    InputError: the objective or its gradient is not finite at the point.

    >>> good = Objective.from_functions(lambda w: float(w @ w * w[0]), lambda w: 2 * w * w[0] + [w @ w, 0], size=2)
    >>> check = check_objective(good, [1.0, 2.0])
    >>> check.verdict, round(check.slopes["gradient"], 2)
    ('measured', 2.0)
    >>> wrong = Objective.from_functions(lambda w: float(w @ w), lambda w: w, size=2)
    >>> check_objective(wrong, [1.0, 2.0]).verdict
    'refuted'

    Source: N. Boumal, "An Introduction to Optimization on Smooth Manifolds" (2023), sections 4.8 and 6.8.
    """
    objective = as_objective(objective)
    start = objective.start(w)
    generator = read_generator(rng)
    directions = [one / np.linalg.norm(one) for one in generator.normal(size=(_DIRECTIONS, objective.size))]
    scale = max(1.0, float(np.linalg.norm(start)))
    with np.errstate(all="ignore"):
        lines = [Line.sample(objective, start, direction, scale=scale) for direction in directions]
    products = [objective.hvp(start, direction) for direction in directions]
    gradient = [_check_gradient(line, scale) for line in lines]
    accuracy = _EXACT if objective.has_exact_hvp else _DIFFERENCED
    pairs = list(zip(lines, products, strict=True))
    curvature = [_check_curvature(line, product, scale, accuracy) for line, product in pairs]
    turn = [_check_turn(line, product, scale, accuracy) for line, product in pairs]
    claims = (
        _values_agree(objective, start, lines),
        _gathered("the gradient is the derivative of the value", gradient),
        _gathered("half the Hessian-vector product is the second-order term of the value", curvature),
        _gathered("the Hessian-vector product is the derivative of the gradient", turn),
        _linear_and_symmetric(objective, start, lines, products, scale),
    )
    names = ("gradient", "hvp", "hvp of the gradient")
    slopes = {name: _median(found) for name, found in zip(names, (gradient, curvature, turn), strict=True)}
    return ObjectiveCheck(claims=claims, slopes=slopes)


@final
@dataclass(frozen=True, kw_only=True)
class _Finding:
    """What one direction says of one claim."""

    verdict: Verdict
    reason: str
    error: float | None
    direction: FloatArray
    slope: float | None


def _check_gradient(line: Line, scale: float) -> _Finding:
    """Compare the gradient with central differences of the value."""
    slope = float(line.gradient @ line.direction)
    odd, even = line.half_difference - line.steps * slope, line.mean_rise
    limit = find_limit(odd / line.steps, line.value_noise / line.steps)
    size = _slope_size(line, scale) / np.sqrt(len(line.gradient))
    kink = limit is not None and jumps(
        np.abs(even), line.steps, line.value_noise, limit.place, threshold=max(_FIRST * size, 0.1 * limit.size)
    )
    remainders = np.maximum(np.abs(odd + even), np.abs(odd - even))
    return _judged(line, limit, size, _FIRST, kink, find_slope(remainders, line.steps, line.value_noise))


def _check_curvature(line: Line, product: FloatArray, scale: float, accuracy: float) -> _Finding:
    """Compare the product along the direction with second differences of the value."""
    steps, curvature = line.steps, float(line.direction @ product)
    odd = line.half_difference - steps * float(line.gradient @ line.direction)
    even = line.mean_rise - steps**2 * curvature / 2
    noise = line.value_noise + accuracy * steps**2 * float(np.linalg.norm(product))
    limit = find_limit(2 * even / steps**2, 2 * line.value_noise / steps**2)
    size = _bend_size(line, product, scale)
    remainders = np.maximum(np.abs(odd + even), np.abs(odd - even))
    kink = _bends(line, limit, size)
    return _judged(line, limit, size / np.sqrt(len(product)), _SECOND, kink, find_slope(remainders, steps, noise))


def _check_turn(line: Line, product: FloatArray, scale: float, accuracy: float) -> _Finding:
    """Compare the product with central differences of the gradient."""
    steps = line.steps
    odd, even = line.half_turn - steps[:, None] * product, line.mean_turn
    noise = line.gradient_noise + accuracy * steps * float(np.linalg.norm(product))
    limit = find_limit(odd / steps[:, None], line.gradient_noise / steps)
    size = _bend_size(line, product, scale)
    remainders = np.maximum(np.linalg.norm(odd + even, axis=-1), np.linalg.norm(odd - even, axis=-1))
    return _judged(line, limit, size, _SECOND, _bends(line, limit, size), find_slope(remainders, steps, noise))


def _bends(line: Line, limit: Limit | None, size: float) -> bool:
    """Whether the gradient has a kink at the point, so that there is no Hessian."""
    if limit is None:
        return False
    parts, threshold = np.linalg.norm(line.mean_turn, axis=-1), max(_SECOND * size, 0.1 * limit.size)
    return jumps(parts, line.steps, line.gradient_noise, limit.place, threshold=threshold)


def _slope_size(line: Line, scale: float) -> float:
    """Norm of gradients near the point, by which errors are measured; that of the value where they are zero."""
    near = np.linalg.norm(line.gradients[:, line.steps <= 0.02 * scale], axis=-1)
    return max(float(near.max(initial=0)), float(np.linalg.norm(line.gradient))) or abs(line.value) / scale or 1.0


def _bend_size(line: Line, product: FloatArray, scale: float) -> float:
    """Norm of products near the point, by which errors are measured; at least a part of the gradient over the scale."""
    near = line.steps <= 0.02 * scale
    bends = np.linalg.norm(line.half_turn[near], axis=-1) / line.steps[near]
    return max(float(bends.max(initial=0)), float(np.linalg.norm(product)), 1e-3 * _slope_size(line, scale) / scale)


def _judged(
    line: Line, limit: Limit | None, size: float, tolerance: float, kink: bool, slope: float | None
) -> _Finding:
    """The verdict of one direction from the limit of what should vanish."""
    verdict: Verdict = "undecided"
    if limit is None:
        reason = "the objective is finite at too few points near this one"
    elif kink:
        reason = "the derivatives from the two sides differ: there is a kink at this point, or very near it"
    elif limit.size + limit.uncertainty <= tolerance * size:
        verdict, reason = "measured", "differences agree with it"
    elif limit.size - 3 * limit.uncertainty > tolerance * size:
        verdict, reason = (
            "refuted",
            f"differences of the objective differ from it by {limit.size / size:.3g} of its size",
        )
    else:
        reason = f"rounding hides differences below {(limit.size + limit.uncertainty) / size:.1g} of its size"
    error = None if limit is None else float(limit.size / size)
    return _Finding(verdict=verdict, reason=reason, error=error, direction=line.direction, slope=slope)


def _gathered(statement: str, findings: list[_Finding]) -> Claim:
    """One claim from the directions: a refuted one refutes it, with that direction as counterexample."""
    verdict = overall(finding.verdict for finding in findings)
    worst = max((one for one in findings if one.verdict == verdict), key=lambda one: one.error or 0.0)
    evidence: dict[str, Any] = {
        "slopes": [one.slope for one in findings],
        "worst_relative_error": worst.error,
        "directions": len(findings),
    }
    if verdict == "refuted":
        evidence["counterexample"] = {"direction": worst.direction.tolist()}
    return Claim(statement=statement, verdict=verdict, reason=worst.reason, evidence=evidence)


def _median(findings: list[_Finding]) -> float | None:
    """The median of the slopes that are visible."""
    slopes = [one.slope for one in findings if one.slope is not None]
    return float(np.median(slopes)) if slopes else None


def _values_agree(objective: Objective, start: FloatArray, lines: list[Line]) -> Claim:
    """Compare values asked for alone with values that come with the gradient."""
    pairs = []
    for line in lines:
        for place in range(0, len(line.steps), 4):
            together = float(line.values[0, place])
            alone = objective.value(start + line.steps[place] * line.direction)
            size = max(abs(alone), abs(together)) or 1.0
            error = abs(alone - together) / size if np.isfinite(alone) else float("inf")
            pairs.append((error, 1e-12 + 10 * float(line.value_noise[place]) / size))
    worst, bound = max(pairs, key=lambda pair: pair[0] - pair[1], default=(0.0, 0.0))
    verdict: Verdict = "measured" if worst <= bound else "refuted"
    return Claim(
        statement="the value alone is the value that comes with the gradient",
        verdict=verdict,
        reason="they agree" if verdict == "measured" else f"they differ by {worst:.3g} of their size",
        evidence={"worst_relative_error": worst if np.isfinite(worst) else None, "tolerance": bound},
    )


def _linear_and_symmetric(
    objective: Objective, start: FloatArray, lines: list[Line], products: list[FloatArray], scale: float
) -> Claim:
    """Check that the product is linear, and the same from both sides."""
    tolerance = 1e-8 if objective.has_exact_hvp else 1e-4
    size = max(_bend_size(line, product, scale) for line, product in zip(lines, products, strict=True))
    images, vectors = np.array(products), np.array([line.direction for line in lines])
    table = images @ vectors.T * np.sqrt(objective.size) / size
    asymmetry = float(np.abs(table - table.T).max())
    combined = objective.hvp(start, vectors[0] - 2 * vectors[1])
    defect = float(np.linalg.norm(combined - products[0] + 2 * products[1])) / size
    worst = max(asymmetry, defect)
    what = "symmetric" if asymmetry >= defect else "linear"
    verdict: Verdict = "measured" if worst <= tolerance else "refuted"
    return Claim(
        statement="the Hessian-vector product is linear and symmetric",
        verdict=verdict,
        reason="it is" if verdict == "measured" else f"it is not {what}, by {worst:.3g} of its size",
        evidence={"asymmetry": asymmetry, "nonlinearity": defect, "tolerance": tolerance},
    )
