"""Minimisers of sums of squares that are certain: a rational point where the loss is exactly zero."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from manifolds.errors import InputError
from solvers.equivalence.degree import is_visibly_nonnegative, merged_powers
from solvers.equivalence.exact_nodes import point_nodes
from solvers.objective import Objective
from symmetries import Loss
from symmetries.actions.parameter_space import FloatArray
from symmetries.expression import Node, walk
from symmetries.lower import lower
from symmetries.scalar import ScalarGraph
from symmetries.substitution import substitute

DENOMINATORS = (1, 2, 12, 100, 1000)
"""Largest denominators of the rational points that are tried."""

MAX_ENTRIES = 5_000
"""Most entries of all arrays of an expression that is evaluated exactly."""


def certified_minimiser(loss: Loss, objective: Objective, w: FloatArray) -> list[Fraction] | None:
    """A rational point where a sum of squares is zero, found from a start; None where none was found.

    >>> loss = Loss.parse("(x - 1)**4 + (2*y - x)**2")
    >>> certified_minimiser(loss, Objective.from_loss(loss), np.zeros(2))
    [Fraction(1, 1), Fraction(1, 2)]
    """
    from scipy.optimize import minimize

    root = merged_powers(loss.expression)
    free = loss.constants or any(item.values is None for item in loss.data.values())
    if free or sum(node.size for node in walk(root)) > MAX_ENTRIES or not is_visibly_nonnegative(root):
        return None
    with np.errstate(all="ignore"):
        found = minimize(objective.value_and_grad, w, jac=True, method="BFGS", options={"gtol": 1e-12}).x
    if not np.isfinite(found).all():
        return None
    for denominator in DENOMINATORS:
        point = [Fraction(value).limit_denominator(denominator) for value in found.tolist()]
        if _vanishes(loss, root, point):
            return point
    return None


def _vanishes(loss: Loss, root: Node, point: list[Fraction]) -> bool:
    """Whether an expression is exactly zero at a rational point."""
    graph = ScalarGraph()
    try:
        return graph.value_of(lower(graph, substitute(root, point_nodes(point, loss.parameters)))) == 0
    except InputError:
        return False
