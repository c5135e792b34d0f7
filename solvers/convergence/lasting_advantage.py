r"""For how many steps of gradient descent a longer gradient stays longer."""

from __future__ import annotations

import math

import numpy as np

from solvers.convergence.paths import descend, require_positive
from solvers.convergence.quadratic_form import read_quadratic
from solvers.convergence.theorem_check import Checked, checked, compared, figure, undecided
from solvers.objective import Objective, as_objective
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.certificate import Claim
from symmetries.loss import Loss

SOURCE = "B. Zhao, N. Dehmamy, R. Walters, R. Yu, arXiv:2205.10637 (2022), section 4.2"

MAX_STEPS = 100_000

LASTS = "|grad L(w'_t)| >= |grad L(w_t)| for t <= T, T guaranteed by the first ratio"


def lasting_advantage(
    objective: Objective | Loss,
    w: Point,
    teleported: Point,
    *,
    learning_rate: float,
    lipschitz: float | None = None,
    steps: int = 100,
) -> Checked:
    r"""For how many steps gradient descent from a teleported point keeps the longer gradient.

    If :math:`\nabla L` is Lipschitz with the constant :math:`\Lambda`, :math:`h\Lambda < 1` and

    .. math:: \frac{|\nabla L(w'_0)|}{|\nabla L(w_0)|} \ge \Bigl(\frac{1+h\Lambda}{1-h\Lambda}\Bigr)^T,

    then :math:`|\nabla L(w'_t)| \ge |\nabla L(w_t)|` for all t up to T: one step stretches a gradient by at most
    :math:`1+h\Lambda` and shrinks it by at most :math:`1-h\Lambda`.

    Parameters
    ----------
    objective: the loss.
    w, teleported: the two starts.
    learning_rate: the step h.
    lipschitz: a Lipschitz constant of the gradient; the largest eigenvalue of the Hessian for quadratics.
    steps: how many steps are followed at least.

    Returns
    -------
    Three claims: the constant holds on both paths, the advantage is guaranteed for T steps, it was observed for that
    long.  Undecided where :math:`h\Lambda \ge 1`, where no constant is known, or where the first gradient is no longer.

    Raises
    ------
    InputError: a start is not finite, or a number is not positive.

    Examples
    --------
    >>> check = lasting_advantage(Loss.parse("x**2/2 + 5*y**2"), [10**0.5, 0.0], [0.0, 1.0], learning_rate=0.02)
    >>> check.verdict, check.claims[-1].evidence["guaranteed"], check.claims[-1].evidence["observed"]
    ('measured', 2, 5)

    Source: B. Zhao, N. Dehmamy, R. Walters, R. Yu, arXiv:2205.10637 (2022), section 4.2.
    """
    problem = as_objective(objective)
    require_positive(learning_rate, "learning_rate")
    require_positive(steps, "steps", integer=True)
    first, second = problem.start(w), problem.start(teleported)
    constant, known = _constant(problem, first, lipschitz)
    reason = _failed_hypothesis(problem, first, second, learning_rate, constant)
    if reason:
        return checked(problem, [known, undecided(LASTS, reason)], theorem="lasting advantage", source=SOURCE)
    claims = [known, *_followed(problem, first, second, learning_rate, constant, steps)]
    return checked(problem, claims, theorem="lasting advantage", source=SOURCE)


def _followed(
    objective: Objective, first: FloatArray, second: FloatArray, rate: float, constant: float, steps: int
) -> tuple[Claim, Claim]:
    """The claims from both paths of gradient descent."""
    guaranteed = _guaranteed(objective, first, second, rate * constant)
    many = min(max(steps, guaranteed + 1), MAX_STEPS)
    paths = [descend(objective, start, rate, many) for start in (first, second)]
    within = compared(
        "the gradient is Lipschitz on both paths with this constant", max(map(_observed_constant, paths)), constant
    )
    lengths, longer = (np.linalg.norm(gradients, axis=1) for _, gradients in paths)
    kept = longer >= lengths * (1 - 1e-12)
    observed = many if kept.all() else int(np.argmin(kept)) - 1
    lasts = compared(
        LASTS,
        float(min(guaranteed, many)),
        float(observed),
        tolerance=0.0,
        reason=f"guaranteed for {guaranteed} steps, observed for {observed}" + ("" if observed < many else " and more"),
        guaranteed=guaranteed,
        observed=observed,
        followed=many,
        first_ratio=longer[0] / lengths[0],
        step_times_constant=rate * constant,
    )
    return within, lasts


def _constant(objective: Objective, w: FloatArray, given: float | None) -> tuple[float, Claim]:
    """A Lipschitz constant of the gradient and where it comes from; NaN where none is known."""
    statement = "a Lipschitz constant of the gradient is known"
    if given is not None:
        require_positive(given, "lipschitz")
        reason, basis = "it was given", ("the given constant holds everywhere",)
        return float(given), Claim(
            statement=statement, verdict="measured", reason=reason, assumptions=basis, evidence={"constant": given}
        )
    form, claim = read_quadratic(objective, w)
    if form is None:
        return math.nan, undecided(statement, f"none was given, and the loss is no convex quadratic: {claim.reason}")
    reason = "the loss is a convex quadratic: it is the largest eigenvalue of the Hessian"
    evidence = {"constant": figure(form.largest)}
    return form.largest, Claim(statement=statement, verdict="measured", reason=reason, evidence=evidence)


def _failed_hypothesis(
    objective: Objective, first: FloatArray, second: FloatArray, learning_rate: float, constant: float
) -> str:
    """Why the theorem does not apply; empty where it does."""
    if math.isnan(constant):
        return "no Lipschitz constant of the gradient is known: give `lipschitz`"
    if learning_rate * constant >= 1:
        return f"the step times the Lipschitz constant is {learning_rate * constant:.3g}, and must be below 1"
    lengths = [float(np.linalg.norm(objective.gradient(point))) for point in (first, second)]
    if lengths[1] < lengths[0]:
        return "the gradient at the second start is the shorter one"
    if lengths[0] == 0:
        return "the first start is a critical point"
    return ""


def _guaranteed(objective: Objective, first: FloatArray, second: FloatArray, product: float) -> int:
    """The largest T with ratio >= ((1 + h Lambda)/(1 - h Lambda))^T."""
    lengths = [float(np.linalg.norm(objective.gradient(point))) for point in (first, second)]
    spread = math.log1p(product) - math.log1p(-product)
    exact = math.log(lengths[1] / lengths[0]) / spread
    return min(math.floor(exact * (1 + 1e-12)), MAX_STEPS)


def _observed_constant(path: tuple[FloatArray, FloatArray]) -> float:
    """The largest change of the gradient over the length of a step, steps at the level of rounding left out."""
    points, gradients = path
    moves = np.linalg.norm(np.diff(points, axis=0), axis=1)
    changes = np.linalg.norm(np.diff(gradients, axis=0), axis=1)
    real = moves > 1e-7 * (1e-300 + np.linalg.norm(points[1:], axis=1))
    return float((changes[real] / moves[real]).max()) if real.any() else 0.0
