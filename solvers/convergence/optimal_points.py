r"""Points of a level set where the gradient is longest: :math:`Hu = \lambda u` with :math:`u = \nabla L`."""

from __future__ import annotations

import numpy as np

from solvers.convergence.paths import require_positive
from solvers.convergence.theorem_check import Checked, checked, undecided, vanishing
from solvers.objective import Objective, as_objective
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.certificate import Claim
from symmetries.loss import Loss

SOURCE = "A. Mishkin, A. Bietti, R. Gower, arXiv:2403.03362 (2024), section 3"

OPTIMAL_TOLERANCE = 1e-6
LARGEST = 500
"""Most parameters for which the whole Hessian is made."""


def off_gradient(vector: FloatArray, gradient: FloatArray) -> float:
    """Share of a vector that is not along the gradient; zero for the zero vector, NaN for a zero gradient.

    >>> off_gradient(np.array([3.0, 4.0]), np.array([1.0, 0.0]))
    0.8
    """
    length, slope = float(np.linalg.norm(vector)), float(np.linalg.norm(gradient))
    if slope == 0:
        return float("nan")
    if length == 0:
        return 0.0
    unit = gradient / slope
    return float(np.linalg.norm(vector - (unit @ vector) * unit)) / length


def optimality_claim(objective: Objective, w: FloatArray, *, tolerance: float = OPTIMAL_TOLERANCE) -> Claim:
    """The claim that a point is critical for the length of the gradient along its level set."""
    statement = "H u = lambda u at w, u = grad L(w)"
    gradient = objective.gradient(w)
    if not gradient.any():
        return undecided(statement, "w is a critical point of the loss")
    bent = objective.hvp(w, gradient)
    eigenvalue = float(gradient @ bent) / float(gradient @ gradient)
    return vanishing(statement, off_gradient(bent, gradient), tolerance=tolerance, eigenvalue=eigenvalue, point=w)


def level_set_kkt(objective: Objective | Loss, w: Point, *, tolerance: float = OPTIMAL_TOLERANCE) -> Checked:
    r"""Whether a point satisfies the first-order conditions of :math:`\max |\nabla L|` on its level set.

    :math:`Hu = \lambda u`, hence :math:`u = \lambda H^\dagger u` where :math:`\lambda \ne 0`: the gradient is along the
    direction of Newton's method.

    Parameters
    ----------
    objective: the loss.
    w: the point.
    tolerance: largest sine of the angle between Hu and u.

    Returns
    -------
    Two claims.  The first is refuted where the point is no critical point of the length of the gradient; the second is
    undecided there, at :math:`\lambda = 0`, and for more than 500 parameters.

    Raises
    ------
    InputError: the point is not finite.

    Examples
    --------
    >>> loss = Loss.parse("x**2/2 + 5*y**2")
    >>> level_set_kkt(loss, [0.0, 1.0]).verdict, level_set_kkt(loss, [1.0, 1.0]).verdict
    ('measured', 'refuted')

    Source: A. Mishkin, A. Bietti, R. Gower, arXiv:2403.03362 (2024), section 3.
    """
    problem = as_objective(objective)
    point = problem.start(w)
    require_positive(tolerance, "tolerance")
    claim = optimality_claim(problem, point, tolerance=tolerance)
    newton = _newton_claim(problem, point, claim, tolerance)
    return checked(problem, [claim, newton], theorem="KKT conditions on a level set", source=SOURCE)


def _newton_claim(objective: Objective, w: FloatArray, optimal: Claim, tolerance: float) -> Claim:
    """The claim u = lambda H^+ u."""
    statement = "u = lambda H^+ u at w"
    if optimal.verdict != "measured":
        return undecided(statement, "the point is not critical for the length of the gradient")
    if objective.size > LARGEST:
        return undecided(statement, f"the Hessian has more than {LARGEST} rows")
    hessian, gradient = objective.hessian(w), objective.gradient(w)
    eigenvalue = float(optimal.evidence["eigenvalue"])
    spread = float(np.linalg.norm(hessian))
    if abs(eigenvalue) <= 1e-9 * spread:
        return undecided(statement, "lambda is zero to rounding")
    newton = eigenvalue * (np.linalg.pinv(hessian, rcond=1e-10, hermitian=True) @ gradient)
    residual = float(np.linalg.norm(newton - gradient) / np.linalg.norm(gradient))
    slack = tolerance * max(1.0, spread * float(np.linalg.norm(np.linalg.pinv(hessian, rcond=1e-10, hermitian=True))))
    return vanishing(statement, residual, tolerance=slack, eigenvalue=eigenvalue)
