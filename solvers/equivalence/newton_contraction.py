r"""Beyond quadratics: a teleport to the steepest point of the level set and one step, near a nondegenerate minimum.

At the steepest point w' the gradient u is an eigenvector of the Hessian, :math:`Hu = \lambda_0u`, so that the gradient
step with the rate :math:`\gamma` is :math:`\gamma\lambda_0` times the step of Newton's method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.convergence.theorem_check import Checked, checked, figure, undecided, vanishing
from solvers.equivalence.enclosed_constants import enclosed_constants
from solvers.equivalence.local_steepest import local_steepest
from solvers.equivalence.newton_order import observed_order, require_positive
from solvers.objective import Objective, as_objective
from symmetries import Loss
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.arguments import read_generator
from symmetries.certificate import Claim

__all__ = ["check_newton_contraction"]

SOURCE = "B. Zhao, R. Gower, R. Walters, R. Yu, arXiv:2305.13404 (2023), proposition 3.2; the constants are ours"

THEOREM = "contraction of a teleport and a step near a minimum"

RATES = (0.25, 0.5, 1.0, 1.5)
"""Multiples of 1/lambda that are tried as learning rates."""

FLAT = 1e-8
"""Gradient at the minimiser, relative to the curvature times the radius, up to which it is zero."""

SLACK = 1e-9

ENCLOSED = "ball arithmetic encloses the exact derivatives on boxes that cover the ball"


def check_newton_contraction(
    problem: Objective | Loss,
    minimiser: Point,
    *,
    radius: float,
    strong_convexity: float | None = None,
    hessian_lipschitz: float | None = None,
    samples: int = 24,
    rng: int | np.random.Generator = 0,
) -> Checked:
    r"""The contraction of a teleport and a step near a minimum, with its constants.

    If :math:`\nabla^2L \succeq \mu` and :math:`|\nabla^2L(x) - \nabla^2L(y)| \le G|x-y|` on a ball around the minimiser
    :math:`w^*` that contains the steepest point w', then :math:`w_1 = w' - \gamma\nabla L(w')` satisfies

    .. math:: |w_1 - w^*| \le |1-\gamma\lambda_0|\,|w'-w^*| + \gamma\lambda_0\,\frac{G}{2\mu}|w'-w^*|^2 .

    Parameters
    ----------
    problem: the loss.
    minimiser: where its gradient is zero.
    radius: of the ball, in the units of the parameters.
    strong_convexity, hessian_lipschitz: the constants, where they are known; otherwise they are enclosed by ball
        arithmetic, which proves them, for losses of at most four parameters where that succeeds, else sampled.
    samples: number of sampled Hessians and of starts.
    rng: seed or generator.

    Returns
    -------
    Claims ``minimum``, ``convex``, ``lipschitz``, ``eigenvector``, ``contraction`` and ``order``.  A violated
    inequality refutes only where the constants were given; sampled ones may be too optimistic, and leave it undecided.

    Raises
    ------
    InputError: the minimiser is no point, or a number is not positive.

    Examples
    --------
    >>> check = check_newton_contraction(Loss.parse("exp(x) - x + exp(2*y) - 2*y"), [0.0, 0.0], radius=0.2)
    >>> check.verdict, round(check.claims[-1].evidence["order"], 1)
    ('measured', 2.0)

    Source: B. Zhao, R. Gower, R. Walters, R. Yu, arXiv:2305.13404 (2023), proposition 3.2; the constants are ours.
    """
    objective, generator = as_objective(problem), read_generator(rng)
    centre = objective.start(minimiser)
    require_positive("radius", radius)
    for name, value in (("strong_convexity", strong_convexity), ("hessian_lipschitz", hessian_lipschitz)):
        if value is not None:
            require_positive(name, value, zero=name == "hessian_lipschitz")
    if isinstance(samples, bool) or not isinstance(samples, int | np.integer) or samples < 2:
        raise InputError(f"samples={samples!r}", why="it is a number of points", cure="give 2, 3, ...")
    ball = _Ball.sampled(objective, centre, radius, int(samples), generator)
    enclosed = None
    if objective.loss is not None and strong_convexity is None and hessian_lipschitz is None:
        enclosed = enclosed_constants(objective.loss, getattr(objective, "data", {}), centre, radius)
    proved = enclosed is not None
    strong_convexity, hessian_lipschitz = enclosed or (strong_convexity, hessian_lipschitz)
    convex = _convex(ball, strong_convexity, proved=proved)
    claims = [_minimum(objective, centre, radius, ball), convex]
    if ball.convexity > 0 and claims[0].verdict == "measured":
        claims.append(_lipschitz(ball, hessian_lipschitz, proved=proved))
        mu = strong_convexity if strong_convexity is not None else ball.convexity
        G = hessian_lipschitz if hessian_lipschitz is not None else ball.lipschitz
        given = strong_convexity is not None and hessian_lipschitz is not None and not proved
        starts = _starts(centre, radius, ball, generator, min(int(samples), 12))
        claims += _contraction(objective, centre, radius, starts, mu=mu, G=G, given=given)
        claims.append(observed_order(objective, centre, radius=radius, rng=generator).claim)
    return checked(objective, claims, theorem=THEOREM, source=SOURCE)


@final
@dataclass(frozen=True)
class _Ball:
    """What samples say of the Hessian on a ball."""

    convexity: float
    curvature: float
    lipschitz: float
    samples: int

    @staticmethod
    def sampled(
        objective: Objective, centre: FloatArray, radius: float, samples: int, rng: np.random.Generator
    ) -> _Ball:
        """The extreme eigenvalues and the steepest change of the Hessian at pairs of points."""
        least, most, steepest = np.inf, -np.inf, 0.0
        base = objective.hessian(centre)
        for _ in range(samples):
            x = _in_ball(centre, radius, rng)
            y = _in_ball(centre, radius, rng)
            near = x + 1e-3 * (y - x)  # the quotient is largest between neighbours
            one, other = objective.hessian(x), objective.hessian(near)
            for point, hessian, away, second in ((x, one, near, other), (x, one, centre, base)):
                distance = float(np.linalg.norm(point - away))
                if distance > 0 and np.isfinite(hessian).all() and np.isfinite(second).all():
                    steepest = max(steepest, float(np.linalg.norm(hessian - second, 2)) / distance)
            values = np.linalg.eigvalsh(one) if np.isfinite(one).all() else np.array([np.nan])
            least, most = min(least, float(values[0])), max(most, float(values[-1]))
            if not np.isfinite(values).all():
                least = -np.inf
        values = np.linalg.eigvalsh(base)
        return _Ball(min(least, float(values[0])), max(most, float(values[-1])), steepest, samples)


def _in_ball(centre: FloatArray, radius: float, rng: np.random.Generator) -> FloatArray:
    """A random point of a ball, half of the time on its sphere, where Hessians differ most."""
    direction = rng.standard_normal(len(centre))
    share = 1.0 if rng.random() < 0.5 else rng.random() ** (1 / len(centre))
    return np.asarray(centre + radius * share * direction / np.linalg.norm(direction))


def _starts(centre: FloatArray, radius: float, ball: _Ball, rng: np.random.Generator, count: int) -> list[FloatArray]:
    """Starts so near that the steepest points of their level sets lie in the ball."""
    reach = 0.9 * radius * np.sqrt(max(ball.convexity, 0.0) / ball.curvature)
    starts = []
    for k in range(count):
        direction = rng.standard_normal(len(centre))
        starts.append(centre + reach * 0.7**k * direction / np.linalg.norm(direction))
    return starts


def _minimum(objective: Objective, centre: FloatArray, radius: float, ball: _Ball) -> Claim:
    """That the gradient is zero at the minimiser."""
    size = float(np.linalg.norm(objective.gradient(centre)))
    scale = max(ball.curvature, 0.0) * radius
    statement = "minimum: the gradient is zero at the given minimiser"
    return vanishing(statement, size / scale if scale else np.inf, tolerance=FLAT, name="minimum", gradient_norm=size)


def _convex(ball: _Ball, given: float | None, *, proved: bool) -> Claim:
    """That the Hessian is at least mu on the ball."""
    statement = "convex: the Hessian is at least mu > 0 on the ball"
    mu = ball.convexity if given is None else given
    facts = {"name": "convex", "mu": figure(mu), "beta": figure(ball.curvature), "samples": ball.samples}
    if proved:
        return Claim(statement=statement, verdict="proved", reason=ENCLOSED, evidence=facts)
    if not ball.convexity > 0:
        why = f"an eigenvalue of {ball.convexity:.3g} was seen: the ball is too large, or the minimum is degenerate"
        return undecided(statement, why, **facts)
    if given is not None and ball.convexity < given * (1 - SLACK):
        why = f"the eigenvalue {ball.convexity:.6g} was seen"
        return Claim(statement=statement, verdict="refuted", reason=why, evidence=facts)
    why = f"the least eigenvalue at {ball.samples} points" + ("" if given is None else " is no smaller")
    return Claim(statement=statement, verdict="measured", reason=why, evidence=facts)


def _lipschitz(ball: _Ball, given: float | None, *, proved: bool) -> Claim:
    """That the Hessian has the Lipschitz constant G on the ball."""
    statement = "lipschitz: the Hessian has the Lipschitz constant G on the ball"
    facts = {"name": "lipschitz", "G": figure(ball.lipschitz if given is None else given), "samples": ball.samples}
    if proved:
        return Claim(statement=statement, verdict="proved", reason=ENCLOSED, evidence=facts)
    if given is not None and ball.lipschitz > given * (1 + 1e-6) + 1e-6 * ball.curvature:
        why = f"the quotient {ball.lipschitz:.6g} was seen"
        return Claim(statement=statement, verdict="refuted", reason=why, evidence=facts)
    why = f"the largest quotient at {ball.samples} pairs of neighbours" + ("" if given is None else " is no larger")
    return Claim(statement=statement, verdict="measured", reason=why, evidence=facts)


def _contraction(
    objective: Objective,
    centre: FloatArray,
    radius: float,
    starts: Sequence[FloatArray],
    *,
    mu: float,
    G: float,
    given: bool,
) -> list[Claim]:
    """The eigenvector equation and the inequality at the steepest points of several level sets."""
    statement = "contraction: |w1 - w*| <= |1 - g l| |w' - w*| + g l G/(2 mu) |w' - w*|^2 for rates g, eigenvalue l"
    found = [(w, local_steepest(objective, w, centre)) for w in starts]
    kept = [(w, one) for w, one in found if one is not None and np.linalg.norm(one.point - centre) <= radius]
    if not kept:
        return [undecided(statement, "no steepest point was found in the ball", name="contraction")]
    worst, nearest = dict.fromkeys(RATES, -np.inf), 0.0
    for w, one in kept:
        before = float(np.linalg.norm(one.point - centre))
        nearest = max(nearest, before / float(np.linalg.norm(w - centre)))
        for share in RATES:
            after = float(np.linalg.norm(one.point - share / one.eigenvalue * one.gradient - centre))
            bound = abs(1 - share) * before + share * G / (2 * mu) * before**2
            rounding = 64 * float(np.finfo(float).eps) * (float(np.linalg.norm(centre)) + before)
            worst[share] = max(
                worst[share], max(after - rounding, 0.0) / bound if bound else max(after - rounding, 0.0) / before
            )
    facts: dict[str, Any] = {
        "name": "contraction",
        "largest_shares_of_the_bound": [figure(value) for value in worst.values()],
        "largest_distance_ratio_of_the_teleport": figure(nearest),
        "rates_times_eigenvalue": list(RATES),
        "samples": len(kept),
    }
    aligned = max(one.angle for _, one in kept)
    eigenvector = vanishing(
        "eigenvector: the gradient at the steepest points is an eigenvector of the Hessian",
        aligned,
        tolerance=1e-7,
        name="eigenvector",
    )
    largest = max(worst.values())
    if largest <= 1 + 1e-6:
        why = f"at most {largest:.3g} of the bound on {len(kept)} level sets"
        return [eigenvector, Claim(statement=statement, verdict="measured", reason=why, evidence=facts)]
    if given:
        why = "the given constants do not bound the step"
        return [eigenvector, Claim(statement=statement, verdict="refuted", reason=why, evidence=facts)]
    return [eigenvector, undecided(statement, "the sampled constants are too optimistic: give larger ones", **facts)]
