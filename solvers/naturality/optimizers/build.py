"""From a step and the types of its slots to a spec: the state starts at zero unless the optimizer says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from solvers.naturality.problem import Problem
from solvers.naturality.spec import OptimizerSpec, State
from symmetries.actions.parameter_space import FloatArray

_MATRICES = ("cov2", "con2")
_NUMBERS = ("scalar",)


def specify(
    name: str,
    step: Callable[[Problem, State, float], State],
    slots: Mapping[str, str] | None = None,
    *,
    start: Callable[[Problem, FloatArray], State] | None = None,
    rate: float = 0.05,
    matrix: bool = False,
    notes: str = "",
) -> OptimizerSpec:
    """The spec of an optimizer whose slots, beside the point, start at zero.

    Parameters
    ----------
    name: under which the registry knows it.
    step: (problem, state, rate) -> next state; it changes nothing that it is given.
    slots: types of the slots beside ``point``, by name.
    start: (problem, point) -> slots that do not start at zero.
    rate: a learning rate at which a few steps move the point visibly and stay far from convergence.
    matrix: whether the parameters are one matrix, of the shape of the problem.
    notes: what a reader of the table should know.

    >>> spec = specify("still", lambda problem, state, rate: state, {"average": "covector", "count": "scalar"})
    >>> spec.slots["average"], spec.slots["point"]
    ('covector', 'point')
    """
    types = {"point": "point", **(slots or {})}

    def init(problem: Problem, theta: FloatArray) -> State:
        """Zeros by the types of the slots, and what the optimizer starts from."""
        point = np.array(theta, dtype=float)
        zeros = {slot: _zero(kind, problem, point.size) for slot, kind in types.items()}
        return {**zeros, "point": point, **(start(problem, point) if start else {})}

    return OptimizerSpec(name=name, init=init, step=step, slots=types, rate=rate, matrix=matrix, notes=notes)


def _zero(kind: str, problem: Problem, size: int) -> Any:
    """The zero of a type of slot."""
    if kind in _NUMBERS:
        return 0.0
    if kind in _MATRICES:
        return np.zeros((size, size))
    if kind in ("row_cov2", "col_cov2"):
        rows, columns = problem.shape
        return np.zeros((rows, rows) if kind == "row_cov2" else (columns, columns))
    return np.zeros(size)
