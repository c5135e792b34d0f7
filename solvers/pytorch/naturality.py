"""Optimizers of PyTorch as black boxes that can be asked for their naturality."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Any, final

import numpy as np
import torch

from manifolds.errors import InputError
from solvers.naturality.adapters import black_box
from solvers.naturality.problem import Problem
from solvers.naturality.spec import OptimizerSpec
from solvers.steps.hyperparameters import read_count
from symmetries.actions.parameter_space import FloatArray

OPTIMIZERS: Mapping[str, type[torch.optim.Optimizer]] = {
    name: kind
    for name, kind in vars(torch.optim).items()
    if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer) and name not in ("Optimizer", "SparseAdam")
}
"""The optimizers of ``torch.optim`` for dense gradients, by name."""

MATRIX = ("Adafactor", "Muon")
"""Those that treat a matrix otherwise than its entries."""

RATES = {"Adadelta": 1.0, "LBFGS": 0.5, "Muon": 0.1}
"""Learning rates at which a few steps move the point visibly; 0.05 otherwise."""

ITERATIONS = {"RAdam": 2}
"""Iterations in a step: RAdam is gradient descent with momentum in its first five."""

SETTINGS: Mapping[str, Mapping[str, Any]] = {"LBFGS": {"max_iter": 2}}
"""Settings that differ from the defaults: twenty inner iterations converge, and convergence hides what happened."""


def TorchAdapter(kind: Any, *, iterations: int | None = None, **settings: Any) -> OptimizerSpec:
    """An optimizer of PyTorch on one parameter in double precision, with an opaque state.

    The optimizer is made anew for every run and is handed the gradient of the problem; nothing global is touched.

    Parameters
    ----------
    kind: a class of optimizers, or the name of one in ``torch.optim``, in any case.
    iterations: in one step; 1 by default, and 2 for RAdam, so that a few steps pass its change of regime.
    settings: of the optimizer, as PyTorch documents them; ``lr`` is the learning rate of the tests.

    Raises
    ------
    InputError: PyTorch has no such optimizer, or it refuses the settings.

    >>> TorchAdapter("adam", eps=0.0).name
    'torch:Adam'
    """
    found: Any = read_kind(kind)
    name: str = found.__name__
    chosen: dict[str, Any] = {**SETTINGS.get(name, {}), **settings}
    rate = chosen.pop("lr", RATES.get(name, 0.05))
    stride = ITERATIONS.get(name, 1) if iterations is None else read_count(iterations, name="iterations")
    try:
        found([torch.zeros(2, 2, dtype=torch.float64, requires_grad=True)], lr=rate, **chosen)
    except (TypeError, ValueError) as error:
        raise InputError(f"the settings of torch:{name}", why=str(error), cure="give what PyTorch documents") from None

    last: list[_Run] = []  # a run is continued where the next step of it is asked for

    def follow(problem: Problem, start: FloatArray, steps: int, rate: float) -> FloatArray:
        """The point after some iterations from the start."""
        if not (last and last[0].leads_to(problem, start, steps * stride, rate)):
            last[:] = [_Run(problem, start, rate, partial(found, **chosen))]
        return last[0].advance(steps * stride)

    notes = f"PyTorch {torch.__version__}" + (f", {stride} iterations in a step" if stride > 1 else "")
    return black_box(f"torch:{name}", follow, rate=rate, matrix=name in MATRIX, notes=notes)


@final
class _Run:
    """A run of an optimizer on one parameter."""

    def __init__(self, problem: Problem, start: FloatArray, rate: float, make: Callable[..., Any]) -> None:
        self.problem, self.start, self.rate, self.done = problem, start.copy(), rate, 0
        self.parameter = torch.tensor(start.reshape(problem.shape), dtype=torch.float64, requires_grad=True)
        self.optimizer = make([self.parameter], lr=rate)

    def leads_to(self, problem: Problem, start: FloatArray, steps: int, rate: float) -> bool:
        """Whether the state after some steps lies on this run, ahead of where it is."""
        same = problem is self.problem and rate == self.rate and self.done < steps
        return same and np.array_equal(start, self.start)

    def advance(self, steps: int) -> FloatArray:
        """The point after some steps in all."""
        while self.done < steps:
            self.optimizer.step(self._closure)
            self.done += 1
        return self.parameter.detach().numpy().reshape(-1).copy()

    def _closure(self) -> float:
        """The loss, with its gradient given to the parameter."""
        point = self.parameter.detach().numpy().reshape(-1).copy()
        self.parameter.grad = torch.from_numpy(self.problem.gradient(point).reshape(self.problem.shape).copy())
        return self.problem.value(point)


def read_kind(kind: Any) -> type[torch.optim.Optimizer]:
    """A class of optimizers from itself or from its name.

    Raises
    ------
    InputError: it is neither.

    >>> read_kind("sgd").__name__
    'SGD'
    """
    if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer):
        return kind
    known = {name.lower(): name for name in OPTIMIZERS}
    text = str(kind).lower()
    if text not in known:
        near = get_close_matches(text, known, n=1)
        raise InputError(
            f"the PyTorch optimizer {kind!r}",
            why="torch.optim has none of this name for dense gradients"
            + (f"; the nearest is {known[near[0]]!r}" if near else ""),
            cure=f"use one of {', '.join(OPTIMIZERS)}, or a class of your own",
        )
    return OPTIMIZERS[known[text]]
