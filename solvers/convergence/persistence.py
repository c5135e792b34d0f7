r"""When one teleport stays optimal: :math:`D^3L[u,u,\cdot]` must be parallel to u at every optimal point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.convergence.optimal_points import OPTIMAL_TOLERANCE, off_gradient, optimality_claim
from solvers.convergence.paths import flow, require_positive
from solvers.convergence.quadratic_form import decide_quadratic
from solvers.convergence.theorem_check import Checked, checked, figure, undecided
from solvers.convergence.third_derivative import third_derivative
from solvers.objective import Objective, as_objective
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.certificate import Claim
from symmetries.loss import Loss

SOURCE = "B. Zhao, R. Gower, R. Walters, R. Yu, arXiv:2305.13404 (2023), proposition 3.4"

PARALLEL = "D3L[u, u, .] is parallel to u at the optimal points"
STAYS = "the gradient flow from the optimal points stays optimal"
REGULAR = "the optimal points form a regular set: P_u H u has constant rank near it"
TOLERANCE = 1e-6
FLOW_TOLERANCE = 1e-5
BLUR = 1e3
"""How many times as far from parallel a third derivative may be as the point is from optimal, and decide nothing."""

INTEGRATION = 1e-9
"""Error of the integration of the flow, which grows with it."""


def persistence_of_optimality(
    objective: Objective | Loss,
    points: Sequence[Point] | Point,
    *,
    time: float | None = None,
    tolerance: float = TOLERANCE,
) -> Checked:
    r"""Whether gradient flow from a point with the longest gradient of its level set keeps to such points.

    A point is optimal when :math:`Hu = \lambda u`, :math:`u = \nabla L`.  Along :math:`\dot w = -u` the part of
    :math:`Hu - \lambda u` across u changes at the rate :math:`-P_uD^3L[u,u,\cdot]`.  So optimality persists only if
    :math:`D^3L[u,u,\cdot]` is parallel to u at every optimal point, and it does persist if that holds on a set of
    optimal points that is regular.

    Parameters
    ----------
    objective: the loss.
    points: optimal points, or one.
    time: how long the flow is followed; by default 1 over the curvature along the gradient.
    tolerance: largest sine of an angle that counts as zero.

    Returns
    -------
    Three claims: the points are optimal, the third derivative is parallel there, the flow stays optimal.  The second is
    refuted by one point; the last is measured along the flow, whatever the third derivative says.  Undecided where
    a point is not optimal.  For quadratics the second is
    proved: their third derivative vanishes.

    Raises
    ------
    InputError: a point is not finite, or the time is not positive.

    Examples
    --------
    >>> persistence_of_optimality(Loss.parse("x**2/2 + 5*y**2"), [0.0, 1.0]).claims[1].verdict
    'proved'
    >>> bent = Loss.parse("x*(1 - 8*x**2*y)**(-1/2)", ["x", "y"])
    >>> [claim.verdict for claim in persistence_of_optimality(bent, [0.0, 0.5], time=0.2).claims]
    ['measured', 'measured', 'refuted']

    Source: B. Zhao, R. Gower, R. Walters, R. Yu, arXiv:2305.13404 (2023), proposition 3.4.
    """
    problem = as_objective(objective)
    starts = _starts(problem, points)
    require_positive(tolerance, "tolerance")
    if time is not None:
        require_positive(time, "time")
    optimal = _worst(
        [optimality_claim(problem, start, tolerance=max(tolerance, OPTIMAL_TOLERANCE)) for start in starts]
    )
    if optimal.verdict != "measured":
        why = "a given point is not optimal: teleport there first"
        claims = [optimal, undecided(PARALLEL, why), undecided(STAYS, why)]
        return checked(problem, claims, theorem="persistence of optimality", source=SOURCE)
    claims = [optimal, _parallel(problem, starts, tolerance), _stays(problem, starts, time)]
    return checked(problem, claims, theorem="persistence of optimality", source=SOURCE)


def _starts(objective: Objective, points: Sequence[Point] | Point) -> list[FloatArray]:
    """The points as vectors."""
    listed: Any = points
    if not isinstance(points, Mapping) and np.ndim(listed) == 0:
        raise InputError(f"points={points!r}", why="it is no point and no list of points", cure="give [0.0, 1.0], say")
    one = isinstance(points, Mapping) or (
        len(listed) > 0 and not isinstance(listed[0], Mapping) and np.ndim(listed[0]) == 0
    )
    several = [listed] if one else list(listed)
    if not several:
        raise InputError("no points", why="the theorem is about optimal points", cure="give one at least")
    return [objective.start(point) for point in several]


def _worst(claims: list[Claim]) -> Claim:
    """The claim with the largest residual, undecided ones first."""
    return max(claims, key=lambda claim: (claim.verdict == "undecided", claim.evidence.get("worst_residual") or 0.0))


def _parallel(objective: Objective, starts: list[FloatArray], tolerance: float) -> Claim:
    """The claim about the third derivative."""
    if objective.loss is not None and decide_quadratic(objective, starts[0]).claim.verdict == "proved":
        reason = "the loss is a quadratic: its third derivative vanishes identically"
        return Claim(statement=PARALLEL, verdict="proved", reason=reason)
    shares, how = [], ""
    for start in starts:
        gradient = objective.gradient(start)
        vector, how = third_derivative(objective, start, gradient)
        shares.append(_share(objective, start, gradient, vector))
    worst = int(np.argmax(shares))
    allowed = tolerance if how == "formulas" else max(tolerance, 1e-4)
    evidence = {
        "shares": figure(shares),
        "worst_residual": figure(shares[worst]),
        "tolerance": allowed,
        "derivative": how,
    }
    if not np.isfinite(shares).all():
        return undecided(PARALLEL, "the third derivative is not finite at a point")
    blurred = BLUR * max(_off_optimal(objective, start) for start in starts)
    if allowed < shares[worst] <= blurred:
        reason = "the points are optimal up to rounding only, which may be all that is across the gradient"
        return undecided(PARALLEL, reason, **evidence, blurred=blurred)
    if shares[worst] > allowed:
        evidence["counterexample"] = figure(starts[worst])
        reason = f"a share of {shares[worst]:.3g} of it is across the gradient at this point"
        return Claim(statement=PARALLEL, verdict="refuted", reason=reason, evidence=evidence)
    reason = f"at {len(starts)} points, by {how}; persistence needs every optimal point"
    return Claim(statement=PARALLEL, verdict="measured", reason=reason, assumptions=(REGULAR,), evidence=evidence)


def _share(objective: Objective, w: FloatArray, gradient: FloatArray, vector: FloatArray) -> float:
    """Part of the third derivative across the gradient over its length, or over the Hessian's where that is longer."""
    bent = float(np.linalg.norm(objective.hvp(w, gradient)))
    scale = bent * float(np.linalg.norm(gradient)) / (1 + float(np.linalg.norm(w)))
    length = float(np.linalg.norm(vector))
    if length <= 1e-7 * scale:
        return 0.0
    return off_gradient(vector, gradient) * length / max(length, scale)


