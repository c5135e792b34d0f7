r"""K-FAC and its kin: the Fisher matrix of a layer :math:`z = Wa` as a Kronecker product of two second moments.

The problem declares the structure ``activations``: the matrices :math:`aa^{\mathsf T}` of the samples, of type
``col_cov2``, shape (N, k, k).
"""

from __future__ import annotations

import numpy as np

from solvers.naturality.optimizers.build import specify
from solvers.naturality.optimizers.linear_algebra import power, solve
from solvers.naturality.problem import Problem
from solvers.naturality.spec import OptimizerSpec, State
from symmetries.actions.parameter_space import FloatArray


def kfac(*, damping: float = 0.0, name: str = "kfac") -> OptimizerSpec:
    r"""Natural gradient with one Kronecker product.

    .. math:: W' = W - \eta\,(S + \sqrt\lambda I)^{-1}\,G\,(A + \sqrt\lambda I)^{-1}

    Parameters
    ----------
    damping: :math:`\lambda`.
    name: of the spec.

    >>> kfac().matrix
    True

    Source: J. Martens and R. Grosse, "Optimizing neural networks with Kronecker-factored approximate curvature" (2015),
    sections 3 and 6.3, with gradients of the loss of the samples themselves.
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point = state["point"]
        S, A, G = layer_moments(problem, point)
        left, right = S + np.sqrt(damping) * np.eye(len(S)), A + np.sqrt(damping) * np.eye(len(A))
        moved = solve(right, solve(left, G.sum(axis=0)).T).T
        return {"point": point - rate * moved.ravel()}

    return specify(name, step, rate=0.01, matrix=True)


def ekfac(*, damping: float = 0.0) -> OptimizerSpec:
    r"""K-FAC with the true second moments of the gradients in its eigenbases :math:`U_S, U_A` in place of products.

    .. math:: W' = W - \eta\,U_S\Bigl(\frac{U_S^{\mathsf T}GU_A}
        {E[(U_S^{\mathsf T}G_iU_A)^2] + \lambda}\Bigr)U_A^{\mathsf T}

    Parameters
    ----------
    damping: :math:`\lambda`.

    >>> ekfac().name
    'ekfac'

    Source: T. George et al., "Fast approximate natural gradient descent in a Kronecker-factored eigenbasis" (2018),
    algorithm 1.
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point = state["point"]
        S, A, G = layer_moments(problem, point)
        left, right = np.linalg.eigh(S)[1], np.linalg.eigh(A)[1]
        turned = left.T @ G @ right
        moved = left @ (turned.sum(axis=0) / ((turned**2).mean(axis=0) + damping)) @ right.T
        return {"point": point - rate * moved.ravel()}

    return specify("ekfac", step, rate=0.01, matrix=True)


def layer_moments(problem: Problem, point: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    r"""Second moments S of :math:`\delta = \partial\ell/\partial z` and A of a, and the gradients of the samples.

    :math:`G = \delta a^{\mathsf T}` gives :math:`\delta\delta^{\mathsf T} = GXG^{\mathsf T}` for every X with
    :math:`a^{\mathsf T}Xa = 1`, such as :math:`A^{+}/(a^{\mathsf T}A^{+}a)`.

    >>> problem = Problem(
    ...     shape=(1, 1),
    ...     model=lambda W: W[0],
    ...     output_loss=lambda z: 3 * z,
    ...     hidden={"activations": ("col_cov2", np.ones((1, 1, 1)))},
    ... )
    >>> [float(moment.sum()) for moment in layer_moments(problem, np.ones(1))]
    [9.0, 1.0, 3.0]
    """
    activations = problem.structure("activations", point)
    G = problem.per_sample_gradients(point).reshape(-1, *problem.shape)
    A = activations.mean(axis=0)
    inverse = power(A, -1.0)
    S = G @ inverse @ np.swapaxes(G, 1, 2) / np.einsum("iab,ba->i", activations, inverse)[:, None, None]
    return S.mean(axis=0), A, G
