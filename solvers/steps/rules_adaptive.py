"""Rules that divide each coordinate by the size of its gradients so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from array_api_compat import array_namespace

from solvers.rule import Array, Rule, Slot, State
from solvers.steps.hyperparameters import NON_NEGATIVE, UNIT, Interval


def quotient(numerator: Array, root: Array, epsilon: float) -> Array:
    """The numerator over root + epsilon; zero where the denominator is zero, since no gradient was seen there.

    >>> import numpy as np
    >>> quotient(np.array([0.0, 3.0]), np.array([0.0, 2.0]), 0.0).tolist()
    [0.0, 1.5]
    """
    if epsilon > 0:
        return numerator / (root + epsilon)
    empty = root == 0
    xp = array_namespace(root)
    return xp.where(empty, root, numerator / xp.where(empty, root + 1, root))


@final
@dataclass(frozen=True, kw_only=True)
class AdaGrad(Rule):
    r"""Each coordinate over the root of the sum of its squared gradients; ``torch.optim.Adagrad``.

    .. math:: v' = v + g^2,\quad W = -\eta\, g/(\sqrt{v'} + \epsilon)

    Parameters
    ----------
    learning_rate: :math:`\eta`.
    epsilon: :math:`\epsilon`, at least 0, in units of the gradient.

    >>> import numpy as np
    >>> rule = AdaGrad(epsilon=0)
    >>> rule.step(np.array([4.0, 0.0]), {"square": np.array([9.0, 0.0])}, count=2, rate=0.5)[0].tolist()
    [-0.4, 0.0]

    Source: J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning" (2011).
    """

    epsilon: float = 1e-10

    slots: ClassVar[Mapping[str, Slot]] = {"square": "square"}
    ranges: ClassVar[Mapping[str, Interval]] = {"epsilon": NON_NEGATIVE}

    def step(
        self, gradient: Array, state: State, *, count: int, rate: float, point: Array | None = None
    ) -> tuple[Array, State]:
        """The displacement and the next state."""
        square = state["square"] + gradient * gradient
        root = array_namespace(gradient).sqrt(square)
        return quotient(-rate * gradient, root, self.epsilon), {"square": square}


@final
@dataclass(frozen=True, kw_only=True)
class RMSProp(Rule):
    r"""Each coordinate over the root of the average of its squared gradients; ``torch.optim.RMSprop``.

    .. math:: v' = \rho v + (1-\rho) g^2,\quad b' = \mu b + g/(\sqrt{v'} + \epsilon),\quad W = -\eta b'

    Parameters
    ----------
    learning_rate: :math:`\eta`.
    decay: :math:`\rho`, from 0 and below 1; ``alpha`` in PyTorch.
    epsilon: :math:`\epsilon`, at least 0, in units of the gradient.
    momentum: :math:`\mu`, from 0 and below 1.

    >>> import numpy as np
    >>> rule = RMSProp(decay=0.75, epsilon=0)
    >>> rule.step(np.array([4.0]), rule.start(np.zeros(1)), count=1, rate=0.5)[0].tolist()
    [-1.0]

    Source: G. Hinton, "Neural networks for machine learning", lecture 6e (2012).
    """

    decay: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0

    slots: ClassVar[Mapping[str, Slot]] = {"square": "square", "momentum": "vector"}
    ranges: ClassVar[Mapping[str, Interval]] = {"decay": UNIT, "epsilon": NON_NEGATIVE, "momentum": UNIT}

    def step(
        self, gradient: Array, state: State, *, count: int, rate: float, point: Array | None = None
    ) -> tuple[Array, State]:
        """The displacement and the next state."""
        square = state["square"] * self.decay + (1 - self.decay) * gradient * gradient
        scaled = quotient(gradient, array_namespace(gradient).sqrt(square), self.epsilon)
        momentum = state["momentum"] * self.momentum + scaled if self.momentum else scaled
        return -rate * momentum, {"square": square, "momentum": momentum}


@final
@dataclass(frozen=True, kw_only=True)
class AdaDelta(Rule):
    r"""Each coordinate in units of its own displacements; ``torch.optim.Adadelta``.

    .. math:: v' = \rho v + (1-\rho) g^2,\quad d = g\sqrt{u + \epsilon}/\sqrt{v' + \epsilon},\quad
        u' = \rho u + (1-\rho) d^2,\quad W = -\eta d

    Parameters
    ----------
    learning_rate: :math:`\eta`; 1 is the method as published.
    decay: :math:`\rho`, from 0 and below 1; ``rho`` in PyTorch.
    epsilon: :math:`\epsilon`, at least 0, under both roots; with 0 the rule never leaves its start.

    >>> import numpy as np
    >>> rule = AdaDelta(decay=0.5, epsilon=1.0)
    >>> rule.step(np.array([4.0]), rule.start(np.zeros(1)), count=1, rate=1.0)[0].round(6).tolist()
    [-1.333333]

    Source: M. D. Zeiler, "ADADELTA: an adaptive learning rate method" (2012), algorithm 1.
    """

    learning_rate: Any = 1.0
    decay: float = 0.9
    epsilon: float = 1e-6

    slots: ClassVar[Mapping[str, Slot]] = {"square": "square", "displacement_square": "vector-square"}
    ranges: ClassVar[Mapping[str, Interval]] = {"decay": UNIT, "epsilon": NON_NEGATIVE}

    def step(
        self, gradient: Array, state: State, *, count: int, rate: float, point: Array | None = None
    ) -> tuple[Array, State]:
        """The displacement and the next state."""
        xp = array_namespace(gradient)
        square = state["square"] * self.decay + (1 - self.decay) * gradient * gradient
        past = state["displacement_square"]
        scale = quotient(xp.sqrt(past + self.epsilon), xp.sqrt(square + self.epsilon), 0.0)
        direction = scale * gradient
        past = past * self.decay + (1 - self.decay) * direction * direction
        return -rate * direction, {"square": square, "displacement_square": past}
