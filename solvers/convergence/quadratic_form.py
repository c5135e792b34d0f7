r"""Quadratic objectives, :math:`L(w) = L^* + \tfrac12(w-c)^TA(w-c)`, recognised exactly where the loss is declared."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import final

import numpy as np

from solvers.objective import LossObjective, Objective
from symmetries.actions.parameter_space import FloatArray
from symmetries.certificate import Claim
from symmetries.sympy_border import to_sympy

LARGEST = 60
"""Most parameters of a loss that is expanded exactly."""

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
    minimiser: the point c with the least norm.
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


def read_quadratic(objective: Objective) -> tuple[QuadraticForm | None, Claim]:
    """The quadratic form of an objective, None where it is none, and the claim that it is one.

    Declared losses that are polynomials with rational coefficients are decided exactly, others by their Hessians.

    >>> from symmetries import Loss
    >>> form, claim = read_quadratic(Objective.from_loss(Loss.parse("(x - 1)**2 + 4*x*y + 9*y**2")))
    >>> claim.verdict, form.minimiser.round(6).tolist()
    ('proved', [1.8, -0.4])
    >>> read_quadratic(Objective.from_loss(Loss.parse("x**4")))[1].verdict
    'refuted'
    """
    exact = _exact_coefficients(objective)
    if exact is None:
        return _measured(objective)
    degree, matrix, linear = exact
    if degree > 2:
        return None, _refuted(f"L is a polynomial of degree {degree}")
    if not _is_semidefinite(matrix):
        return None, _refuted("the Hessian has a negative eigenvalue")
    form = _form(objective, np.array(matrix, dtype=float), np.array(linear, dtype=float))
    if not _is_solvable(matrix, linear):
        return None, _refuted("L is not bounded below: its linear part is not in the range of the Hessian")
    if form is None:
        return None, _refuted("L is constant")
    reason = "L is a polynomial of degree 2, its Hessian has no negative pivot, and A c = b has a solution, exactly"
    return form, Claim(statement=STATEMENT, verdict="proved", reason=reason)


def _refuted(reason: str) -> Claim:
    """The claim with the reason why the objective is no convex quadratic."""
    return Claim(statement=STATEMENT, verdict="refuted", reason=reason)


def _exact_coefficients(objective: Objective) -> tuple[int, list[list[Fraction]], list[Fraction]] | None:
    """Degree, Hessian and minus the gradient at 0 of a declared loss; None where it is no rational polynomial."""
    import sympy

    if not isinstance(objective, LossObjective) or objective.loss is None or objective.size > LARGEST:
        return None
    expression = to_sympy(objective.loss.expression)
    symbols = [sympy.Symbol(name, real=True) for name in objective.space.entries]
    given = {}
    for name, value in objective.data.items():
        entries = [name] if value.ndim == 0 else [f"{name}[{','.join(map(str, at))}]" for at in np.ndindex(value.shape)]
        for entry, number in zip(entries, value.ravel(), strict=True):
            exact = Fraction(float(number))
            given[sympy.Symbol(entry, real=True)] = sympy.Rational(exact.numerator, exact.denominator)
    try:
        polynomial = sympy.Poly(expression.subs(given), *symbols)
    except sympy.PolynomialError:
        return None
    if not (polynomial.domain.is_ZZ or polynomial.domain.is_QQ):
        return None
    size, degree = len(symbols), int(polynomial.total_degree())
    matrix, linear = [[Fraction(0)] * size for _ in range(size)], [Fraction(0)] * size
    for powers, coefficient in polynomial.terms():
        places = [i for i, power in enumerate(powers) for _ in range(power)] if sum(powers) <= 2 else []
        factor = Fraction(int(coefficient.p), int(coefficient.q))
        if len(places) == 2:
            i, j = places
            matrix[i][j] += factor
            matrix[j][i] += factor
        elif len(places) == 1:
            linear[places[0]] -= factor
    return degree, matrix, linear


def _is_semidefinite(matrix: list[list[Fraction]]) -> bool:
    """Whether a symmetric rational matrix has no negative eigenvalue, by exact elimination."""
    rest = [row[:] for row in matrix]
    for k in range(len(rest)):
        pivot = rest[k][k]
        if pivot < 0 or (pivot == 0 and any(rest[k][k:])):
            return False
        for i in range(k + 1, len(rest)) if pivot else ():
            factor = rest[i][k] / pivot
            for j in range(k, len(rest)):
                rest[i][j] -= factor * rest[k][j]
    return True


def _is_solvable(matrix: list[list[Fraction]], linear: list[Fraction]) -> bool:
    """Whether A c = b has a solution, by exact elimination of a semidefinite matrix."""
    rest = [[*row, value] for row, value in zip(matrix, linear, strict=True)]
    for k in range(len(matrix)):
        if rest[k][k] == 0:
            if rest[k][-1]:
                return False
            continue
        for i in range(k + 1, len(matrix)):
            factor = rest[i][k] / rest[k][k]
            for j in range(k, len(matrix) + 1):
                rest[i][j] -= factor * rest[k][j]
    return True


def _form(objective: Objective, matrix: FloatArray, linear: FloatArray) -> QuadraticForm | None:
    """The form in double precision; None for a constant."""
    if not matrix.any():
        return None
    eigenvalues, eigenvectors = np.linalg.eigh(matrix)
    inverse = np.where(eigenvalues > TOLERANCE * eigenvalues[-1], eigenvalues, np.inf) ** -1.0
    minimiser = eigenvectors @ (inverse * (eigenvectors.T @ linear))
    return QuadraticForm(
        matrix=matrix,
        eigenvalues=eigenvalues,
        eigenvectors=eigenvectors,
        minimiser=minimiser,
        minimum=objective.value(minimiser),
    )


def _measured(objective: Objective) -> tuple[QuadraticForm | None, Claim]:
    """The form from Hessians at a few points."""
    rng = np.random.default_rng(0)
    points = [np.zeros(objective.size), *rng.standard_normal((3, objective.size))]
    hessians = [objective.hessian(point) for point in points]
    scale = max(float(np.linalg.norm(hessians[0])), 1e-300)
    worst = max(float(np.linalg.norm(one - hessians[0])) / scale for one in hessians)
    tolerance = TOLERANCE if objective.has_exact_hvp else 1e-5
    evidence = {"samples": len(points), "worst_residual": worst if np.isfinite(worst) else None, "tolerance": tolerance}
    if not worst <= tolerance:
        return None, Claim(
            statement=STATEMENT, verdict="refuted", reason="the Hessian differs at two points", evidence=evidence
        )
    eigenvalues = np.linalg.eigvalsh(hessians[0])
    form = _form(objective, hessians[0], -objective.gradient(points[0]))
    slope = np.inf if form is None else float(np.linalg.norm(objective.gradient(form.minimiser)))
    if form is None or eigenvalues[0] < -tolerance * eigenvalues[-1] or slope > 1e-6 * scale:
        why = "the Hessian has a negative eigenvalue, or there is no critical point"
        return None, Claim(statement=STATEMENT, verdict="refuted", reason=why, evidence=evidence)
    reason = f"the Hessian is the same at {len(points)} points and has no negative eigenvalue"
    return form, Claim(statement=STATEMENT, verdict="measured", reason=reason, evidence=evidence)
