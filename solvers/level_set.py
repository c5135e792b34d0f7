r"""Teleportation along a level set that needs no group: an ascent within :math:`\{L=L_0\}` or :math:`\{L\le L_0\}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.level_set_ascent import Ascent, Limits
from solvers.level_set_merit import make_merit
from solvers.level_set_retraction import LevelSet
from solvers.move import Destination, Move
from solvers.objective import Objective
from solvers.status import Status
from solvers.target import Target
from symmetries.actions.parameter_space import FloatArray

FORMS = ("equality", "sub-level")


@final
@dataclass(frozen=True, kw_only=True)
class LevelSetMove(Move):
    r"""The way along the level set of any differentiable loss.

    The search solves

    .. math:: \max_w T(w)\quad\text{subject to}\quad L(w)=L(w_0)\ \text{(or}\ L(w)\le L(w_0)\text{)}

    by conjugate gradients in the tangent space of the level set, where each trial is brought back to the set to
    rounding.  It stops where :math:`\nabla T` is normal to the set, :math:`|P\nabla T|\le\theta|\nabla T|`; for the
    squared gradient norm that is :math:`Hu=\lambda u`.  Every accepted step costs one gradient of the target: for the
    gradient norm one Hessian-vector product.  Nothing is returned that is worse than the start or not in the set.

    Parameters
    ----------
    form: ``equality`` keeps the loss, ``sub-level`` also lets it fall.
    steps: accepted steps at most.
    hvps: Hessian-vector products after which no new step begins; None leaves it to ``steps``.
    radius: largest distance from the start; None is no limit.
    tolerance: relative change of the loss that is allowed.
    optimality: the sine :math:`\theta`.

    Raises
    ------
    InputError: an option is out of its range; the target has no gradient.

    >>> from solvers.target_norms import GradientNorm
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

    name = "level-set"

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise InputError(f"form={self.form!r}", why="there is none of that name", cure=f"use {' or '.join(FORMS)}")
        _require_count("steps", self.steps)
        if self.hvps is not None:
            _require_count("hvps", self.hvps)
        if self.radius is not None:
            _require_positive("radius", self.radius)
        _require_positive("tolerance", self.tolerance, below=1.0)
        _require_positive("optimality", self.optimality, below=1.0)

    def search(
        self, objective: Objective, w: FloatArray, target: Target, *, maximize: bool, rng: np.random.Generator
    ) -> Destination:
        """The best point of the level set that was found; it draws no random numbers."""
        start = objective.point(w).copy()
        level_set = LevelSet(objective, start, sub_level=self.form == "sub-level", tolerance=self.tolerance)
        if not level_set.start.slope:
            reason = "the start is a critical point, where the level set has no tangent space"
            return Destination(point=start, status=Status.NO_IMPROVEMENT, steps=0, evidence={"reason": reason})
        limits = Limits(
            steps=self.steps,
            hvps=self.hvps,
            radius=np.inf if self.radius is None else self.radius,
            optimality=self.optimality,
        )
        ascent = Ascent(level_set, make_merit(objective, target, start, maximize=maximize), limits)
        try:
            status = ascent.run()
        except KeyboardInterrupt:
            status = Status.INTERRUPTED
        return Destination(point=ascent.at.point, status=status, steps=ascent.steps, evidence=self._evidence(ascent))

    def _evidence(self, ascent: Ascent) -> dict[str, Any]:
        """What the search reports beside the point."""
        return {
            "form": self.form,
            "reason": ascent.reason,
            "stationarity": ascent.residual,
            "drift": ascent.at.value - ascent.level_set.level,
            "allowance": ascent.level_set.allowance,
        }


def _require_count(name: str, value: Any) -> None:
    """Refuse what is no positive integer."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(
            f"{name}={value!r}", why="it is no count", cure=f"write {name}=10, or another positive integer"
        )


def _require_positive(name: str, value: Any, *, below: float = np.inf) -> None:
    """Refuse what is no positive number below a bound."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 < value < below:
        raise InputError(
            f"{name}={value!r}",
            why=f"it is no number between 0 and {below:g}",
            cure=f"give a positive number, such as {name}={0.5 if np.isinf(below) else 1e-6}",
        )
