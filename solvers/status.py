"""Why a search or a minimisation stopped, and what to do about it."""

from __future__ import annotations

from enum import StrEnum
from typing import final


@final
class Status(StrEnum):
    """Reason for which a computation stopped; each has an advice.

    >>> Status("trust-radius").advice
    'the best point lies on the border of the trust region: raise `radius` if the loss stays well behaved there'
    >>> Status.CONVERGED.is_failure, Status.NON_FINITE.is_failure
    (False, True)
    """

    CONVERGED = "converged"
    MAX_STEPS = "max-steps"
    UNBOUNDED = "unbounded"
    TRUST_RADIUS = "trust-radius"
    NO_IMPROVEMENT = "no-improvement"
    REJECTED = "rejected"
    NON_FINITE = "non-finite"
    INTERRUPTED = "interrupted"

    @property
    def advice(self) -> str:
        """What the user can do."""
        return _ADVICE[self]

    @property
    def is_failure(self) -> bool:
        """Whether what was asked for was not reached; running out of steps is no failure."""
        return self in (Status.UNBOUNDED, Status.REJECTED, Status.NON_FINITE, Status.INTERRUPTED)


_ADVICE = {
    Status.CONVERGED: "nothing to do: the stopping test holds",
    Status.MAX_STEPS: "all steps were used: raise `steps` if the result is not good enough",
    Status.UNBOUNDED: "the target grows without bound: set a finite `radius`, or choose a target that is bounded",
    Status.TRUST_RADIUS: (
        "the best point lies on the border of the trust region: raise `radius` if the loss stays well behaved there"
    ),
    Status.NO_IMPROVEMENT: (
        "no better point was found: the best so far, often the start, is returned; try another target or move"
    ),
    Status.REJECTED: "the rollout ended higher than without the move: the start is kept; teleport at another step",
    Status.NON_FINITE: "a value was NaN or infinite: lower the learning rate, or start where the loss is finite",
    Status.INTERRUPTED: "interrupted: the best point so far is returned; resume from the checkpoint",
}
