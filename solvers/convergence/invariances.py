"""The invariances that teleportation is shown on: test functions and networks, each verified exactly."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from solvers.convergence.theorem_check import TheoremCheck
from symmetries import GroupAction, verify
from symmetries.certificate import Claim

SOURCE = "B. Zhao, N. Dehmamy, R. Walters, R. Yu, arXiv:2205.10637 (2022), section 3 and appendix B"

ACTIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "rosenbrock": {},
        "booth": {},
        "quadratic": {"matrix": ((2, 1), (1, 3))},
        "linear-network": {"widths": (2, 2, 2)},
        "homogeneous-network": {"widths": (2, 3, 2), "activation": "leaky_relu"},
        "low-rank": {"rows": 3, "columns": 2, "rank": 2},
        "mlp-data": {"widths": (4, 4, 2), "activation": "leaky_relu"},
    }
)
"""The catalogued actions with small sizes."""


def published_invariances(*, rng: int | np.random.Generator = 0) -> TheoremCheck:
    """That the groups teleportation is shown with keep their losses, L(g.w) = L(w), and act.

    Rotations of the residuals of Rosenbrock's and Booth's functions, of a quadratic, matrices on the hidden layers of
    linear networks and factorisations, scalings of homogeneous units, and the action on hidden states that depends on
    the data.

    Parameters
    ----------
    rng: seed or generator of the numeric evidence.

    Returns
    -------
    A claim an action: proved where the generators are proved to annihilate the loss and the axioms hold in closed form;
    measured for the action that depends on data, whose generators are no polynomials.

    Examples
    --------
    >>> check = published_invariances()
    >>> check.verdict, [claim.verdict for claim in check.claims].count("proved")
    ('measured', 6)

    Source: B. Zhao, N. Dehmamy, R. Walters, R. Yu, arXiv:2205.10637 (2022), section 3 and appendix B.
    """
    claims = []
    for name, sizes in ACTIONS.items():
        action = GroupAction.catalogued(name, **sizes)
        certificate = verify(action.loss, action, samples=16, rng=rng)
        heaviest = next(claim for claim in certificate.claims if claim.verdict == certificate.verdict)
        claims.append(
            Claim(
                statement=f"{name}: the group of dimension {action.dimension} keeps {action.loss.formula}",
                verdict=certificate.verdict,
                reason=heaviest.reason,
                assumptions=heaviest.assumptions,
                evidence={"claims": len(certificate.claims)},
            )
        )
    return TheoremCheck(theorem="invariances", claims=tuple(claims), source=SOURCE)
