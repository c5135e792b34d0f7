r"""The observed order of convergence of a teleport to the steepest point of the level set and one step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.convergence.theorem_check import figure, undecided
from solvers.equivalence.local_steepest import LocalSteepest, local_steepest
from solvers.objective import Objective, as_objective
from symmetries import Loss
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.arguments import read_generator
from symmetries.certificate import Claim

__all__ = ["ObservedOrder", "observed_order"]


@final
@dataclass(frozen=True, kw_only=True)
class ObservedOrder:
    r"""How fast a teleport and a step with the rate 1/lambda converge, :math:`|w_1 - w^*| \approx C|w - w^*|^p`.

    Parameters
    ----------
    order: the slope p of the logarithms; NaN where fewer than three starts gave a number above rounding.
    before, teleported, after: distances to the minimiser at the start, after the teleport and after the step.
    constant: :math:`|w_1 - w^*|/|w' - w^*|^2` at the last start.
    predicted: its limit :math:`\tfrac12|H^{-1}D^3L[v,v]|` at the minimiser, for the top eigenvector v.
    landed: starts from which the step ended at the minimiser, to rounding.

    >>> ObservedOrder(order=2.0, before=(), teleported=(), after=(), constant=1.0, predicted=1.0).claim.verdict
    'measured'
    """

    order: float
    before: tuple[float, ...]
    teleported: tuple[float, ...]
    after: tuple[float, ...]
    constant: float
    predicted: float
    landed: int = 0

    @property
    def claim(self) -> Claim:
        """That the order is at least two."""
        statement = "order: a teleport and a step with the rate 1/lambda converge with order two at least"
        facts = {
            "name": "order",
            "order": figure(self.order),
            "before": list(self.before),
            "after": list(self.after),
            "constant": figure(self.constant),
            "predicted_constant": figure(self.predicted),
        }
        if not np.isfinite(self.order) and self.landed >= 3:
            why = f"from {self.landed} starts the step ends at the minimiser, to rounding"
            return Claim(statement=statement, verdict="measured", reason=why, evidence=facts)
        if not np.isfinite(self.order):
            return undecided(statement, "fewer than three starts gave a distance above rounding", **facts)
        if self.order >= 1.8:
            why = f"the observed order is {self.order:.2f}"
            return Claim(statement=statement, verdict="measured", reason=why, evidence=facts)
        return undecided(statement, f"the observed order is {self.order:.2f}: start nearer to the minimiser", **facts)


def observed_order(
    problem: Objective | Loss,
    minimiser: Point,
    *,
    radius: float = 0.1,
    starts: int = 7,
    rng: int | np.random.Generator = 0,
) -> ObservedOrder:
    r"""The observed order of convergence of a teleport and a step with the rate 1/lambda.

    It is two where :math:`D^3L[v,v] \ne 0` at the minimiser for the top eigenvector v, and higher where it vanishes, as
    it does for even losses.

    Parameters
    ----------
    problem: the loss.
    minimiser: where its gradient is zero and its Hessian is positive definite.
    radius: distance of the first start; each next one is half as far.
    starts: how many.
    rng: seed or generator of the direction.

    >>> order = observed_order(Loss.parse("exp(x) - x + exp(2*y) - 2*y"), [0.0, 0.0])
    >>> round(order.order, 1), round(order.predicted, 4)
    (2.0, 1.0)

    Source: ours.
    """
    objective = as_objective(problem)
    centre = objective.start(minimiser)
    require_positive("radius", radius)
    if isinstance(starts, bool) or not isinstance(starts, int | np.integer) or starts < 3:
        raise InputError(f"starts={starts!r}", why="a slope needs three points", cure="give 3, 4, ...")
    direction = read_generator(rng).standard_normal(objective.size)
    direction /= float(np.linalg.norm(direction))
    rows: list[tuple[float, float, float]] = []
    landed = 0
    for k in range(starts):
        w = centre + radius * 0.5**k * direction
        found = local_steepest(objective, w, centre)
        if found is None:
            continue
        row = _distances(found, w, centre)
        rounding = 1e3 * float(np.finfo(float).eps) * (float(np.linalg.norm(centre)) + row[1])
        landed += row[2] <= rounding
        if row[2] > rounding:
            rows.append(row)
    before, teleported, after = (tuple(column) for column in zip(*rows, strict=True)) if rows else ((), (), ())
    slope = float(np.polyfit(np.log(before), np.log(after), 1)[0]) if len(rows) >= 3 else float("nan")
    return ObservedOrder(
        order=slope,
        before=before,
        teleported=teleported,
        after=after,
        constant=after[-1] / teleported[-1] ** 2 if rows else float("nan"),
        predicted=_limit(objective, centre),
        landed=landed,
    )


def _distances(found: LocalSteepest, w: FloatArray, centre: FloatArray) -> tuple[float, float, float]:
    """Distances to the minimiser before the teleport, after it, and after the step."""
    reached = found.point - found.gradient / found.eigenvalue
    return tuple(float(np.linalg.norm(x - centre)) for x in (w, found.point, reached))  # type: ignore[return-value]


def _limit(objective: Objective, centre: FloatArray) -> float:
    """The limit of the constant, the third derivative by a central difference of Hessian-vector products."""
    hessian = objective.hessian(centre)
    values, vectors = np.linalg.eigh(hessian)
    if not values[0] > 0:
        return float("nan")
    v, step = vectors[:, -1], 1e-5 * (1 + float(np.linalg.norm(centre)))
    third = (objective.hvp(centre + step * v, v) - objective.hvp(centre - step * v, v)) / (2 * step)
    return 0.5 * float(np.linalg.norm(np.linalg.solve(hessian, third)))


def require_positive(name: str, value: Any, *, zero: bool = False) -> None:
    """Refuse what is no positive number."""
    real = not isinstance(value, bool) and isinstance(value, int | float | np.number) and np.isfinite(value)
    if not (real and (value > 0 or (zero and value == 0))):
        raise InputError(f"{name}={value!r}", why="it is no positive number", cure=f"write {name}=0.1, for example")
