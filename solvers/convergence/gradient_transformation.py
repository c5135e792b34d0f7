r"""How gradients transform under a symmetry, :math:`\nabla L(g\cdot w) = J^{-T}\nabla L(w)`, and what they gain."""

from __future__ import annotations

from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.convergence.learning_rate_matrix import learning_rate_matrix, squared_norm
from solvers.convergence.loss_kept import ULPS, gradient_rounding, loss_kept
from solvers.convergence.theorem_check import Checked, checked, compared, figure, undecided, vanishing
from solvers.objective import Objective, as_objective
from symmetries.action import GroupAction
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.certificate import Claim
from symmetries.loss import Loss

SOURCE = "B. Zhao, N. Dehmamy, R. Walters, R. Yu, arXiv:2205.10637 (2022), section 4.1"

GRADIENT_TOLERANCE = 1e-7
GAIN_TOLERANCE = 1e-9
CONDITION_LIMIT = 1e12


def improvement_condition(
    objective: Objective | Loss, action: GroupAction, g: Any, w: Point, *, eta: Any = None
) -> Checked:
    r"""Whether moving to g.w makes the loss decay faster, :math:`|J^{-T}\nabla L(w)|_\eta > |\nabla L(w)|_\eta`.

    Under :math:`\dot w = -\eta\nabla L` the loss decays at the rate :math:`|\nabla L|_\eta^2`.

    Parameters
    ----------
    objective: the loss.
    action: of a group that keeps it.
    g: an element, or Lie algebra coordinates.
    w: the point.
    eta: the learning rate: a number, n numbers or an n x n matrix; 1 by default.

    Returns
    -------
    Three claims: the loss is kept, the gradient transforms by the inverse transposed Jacobian, the decay is faster.
    The last one is refuted where it is not, and undecided at critical points.

    Raises
    ------
    InputError: the action, the point or the learning rate does not fit the objective.

    Examples
    --------
    >>> from symmetries import derive
    >>> loss = Loss.parse("x**2 + 9*y**2")
    >>> action = GroupAction.from_algebra(derive(loss))
    >>> check = improvement_condition(loss, action, np.pi / 6, [1.0, 0.0])  # to the steep axis
    >>> check.verdict, round(check.claims[-1].evidence["ratio"], 9)
    ('measured', 9.0)

    Source: B. Zhao, N. Dehmamy, R. Walters, R. Yu, arXiv:2205.10637 (2022), section 4.1.
    """
    problem = as_objective(objective)
    require_fit(problem, action)
    point = problem.start(w)
    eta_matrix = learning_rate_matrix(eta, problem.size)
    moved, jacobian = action.apply(g, point), action.jacobian(g, point)
    gradient, gradient_moved = problem.gradient(point), problem.gradient(moved)
    kept = loss_kept(problem, point, moved)
    faster = "|J^-T grad L(w)|_eta > |grad L(w)|_eta"
    if not np.linalg.cond(jacobian) < CONDITION_LIMIT:
        claims = [kept, undecided(faster, "the Jacobian of w -> g.w is singular to rounding")]
        return checked(problem, claims, theorem="improvement condition", source=SOURCE)
    carried = np.linalg.solve(jacobian.T, gradient)
    rounding = gradient_rounding(problem, moved)
    rounding += float(np.linalg.norm(np.linalg.inv(jacobian))) * gradient_rounding(problem, point)
    claims = [
        kept,
        _transforms(carried, gradient_moved, jacobian, rounding),
        _faster(faster, gradient, carried, eta_matrix),
    ]
    return checked(problem, claims, theorem="improvement condition", source=SOURCE)


def require_fit(objective: Objective, action: GroupAction) -> None:
    """Refuse an action on another number of parameters."""
    if not isinstance(action, GroupAction):
        raise InputError(
            f"an action of the type {type(action).__name__}",
            why="a GroupAction is needed",
            cure="make one with GroupAction.from_algebra or GroupAction.catalogued",
        )
    if action.space.size != objective.size:
        raise InputError(
            f"an action on {action.space.size} parameters",
            why=f"the objective has {objective.size}",
            cure="give an action that was made for this loss",
        )


def _transforms(carried: FloatArray, gradient: FloatArray, jacobian: FloatArray, rounding: float) -> Claim:
    """The claim that the gradient at g.w is the carried one, up to the effect of rounding on both."""
    lengths = float(np.linalg.norm(gradient)), float(np.linalg.norm(carried))
    scale = max(*lengths, ULPS * rounding / GRADIENT_TOLERANCE, 1e-300)
    residual = float(np.linalg.norm(gradient - carried)) / scale
    condition = float(np.linalg.cond(jacobian))
    return vanishing(
        "grad L(g.w) = J^-T grad L(w)", residual, tolerance=GRADIENT_TOLERANCE, condition_of_jacobian=condition
    )


def _faster(statement: str, gradient: FloatArray, carried: FloatArray, eta: FloatArray) -> Claim:
    """The claim that the carried gradient is longer."""
    before, after = squared_norm(gradient, eta), squared_norm(carried, eta)
    if before <= 0 or not np.isfinite([before, after]).all():
        return undecided(statement, "the gradient vanishes or is not finite: there is no decay to compare with")
    ratio = after / before
    claim = compared(statement, before * (1 + GAIN_TOLERANCE), after, tolerance=0.0, reason="the decay rates differ")
    reason = f"the loss decays {ratio:.6g} times as fast after the move"
    evidence = {**claim.evidence, "ratio": figure(ratio), "decay_before": figure(before), "decay_after": figure(after)}
    return Claim(statement=statement, verdict=claim.verdict, reason=reason, evidence=evidence)
