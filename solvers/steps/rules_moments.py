"""Adam and its kin: rules made of averages of the gradient and of its square."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from array_api_compat import array_namespace

from solvers.rule import Array, Rule, Slot, State
from solvers.steps.hyperparameters import NON_NEGATIVE, UNIT, Interval
from solvers.steps.rules_adaptive import quotient
from solvers.steps.rules_momentum import decayed

_MOMENT_SLOTS: Mapping[str, Slot] = {"average": "covector", "square": "square"}
_MOMENT_RANGES: Mapping[str, Interval] = {"beta1": UNIT, "beta2": UNIT, "epsilon": NON_NEGATIVE}


class MomentRule(Rule):
    """A rule with exponential averages of the gradient and of its square, both starting at zero."""

    beta1: float
    beta2: float

    def _moments(self, gradient: Array, state: State) -> tuple[Array, Array]:
        """The next averages."""
        average, square = state["average"], state["square"]
        average = average + (1 - self.beta1) * (gradient - average)
        return average, square * self.beta2 + (1 - self.beta2) * gradient * gradient

    def _corrections(self, count: int) -> tuple[float, float]:
        """Sums of the weights of the two averages: what a gradient of ones would give."""
        return 1 - self.beta1**count, 1 - self.beta2**count


@final
@dataclass(frozen=True, kw_only=True)
class Adam(MomentRule):
    r"""Bias-corrected averages of gradient and squared gradient; ``torch.optim.Adam``.

    .. math:: m' = \beta_1 m + (1-\beta_1) g,\quad v' = \beta_2 v + (1-\beta_2) g^2,\quad
        W = -\eta\, \frac{m'/(1-\beta_1^t)}{\sqrt{v'/(1-\beta_2^t) + \epsilon_0} + \epsilon}

    Parameters
    ----------
    learning_rate: :math:`\eta`.
    beta1, beta2: weights of the past in the averages, from 0 and below 1.
    epsilon: :math:`\epsilon`, at least 0, beside the root, in units of the gradient.
    epsilon_root: :math:`\epsilon_0`, at least 0, under the root; PyTorch has none.

    >>> import numpy as np
    >>> rule = Adam(epsilon=0)
    >>> rule.step(np.array([4.0, -1.0]), rule.start(np.zeros(2)), count=1, rate=0.5)[0].round(12).tolist()
    [-0.5, 0.5]

    Source: D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    epsilon_root: float = 0.0

    slots: ClassVar[Mapping[str, Slot]] = _MOMENT_SLOTS
    ranges: ClassVar[Mapping[str, Interval]] = {**_MOMENT_RANGES, "epsilon_root": NON_NEGATIVE}

    def step(
        self, gradient: Array, state: State, *, count: int, rate: float, point: Array | None = None
    ) -> tuple[Array, State]:
        """The displacement and the next state."""
        average, square = self._moments(gradient, state)
        first, second = self._corrections(count)
        raised = square + self.epsilon_root * second if self.epsilon_root else square
        root = array_namespace(gradient).sqrt(raised) / second**0.5
        return quotient(-(rate / first) * average, root, self.epsilon), {"average": average, "square": square}


