r"""What keeps an orbit search where the loss behaves: compactness, periods, trust radius, bounds on scales and steps.

On an orbit that is not compact the gradient norm has no maximum in general: along a scaling by s it grows like
:math:`s^2A + B/s^2`.  A search there needs a border.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.objective import Objective
from symmetries import GroupAction
from symmetries.actions.layer_action import LayerAction
from symmetries.actions.parameter_space import FloatArray

CAP = 3.0
"""Bound on |log g| of a search on a group that is not compact when no radius was given."""

KEPT = 1e-7
"""Relative change of the loss under small random elements up to which an action counts as one of the objective."""

ROUNDED_MINIMUM = 1e-24
"""Change of the loss beside a minimum, where it is of second order in the rounding."""

FREQUENCIES = 64
"""Largest ratio of the frequencies of a closed one-parameter group that is recognised."""

CLOSES = 1e-9


def group_period(action: GroupAction) -> float | None:
    """The least T > 0 with exp(TX) = e for a group of one parameter; None where it is not closed.

    >>> float(group_period(GroupAction.catalogued("booth"))) / np.pi
    2.0
    """
    matrices = action.representation()
    if matrices is None or len(matrices) != 1:
        return None
    values = np.linalg.eigvals(matrices[0])
    size = float(np.abs(values).max(initial=0.0))
    if not size > 0 or np.abs(values.real).max() > CLOSES * size:
        return None
    frequencies = np.abs(values.imag)[np.abs(values.imag) > CLOSES * size]
    for divisor in range(1, FREQUENCIES + 1):
        unit = float(frequencies.min()) / divisor
        ratios = frequencies / unit
        if ratios.max() <= FREQUENCIES and np.abs(ratios - np.round(ratios)).max() <= CLOSES * FREQUENCIES:
            period = 2 * np.pi / unit
            closed = np.asarray(_block(action.exp([period])))
            return period if np.abs(closed - np.eye(len(closed))).max() <= CLOSES else None
    return None


def _block(element: Any) -> FloatArray:
    """An element as one matrix."""
    from scipy.linalg import block_diag

    return np.asarray(block_diag(*element) if isinstance(element, tuple) else element)


def orbit_period(action: GroupAction, w: FloatArray) -> float | None:
    """The least T > 0 with exp(TX).w = w for a flow of one field; None where it does not return soon.

    The flow is followed until it crosses the hyperplane through w normal to its velocity, at w.
    """
    from scipy.integrate import solve_ivp

    velocity = action.field(w)[0]
    speed, size = float(np.linalg.norm(velocity)), 1.0 + float(np.linalg.norm(w))
    if not speed > 0:
        return None

    def crossing(time: float, now: FloatArray) -> float:
        """Signed distance from the hyperplane."""
        return float((now - w) @ velocity) / speed if time > 0 else -1.0

    crossing.direction = 1.0  # type: ignore[attr-defined]
    evaluations = 0

    def field(time: float, now: FloatArray) -> FloatArray:
        """The velocity, up to a number of evaluations."""
        nonlocal evaluations
        del time
        evaluations += 1
        return action.field(now)[0] if evaluations < 20_000 else np.full_like(now, np.nan)

    with np.errstate(all="ignore"):
        found = solve_ivp(
            field, (0.0, 100 * size / speed), w, method="DOP853", rtol=1e-12, atol=1e-13 * size, events=crossing
        )
    for time, point in zip(found.t_events[0], found.y_events[0], strict=True):
        if np.linalg.norm(point - w) <= 1e-7 * size and time * speed > 1e-6 * size:
            return float(time)
    return None


def is_compact(action: GroupAction) -> bool:
    r"""Whether the group is compact up to closure: the form tr(XY) is negative and random elements only rotate.

    A finite group is.  Without matrices the answer is no.
    """
    if action.dimension == 0 or scales_only(action):
        return action.dimension == 0
    matrices = action.representation()
    if matrices is None:
        return False
    rows = matrices.reshape(len(matrices), -1)
    form = rows @ matrices.transpose(0, 2, 1).reshape(len(matrices), -1).T
    scale = float(np.abs(form).max())
    if not np.linalg.eigvalsh((form + form.T) / 2).max() < -CLOSES * scale:
        return False
    for t in np.random.default_rng(0).standard_normal((3, len(matrices))):
        values = np.linalg.eigvals(np.tensordot(t, matrices, axes=1))
        if np.abs(values.real).max() > 1e-7 * np.abs(values).max():
            return False
    return True


def natural_frame(action: GroupAction) -> FloatArray | None:
    """Coordinates, in columns, of a basis that is orthonormal for -tr(XY), which every conjugation keeps.

    On compact groups this form is a metric; None where it is none.
    """
    matrices = action.representation()
    if matrices is None or not len(matrices):
        return None
    form = -np.einsum("aij,bji->ab", matrices, matrices)
    try:
        lower = np.linalg.cholesky((form + form.T) / 2)
    except np.linalg.LinAlgError:
        return None
    return np.asarray(np.linalg.inv(lower).T)


def is_abelian(action: GroupAction) -> bool:
    """Whether the generators commute; without matrices the answer is no."""
    if scales_only(action):
        return True
    matrices = action.representation()
    if matrices is None:
        return action.dimension <= 1
    x, y = np.tensordot(np.random.default_rng(0).standard_normal((2, len(matrices))), matrices, axes=1)
    return bool(np.abs(x @ y - y @ x).max(initial=0.0) <= CLOSES * (1 + np.abs(x).max() * np.abs(y).max()))


def scales_only(action: GroupAction) -> bool:
    """Whether an action is one of positive scalings, whose coordinates are the logarithms of its factors."""
    from manifolds import PositiveDiagonal

    return isinstance(action, LayerAction) and all(
        isinstance(group, PositiveDiagonal) for group in action.spaces.values()
    )


def largest_scale(action: GroupAction, g: Any) -> float:
    """The largest |log| of a singular value of the matrices of a layer action's element."""
    if not isinstance(action, LayerAction):
        return 0.0
    values = [np.linalg.svd(matrix, compute_uv=False) for matrix in g]
    return max((float(np.abs(np.log(one)).max()) for one in values), default=0.0)


