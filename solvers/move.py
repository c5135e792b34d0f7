"""Ways through a level set: each move searches it for the point where a target is best."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from solvers.objective import Objective
from solvers.status import Status
from solvers.target import Target
from symmetries.actions.parameter_space import FloatArray


@final
@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where a move ended.

    Parameters
    ----------
    point: the best point found, shape (n,); the start where nothing better was found.
    status: why the search stopped.
    steps: accepted steps.
    element: the group element that leads there; None for moves without a group.
    evidence: what the move reports beside, JSON-ready.
    """

    point: FloatArray
    status: Status
    steps: int
    element: Any = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


class Move(ABC):
    """A way to other points of the same loss."""

    name: str
    """The name by which results and the command line speak of it: ``orbit``, ``level-set`` or ``null-space``."""

    @abstractmethod
    def search(
        self, objective: Objective, w: FloatArray, target: Target, *, maximize: bool, rng: np.random.Generator
    ) -> Destination:
        """The best point that was found, never worse than the start.

        Parameters
        ----------
        objective: whose loss is kept.
        w: a finite start, shape (n,).
        target: what is made as large as possible, or as small where ``maximize`` is false.
        rng: source of all random choices.
        """
