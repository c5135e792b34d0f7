"""Steepest descent of a matrix in a norm: spectral (Muon), with its polynomial, and row by row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from solvers.naturality.optimizers.build import specify
from solvers.naturality.optimizers.linear_algebra import polar
from solvers.naturality.problem import Problem
from solvers.naturality.spec import OptimizerSpec, State
from symmetries.actions.parameter_space import FloatArray

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of X, X Xᵀ X and X Xᵀ X Xᵀ X in the iteration of Muon."""


def muon_exact(*, momentum: float = 0.95) -> OptimizerSpec:
    r"""Steps along the polar factor of the momentum.

    .. math:: M' = \mu M + G,\quad W' = W - \eta\,\mathrm{polar}(G + \mu M')

    Parameters
    ----------
    momentum: :math:`\mu`.

    >>> muon_exact().matrix
    True

    Source: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024), with the exact factor.
    """
    return _muon("muon-exact", polar, momentum)


def muon_newton_schulz(*, momentum: float = 0.95, iterations: int = 5) -> OptimizerSpec:
    r"""Muon as it is run, in double precision: five steps of an odd quintic in place of the polar factor.

    Parameters
    ----------
    momentum: :math:`\mu`.
    iterations: of the polynomial.

    >>> muon_newton_schulz().name
    'muon-newton-schulz'

    Source: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024).
    """
    return _muon("muon-newton-schulz", lambda matrix: newton_schulz(matrix, iterations), momentum)


def newton_schulz(matrix: FloatArray, iterations: int = 5) -> FloatArray:
    r"""Iterations of an odd polynomial from the matrix over its Frobenius norm.

    .. math:: X' = aX + b\,XX^{\mathsf T}X + c\,XX^{\mathsf T}XX^{\mathsf T}X

    >>> np.linalg.svd(newton_schulz(np.diag([3.0, 1.0])), compute_uv=False).round(1).tolist()
    [1.1, 0.8]
    """
    a, b, c = QUINTIC
    X = matrix / np.linalg.norm(matrix)
    for _ in range(iterations):
        square = X @ X.T
        X = a * X + (b * square + c * square @ square) @ X
    return X


def _muon(name: str, direction: Callable[[FloatArray], FloatArray], momentum: float) -> OptimizerSpec:
    """Muon with a map from the momentum to the direction."""

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        gradient = problem.gradient(state["point"])
        average = momentum * state["momentum"] + gradient
        moved = direction((gradient + momentum * average).reshape(problem.shape))
        return {"point": state["point"] - rate * moved.ravel(), "momentum": average}

    return specify(name, step, {"momentum": "covector"}, matrix=True)


def row_normalised() -> OptimizerSpec:
    r"""Steps of one length in every row, :math:`W_i' = W_i - \eta\,G_i/|G_i|`.

    >>> row_normalised().name
    'row-normalised'

    Source: T. Pethick et al., "Training deep learning models with norm-constrained LMOs" (2025), table 2.
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        gradient = problem.gradient(state["point"]).reshape(problem.shape)
        moved = gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
        return {"point": state["point"] - rate * moved.ravel()}

    return specify("row-normalised", step, matrix=True)
