r"""Stochastic gradient descent with teleports: bounds that hold for the whole orbit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.convergence.least_squares import LeastSquares
from solvers.convergence.paths import read_horizons, require_positive
from solvers.convergence.theorem_check import TheoremCheck, compared, undecided, vanishing
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_generator, read_reals
from symmetries.certificate import Claim

SOURCE = "B. Zhao, R. Gower, R. Walters, R. Yu, arXiv:2305.13404 (2023), theorem 3.1"

RUNS = 4000
SIMULATED_STEPS = 30
DEVIATIONS = 6.0


def stochastic_teleport_bound(
    features: Any,
    targets: Any,
    w: Any,
    *,
    horizons: Sequence[int] = (2, 10, 100, 1000),
    rng: int | np.random.Generator = 0,
) -> TheoremCheck:
    r"""Stochastic gradient descent with a teleport before every step: the longest gradient of the orbit gets short.

    For samples that are :math:`\beta`-smooth, :math:`\sigma^2 = L^* - E\inf L_\xi`, and the step
    :math:`h = 1/(\beta\sqrt{T-1})`,

    .. math:: \min_{t<T} E\max_g |\nabla L(g\cdot w_t)|^2
        \le \frac{2\beta}{\sqrt{T-1}}\,(L(w_0) - L^*) + \frac{\beta\sigma^2}{\sqrt{T-1}}.

    It follows from :math:`\delta_{t+1} \le (1+\beta^2h^2)\delta_t - h m_t + \beta^2h^2\sigma^2` with the weights
    :math:`(1+\beta^2h^2)^{-(t+1)}`, whose sum is :math:`(T-1)(1-(1-1/T)^T) \ge (T-1)(1-1/e)`: the factor 2 may be
    replaced by 1.582.  The teleport must not depend on the sample of the step that follows.

    Parameters
    ----------
    features, targets: least squares, in rows; see :class:`LeastSquares`, where every constant is known exactly.
    w: the start, shape (n,).
    horizons: values of T, from 2 up.
    rng: seed or generator of the simulation.

    Returns
    -------
    A claim for each T, in which the expectation is exact up to rounding; one for the sharper factor; and one that
    simulated runs agree with the expectation.

    Raises
    ------
    InputError: the data do not fit, or a horizon is no integer from 2 up.

    Examples
    --------
    >>> check = stochastic_teleport_bound([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]], [1.0, 1.0, 1.0], [3.0, -2.0])
    >>> check.verdict, len(check.claims)
    ('measured', 6)

    Source: B. Zhao, R. Gower, R. Walters, R. Yu, arXiv:2305.13404 (2023), theorem 3.1.
    """
    problem, start = _problem(features, targets, w)
    claims, sharper = [], []
    for horizon in read_horizons(horizons, most=10**6):
        left, size = _least_expected(problem, start, horizon), (horizon - 1) ** 0.5
        right = (2 * problem.gap(start) + problem.noise) * problem.beta / size
        better = (math.e / (math.e - 1) * problem.gap(start) + problem.noise) * problem.beta / size
        sharper.append(_share(left, better))
        claims.append(
            compared(
                f"min over t < {horizon} of E max_g |grad L(g.w_t)|^2 <= beta (2 d_0 + sigma^2)/sqrt({horizon - 1})",
                left,
                right,
                beta=problem.beta,
                noise=problem.noise,
                first_gap=problem.gap(start),
                share_of_bound=_share(left, right),
            )
        )
    factor = "the bound holds with the factor e/(e - 1) in place of 2"
    claims.append(compared(factor, max(sharper), 1.0, shares=sharper))
    claims.append(_simulation(problem, start, read_generator(rng)))
    return TheoremCheck(theorem="stochastic descent with teleports", claims=tuple(claims), source=SOURCE)


def linear_rate_to_a_floor(
    features: Any, targets: Any, w: Any, *, learning_rate: float | None = None, steps: int = 200
) -> TheoremCheck:
    r"""Under the Polyak-Lojasiewicz inequality, teleports keep the linear rate to a floor of the noise.

    If :math:`\max_g|\nabla L(g\cdot w)|^2 \ge 2\mu(L(w)-L^*)` and :math:`h \le \mu/\beta^2`, then
    :math:`\delta_{t+1} \le (1-\mu h)\delta_t + \beta^2h^2\sigma^2`, so that

    .. math:: E\,\delta_t \le (1-\mu h)^t\,\delta_0 + \frac{\beta^2h\,\sigma^2}{\mu}.

    The inequality is needed of the orbit only: on least squares :math:`\mu` is the largest eigenvalue of the Hessian
    with teleports, the smallest without.

    Parameters
    ----------
    features, targets, w: as in :func:`stochastic_teleport_bound`.
    learning_rate: h; by default the largest that is allowed, for each of the two.
    steps: how many steps are followed.

    Returns
    -------
    Two claims, with and without teleports, from exact expectations; undecided where the step is too long.

    Raises
    ------
    InputError: the data do not fit, or a number is not positive.

    Examples
    --------
    >>> check = linear_rate_to_a_floor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]], [1.0, 1.0, 1.0], [3.0, -2.0])
    >>> [claim.verdict for claim in check.claims]
    ['measured', 'measured']

    Source: the inequality is that of H. Karimi, J. Nutini, M. Schmidt, arXiv:1608.04636 (2016); the recursion that of
    B. Zhao, R. Gower, R. Walters, R. Yu, arXiv:2305.13404 (2023), appendix A.
    """
    problem, start = _problem(features, targets, w)
    require_positive(steps, "steps", integer=True)
    if learning_rate is not None:
        require_positive(learning_rate, "learning_rate")
    claims = []
    for teleported in (True, False):
        constant = float(problem.eigenvalues[-1 if teleported else 0])
        rate = learning_rate if learning_rate is not None else constant / problem.beta**2
        claims.append(_floor_claim(problem, start, rate, steps, constant, teleported))
    return TheoremCheck(theorem="linear rate to a floor", claims=tuple(claims), source=SOURCE)


def _problem(features: Any, targets: Any, w: Any) -> tuple[LeastSquares, FloatArray]:
    """The problem and the start."""
    problem, start = LeastSquares(features, targets), read_reals(w, what="the start w")
    if start.shape != problem.minimiser.shape or not np.isfinite(start).all():
        raise InputError(
            f"a start of the shape {list(start.shape)}",
            why=f"there are {len(problem.minimiser)} parameters, and numbers must be finite",
            cure="give one finite number a parameter",
        )
    return problem, start


def _expected_gaps(problem: LeastSquares, w: FloatArray, rate: float, steps: int) -> FloatArray:
    """Expected gaps with a teleport before every step, shape (steps + 1,)."""
    shrink, noise = problem.teleported_step(rate)
    gaps = [problem.gap(w)]
    for _ in range(steps):
        gaps.append(shrink * gaps[-1] + noise)
    return np.array(gaps)


def _share(left: float, right: float) -> float:
    """What part of a bound is used; none where both are zero, as for samples that are fitted exactly."""
    return left / right if right else 0.0 if left == 0 else float("inf")


def _least_expected(problem: LeastSquares, w: FloatArray, horizon: int) -> float:
    """The least expected squared length of the longest gradient of the orbit, over t < T."""
    rate = 1 / (problem.beta * (horizon - 1) ** 0.5)
    return float(2 * problem.eigenvalues[-1] * _expected_gaps(problem, w, rate, horizon - 1).min())


def _simulation(problem: LeastSquares, w: FloatArray, rng: np.random.Generator) -> Claim:
    """The claim that simulated runs agree with the exact expectation."""
    rate = 1 / (problem.beta * SIMULATED_STEPS**0.5)
    exact = _expected_gaps(problem, w, rate, SIMULATED_STEPS)
    gaps = problem.simulate(w, rate, SIMULATED_STEPS, RUNS, rng)
    errors = gaps.std(axis=0, ddof=1) / RUNS**0.5
    deviations = np.abs(gaps.mean(axis=0) - exact) / np.maximum(errors, 1e-12 * exact[0] + 1e-300)
    statement = f"the mean of {RUNS} simulated runs agrees with the exact expectation"
    worst = float(deviations.max())
    reason = f"the largest difference is {worst:.2f} standard errors"
    return vanishing(statement, worst, tolerance=DEVIATIONS, reason=reason, runs=RUNS, steps=SIMULATED_STEPS)


def _floor_claim(
    problem: LeastSquares, w: FloatArray, rate: float, steps: int, constant: float, teleported: bool
) -> Claim:
    """The claim with or without teleports."""
    how = "with a teleport before every step" if teleported else "without teleports"
    statement = f"E d_t <= (1 - mu h)^t d_0 + beta^2 h sigma^2/mu, {how}"
    if rate > constant / problem.beta**2 * (1 + 1e-12):
        return undecided(statement, f"the step {rate:.3g} is longer than mu/beta^2 = {constant / problem.beta**2:.3g}")
    gaps = _expected_gaps(problem, w, rate, steps) if teleported else problem.plain_gaps(w, rate, steps)
    floor = problem.beta**2 * rate * problem.noise / constant
    bounds = (1 - constant * rate) ** np.arange(steps + 1) * gaps[0] + floor
    shares = [_share(*pair) for pair in zip(gaps.tolist(), bounds.tolist(), strict=True)]
    worst = int(np.argmax(shares))
    return compared(
        statement,
        float(gaps[worst]),
        float(bounds[worst]),
        mu=constant,
        learning_rate=rate,
        floor=floor,
        final_gap=gaps[-1],
        final_bound=bounds[-1],
        share_of_bound=shares[worst],
    )
