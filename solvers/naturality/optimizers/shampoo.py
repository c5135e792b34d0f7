"""Shampoo, SOAP and KL-Shampoo: one metric on the rows and one on the columns of a matrix."""

from __future__ import annotations

import math
from contextlib import suppress

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.optimizers.build import specify
from solvers.naturality.optimizers.linear_algebra import CUT, power
from solvers.naturality.problem import Problem
from solvers.naturality.spec import OptimizerSpec, State
from symmetries.actions.parameter_space import FloatArray

FACTORS = {"rows": "row_cov2", "columns": "col_cov2"}


def shampoo(*, exponent: float = 0.25, epsilon: float = 0.0, name: str = "shampoo-quarter") -> OptimizerSpec:
    r"""Sums of :math:`GG^{\mathsf T}` and :math:`G^{\mathsf T}G`, and :math:`W' = W - \eta\,L'^{-p}\,G\,R'^{-p}`.

    Parameters
    ----------
    exponent: p; a quarter as published, a half where the product is taken for the full AdaGrad without its root.
    epsilon: the sums start at :math:`\epsilon I`; with zero the powers are those on the range.
    name: of the spec.

    >>> shampoo().slots["rows"]
    'row_cov2'

    Source: V. Gupta, T. Koren and Y. Singer, "Shampoo: preconditioned stochastic tensor optimization" (2018),
    algorithm 1; a half in D. Morwani et al., "A new perspective on Shampoo's preconditioner" (2024).
    """

    def start(problem: Problem, point: FloatArray) -> State:
        """The slots that do not start at zero."""
        return {"rows": epsilon * np.eye(problem.shape[0]), "columns": epsilon * np.eye(problem.shape[1])}

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        G = problem.gradient(state["point"]).reshape(problem.shape)
        rows, columns = state["rows"] + G @ G.T, state["columns"] + G.T @ G
        moved = power(rows, -exponent) @ G @ power(columns, -exponent)
        return {"point": state["point"] - rate * moved.ravel(), "rows": rows, "columns": columns}

    return specify(name, step, FACTORS, start=start, rate=0.2, matrix=True)


def soap(*, beta1: float = 0.95, beta2: float = 0.95) -> OptimizerSpec:
    r"""Adam in the eigenbases of the two sums of Shampoo, which are averages here and are diagonalised in every step.

    The bases of a step are those of the gradients before it; the first gradient is gathered before the first step.  The
    small number beside Adam's root is zero here, and so is a quotient of what is zero to rounding.

    Parameters
    ----------
    beta1, beta2: weights of the past in the averages.

    >>> soap().slots["square"]
    'frame_scalar'

    Source: N. Vyas et al., "SOAP: improving and stabilizing Shampoo using Adam" (2024), algorithm 3.
    """

    def gather(G: FloatArray, rows: FloatArray, columns: FloatArray) -> State:
        """The averages with one more gradient."""
        return {
            "rows": beta2 * rows + (1 - beta2) * G @ G.T,
            "columns": beta2 * columns + (1 - beta2) * G.T @ G,
        }

    def start(problem: Problem, point: FloatArray) -> State:
        """The slots that do not start at zero."""
        return gather(
            problem.gradient(point).reshape(problem.shape), *(np.zeros((side, side)) for side in problem.shape)
        )

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        left, right = (np.linalg.eigh(state[side])[1] for side in FACTORS)
        gradient, count = problem.gradient(state["point"]), state["count"] + 1
        G = gradient.reshape(problem.shape)
        average = beta1 * state["average"] + (1 - beta1) * gradient
        square = beta2 * state["square"] + (1 - beta2) * (left.T @ G @ right).ravel() ** 2
        root = np.sqrt(square / (1 - beta2**count)).reshape(problem.shape)
        turned = left.T @ average.reshape(problem.shape) @ right / (1 - beta1**count)
        seen = root > CUT * root.max()
        moved = left @ np.where(seen, turned / np.where(seen, root, 1.0), 0.0) @ right.T
        kept = {"average": average, "square": square, "count": count}
        return {**gather(G, state["rows"], state["columns"]), **kept, "point": state["point"] - rate * moved.ravel()}

    slots = {"average": "covector", "square": "frame_scalar", "count": "scalar", **FACTORS}
    return specify("soap", step, slots, start=start, matrix=True)


