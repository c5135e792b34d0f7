"""An optimizer as three functions: the first state, the step, and how the state follows a change of coordinates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.morphism import Morphism
from solvers.naturality.problem import Problem
from solvers.naturality.slots import TYPES, NoLift, push_slot
from solvers.steps.hyperparameters import POSITIVE, read_count, read_number
from symmetries.actions.parameter_space import FloatArray

State: TypeAlias = dict[str, Any]
"""Arrays and numbers by slot; ``point`` is the flat array of the parameters."""

__all__ = ["NoLift", "OptimizerSpec", "State", "lift", "run"]


@final
@dataclass(frozen=True, kw_only=True)
class OptimizerSpec:
    r"""An optimizer that can be asked for its naturality.

    Parameters
    ----------
    name: what it is called.
    init: the state before the first step, from a problem and a point; it holds ``point``.
    step: the next state, from a problem, a state and a learning rate; a pure function.
    slots: how each slot of the state follows a change of coordinates, one of
        :data:`~solvers.naturality.slots.TYPES`; slots that are not named are ``opaque``.
    scaling: what is held when the rate goes to zero: ``adiabatic`` the decay factors themselves, ``inertial`` the
        decay per unit of time.
    rate: the learning rate at which it is tested.
    matrix: whether it reads the parameters as a matrix.
    notes: what a reader should know.

    Raises
    ------
    InputError: a slot type or the scaling is not known, a function is none, or the rate is not positive.

    >>> descent = OptimizerSpec(
    ...     name="gradient descent",
    ...     init=lambda problem, theta: {"point": theta},
    ...     step=lambda problem, state, rate: {"point": state["point"] - rate * problem.gradient(state["point"])},
    ...     slots={"point": "point"},
    ... )
    >>> run(descent, Problem(lambda x: (x**2).sum(), size=2), [1.0, 2.0], rate=0.25, steps=1)["point"].tolist()
    [0.5, 1.0]
    """

    name: str
    init: Callable[[Problem, FloatArray], State]
    step: Callable[[Problem, State, float], State]
    slots: Mapping[str, str]
    scaling: Literal["adiabatic", "inertial"] = "adiabatic"
    rate: float = 0.05
    matrix: bool = False
    notes: str = ""

    def __post_init__(self) -> None:
        for what, function in (("init", self.init), ("step", self.step)):
            if not callable(function):
                raise InputError(
                    f"{what}={function!r}", why="it is no function", cure=f"write {what}=... as a function"
                )
        if self.scaling not in ("adiabatic", "inertial"):
            raise InputError(f"scaling={self.scaling!r}", why="it is not known", cure='use "adiabatic" or "inertial"')
        read_number(self.rate, name="rate", interval=POSITIVE)
        for slot, kind in self.slots.items():
            if kind not in TYPES:
                raise InputError(
                    f"the type {kind!r} of the slot {slot!r}",
                    why="it is not known",
                    cure=f"use one of {', '.join(TYPES)}",
                )

    def start(self, problem: Problem, theta: Any) -> State:
        """The first state at a point, which must hold the point."""
        state = dict(self.init(problem, np.array(theta, dtype=float).reshape(-1)))
        if "point" not in state or np.shape(state["point"]) != (problem.size,):
            raise InputError(
                f"the first state of {self.name}",
                why="it does not hold the flat point",
                cure='return {"point": theta, ...} from init',
            )
        return state


def lift(slots: Mapping[str, str], state: State, morphism: Morphism) -> State:
    r"""The state in other coordinates: each slot pushed along the map by its type.

    Raises
    ------
    NoLift: a slot has no push-forward along this map.

    >>> swap = Morphism.linear(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> lift({"point": "point", "v": "diag_cov2"}, {"point": np.array([1.0, 2.0]), "v": np.array([3.0, 4.0])}, swap)
    {'point': array([2., 1.]), 'v': array([4., 3.])}
    """
    theta = state["point"]
    return {slot: push_slot(slots.get(slot, "opaque"), value, theta, morphism) for slot, value in state.items()}


def run(spec: OptimizerSpec, problem: Problem, theta: Any, *, rate: float | None = None, steps: int = 1) -> State:
    """The state after some steps from the first state at a point.

    Parameters
    ----------
    spec: the optimizer.
    problem: what it minimises.
    theta: where it starts, shape (n,).
    rate: the learning rate; that of the spec by default.
    steps: their number.

    Raises
    ------
    InputError: the rate or the number of steps makes no sense.
    """
    chosen = spec.rate if rate is None else read_number(rate, name="rate", interval=POSITIVE)
    state = spec.start(problem, theta)
    for _ in range(read_count(steps, name="steps", low=0)):
        state = spec.step(problem, state, chosen)
    return state
