r"""Quadratic objectives, :math:`L(w) = L^* + \tfrac12(w-c)^TA(w-c)`, recognised exactly where the loss is declared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from solvers.equivalence.convexity import Convexity, exact_convexity, measured_convexity
from solvers.equivalence.decide import Decision, decide_functions, decide_loss
from solvers.objective import LossObjective, Objective
from symmetries.actions.parameter_space import FloatArray
from symmetries.certificate import Claim, overall

TOLERANCE = 1e-9
STATEMENT = "L is a convex quadratic with a minimum"


@final
@dataclass(frozen=True, kw_only=True)
class QuadraticForm:
    """A convex quadratic with a minimum.

    Parameters
    ----------
    matrix: the Hessian A, shape (n, n).
    eigenvalues, eigenvectors: of A, ascending, eigenvectors in columns.
    minimiser: a point c with gradient zero.
    minimum: the value L* there.
    """

    matrix: FloatArray
    eigenvalues: FloatArray
    eigenvectors: FloatArray
    minimiser: FloatArray
    minimum: float

    @property
    def largest(self) -> float:
        """The largest eigenvalue."""
        return float(self.eigenvalues[-1])

    @property
    def smallest_positive(self) -> float:
        """The smallest eigenvalue that is not zero to rounding."""
        positive = self.eigenvalues[self.eigenvalues > TOLERANCE * self.largest]
        return float(positive[0])

    def gap(self, w: FloatArray) -> float:
        """L(w) - L*, from the displacement, without cancellation."""
        displacement = w - self.minimiser
        return float(displacement @ self.matrix @ displacement) / 2

    def steepest(self, gap: float) -> FloatArray:
        """A point of the level set L* + gap where the gradient is longest."""
        return self.minimiser + np.sqrt(2 * gap / self.largest) * self.eigenvectors[:, -1]


def decide_quadratic(objective: Objective, w: FloatArray) -> Decision:
    """What is known of an objective as a quadratic, convex or not.

    >>> from symmetries import Loss
    >>> decide_quadratic(Objective.from_loss(Loss.parse("x*y")), np.zeros(2)).claim.verdict
    'proved'
    """
    rng = np.random.default_rng(0)
    if isinstance(objective, LossObjective) and objective.loss is not None:
        return decide_loss(objective.loss, objective.data, w, rng)
    return decide_functions(objective, w, rng)


def read_quadratic(objective: Objective, w: FloatArray) -> tuple[QuadraticForm | None, Claim]:
    """The quadratic form of an objective, None where it is none, and the claim that it is one.

    Declared losses are decided on their exact coefficients, functions by their values near a point.

    >>> from symmetries import Loss
    >>> form, claim = read_quadratic(Objective.from_loss(Loss.parse("(x - 1)**2 + 4*x*y + 9*y**2")), np.zeros(2))
    >>> claim.verdict, form.minimiser.round(6).tolist()
    ('proved', [1.8, -0.4])
    >>> read_quadratic(Objective.from_loss(Loss.parse("x**4")), np.zeros(1))[1].verdict
    'refuted'
    """
    decision = decide_quadratic(objective, w)
    if decision.claim.verdict not in ("proved", "measured"):
        return None, Claim(statement=STATEMENT, verdict=decision.claim.verdict, reason=decision.claim.reason)
    exact = decision.quadratic is not None
    convexity = exact_convexity(decision) if exact else measured_convexity(objective, w, decision)
    verdict = overall([decision.claim.verdict, *(claim.verdict for claim in convexity.claims)])
    reasons = "; ".join([decision.claim.reason, *(claim.reason for claim in convexity.claims)])
    return _form(objective, convexity), Claim(statement=STATEMENT, verdict=verdict, reason=reasons)


def _form(objective: Objective, convexity: Convexity) -> QuadraticForm | None:
    """The form in double precision; None where a hypothesis fails."""
    if convexity.quadratic is None or convexity.minimiser is None:
        return None
    matrix = convexity.quadratic.hessian
    eigenvalues, eigenvectors = np.linalg.eigh(matrix)
    minimiser = np.array([float(value) for value in convexity.minimiser])
    return QuadraticForm(
        matrix=matrix,
        eigenvalues=eigenvalues,
        eigenvectors=eigenvectors,
        minimiser=minimiser,
        minimum=objective.value(minimiser),
    )
