"""Newton's method as a rule: the Hessian solved densely, or by conjugate gradients on its products."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from solvers.objective import Objective
from solvers.rule import SecondOrderRule
from solvers.steps.hyperparameters import NON_NEGATIVE, POSITIVE, Interval, read_count
from symmetries.actions.parameter_space import FloatArray

Indefinite: TypeAlias = Literal["absolute", "refuse"]


@final
@dataclass(frozen=True, kw_only=True)
class Newton(SecondOrderRule):
    r"""Newton's method, :math:`W = -\eta\,(H + \delta I)^{-1} g`.

    Up to ``dense_limit`` parameters the Hessian is formed by n products and factorised.  Where it is not positive
    definite, ``indefinite="absolute"`` takes the absolute values of its eigenvalues, and the largest of them for those
    that are zero to rounding, so that the step descends, and solves semidefinite problems; ``indefinite="refuse"``
    stops with an error that names the smallest eigenvalue.

    Above the limit conjugate gradients solve with products alone; a direction of curvature that is not positive ends
    them: under ``absolute`` the step is what was reached, at the first iteration the gradient over the size of its
    curvature; under ``refuse`` it is the same error.

    Parameters
    ----------
    learning_rate: :math:`\eta`; 1 is Newton's own step.
    damping: :math:`\delta`, at least 0, in units of the Hessian.
    indefinite: what happens where the damped Hessian is not positive definite.
    dense_limit: most parameters for which the Hessian is formed.
    tolerance: of the conjugate gradients, residual over gradient.
    iterations: most products in one step of the conjugate gradients.

    >>> objective = Objective.from_functions(lambda w: float(w @ w), lambda w: 2 * w, lambda w, v: 2 * v, size=1)
    >>> Newton().displacement(objective, np.array([3.0]), np.array([6.0]), rate=1.0).round(12).tolist()
    [-3.0]

    Source: J. Nocedal and S. Wright, "Numerical Optimization" (2006), section 3.4 and algorithm 7.1; absolute values of
    eigenvalues as in Y. Dauphin et al., "Identifying and attacking the saddle point problem" (2014).
    """

    damping: float = 0.0
    indefinite: Indefinite = "absolute"
    dense_limit: int = 2000
    tolerance: float = 1e-8
    iterations: int = 1000

    ranges: ClassVar[Mapping[str, Interval]] = {"damping": NON_NEGATIVE, "tolerance": POSITIVE}

    def __post_init__(self) -> None:
        super().__post_init__()
        read_count(self.dense_limit, name="dense_limit", low=0)
        read_count(self.iterations, name="iterations")
        if self.indefinite not in ("absolute", "refuse"):
            raise InputError(
                f"indefinite={self.indefinite!r}",
                why="it says what happens at a Hessian that is not positive definite",
                cure='use "absolute" or "refuse"',
            )

    def displacement(self, objective: Objective, w: FloatArray, gradient: FloatArray, *, rate: float) -> FloatArray:
        """The displacement W, shape (n,).

        Parameters
        ----------
        objective: what is minimised; its ledger counts the products, n of them where the Hessian is formed.
        w: the point, shape (n,).
        gradient: there, shape (n,).
        rate: the learning rate of this step.

        Raises
        ------
        InputError: the damped Hessian is not positive definite and that is refused.
        """
        if objective.size <= self.dense_limit:
            return -rate * self._dense(objective.hessian(w), gradient)
        return -rate * self._conjugate(lambda v: objective.hvp(w, v) + self.damping * v, gradient)

    def _dense(self, hessian: FloatArray, gradient: FloatArray) -> FloatArray:
        """The solution of (H + damping) x = g, H made definite as documented; NaN where H is not finite."""
        if not np.isfinite(hessian).all():
            return np.full_like(gradient, np.nan)
        matrix = hessian + self.damping * np.eye(len(hessian))
        solution = _by_cholesky(matrix, gradient)
        return self._by_eigenvalues(matrix, gradient) if solution is None else solution

    def _by_eigenvalues(self, matrix: FloatArray, gradient: FloatArray) -> FloatArray:
        """The solution with the absolute values of the eigenvalues, the largest for those that are zero to rounding."""
        values, vectors = np.linalg.eigh(matrix)
        sizes = np.abs(values)
        zero = sizes <= len(values) * np.finfo(float).eps * sizes.max()
        if self.indefinite == "refuse" and (zero | (values < 0)).any():
            raise _indefinite(f"its smallest eigenvalue is {values[0]:.3g}")
        return vectors @ ((vectors.T @ gradient) / np.where(zero, sizes.max() or 1.0, sizes))

    def _conjugate(self, product: Callable[[FloatArray], FloatArray], gradient: FloatArray) -> FloatArray:
        """The solution by conjugate gradients, ended at the tolerance or at curvature that is not positive."""
        solution, residual = np.zeros_like(gradient), gradient.copy()
        direction, square = residual, float(residual @ residual)
        goal = self.tolerance**2 * square
        for _ in range(self.iterations):
            if not square > goal:
                break
            image = product(direction)
            curvature = float(direction @ image)
            if not np.isfinite(curvature):
                return np.full_like(gradient, np.nan)
            if curvature <= 0:
                if self.indefinite == "refuse":
                    raise _indefinite(
                        f"the curvature along one direction is {curvature / float(direction @ direction):.3g}"
                    )
                return solution if solution.any() else gradient * (square / abs(curvature) if curvature else 1.0)
            length = square / curvature
            solution, residual = solution + length * direction, residual - length * image
            square, before = float(residual @ residual), square
            direction = residual + (square / before) * direction
        return solution


def _by_cholesky(matrix: FloatArray, gradient: FloatArray) -> FloatArray | None:
    """The solution where the matrix is positive definite with a margin over rounding, else None."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve
    from scipy.linalg.lapack import dpocon

    try:
        factor, lower = cho_factor(matrix, lower=True)
    except LinAlgError:
        return None
    margin, info = dpocon(factor, np.abs(matrix).sum(axis=0).max(), uplo="L")
    if info != 0 or margin <= len(matrix) * np.finfo(float).eps:
        return None
    return cho_solve((factor, lower), gradient)


def _indefinite(finding: str) -> InputError:
    """The error about a Hessian that is not positive definite."""
    return InputError(
        "a Newton step at a Hessian that is not positive definite",
        why=f"{finding}, so the step need not descend",
        cure='raise `damping`, or set indefinite="absolute"',
    )
