"""Gradients in the metric that the model puts on its parameters: Gauss-Newton, Fisher, empirical Fisher, and damped."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from solvers.naturality.optimizers.build import specify
from solvers.naturality.optimizers.linear_algebra import power, solve
from solvers.naturality.problem import Problem
from solvers.naturality.spec import OptimizerSpec, State
from symmetries.actions.parameter_space import FloatArray


def metric_descent(
    name: str,
    metric: Callable[[Problem, FloatArray], FloatArray],
    *,
    rate: float = 0.3,
    pseudo: bool = False,
) -> OptimizerSpec:
    r"""Descent in a metric G of the problem, :math:`\theta' = \theta - \eta\,G^{-1}g`.

    Parameters
    ----------
    name: of the spec.
    metric: (problem, point) -> G, shape (n, n).
    rate: the learning rate of tests.
    pseudo: take the pseudo-inverse :math:`G^+`, for models with more parameters than outputs.

    >>> metric_descent("euclidean", lambda problem, point: np.eye(point.size)).name
    'euclidean'

    Source: S. Amari, "Natural gradient works efficiently in learning" (1998), theorem 1.
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point, gradient = state["point"], problem.gradient(state["point"])
        matrix = metric(problem, point)
        return {"point": point - rate * (power(matrix, -1.0) @ gradient if pseudo else solve(matrix, gradient))}

    return specify(name, step, rate=rate)


def natural_gradient() -> OptimizerSpec:
    r"""Descent in the Fisher metric, :math:`\theta' = \theta - \eta\,F^{-1}g`.

    >>> natural_gradient().name
    'natural-gradient'

    Source: S. Amari, "Natural gradient works efficiently in learning" (1998).
    """
    return metric_descent("natural-gradient", lambda problem, point: problem.fisher(point))


def natural_gradient_damped(*, damping: float = 0.1) -> OptimizerSpec:
    r"""Descent in the Fisher metric plus a multiple of the identity, :math:`(F + \lambda I)^{-1}g`.

    Parameters
    ----------
    damping: :math:`\lambda`.

    >>> natural_gradient_damped().name
    'natural-gradient-damped'

    Source: J. Martens, "New insights and perspectives on the natural gradient method" (2020), section 8.
    """
    return metric_descent(
        "natural-gradient-damped", lambda problem, point: problem.fisher(point) + damping * np.eye(point.size)
    )


def natural_gradient_pseudo_inverse() -> OptimizerSpec:
    r"""Descent with the pseudo-inverse of the Fisher metric, :math:`F^+g`, for models with redundant parameters.

    >>> natural_gradient_pseudo_inverse().name
    'natural-gradient-pseudo-inverse'

    Source: J. van Oostrum, J. Müller and N. Ay, "Invariance properties of the natural gradient in overparametrised
    systems" (2023).
    """
    return metric_descent("natural-gradient-pseudo-inverse", lambda problem, point: problem.fisher(point), pseudo=True)


def gauss_newton() -> OptimizerSpec:
    r"""Descent in the generalised Gauss-Newton matrix, :math:`(J^{\mathsf T}\nabla^2\ell\,J)^{-1}g`.

    >>> gauss_newton().name
    'gauss-newton'

    Source: N. Schraudolph, "Fast curvature matrix-vector products for second-order gradient descent" (2002).
    """
    return metric_descent("gauss-newton", lambda problem, point: problem.gauss_newton(point))


def empirical_fisher() -> OptimizerSpec:
    r"""Descent in the second moment of the gradients of the samples, :math:`(\sum_i g_ig_i^{\mathsf T})^{-1}g`.

    >>> empirical_fisher().name
    'empirical-fisher'

    Source: F. Kunstner, L. Balles and P. Hennig, "Limitations of the empirical Fisher approximation for natural
    gradient descent" (2019), formula (3).
    """
    return metric_descent("empirical-fisher", lambda problem, point: problem.empirical_fisher(point), rate=0.05)


def levenberg_marquardt(*, damping: float = 0.1) -> OptimizerSpec:
    r"""Gauss-Newton plus a fixed multiple of the identity, :math:`(J^{\mathsf T}J + \lambda I)^{-1}g`.

    Parameters
    ----------
    damping: :math:`\lambda`.

    >>> levenberg_marquardt().name
    'levenberg-marquardt'

    Source: K. Levenberg, "A method for the solution of certain non-linear problems in least squares" (1944).
    """

    def metric(problem: Problem, point: FloatArray) -> FloatArray:
        """The damped matrix."""
        jacobian = problem.model_jacobian(point)
        return jacobian.T @ jacobian + damping * np.eye(point.size)

    return metric_descent("levenberg-marquardt", metric)


def levenberg_marquardt_scaled(*, damping: float = 0.1) -> OptimizerSpec:
    r"""Gauss-Newton plus a multiple of its diagonal.

    .. math:: \theta' = \theta - \eta\,(J^{\mathsf T}J + \lambda\,\mathrm{diag}(J^{\mathsf T}J))^{-1}g

    Parameters
    ----------
    damping: :math:`\lambda`, a pure number.

    >>> levenberg_marquardt_scaled().name
    'levenberg-marquardt-scaled'

    Source: D. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters" (1963).
    """

    def metric(problem: Problem, point: FloatArray) -> FloatArray:
        """The damped matrix."""
        matrix = problem.model_jacobian(point).T @ problem.model_jacobian(point)
        return matrix + damping * np.diag(np.diag(matrix))

    return metric_descent("levenberg-marquardt-scaled", metric)
