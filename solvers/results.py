"""What a teleportation and a minimisation return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

from solvers.cost import Cost
from solvers.status import Status


@final
@dataclass(frozen=True, kw_only=True)
class TeleportResult:
    r"""A point of the same level set, :math:`L(g\cdot w) = L(w)`, and how good it is.

    Parameters
    ----------
    point: where the search ended, in the form in which the start was given.
    loss_before, loss_after: the loss at the start and at the point.
    target: name of what was maximised or minimised.
    target_before, target_after: its values.
    gradient_norm_before, gradient_norm_after: :math:`|\nabla L|` at the two points.
    status: why the search stopped; ``status.advice`` says what to do.
    cost: evaluations, counted from the call on.
    steps: accepted steps of the search.
    element: the group element that moves the start to the point; None for moves without a group.
    evidence: what the move reports beside (residual, rank table, held-out drift), JSON-ready.
    """

    point: Any
    loss_before: float
    loss_after: float
    target: str
    target_before: float
    target_after: float
    gradient_norm_before: float
    gradient_norm_after: float
    status: Status
    cost: Cost
    steps: int = 0
    element: Any = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def gain(self) -> float:
        """The target after over the target before; NaN where it was zero."""
        return self.target_after / self.target_before if self.target_before else float("nan")

    @property
    def relative_drift(self) -> float:
        """Change of the loss relative to the larger of its two values."""
        size = max(abs(self.loss_before), abs(self.loss_after))
        return abs(self.loss_after - self.loss_before) / size if size else 0.0


@final
@dataclass(frozen=True, kw_only=True)
class Record:
    """One line of the history of a minimisation.

    Parameters
    ----------
    step: how many optimizer steps were done.
    loss, gradient_norm: at the point that these steps led to.
    teleported: whether an accepted teleport led to this point.
    gradient_equivalents: the cost up to here.
    seconds: wall time up to here.
    learning_rate: of the step that led here; NaN at the start.
    """

    step: int
    loss: float
    gradient_norm: float
    teleported: bool
    gradient_equivalents: float
    seconds: float
    learning_rate: float = float("nan")


@final
@dataclass(frozen=True, kw_only=True)
class MinimizeResult:
    """Where a minimisation ended.

    Parameters
    ----------
    point: the best point, in the form in which the start was given.
    value: the loss there.
    last_point: the last point.
    steps: optimizer steps done.
    status: why it stopped; ``status.advice`` says what to do.
    history: one record a step, the start included.
    teleports: every teleport that was tried, in order, rejected ones with the status ``rejected``.
    cost: evaluations from the call on, teleports and acceptance tests included.
    """

    point: Any
    value: float
    last_point: Any
    steps: int
    status: Status
    history: tuple[Record, ...]
    cost: Cost
    teleports: tuple[TeleportResult, ...] = ()
