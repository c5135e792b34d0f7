"""Towers of projections: one problem on larger and larger spaces, and whether an optimizer agrees on all floors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.problem import Problem
from solvers.naturality.projection import Projection
from solvers.naturality.spec import OptimizerSpec, run
from solvers.steps.hyperparameters import read_count
from symmetries.actions.parameter_space import FloatArray


@final
@dataclass(frozen=True, kw_only=True)
class TowerPaths:
    """How far the paths on the floors of a tower are from each other.

    Parameters
    ----------
    optimizer: its name.
    legs: for each projection from the top down, the distance of the projected end above and the end below, relative
        to the displacement below.
    bottom: for each floor from the top down, the same distance after the projection to the bottom.
    """

    optimizer: str
    legs: tuple[float, ...]
    bottom: tuple[float, ...]


@final
class Tower:
    r"""Problems :math:`L\circ\pi_1\circ\dots\circ\pi_k`, one above the other.

    An optimizer that is natural on every projection of an infinite tower acts on its inverse limit, the sequences of
    points that the projections take to each other.

    Parameters
    ----------
    problem: at the bottom.
    projections: from the top down; each goes to the source of the next, the last one to the bottom.

    Raises
    ------
    InputError: the sizes do not fit.

    >>> drop = [Projection.linear(np.eye(k, k + 1)) for k in (3, 2)]
    >>> Tower(Problem(lambda x: (x**4).sum(), size=2), drop).sizes
    (4, 3, 2)
    """

    def __init__(self, problem: Problem, projections: Sequence[Projection]) -> None:
        self.projections = tuple(projections)
        if not self.projections:
            raise InputError("a tower without projections", why="it has one floor alone", cure="give one or more")
        floors = [problem]
        for projection in reversed(self.projections):
            floors.append(projection.pull_back(floors[-1]))
        self.floors: tuple[Problem, ...] = tuple(reversed(floors))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of parameters of the floors from the top down."""
        return tuple(floor.size for floor in self.floors)

    def points(self, top: Any) -> tuple[FloatArray, ...]:
        """The point of each floor below a point of the top."""
        found = [np.array(top, dtype=float).reshape(-1)]
        for projection in self.projections:
            found.append(projection(found[-1]))
        return tuple(found)

    def paths(
        self,
        spec: OptimizerSpec,
        top: Any,
        *,
        steps: int = 5,
        rate: float | None = None,
        rates: Sequence[float] | None = None,
    ) -> TowerPaths:
        """Run an optimizer on every floor and compare.

        Parameters
        ----------
        spec: the optimizer.
        top: where it starts on the top floor.
        steps: their number.
        rate: the learning rate on all floors, or
        rates: one for each floor, from the top down.

        >>> from solvers.naturality.optimizers.gradient_descent import normalised_gradient_descent
        >>> tower = Tower(Problem(lambda x: (x**4).sum(), size=2), [Projection.linear(np.eye(2, 3))])
        >>> tower.paths(normalised_gradient_descent(), [1.0, 1.0, 1.0]).legs[0] < 1e-12
        True
        """
        read_count(steps, name="steps")
        if rates is not None and len(rates) != len(self.floors):
            raise InputError(
                f"{len(rates)} learning rates", why=f"there are {len(self.floors)} floors", cure="give one for each"
            )
        chosen = [rate] * len(self.floors) if rates is None else list(rates)
        starts = self.points(top)
        ends = [
            np.asarray(run(spec, floor, start, rate=one, steps=steps)["point"], dtype=float)
            for floor, start, one in zip(self.floors, starts, chosen, strict=True)
        ]
        legs = tuple(
            _relative(projection(ends[k]), ends[k + 1], starts[k + 1]) for k, projection in enumerate(self.projections)
        )
        bottom = tuple(_relative(self._down(end, k), ends[-1], starts[-1]) for k, end in enumerate(ends[:-1]))
        return TowerPaths(optimizer=spec.name, legs=legs, bottom=bottom)

    def _down(self, point: FloatArray, floor: int) -> FloatArray:
        """The point of the bottom below a point of a floor."""
        for projection in self.projections[floor:]:
            point = projection(point)
        return point


def _relative(found: FloatArray, end: FloatArray, start: FloatArray) -> float:
    """The distance of two ends relative to the displacement."""
    moved = float(np.linalg.norm(end - start))
    return float(np.linalg.norm(found - end)) / moved if moved else float("nan")