def step_times_curvature(objective: Objective, w: FloatArray, rate: float) -> float:
    r"""A rate times the curvature along the gradient u, :math:`\eta\,u^THu/|u|^2`: steps are stable below 2."""
    gradient = objective.gradient(w)
    square = float(gradient @ gradient)
    return rate * float(gradient @ objective.hvp(w, gradient)) / square if square > 0 else 0.0


def rounding(gradient: FloatArray, w: FloatArray) -> float:
    """How much a loss may change when its point is rounded, to first order."""
    return 8 * float(np.finfo(float).eps) * float(np.linalg.norm(gradient)) * (1.0 + float(np.linalg.norm(w)))


def require_same_space(action: GroupAction, objective: Objective) -> None:
    """Refuse an action on other parameters than those of the objective."""
    theirs, ours = dict(action.space.shapes), dict(objective.space.shapes)
    anonymous = objective.loss is None and list(ours) == ["w"] and len(ours["w"]) == 1
    if (theirs == ours and list(theirs) == list(ours)) or (anonymous and action.space.size == objective.size):
        return
    raise InputError(
        "the action is one of another loss",
        why=f"it moves {_listed(theirs)}, and the objective has {_listed(ours)}",
        cure="make the action from the objective's loss: GroupAction.from_algebra(derive(loss))",
    )


def _listed(shapes: dict[str, tuple[int, ...]]) -> str:
    """Names with their shapes."""
    return ", ".join(f"{name}{list(shape)}" for name, shape in shapes.items())


def random_element(action: GroupAction, rng: np.random.Generator, *, length: float) -> Any:
    """The exponential of random coordinates of a length; a random element of a finite group."""
    if not action.dimension:
        return action.random(rng)
    t = rng.standard_normal(action.dimension)
    return action.exp(t * (length / float(np.linalg.norm(t))))


def require_kept(
    action: GroupAction,
    objective: Objective,
    w: FloatArray,
    level: tuple[float, FloatArray],
    rng: np.random.Generator,
) -> float:
    """The largest change of the objective under small random elements, refused when it is no rounding.

    Raises
    ------
    InputError: the objective changes, or the action is not defined at w.
    """
    value, gradient = level
    with np.errstate(over="ignore"):
        at_minimum = float(ROUNDED_MINIMUM * (1.0 + np.abs(w).max(initial=0.0)) ** 4)
    moved, length = _moved_a_little(action, w, rng)
    beside = w + 0.1 * (1.0 + np.abs(w)) * rng.standard_normal(len(w)) / np.sqrt(len(w))
    pairs = [(value, objective.value(moved), length)]
    try:  # where w is a fixed point of the action, another point shows what it does
        moved, length = _moved_a_little(action, beside, rng)
        pairs.append((objective.value(beside), objective.value(moved), length))
    except InputError:
        beside = w
    for first, second, near in pairs:
        change = abs(second - first)
        if first is not value and not np.isfinite(change):
            continue
        if not change <= KEPT * max(abs(value), abs(first)) + 100 * rounding(gradient, beside) + at_minimum:
            raise InputError(
                "the action does not keep the objective",
                why=f"a random element{f' with |log g| = {near:g}' if near else ''} changes it from {first:.6g} by "
                f"{change:.3g}",
                cure="use an action of this objective: the one of its loss, of its data, without a penalty on norms",
            )
    return abs(pairs[0][1] - value)


def _moved_a_little(action: GroupAction, w: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, float]:
    """A point moved by a random element and the length of its logarithm: 1/10, or less where that is not defined."""
    for length in (0.1, 0.01):
        try:
            moved = np.asarray(action.apply(random_element(action, rng, length=length), w))
            return moved, length if action.dimension else 0.0
        except InputError:
            continue
    moved = np.asarray(action.apply(random_element(action, rng, length=0.001), w))
    return moved, 0.001 if action.dimension else 0.0
