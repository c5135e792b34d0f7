"""Curvature of orbits as a target: how much the curves of a group bend at a point."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.aims.curves import Curves, DifferenceCurves, LayerCurves, MatrixCurves, PolynomialCurves, SmoothCurves
from solvers.aims.hidden_curves import HiddenStateCurves
from solvers.objective import Objective
from solvers.target import Target
from symmetries.action import GroupAction
from symmetries.actions.layer_action import LayerAction
from symmetries.actions.linear_action import LinearAction
from symmetries.actions.network_action import HiddenStateAction
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_seed


def curves_of(action: GroupAction) -> Curves:
    """The curves exp(tX).w of an action, by the most exact way that it allows.

    >>> curves = curves_of(GroupAction.catalogued("low-rank"))
    >>> [one.shape for one in curves.derivatives(np.ones(14), np.ones(4))]
    [(14,), (14,)]
    """
    if isinstance(action, LinearAction):
        return MatrixCurves(action)
    if isinstance(action, LayerAction):
        return LayerCurves(action)
    if isinstance(action, HiddenStateAction):
        return HiddenStateCurves(action)
    fields = action.exact_fields()
    return DifferenceCurves(action) if fields is None else PolynomialCurves(action, fields)


def curvature(velocity: FloatArray, acceleration: FloatArray) -> float:
    r"""Curvature :math:`\sqrt{|\gamma'|^2|\gamma''|^2 - (\gamma'\cdot\gamma'')^2}\,/\,|\gamma'|^3`, in 1/length.

    It is computed from the part of the acceleration across the velocity, where nothing cancels; NaN without velocity.

    >>> curvature(np.array([0.0, 2.0]), np.array([-4.0, 1.0]))
    1.0
    """
    square = float(velocity @ velocity)
    if square == 0:
        return math.nan
    across = acceleration - (velocity @ acceleration) / square * velocity
    return float(np.linalg.norm(across)) / square


@final
@dataclass(frozen=True, eq=False)
class Curvature(Target):
    r"""The mean curvature :math:`\psi(w) = \operatorname{E}_M\,\kappa(\exp(tM).w)` at t = 0 over random M.

    The elements M are uniform on the unit sphere of the Frobenius norm of the action's matrices, the same ones at every
    point; where the action has no small matrices, of its Lie algebra coordinates.  The curvature of a curve does not
    depend on its speed.  Derivatives are exact for actions with affine or polynomial fields and for the action on
    hidden states; for others the second one is a difference of fourth order and there is no gradient.

    The objective is not evaluated: the target costs it nothing.

    Parameters
    ----------
    action: the action whose orbit bends.
    elements: how many random elements.
    rng: their seed.

    Raises
    ------
    InputError: the group is trivial, or elements is no positive integer.

    >>> target = Curvature(GroupAction.catalogued("quadratic", matrix=((1, 0), (0, 1))), elements=3)
    >>> objective = Objective.from_functions(lambda w: w @ w / 2, lambda w: w, size=2)
    >>> round(target.value(objective, np.array([3.0, 4.0])), 12)
    0.2

    Source: B. Zhao, R. Gower, R. Walters, R. Yu, "Improving Convergence and Generalization Using Parameter Symmetries"
    (2023), arXiv:2305.13404, section 4.2.
    """

    action: GroupAction
    elements: int = 16
    rng: Any = 0
    has_gradient: bool = field(init=False, default=True)

    name = "curvature"

    def __post_init__(self) -> None:
        count = self.elements
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
            raise InputError(f"elements={count!r}", why="it is no positive integer", cure="write elements=16")
        if not isinstance(self.action, GroupAction) or not self.action.dimension:
            raise InputError(
                "the action of the target 'curvature'",
                why="it is no action of a group of positive dimension",
                cure="give the action along which is searched, for example GroupAction.catalogued(...)",
            )
        object.__setattr__(self, "rng", read_seed(self.rng))
        object.__setattr__(self, "has_gradient", isinstance(self.curves, SmoothCurves))

    @cached_property
    def curves(self) -> Curves:
        """The curves of the action."""
        return curves_of(self.action)

    @cached_property
    def directions(self) -> FloatArray:
        """Coordinates of the random elements, shape (elements, dimension), of unit length."""
        normal = np.random.default_rng(self.rng).standard_normal((self.elements, self.action.dimension))
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        matrices = self.action.representation()
        if matrices is None:
            return normal
        flat = matrices.reshape(len(matrices), -1)
        return np.asarray(np.linalg.solve(np.linalg.cholesky(flat @ flat.T).T, normal.T).T)

    def start_value(self, objective: Objective, w: FloatArray) -> float:
        """The mean curvature at the start; what the action refuses there is refused with the action's reason."""
        self._curvatures(w)
        return super().start_value(objective, w)

    def value(self, objective: Objective, w: FloatArray) -> float:
        """The mean curvature; NaN where the action is not defined or an element does not move the point."""
        del objective
        try:
            return float(np.mean(self._curvatures(w)))
        except InputError:
            return math.nan

    def value_and_grad(self, objective: Objective, w: FloatArray) -> tuple[float, FloatArray]:
        """The mean curvature and its gradient."""
        curves = self.curves
        if not isinstance(curves, SmoothCurves):
            raise self.without_gradient()
        total, slope = 0.0, np.zeros_like(w)
        try:
            for t in self.directions:
                value, part = _curvature_and_grad(curves, w, t)
                total += value
                slope += part
        except InputError:
            return math.nan, np.full_like(w, math.nan)
        return total / self.elements, slope / self.elements

    def _curvatures(self, w: FloatArray) -> list[float]:
        """The curvature for each random element."""
        return [curvature(*self.curves.derivatives(w, t)) for t in self.directions]


def _curvature_and_grad(curves: SmoothCurves, w: FloatArray, t: FloatArray) -> tuple[float, FloatArray]:
    """Curvature of one curve and its gradient in the point."""
    velocity, acceleration = curves.derivatives(w, t)
    value = curvature(velocity, acceleration)
    if not value > 0:  # zero is the least value, so that its slope there is taken as zero
        return value, np.full_like(w, value)
    square, along = float(velocity @ velocity), float(velocity @ acceleration)
    across = acceleration - along / square * velocity
    normal = across / np.linalg.norm(across)
    first = -(along / square * normal + 2 * value * velocity) / square
    return value, curves.pulled(w, t, first, normal / square)
