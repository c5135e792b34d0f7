r"""Losses with a stable Hessian, such as logistic ones: teleport steps contract the gap by a constant factor."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Literal, TypeAlias

import numpy as np

from manifolds.errors import InputError
from solvers.convergence.optimal_points import off_gradient
from solvers.convergence.paths import read_steps, require_positive
from solvers.convergence.teleport_schedule import (
    ScheduledRun,
    Teleport,
    level_set_teleport,
    newton_minimum,
    run_schedule,
)
from solvers.convergence.theorem_check import Checked, checked, compared, undecided, vanishing
from solvers.objective import Objective, as_objective
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.arguments import read_reals
from symmetries.certificate import Claim
from symmetries.loss import Loss

SOURCE = "A. Mishkin, A. Bietti, R. Gower, arXiv:2403.03362 (2024), section 4"

Teleports: TypeAlias = Literal["every", "every-other"] | Collection[int]

CAUTIOUS = (0.1, 10.0)
"""Constants of the first run, where none are given."""

ATTEMPTS = 7
"""Most runs in which the constants are fitted."""

CONTRACTION = "each teleport step contracts: d_(k+1) <= (1 - mu/Lambda) d_k"
SCHEDULE = "d_K <= 2 R^2 L/(M + 2 R^2 L sum over blocks of ((Lambda/(Lambda-mu))^b - 1)/d)"
ALTERNATING = "every other step: d_K <= 2 R^2 L mu/((Lambda - mu) ((Lambda/(Lambda-mu))^(K/2) - 1))"

UNSTABLE = "the Hessian is not known to be stable on the run"


def hessian_stability_rate(
    objective: Objective | Loss,
    w: Point,
    *,
    smoothness: float,
    steps: int = 10,
    teleports: Teleports = "every-other",
    constants: tuple[float, float] | None = None,
    minimiser: Point | None = None,
    teleport: Teleport | None = None,
) -> Checked:
    r"""The rates of gradient descent with teleports where the Hessian is stable.

    Stability with :math:`\tilde\mu \le \tilde\Lambda`: f(y) lies between
    :math:`f(x) + \nabla f(x)(y-x) + \tfrac c2|y-x|^2_{H(x)}` for :math:`c = \tilde\mu` and :math:`c = \tilde\Lambda`.
    A teleport leads to :math:`Hu = \lambda u`; a step of :math:`1/(\tilde\Lambda\lambda)` from there gives
    :math:`\delta_{k+1} \le (1 - \tilde\mu/\tilde\Lambda)\,\delta_k`.  Other steps have the length 1/L and raise
    :math:`1/\delta` by :math:`1/(2LR^2)`.  Together, with :math:`q = \tilde\Lambda/(\tilde\Lambda - \tilde\mu)`, M
    plain steps and blocks B of :math:`b_k` teleport steps that begin at the gap :math:`\delta_{k-1}`,

    .. math:: \delta_K \le \frac{2R^2L}{M + 2R^2L\sum_{k\in B}(q^{b_k} - 1)/\delta_{k-1}},

    and for a teleport at every other step :math:`\delta_K \le 2R^2L\,(q-1)/(q^{K/2} - 1)`.

    Parameters
    ----------
    objective: a convex loss.
    w: the start.
    smoothness: the Lipschitz constant L of the gradient.
    steps: K.
    teleports: ``every``, ``every-other`` (steps 0, 2, ...) or numbers of steps.
    constants: the pair of stability constants; measured on the run by default.
    minimiser: of the loss; found by Newton's method.
    teleport: w -> w' with Hu = lambda u; along the level set by default.

    Returns
    -------
    Claims: the Hessian is stable on the pairs of points that are used, the teleports reach Hu = lambda u, each teleport
    step contracts, the bound of the schedule, and of the alternating one where it applies.

    Raises
    ------
    InputError: the start is not finite, or a number is out of its range.

    Examples
    --------
    >>> loss = Loss.parse("log(cosh(x)) + log(cosh(2*y + x))")
    >>> hessian_stability_rate(loss, [1.0, 0.5], smoothness=6.0, steps=6).verdict
    'measured'

    Source: A. Mishkin, A. Bietti, R. Gower, arXiv:2403.03362 (2024), section 4.
    """
    problem = as_objective(objective)
    point = problem.start(w)
    require_positive(smoothness, "smoothness")
    require_positive(steps, "steps", integer=True)
    at = _numbers(teleports, steps)
    pair = _read_constants(constants)
    found = newton_minimum(problem, point) if minimiser is None else problem.start(minimiser)
    if found is None:
        claims = [undecided(CONTRACTION, "no minimiser was found: give `minimiser`")]
        return checked(problem, claims, theorem="Hessian stability", source=SOURCE)
    move = teleport or level_set_teleport(problem)
    run, stable, used = _run(problem, point, found, steps, smoothness, at, move, pair)
    claims = [stable, _critical(problem, run, at)]
    is_stable = stable.verdict != "undecided"
    reason = _failed_hypothesis(problem, run, found, smoothness) if is_stable else UNSTABLE
    claims += [undecided(CONTRACTION, reason)] if reason else _rates(run, found, at, used, smoothness)
    return checked(problem, claims, theorem="Hessian stability", source=SOURCE)


def _run(
    objective: Objective,
    w: FloatArray,
    minimiser: FloatArray,
    steps: int,
    smoothness: float,
    at: Collection[int],
    teleport: Teleport,
    pair: tuple[float, float] | None,
) -> tuple[ScheduledRun, Claim, tuple[float, float]]:
    """The run, the claim that the Hessian is stable on it, and the constants, fitted where none are given."""
    lower, upper = pair or CAUTIOUS
    for attempt in range(ATTEMPTS):
        constant = upper

        def step_size(start: FloatArray, gradient: FloatArray, teleported: bool, constant: float = constant) -> float:
            """1/(Lambda lambda) after a teleport, 1/L otherwise."""
            if not teleported or not gradient.any():
                return 1 / smoothness
            curvature = float(gradient @ objective.hvp(start, gradient)) / float(gradient @ gradient)
            return 1 / (constant * curvature) if curvature > 0 else 1 / smoothness

        run = run_schedule(
            objective,
            w,
            steps=steps,
            step_size=step_size,
            minimum=objective.value(minimiser),
            teleport=teleport,
            at=at,
        )
        low, high, pairs = _ratios(objective, run, minimiser, at)
        if pair is not None or attempt == ATTEMPTS - 1 or (attempt and lower <= low and high <= upper):
            break
        lower, upper = (low, high) if not attempt else (min(lower, low), max(upper, high))
        lower, upper = 0.95 * lower, 1.05 * upper
    stable = _stability(low, high, pairs, lower, upper)
    if pair is None and (stable.verdict != "measured" or lower <= 0):
        stable = undecided(stable.statement, "no positive constants were found that hold on the run")
    return run, stable, (lower, upper)


def _numbers(teleports: Teleports, steps: int) -> frozenset[int]:
    """Numbers of the steps before which to teleport."""
    if isinstance(teleports, str):
        if teleports not in ("every", "every-other"):
            raise InputError(
                f"teleports={teleports!r}", why="it is not known", cure="use 'every', 'every-other' or step numbers"
            )
        return frozenset(range(0, steps, 1 if teleports == "every" else 2))
    return frozenset(k for k in read_steps(teleports, "teleports") if k < steps)


def _read_constants(constants: tuple[float, float] | None) -> tuple[float, float] | None:
    """The pair of stability constants, ordered."""
    if constants is None:
        return None
    pair = read_reals(constants, what="the constants")
    lower, upper = map(float, pair) if pair.shape == (2,) else (math.nan, math.nan)
    if not 0 < lower <= upper < math.inf:
        raise InputError(f"constants={constants!r}", why="0 < mu <= Lambda is needed", cure="give (mu, Lambda)")
    return lower, upper


def _ratios(
    objective: Objective, run: ScheduledRun, minimiser: FloatArray, at: Collection[int]
) -> tuple[float, float, int]:
    """Smallest and largest remainder of f over half the squared length in the Hessian, on the pairs of the proof."""
    ratios = []
    for k in sorted(at):
        start = run.departures[k]
        value, gradient = objective.value_and_grad(start)
        for end in (run.points[k + 1], minimiser):
            move = end - start
            bend = float(move @ objective.hvp(start, move)) / 2
            rest = objective.value(end) - value - float(gradient @ move)
            if bend > 1e-9 * (1 + abs(value)):
                ratios.append(rest / bend)
    return (min(ratios), max(ratios), len(ratios)) if ratios else (1.0, 1.0, 0)


def _stability(low: float, high: float, pairs: int, lower: float, upper: float) -> Claim:
    """The claim that the Hessian is stable on the pairs that the proof compares."""
    statement = "f is between its quadratic models with mu and Lambda at the points of the run"
    if not pairs:
        return undecided(statement, "no two points of the run are apart enough to compare the models")
    return vanishing(
        statement,
        max(lower - low, high - upper, 0.0),
        tolerance=1e-6,
        reason=f"the ratios are in [{low:.4f}, {high:.4f}], with mu = {lower:.4f}, Lambda = {upper:.4f}",
        mu=lower,
        constant=upper,
        smallest_ratio=low,
        largest_ratio=high,
        pairs=pairs,
    )


def _failed_hypothesis(objective: Objective, run: ScheduledRun, minimiser: FloatArray, smoothness: float) -> str:
    """Which hypothesis on the minimiser or on the smoothness fails on the run; empty where none does."""
    slope = float(np.linalg.norm(objective.gradient(minimiser)))
    if slope > 1e-6 * smoothness * (1 + float(np.linalg.norm(minimiser))):
        return f"the gradient has the length {slope:.3g} at the minimiser"
    lowest = float(min(run.gaps.min(), run.departure_gaps.min()))
    if lowest < -1e-9 * (abs(float(run.gaps[0])) + abs(objective.value(minimiser))):
        return "the run is below the loss at the given minimiser, which is none, or the loss is not convex"
    for start, end in zip(run.departures, run.points[1:], strict=True):
        change = float(np.linalg.norm(objective.gradient(end) - objective.gradient(start)))
        length = float(np.linalg.norm(end - start))
        if length > 1e-6 * float(np.linalg.norm(start)) and change > smoothness * length * (1 + 1e-6):
            return (
                f"the gradient is not Lipschitz with {smoothness:g}: it changes by {change / length:.6g} times a step"
            )
    return ""


def _rounding(run: ScheduledRun) -> float:
    """Size of a gap that is rounding."""
    return 1e-13 * (1 + float(run.gaps[0]))


def _above_rounding(run: ScheduledRun, at: Collection[int]) -> list[int]:
    """The teleport steps that begin well above the level of rounding."""
    return [k for k in sorted(at) if run.gaps[k] > 1e4 * _rounding(run)]


def _critical(objective: Objective, run: ScheduledRun, at: Collection[int]) -> Claim:
    """The claim that teleports reached Hu = lambda u."""
    worst, steps = 0.0, _above_rounding(run, at)
    if not steps:
        return undecided("H u = lambda u after each teleport", "no teleport begins above the level of rounding")
    for k in steps:
        gradient = objective.gradient(run.departures[k])
        if gradient.any():
            worst = max(worst, off_gradient(objective.hvp(run.departures[k], gradient), gradient))
    return vanishing("H u = lambda u after each teleport", worst, tolerance=1e-4, teleports=len(steps))


def _power(growth: float, count: int) -> float:
    """A power, or the largest number where it is larger."""
    return math.exp(min(count * math.log(growth), 700.0))


def _rates(
    run: ScheduledRun, minimiser: FloatArray, at: Collection[int], pair: tuple[float, float], smoothness: float
) -> list[Claim]:
    """The contraction and the bounds of the schedule."""
    lower, upper = pair
    rounding = _rounding(run)
    factors = [run.gaps[k + 1] / run.gaps[k] for k in _above_rounding(run, at)]
    if not factors:
        return [undecided(CONTRACTION, "no teleport step begins above the level of rounding")]
    rate = 1 - lower / upper
    basis = ("the loss is convex", f"its gradient is Lipschitz with the constant {smoothness:g}")
    claims = [
        compared(CONTRACTION, max(factors), rate + 1e-9, factors=factors, mu=lower, constant=upper, assumptions=basis)
    ]
    radius = float(np.linalg.norm(np.vstack([run.departures, run.points]) - minimiser, axis=1).max())
    size, steps, growth = 2 * radius**2 * smoothness, len(run.departures), 1 / max(rate, 1e-12)
    blocks, k, total = 0, 0, 0.0
    while k < steps:
        length = next((b for b in range(steps - k) if k + b not in at), steps - k)
        if length:
            blocks, total = blocks + 1, total + (_power(growth, length) - 1) / max(float(run.gaps[k]), rounding)
        k += max(length, 1)
    plain = steps - len(at)
    gap = float(run.gaps[-1]) - rounding
    bound = size / (plain + size * total)
    claims.append(compared(SCHEDULE, gap, bound, blocks=blocks, plain_steps=plain, radius=radius, assumptions=basis))
    if steps % 2 == 0 and sorted(at) == list(range(0, steps, 2)):
        alternating = size * (growth - 1) / (_power(growth, steps // 2) - 1)
        claims.append(compared(ALTERNATING, gap, alternating, steps=steps, gaps=run.gaps, assumptions=basis))
    return claims
