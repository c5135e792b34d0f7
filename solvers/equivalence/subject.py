"""What a check of Newton equivalence is about: a declared loss, functions or a matrix, at a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.equivalence.decide import STATEMENT, Decision, decide_functions, decide_loss
from solvers.equivalence.quadratic import Quadratic
from solvers.objective import Objective, as_objective
from symmetries import Loss
from symmetries.actions.parameter_space import FloatArray, ParameterSpace, Point
from symmetries.arguments import read_reals
from symmetries.certificate import Claim


@final
@dataclass(frozen=True)
class Subject:
    """What is checked: the objective (None where data are missing), the loss, the point, what its degree is."""

    objective: Objective | None
    loss: Loss | None
    w: FloatArray
    decision: Decision


def read_subject(problem: Any, w: Point | None, data: Mapping[str, Any] | None, rng: np.random.Generator) -> Subject:
    """Read what is checked."""
    if isinstance(problem, Loss):
        return _read_loss(problem, w, data, rng)
    if data is not None:
        why = "an objective or a matrix has its data already"
        raise InputError("data beside an objective", why=why, cure="give the data to it, or check a Loss")
    if isinstance(problem, Objective):
        if problem.loss is not None:
            return _read_objective(problem, problem.loss, w, rng)
        point = problem.start(w if w is not None else rng.standard_normal(problem.size))
        return Subject(problem, None, point, decide_functions(problem, point, rng))
    if not (isinstance(problem, list | tuple) or hasattr(problem, "__array__")):
        as_objective(problem)  # which says what is needed
    matrix = _read_matrix(problem)
    objective = Objective.from_functions(
        lambda v: float(v @ matrix @ v) / 2, lambda v: matrix @ v, lambda _, v: matrix @ v, size=len(matrix)
    )
    claim = Claim(
        statement=STATEMENT,
        verdict="proved",
        reason="it is half of w.A w for the given matrix A",
        evidence={"name": "quadratic"},
    )
    decision = Decision(claim=claim, quadratic=Quadratic.from_matrix(matrix))
    return Subject(objective, None, objective.start(w if w is not None else rng.standard_normal(len(matrix))), decision)


def _read_matrix(matrix: Any) -> FloatArray:
    """A symmetric matrix of finite numbers."""
    entries = read_reals(matrix, what="the matrix of a quadratic")
    why = None
    if entries.ndim != 2 or entries.shape[0] != entries.shape[1] or not entries.size:
        why = f"its shape is {list(entries.shape)}"
    elif not np.isfinite(entries).all():
        why = "it contains NaN or infinity"
    elif not (entries == entries.T).all():
        why = "it is not symmetric"
    if why is not None:
        raise InputError("the matrix of a quadratic", why=why, cure="give a symmetric matrix, such as (A + A.T)/2")
    return entries


def read_minimiser(objective: Objective, minimiser: Point) -> FloatArray:
    """The minimiser that is given, a finite point."""
    point = objective.point(minimiser)
    if not np.isfinite(point).all():
        raise InputError("the minimiser", why="it contains NaN or infinity", cure="give finite numbers")
    return point


def _read_loss(loss: Loss, w: Point | None, data: Mapping[str, Any] | None, rng: np.random.Generator) -> Subject:
    """A declared loss; free data without values leave the objective out."""
    free = {name for name, item in loss.data.items() if item.values is None} | set(loss.constants)
    known = {*(loss.at or {}), *(data or {})}
    if free - known and not data:
        space = ParameterSpace(dict(loss.parameters))
        point = space.flat(w) if w is not None else rng.standard_normal(space.size)
        return Subject(None, loss, point, decide_loss(loss, {}, point, rng))
    return _read_objective(Objective.from_loss(loss, data), loss, w, rng)


def _read_objective(objective: Objective, loss: Loss, w: Point | None, rng: np.random.Generator) -> Subject:
    """An objective with a declared loss."""
    at = loss.at or {}
    if w is None and all(name in at for name in loss.parameters):
        w = {name: read_reals(at[name], what=f"the value of {name!r}") for name in loss.parameters}
    point = objective.start(w if w is not None else rng.standard_normal(objective.size))
    values = getattr(objective, "data", {})
    return Subject(objective, loss, point, decide_loss(loss, values, point, rng))
