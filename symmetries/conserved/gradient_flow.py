r"""What happens to conserved quantities along gradient flow, and along gradient descent with a finite step.

Along the flow Q stays.  A step of gradient descent with learning rate h changes it by exactly
:math:`\tfrac12 h^2\langle G^{-1}\nabla L, \nabla^2 Q\, G^{-1}\nabla L\rangle` when Q is quadratic, so over a fixed time
it drifts in proportion to h.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.arguments import read_reals
from symmetries.compiled import compile_loss
from symmetries.conservation import ConservedQuantity

FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Values: TypeAlias = Mapping[str, Any]
Field: TypeAlias = Callable[[FloatArray], FloatArray]
Method: TypeAlias = Literal["gradient-descent", "heun", "runge-kutta-4"]

MAX_HALVINGS = 30

ORDERS: Mapping[str, int] = {"gradient-descent": 1, "heun": 2, "runge-kutta-4": 4}
"""Order of each method: the power of the step in its error over a fixed time."""


def _descent(field: Field, w: FloatArray, h: float) -> FloatArray:
    return w + h * field(w)


def _heun(field: Field, w: FloatArray, h: float) -> FloatArray:
    first = field(w)
    return w + h / 2 * (first + field(w + h * first))


def _runge_kutta(field: Field, w: FloatArray, h: float) -> FloatArray:
    one = field(w)
    two = field(w + h / 2 * one)
    three = field(w + h / 2 * two)
    return w + h / 6 * (one + 2 * two + 2 * three + field(w + h * three))


STEPS: Mapping[str, Callable[[Field, FloatArray, float], FloatArray]] = {
    "gradient-descent": _descent,
    "heun": _heun,
    "runge-kutta-4": _runge_kutta,
}


@final
@dataclass(frozen=True, kw_only=True)
class Drift:
    """Change of a conserved quantity over a fixed time, for smaller and smaller steps.

    Parameters
    ----------
    method: the method.
    steps: the step sizes, each half of the one before.
    drifts: Q at the end minus Q at the start, for each step size.
    """

    method: str
    steps: tuple[float, ...]
    drifts: tuple[float, ...]

    @property
    def order(self) -> float:
        """Slope of log |drift| over log step; NaN when a drift is exactly zero."""
        sizes = np.abs(self.drifts)
        if (sizes == 0).any():
            return float("nan")
        return float(np.polyfit(np.log(self.steps), np.log(sizes), 1)[0])


def gradient_path(
    quantity: ConservedQuantity,
    w: Any,
    *,
    step: float,
    count: int,
    method: Method = "gradient-descent",
    data: Values | None = None,
) -> FloatArray:
    r"""The points of :math:`\dot w = -G^{-1}\nabla L` by a method with a fixed step, shape (count + 1, n).

    Parameters
    ----------
    quantity: names the loss and the metric.
    w: the start.
    step, count: size and number of the steps.
    method: ``gradient-descent`` (explicit Euler), ``heun`` or ``runge-kutta-4``.
    data: values of the data and constants that the loss leaves free.

    Raises
    ------
    InputError: the method is not known, or the step or the count is not positive.
    """
    if not isinstance(method, str) or method not in STEPS:
        raise InputError(f"the method {method!r}", why="it is not known", cure=f"use {', '.join(STEPS)}")
    _require_positive(step, count)
    field = descent_field(quantity, data)
    points = [read_reals(w, what="the start w")]
    for _ in range(count):
        points.append(STEPS[method](field, points[-1], step))
    return np.array(points)


def descent_field(quantity: ConservedQuantity, data: Values | None) -> Field:
    r"""The field :math:`-G^{-1}\nabla L` as a function of the flat vector of the parameters."""
    compiled = compile_loss(quantity.loss)
    return lambda w: -quantity.raised(compiled.gradient(w, data))


def measure_drift(
    quantity: ConservedQuantity,
    w: Any,
    *,
    time: float = 1.0,
    count: int = 32,
    halvings: int = 3,
    method: Method = "gradient-descent",
    data: Values | None = None,
) -> Drift:
    """The change of a quantity over a fixed time, with steps that are halved again and again.

    Parameters
    ----------
    quantity: the quantity, with its loss and metric.
    w: the start.
    time: how long.
    count: number of the largest steps.
    halvings: how often they are halved.
    method: the method; its order is the order of the drift.
    data: values of what the loss leaves free.

    Examples
    --------
    >>> from symmetries import Loss
    >>> from symmetries.conservation import conserved_quantities
    >>> quantity = conserved_quantities(Loss.parse("(1 - u*v)**2"))[0]
    >>> round(measure_drift(quantity, [1.5, 0.2], method="gradient-descent").order)
    1
    >>> round(measure_drift(quantity, [1.5, 0.2], method="runge-kutta-4").order)
    4

    Source: E. Hairer, C. Lubich, G. Wanner, "Geometric Numerical Integration" (2006), section II.1.
    """
    _require_positive(time, count)
    if isinstance(halvings, bool) or not isinstance(halvings, int) or not 0 <= halvings <= MAX_HALVINGS:
        why = f"the step is halved from 0 to {MAX_HALVINGS} times"
        raise InputError(f"halvings={halvings!r}", why=why, cure="give such an integer, 3 by default")
    constants = _constants(quantity, data)
    sizes, drifts = [], []
    for level in range(halvings + 1):
        many = count * 2**level
        path = gradient_path(quantity, w, step=time / many, count=many, method=method, data=data)
        sizes.append(time / many)
        drifts.append(quantity.value(path[-1], constants) - quantity.value(path[0], constants))
    return Drift(method=method, steps=tuple(sizes), drifts=tuple(drifts))


def step_drift(quantity: ConservedQuantity, w: Any, learning_rate: float, *, data: Values | None = None) -> float:
    r"""Change of Q in one step of gradient descent, :math:`\tfrac12 h^2\langle v, \nabla^2 Q(w)\, v\rangle`.

    Here :math:`v = G^{-1}\nabla L(w)`; exact when Q is quadratic, up to terms of order h^3 otherwise.

    >>> from symmetries import Loss
    >>> from symmetries.conservation import conserved_quantities
    >>> quantity = conserved_quantities(Loss.parse("(1 - u*v)**2"))[0]
    >>> step_drift(quantity, [2.0, 1.0], 0.1)  # the gradient is (2, 4)
    -0.12
    """
    _require_positive(learning_rate, 1)
    velocity = descent_field(quantity, data)(read_reals(w, what="the point w"))
    bent = quantity.compiled.hvp(w, velocity, _constants(quantity, data))
    return float(round(0.5 * learning_rate**2 * float(velocity @ bent), 15))


def predict_drift(
    quantity: ConservedQuantity,
    w: Any,
    learning_rate: float,
    *,
    time: float = 1.0,
    count: int = 256,
    data: Values | None = None,
) -> float:
    r"""Leading part of the drift of Q under gradient descent over a fixed time T.

    .. math:: Q(w_{T/h}) - Q(w_0) = \frac h2 \int_0^T \langle v, \nabla^2 Q\, v\rangle\, dt + O(h^2),
        \qquad v = G^{-1}\nabla L

    along the gradient flow; the integral is by Simpson's rule on a Runge-Kutta path.

    Parameters
    ----------
    quantity: the quantity, with its loss and metric.
    w: the start.
    learning_rate: the step h.
    time: how long, T = h times the number of steps.
    count: number of the steps of the path.
    data: values of what the loss leaves free.

    Raises
    ------
    InputError: the learning rate, the time or the count is not positive.

    Examples
    --------
    >>> from symmetries import Loss
    >>> from symmetries.conservation import conserved_quantities
    >>> quantity = conserved_quantities(Loss.parse("(1 - u*v)**2"))[0]
    >>> predicted = predict_drift(quantity, [1.5, 0.2], 1e-4)
    >>> path = gradient_path(quantity, [1.5, 0.2], step=1e-4, count=10_000)
    >>> measured = quantity.value(path[-1]) - quantity.value(path[0])
    >>> abs(measured / predicted - 1) < 1e-3
    True
    """
    _require_positive(learning_rate, 1)
    _require_positive(time, count)
    count += count % 2
    path = gradient_path(quantity, w, step=time / count, count=count, method="runge-kutta-4", data=data)
    field, constants = descent_field(quantity, data), _constants(quantity, data)
    values = []
    for point in path:
        velocity = field(point)
        values.append(float(velocity @ quantity.compiled.hvp(point, velocity, constants)))
    weights = np.ones(count + 1)
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    return float(learning_rate / 2 * time / (3 * count) * weights @ np.array(values))


def _constants(quantity: ConservedQuantity, data: Values | None) -> Values | None:
    """The values of the structural constants among those of the loss."""
    missing = [name for name in quantity.loss.constants if not isinstance(data, Mapping) or name not in data]
    if missing:
        what = f"the constant {missing[0]!r} of the loss"
        raise InputError(what, why="it has no value", cure=f"give data={{{missing[0]!r}: ...}} with the other data")
    return {name: (data or {})[name] for name in quantity.loss.constants} or None


def _require_positive(size: float, count: int) -> None:
    if isinstance(size, bool) or not isinstance(size, int | float | np.number) or not 0 < size < np.inf:
        raise InputError(f"a step or time of {size!r}", why="it is not a positive number", cure="give one above 0")
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InputError(f"count={count!r}", why="it is a number of steps", cure="give a positive integer")
