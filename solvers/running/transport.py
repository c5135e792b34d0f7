r"""Optimizer state under a teleport: kept, reset, or carried along by the Jacobian of the action.

At a teleport w -> g.w with J = d(g.w)/dw gradients become :math:`J^{-T}\nabla L(w)`, displacements J W, and a sum of
squared gradients becomes, entry by entry, :math:`(J^{-T})^{\circ 2} v`: exactly where J is diagonal (a scaling by s
divides v by s^2), as the estimate of independent entries elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from manifolds.errors import InputError
from solvers.rule import Slot, State
from symmetries.action import GroupAction
from symmetries.actions.parameter_space import FloatArray

StateMode: TypeAlias = Literal["transport", "keep", "reset"]
"""What becomes of the state of the optimizer at a teleport."""


def read_state_mode(mode: Any, action: GroupAction | None) -> StateMode:
    """The mode, by default ``transport`` where there is a group action and ``keep`` elsewhere.

    Raises
    ------
    InputError: there is no such mode, or the state is to be transported with no group to do it.

    >>> read_state_mode(None, None)
    'keep'
    """
    if mode is None:
        return "keep" if action is None else "transport"
    if mode not in get_args(StateMode):
        raise InputError(
            f"state={mode!r}",
            why="there is no such treatment of the optimizer's state",
            cure=f"use one of {', '.join(get_args(StateMode))}",
        )
    if mode == "transport" and action is None:
        raise InputError(
            "state='transport' for a move without a group",
            why="the Jacobian of a group element carries the state, and this move has no element",
            cure="teleport along a group action, or use state='keep' (momenta stay as they are) or state='reset'",
        )
    return mode


def transport_state(
    slots: Mapping[str, Slot], state: State, *, action: GroupAction, element: Any, w: FloatArray
) -> State:
    r"""The state of a rule at g.w, from its state at w.

    Covectors m become :math:`J^{-T}m`, vectors J m, squares of covectors :math:`(J^{-T})^{\circ 2}v` and squares of
    vectors :math:`J^{\circ 2}v`.

    Parameters
    ----------
    slots: of the rule, how each part moves.
    state: arrays of shape (n,), by slot.
    action, element: the group action and the element g.
    w: the point before the teleport, shape (n,).

    Raises
    ------
    InputError: the Jacobian is singular or not finite there.

    Source: B. Zhao, N. Dehmamy, R. Walters, R. Yu, "Symmetry Teleportation for Accelerated Optimization" (2022),
    arXiv:2205.10637, section 3 (how gradients transform).
    """
    moved: State = {}
    for name, value in state.items():
        try:
            moved[name] = _moved(slots[name], value, action, element, w)
        except np.linalg.LinAlgError:
            moved[name] = np.full_like(value, np.nan)
        if not np.isfinite(moved[name]).all():
            raise InputError(
                f"the transported slot {name!r}",
                why="the Jacobian of the group element is singular or not finite at this point",
                cure="lower the radius of the teleport, or use state='reset'",
            )
    return moved


def _moved(slot: Slot, value: FloatArray, action: GroupAction, g: Any, w: FloatArray) -> FloatArray:
    """One slot at g.w."""
    if not value.any():
        return value
    if slot == "covector":
        return action.push_covector(g, w, value)
    if slot == "vector":
        return action.push_vector(g, w, value)
    if slot == "square":
        return action.push_square(g, w, value)
    return action.jacobian(g, w) ** 2 @ value
