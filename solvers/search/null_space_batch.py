r"""The points that a batch does not tell from the start, and networks with no more inputs than samples."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from solvers.aims.target_norms import GradientNorm
from solvers.network import Network
from solvers.objective import Objective
from solvers.search.level_set_constraint import Constraint, Iterate, TangentSpace
from solvers.search.null_space_layers import NullSpaces
from solvers.target import Target
from symmetries.actions.parameter_space import FloatArray, ParameterSpace

WORTH = 0.7


@final
class Unseen(Constraint):
    """The points that differ from the start within the null spaces, as long as the loss stays within a tolerance.

    Parameters
    ----------
    objective: the loss on the batch.
    start: where the null spaces were taken.
    spaces: the null spaces.
    tolerance: the relative drift that is allowed.
    """

    def __init__(self, objective: Objective, start: FloatArray, spaces: NullSpaces, *, tolerance: float) -> None:
        super().__init__(objective, start, tolerance=tolerance)
        self._spaces = spaces

    def contains(self, at: Iterate, *, slack: float = 0.0) -> bool:
        """Whether the loss is within the tolerance; ``slack`` adds nothing, since no landing takes it back."""
        del slack
        return abs(at.value - self.level) <= self.allowance

    def settle(self, at: Iterate, *, reach: float, slack: float = 0.0, to_level: bool = False) -> Iterate | None:
        """The point itself, if it belongs to the set."""
        del reach, slack, to_level
        return at if self.contains(at) else None

    def tangent_space(self, at: Iterate, gradient: FloatArray) -> TangentSpace:
        """The null spaces, the same everywhere."""
        del at, gradient
        return self._spaces


@final
@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an ascent works, and the way back from there.

    Parameters
    ----------
    objective, start, spaces: of the ascent.
    original: the start that was given.
    first: number of entries of the first matrix that the ascent does without; they keep their values.
    """

    objective: Objective
    start: FloatArray
    spaces: NullSpaces
    original: FloatArray
    first: int = 0

    def widened(self, point: FloatArray) -> FloatArray:
        """The point that was given, with what the ascent changed."""
        kept = len(self.original) - self.first
        return np.concatenate([self.original[: self.first], point[len(point) - kept :]])


def narrowed(objective: Objective, start: FloatArray, spaces: NullSpaces, target: Target, *, exact: bool) -> Place:
    r"""A smaller network for the same search, where there is one.

    Inputs :math:`X=BC` in an orthonormal basis B of their span give the same loss with :math:`W_1B` on C, and the
    gradient there has the same norm, since :math:`|\delta X^T|=|\delta C^T|`.  What the batch does not see of
    :math:`W_1` does not enter the gradient at all, so that a search for the gradient norm leaves it alone.
    """
    whole = Place(objective=objective, start=start, spaces=spaces, original=start)
    if not (exact and isinstance(objective, Network) and isinstance(target, GradientNorm)) or objective.bias:
        return whole
    first, *others = spaces.layers
    rank = first.basis.shape[1]
    if not others or not 0 < rank <= WORTH * first.width:
        return whole
    small = copy(objective)
    small.inputs, small.widths = first.basis.T @ objective.inputs, (rank, *objective.widths[1:])
    small.space = ParameterSpace({**objective.space.shapes, first.name: (first.outputs, rank)})
    entries, shift = first.outputs * first.inputs, first.outputs * (first.inputs - rank)
    matrix = start[:entries].reshape(first.outputs, first.inputs) @ first.basis
    moved = [replace(layer, start=layer.start - shift) for layer in others]
    closed = replace(first, inputs=rank, basis=np.eye(rank))
    return Place(
        objective=small,
        start=np.concatenate([matrix.ravel(), start[entries:]]),
        spaces=NullSpaces((closed, *moved)),
        original=start,
        first=entries,
    )
