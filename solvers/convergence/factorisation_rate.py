r"""Matrix factorisation: the imbalance :math:`U^TU - V^TV` of the factors bounds the rate of gradient flow."""

from __future__ import annotations

from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.convergence.loss_kept import loss_kept
from solvers.convergence.paths import flow, require_positive
from solvers.convergence.theorem_check import checked, compared, undecided, vanishing
from solvers.objective import Objective
from symmetries import Loss, conserved_quantities
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_reals
from symmetries.certificate import Certificate, Claim

SOURCE = (
    "S. Tarmoun, G. Franca, B. Haeffele, R. Vidal, ICML (2021); H. Min, S. Tarmoun, R. Vidal, E. Mallada, ICML (2021)"
)

RATE = "L(t) <= exp(-2 c t) L(0) with c = max(0, lambda_m(D)) + max(0, lambda_n(-D))"
FLOW_ERROR = 1e-9
"""Relative error of the points of the flow."""

LARGEST = 40
"""Most entries of the factors for which conservation is proved."""


def factorisation_rate(U: Any, V: Any, Y: Any, *, element: Any = None, time: float = 1.0) -> Certificate:
    r"""How fast gradient flow on :math:`L = \tfrac12|Y - UV^T|^2` converges, from the imbalance of the factors.

    The imbalance :math:`D = U^TU - V^TV` is conserved.  As :math:`U^TU \succeq D` and :math:`V^TV \succeq -D`, with
    Y of the shape (m, n) and the k-th largest eigenvalue :math:`\lambda_k`,

    .. math:: \dot L = -|U^TE|^2 - |EV|^2 \le -2cL,
        \qquad c = \max(0, \lambda_m(D)) + \max(0, \lambda_n(-D)).

    A teleport :math:`(U, V) \mapsto (Ug^{-1}, Vg^T)` keeps L and changes D, and with it the rate.

    Parameters
    ----------
    U, V: the factors, shapes (m, r) and (n, r).
    Y: the matrix, shape (m, n).
    element: an invertible matrix g, shape (r, r), for a teleport; none by default.
    time: how long the flow is followed.

    Returns
    -------
    Claims: the imbalance is conserved (proved for small factors), the rate holds along the flow; with ``element``
    also that L is kept, that the imbalance changes, and that the loss falls lower in the same time.  The rate is
    undecided where c = 0.

    Raises
    ------
    InputError: the shapes do not fit, or g is not invertible.

    Examples
    --------
    >>> check = factorisation_rate([[2.0]], [[0.5]], [[3.0]], element=[[0.25]], time=0.2)
    >>> check.verdict, round(check.claims[1].evidence["rate"], 2)
    ('measured', 3.75)

    Source: S. Tarmoun, G. Franca, B. Haeffele, R. Vidal, "Understanding the dynamics of gradient flow in
    overparameterized linear models", ICML (2021); the bound is derived here.
    """
    left, right, matrix = (read_reals(value, what=name) for value, name in ((U, "U"), (V, "V"), (Y, "Y")))
    _require_shapes(left, right, matrix)
    require_positive(time, "time")
    loss = Loss.parse("sum((Y - U@V.T)**2)/2", {"U": left.shape, "V": right.shape}, data={"Y": matrix.shape})
    objective = Objective.from_loss(loss, {"Y": matrix})
    claims = [_conserved(objective, left, right, time), _rate(objective, left, right, time)]
    if element is not None:
        claims += _teleported(objective, left, right, _invertible(element, left.shape[1]), time)
    answer = checked(objective, claims, theorem="rate of a factorisation", source=SOURCE)
    assert isinstance(answer, Certificate)
    return answer


def imbalance(U: FloatArray, V: FloatArray) -> FloatArray:
    """The matrix U^T U - V^T V.

    >>> imbalance(np.array([[2.0]]), np.array([[1.0]])).tolist()
    [[3.0]]
    """
    return U.T @ U - V.T @ V


def guaranteed_rate(U: FloatArray, V: FloatArray) -> float:
    """The constant c: the m-th eigenvalue of D and the n-th of -D, where they are positive.

    >>> guaranteed_rate(np.array([[2.0]]), np.array([[1.0]]))
    3.0
    """
    values = np.sort(np.linalg.eigvalsh(imbalance(U, V)))[::-1]
    rank, m, n = len(values), len(U), len(V)
    first = max(0.0, float(values[m - 1])) if m <= rank else 0.0
    second = max(0.0, float(-values[::-1][n - 1])) if n <= rank else 0.0
    return first + second


