"""A move to a random point of the same loss: the control of a search."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from manifolds.errors import InputError
from solvers.level_set import LevelSetMove
from solvers.move import Destination, Move
from solvers.objective import Objective
from solvers.orbit import OrbitMove
from solvers.search.level_set_retraction import LevelSet
from solvers.status import Status
from solvers.steps.hyperparameters import POSITIVE, read_number
from solvers.target import Target
from symmetries.action import GroupAction
from symmetries.actions.parameter_space import FloatArray

NEAR = 0.1
"""Length of a random way through a level set, relative to the start, where no radius is given."""


@final
@dataclass(frozen=True, eq=False)
class RandomMove(Move):
    """A random point where another move would search, whatever the target is there.

    Along an orbit it is g.w for g = exp(X) with X normal in the Lie algebra coordinates, of the root mean square length
    ``radius``; on a level set the landing from a step of that length in a random tangent direction.

    Parameters
    ----------
    move: the move whose search it stands beside.
    radius: how far; by default that of the move, else 1 along an orbit and a tenth of the length of w on a level set.

    Raises
    ------
    InputError: the move is neither along an orbit nor on a level set, or the radius is not positive.

    >>> move = RandomMove(OrbitMove(GroupAction.catalogued("booth")))
    >>> move.name, move.action.dimension
    ('orbit', 1)
    """

    move: Move
    radius: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.move, OrbitMove | LevelSetMove):
            raise InputError(
                f"a random point by {type(self.move).__name__}",
                why="random points are drawn on orbits and on level sets",
                cure='leave the arm "random" out',
            )
        if self.radius is not None:
            object.__setattr__(self, "radius", read_number(self.radius, name="radius", interval=POSITIVE))
        object.__setattr__(self, "name", self.move.name)

    @property
    def action(self) -> GroupAction | None:
        """The group action of the move; None on a level set."""
        return self.move.action if isinstance(self.move, OrbitMove) else None

    def search(
        self, objective: Objective, w: FloatArray, target: Target, *, maximize: bool, rng: np.random.Generator
    ) -> Destination:
        """One random point; the target does not matter."""
        del target, maximize
        if isinstance(self.move, OrbitMove):
            reach = self.radius or self.move.radius or 1.0
            return self.move.random(w, rng=rng, scale=reach / math.sqrt(self.move.action.dimension))
        reach = self.radius or getattr(self.move, "radius", None) or NEAR * float(np.linalg.norm(w)) or NEAR
        return _on_level_set(objective, w, reach, rng)


def _on_level_set(objective: Objective, w: FloatArray, reach: float, rng: np.random.Generator) -> Destination:
    """The landing from a random tangent step; the start where none was found."""
    level_set = LevelSet(objective, w, sub_level=False, tolerance=1e-12)
    normal = level_set.start.normal
    step = rng.standard_normal(len(w))
    step -= (normal @ step) * normal
    length = float(np.linalg.norm(step))
    landed = level_set.land(w + reach / length * step, reach=reach) if length > 0 else None
    if landed is None or not level_set.contains(landed):
        return Destination(point=w, status=Status.NO_IMPROVEMENT, steps=0)
    return Destination(point=landed.point, status=Status.CONVERGED, steps=1)
