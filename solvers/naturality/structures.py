"""What optimizers read of the coordinates without saying so, declared so that it follows a change of coordinates."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from solvers.naturality.problem import Problem

INITIAL_DISTANCE = 0.1
"""The first distance of distance over gradients."""

INITIAL_LENGTH = 0.05
"""The first step length of Rprop in every coordinate."""

REGULARISER = 1e-2
"""What Adadelta adds under both of its roots."""


def declare(problem: Problem) -> Problem:
    r"""The problem with the structure that the optimizers of the registry read, where it does not declare its own.

    ================================  =============  ==============================================
    structure                         type           read by
    ================================  =============  ==============================================
    ``squared rates``                 ``diag_con2``  Adam with a declared rate for each coordinate
    ``squared lengths``               ``diag_con2``  Rprop with declared first lengths
    ``regulariser of displacements``  ``diag_con2``  Adadelta, typed
    ``regulariser of gradients``      ``diag_cov2``  Adadelta, typed
    ``initial distance``              ``con2``       distance over gradients, transported
    ``potential``                     ``scalar``     mirror descent, transported
    ================================  =============  ==============================================

    >>> declare(Problem(lambda x: (x**2).sum(), size=2)).structure("squared rates").tolist()
    [1.0, 1.0]
    """
    ones = np.ones(problem.size)
    structures: dict[str, tuple[str, Any]] = {
        "squared rates": ("diag_con2", ones),
        "squared lengths": ("diag_con2", INITIAL_LENGTH**2 * ones),
        "regulariser of displacements": ("diag_con2", REGULARISER * ones),
        "regulariser of gradients": ("diag_cov2", REGULARISER * ones),
        "initial distance": ("con2", INITIAL_DISTANCE**2 * np.eye(problem.size)),
        "potential": ("scalar", convex_potential),
    }
    declared = copy.copy(problem)
    declared.hidden = {**structures, **problem.hidden}
    return declared


def convex_potential(theta: Any) -> Any:
    r"""A strictly convex function whose gradient reaches all vectors, :math:`\sum\cosh\theta_i + \tfrac12|\theta|^2`.

    >>> float(convex_potential(np.zeros(3)))
    3.0
    """
    return (np.cosh(theta) + 0.5 * theta**2).sum()
