r"""Teleportation: to a better point of the same level set, :math:`L(w') = L(w)`, without a step of an optimizer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.felt_symmetries import why_useless
from solvers.move import Destination, Move
from solvers.objective import Objective, as_objective
from solvers.orbit import OrbitMove
from solvers.results import TeleportResult
from solvers.rules import GradientDescent
from solvers.search.orbit_guards import rounding
from solvers.status import Status
from solvers.target import Target
from solvers.targets import read_target
from symmetries import GroupAction
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.arguments import read_generator

DRIFT = 1e-8
"""Relative change of the loss beyond which the start is returned."""


def teleport(
    objective: Any,
    w: Point,
    *,
    along: Any,
    target: Any = "gradient-norm",
    maximize: bool = True,
    radius: float | None = None,
    data: Mapping[str, Any] | None = None,
    rng: int | np.random.Generator = 0,
    **options: Any,
) -> TeleportResult:
    r"""Move a point along its level set to where a target is best.

    .. math:: \max_{w'} f(w') \quad\text{subject to}\quad L(w') = L(w)

    over the orbit of a group, the level set, or the null spaces of the layers' inputs.

    Parameters
    ----------
    objective: a loss or an objective.
    w: the start: a vector of shape (n,) or arrays by name.
    along: a group action, ``"level-set"``, ``"null-space"``, or a move with its own options.
    target: a name, a function (objective, w) -> value or (value, gradient), or a target.
    maximize: whether the target is made large; small otherwise.
    radius: bound on ``|log g|`` of a search along an orbit.
    data: values of the data and constants of a loss.
    rng: seed or generator of all random choices.
    options: what the move takes: ``steps``, ``restarts``, ``stability``, ``scale_bound``, ``stop_at_gain`` for orbits.

    Raises
    ------
    InputError: the point, an option or the target makes no sense, or the action does not keep the objective.

    >>> from symmetries import GroupAction
    >>> action = GroupAction.catalogued("booth")
    >>> result = teleport(action.loss, [5.0, -5.0], along=action)
    >>> round(result.gain, 12), result.status.value, result.relative_drift < 1e-12
    (1.8, 'converged', True)

    Source: B. Zhao, N. Dehmamy, R. Walters, R. Yu, "Symmetry Teleportation for Accelerated Optimization" (2022),
    arXiv:2205.10637, algorithm 1.
    """
    known = as_objective(objective, data)
    opened = known.ledger.total()
    move = read_move(along, radius=radius, options=options)
    start = known.start(w)
    wanted = read_target(target, objective=known, w=start, action=getattr(move, "action", None))
    value, gradient = known.value_and_grad(start)
    before = wanted.start_value(known, start)
    generator = read_generator(rng)
    destination = move.search(known, start, wanted, maximize=bool(maximize), rng=generator)
    first = Place(loss=value, gradient=gradient, target=before)
    destination, last = _verified(known, move, wanted, start, destination, first, bool(maximize))
    return TeleportResult(
        point=known.space.like(destination.point.copy(), w),
        loss_before=value,
        loss_after=last.loss,
        target=wanted.name,
        target_before=before,
        target_after=last.target,
        gradient_norm_before=float(np.linalg.norm(gradient)),
        gradient_norm_after=float(np.linalg.norm(last.gradient)),
        status=destination.status,
        cost=known.ledger.total() - opened,
        steps=destination.steps,
        element=destination.element,
        evidence={**destination.evidence, **_unfelt(move, wanted, destination, start)},
    )


def read_move(along: Any, *, radius: float | None = None, options: Mapping[str, Any] | None = None) -> Move:
    """The move that ``along`` names, with its options.

    >>> from symmetries import GroupAction
    >>> read_move(GroupAction.catalogued("booth"), options={"steps": 5}).steps
    5
    """
    given = dict(options or {})
    if radius is not None:
        given["radius"] = radius
    if isinstance(along, Move):
        if given:
            raise InputError(
                f"options {', '.join(map(repr, given))} beside a move",
                why="a move has its options already",
                cure="give them to the move",
            )
        return along
    if isinstance(along, GroupAction):
        return _made(OrbitMove, given, action=along)
    if along == "level-set":
        from solvers.level_set import LevelSetMove

        return _made(LevelSetMove, given)
    if along == "null-space":
        from solvers.null_space import NullSpaceMove

        return _made(NullSpaceMove, given)
    raise InputError(
        f"along={along!r}" if isinstance(along, str) else f"along of the type {type(along).__name__}",
        why="it is no group action, no move and no name of one",
        cure='give a GroupAction, "level-set", "null-space" or a move',
    )


def _made(kind: Any, options: Mapping[str, Any], **more: Any) -> Move:
    """A move with options, refused when it does not know one."""
    known = [name for name in signature(kind).parameters if name not in more]
    for name in options:
        if name not in known:
            raise InputError(
                f"the move {kind.name!r} was given {name!r}",
                why="it does not know it",
                cure=f"use {', '.join(known)}",
            )
    return kind(**more, **options)


def _unfelt(move: Move, target: Target, found: Destination, start: FloatArray) -> dict[str, str]:
    """Why a search for a larger gradient norm found none, where the group consists of isometries."""
    if target.name != "gradient-norm" or not np.array_equal(found.point, start):
        return {}
    reason = why_useless(GradientDescent(), getattr(move, "action", None))
    return {} if reason is None else {"cannot_help": reason}


@final
@dataclass(frozen=True, kw_only=True)
class Place:
    """Loss, gradient and target at one point."""

    loss: float
    gradient: FloatArray
    target: float


def _verified(
    objective: Objective,
    move: Move,
    target: Target,
    start: FloatArray,
    found: Destination,
    first: Place,
    maximize: bool,
) -> tuple[Destination, Place]:
    """The destination and what it is like; the start where the destination is infeasible or worse."""
    point = np.asarray(found.point, dtype=float)
    if np.array_equal(point, start):
        return replace(found, point=start), first
    loss, slope = objective.value_and_grad(point) if np.isfinite(point).all() else (math.nan, first.gradient)
    reached = target.value(objective, point) if math.isfinite(loss) else math.nan
    relative = max(DRIFT, 2 * float(getattr(move, "allowed_drift", 0.0)))  # what the user of a move asked for counts
    allowed = relative * abs(first.loss) + rounding(first.gradient, start)
    drift = abs(loss - first.loss) if move.name == "orbit" else loss - first.loss
    finite = math.isfinite(loss) and math.isfinite(reached)
    if finite and drift <= allowed and (reached >= first.target if maximize else reached <= first.target):
        return found, Place(loss=loss, gradient=slope, target=reached)
    status = Status.NO_IMPROVEMENT if finite else Status.NON_FINITE
    evidence = {**found.evidence, "refused_change_of_the_loss": drift if finite else None}
    return replace(found, point=start, status=status, element=None, evidence=evidence), first
