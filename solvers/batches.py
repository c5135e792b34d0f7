"""Mini-batches: which samples each step sees, a function of the seed and of the step alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, cast, final, runtime_checkable

import numpy as np

from manifolds.errors import InputError
from solvers.objective import Objective
from symmetries.arguments import read_seed

BatchFunction: TypeAlias = Callable[[int], Objective]
"""The objective of each step, by the number of steps done before it."""


@runtime_checkable
class Sampled(Protocol):
    """An objective that can be restricted to some of its samples."""

    @property
    def samples(self) -> int:
        """Number of samples."""

    def on(self, indices: Any) -> Objective:
        """The objective on these samples."""


@final
class MiniBatches:
    """The objective of each step on the next batch of a permutation of the samples, a new one every epoch.

    The permutation of epoch e is a function of (seed, e), so a run that stops and resumes sees the same batches. The
    last samples of an epoch, fewer than a batch, are left out in that epoch.

    Parameters
    ----------
    objective: what has ``on(indices)``, such as a network.
    size: samples in a batch.
    count: number of samples; those of the objective by default.
    rng: a seed or a generator, from which a seed is drawn.

    Raises
    ------
    InputError: the objective has no samples, or a number makes no sense.

    >>> from solvers.network import Network
    >>> network = Network(widths=(1, 1), inputs=np.ones((1, 6)), targets=np.ones((1, 6)), loss="squared")
    >>> batches = MiniBatches(network, size=2)
    >>> batches.period, batches(0).samples, batches.indices(1).size
    (3, 2, 2)
    >>> sorted(np.concatenate([batches.indices(step) for step in range(3, 6)]).tolist())
    [0, 1, 2, 3, 4, 5]
    """

    def __init__(
        self, objective: Objective, *, size: int, count: int | None = None, rng: int | np.random.Generator = 0
    ) -> None:
        if not callable(getattr(objective, "on", None)):
            raise InputError(
                f"mini-batches of {type(objective).__name__}",
                why="it cannot be restricted to samples: it has no method on(indices)",
                cure="use a Network, an objective of your own with on(indices), or a function step -> objective",
            )
        self._objective = cast("Sampled", objective)
        self.count = _positive(count if count is not None else getattr(objective, "samples", None), "count")
        self.size = _positive(size, "size")
        if self.size > self.count:
            raise InputError(
                f"size={size}", why=f"there are {self.count} samples", cure=f"use a size from 1 to {self.count}"
            )
        self.seed = read_seed(rng)
        self._epoch: tuple[int, Any] = (-1, None)

    @property
    def period(self) -> int:
        """Batches in an epoch."""
        return self.count // self.size

    def indices(self, step: int) -> np.ndarray[Any, np.dtype[Any]]:
        """The samples of a step, shape (size,), in increasing order."""
        epoch, place = divmod(step, self.period)
        if self._epoch[0] != epoch:
            self._epoch = epoch, np.random.default_rng((self.seed, epoch)).permutation(self.count)
        return np.sort(self._epoch[1][place * self.size : (place + 1) * self.size])

    def __call__(self, step: int) -> Objective:
        """The objective on the batch of a step."""
        return self._objective.on(self.indices(step))

    def describe(self) -> str:
        """What the batches depend on, for the checkpoint."""
        return f"MiniBatches(count={self.count}, size={self.size}, seed={self.seed})"


@final
class OneBatch:
    """The whole objective at every step.

    >>> objective = Objective.from_functions(lambda w: w @ w, lambda w: 2 * w, size=2)
    >>> OneBatch(objective)(7) is objective
    True
    """

    period = 1

    def __init__(self, objective: Objective) -> None:
        self._objective = objective

    def __call__(self, step: int) -> Objective:
        """The objective."""
        return self._objective

    def describe(self) -> str:
        """What the batches depend on, for the checkpoint."""
        return "none"


@final
class FunctionBatches:
    """The objectives that a function step -> objective returns, each checked.

    Parameters
    ----------
    function: step -> objective of the same parameters.
    size: number of parameters.
    """

    period = 100

    def __init__(self, function: BatchFunction, *, size: int) -> None:
        self._function, self._size = function, size
        self._last: tuple[int, Objective] | None = None

    def __call__(self, step: int) -> Objective:
        """The objective of a step, asked for once in a row; refused when it is none or has other parameters."""
        if self._last is not None and self._last[0] == step:
            return self._last[1]
        objective = self._function(step)
        if not isinstance(objective, Objective) or objective.size != self._size:
            found = f"{objective.size} parameters" if isinstance(objective, Objective) else type(objective).__name__
            raise InputError(
                f"the batch of step {step}: {found}",
                why=f"an objective of {self._size} parameters is needed",
                cure="let the function return, for example, network.on(indices)",
            )
        self._last = step, objective
        return objective

    def describe(self) -> str:
        """What the batches depend on, for the checkpoint."""
        return f"function {getattr(self._function, '__qualname__', type(self._function).__name__)}"


Batches: TypeAlias = MiniBatches | OneBatch | FunctionBatches


def read_batches(batches: Any, objective: Objective) -> Batches:
    """What gives the objective of each step.

    >>> read_batches(3, Objective.from_functions(lambda w: w @ w, lambda w: 2 * w, size=2))
    Traceback (most recent call last):
    manifolds.errors.InputError: batches=3
      why: it is no function of the step
      try: use MiniBatches(objective, size=32), or a function step -> objective
    """
    if batches is None:
        return OneBatch(objective)
    if isinstance(batches, MiniBatches):
        if batches(0).size != objective.size:
            raise InputError(
                f"batches of an objective of {batches(0).size} parameters",
                why=f"the objective has {objective.size}",
                cure="make the batches from the objective that is minimised",
            )
        return batches
    if not callable(batches):
        raise InputError(
            f"batches={batches!r}",
            why="it is no function of the step",
            cure="use MiniBatches(objective, size=32), or a function step -> objective",
        )
    return FunctionBatches(batches, size=objective.size)


def _positive(number: Any, name: str) -> int:
    """A positive integer."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
        raise InputError(f"{name}={number!r}", why="it is no number of samples", cure="give an integer from 1 up")
    return int(number)
