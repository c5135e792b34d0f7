r"""Gradient descent with teleports on smooth convex losses: the rate of gradient descent, with a larger radius."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import final

import numpy as np

from solvers.convergence.no_gain import cannot_help
from solvers.convergence.paths import read_steps, require_positive
from solvers.convergence.quadratic_form import read_quadratic
from solvers.convergence.teleport_schedule import (
    ScheduledRun,
    Teleport,
    level_set_teleport,
    newton_minimum,
    run_schedule,
)
from solvers.convergence.theorem_check import Checked, checked, compared, undecided
from solvers.objective import Objective, as_objective
from symmetries import GroupAction, derive
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.certificate import Certificate, Claim
from symmetries.formula import read_formula
from symmetries.identity import is_identically_zero
from symmetries.loss import Loss

SOURCE = "A. Mishkin, A. Bietti, R. Gower, arXiv:2403.03362 (2024), section 4"

BOUND = "L(w_k) - L* <= 2 R^2/(k h (2 - Lambda h)) for every k"
FARTHEST = "no point from which a step departs is farther than R from the minimiser"
KEPT = "no teleport raises the loss"


@final
@dataclass(frozen=True, kw_only=True)
class _Constants:
    """What the bound needs: minimiser, minimum and smoothness, with what they rest on."""

    minimiser: FloatArray
    minimum: float
    smoothness: float
    assumptions: tuple[str, ...]
    claims: tuple[Claim, ...]


def smooth_convex_rate(
    objective: Objective | Loss,
    w: Point,
    *,
    learning_rate: float,
    steps: int,
    at: Collection[int] = (),
    teleport: Teleport | None = None,
    smoothness: float | None = None,
    minimiser: Point | None = None,
    radius: float | None = None,
) -> Checked:
    r"""The rate of gradient descent with teleports at any steps, on a convex loss with a Lipschitz gradient.

    .. math:: L(w_K) - L^* \le \frac{2R^2}{K h\,(2 - \Lambda h)}, \qquad h < 2/\Lambda,

    with the largest distance R from the minimiser in the sub-level set of the start, which teleports may use up; the
    distance of the start alone is not enough.

    Parameters
    ----------
    objective: a convex loss.
    w: the start.
    learning_rate, steps: h and K.
    at: numbers of the steps, from 0, before which to teleport.
    teleport: w -> w', which must not raise the loss; along the level set to the longest gradient by default.
    smoothness: the Lipschitz constant of the gradient; found for quadratics.
    minimiser: of the loss; found for quadratics and by Newton's method.
    radius: R; by default the largest distance that the run itself visits, which makes the bound sharper.

    Returns
    -------
    Claims: the hypotheses (teleports do not raise the loss, no point is farther than R), then the bound for all k.
    The bound is undecided where the step is too long, or where no Lipschitz constant or minimiser is known.

    Raises
    ------
    InputError: the start is not finite, or a number is not positive.

    Examples
    --------
    >>> loss = Loss.parse("x**2/2 + 5*y**2")
    >>> smooth_convex_rate(loss, [3.0, 1.0], learning_rate=0.1, steps=20, at={0, 5}).verdict
    'measured'

    Source: A. Mishkin, A. Bietti, R. Gower, arXiv:2403.03362 (2024), section 4.
    """
    problem = as_objective(objective)
    point = problem.start(w)
    require_positive(learning_rate, "learning_rate")
    require_positive(steps, "steps", integer=True)
    numbers = read_steps(at, "at")
    if radius is not None:
        require_positive(radius, "radius")
    constants = _constants(problem, point, smoothness, minimiser)
    reason = constants if isinstance(constants, str) else ""
    if not isinstance(constants, str) and learning_rate * constants.smoothness >= 2:
        reason = f"the step times the smoothness is {learning_rate * constants.smoothness:.3g}, and must be below 2"
    if reason or isinstance(constants, str):
        return checked(problem, [undecided(BOUND, reason)], theorem="smooth convex rate", source=SOURCE)
    run = run_schedule(
        problem,
        point,
        steps=steps,
        step_size=lambda *_: learning_rate,
        minimum=constants.minimum,
        teleport=teleport or (level_set_teleport(problem) if numbers else None),
        at=numbers,
    )
    claims = [*constants.claims, *_bound_claims(run, constants, learning_rate, radius)]
    return checked(problem, claims, theorem="smooth convex rate", source=SOURCE)


def _constants(
    objective: Objective, w: FloatArray, smoothness: float | None, minimiser: Point | None
) -> _Constants | str:
    """The constants of the bound, or why they are not known."""
    form, claim = read_quadratic(objective, w)
    if form is None and smoothness is None:
        return "no Lipschitz constant of the gradient is known: give `smoothness`"
    if smoothness is not None:
        require_positive(smoothness, "smoothness")
    constant = float(smoothness) if smoothness is not None else form.largest if form is not None else np.nan
    if form is not None and constant < form.largest * (1 - 1e-9):
        return f"the gradient is not Lipschitz with {constant:g}: the Hessian has the eigenvalue {form.largest:g}"
    found = objective.start(minimiser) if minimiser is not None else None
    if found is None:
        found = form.minimiser if form is not None else newton_minimum(objective, w)
    if found is None:
        return "no minimiser was found: give `minimiser`"
    given = [] if form is not None and smoothness is None else [f"the gradient is Lipschitz with {constant:g}"]
    basis = (*given, *([] if form is not None else ["the loss is convex"]))
    slope = float(np.linalg.norm(objective.gradient(found)))
    small = 1e-7 * constant * (1 + float(np.linalg.norm(found)))
    stationary = compared("the gradient vanishes at the minimiser", slope, small, assumptions=basis)
    return _Constants(
        minimiser=found,
        minimum=objective.value(found),
        smoothness=constant,
        assumptions=basis,
        claims=(stationary,) if form is None else (claim, stationary),
    )


def _bound_claims(run: ScheduledRun, constants: _Constants, rate: float, radius: float | None) -> tuple[Claim, ...]:
    """The hypotheses and the bound."""
    rise = float(np.max(run.departure_gaps - run.gaps[:-1]))
    scale = abs(constants.minimum) + abs(float(run.gaps[0]))
    kept = compared(KEPT, rise, 1e-9 * scale, tolerance=0.0)
    visited = float(np.linalg.norm(np.vstack([run.departures, run.points]) - constants.minimiser, axis=1).max())
    allowed = visited if radius is None else radius
    far = compared(FARTHEST, visited, allowed, radius_is_given=radius is not None)
    lowest = float(min(run.gaps.min(), run.departure_gaps.min()))
    if lowest < -1e-9 * scale:
        reason = "the run is below the loss at the given minimiser, which is none, or the loss is not convex"
        return kept, far, undecided(BOUND, reason, gap=lowest)
    if allowed == 0:
        return kept, far, undecided(BOUND, "the run begins and stays at the minimiser")
    counts = np.arange(1, len(run.gaps))
    bounds = 2 * allowed**2 / (counts * rate * (2 - constants.smoothness * rate))
    worst = int(np.argmax(run.gaps[1:] / bounds))
    bound = compared(
        BOUND,
        float(run.gaps[1 + worst]),
        float(bounds[worst]),
        assumptions=constants.assumptions,
        tightest_step=worst + 1,
        share_of_bound=run.gaps[1 + worst] / bounds[worst],
        final_gap=run.gaps[-1],
        radius=allowed,
        smoothness=constants.smoothness,
    )
    return kept, far, bound


def neither_helps_nor_hurts() -> Certificate:
    r"""A strongly convex loss on which every schedule of teleports gives the same values.

    On :math:`L = \tfrac12(x^2 + y^2)` gradient descent with a step h multiplies L by :math:`(1-h)^2` wherever the
    point is on its level set, so that no bound for all strongly convex losses can get better or worse by teleports.

    >>> neither_helps_nor_hurts().verdict
    'proved'

    Source: A. Mishkin, A. Bietti, R. Gower, arXiv:2403.03362 (2024), section 4; the example is made here.
    """
    loss = Loss.parse("(x**2 + y**2)/2")
    symbols = {"x": (), "y": (), "h": ()}
    step = "((x - h*x)**2 + (y - h*y)**2)/2 - (1 - h)**2*(x**2 + y**2)/2"
    exact = is_identically_zero(read_formula(step, symbols))
    same = Claim(
        statement="L(w - h grad L(w)) = (1 - h)^2 L(w)",
        verdict="proved" if exact else "undecided",
        reason="both sides are the same polynomial in x, y and h: the next loss depends on the loss alone",
    )
    turns = cannot_help(GroupAction.from_algebra(derive(loss)))
    return Certificate(loss=loss.to_dict(), fields=turns.fields, claims=(*turns.claims, same))
