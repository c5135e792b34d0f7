"""Related states: what naturality means where a state cannot be pushed along a map, and what a symmetry keeps fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.problem import Problem
from solvers.naturality.projection import Projection
from solvers.naturality.spec import OptimizerSpec, State, run
from solvers.steps.hyperparameters import POSITIVE, read_count, read_number
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_generator, read_reals

PULLED = ("covector", "cov2")
"""Types of slots that a projection pulls back from below."""


@final
@dataclass(frozen=True, kw_only=True)
class RelationDefects:
    """How far two states are from being related, slot by slot, relative to their sizes.

    Parameters
    ----------
    slots: the defect of each slot.
    """

    slots: Mapping[str, float]

    @property
    def worst(self) -> float:
        """The largest of them."""
        return max(self.slots.values())


def relation(
    spec: OptimizerSpec,
    problem: Problem,
    projection: Projection,
    theta: Any,
    *,
    rate: float | None = None,
    steps: int = 3,
    rng: int | np.random.Generator = 0,
) -> RelationDefects:
    r"""Whether steps keep states related by a linear projection.

    .. math::
        \theta' = P\theta,\quad v' = Pv,\quad m = P^{\mathsf T}m',\quad H = P^{\mathsf T}H'P,\quad B' = PBP^{\mathsf T}

    Covectors and metrics are pulled back, velocities and co-metrics pushed forward, so a state that holds both has no
    image under the projection; it is still related to a state below.

    Parameters
    ----------
    spec: the optimizer, with slots of these types, scalars, or entries that start equal.
    problem: below.
    projection: linear.
    theta: the point above, shape (n,).
    rate: the learning rate; that of the spec by default.
    steps: their number.
    rng: seed or generator of the covectors and metrics below.

    Raises
    ------
    InputError: the projection is not linear, a slot has another type, or the point or a number makes no sense.

    >>> descent = OptimizerSpec(
    ...     name="average",
    ...     init=lambda problem, theta: {"point": theta, "m": 0 * theta},
    ...     step=lambda problem, state, rate: {
    ...         "point": state["point"] - rate * state["m"],
    ...         "m": 0.9 * state["m"] + problem.gradient(state["point"]),
    ...     },
    ...     slots={"point": "point", "m": "covector"},
    ... )
    >>> square = Problem(lambda x: (x**2).sum(), size=1)
    >>> relation(descent, square, Projection.linear([[0.6, 0.8]]), [1.0, 2.0]).worst < 1e-14
    True
    """
    P = projection.matrix
    if P is None:
        raise InputError(
            "a projection that is not linear", why="states are related by its matrix", cure="give a matrix"
        )
    above_problem, generator = projection.pull_back(problem), read_generator(rng)
    start = read_reals(theta, what="the point above").reshape(-1)
    if start.shape != (projection.source,):
        raise InputError(
            f"a point of {start.size} numbers", why=f"the projection is one of {projection.source}", cure="give as many"
        )
    below, above = spec.start(problem, P @ start), spec.start(above_problem, start)
    for slot, kind in spec.slots.items():
        if kind in PULLED:
            below[slot] = _random(kind, problem.size, generator)
            above[slot] = P.T @ below[slot] if kind == "covector" else P.T @ below[slot] @ P
    chosen = spec.rate if rate is None else read_number(rate, name="rate", interval=POSITIVE)
    for _ in range(read_count(steps, name="steps")):
        below, above = spec.step(problem, below, chosen), spec.step(above_problem, above, chosen)
    return RelationDefects(slots={slot: _defect(kind, above, below, slot, P) for slot, kind in spec.slots.items()})


def _random(kind: str, size: int, generator: np.random.Generator) -> FloatArray:
    """A covector, or a positive definite matrix."""
    if kind == "covector":
        return generator.standard_normal(size)
    square = generator.standard_normal((size, size))
    return square @ square.T + np.eye(size)


def _defect(kind: str, above: State, below: State, slot: str, P: FloatArray) -> float:
    """How far the values of one slot are from being related."""
    up, down = np.asarray(above[slot], dtype=float), np.asarray(below[slot], dtype=float)
    sides = {
        "point": lambda: (P @ up, down),
        "vector": lambda: (P @ up, down),
        "con2": lambda: (P @ up @ P.T, down),
        "covector": lambda: (up, P.T @ down),
        "cov2": lambda: (up, P.T @ down @ P),
        "scalar": lambda: (up, down),
    }
    if kind not in sides:
        raise InputError(
            f"the slot {slot!r} of type {kind}",
            why="a projection relates points, vectors, covectors, cov2, con2 and scalars alone",
            cure="declare another type, or compare paths with `Tower`",
        )
    found, wanted = sides[kind]()
    size = max(float(np.abs(wanted).max(initial=0.0)), 1e-300)
    return float(np.abs(found - wanted).max(initial=0.0)) / size


def fixed_points_kept(
    spec: OptimizerSpec, problem: Problem, symmetry: Any, theta: Any, *, rate: float | None = None, steps: int = 20
) -> float:
    r"""How far an optimizer leads from the fixed points of a symmetry, :math:`|K\theta_T - \theta_T|_\infty`.

    Where :math:`L(K\theta) = L(\theta)` and the optimizer is natural under K, the immersed submanifold
    :math:`\{K\theta = \theta\}` is invariant: neurons that start equal stay equal.

    Parameters
    ----------
    spec: the optimizer.
    problem: with the symmetry.
    symmetry: K, shape (n, n).
    theta: a point that it fixes.
    rate: the learning rate; that of the spec by default.
    steps: T.

    Raises
    ------
    InputError: the symmetry moves the point or changes the loss near it.

    >>> from solvers.naturality.optimizers.second_order import newton
    >>> problem = Problem(lambda x: (x[0] + x[1] - 1) ** 2 + x[0] ** 2 + x[1] ** 2, size=2)
    >>> fixed_points_kept(newton(), problem, [[0, 1], [1, 0]], [2.0, 2.0])
    0.0
    """
    K, start = np.array(symmetry, dtype=float), np.array(theta, dtype=float).reshape(-1)
    if not np.allclose(K @ start, start, rtol=0, atol=1e-12):
        raise InputError("the point", why="the symmetry moves it", cure="give one of its fixed points")
    near = start + 0.1 * np.sin(1.0 + np.arange(problem.size))
    if not np.isclose(problem.value(K @ near), problem.value(near), rtol=1e-10):
        raise InputError("the symmetry", why="it changes the loss", cure="give a symmetry of the problem")
    end = np.asarray(run(spec, problem, start, rate=rate, steps=steps)["point"], dtype=float)
    return float(np.abs(K @ end - end).max())
