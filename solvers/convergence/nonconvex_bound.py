r"""The bound on stochastic descent with teleports where it is meant to be used: on a loss that is not convex."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.convergence.learning_rate_matrix import learning_rate_matrix
from solvers.convergence.paths import read_horizons
from solvers.convergence.theorem_check import TheoremCheck, compared
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_generator, read_reals

SOURCE = "B. Zhao, R. Gower, R. Walters, R. Yu, arXiv:2305.13404 (2023), theorem 3.1"

RUNS = 4000
DEVIATIONS = 5.0
STEEPEST_BEND = 2 / 1.2**3
"""The maximum of (1 + 5 q)/(1 + q)^3, at q = 1/5."""


def nonconvex_teleport_bound(
    slopes: Any,
    matrix: Any,
    w: Any,
    *,
    horizons: Sequence[int] = (2, 10, 100),
    rng: int | np.random.Generator = 0,
) -> TheoremCheck:
    r"""The bound of :func:`~solvers.rates.stochastic_teleport_bound` on saturating samples, which are not convex.

    .. math:: L_i(w) = a_i\,\frac{q}{1+q}, \qquad q = \tfrac12 w^TAw,

    with numbers :math:`a_i` of both signs and a positive mean :math:`\bar a`.  With the largest eigenvalue
    :math:`\lambda` of A each sample is :math:`\beta`-smooth for
    :math:`\beta = \lambda\max|a_i|\max_q\frac{1+5q}{(1+q)^3}`, :math:`L^* = 0`, and
    :math:`\sigma^2 = \tfrac1m\sum\max(0, -a_i)`.  The group that keeps q fills its level sets, and
    :math:`\max_g|\nabla L(g\cdot w)|^2 = 2\lambda q\,\bar a^2/(1+q)^4`.

    Parameters
    ----------
    slopes: the numbers a_i, shape (m,).
    matrix: A, symmetric positive definite, shape (n, n).
    w: the start, shape (n,).
    horizons: values of T, from 2 up to 10,000.
    rng: seed or generator of the simulation.

    Returns
    -------
    A claim for each T: the mean over simulated runs, raised by five standard errors, is below the bound.

    Raises
    ------
    InputError: the shapes do not fit, the mean of the slopes is not positive, or a horizon makes no sense.

    Examples
    --------
    >>> check = nonconvex_teleport_bound([2.0, 1.0, -0.5], [[3.0, 1.0], [1.0, 1.0]], [1.0, -2.0])
    >>> check.verdict, round(check.claims[0].evidence["noise"], 4)
    ('measured', 0.1667)

    Source: B. Zhao, R. Gower, R. Walters, R. Yu, arXiv:2305.13404 (2023), theorem 3.1; the example is made here.
    """
    factors, largest, first = _read(slopes, matrix, w)
    generator, claims = read_generator(rng), []
    beta, noise = STEEPEST_BEND * largest * float(np.abs(factors).max()), float(np.maximum(-factors, 0).mean())
    for horizon in read_horizons(horizons, most=10_000):
        size = float(horizon - 1) ** 0.5
        maxima = _maxima(factors, largest, first, horizon, 1 / (beta * size), generator)
        means, errors = maxima.mean(axis=0), maxima.std(axis=0, ddof=1) / RUNS**0.5
        best = int(np.argmin(means))
        gap = float(factors.mean()) * first / (1 + first)
        claims.append(
            compared(
                f"min over t < {horizon} of E max_g |grad L(g.w_t)|^2 <= beta (2 d_0 + sigma^2)/sqrt({horizon - 1})",
                float(means[best] + DEVIATIONS * errors[best]),
                beta * (2 * gap + noise) / size,
                mean=means[best],
                standard_error=errors[best],
                runs=RUNS,
                beta=beta,
                noise=noise,
                first_gap=gap,
            )
        )
    return TheoremCheck(theorem="stochastic descent with teleports, not convex", claims=tuple(claims), source=SOURCE)


def _read(slopes: Any, matrix: Any, w: Any) -> tuple[FloatArray, float, float]:
    """The slopes, the largest eigenvalue of the matrix and q at the start."""
    factors, start = read_reals(slopes, what="the slopes"), read_reals(w, what="the start w")
    if factors.ndim != 1 or not np.isfinite(factors).all() or not factors.size or factors.mean() <= 0:
        cure = "give finite numbers, such as [2, 1, -0.5]"
        raise InputError("the slopes", why="they need a positive mean", cure=cure)
    if start.ndim != 1 or not start.size or not np.isfinite(start).all():
        raise InputError("the start w", why="it is no finite vector", cure="give one number a row of the matrix")
    form = learning_rate_matrix(matrix, len(start), name="matrix A")
    return factors, float(np.linalg.eigvalsh(form)[-1]), float(start @ form @ start) / 2


def _maxima(
    slopes: FloatArray, largest: float, first: float, horizon: int, rate: float, rng: np.random.Generator
) -> FloatArray:
    """The squared longest gradients of the orbits along simulated runs, shape (runs, T).

    After a teleport w is along the eigenvector of the largest eigenvalue, and a step keeps it there: q alone moves.
    """
    q, result = np.full(RUNS, first), np.empty((RUNS, horizon))
    for t in range(horizon):
        result[:, t] = 2 * largest * q * slopes.mean() ** 2 / (1 + q) ** 4
        drawn = slopes[rng.integers(len(slopes), size=RUNS)]
        q = q * (1 - rate * largest * drawn / (1 + q) ** 2) ** 2
    return result
