r"""How stable the Hessian of a logistic loss is, from its samples alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.convergence.paths import require_positive
from solvers.convergence.theorem_check import TheoremCheck
from symmetries.arguments import read_reals
from symmetries.certificate import Claim

SOURCE = "A. Mishkin, A. Bietti, R. Gower, arXiv:2403.03362 (2024), section 4"

LARGEST = 700.0
"""Largest logarithm of the change of a weight."""


def logistic_stability(features: Any, spread: float) -> TheoremCheck:
    r"""Constants of the stability of the Hessian of a logistic loss on a ball, from its samples alone.

    Over a displacement d the weight :math:`s'(a_i\cdot w)` of a sample changes by a factor between
    :math:`e^{-|a_i\cdot d|}` and :math:`e^{|a_i\cdot d|}`.  With :math:`D = \max_i |a_i|\cdot\text{spread}`,
    integrating twice along the segment,

    .. math:: \tilde\mu = \frac{2(e^{-D} + D - 1)}{D^2}, \qquad \tilde\Lambda = \frac{2(e^{D} - D - 1)}{D^2};

    a squared penalty of the weights keeps them.

    Parameters
    ----------
    features: the samples in rows, shape (m, n).
    spread: the largest distance of two points that are compared.

    Raises
    ------
    InputError: the features are no finite matrix, or the spread is not positive.

    >>> check = logistic_stability([[1.0, 0.0], [0.0, 1.0]], 1.0)
    >>> [round(check.claims[0].evidence[name], 4) for name in ("mu", "lambda")]
    [0.7358, 1.4366]
    """
    rows = read_reals(features, what="the features")
    require_positive(spread, "spread")
    if rows.ndim != 2 or not np.isfinite(rows).all() or not rows.any():
        raise InputError("the features", why="they are no finite matrix with samples in rows", cure="give shape (m, n)")
    size = float(np.linalg.norm(rows, axis=1).max()) * float(spread)
    if size > LARGEST:
        raise InputError(
            f"a spread of {spread:g}",
            why=f"the weights change by a factor e^{size:.0f}: the constants are beyond double precision",
            cure="give a shorter spread, or scale the features",
        )
    lower = 2 * (math.expm1(-size) + size) / size**2 if size > 1e-3 else 1 - size / 3
    upper = 2 * (math.expm1(size) - size) / size**2 if size > 1e-3 else 1 + size / 2
    claim = Claim(
        statement="the Hessian of the logistic loss is stable on the ball with these constants",
        verdict="measured",
        reason="integrated bounds of the weights of the samples, rounded to double precision",
        evidence={"mu": lower, "lambda": upper, "log_change": size},
    )
    return TheoremCheck(theorem="Hessian stability of a logistic loss", claims=(claim,), source=SOURCE)