@final
@dataclass(frozen=True, kw_only=True)
class AdamW(MomentRule):
    r"""Adam with decoupled weight decay, :math:`W = W_{\mathrm{Adam}} - \eta\lambda w`; ``torch.optim.AdamW``.

    Parameters
    ----------
    learning_rate: :math:`\eta`.
    beta1, beta2: weights of the past in the averages, from 0 and below 1.
    epsilon: at least 0, beside the root.
    weight_decay: :math:`\lambda`, at least 0.

    >>> import numpy as np
    >>> rule, w = AdamW(epsilon=0, weight_decay=0.5), np.array([2.0])
    >>> rule.step(np.array([4.0]), rule.start(w), count=1, rate=0.5, point=w)[0].round(12).tolist()
    [-1.0]

    Source: I. Loshchilov and F. Hutter, "Decoupled weight decay regularization" (2019), algorithm 2.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 1e-2

    slots: ClassVar[Mapping[str, Slot]] = _MOMENT_SLOTS
    ranges: ClassVar[Mapping[str, Interval]] = {**_MOMENT_RANGES, "weight_decay": NON_NEGATIVE}

    def step(
        self, gradient: Array, state: State, *, count: int, rate: float, point: Array | None = None
    ) -> tuple[Array, State]:
        """The displacement and the next state."""
        average, square = self._moments(gradient, state)
        first, second = self._corrections(count)
        root = array_namespace(gradient).sqrt(square) / second**0.5
        moved = quotient(-(rate / first) * average, root, self.epsilon)
        return decayed(self.weight_decay, moved, point, rate=rate), {"average": average, "square": square}


@final
@dataclass(frozen=True, kw_only=True)
class AMSGrad(MomentRule):
    r"""Adam with the largest average of squared gradients so far; ``torch.optim.Adam(amsgrad=True)``.

    .. math:: s' = \max(s, v'),\quad
        W = -\eta\, \frac{m'/(1-\beta_1^t)}{\sqrt{s'}/\sqrt{1-\beta_2^t} + \epsilon}

    Parameters
    ----------
    learning_rate: :math:`\eta`.
    beta1, beta2: weights of the past in the averages, from 0 and below 1.
    epsilon: at least 0, beside the root.

    >>> import numpy as np
    >>> rule = AMSGrad(epsilon=0)
    >>> rule.step(np.array([4.0]), rule.start(np.zeros(1)), count=1, rate=0.5)[0].round(12).tolist()
    [-0.5]

    Source: S. J. Reddi, S. Kale and S. Kumar, "On the convergence of Adam and beyond" (2018), algorithm 2; with the
    bias corrections of PyTorch.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    slots: ClassVar[Mapping[str, Slot]] = {**_MOMENT_SLOTS, "largest_square": "square"}
    ranges: ClassVar[Mapping[str, Interval]] = _MOMENT_RANGES

    def step(
        self, gradient: Array, state: State, *, count: int, rate: float, point: Array | None = None
    ) -> tuple[Array, State]:
        """The displacement and the next state."""
        xp = array_namespace(gradient)
        average, square = self._moments(gradient, state)
        first, second = self._corrections(count)
        largest = xp.maximum(state["largest_square"], square)
        moved = quotient(-(rate / first) * average, xp.sqrt(largest) / second**0.5, self.epsilon)
        return moved, {"average": average, "square": square, "largest_square": largest}


@final
@dataclass(frozen=True, kw_only=True)
class NAdam(MomentRule):
    r"""Adam with Nesterov's look-ahead and a momentum that grows; ``torch.optim.NAdam``.

    .. math:: \mu_t = \beta_1(1 - \tfrac12\, 0.96^{\psi t}),\quad
        W = -\eta\Bigl(\frac{(1-\mu_t)\, g}{1-\prod_{k\le t}\mu_k}
        + \frac{\mu_{t+1} m'}{1-\prod_{k\le t+1}\mu_k}\Bigr) \Big/ \bigl(\sqrt{v'/(1-\beta_2^t)} + \epsilon\bigr)

    Parameters
    ----------
    learning_rate: :math:`\eta`.
    beta1, beta2: weights of the past in the averages, from 0 and below 1.
    epsilon: at least 0, beside the root.
    momentum_decay: :math:`\psi`, at least 0; how fast the momentum approaches ``beta1``.

    >>> import numpy as np
    >>> rule = NAdam(beta1=0.0, epsilon=0)
    >>> rule.step(np.array([4.0]), rule.start(np.zeros(1)), count=1, rate=0.5)[0].round(12).tolist()
    [-0.5]

    Source: T. Dozat, "Incorporating Nesterov momentum into Adam" (2016), algorithm 2.
    """

    learning_rate: Any = 2e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    momentum_decay: float = 4e-3

    slots: ClassVar[Mapping[str, Slot]] = _MOMENT_SLOTS
    ranges: ClassVar[Mapping[str, Interval]] = {**_MOMENT_RANGES, "momentum_decay": NON_NEGATIVE}

    def step(
        self, gradient: Array, state: State, *, count: int, rate: float, point: Array | None = None
    ) -> tuple[Array, State]:
        """The displacement and the next state."""
        average, square = self._moments(gradient, state)
        root = array_namespace(gradient).sqrt(square / (1 - self.beta2**count))
        now, later, product = self._momenta(count)
        present = quotient(-(rate * (1 - now) / (1 - product)) * gradient, root, self.epsilon)
        past = quotient(-(rate * later / (1 - product * later)) * average, root, self.epsilon)
        # PyTorch adds the two one after the other to the point, and so does this, where there is a point.
        moved = present + past if point is None else ((point + present) + past) - point
        return moved, {"average": average, "square": square}

    def _momenta(self, count: int) -> tuple[float, float, float]:
        """Momenta of this and of the next step, and the product of all up to this one."""
        if self.beta1 == 0:
            return 0.0, 0.0, 0.0
        # Each factor is below beta1, so that later ones leave 1 - product as it is.
        significant = min(count, math.ceil(math.log(1e-20) / math.log(self.beta1)))
        steps = np.arange(1, significant + 1)
        product = float(np.prod(self.beta1 * (1 - 0.5 * 0.96 ** (self.momentum_decay * steps))))
        now, later = (self.beta1 * (1 - 0.5 * 0.96 ** (self.momentum_decay * k)) for k in (count, count + 1))
        return now, later, product
