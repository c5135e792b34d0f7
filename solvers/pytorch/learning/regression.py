r"""Regression with a network of two layers, the task on which optimizers are learned in the literature."""

from __future__ import annotations

from typing import Any, final

import torch
from torch.nn.functional import leaky_relu

from manifolds.errors import InputError
from solvers.pytorch.learning.task import Task
from solvers.pytorch.meters.flat import Parameters
from symmetries.arguments import read_seed

ACTIONS = ("hidden-states", "scalings")
SLOPE = 0.1


@final
class RegressionTask(Task):
    r"""The loss :math:`\tfrac12|Y - U\sigma(VX)|^2` with X, Y, U, V uniform in [0, 1] and LeakyReLU of slope 0.1.

    Two groups leave it invariant, exactly and as group actions:

    - ``"hidden-states"``: GL(d) by :math:`U \mapsto Ug^{-1}`, :math:`V \mapsto V + [\sigma^{-1}(g\sigma(VX)) - VX]X^+`,
      g = exp T.  There are no more samples than inputs, so that :math:`X^+X = I` and hidden states go to g times them.
    - ``"scalings"``: positive diagonal g, :math:`U \mapsto Ug^{-1}`, :math:`V \mapsto gV`, for all inputs.

    Parameters
    ----------
    rng: seed of the data and the start.
    size: of all matrices; 20 in the literature.
    action: which group.

    Raises
    ------
    InputError: the size is not positive, there is no such action, or X lacks rank.

    >>> task = RegressionTask(0, size=3)
    >>> moved = task.moved(task.start, 0.1 * torch.ones(9, dtype=torch.float64))
    >>> bool(abs(task.loss(moved) / task.loss(task.start) - 1) < 1e-12)
    True

    Source: B. Zhao, R. Gower, R. Walters, R. Yu, "Improving Convergence and Generalization Using Parameter Symmetries"
    (2023), arXiv:2305.13404, section 5; exponentials in the place of I + T are ours.
    """

    def __init__(self, rng: Any = 0, *, size: int = 20, action: str = "hidden-states") -> None:
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise InputError(f"size={size!r}", why="it is no positive integer", cure="write size=20")
        if action not in ACTIONS:
            raise InputError(f"action={action!r}", why="there is none", cure=f"write one of {', '.join(ACTIONS)}")
        generator = torch.Generator().manual_seed(read_seed(rng))
        X, V, U, Y = (torch.rand(size, size, generator=generator, dtype=torch.float64) for _ in range(4))
        spread = torch.linalg.svdvals(X)
        if not spread[-1] > 1e-9 * spread[0]:
            raise InputError(
                f"the inputs of rng={rng!r} lack rank",
                why=f"the ratio of their extreme singular values is {float(spread[-1] / spread[0]):.1e}",
                cure="take another seed",
            )
        self.X, self.Y = X, Y
        self.action = action
        self._inverse = torch.linalg.inv(X)
        super().__init__({"V": V, "U": U}, coordinates=size * size if action == "hidden-states" else size)

    def loss(self, parameters: Parameters) -> torch.Tensor:
        """Half the sum of the squares of all residuals."""
        return 0.5 * (self.Y - parameters["U"] @ leaky_relu(parameters["V"] @ self.X, SLOPE)).square().sum()

    def moved(self, parameters: Parameters, coordinates: torch.Tensor) -> Parameters:
        """The action of exp(T), T from its entries row by row or from its diagonal."""
        U, V = parameters["U"], parameters["V"]
        if self.action == "scalings":
            factors = torch.exp(coordinates)
            return {"V": factors[:, None] * V, "U": U / factors}
        T = coordinates.reshape(len(V), len(V))
        z = V @ self.X
        goal = torch.linalg.matrix_exp(T) @ leaky_relu(z, SLOPE)
        return {
            "V": V + (leaky_relu(goal, 1 / SLOPE) - z) @ self._inverse,
            "U": U @ torch.linalg.matrix_exp(-T),
        }
