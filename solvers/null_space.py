r"""Teleportation through the null spaces of the layers' inputs, which needs neither a group nor an inverse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.move import Destination, Move
from solvers.objective import Objective
from solvers.search.level_set_ascent import Ascent, Limits
from solvers.search.level_set_merit import make_merit
from solvers.search.null_space_batch import Unseen, narrowed
from solvers.search.null_space_layers import NullSpaces
from solvers.status import Status
from solvers.steps.hyperparameters import read_count
from solvers.target import Target
from symmetries.actions.parameter_space import FloatArray

EXACT_DRIFT = 1e-12
"""The drift that rounding is allowed where the batch does not see the weights that move."""

INEXACT_DRIFT = 1e-2
"""The drift that is allowed where it sees them a little."""


@final
@dataclass(frozen=True, kw_only=True)
class NullSpaceMove(Move):
    r"""The way along weights that a batch does not see.

    With the inputs h of a layer on the batch and the leading left singular vectors B of h, the change

    .. math:: W \leftarrow W + s\,D\,(I - BB^T)

    leaves :math:`Wh` as it is when B spans the columns of h (``energy=1``), for any activation and any D; then the
    loss on the batch is kept to rounding.  D comes from conjugate gradients on the target and s from a line search.
    With a lower energy more weights move and the loss drifts; the drift is in the result.  On other data the loss
    changes in any case: ``held_out`` tells by how much.

    Parameters
    ----------
    energy: the share of the squared singular values that B carries, in (0, 1]; 1 is the numerical rank.
    steps: accepted steps at most.
    radius: largest distance from the start; None is the length of the start, since most targets grow without bound,
        and infinity is no limit.
    tolerance: relative change of the batch loss up to which a step is accepted; None is 1e-12 for ``energy=1``, else
        0.01.
    held_out: an objective with the same parameters on other data.
    optimality: the ratio of the part of the target's gradient in the null spaces to the whole at which to stop.

    Raises
    ------
    InputError: an option is out of its range; the objective has no layers, or weight decay, which sees all weights.

    >>> from solvers.network import Network
    >>> from solvers.aims.target_norms import GradientNorm
    >>> rng = np.random.default_rng(0)
    >>> X, classes = rng.standard_normal((8, 5)), np.array([0, 1, 2, 0, 1])
    >>> network = Network(widths=(8, 12, 12, 3), inputs=X, targets=classes, activation="tanh")
    >>> found = NullSpaceMove().search(network, network.initial(0), GradientNorm(), maximize=True, rng=rng)
    >>> [line["nullity"] for line in found.evidence["ranks"]], abs(found.evidence["relative_drift"]) < 1e-12
    ([3, 7, 7], True)

    Source: C. Wu, J. Dong, O. Aloui, V. Tarokh, "Teleportation With Null Space Gradient Projection for Optimization
    Acceleration" (2025), arXiv:2502.11362.
    """

    energy: float = 1.0
    steps: int = 8
    radius: float | None = None
    tolerance: float | None = None
    held_out: Objective | None = None
    optimality: float = 1e-6

    name = "null-space"

    def __post_init__(self) -> None:
        _require_number("energy", self.energy, most=1.0)
        read_count(self.steps, name="steps")
        if self.radius is not None:
            _require_number("radius", self.radius, most=np.inf)
        if self.tolerance is not None:
            _require_number("tolerance", self.tolerance, most=1.0)
        _require_number("optimality", self.optimality, most=1.0)
        if self.held_out is not None and not isinstance(self.held_out, Objective):
            raise InputError(
                f"held_out of the type {type(self.held_out).__name__}",
                why="it is no objective",
                cure="give the same network on other data: network.on(indices)",
            )

    @property
    def allowed_drift(self) -> float:
        """The relative change of the loss that the move allows itself."""
        if self.tolerance is not None:
            return self.tolerance
        return EXACT_DRIFT if self.energy == 1 else INEXACT_DRIFT

    def search(
        self, objective: Objective, w: FloatArray, target: Target, *, maximize: bool, rng: np.random.Generator
    ) -> Destination:
        """The best point of the null spaces that was found; it draws no random numbers."""
        del rng
        start = objective.point(w).copy()
        spaces = NullSpaces.of(objective, start, energy=self.energy)
        _require_no_decay(objective)
        self._require_same_size(objective)
        evidence: dict[str, Any] = {"energy": self.energy, "ranks": spaces.table()}
        if not spaces.dimension:
            reason = "the inputs of every layer span all of its width; take fewer samples, or less energy"
            return Destination(
                point=start, status=Status.NO_IMPROVEMENT, steps=0, evidence={**evidence, "reason": reason}
            )
        ascent, status, end = self._climbed(objective, start, spaces, target, maximize=maximize)
        evidence |= self._drifts(objective, start, end) | {"reason": ascent.reason}
        if abs(evidence["relative_drift"]) * abs(ascent.feasible.level) > 2 * ascent.feasible.allowance:
            evidence["reason"] = f"rounding changed the loss by {evidence['relative_drift']:.1e} of it"
            return Destination(point=start, status=Status.NO_IMPROVEMENT, steps=0, evidence=evidence)
        return Destination(point=end, status=status, steps=ascent.steps, evidence=evidence)

    def _climbed(
        self, objective: Objective, start: FloatArray, spaces: NullSpaces, target: Target, *, maximize: bool
    ) -> tuple[Ascent, Status, FloatArray]:
        """The ascent within the null spaces, why it stopped, and its end."""
        place = narrowed(objective, start, spaces, target, exact=self.energy == 1)
        unseen = Unseen(place.objective, place.start, place.spaces, tolerance=self.allowed_drift)
        limits = Limits(
            steps=self.steps,
            hvps=np.inf,
            radius=float(np.linalg.norm(start)) if self.radius is None else self.radius,
            optimality=self.optimality,
        )
        ascent = Ascent(unseen, make_merit(place.objective, target, unseen.start, maximize=maximize), limits)
        try:
            status = ascent.run()
        except KeyboardInterrupt:
            status = Status.INTERRUPTED
        return ascent, status, place.widened(ascent.at.point)

    def _drifts(self, objective: Objective, start: FloatArray, end: FloatArray) -> dict[str, Any]:
        """The changes of the loss on the batch and on held-out data."""
        before, after = objective.value(start), objective.value(end)
        drifts: dict[str, Any] = {"relative_drift": _relative(before, after)}
        if self.held_out is not None:
            before, after = self.held_out.value(start), self.held_out.value(end)
            drifts["held_out"] = {
                "loss_before": before,
                "loss_after": after,
                "relative_drift": _relative(before, after),
            }
        return drifts

    def _require_same_size(self, objective: Objective) -> None:
        """Refuse held-out data of another network."""
        if self.held_out is not None and self.held_out.size != objective.size:
            raise InputError(
                f"held_out with {self.held_out.size} parameters",
                why=f"the objective has {objective.size}",
                cure="give the same network on other data: network.on(indices)",
            )


def _relative(before: float, after: float) -> float:
    """A change relative to the larger of two values."""
    size = max(abs(before), abs(after))
    return (after - before) / size if size else 0.0


def _require_no_decay(objective: Objective) -> None:
    """Refuse a loss that sees all weights."""
    if getattr(objective, "l2", 0.0):
        raise InputError(
            "a null-space move of a network with weight decay",
            why="the squared norm sees the weights that the batch does not",
            cure='set l2=0, or use along="level-set"',
        )


def _require_number(name: str, value: Any, *, most: float) -> None:
    """Refuse what is no positive number up to a bound."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 < value <= most:
        raise InputError(
            f"{name}={value!r}",
            why="it is no positive number" + (f" up to {most:g}" if np.isfinite(most) else ""),
            cure=f"give one, such as {name}=0.5",
        )
