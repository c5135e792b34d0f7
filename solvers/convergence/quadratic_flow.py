r"""Convex quadratics: after one teleport to the steepest point, the whole gradient flow stays steepest."""

from __future__ import annotations

import numpy as np

from solvers.convergence.paths import flow, require_positive
from solvers.convergence.quadratic_form import QuadraticForm, read_quadratic
from solvers.convergence.theorem_check import Checked, checked, compared, undecided, vanishing
from solvers.objective import Objective, as_objective
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.arguments import read_generator
from symmetries.certificate import Claim
from symmetries.loss import Loss

SOURCE = "B. Zhao, N. Dehmamy, R. Walters, R. Yu, arXiv:2205.10637 (2022), section 4.3"

TOLERANCE = 1e-6


def quadratic_flow_stays_steepest(
    objective: Objective | Loss, w: Point, *, samples: int = 2000, rng: int | np.random.Generator = 0
) -> Checked:
    r"""One teleport on a convex quadratic is enough: every later point of the flow is steepest on its own level set.

    With :math:`L = L^* + \tfrac12(w-c)^TA(w-c)` and the largest eigenvalue :math:`\lambda` of A,

    .. math:: |\nabla L(w)|^2 \le 2\lambda\,(L(w) - L^*), \qquad |w - c|^2 \ge 2(L(w)-L^*)/\lambda,

    both with equality on the eigenspace of :math:`\lambda`, which gradient flow does not leave.

    Parameters
    ----------
    objective: the loss.
    w: the point from which the level set is taken.
    samples: how many random points of the level set are compared with.
    rng: seed or generator of these points.

    Returns
    -------
    Claims: the loss is a convex quadratic (decided exactly for declared polynomial losses), the teleported point is
    steepest and nearest to the minimum, and the flow from it stays steepest.  Undecided for other losses.

    Raises
    ------
    InputError: the start is not finite, or ``samples`` is no positive integer.

    Examples
    --------
    >>> check = quadratic_flow_stays_steepest(Loss.parse("x**2/2 + 5*y**2"), [1.0, 1.0])
    >>> check.verdict, [claim.verdict for claim in check.claims]
    ('measured', ['proved', 'measured', 'measured', 'measured'])

    Source: B. Zhao, N. Dehmamy, R. Walters, R. Yu, arXiv:2205.10637 (2022), section 4.3.
    """
    problem = as_objective(objective)
    point = problem.start(w)
    require_positive(samples, "samples", integer=True)
    form, claim = read_quadratic(problem, point)
    stays = "the gradient flow from the steepest point is steepest on each of its level sets"
    if form is None:
        claims = [claim, undecided(stays, "the theorem is about convex quadratics")]
        return checked(problem, claims, theorem="flow on quadratics", source=SOURCE)
    gap = form.gap(point)
    if gap <= 0:
        claims = [claim, undecided(stays, "the start is a minimum: its level set is the set of minima")]
        return checked(problem, claims, theorem="flow on quadratics", source=SOURCE)
    steepest = form.steepest(gap)
    others = _level_set_points(form, gap, samples, read_generator(rng))
    claims = [claim, *_against_others(problem, form, steepest, others), _along_flow(problem, form, steepest, stays)]
    return checked(problem, claims, theorem="flow on quadratics", source=SOURCE)


def _level_set_points(form: QuadraticForm, gap: float, samples: int, rng: np.random.Generator) -> FloatArray:
    """Random points of the level set, in the range of the Hessian."""
    positive = form.eigenvalues > 1e-9 * form.largest
    unit = rng.standard_normal((samples, int(positive.sum())))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    spread = np.sqrt(2 * gap) * unit / np.sqrt(form.eigenvalues[positive])
    return form.minimiser + spread @ form.eigenvectors[:, positive].T


def _against_others(
    objective: Objective, form: QuadraticForm, steepest: FloatArray, others: FloatArray
) -> tuple[Claim, Claim]:
    """Steepest and nearest, against random points of the level set."""
    length = float(np.linalg.norm(objective.gradient(steepest)))
    best = float(np.linalg.norm((others - form.minimiser) @ form.matrix, axis=1).max())
    steep = compared("no point of the level set has a longer gradient", best, length, samples=len(others))
    distance = float(np.linalg.norm(steepest - form.minimiser))
    nearest = float(np.linalg.norm(others - form.minimiser, axis=1).min())
    near = compared("no point of the level set is nearer to the minima", distance, nearest, samples=len(others))
    return steep, near


def _along_flow(objective: Objective, form: QuadraticForm, start: FloatArray, statement: str) -> Claim:
    """|grad L|^2 over 2 lambda (L - L*) along the flow, until the loss has fallen by a factor of 1e4."""
    points = flow(objective, start, np.linspace(0.0, 4.6 / form.largest, 40))
    slopes = np.sum(((points - form.minimiser) @ form.matrix) ** 2, axis=1)
    ratios = slopes / (2 * form.largest * np.array([form.gap(point) for point in points]))
    worst = float(np.max(np.abs(ratios - 1)))
    return vanishing(statement, worst, tolerance=TOLERANCE, samples=len(points), largest_eigenvalue=form.largest)