def _off_optimal(objective: Objective, w: FloatArray) -> float:
    """Share of Hu across u."""
    gradient = objective.gradient(w)
    return off_gradient(objective.hvp(w, gradient), gradient)


def _stays(objective: Objective, starts: list[FloatArray], time: float | None) -> Claim:
    """The claim about the flow, from numbers."""
    worst, where, allowed = 0.0, starts[0], FLOW_TOLERANCE
    for start in starts:
        gradient = objective.gradient(start)
        curvature = float(np.linalg.norm(objective.hvp(start, gradient))) / float(np.linalg.norm(gradient))
        end = time if time is not None else 1 / max(curvature, 1e-12)
        first = off_gradient(objective.hvp(start, gradient), gradient)
        allowed = max(allowed, (first + INTEGRATION) * float(np.exp(min(2 * curvature * end, 100.0))))
        for point in flow(objective, start, np.linspace(0.0, end, 9)):
            slope = objective.gradient(point)
            share = off_gradient(objective.hvp(point, slope), slope) if slope.any() else 0.0
            if not share <= worst:
                worst, where = share, point
    evidence = {"worst_residual": figure(worst), "tolerance": figure(allowed), "samples": 9 * len(starts)}
    if not np.isfinite(worst):
        return undecided(STAYS, "the flow leaves the domain of the loss")
    if allowed > 1e-2:
        return undecided(STAYS, "errors grow too much in this time: follow the flow for a shorter one")
    if worst > allowed:
        evidence["counterexample"] = figure(where)
        reason = f"a share of {worst:.3g} of H u is across the gradient at this point of the flow"
        return Claim(statement=STAYS, verdict="refuted", reason=reason, evidence=evidence)
    reason = "followed numerically for a finite time"
    return Claim(statement=STAYS, verdict="measured", reason=reason, evidence=evidence)
