r"""Naturality along projections: does an optimizer above, projected, do what it does below?"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.convergence.theorem_check import TheoremCheck, figure
from solvers.naturality.problem import Problem
from solvers.naturality.problems import start_point
from solvers.naturality.projection import Projection
from solvers.naturality.registry import read_optimizer
from solvers.naturality.spec import OptimizerSpec, State
from solvers.steps.hyperparameters import POSITIVE, read_count, read_number
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_generator, read_reals
from symmetries.certificate import Claim, Verdict

NATURAL, UNNATURAL = 1e-10, 1e-3
"""Relative defects below which two velocities are the same, and above which they differ."""


@final
@dataclass(frozen=True, kw_only=True)
class Submersion:
    r"""How the first step of an optimizer behaves under a projection.

    Parameters
    ----------
    optimizer: its name.
    related_defect: the largest :math:`|T\pi V - V'\circ\pi| / |V'|` over the points.
    projectable_defect: the largest relative change of :math:`T\pi V` between two points of one fibre.
    claims: that the steps are related, and that the step above can be projected at all.
    """

    optimizer: str
    related_defect: float
    projectable_defect: float
    claims: tuple[Claim, Claim]

    @property
    def verdict(self) -> Verdict:
        """Verdict of the first claim: whether the projected step is the step below."""
        return self.claims[0].verdict

    @property
    def certificate(self) -> TheoremCheck:
        """The claims."""
        return TheoremCheck(theorem=f"{self.optimizer} under a projection", claims=self.claims)


def submersion(
    optimizer: Any,
    problem: Problem,
    projection: Projection,
    *,
    below: Any = None,
    rate: float | None = None,
    points: int | Sequence[Any] = 6,
    rng: int | np.random.Generator = 0,
) -> Submersion:
    r"""Whether an optimizer on :math:`L'\circ\pi` is projected to the optimizer on L'.

    .. math:: T\pi\,V = V'\circ\pi,\qquad V = (\Phi_\eta(\theta) - \theta)/\eta

    For gradients in a co-metric P this says :math:`J_\pi P J_\pi^{\mathsf T} = P'\circ\pi`.  It is compared at points,
    and at two points of each fibre, on which the projected velocity must be the same whatever is compared with it.

    Parameters
    ----------
    optimizer: above: a spec, a name or whatever :func:`~solvers.naturality.registry.read_optimizer` reads, or a field,
        a function (problem, point) -> velocity.
    problem: on the image of the projection; the one above is pulled back.
    projection: :math:`\pi`.
    below: the optimizer below; the same by default.
    rate: the learning rate of the one step.
    points: points above, or how many are drawn.
    rng: seed or generator of the points.

    Raises
    ------
    InputError: the problem is not one on the image, or an optimizer needs what the problem does not declare.

    >>> from solvers.naturality.problems import vector_problems
    >>> shear = Projection(lambda x: np.stack([x[0] + x[2] ** 2, x[1] * x[3]]), source=4, target=2)
    >>> submersion("natural-gradient-pseudo-inverse", vector_problems(2)[0], shear).verdict
    'measured'
    >>> submersion(lambda problem, theta: -problem.gradient(theta), vector_problems(2)[0], shear).verdict
    'refuted'

    Source: C. Goodbrake, "Unnatural Algorithms in Machine Learning" (2023), arXiv:2312.04739, for the viewpoint that
    naturality extends to maps that are not invertible.
    """
    spec = _read(optimizer)
    for what, value, kind in (("problem", problem, Problem), ("projection", projection, Projection)):
        if not isinstance(value, kind):
            raise InputError(f"{what}={value!r}", why=f"it is no {kind.__name__}", cure="give one")
    above, lower = projection.pull_back(problem), spec if below is None else _read(below)
    generator = read_generator(rng)
    places = _places(points, projection, generator)
    related, projectable, worst = 0.0, 0.0, None
    for place in places:
        _require_rank(projection, place)
        projected = _projected(spec, above, projection, place, rate)
        wanted = velocity(lower, problem, projection(place), rate)
        defect = _relative(projected, wanted)
        if worst is None or defect > related:
            related, worst = defect, place
        other = projection.same_fibre(place, place + 0.3 * generator.standard_normal(projection.source))
        projectable = max(projectable, _relative(_projected(spec, above, projection, other, rate), projected))
    title = spec.name if lower is spec else f"{spec.name} above and {lower.name} below"
    claims = (
        _claim(f"T pi V = V' o pi for {title}", related, points=len(places), worst_point=figure(worst)),
        _claim(f"T pi V is constant on the fibres for {spec.name}", projectable, points=2 * len(places)),
    )
    return Submersion(optimizer=spec.name, related_defect=related, projectable_defect=projectable, claims=claims)


def _places(points: Any, projection: Projection, generator: np.random.Generator) -> list[FloatArray]:
    """The points above that were given, or as many as were asked for."""
    if not isinstance(points, Sequence | np.ndarray):
        return [start_point(projection.source, generator) for _ in range(read_count(points, name="points"))]
    given = read_reals(points, what="the points")
    if given.ndim != 2 or not len(given) or given.shape[1] != projection.source or not np.isfinite(given).all():
        raise InputError(
            f"points of the shape {list(given.shape)}",
            why=f"points above are finite, of the shape [points, {projection.source}], and at least one",
            cure="give such points, or how many are to be drawn",
        )
    return list(given)


def _read(optimizer: Any) -> OptimizerSpec:
    """The spec of an optimizer or of a field."""
    if not inspect.isfunction(optimizer):
        return read_optimizer(optimizer)

    def step(problem: Problem, state: State, rate: float) -> State:
        """A step along the field."""
        moved = np.asarray(optimizer(problem, state["point"]), dtype=float)
        if moved.shape != state["point"].shape:
            raise InputError(
                f"a field that answers with the shape {list(moved.shape)}",
                why=f"the point has the shape {list(state['point'].shape)}",
                cure="return a vector of the shape of the point",
            )
        return {"point": state["point"] + rate * moved}

    return OptimizerSpec(
        name="the field" if optimizer.__name__ == "<lambda>" else optimizer.__name__,
        init=lambda problem, theta: {"point": theta},
        step=step,
        slots={"point": "point"},
    )


def velocity(spec: OptimizerSpec, problem: Problem, theta: FloatArray, rate: float | None = None) -> FloatArray:
    """The first displacement of an optimizer over its learning rate, shape (n,).

    >>> from solvers.naturality.optimizers.second_order import newton
    >>> velocity(newton(), Problem(lambda x: (x**2).sum(), size=2), np.array([1.0, 2.0])).round(12).tolist()
    [-1.0, -2.0]
    """
    chosen = spec.rate if rate is None else read_number(rate, name="rate", interval=POSITIVE)
    moved = spec.step(problem, spec.start(problem, theta), chosen)["point"]
    return (np.asarray(moved, dtype=float) - theta) / chosen


def _projected(
    spec: OptimizerSpec, above: Problem, projection: Projection, place: FloatArray, rate: float | None
) -> FloatArray:
    """The velocity above, carried down by the Jacobian of the projection."""
    return projection.jacobian(place) @ velocity(spec, above, place, rate)


def _require_rank(projection: Projection, place: FloatArray) -> None:
    """Refuse points where the projection is no submersion."""
    if np.linalg.matrix_rank(projection.jacobian(place)) < projection.target:
        raise InputError(
            f"the projection {projection.name!r} at a point",
            why="its Jacobian has not full rank there, so it is no submersion",
            cure="give other points",
        )


def _relative(found: FloatArray, wanted: FloatArray) -> float:
    """The distance relative to the second; infinite where it vanishes or is not finite."""
    size = float(np.linalg.norm(wanted))
    defect = float(np.linalg.norm(found - wanted)) / size if size else np.inf
    return defect if np.isfinite(defect) else float("inf")


def _claim(statement: str, defect: float, **evidence: Any) -> Claim:
    """A statement with the verdict that its relative defect gives."""
    numbers = {"defect": figure(defect), "natural": NATURAL, "unnatural": UNNATURAL, **evidence}
    if not np.isfinite(defect):
        reason = "a velocity vanishes or is not finite"
        return Claim(statement=statement, verdict="undecided", reason=reason, evidence=numbers)
    if defect <= NATURAL:
        return Claim(statement=statement, verdict="measured", reason="equal to rounding", evidence=numbers)
    if defect >= UNNATURAL:
        reason = f"they differ by {defect:.2g}, relative to their size"
        return Claim(statement=statement, verdict="refuted", reason=reason, evidence=numbers)
    reason = f"they differ by {defect:.2g}: more than rounding, less than a difference of direction"
    return Claim(statement=statement, verdict="undecided", reason=reason, evidence=numbers)
