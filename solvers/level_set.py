r"""Teleportation along a level set that needs no group: an ascent within :math:`\{L=L_0\}` or :math:`\{L\le L_0\}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.move import Destination, Move
from solvers.objective import Objective
from solvers.search.level_set_ascent import Ascent, Limits, rounding
from solvers.search.level_set_constraint import Iterate
from solvers.search.level_set_merit import make_merit
from solvers.search.level_set_retraction import LevelSet
from solvers.status import Status
from solvers.steps.hyperparameters import POSITIVE, Interval, read_count, read_number
from solvers.target import Target
from symmetries.actions.parameter_space import FloatArray

FORMS = ("equality", "sub-level")

FRACTION = Interval(0.0, 1.0, open_low=True)

SPREAD = (-2.0, 0.5)
"""Powers of ten between which the distances of restarts lie, in units of the longest way gone."""


@final
@dataclass(frozen=True, kw_only=True)
class LevelSetMove(Move):
    r"""The way along the level set of any differentiable loss.

    The search solves

    .. math:: \max_w T(w)\quad\text{subject to}\quad L(w)=L(w_0)\ \text{(or}\ L(w)\le L(w_0)\text{)}

    by conjugate gradients in the tangent space of the level set, where each trial is brought back to the set to
    rounding.  It stops where :math:`\nabla T` is normal to the set, :math:`|P\nabla T|\le\theta|\nabla T|`, and a move
    of the length of w promises nothing; for the squared gradient norm that is :math:`Hu=\lambda u`.  Every accepted
    step costs one gradient of the target: for the gradient norm one Hessian-vector product.  Nothing is returned that
    is worse than the start or not in the set.  A search that meets the border of the trust region slides along it.

    Parameters
    ----------
    form: ``equality`` keeps the loss, ``sub-level`` also lets it fall.
    steps: accepted steps at most.
    hvps: Hessian-vector products after which no new step begins; None leaves it to ``steps``.
    radius: largest distance from the start; None is no limit.
    tolerance: relative change of the loss that is allowed.
    optimality: the sine :math:`\theta`.
    restarts: further ascents, from random points of the set, at a hundredth to three times the distance gone; each has
        its own steps, the Hessian-vector products are shared, and the best point of all is returned.

    Raises
    ------
    InputError: an option is out of its range; the target has no gradient.

    >>> from solvers.aims.target_norms import GradientNorm
    >>> booth = Objective.from_functions(
    ...     lambda w: (w[0] + 2 * w[1] - 7) ** 2 + (2 * w[0] + w[1] - 5) ** 2,
    ...     lambda w: np.array([10 * w[0] + 8 * w[1] - 34, 8 * w[0] + 10 * w[1] - 38]),
    ...     lambda w, v: np.array([10 * v[0] + 8 * v[1], 8 * v[0] + 10 * v[1]]), size=2)
    >>> rng = np.random.default_rng(0)
    >>> found = LevelSetMove().search(booth, np.array([5.0, -5.0]), GradientNorm(), maximize=True, rng=rng)
    >>> found.status, round(GradientNorm().value(booth, found.point) / 2880, 6)
    (<Status.CONVERGED: 'converged'>, 1.8)

    Source: the problem is that of A. Mishkin, A. Bietti, R. Gower, "Level Set Teleportation: An Optimization
    Perspective" (2024), arXiv:2403.03362; the method is the Riemannian conjugate gradient method.
    """

    form: str = "equality"
    steps: int = 20
    hvps: int | None = None
    radius: float | None = None
    tolerance: float = 1e-12
    optimality: float = 1e-6
    restarts: int = 0

    name = "level-set"

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise InputError(f"form={self.form!r}", why="there is none of that name", cure=f"use {' or '.join(FORMS)}")
        read_count(self.steps, name="steps")
        read_count(self.restarts, name="restarts", low=0)
        if self.hvps is not None:
            read_count(self.hvps, name="hvps")
        if self.radius is not None:
            read_number(self.radius, name="radius", interval=POSITIVE)
        read_number(self.tolerance, name="tolerance", interval=FRACTION)
        read_number(self.optimality, name="optimality", interval=FRACTION)

    def search(
        self, objective: Objective, w: FloatArray, target: Target, *, maximize: bool, rng: np.random.Generator
    ) -> Destination:
        """The best point of the level set that was found; random numbers are drawn for restarts only."""
        start = objective.point(w).copy()
        level_set = LevelSet(objective, start, sub_level=self.form == "sub-level", tolerance=self.tolerance)
        if not level_set.start.slope:
            reason = "the start is a critical point, where the level set has no tangent space"
            return Destination(point=start, status=Status.NO_IMPROVEMENT, steps=0, evidence={"reason": reason})
        merit = make_merit(objective, target, level_set.start, maximize=maximize)
        limits = self._limits(objective)
        climbs = [Ascent(level_set, merit, limits)]
        statuses: list[Status] = []
        try:
            statuses.append(climbs[0].run())
            for _ in range(self.restarts):
                if objective.products >= limits.hvps:
                    break
                landed = self._elsewhere(level_set, climbs, rng)
                if landed is not None:
                    climbs.append(Ascent(level_set, merit, limits, at=landed))
                    statuses.append(climbs[-1].run())
        except KeyboardInterrupt:
            statuses = [Status.INTERRUPTED] * len(climbs)
        merits = [climb.merit - (k > 0) * rounding(climb.merit) for k, climb in enumerate(climbs)]
        best = int(np.argmax(merits))
        ascent = climbs[best]
        return Destination(
            point=ascent.at.point, status=statuses[best], steps=ascent.steps, evidence=self._evidence(climbs, best)
        )

    def _limits(self, objective: Objective) -> Limits:
        """When the ascents end."""
        return Limits(
            steps=self.steps,
            hvps=np.inf if self.hvps is None else objective.products + self.hvps,
            radius=np.inf if self.radius is None else self.radius,
            optimality=self.optimality,
        )

    def _elsewhere(self, level_set: LevelSet, climbs: list[Ascent], rng: np.random.Generator) -> Iterate | None:
        """A random point of the level set, at about the distances over which the ascents went."""
        start = level_set.start
        direction = rng.standard_normal(len(start.point))
        direction -= (direction @ start.normal) * start.normal
        direction /= np.linalg.norm(direction) or 1.0
        if len(climbs) % 2 and direction @ (climbs[0].at.point - start.point) > 0:
            direction = -direction  # every other time away from where the first ascent went
        lengths = [float(np.linalg.norm(climb.at.point - start.point)) for climb in climbs]
        length = (max(lengths) or 1.0) * 10 ** rng.uniform(*SPREAD)
        if self.radius is not None:
            length = min(length, 0.5 * self.radius)
        landed = level_set.approach(start.point + length * direction, reach=2 * length)
        if landed is None or (self.radius is not None and np.linalg.norm(landed.point - start.point) > self.radius):
            return None
        return landed

    def _evidence(self, climbs: list[Ascent], best: int) -> dict[str, Any]:
        """What the search reports beside the point."""
        ascent = climbs[best]
        return {
            "form": self.form,
            "reason": ascent.reason,
            "stationarity": ascent.residual if np.isfinite(ascent.residual) else None,
            "drift": ascent.at.value - ascent.feasible.level,
            "allowance": ascent.feasible.allowance,
            "ascents": len(climbs),
        }
