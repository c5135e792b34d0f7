r"""Least squares as a mean over samples, with everything that bounds on stochastic gradient descent need, exactly."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_reals


@final
class LeastSquares:
    r"""The mean of :math:`L_i(w) = \tfrac12(a_i\cdot w - b_i)^2` over m samples.

    Each :math:`L_i` is :math:`\beta`-smooth with :math:`\beta = \max_i |a_i|^2`, and
    :math:`\sigma^2 = L^* - \tfrac1m\sum_i \inf L_i = L^*`.  The group O(n) of :math:`c + A^{-1/2}RA^{1/2}(w - c)`
    keeps L and fills its level sets; :math:`\max_g|\nabla L(g\cdot w)|^2 = 2\lambda\,(L(w) - L^*)` with the largest
    eigenvalue :math:`\lambda` of the Hessian A.

    Parameters
    ----------
    features: the a_i in rows, shape (m, n).
    targets: the b_i, shape (m,).

    Raises
    ------
    InputError: the shapes do not fit, a row is zero, or the Hessian is singular.

    >>> problem = LeastSquares([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]], [1.0, 1.0, 1.0])
    >>> problem.beta, round(problem.noise, 6)
    (4.0, 0.018519)
    """

    def __init__(self, features: Any, targets: Any) -> None:
        self.features = read_reals(features, what="the features")
        self.targets = read_reals(targets, what="the targets")
        rows = self.features
        if (
            rows.ndim != 2
            or self.targets.shape != rows.shape[:1]
            or not np.isfinite([*rows.ravel(), *self.targets]).all()
        ):
            raise InputError(
                f"features of the shape {list(rows.shape)} and targets of the shape {list(self.targets.shape)}",
                why="one finite row and one finite target a sample are needed",
                cure="give shapes (m, n) and (m,)",
            )
        self.hessian = rows.T @ rows / len(rows)
        self.eigenvalues, vectors = np.linalg.eigh(self.hessian)
        if not rows.any(axis=1).all() or self.eigenvalues[0] <= 1e-12 * self.eigenvalues[-1]:
            raise InputError(
                "the features",
                why="a row is zero, or they do not span the space: the minimum is not unique",
                cure="give at least n independent rows, none of them zero",
            )
        self.top = vectors[:, -1]
        self.minimiser = np.linalg.lstsq(rows, self.targets, rcond=None)[0]
        self.residuals = self.targets - rows @ self.minimiser

    @property
    def beta(self) -> float:
        """The largest smoothness constant of a sample."""
        return float((self.features**2).sum(axis=1).max())

    @property
    def noise(self) -> float:
        """The variance term sigma^2, which is the least mean loss."""
        return float(np.mean(self.residuals**2) / 2)

    def gap(self, w: FloatArray) -> float:
        """L(w) - L*."""
        move = w - self.minimiser
        return float(move @ self.hessian @ move) / 2

    def teleported_step(self, rate: float) -> tuple[float, float]:
        r"""The numbers p, q with :math:`E[\delta_{t+1}] = p\,E[\delta_t] + q` for a teleport and a step on one sample.

        The teleport goes to one of the two steepest points, by the toss of a coin, before the sample is drawn.
        """
        along = self.features @ self.top
        moved = self.top - rate * along[:, None] * self.features
        stays = float(np.mean(np.einsum("ij,jk,ik->i", moved, self.hessian, moved)) / 2)
        kicks = np.einsum("ij,jk,ik->i", self.features, self.hessian, self.features)
        return 2 * stays / float(self.eigenvalues[-1]), float(rate**2 * np.mean(self.residuals**2 * kicks) / 2)

    def plain_gaps(self, w: FloatArray, rate: float, steps: int) -> FloatArray:
        """The expected gaps of stochastic gradient descent without teleports, shape (steps + 1,), exactly."""
        rows, residuals = self.features, self.residuals
        mean = w - self.minimiser
        second, gaps = np.outer(mean, mean), []
        noise = rate**2 * (rows * (residuals**2)[:, None]).T @ rows / len(rows)
        for _ in range(steps + 1):
            gaps.append(float(np.trace(self.hessian @ second)) / 2)
            products = np.einsum("ij,jk,ik->i", rows, second, rows)
            both = second - rate * (self.hessian @ second + second @ self.hessian)
            both += rate**2 * (rows * products[:, None]).T @ rows / len(rows)
            cross = rate * (rows.T * residuals) @ self._less(rows, mean, rate) / len(rows)
            second = both + cross + cross.T + noise
            mean = mean - rate * self.hessian @ mean
        return np.array(gaps)

    @staticmethod
    def _less(rows: FloatArray, mean: FloatArray, rate: float) -> FloatArray:
        """(I - h a_i a_i^T) m for each sample, in rows."""
        return mean - rate * (rows @ mean)[:, None] * rows

    def simulate(self, w: FloatArray, rate: float, steps: int, runs: int, rng: np.random.Generator) -> FloatArray:
        """Gaps of runs with a teleport before every step, shape (runs, steps + 1)."""
        gaps = np.empty((runs, steps + 1))
        points = np.tile(w - self.minimiser, (runs, 1))
        for t in range(steps + 1):
            gaps[:, t] = np.einsum("ij,jk,ik->i", points, self.hessian, points) / 2
            signs = rng.choice([-1.0, 1.0], size=runs)
            points = (signs * np.sqrt(2 * gaps[:, t] / self.eigenvalues[-1]))[:, None] * self.top
            drawn = rng.integers(len(self.features), size=runs)
            rows = self.features[drawn]
            slopes = np.einsum("ij,ij->i", rows, points) - self.residuals[drawn]
            points = points - rate * slopes[:, None] * rows
        return gaps
