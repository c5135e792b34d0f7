"""Whether a teleport is taken: virtual steps from both points, and a comparison of where they lead."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from solvers.batches import BatchFunction
from solvers.objective import Objective
from solvers.rule import State
from solvers.steps.hyperparameters import NON_NEGATIVE, read_count, read_number
from symmetries.actions.parameter_space import FloatArray

Judge: TypeAlias = Callable[[FloatArray, FloatArray], Any]
"""A function (point before, point after) -> whether the teleport is taken."""


class Roller(Protocol):
    """What can take virtual steps."""

    def roll(
        self, objectives: list[Objective], w: FloatArray, state: State, *, count: int, step: int
    ) -> FloatArray | None:
        """Where steps on these objectives lead, one each; None where they leave the finite numbers."""


@final
@dataclass(frozen=True, kw_only=True)
class Rollout:
    r"""Take a teleport when K steps of the optimizer from g.w end lower than K steps from w.

    Both go over the batches of the coming steps with the actual rule, state and rates; compared are the mean losses of
    the two ends over these batches.

    Parameters
    ----------
    steps: the number K of virtual steps.
    margin: by how much, relative to its absolute value, the end from g.w must be lower.

    Raises
    ------
    InputError: a number makes no sense.

    >>> Rollout(steps=5)
    Rollout(steps=5, margin=0.0)
    """

    steps: int = 10
    margin: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", read_count(self.steps, name="steps"))
        object.__setattr__(self, "margin", read_number(self.margin, name="margin", interval=NON_NEGATIVE))

    def end(
        self, stepper: Roller, batches: BatchFunction, *, step: int, w: FloatArray, state: State, count: int
    ) -> float:
        """The mean loss of the end of the steps from a point; NaN where they leave the finite numbers.

        Parameters
        ----------
        stepper, batches: of the run, and the objective of each step.
        step: steps of the run before them.
        w, state, count: where they begin.
        """
        objectives = [batches(step + k) for k in range(self.steps)]
        distinct = [one for k, one in enumerate(objectives) if not any(one is other for other in objectives[:k])]
        with np.errstate(all="ignore"):
            end = stepper.roll(objectives, w, state, count=count, step=step)
            return math.nan if end is None else float(np.mean([one.value(end) for one in distinct]))

    def prefers(self, without: float, with_teleport: float) -> bool:
        """Whether the end with the teleport is low enough; never when it is not finite."""
        if not math.isfinite(with_teleport):
            return False
        return not math.isfinite(without) or with_teleport < without - self.margin * abs(without)


Acceptance: TypeAlias = Rollout | Judge


def read_acceptance(accept: Any) -> Acceptance | None:
    """What decides on teleports.

    >>> read_acceptance("rollout"), read_acceptance("always")
    (Rollout(steps=10, margin=0.0), None)
    """
    if accept is None or accept == "always":
        return None
    if accept == "rollout":
        return Rollout()
    if isinstance(accept, Rollout) or callable(accept):
        return accept
    raise InputError(
        f"accept={accept!r}",
        why="it cannot decide on a teleport",
        cure="use 'always', 'rollout', Rollout(steps=20), or a function (before, after) -> bool",
    )
