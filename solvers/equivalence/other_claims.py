"""What is left of Newton equivalence on a loss that is not quadratic: a steep point, and the step from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, final

import numpy as np

from solvers.aims.target_norms import GradientNorm
from solvers.convergence.theorem_check import figure
from solvers.equivalence.quadratic_claims import EIGENVECTOR, LANDING, PARALLEL, SHOWN
from solvers.equivalence.steepest import angle_between
from solvers.level_set import LevelSetMove
from solvers.move import Move
from solvers.objective import Objective
from solvers.orbit import OrbitMove
from symmetries import GroupAction
from symmetries.actions.catalogued_actions import rotation_matrices
from symmetries.actions.conjugated_action import ConjugatedAction
from symmetries.actions.parameter_space import FloatArray
from symmetries.certificate import Claim
from symmetries.modules.sum_of_squares import SumOfSquares

FOUND = "steepest: a point of the level set was found where the gradient is an eigenvector of the Hessian"

STEPS = 80

STATIONARY = 1e-5
"""Sine of the angle between gradient and Hessian times gradient up to which a point is stationary."""

LANDED = 1e-9
"""Share of the distance to the minimiser that is left when a step lands."""

LOW = 1e-15
"""Share of the loss above its minimum below which a point may be another minimiser."""


@final
@dataclass(frozen=True)
class Steepest:
    """A point that a search found, with its gradient u, its Hessian times u, and where the search went."""

    point: FloatArray
    gradient: FloatArray
    product: FloatArray
    along: str
    status: str

    @property
    def curvature(self) -> float:
        """The curvature u.Hu/u.u along the gradient."""
        return float(self.gradient @ self.product) / float(self.gradient @ self.gradient)

    @property
    def sine(self) -> float:
        """The sine of the angle between u and Hu."""
        return float(np.sin(angle_between(self.gradient, self.product)))


def residual_action(squares: SumOfSquares) -> GroupAction:
    """The rotations of the residuals of a sum of squares."""
    assert squares.change is not None
    weights = squares.coefficients
    return ConjugatedAction(squares.loss, change=squares.change, weights=weights, matrices=rotation_matrices(weights))


def steepest_by_search(
    objective: Objective, w: FloatArray, action: GroupAction | None, rng: np.random.Generator
) -> Steepest | None:
    """The steepest point that a search of the orbit or of the level set finds; None where nothing is finite."""
    along = action is not None and action.dimension > 0
    move: Move = OrbitMove(action) if action is not None and along else LevelSetMove(steps=STEPS, optimality=1e-9)
    reached = move.search(objective, w, GradientNorm(), maximize=True, rng=rng)
    polished = reached
    if along:
        polished = LevelSetMove(steps=STEPS, optimality=1e-9).search(
            objective, reached.point, GradientNorm(), maximize=True, rng=rng
        )
    gradient = objective.gradient(polished.point)
    product = objective.hvp(polished.point, gradient)
    if not (np.isfinite(gradient).all() and np.isfinite(product).all() and gradient.any()):
        return None
    return Steepest(polished.point, gradient, product, move.name, str(reached.status))


def other_claims(
    objective: Objective, w: FloatArray, found: Steepest | None, centre: Sequence[Fraction] | FloatArray | None
) -> list[Claim]:
    """The eigenvector, the Newton direction and the landing at the steepest point that was found.

    Parameters
    ----------
    objective: the loss.
    w: the start.
    found: the steepest point found.
    centre: the minimiser, None where it is not known.
    """
    if found is None:
        reason = "no steepest point was found: values or derivatives are not finite, or the gradient is zero"
        names = {"eigenvector": EIGENVECTOR, "parallel": PARALLEL, "landing": LANDING}
        return [
            Claim(statement=statement, verdict="undecided", reason=reason, evidence={"name": name})
            for name, statement in names.items()
        ]
    return [_eigenvector(found), _parallel(objective, found), _landing(objective, w, found, centre)]


def _eigenvector(found: Steepest) -> Claim:
    """Whether the gradient is an eigenvector of the Hessian where the search ended."""
    facts: dict[str, Any] = {
        "name": "eigenvector",
        "worst_residual": figure(found.sine),
        "tolerance": STATIONARY,
        "eigenvalue": figure(found.curvature),
        "along": found.along,
        "status": found.status,
    }
    if len(found.point) <= SHOWN:
        facts["point"] = figure(found.point)
    if found.sine <= STATIONARY:
        why = "as at every steepest point of a level set"
        return Claim(statement=EIGENVECTOR, verdict="measured", reason=why, evidence=facts)
    why = "the search did not end at a stationary point of the gradient norm on the level set"
    return Claim(statement=EIGENVECTOR, verdict="undecided", reason=why, evidence=facts)


def _parallel(objective: Objective, found: Steepest) -> Claim:
    """The angle between the gradient and the Newton direction at the steepest point."""
    angle: float | None = None
    if found.curvature > 0 and len(found.point) <= SHOWN:
        try:
            newton = np.linalg.solve(objective.hessian(found.point), found.gradient)
            angle = angle_between(found.gradient, newton)
            angle = min(angle, np.pi - angle)
        except np.linalg.LinAlgError:
            angle = None
    facts = {"name": "parallel", "angle": figure(angle), "worst_residual": figure(angle), "tolerance": 1e-3}
    if angle is not None and angle <= 1e-3:
        why = "eigenvectors of the Hessian are those of its inverse"
        return Claim(statement=PARALLEL, verdict="measured", reason=why, evidence=facts)
    why = "the Newton direction is not defined or not computed there" if angle is None else f"the angle is {angle:.1e}"
    return Claim(statement=PARALLEL, verdict="undecided", reason=why, evidence=facts)


def _landing(
    objective: Objective, w: FloatArray, found: Steepest, centre: Sequence[Fraction] | FloatArray | None
) -> Claim:
    """Where the step with the rate 1/lambda ends."""
    rate = 1 / found.curvature if found.curvature else float("nan")
    reached = found.point - rate * found.gradient
    value = objective.value(reached)
    facts: dict[str, Any] = {"name": "landing", "rate": figure(rate), "loss_after_step": figure(value)}
    if len(reached) <= SHOWN:
        facts["reached"] = figure(reached)
    if not np.isfinite(rate) or not np.isfinite(value):
        why = "the curvature along the gradient is zero there, or the loss is not finite after the step"
        return Claim(statement=LANDING, verdict="undecided", reason=why, evidence=facts)
    if centre is None:
        why = "the minimiser is not known: name it to measure the distance"
        return Claim(statement=LANDING, verdict="undecided", reason=why, evidence=facts)
    goal = np.array([float(entry) for entry in centre])
    distance, before = float(np.linalg.norm(reached - goal)), float(np.linalg.norm(found.point - goal))
    lowest, level = objective.value(goal), objective.value(w)
    facts |= {"distance": figure(distance), "relative_distance": figure(distance / before) if before else None}
    if len(goal) <= SHOWN:
        facts["minimiser"] = figure(goal)
    rounding = LANDED * (1 + float(np.linalg.norm(goal)) / before) if before else np.inf
    if distance <= rounding * before:
        why = f"the distance after the step is {distance:.1e}, within rounding"
        return Claim(statement=LANDING, verdict="measured", reason=why, evidence=facts)
    if not value - lowest > LOW * abs(level - lowest):
        why = "the step ends as low as the minimiser, but elsewhere: there may be several"
        return Claim(statement=LANDING, verdict="undecided", reason=why, evidence=facts)
    why = f"the step ends at the distance {distance:.6g} from the minimiser"
    if found.sine > STATIONARY:
        why += ", but it does not start where the gradient is an eigenvector: the search did not end"
        return Claim(statement=LANDING, verdict="undecided", reason=why, evidence=facts)
    return Claim(
        statement=LANDING, verdict="refuted", reason=why, evidence={**facts, "counterexample": figure(reached)}
    )
