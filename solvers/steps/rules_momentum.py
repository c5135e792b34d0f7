"""Rules that follow the gradient, a moving sum of gradients, or their signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from array_api_compat import array_namespace

from manifolds.errors import InputError
from solvers.rule import Array, Rule, Slot, State
from solvers.steps.hyperparameters import NON_NEGATIVE, UNIT, Interval


@final
@dataclass(frozen=True, kw_only=True)
class GradientDescent(Rule):
    r"""Steps against the gradient, :math:`W = -\eta g`; ``torch.optim.SGD``.

    Parameters
    ----------
    learning_rate: :math:`\eta`.

    >>> GradientDescent(learning_rate=0.5).step(4.0, {}, count=1, rate=0.5)
    (-2.0, {})
    """

    def step(
        self, gradient: Array, state: State, *, count: int, rate: float, point: Array | None = None
    ) -> tuple[Array, State]:
        """The displacement and the next state."""
        return -rate * gradient, {}


@final
@dataclass(frozen=True, kw_only=True)
class HeavyBall(Rule):
    r"""Gradient descent with momentum, :math:`m' = \mu m + g,\; W = -\eta m'`; ``torch.optim.SGD(momentum=mu)``.

    Parameters
    ----------
    learning_rate: :math:`\eta`.
    momentum: :math:`\mu`, from 0 and below 1; the weight of the gradients of before.

    >>> rule = HeavyBall(momentum=0.5)
    >>> rule.step(4.0, {"momentum": 2.0}, count=2, rate=0.1)
    (-0.5, {'momentum': 5.0})

    Source: B. T. Polyak, "Some methods of speeding up the convergence of iteration methods" (1964).
    """

    momentum: float = 0.9

    slots: ClassVar[Mapping[str, Slot]] = {"momentum": "covector"}
    ranges: ClassVar[Mapping[str, Interval]] = {"momentum": UNIT}

    def step(
        self, gradient: Array, state: State, *, count: int, rate: float, point: Array | None = None
    ) -> tuple[Array, State]:
        """The displacement and the next state."""
        momentum = state["momentum"] * self.momentum + gradient
        return -rate * momentum, {"momentum": momentum}


@final
@dataclass(frozen=True, kw_only=True)
class Nesterov(Rule):
    r"""Accelerated gradient descent, :math:`m' = \mu m + g,\; W = -\eta(g + \mu m')`.

    This is the form in the look-ahead variable, ``torch.optim.SGD(nesterov=True)``: the point that it moves is where
    the next gradient is taken.

    Parameters
    ----------
    learning_rate: :math:`\eta`.
    momentum: :math:`\mu`, from 0 and below 1.

    >>> Nesterov(momentum=0.5).step(4.0, {"momentum": 2.0}, count=2, rate=0.1)
    (-0.65, {'momentum': 5.0})

    Source: Y. Nesterov, "A method of solving a convex programming problem with convergence rate O(1/k^2)" (1983); in
    this form I. Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013).
    """

    momentum: float = 0.9

    slots: ClassVar[Mapping[str, Slot]] = {"momentum": "covector"}
    ranges: ClassVar[Mapping[str, Interval]] = {"momentum": UNIT}

    def step(
        self, gradient: Array, state: State, *, count: int, rate: float, point: Array | None = None
    ) -> tuple[Array, State]:
        """The displacement and the next state."""
        momentum = state["momentum"] * self.momentum + gradient
        return -rate * (gradient + self.momentum * momentum), {"momentum": momentum}


@final
@dataclass(frozen=True, kw_only=True)
class SignDescent(Rule):
    r"""Steps of one length in every coordinate, :math:`W = -\eta\,\mathrm{sign}(g)`.

    Parameters
    ----------
    learning_rate: :math:`\eta`, the length of the step in each coordinate.

    >>> import numpy as np
    >>> SignDescent().step(np.array([4.0, -2.0, 0.0]), {}, count=1, rate=0.1)[0].tolist()
    [-0.1, 0.1, -0.0]

    Source: J. Bernstein et al., "signSGD: compressed optimisation for non-convex problems" (2018).
    """

    def step(
        self, gradient: Array, state: State, *, count: int, rate: float, point: Array | None = None
    ) -> tuple[Array, State]:
        """The displacement and the next state."""
        return -rate * array_namespace(gradient).sign(gradient), {}


@final
@dataclass(frozen=True, kw_only=True)
class Lion(Rule):
    r"""Sign descent on an average of gradients with decoupled weight decay.

    .. math:: W = -\eta\,(\mathrm{sign}(\beta_1 m + (1-\beta_1) g) + \lambda w),\quad m' = \beta_2 m + (1-\beta_2) g

    Parameters
    ----------
    learning_rate: :math:`\eta`; smaller than Adam's, by a factor of 3 to 10.
    beta1: :math:`\beta_1`, from 0 and below 1; weight of the average in the step.
    beta2: :math:`\beta_2`, from 0 and below 1; weight of the past in the average.
    weight_decay: :math:`\lambda`, at least 0.

    >>> import numpy as np
    >>> Lion().step(np.array([4.0, -2.0]), {"momentum": np.zeros(2)}, count=1, rate=0.1)[0].tolist()
    [-0.1, 0.1]

    Source: X. Chen et al., "Symbolic discovery of optimization algorithms" (2023), algorithm 2.
    """

    learning_rate: Any = 1e-4
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0

    slots: ClassVar[Mapping[str, Slot]] = {"momentum": "covector"}
    ranges: ClassVar[Mapping[str, Interval]] = {"beta1": UNIT, "beta2": UNIT, "weight_decay": NON_NEGATIVE}

    def step(
        self, gradient: Array, state: State, *, count: int, rate: float, point: Array | None = None
    ) -> tuple[Array, State]:
        """The displacement and the next state."""
        momentum = state["momentum"]
        direction = array_namespace(gradient).sign(momentum * self.beta1 + gradient * (1 - self.beta1))
        average = momentum * self.beta2 + gradient * (1 - self.beta2)
        return decayed(self.weight_decay, -rate * direction, point, rate=rate), {"momentum": average}


def decayed(weight_decay: float, displacement: Array, point: Array | None, *, rate: float) -> Array:
    """The displacement after decoupled weight decay: the point times 1 - rate * weight_decay first, as PyTorch rounds.

    Raises
    ------
    InputError: the weight is not zero and there is no point.

    >>> decayed(0.5, -1.0, 4.0, rate=0.25)
    -1.5
    """
    if weight_decay == 0:
        return displacement
    if point is None:
        raise InputError(
            "a step of a rule with weight decay was given no point",
            why="decay moves the point towards zero",
            cure="pass `point`, or set weight_decay to 0",
        )
    return (point * (1 - rate * weight_decay) + displacement) - point
