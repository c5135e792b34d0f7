"""A SciPy method as what a minimisation asks of an optimizer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, final

from solvers.objective import Objective
from solvers.rule import Slot, State
from solvers.running.coordinates import EuclideanCoordinates
from solvers.scipy_methods import SciPy, scipy_minimize
from solvers.status import Status
from symmetries.actions.parameter_space import FloatArray


@final
class ScipyStepper:
    """What the loop asks of an optimizer, answered by a SciPy method; it keeps no state over a teleport.

    >>> ScipyStepper(SciPy("BFGS")).has_fixed_rate
    False
    """

    has_fixed_rate = False
    slots: ClassVar[Mapping[str, Slot]] = {}

    def __init__(self, spec: SciPy) -> None:
        self.spec = spec

    def start(self, like: FloatArray) -> State:
        """No state."""
        return {}

    def norm(self, w: FloatArray, gradient: FloatArray, carried: Any = None) -> float:
        """Length of the gradient."""
        return EuclideanCoordinates().norm(gradient)

    def roll(
        self, objectives: list[Objective], w: FloatArray, state: State, *, count: int, step: int
    ) -> FloatArray | None:
        """The best point of so many iterations."""
        result = scipy_minimize(objectives[0], w, self.spec, steps=len(objectives))
        if result.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        return result.point if math.isfinite(result.value) else None
