r"""Conserved quantities of two-layer networks :math:`U\sigma(VX)` with orthonormal samples; teleports change them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple, final

import numpy as np

from manifolds.errors import InputError
from solvers.convergence.loss_kept import loss_kept
from solvers.convergence.paths import require_positive
from solvers.convergence.theorem_check import Checked, checked, compared, undecided, vanishing
from solvers.objective import Objective, as_objective
from symmetries import Data, GroupAction, Loss, VectorField, verify
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.arguments import read_generator, read_reals
from symmetries.certificate import Certificate, Claim

SOURCE = "B. Zhao, I. Ganev, R. Walters, R. Yu, N. Dehmamy, arXiv:2210.17216 (2022), section 5"

SAMPLES = ((Fraction(1, 3), Fraction(2, 3)), (Fraction(2, 3), Fraction(1, 3)), (Fraction(2, 3), Fraction(-2, 3)))
"""Two orthonormal samples with rational entries, in columns."""

OUTPUTS, HIDDEN = 2, 2
CHANGED = 1e-9

PROPORTIONAL = 0.15
"""How far a ratio of changes may be from the ratio of the steps, relative to it."""


@final
class Unit(NamedTuple):
    r"""An activation with its integral :math:`\Phi`, :math:`\Phi' = \sigma/\sigma'`.

    Parameters
    ----------
    formula: the activation of z in the formula language.
    quotient: :math:`\sigma/\sigma'` in the formula language.
    integral: :math:`\Phi` as a function of arrays.
    """

    formula: str
    quotient: str
    integral: Callable[[FloatArray], FloatArray]


UNITS: Mapping[str, Unit] = {
    "identity": Unit("{z}", "({z})", lambda z: z**2 / 2),
    "relu": Unit("relu({z})", "relu({z})", lambda z: np.maximum(z, 0) ** 2 / 2),
    "tanh": Unit("tanh({z})", "tanh({z})/(1 - tanh({z})**2)", lambda z: np.sinh(z) ** 2 / 2),
    "sigmoid": Unit("sigmoid({z})", "1/(1 - sigmoid({z}))", lambda z: z + np.exp(z)),
}


def two_layer_conservation(
    activation: str,
    *,
    learning_rates: tuple[float, float] = (1e-3, 1e-4),
    time: float = 1.0,
    rng: int | np.random.Generator = 0,
) -> Certificate:
    r"""The quantity that gradient flow of a two-layer network keeps, and how gradient descent loses it.

    .. math:: Q = \tfrac12\operatorname{tr}(U^TU) - \sum\Phi(VX), \qquad \Phi' = \sigma/\sigma', \qquad X^TX = I,

    is conserved on :math:`L = \tfrac12|Y - U\sigma(VX)|^2` for all Y; under gradient descent with the step h it changes
    in proportion to h over a fixed time.

    Parameters
    ----------
    activation: ``identity``, ``relu``, ``tanh`` or ``sigmoid``.
    learning_rates: two steps, the first ten times the second, say.
    time: steps times number of steps.
    rng: seed or generator of the weights and of Y.

    Returns
    -------
    Claims: the gradient of Q is a symmetry of the loss for two samples with rational entries (proved exactly where the
    activation allows it), Q drifts in proportion to the step.

    Raises
    ------
    InputError: the activation is not known, or a number is not positive.

    Examples
    --------
    >>> check = two_layer_conservation("tanh")
    >>> [claim.verdict for claim in check.claims], round(check.claims[1].evidence["ratio"], 1)
    (['proved', 'measured'], 10.0)

    Source: B. Zhao, I. Ganev, R. Walters, R. Yu, N. Dehmamy, arXiv:2210.17216 (2022), section 5.
    """
    if activation not in UNITS:
        raise InputError(
            f"the activation {activation!r}", why="its integral is not known", cure=f"use {', '.join(UNITS)}"
        )
    pair = read_reals(learning_rates, what="the learning rates")
    if pair.shape != (2,) or not (0 < pair.min() < pair.max() < np.inf):
        raise InputError(
            f"learning_rates={learning_rates!r}", why="two different steps are compared", cure="give (1e-3, 1e-4)"
        )
    require_positive(time, "time")
    loss, field = two_layer_loss(activation), conserved_gradient(activation)
    symmetric = verify(loss, field, samples=16).claims[0]
    statement = "grad Q annihilates L for all Y: Q = tr(U^T U)/2 - sum Phi(V X) is conserved"
    claim = Claim(
        statement=statement,
        verdict=symmetric.verdict,
        reason=symmetric.reason,
        assumptions=symmetric.assumptions,
        evidence=symmetric.evidence,
    )
    drift = _drift(activation, loss, (float(pair[0]), float(pair[1])), time, read_generator(rng))
    return Certificate(loss=loss.to_dict(), fields=(dict(field.components),), claims=(claim, drift))


def two_layer_loss(activation: str) -> Loss:
    """The loss of the network on the two rational samples, for all targets Y.

    >>> two_layer_loss("tanh").formula
    'sum((Y - U@tanh(V@X))**2)/2'
    """
    formula = f"sum((Y - U@{UNITS[activation].formula.format(z='V@X')})**2)/2".replace("U@V@X", "U@(V@X)")
    shapes = {"U": (OUTPUTS, HIDDEN), "V": (HIDDEN, len(SAMPLES))}
    samples = len(SAMPLES[0])
    given = {"X": [list(row) for row in SAMPLES], "Y": Data((OUTPUTS, samples))}
    return Loss.parse(formula, shapes, data=given)


def conserved_gradient(activation: str) -> VectorField:
    """The field grad Q, with the components U and -(sigma/sigma')(VX) X^T."""
    components = {f"U[{i},{j}]": f"U[{i},{j}]" for i in range(OUTPUTS) for j in range(HIDDEN)}
    for i in range(HIDDEN):
        parts = []
        for k in range(len(SAMPLES[0])):
            z = " + ".join(f"({row[k]})*V[{i},{j}]" for j, row in enumerate(SAMPLES))
            parts.append(UNITS[activation].quotient.format(z=f"({z})"))
        for j, row in enumerate(SAMPLES):
            components[f"V[{i},{j}]"] = " - ".join(["0", *(f"({row[k]})*{part}" for k, part in enumerate(parts))])
    return VectorField(components)


def conserved_value(activation: str, w: FloatArray) -> float:
    """Q at the flat vector of U and V."""
    U, V = w[: OUTPUTS * HIDDEN], w[OUTPUTS * HIDDEN :].reshape(HIDDEN, len(SAMPLES))
    before = V @ np.array(SAMPLES, dtype=float)
    return float(U @ U / 2 - UNITS[activation].integral(before).sum())


def _drift(activation: str, loss: Loss, rates: tuple[float, float], time: float, rng: np.random.Generator) -> Claim:
    """The claim that Q drifts in proportion to the step."""
    objective = Objective.from_loss(loss, {"Y": rng.standard_normal((OUTPUTS, len(SAMPLES[0])))})
    start = rng.uniform(0.2, 1.2, size=objective.size)
    drifts = [_changed(activation, objective, start, rate, time) for rate in rates]
    statement = "under gradient descent Q changes in proportion to the step"
    if not np.isfinite(drifts).all():
        return undecided(statement, "gradient descent leaves the finite numbers: take shorter steps", drifts=drifts)
    if min(map(abs, drifts)) < 1e-13:
        return undecided(statement, "the change is at the level of rounding", drifts=drifts)
    ratio, wanted = drifts[0] / drifts[1], rates[0] / rates[1]
    reason = f"over the time {time:g} it changes by {drifts[0]:.3e} and {drifts[1]:.3e}: {ratio:.2f} times"
    if abs(ratio / wanted - 1) > PROPORTIONAL:
        steps = [*rates, min(rates) / 2]
        drifts.append(_changed(activation, objective, start, steps[-1], time))
        rest = float(np.polyfit(np.array(steps) / max(steps), drifts, 2)[-1])
        if abs(rest) <= PROPORTIONAL * max(map(abs, drifts)):
            why = f"{reason}; powers of the step beside the first are not small: take shorter steps"
            return undecided(statement, why, drifts=drifts, change_at_step_zero=rest)
    return vanishing(
        statement,
        ratio / wanted - 1,
        tolerance=PROPORTIONAL,
        reason=reason,
        drifts=drifts,
        ratio=ratio,
        learning_rates=rates,
    )


def _changed(activation: str, objective: Objective, start: FloatArray, rate: float, time: float) -> float:
    """The change of Q over a time of gradient descent, NaN where that leaves the finite numbers."""
    point = start
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(round(time / rate)):
            point = point - rate * objective.gradient(point)
        return conserved_value(activation, point) - conserved_value(activation, start)


def teleport_leaves_the_flow(
    objective: Objective | Loss, quantity: Callable[[FloatArray], float], action: GroupAction, g: Any, w: Point
) -> Checked:
    r"""A teleport is no gradient flow: it changes what the flow conserves.

    If :math:`Q(g\cdot w) \ne Q(w)` for a conserved Q, the gradient flow from g.w never meets the one from w, neither
    later nor earlier, although the loss is the same.

    Parameters
    ----------
    objective: the loss.
    quantity: a conserved quantity as a function of the flat vector.
    action, g: the group action, and the element or its Lie algebra coordinates.
    w: the point.

    Returns
    -------
    Claims: the loss is kept, the quantity changes; the second is refuted where it does not.

    Raises
    ------
    InputError: the action or the point does not fit.

    Examples
    --------
    >>> from symmetries import derive
    >>> loss = Loss.parse("(1 - u*v)**2", ["u", "v"])
    >>> action = GroupAction.from_algebra(derive(loss))
    >>> teleport_leaves_the_flow(loss, lambda w: w[0] ** 2 - w[1] ** 2, action, 0.5, [1.5, 0.5]).verdict
    'measured'

    Source: B. Zhao, I. Ganev, R. Walters, R. Yu, N. Dehmamy, arXiv:2210.17216 (2022), section 5.
    """
    problem = as_objective(objective)
    point = problem.start(w)
    moved = action.apply(g, point)
    kept = loss_kept(problem, point, moved)
    before, after = float(quantity(point)), float(quantity(moved))
    changed = compared(
        "Q(g.w) differs from Q(w)",
        CHANGED * (1 + abs(before)),
        abs(after - before),
        tolerance=0.0,
        reason=f"Q goes from {before:.6g} to {after:.6g}",
        before=before,
        after=after,
    )
    return checked(problem, [kept, changed], theorem="a teleport is no gradient flow", source=SOURCE)
