r"""Learning-rate matrices: the step is :math:`-\eta\nabla L` with a symmetric positive definite matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from manifolds.errors import InputError
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_reals


def learning_rate_matrix(eta: Any, size: int, *, name: str = "learning rate eta") -> FloatArray:
    """The matrix of a learning rate, shape (n, n).

    Parameters
    ----------
    eta: a positive number, n positive numbers for a diagonal, a symmetric positive definite matrix, or None for 1.
    size: the number n of parameters.
    name: what the matrix is called in messages.

    Raises
    ------
    InputError: the shape does not fit, or the matrix is not symmetric positive definite.

    >>> learning_rate_matrix([1, 2], 2).tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    """
    given = read_reals(1.0 if eta is None else eta, what=f"the {name}")
    if given.shape not in ((), (size,), (size, size)):
        raise InputError(
            f"the {name} of the shape {list(given.shape)}",
            why=f"there are {size} parameters",
            cure=f"give a number, {size} numbers or a matrix of {size} rows",
        )
    matrix = given if given.ndim == 2 else np.diag(np.broadcast_to(given, size))
    finite = bool(np.isfinite(matrix).all())
    if not finite or not np.array_equal(matrix, matrix.T) or np.linalg.eigvalsh(matrix)[0] <= 0:
        raise InputError(
            f"the {name}",
            why="it is not symmetric and positive definite",
            cure="give a positive number, positive numbers, or a symmetric positive definite matrix",
        )
    return matrix


def squared_norm(covector: FloatArray, eta: FloatArray) -> float:
    r""":math:`|v|_\eta^2 = v^T\eta v`, the decay rate of the loss under gradient flow.

    >>> squared_norm(np.array([1.0, 2.0]), np.eye(2))
    5.0
    """
    return float(covector @ eta @ covector)
