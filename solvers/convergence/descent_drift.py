r"""What gradient descent does to conserved quantities, measured on the optimizer and predicted from the flow."""

from __future__ import annotations

from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.convergence.paths import require_positive
from solvers.convergence.theorem_check import checked, compared, undecided, vanishing
from solvers.minimize import minimize
from solvers.objective import Objective
from solvers.rules import GradientDescent
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.certificate import Certificate, Claim
from symmetries.conservation import ConservedQuantity
from symmetries.conserved.gradient_flow import Values, measure_drift, predict_drift

SOURCE = "E. Hairer, C. Lubich, G. Wanner, Geometric Numerical Integration (2006), section II.1"

HALVINGS = 3
SAME = "minimize drifts as the integrator of the flow with the same step does"
PREDICTED = "the drift is h/2 times the integral of <v, Hess Q v> along the flow, up to O(h^2)"


def drift_of_descent(
    quantity: ConservedQuantity, w: Point, *, learning_rate: float, steps: int, data: Values | None = None
) -> Certificate:
    r"""Whether the drift of a conserved quantity under gradient descent is what the flow predicts.

    .. math:: Q(w_{T/h}) - Q(w_0) = \frac h2\int_0^T \langle v, \nabla^2Q\,v\rangle\,dt + O(h^2), \qquad v = \nabla L

    The optimizer is run with the step h and with its halves, over the same time T.

    Parameters
    ----------
    quantity: a conserved quantity of the flow without a metric.
    w: the start.
    learning_rate, steps: h, and the number of steps of this length; T is their product.
    data: values of what the loss leaves free.

    Returns
    -------
    Claims: the optimizer drifts as measured on the flow's integrator, in the same steps; the drift agrees with the
    prediction to second order in h.  Undecided for quantities of a flow with a metric.

    Raises
    ------
    InputError: the start is not finite, or a number is not positive.

    Examples
    --------
    >>> from symmetries import Loss, conserved_quantities
    >>> quantity = conserved_quantities(Loss.parse("(1 - u*v)**2"))[0]
    >>> drift_of_descent(quantity, [1.5, 0.2], learning_rate=0.01, steps=50).verdict
    'measured'

    Source: E. Hairer, C. Lubich, G. Wanner, "Geometric Numerical Integration" (2006), section II.1.
    """
    require_positive(learning_rate, "learning_rate")
    require_positive(steps, "steps", integer=True)
    if not isinstance(quantity, ConservedQuantity):
        raise InputError(
            f"a quantity of the type {type(quantity).__name__}",
            why="a ConservedQuantity is needed",
            cure="take one from conserved_quantities(loss)",
        )
    loss = quantity.loss
    free = {name for name, item in loss.data.items() if item.values is None} | set(loss.constants)
    objective = Objective.from_loss(loss, {name: value for name, value in (data or {}).items() if name in free})
    start = objective.start(w)
    if not _is_identity(quantity.inverse_metric):
        reason = "the quantity belongs to a flow with a metric, which gradient descent does not know"
        claims = [undecided(SAME, reason), undecided(PREDICTED, reason)]
    else:
        claims = _claims(quantity, objective, start, learning_rate, steps, data)
    answer = checked(objective, claims, theorem="drift of conserved quantities", source=SOURCE)
    assert isinstance(answer, Certificate)
    return answer


def _is_identity(inverse: FloatArray) -> bool:
    """Whether a metric is the identity."""
    return bool((inverse == (1 if inverse.ndim == 1 else np.eye(len(inverse)))).all())


def _claims(
    quantity: ConservedQuantity, objective: Objective, w: FloatArray, rate: float, steps: int, data: Values | None
) -> list[Claim]:
    """The two claims."""
    constants: Any = {name: (data or {})[name] for name in quantity.loss.constants} or None
    rates = [rate / 2**k for k in range(HALVINGS)]
    drifts = []
    for k, one in enumerate(rates):
        rule = GradientDescent(learning_rate=one)
        result = minimize(objective, w, rule=rule, steps=steps * 2**k, tolerance=0.0)
        drifts.append(quantity.value(result.last_point, constants) - quantity.value(w, constants))
    time = rate * steps
    integrated = measure_drift(quantity, w, time=time, count=steps, halvings=HALVINGS - 1, data=data).drifts
    predicted = [predict_drift(quantity, w, one, time=time, count=max(256, 2 * steps), data=data) for one in rates]
    scale = max(map(abs, drifts)) or 1e-300
    apart = max(abs(a - b) for a, b in zip(drifts, integrated, strict=True)) / scale
    same = vanishing(SAME, apart, tolerance=1e-6, drifts=drifts, learning_rates=rates)
    errors = [abs(a - b) for a, b in zip(drifts, predicted, strict=True)]
    if min(errors) < 1e-9 * scale:
        return [same, vanishing(PREDICTED, max(errors) / scale, tolerance=1e-6, predicted=predicted, drifts=drifts)]
    order = float(np.polyfit(np.log(rates), np.log(errors), 1)[0])
    reason = f"the difference falls as the power {order:.2f} of the step"
    return [same, compared(PREDICTED, 1.5, order, reason=reason, predicted=predicted, drifts=drifts, order=order)]
