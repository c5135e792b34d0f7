"""One training problem in many coordinates: how far the loss curves of each optimizer spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.minimize import minimize
from solvers.naturality.remedies.reparameterised import Reparameterised, ill_conditioned
from solvers.objective import Objective
from solvers.rule import Rule
from solvers.status import Status
from solvers.steps.hyperparameters import read_count
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.arguments import read_generator


@final
@dataclass(frozen=True, kw_only=True)
class TrainingSpread:
    """The loss curves of one optimizer in many coordinates.

    Parameters
    ----------
    name: of the optimizer.
    rates: the learning rate that was best in each coordinate system.
    curves: the losses, shape (coordinate systems, steps + 1), the original coordinates first.
    """

    name: str
    rates: tuple[float, ...]
    curves: FloatArray

    @property
    def spread(self) -> float:
        """Largest over smallest of the last losses, one for a natural optimizer."""
        last = self.curves[:, -1]
        return float(last.max() / last.min())

    @property
    def widest(self) -> float:
        """The largest relative difference of two curves at any step."""
        return float((self.curves.max(axis=0) / self.curves.min(axis=0)).max() - 1)

    @property
    def loss_ratio(self) -> float:
        """Median over coordinate systems of the last loss over that in the original coordinates."""
        return float(np.median(self.curves[1:, -1]) / self.curves[0, -1])


def training_spread(
    objective: Objective,
    w: Point,
    rules: Mapping[str, tuple[Rule, Sequence[float]]],
    *,
    coordinates: int = 20,
    condition: float = 1e3,
    steps: int = 100,
    rng: int | np.random.Generator = 0,
) -> tuple[TrainingSpread, ...]:
    r"""Train in random linear coordinates :math:`w' = Aw` and compare, each rule at its best rate in each of them.

    Tuning is done anew for each coordinate system, in favour of the optimizers that notice it; the rate of a natural
    one does not depend on it.

    Parameters
    ----------
    objective: with a positive loss; a network, for the natural gradient.
    w: the start.
    rules: by name, each with the learning rates that are tried.
    coordinates: number of random coordinate systems beside the original one.
    condition: of the matrices A.
    steps: of training.
    rng: seed or generator of the matrices.

    Raises
    ------
    InputError: there is no rule or no rate, or every rate of a rule blows up.

    >>> from solvers.network import Network
    >>> from solvers.naturality.remedies.natural_gradient_rule import NaturalGradient
    >>> network = Network(widths=(1, 1), inputs=[[1.0, 2.0]], targets=[[1.0, 3.0]], loss="squared", half=True)
    >>> rules = {"natural": (NaturalGradient(dense_limit=9), (0.5,))}
    >>> training_spread(network, [0.0], rules, coordinates=2, condition=1.0, steps=5)[0].widest < 1e-10
    True
    """
    read_count(coordinates, name="coordinates")
    read_count(steps, name="steps")
    if not rules or not all(len(rates) for _, rates in rules.values()):
        raise InputError("the rules", why="each is tried at one rate or more", cure='give {"adam": (Adam(), (0.1,))}')
    start, generator = objective.start(w), read_generator(rng)
    matrices = [np.eye(objective.size)]
    matrices += [ill_conditioned(objective.size, condition=condition, rng=generator) for _ in range(coordinates)]
    found = []
    for name, (rule, rates) in rules.items():
        best = [_best(objective, start, matrix, rule, rates, steps, name) for matrix in matrices]
        found.append(
            TrainingSpread(
                name=name, rates=tuple(rate for rate, _ in best), curves=np.array([curve for _, curve in best])
            )
        )
    return tuple(found)


def _best(
    objective: Objective,
    start: FloatArray,
    matrix: FloatArray,
    rule: Rule,
    rates: Sequence[float],
    steps: int,
    name: str,
) -> tuple[float, FloatArray]:
    """The best rate in one coordinate system, and its losses."""
    best: tuple[float, FloatArray] | None = None
    for rate in rates:
        curve = _curve(Reparameterised(objective, matrix), matrix @ start, replace(rule, learning_rate=rate), steps)
        if np.isfinite(curve).all() and (best is None or curve[-1] < best[1][-1]):
            best = float(rate), curve
    if best is None:
        raise InputError(
            f"the rates of {name}", why="every one blows up in some coordinates", cure="give smaller ones as well"
        )
    return best


def _curve(objective: Objective, start: FloatArray, rule: Any, steps: int) -> FloatArray:
    """The losses of a run: the last one stays where it converged, NaN where it blew up."""
    result = minimize(objective, start, rule=rule, steps=steps, tolerance=0.0)
    losses = np.full(steps + 1, result.history[-1].loss if result.status is Status.CONVERGED else np.nan)
    losses[: len(result.history)] = [record.loss for record in result.history]
    return losses
