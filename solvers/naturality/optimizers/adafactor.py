"""Adafactor: second moments from their means over rows and over columns."""

from __future__ import annotations

import numpy as np

from solvers.naturality.optimizers.build import specify
from solvers.naturality.problem import Problem
from solvers.naturality.spec import OptimizerSpec, State
from symmetries.actions.parameter_space import FloatArray


def adafactor(*, relative: bool = False, clip: float = 1.0, smallest: float = 1e-3) -> OptimizerSpec:
    r"""Adam's denominator as the product of a column and a row, :math:`V = rc^{\mathsf T}/\bar r,\; U = G/\sqrt V`.

    .. math:: r' = \beta_t r + (1-\beta_t)\,\overline{G^2}^{\mathrm{row}},\quad \beta_t = 1 - t^{-0.8},\quad
        W' = W - \alpha\,U/\max(1, \mathrm{rms}(U)/d)

    Parameters
    ----------
    relative: :math:`\alpha = \eta\max(\epsilon_2, \mathrm{rms}(W))` in place of :math:`\eta`, as in PyTorch.
    clip: d.
    smallest: :math:`\epsilon_2`, for relative steps.

    >>> adafactor().name, adafactor(relative=True).name
    ('adafactor', 'adafactor-torch')

    Source: N. Shazeer and M. Stern, "Adafactor: adaptive learning rates with sublinear memory cost" (2018),
    algorithm 4, without its :math:`\epsilon_1`.
    """

    def start(problem: Problem, point: FloatArray) -> State:
        """The slots that do not start at zero."""
        return {"row_means": np.zeros(problem.shape[0]), "column_means": np.zeros(problem.shape[1])}

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point, count = state["point"], state["count"] + 1
        G, weight = problem.gradient(point).reshape(problem.shape), count**-0.8
        rows = (1 - weight) * state["row_means"] + weight * (G**2).mean(axis=1)
        columns = (1 - weight) * state["column_means"] + weight * (G**2).mean(axis=0)
        moved = (G / np.sqrt(np.outer(rows, columns) / rows.mean())).ravel()
        length = rate * max(smallest, _rms(point)) if relative else rate
        point = point - length * moved / max(1.0, _rms(moved) / clip)
        return {"point": point, "row_means": rows, "column_means": columns, "count": count}

    slots = {"row_means": "opaque", "column_means": "opaque", "count": "scalar"}
    return specify("adafactor-torch" if relative else "adafactor", step, slots, start=start, matrix=True)


def _rms(array: FloatArray) -> float:
    """The root of the mean square."""
    return float(np.sqrt((array**2).mean()))