def kl_shampoo(
    *, exponent: float = 0.5, decay: float = 0.9, epsilon: float = 0.0, name: str = "kl-shampoo"
) -> OptimizerSpec:
    r"""Averages towards the Kronecker product nearest to the second moment of the gradients in relative entropy.

    .. math:: L' = \beta L + (1-\beta)\tfrac1{kN}\sum_i G_iR^{-1}G_i^{\mathsf T},\quad
        R' = \beta R + (1-\beta)\tfrac1{mN}\sum_i G_i^{\mathsf T}L^{-1}G_i,\quad
        W' = W - \eta\,L'^{-p}GR'^{-p}

    They start at the nearest product itself, the maximum-likelihood estimate of a matrix normal distribution, which
    leaves one scale between the factors free.

    Parameters
    ----------
    exponent: p; one is the method without the root.
    decay: :math:`\beta`.
    epsilon: added to the eigenvalues of both factors where they are inverted.
    name: of the spec.

    >>> kl_shampoo().slots["columns"]
    'col_cov2'

    Source: W. Lin et al., "Understanding and improving Shampoo and SOAP via Kullback-Leibler minimization" (2025),
    claim 1; P. Dutilleul, "The MLE algorithm for the matrix normal distribution" (1999), for the start.
    """

    def inverse(factor: FloatArray, p: float) -> FloatArray:
        """A power of a factor, with epsilon."""
        return power(factor + epsilon * np.eye(len(factor)), -p)

    def start(problem: Problem, point: FloatArray) -> State:
        """The slots that do not start at zero."""
        rows, columns = matrix_normal(_samples(problem, point))
        return {"rows": rows, "columns": columns}

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        G = _samples(problem, state["point"])
        moments = _moments(G)
        rows = decay * state["rows"] + (1 - decay) * _rows(moments, inverse(state["columns"], 1.0))
        columns = decay * state["columns"] + (1 - decay) * _columns(moments, inverse(state["rows"], 1.0))
        moved = inverse(rows, exponent) @ G.sum(axis=0) @ inverse(columns, exponent)
        return {"point": state["point"] - rate * moved.ravel(), "rows": rows, "columns": columns}

    return specify(name, step, FACTORS, start=start, rate=0.02, matrix=True)


def matrix_normal(samples: FloatArray, *, tolerance: float = 1e-15, iterations: int = 2000) -> tuple[FloatArray, ...]:
    r"""The factors L and R of the matrix normal distribution of mean zero that is likeliest for some samples.

    Parameters
    ----------
    samples: shape (N, m, k), enough of them for the estimate to exist.
    tolerance: of the last change, relative.
    iterations: most of them.

    Raises
    ------
    InputError: there are too few samples.

    >>> rng = np.random.default_rng(0)
    >>> L, R = matrix_normal(rng.standard_normal((9000, 2, 2)) * np.array([[1.0], [3.0]]))
    >>> round(float(L[1, 1] / L[0, 0])), round(float(R[1, 1] / R[0, 0]))
    (9, 1)

    Source: P. Dutilleul, "The MLE algorithm for the matrix normal distribution" (1999).
    """
    height, width = samples.shape[1:]
    moments, rows, columns = _moments(samples), np.eye(height), np.eye(width)
    with suppress(np.linalg.LinAlgError):
        for _ in range(iterations):
            before, rows = rows, _rows(moments, np.linalg.inv(columns))
            rows = rows / rows.trace()
            columns = _columns(moments, np.linalg.inv(rows))
            if abs(rows - before).max() <= tolerance:
                break
        if np.isfinite(columns).all():
            return rows, columns
    raise InputError(
        "the matrix normal estimate", why="there are too few samples", cure="give a problem with more samples"
    )


def _moments(samples: FloatArray) -> FloatArray:
    """The means of products of two entries, by pairs of rows and by pairs of columns, shape (m m, k k)."""
    height, width = samples.shape[1:]
    means: FloatArray = np.einsum("iab,icd->acbd", samples, samples) / len(samples)
    return means.reshape(height**2, width**2)


def _rows(moments: FloatArray, columns_inverse: FloatArray) -> FloatArray:
    """The estimate of the factor of the rows, given the inverse of that of the columns."""
    height = math.isqrt(len(moments))
    return (moments @ columns_inverse.ravel()).reshape(height, height) / len(columns_inverse)


def _columns(moments: FloatArray, rows_inverse: FloatArray) -> FloatArray:
    """The estimate of the factor of the columns, given the inverse of that of the rows."""
    return _rows(moments.T, rows_inverse)


def _samples(problem: Problem, point: FloatArray) -> FloatArray:
    """Gradients of the samples as matrices, shape (N, m, k)."""
    return problem.per_sample_gradients(point).reshape(-1, *problem.shape)
