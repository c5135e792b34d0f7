r"""The published solver for level-set teleportation, written from its formulas as a peer for the benchmarks.

With :math:`u=\nabla f`, :math:`g=|u|^2`, :math:`q=\nabla^2f\,u` a step is :math:`x^+=x+\rho q/g-cu` with
:math:`c=(\rho\langle q,u\rangle/g+f-f_0)/g`, cut at zero in the sub-level form: the solution of the problem with the
constraint linearised and a proximal term.  A line search halves :math:`\rho` until the merit
:math:`\tfrac12\log g-\gamma\,\text{violation}` grows enough.

Source: A. Mishkin, A. Bietti, R. Gower, "Level Set Teleportation: An Optimization Perspective" (2024),
arXiv:2403.03362.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solvers.objective import Objective
from symmetries.actions.parameter_space import FloatArray

SLOPE = 0.5
SHRINK = 0.5
PENALTY = 0.1
BACKTRACKS = 25
STATIONARY = 1e-6
SMALLEST_STEP = 1e-16
TOO_EASY = 5.0


@dataclass
class SequentialLinear:
    """One run of the published solver; 50 steps, a first step length of 0.1 and the sub-level form are its defaults."""

    objective: Objective
    sub_level: bool = True
    steps: int = 50
    length: float = 0.1

    def run(self, w: FloatArray) -> FloatArray:
        """The last iterate, feasible or not, as the published solver returns it."""
        x, rho = w.copy(), self.length
        value, gradient = self.objective.value_and_grad(x)
        level = value
        for _ in range(self.steps):
            square = float(gradient @ gradient)
            climb = self.objective.hvp(x, gradient) / square
            tangent = climb - (climb @ gradient) / square * gradient
            if tangent @ tangent <= STATIONARY and self._violation(value, level) <= STATIONARY:
                break
            found, rho = self._search(x, value, gradient, climb, level, rho)
            if found is not None:
                x, value, gradient = found
            if rho <= SMALLEST_STEP:
                break
        return x

    def _violation(self, value: float, level: float) -> float:
        """How far a value is from the set."""
        return max(value - level, 0.0) if self.sub_level else abs(value - level)

    def _search(
        self, x: FloatArray, value: float, gradient: FloatArray, climb: FloatArray, level: float, rho: float
    ) -> tuple[tuple[FloatArray, float, FloatArray] | None, float]:
        """An accepted step, if there is one, and the next length."""
        square = float(gradient @ gradient)
        violation, across = self._violation(value, level), float(climb @ gradient)
        penalty = PENALTY
        if violation > 0:
            penalty *= across * self._correction(rho, across, value - level, square) / (square * violation)
        for _ in range(BACKTRACKS):
            step = rho * climb - self._correction(rho, across, value - level, square) * gradient
            new_value, new_gradient = self.objective.value_and_grad(x + step)
            merit = 0.5 * np.log(new_gradient @ new_gradient) - penalty * self._violation(new_value, level)
            bound = 0.5 * np.log(square) - (1 - SLOPE) * penalty * violation + SLOPE / 2 * float(climb @ step)
            if merit >= bound:
                return (x + step, new_value, new_gradient), rho / SHRINK if merit / bound >= TOO_EASY else rho
            rho *= SHRINK
        return None, rho * 2**5

    def _correction(self, rho: float, across: float, excess: float, square: float) -> float:
        """The multiple c of the gradient."""
        correction = (rho * across + excess) / square
        return max(correction, 0.0) if self.sub_level else correction
