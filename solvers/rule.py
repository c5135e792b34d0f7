"""Optimizer rules: pure functions from gradients to displacements, on arrays of any shape and library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

Array: TypeAlias = Any
"""An array of any library that follows the Python array API (NumPy, PyTorch)."""

State: TypeAlias = dict[str, Array]
"""Arrays of the shape of the point, by slot name; a step returns a new dictionary."""

Slot: TypeAlias = Literal["covector", "vector", "square"]
"""How a slot follows a change of coordinates with Jacobian J: as J^-T m, as J m, or entry by entry as a square."""


@dataclass(frozen=True, kw_only=True)
class Rule(ABC):
    r"""An optimizer as a pure function :math:`(g, s, t) \mapsto (W, s')`; the point moves to w + W.

    Rules use array API operations only, so the same rule drives vectors, matrices, manifold coordinates and tensors.

    Parameters
    ----------
    learning_rate: step size, in units of the displacement over the direction; a schedule maps the step number (from 1)
        to it.
    """

    learning_rate: Any = 1e-2

    slots: ClassVar[Mapping[str, Slot]] = {}
    """The slots of the state and how each follows a change of coordinates."""

    def start(self, like: Array) -> State:
        """The state before the first step: zeros of the shape of the point, unless a rule says otherwise."""
        return dict.fromkeys(self.slots, like * 0)

    @abstractmethod
    def step(
        self, gradient: Array, state: State, *, count: int, rate: float, point: Array | None = None
    ) -> tuple[Array, State]:
        """The displacement W and the next state.

        Parameters
        ----------
        gradient: at the point (for Nesterov too: the rule is written in the form that needs no look-ahead gradient).
        state: what :meth:`start` or the last step returned.
        count: number of this step, from 1.
        rate: the learning rate of this step.
        point: the point, for rules that decay it.
        """
