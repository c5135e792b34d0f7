r"""Canonical representatives of the orbits of matrix factors: balanced, with ordered axes and fixed signs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from manifolds.errors import InputError
from symmetries.actions.orbit_geometry import Representative, minimal_vector
from symmetries.actions.parameter_space import FloatArray, Point

if TYPE_CHECKING:
    from symmetries.actions.layer_action import Elements, LayerAction


def canonical_representative(action: LayerAction, w: Point, *, max_steps: int = 500) -> Representative:
    r"""The normal form of a point under the groups of the hidden spaces.

    First the nearest point to the origin, where the sum of W^T W over the factors on one side of a space equals the sum
    of W W^T over those on the other; then the axes of each GL space are turned to make that matrix diagonal with
    decreasing entries; then the signs are fixed.  Two points in general position, where those entries are distinct and
    the orbit is closed, have the same normal form exactly when an element of the group takes one to the other.

    Parameters
    ----------
    action: an action by general linear groups and positive scalings on hidden spaces.
    w: a point.
    max_steps: largest number of steps to the nearest point.

    Raises
    ------
    InputError: the action has other groups.

    Examples
    --------
    >>> from symmetries import GroupAction
    >>> action = GroupAction.catalogued("low-rank", rows=1, columns=1, rank=1)
    >>> canonical_representative(action, [-8.0, 2.0]).point.round(7).tolist()
    [4.0, -4.0]
    """
    from manifolds import GeneralLinear, PositiveDiagonal
    from symmetries.actions.layer_action import LayerAction

    if not isinstance(action, LayerAction):
        raise InputError(
            f"a normal form under {type(action).__name__}",
            why="normal forms are known for groups of hidden spaces that act on matrix factors",
            cure="use minimal_vector or nearest_on_orbit",
        )
    for name, group in action.spaces.items():
        if not isinstance(group, GeneralLinear | PositiveDiagonal):
            raise InputError(
                f"the group {group} of the space {name!r}",
                why="normal forms are known for general linear groups and positive scalings",
                cure="use minimal_vector or nearest_on_orbit",
            )
    nearest = minimal_vector(action, w, max_steps=max_steps)
    point, element = nearest.point, nearest.element
    fixed: set[str] = set()
    for space, group in action.spaces.items():
        if isinstance(group, GeneralLinear):
            turn = _turned(action, space, point, fixed)
            point = action.apply(turn, point)
            element = action.compose(turn, element)
        fixed.add(space)
    return Representative(
        point=point,
        element=element,
        value=nearest.value,
        gradient_norm=nearest.gradient_norm,
        status=nearest.status,
        steps=nearest.steps,
    )


def _turned(action: LayerAction, space: str, point: FloatArray, fixed: set[str]) -> Elements:
    """The orthogonal matrix that orders the axes of a space and fixes their signs, identities elsewhere."""
    order = action.spaces[space].size
    total = np.zeros((order, order))
    rows: FloatArray | None = None
    for name, value in action.space.split(point).items():
        matrix = value if value.ndim == 2 else value.reshape(-1, 1)
        sides = action.sides[name]
        for side, other, seen in ((sides.left, sides.right, matrix), (sides.right, sides.left, matrix.T)):
            if side is None or side.space != space:
                continue
            total += seen @ seen.T
            if rows is None and (other is None or other.space in fixed):
                rows = seen
    _, axes = np.linalg.eigh(total)
    turn = axes.T[::-1]
    if rows is not None:
        turned = turn @ rows
        largest = np.abs(turned).argmax(axis=1)
        turn = np.where(turned[np.arange(order), largest] < 0, -1.0, 1.0)[:, None] * turn
    return tuple(turn if name == space else group.identity for name, group in action.spaces.items())
