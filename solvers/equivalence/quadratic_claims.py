"""The claims of Newton equivalence on a quadratic whose hypotheses hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from solvers.aims.target_norms import GradientNorm
from solvers.convergence.theorem_check import figure
from solvers.equivalence.convexity import Convexity
from solvers.equivalence.steepest import SteepestPoint, angle_between
from solvers.level_set import LevelSetMove
from solvers.move import Move
from solvers.objective import Objective
from solvers.orbit import OrbitMove
from symmetries import GroupAction
from symmetries.actions.parameter_space import FloatArray
from symmetries.certificate import Claim, Verdict

MAXIMISER = "maximiser: |grad L| is largest on the level set exactly where w - w* is a top eigenvector of the Hessian"
EIGENVECTOR = "eigenvector: the gradient at the maximiser is an eigenvector of the Hessian"
PARALLEL = "parallel: the gradient at the maximiser is parallel to the Newton direction"
LANDING = "landing: one step from the maximiser with the rate 1/lambda lands on the minimiser"
SEARCH = "search: a search of the level set meets no point that is steeper than the maximiser"
REST = {"maximiser": MAXIMISER, "eigenvector": EIGENVECTOR, "parallel": PARALLEL, "landing": LANDING}

COARSE = 1e-3
"""Relative rounding at the maximiser from which on nothing is said of it."""

MORE = 1e-9
"""Relative excess of a searched maximum over the closed form that rounding explains."""

SEARCH_STEPS = 120
SHOWN = 50
"""Most parameters of a point that a claim writes out."""


def undecided_rest(reason: str) -> list[Claim]:
    """The claims at the maximiser where a hypothesis fails."""
    return [
        Claim(statement=statement, verdict="undecided", reason=reason, evidence={"name": name})
        for name, statement in REST.items()
    ]


def claims_at(found: SteepestPoint, convexity: Convexity, objective: Objective) -> list[Claim]:
    """The maximiser in closed form, and what was measured there."""
    size = len(found.point)
    facts: dict[str, Any] = {
        "eigenvalue": found.eigenvalue,
        "condition": figure(found.condition),
        "gradient_norm_before": found.gradient_norm_before,
        "gradient_norm_after": float(np.sqrt(found.maximum)),
        "gain": figure(found.maximum / found.gradient_norm_before**2),
        "relative_drift": found.level,
    }
    if size <= SHOWN:
        facts |= {"point": figure(found.point), "minimiser": figure(found.minimiser)}
    verdict: Verdict = "proved" if convexity.is_proved else "measured"
    why = (
        "|grad L|^2 = y.A^2 y <= lambda y.A y with y = w - w*, and equality for eigenvectors of the largest eigenvalue"
    )
    top = Claim(statement=MAXIMISER, verdict=verdict, reason=why, evidence={"name": "maximiser", **facts})
    own, value = _own_step(found, objective)
    landed = {"relative_distance": found.landing, "distance": own, "loss_above_minimum": value}
    return [
        top,
        _small("eigenvector", found.eigenvector_residual, found.tolerance, eigenvalue=found.eigenvalue),
        _small("parallel", found.angle, found.tolerance, angle=found.angle),
        _small("landing", found.landing, found.tolerance, rate=1 / found.eigenvalue, **landed),
    ]


def _own_step(found: SteepestPoint, objective: Objective) -> tuple[float | None, float | None]:
    """Where the step ends in double precision: distance from the minimiser, and relative value above it."""
    reached = found.point - objective.gradient(found.point) / found.eigenvalue
    distance = float(np.linalg.norm(reached - found.minimiser))
    above = (objective.value(reached) - objective.value(found.minimiser)) / found.height
    return figure(distance), figure(above)


def _small(name: str, residual: float, tolerance: float, **facts: Any) -> Claim:
    """The claim that a number is zero to the rounding of the maximiser; beyond it nothing is said."""
    evidence = {"name": name, "worst_residual": figure(residual), "tolerance": tolerance, **facts}
    if tolerance > COARSE:
        why = "the start is so near to the minimiser, for its size, that rounding hides the direction"
    elif not residual <= tolerance:
        why = f"the residual {residual:.1e} is more than what rounding explains"
    else:
        why = f"{residual:.1e}, within rounding"
        return Claim(statement=REST[name], verdict="measured", reason=why, evidence=evidence)
    return Claim(statement=REST[name], verdict="undecided", reason=why, evidence=evidence)


def searched(
    found: SteepestPoint, objective: Objective, w: FloatArray, action: GroupAction | None, rng: np.random.Generator
) -> Claim:
    """What a search along the orbit, or along the level set, finds."""
    move: Move = OrbitMove(action) if action is not None else LevelSetMove(steps=SEARCH_STEPS, optimality=1e-9)
    reached = move.search(objective, w, GradientNorm(), maximize=True, rng=rng)
    gradient = objective.gradient(reached.point)
    ratio = float(gradient @ gradient) / found.maximum
    drift = abs(objective.value(reached.point) - objective.value(w)) / found.height
    facts = {
        "name": "search",
        "along": move.name,
        "share_of_the_maximum": figure(ratio),
        "steps": reached.steps,
        "status": str(reached.status),
        "angle_to_hessian_gradient": figure(angle_between(gradient, objective.hvp(reached.point, gradient))),
    }
    slack = MORE + 4 * drift + found.tolerance
    if np.isfinite(ratio) and ratio <= 1 + slack:
        why = f"the search ended at {ratio:.6g} of the maximum after {reached.steps} steps"
        return Claim(statement=SEARCH, verdict="measured", reason=why, evidence={**facts, "tolerance": slack})
    why = "the search ended where rounding cannot tell"
    return Claim(statement=SEARCH, verdict="undecided", reason=why, evidence={**facts, "tolerance": slack})
