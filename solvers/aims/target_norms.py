r"""Squared gradient norms as targets: how fast the loss falls under gradient flow from a point.

Source: B. Zhao, N. Dehmamy, R. Walters, R. Yu, "Symmetry Teleportation for Accelerated Optimization" (2022),
arXiv:2205.10637, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.objective import Objective
from solvers.rule import Rule, State
from solvers.rules import AdaGrad, Adam, AdamW, RMSProp
from solvers.steps.hyperparameters import read_count
from solvers.steps.step_size import StepSize
from solvers.target import Target
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_reals


@final
@dataclass(frozen=True)
class GradientNorm(Target):
    r"""The squared gradient norm :math:`|\nabla L(w)|^2`, with the gradient :math:`2\nabla^2L(w)\nabla L(w)`.

    A value costs one gradient, a value with its gradient one Hessian-vector product more.

    >>> objective = Objective.from_functions(lambda w: w @ w / 2, lambda w: w, lambda w, v: v, size=2)
    >>> GradientNorm().value_and_grad(objective, np.array([3.0, 4.0]))
    (25.0, array([6., 8.]))

    Source: B. Zhao et al. (2022), arXiv:2205.10637, algorithm 1.
    """

    name = "gradient-norm"

    def value(self, objective: Objective, w: FloatArray) -> float:
        """The squared gradient norm."""
        gradient = objective.gradient(w)
        with np.errstate(over="ignore"):
            return float(gradient @ gradient)

    def value_and_grad(self, objective: Objective, w: FloatArray) -> tuple[float, FloatArray]:
        """The squared gradient norm and twice the Hessian times the gradient."""
        gradient = objective.gradient(w)
        with np.errstate(over="ignore"):
            square = float(gradient @ gradient)
        return square, 2 * objective.hvp(w, gradient)


@final
@dataclass(frozen=True, eq=False)
class PreconditionedGradientNorm(Target):
    r"""The rate :math:`\nabla L^T\eta\,\nabla L` of descent of the flow :math:`\dot w = -\eta\nabla L`.

    Parameters
    ----------
    eta: a non-negative vector of shape (n,), the diagonal, or a symmetric positive semidefinite matrix (n, n).

    Raises
    ------
    InputError: eta is no such vector or matrix, or has another size than the objective.

    >>> objective = Objective.from_functions(lambda w: w @ w / 2, lambda w: w, lambda w, v: v, size=2)
    >>> PreconditionedGradientNorm([1.0, 0.5]).value_and_grad(objective, np.array([3.0, 4.0]))
    (17.0, array([6., 4.]))

    Source: B. Zhao et al. (2022), arXiv:2205.10637, section 3.2.
    """

    eta: Any

    name = "preconditioned-gradient-norm"

    def __post_init__(self) -> None:
        object.__setattr__(self, "eta", _read_metric(self.eta))

    @staticmethod
    def of_state(rule: Rule, state: State, *, count: int) -> PreconditionedGradientNorm:
        r"""The target with the diagonal by which a rule multiplies gradients after some steps.

        .. math:: \eta_i = \frac{\text{learning rate}}{\sqrt{v_i/(1-\beta_2^t)} + \epsilon}

        for Adam and AdamW, without the correction for AdaGrad and RMSProp.

        Parameters
        ----------
        rule: the optimizer, with a number or a schedule as its learning rate.
        state: its state.
        count: the steps it has done, at least 1.

        Raises
        ------
        InputError: the rule is another one, its learning rate is found by a policy, or eta is infinite.

        >>> rule, w = AdaGrad(learning_rate=0.5, epsilon=0), np.array([3.0])
        >>> _, state = rule.step(np.array([4.0]), rule.start(w), count=1, rate=0.5)
        >>> PreconditionedGradientNorm.of_state(rule, state, count=1).eta.tolist()
        [0.125]
        """
        return PreconditionedGradientNorm(_diagonal(rule, state, read_count(count, name="count")))

    def value(self, objective: Objective, w: FloatArray) -> float:
        """The squared norm of the gradient in the metric eta."""
        gradient = objective.gradient(w)
        with np.errstate(over="ignore", invalid="ignore"):
            return float(gradient @ self._times(gradient))

    def value_and_grad(self, objective: Objective, w: FloatArray) -> tuple[float, FloatArray]:
        """The squared norm and twice the Hessian times eta times the gradient."""
        gradient = objective.gradient(w)
        with np.errstate(over="ignore", invalid="ignore"):
            direction = self._times(gradient)
            square = float(gradient @ direction)
        return square, 2 * objective.hvp(w, direction)

    def _times(self, gradient: FloatArray) -> FloatArray:
        """Eta times the gradient."""
        eta: FloatArray = self.eta
        if eta.shape[0] != len(gradient):
            raise InputError(
                f"eta of the shape {list(eta.shape)}",
                why=f"the objective has {len(gradient)} parameters",
                cure=f"give a vector of {len(gradient)} numbers or a square matrix of that order",
            )
        return eta * gradient if eta.ndim == 1 else eta @ gradient


def _diagonal(rule: Rule, state: State, count: int) -> FloatArray:
    """What a rule multiplies gradients by."""
    rate: Any = rule.learning_rate
    if not isinstance(rule, AdaGrad | RMSProp | Adam | AdamW) or isinstance(rate, StepSize):
        raise InputError(
            f"the diagonal of {rule!r}",
            why="its state determines none at a known rate",
            cure="give eta itself; without squares in the state it is the learning rate, and 'gradient-norm' will do",
        )
    number = float(rate(count)) if callable(rate) else float(rate)
    correction = 1 - rule.beta2**count if isinstance(rule, Adam | AdamW) else 1.0
    with np.errstate(divide="ignore"):
        return np.asarray(number / (np.sqrt(state["square"] / correction) + rule.epsilon))


def _read_metric(eta: Any) -> FloatArray:
    """Eta as an array, refused when it is no positive semidefinite form."""
    metric = np.array(read_reals(eta, what="eta"))
    if metric.ndim not in (1, 2) or not metric.size or (metric.ndim == 2 and metric.shape[0] != metric.shape[1]):
        why: str | None = f"its shape is {list(metric.shape)}"
    elif not np.isfinite(metric).all():
        why = "it contains NaN or infinity"
    elif metric.ndim == 1:
        why = "an entry is negative" if metric.min() < 0 else None
    elif not np.abs(metric - metric.T).max() <= 1e-12 * np.abs(metric).max():
        why = "it is not symmetric"
    else:
        metric = metric / 2 + metric.T / 2
        values = np.linalg.eigvalsh(metric)
        why = f"it has the eigenvalue {values[0]:.3g}" if values[0] < -1e-12 * abs(values).max() else None
    if why is not None:
        raise InputError(
            "eta", why=why, cure="give a vector of learning rates, or a symmetric positive semidefinite matrix"
        )
    metric.setflags(write=False)
    return metric
