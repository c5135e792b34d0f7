"""Metrics of a problem, by name, and the connection of the pull-back metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.problem import Problem
from symmetries.actions.parameter_space import FloatArray

Metric: TypeAlias = Callable[[Problem, FloatArray], FloatArray]

METRICS: Mapping[str, Metric] = {
    "fisher": lambda problem, theta: problem.fisher(theta),
    "gauss-newton": lambda problem, theta: problem.gauss_newton(theta),
    "empirical-fisher": lambda problem, theta: problem.empirical_fisher(theta),
}
"""Metrics that follow every change of coordinates, by name."""

CONDITION = 1e14
"""Metrics with a larger condition number are refused."""


def read_metric(metric: Any) -> Metric:
    """A metric by name, or a function (problem, point) -> matrix.

    >>> problem = Problem(lambda x: x[0], size=1, model=lambda x: 2 * x)
    >>> read_metric("fisher")(problem, np.ones(1)).tolist()
    [[4.0]]
    """
    if callable(metric):
        return metric
    if metric not in METRICS:
        raise InputError(
            f"the metric {metric!r}", why="it is not known", cure=f"use {', '.join(METRICS)} or a function"
        )
    return METRICS[metric]


def metric_at(metric: Metric, problem: Problem, theta: FloatArray) -> FloatArray:
    """The matrix of a metric at a point, refused where it is not positive definite to rounding."""
    matrix = np.asarray(metric(problem, theta), dtype=float)
    if matrix.shape != (len(theta), len(theta)):
        raise InputError(
            f"a metric of the shape {list(matrix.shape)} at a point",
            why=f"there are {len(theta)} parameters",
            cure=f"return a matrix of the shape [{len(theta)}, {len(theta)}]",
        )
    if not (np.isfinite(matrix).all() and np.linalg.cond(matrix) < CONDITION):
        raise InputError(
            "the metric of the problem at a point",
            why="it is singular to rounding, so the parameters are not determined by the outputs",
            cure="give a model with at least as many outputs as parameters, or another metric",
        )
    if not np.linalg.eigvalsh(matrix)[0] > 0:
        raise InputError(
            "the metric of the problem at a point",
            why="it has a negative eigenvalue there, so it measures no lengths",
            cure="give another point, or a metric that is positive definite, such as fisher",
        )
    return matrix


def christoffel(problem: Problem, theta: FloatArray) -> Callable[[FloatArray, FloatArray], FloatArray]:
    r"""The Levi-Civita connection of the metric :math:`G = J^{\mathsf T}J`.

    .. math:: \Gamma(u, v) = G^{-1}J^{\mathsf T}\,D^2f(u, v)

    Parameters
    ----------
    problem: with a model f.
    theta: the point, shape (n,).

    >>> square = Problem(lambda x: x[0], size=1, model=lambda x: x**2)
    >>> christoffel(square, np.array([2.0]))(np.ones(1), np.ones(1)).tolist()
    [0.5]
    """
    jacobian, second = problem.model_jacobian(theta), problem.model_second(theta)

    def connection(u: FloatArray, v: FloatArray) -> FloatArray:
        """The Christoffel symbols on two vectors: the least squares solution of J x = f''(u, v)."""
        return np.linalg.lstsq(jacobian, (second @ v) @ u, rcond=None)[0]

    return connection