def _require_shapes(U: FloatArray, V: FloatArray, Y: FloatArray) -> None:
    """Refuse factors that do not fit."""
    fit = U.ndim == V.ndim == Y.ndim == 2 and U.shape[1] == V.shape[1] and Y.shape == (len(U), len(V))
    if not fit or not np.isfinite([*U.ravel(), *V.ravel(), *Y.ravel()]).all():
        raise InputError(
            f"factors of the shapes {list(U.shape)}, {list(V.shape)} for a matrix of the shape {list(Y.shape)}",
            why="Y and U V^T must have one shape, and numbers must be finite",
            cure="give shapes (m, r), (n, r) and (m, n)",
        )


def _invertible(element: Any, rank: int) -> FloatArray:
    """A group element of GL(r)."""
    g = read_reals(element, what="the element g")
    if g.shape != (rank, rank) or not np.isfinite(g).all() or not np.linalg.cond(g) < 1e12:
        raise InputError(
            f"an element of the shape {list(g.shape)}",
            why=f"an invertible {rank} x {rank} matrix is needed",
            cure="give such a matrix",
        )
    return g


def _along(objective: Objective, U: FloatArray, V: FloatArray, time: float) -> FloatArray:
    """Points of the gradient flow, shape (30, n)."""
    return flow(objective, np.concatenate([U.ravel(), V.ravel()]), np.linspace(0.0, time, 30))


def _conserved(objective: Objective, U: FloatArray, V: FloatArray, time: float) -> Claim:
    """The claim that the imbalance is conserved."""
    statement = "U^T U - V^T V is conserved by gradient flow"
    parts = [objective.space.split(point) for point in _along(objective, U, V, time)]
    start = imbalance(U, V)
    worst = max(float(np.linalg.norm(imbalance(one["U"], one["V"]) - start)) for one in parts)
    largest = max(float(one["U"].ravel() @ one["U"].ravel() + one["V"].ravel() @ one["V"].ravel()) for one in parts)
    scale = largest or 1.0
    evidence = {"worst_residual": worst / scale, "tolerance": 1e-7, "samples": len(parts)}
    assert objective.loss is not None
    found = conserved_quantities(objective.loss) if objective.size <= LARGEST else ()
    wanted = U.shape[1] * (U.shape[1] + 1) // 2
    if len(found) == wanted and all(quantity.verdict == "proved" for quantity in found) and worst <= 1e-7 * scale:
        reason = f"its {wanted} entries are the conserved quantities of the loss, for all Y"
        return Claim(statement=statement, verdict="proved", reason=reason, evidence=evidence)
    return vanishing(statement, worst / scale, tolerance=1e-7, samples=len(parts))


def _rate(objective: Objective, U: FloatArray, V: FloatArray, time: float) -> Claim:
    """The claim about the rate."""
    rate = guaranteed_rate(U, V)
    values = np.array([objective.value(point) for point in _along(objective, U, V, time)])
    size = float(np.linalg.norm(imbalance(U, V)))
    if values[0] == 0:
        return undecided(RATE, "the loss is zero from the start", imbalance=size, rate=rate)
    if rate == 0:
        reason = "c = 0: the imbalance is not definite on the smaller side, so it guarantees no rate"
        return undecided(RATE, reason, imbalance=size, rate=rate)
    times = np.linspace(0.0, time, 30)
    bounds = np.exp(np.maximum(-2 * rate * times, -600.0)) * values[0]
    worst = int(np.argmax(values / np.maximum(bounds, 1e-300)))
    slack = 1e-8 * values[0]
    return compared(
        RATE,
        float(values[worst]) - slack,
        float(bounds[worst]),
        rate=rate,
        imbalance=size,
        first_loss=values[0],
        last_loss=values[-1],
        last_bound=bounds[-1],
    )


def _teleported(objective: Objective, U: FloatArray, V: FloatArray, g: FloatArray, time: float) -> list[Claim]:
    """The claims about a teleport."""
    left, right = U @ np.linalg.inv(g), V @ g.T
    before, after = _along(objective, U, V, time), _along(objective, left, right, time)
    kept = loss_kept(objective, before[0], after[0])
    sizes = [float(np.linalg.norm(imbalance(*pair))) for pair in ((U, V), (left, right))]
    rates = [guaranteed_rate(*pair) for pair in ((U, V), (left, right))]
    change = float(np.linalg.norm(imbalance(left, right) - imbalance(U, V)))
    moved = compared(
        "the teleport changes the imbalance",
        1e-9 * (1 + sizes[0]),
        change,
        imbalance_before=sizes[0],
        imbalance_after=sizes[1],
    )
    ends = [objective.value(path[-1]) for path in (before, after)]
    statement = "after the teleport the flow reaches a lower loss in the same time"
    if max(ends) <= FLOW_ERROR**2 * float(max(path[0] @ path[0] for path in (before, after))) ** 2:
        return [kept, moved, undecided(statement, "both losses are zero up to the error of the flow", losses=ends)]
    lower = compared(statement, ends[1], ends[0], rate_before=rates[0], rate_after=rates[1])
    return [kept, moved, lower]
