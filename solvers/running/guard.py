r"""The stability guard: no teleport to where a step of the optimizer would overshoot.

A step W from w is stable when :math:`\langle g, W\rangle + \langle W, HW\rangle \le 0`: for gradient descent
:math:`\eta\lambda \le 1` with :math:`\lambda = g^THg/|g|^2`.  Where the step is a multiple -c g of the gradient,
:math:`c\lambda_{\max}(H) \le 1` is asked for as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.objective import Objective
from solvers.rule import Rule, State
from solvers.steps.hyperparameters import POSITIVE, Interval, read_count, read_number
from solvers.target import Target
from symmetries.actions.parameter_space import FloatArray, ParameterSpace

EXACT_SIZE = 8
"""Up to so many parameters the largest eigenvalue comes from the whole Hessian."""


@final
@dataclass(frozen=True, kw_only=True)
class Guard:
    r"""What a destination must satisfy, and when a run is taken back to before its teleport.

    Parameters
    ----------
    stability: the largest allowed :math:`\eta\lambda`; infinity leaves the test out.
    scale: the largest factor by which a teleport may change the norm of a matrix of the parameters.
    blow_up: a run whose loss exceeds the loss at the teleport, in absolute value, by this factor is taken back.
    products: Hessian-vector products for the largest eigenvalue where there are more than 8 parameters.

    Raises
    ------
    InputError: a number makes no sense.

    >>> Guard().stability
    1.0
    """

    stability: float = 1.0
    scale: float = 10.0
    blow_up: float = 10.0
    products: int = 6

    def __post_init__(self) -> None:
        for name, low in (("stability", 0.0), ("scale", 1.0), ("blow_up", 0.0)):
            value = getattr(self, name)
            if value != math.inf:
                value = read_number(value, name=name, interval=Interval(low) if low else POSITIVE)
            object.__setattr__(self, name, value)
        object.__setattr__(self, "products", read_count(self.products, name="products"))

    def bounds_scale(self, space: ParameterSpace, before: FloatArray, after: FloatArray) -> bool:
        """Whether no matrix among the parameters grew or shrank by more than the allowed factor."""
        if math.isinf(self.scale):
            return True
        old, new = space.split(before), space.split(after)
        for name, shape in space.shapes.items():
            if len(shape) >= 2:
                small, large = sorted((float(np.linalg.norm(old[name])), float(np.linalg.norm(new[name]))))
                if large > self.scale * small:
                    return False
        return True

    def has_blown_up(self, loss: float, reference: float) -> bool:
        """Whether a loss is beyond what is tolerated after a teleport at the reference loss."""
        return not math.isfinite(loss) or loss - reference > self.blow_up * abs(reference)


@final
class Stability:
    r"""How near the step of a rule is to overshooting, as a function of the point: :math:`\eta\lambda`.

    Parameters
    ----------
    rule: the optimizer.
    rate: its fixed learning rate.
    products: Hessian-vector products for the largest eigenvalue where there are more than 8 parameters.
    state, count: of the rule, and its steps since the state was made; a fresh state without. Rules whose fresh step is
        a multiple of the gradient are judged by that multiple, whatever the state.

    >>> from solvers.steps.rules_momentum import GradientDescent
    >>> objective = Objective.from_functions(lambda w: w @ w, lambda w: 2 * w, lambda w, v: 2 * v, size=2)
    >>> Stability(GradientDescent(), 0.25).number(objective, np.ones(2))
    0.5
    """

    def __init__(
        self, rule: Rule, rate: float, *, products: int = 6, state: State | None = None, count: int = 0
    ) -> None:
        self._rule, self._rate, self._products = rule, rate, products
        self._state, self._count = state, count

    def number(self, objective: Objective, w: FloatArray, *, quick: bool = False) -> float:
        r"""The number :math:`\eta\lambda` of the step at a point, at least 0; infinity where it is not finite.

        Parameters
        ----------
        objective, w: where.
        quick: whether one product, along the step, has to do when there are more than 8 parameters.
        """
        with np.errstate(all="ignore"):
            gradient = objective.gradient(w)
            if not np.isfinite(gradient).all():
                return math.inf
            factor = self._factor(gradient)
            step = -factor * gradient if factor is not None else self._step(gradient, self._state, self._count)
            slope = -float(gradient @ step)
            if slope <= 0:
                return 0.0 if not gradient.any() else math.inf
            small = objective.size <= EXACT_SIZE
            hessian = objective.hessian(w) if small else None
            if hessian is not None and not np.isfinite(hessian).all():
                return math.inf
            bend = float(step @ (hessian @ step if hessian is not None else objective.hvp(w, step)))
            number = max(0.0, bend / slope)
            if factor is not None and (small or not quick):
                top = np.linalg.eigvalsh(hessian)[-1] if hessian is not None else self._top(objective, w, gradient)
                number = max(number, factor * float(top))
        return number if math.isfinite(number) else math.inf

    def is_proportional(self, gradient: FloatArray) -> bool:
        """Whether the fresh step of the rule is a multiple of the gradient."""
        return self._factor(gradient) is not None

    def _step(self, gradient: FloatArray, state: State | None, count: int) -> FloatArray:
        """The displacement of the rule, weight decay left out."""
        known = self._rule.start(np.zeros_like(gradient)) if state is None else state
        return self._rule.step(gradient, known, count=count + 1, rate=self._rate, point=np.zeros_like(gradient))[0]

    def _factor(self, gradient: FloatArray) -> float | None:
        """The number c when the fresh step is -c g and doubles with the gradient; None otherwise."""
        if not gradient.any():
            return None
        step, twice = self._step(gradient, None, 0), self._step(2 * gradient, None, 0)
        factor = float(-(gradient @ step) / (gradient @ gradient))
        same = np.allclose(step, -factor * gradient, rtol=1e-9, atol=0) and np.allclose(twice, 2 * step, rtol=1e-9)
        return factor if same else None

    def _top(self, objective: Objective, w: FloatArray, start: FloatArray) -> float:
        """A lower bound of the largest eigenvalue, by Lanczos steps from the gradient."""
        rows = [start / np.linalg.norm(start)]
        products: list[FloatArray] = []
        for _ in range(min(self._products, objective.size)):
            products.append(objective.hvp(w, rows[-1]))
            rest = products[-1].copy()
            for _ in range(2):
                for row in rows:
                    rest -= (row @ rest) * row
            length = float(np.linalg.norm(rest))
            if not math.isfinite(length) or length <= 1e-10 * float(np.linalg.norm(products[-1])):
                break
            rows.append(rest / length)
        basis = np.array(rows[: len(products)])
        matrix = basis @ np.array(products).T
        return float(np.linalg.eigvalsh((matrix + matrix.T) / 2)[-1]) if np.isfinite(matrix).all() else math.inf


@final
class StableTarget(Target):
    """A target among the stable points only: all others rank below, by how unstable they are.

    Parameters
    ----------
    target: what is made large or small.
    stability, limit: the number and its largest allowed value.
    maximize: whether the target is made large.
    floor: the target at the start, below which unstable points are put.
    """

    def __init__(self, target: Target, stability: Stability, *, limit: float, maximize: bool, floor: float) -> None:
        self._target, self._stability, self._limit = target, stability, limit
        self._sign = 1.0 if maximize else -1.0
        self._floor = min(0.0, self._sign * floor)
        self.name = target.name
        self.has_gradient = target.has_gradient

    def value(self, objective: Objective, w: FloatArray) -> float:
        """The target at a stable point; below the floor elsewhere."""
        return self._ranked(objective, w, self._target.value(objective, w))

    def value_and_grad(self, objective: Objective, w: FloatArray) -> tuple[float, FloatArray]:
        """The same with the gradient of the target."""
        value, gradient = self._target.value_and_grad(objective, w)
        return self._ranked(objective, w, value), gradient

    def _ranked(self, objective: Objective, w: FloatArray, value: float) -> float:
        """The value, or how unstable the point is."""
        excess = self._stability.number(objective, w, quick=True) / self._limit - 1
        return value if excess <= 0 else self._sign * (self._floor - 1 - min(excess, 1e300))


def read_guard(guard: Any) -> Guard | None:
    """The guard of a schedule.

    >>> read_guard("default") == Guard(), read_guard(None)
    (True, None)
    """
    if guard is None or isinstance(guard, Guard):
        return guard
    if guard == "default":
        return Guard()
    raise InputError(
        f"guard={guard!r}", why="it is no guard", cure="write Guard(stability=1.0), or None to turn it off"
    )
