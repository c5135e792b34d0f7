"""The level set of a module's loss, searched without a group, in double precision."""

from __future__ import annotations

import numpy as np

from solvers.level_set import LevelSetMove
from solvers.move import Destination
from solvers.pytorch.objective import ModuleObjective
from solvers.target import Target


def search_level_set(
    objective: ModuleObjective,
    target: Target,
    *,
    maximize: bool,
    steps: int,
    radius: float | None,
    rng: np.random.Generator,
) -> Destination:
    """The best point of the level set that was found: one Hessian-vector product a step.

    Parameters
    ----------
    objective: in double precision.
    target, maximize: what is made large or small.
    steps: accepted steps at most.
    radius: largest distance from the start; None is no limit.
    rng: of restarts, of which there are none.
    """
    move = LevelSetMove(steps=steps, radius=radius)
    return move.search(objective, objective.vector(), target, maximize=maximize, rng=rng)
