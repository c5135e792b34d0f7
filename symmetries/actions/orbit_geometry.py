r"""Geometry of orbits: normal slices, minimal vectors, distances.

The tangent space of the orbit through w is spanned by the velocities X_k(w); its orthogonal complement is a slice.  A
point of an orbit that is nearest to the origin is a canonical representative: for a linear action of a reductive group
that contains its transposes it exists exactly when the orbit is closed, and it is unique up to rotations in the group.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.arguments import read_generator

if TYPE_CHECKING:
    from symmetries.action import Element, GroupAction

Status: TypeAlias = Literal["converged", "max-steps", "unbounded", "no-improvement"]

ADVICE: dict[str, str] = {
    "converged": "nothing is to be done",
    "max-steps": "raise max_steps",
    "unbounded": "the orbit comes nearer and nearer without a nearest point: its closure holds a smaller orbit",
    "no-improvement": "rounding keeps the objective from decreasing; the point is the best that was found",
}

GRADIENT_TOLERANCE = 1e-11

ROUNDING_TOLERANCE = 1e-7
"""Relative derivative at which rounding may hide every decrease of the function: about the root of the precision."""

FARTHEST = 40.0
"""Norm of the Lie algebra coordinates gone through beyond which an infimum is taken not to be attained."""

RANK_TOLERANCE = 1e-10

COLLAPSE = 1e-5
"""Factor by which the least velocity of an orbit shrinks when the search runs into a smaller orbit of its closure."""

CURVATURE_TOLERANCE = 1e-6
"""Relative second derivative along the orbit below which a critical point is taken for no minimum."""

PROBE = 1e-4
"""Step of second derivatives along the orbit."""


@final
@dataclass(frozen=True, kw_only=True)
class Representative:
    """A point of an orbit that minimises a function.

    Parameters
    ----------
    point: the point, a vector of shape (n,).
    element: a group element g with point = g.w.
    value: the function at the point.
    gradient_norm: norm of its derivative along the orbit.
    status: how the search ended.
    steps: number of steps.
    """

    point: FloatArray
    element: Element
    value: float
    gradient_norm: float
    status: Status
    steps: int

    @property
    def advice(self) -> str:
        """What to do about the status."""
        return ADVICE[self.status]


def slice_at(action: GroupAction, w: Point) -> FloatArray:
    """An orthonormal basis of the normal space of the orbit through a point, in rows, shape (n - orbit dimension, n).

    >>> from symmetries import GroupAction
    >>> slice_at(GroupAction.catalogued("quadratic", matrix=[[1, 0], [0, 1]]), [2.0, 0.0]).round(12).tolist()
    [[1.0, 0.0]]
    """
    velocities = action.field(_finite(action, w, "the point"))
    _, values, rows = np.linalg.svd(velocities, full_matrices=True)
    rank = int((values > RANK_TOLERANCE * max(values[0], 1e-300)).sum()) if len(values) else 0
    normal = rows[rank:]
    signs = np.sign(normal[np.arange(len(normal)), np.abs(normal).argmax(axis=1)])
    return normal * signs[:, None] + 0.0


def minimal_vector(action: GroupAction, w: Point, *, max_steps: int = 200) -> Representative:
    r"""The point of the orbit of w that is nearest to the origin, a canonical representative.

    .. math:: \min_g |g\cdot w|^2, \qquad \langle X_k(v), v\rangle = 0 \text{ at the minimum } v.

    For matrix factors U V this balances them: U^T U = V V^T. For a linear action of a closed group that contains its
    transposes every local minimum is global; for other actions the point is a local minimum, and ``nearest_on_orbit``
    with the origin as target tries several starts.

    Parameters
    ----------
    action: the action.
    w: a point.
    max_steps: largest number of steps.

    Raises
    ------
    InputError: w is no finite point, or max_steps is no positive integer.

    Examples
    --------
    >>> from symmetries import GroupAction
    >>> action = GroupAction.catalogued("low-rank", rows=1, columns=1, rank=1)
    >>> minimal_vector(action, [8.0, 2.0]).point.round(9).tolist()
    [4.0, 4.0]

    Source: G. Kempf and L. Ness, "The length of vectors in representation spaces" (1979).
    """
    _require_count(max_steps, "max_steps")
    return _descend(action, _finite(action, w, "the point"), lambda point: point, max_steps)


def nearest_on_orbit(
    action: GroupAction,
    w: Point,
    target: Point,
    *,
    starts: int = 8,
    max_steps: int = 200,
    rng: int | np.random.Generator = 0,
) -> Representative:
    r"""The point of the orbit of w that is nearest to a target, by a local search from several starts.

    .. math:: d(v, G\cdot w) = \min_g |g\cdot w - v|

    Its ``value`` is half the squared distance, an upper bound of the least one.

    Parameters
    ----------
    action: the action.
    w, target: two points.
    starts: number of starts: the identity and random elements.
    max_steps: largest number of steps of each.
    rng: seed or generator of the starts.

    >>> from symmetries import GroupAction
    >>> circle = GroupAction.catalogued("quadratic", matrix=[[1, 0], [0, 1]])
    >>> round((2 * nearest_on_orbit(circle, [3.0, 4.0], [0.0, -7.0]).value) ** 0.5, 9)
    2.0
    """
    _require_count(max_steps, "max_steps")
    _require_count(starts, "starts")
    goal, start = _finite(action, target, "the target"), _finite(action, w, "the point")
    generator = read_generator(rng)
    best: Representative | None = None
    for k in range(starts):
        g = action.identity if k == 0 else action.random(generator)
        try:
            found = _descend(action, action.apply(g, start), lambda point: point - goal, max_steps)
        except InputError:
            continue
        if best is None or found.value < best.value:
            best = _after(action, found, g)
    if best is None:
        raise InputError(
            "the orbit of the point",
            why="the action is defined at none of the starts",
            cure="give more starts, or another point",
        )
    return best


def _require_count(value: int, name: str) -> None:
    """Refuse a number of steps or starts that is no positive integer."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name}={value!r}", why="it is how often something is tried", cure="give 1, 2, ...")


def _finite(action: GroupAction, w: Point, what: str) -> FloatArray:
    """One point as a vector, refused when it has entries that are no finite numbers."""
    point = action.space.flat(w)
    if point.ndim != 1:
        raise InputError(
            f"{what} of the shape {list(point.shape)}",
            why="one point is needed",
            cure=f"give a vector of {action.space.size} numbers",
        )
    if not np.isfinite(point).all():
        raise InputError(what, why="it contains NaN or infinity", cure="give finite numbers")
    return point


def _after(action: GroupAction, found: Representative, g: Element) -> Representative:
    """The same point, reached from where g was applied."""
    return replace(found, element=action.compose(found.element, g))


def _descend(
    action: GroupAction, w: Point, residual: Callable[[FloatArray], FloatArray], max_steps: int
) -> Representative:
    """Quasi-Newton steps (BFGS) in the Lie algebra for |residual(g.w)|^2 / 2 along the orbit."""
    point, element = action.space.flat(w), action.identity
    start = point
    value, slope, scale = _along_orbit(action, point, residual)
    inverse = _first_inverse(action, point)
    gone, status, steps = 0.0, "max-steps", 0
    while steps < max_steps:
        steps += 1
        if not float(np.linalg.norm(slope)) > GRADIENT_TOLERANCE * scale:
            found = _off_saddle(action, point, residual, value)
            if found is None:
                status = "unbounded" if _collapsed(action, start, point) else "converged"
                break
            inverse = _first_inverse(action, point)
        else:
            found = _better(action, point, -inverse @ slope, slope, residual, value)
            if found is None and not np.allclose(inverse, first := _first_inverse(action, point)):
                inverse = first
                found = _better(action, point, -inverse @ slope, slope, residual, value)
        if found is None:
            status = "no-improvement"
            if float(np.linalg.norm(slope)) <= ROUNDING_TOLERANCE * scale:
                status = "unbounded" if _collapsed(action, start, point) else "converged"
            break
        t, point = found
        try:
            element = action.compose(action.exp(t), element)
        except InputError:
            status = "unbounded"
            break
        gone += float(np.linalg.norm(t))
        if gone > FARTHEST:
            status = "unbounded"
            break
        before = slope
        value, slope, scale = _along_orbit(action, point, residual)
        inverse = _updated(inverse, t, slope - before)
    return Representative(
        point=point,
        element=element,
        value=value,
        gradient_norm=float(np.linalg.norm(slope)),
        status=status,  # type: ignore[arg-type]
        steps=steps,
    )


def _collapsed(action: GroupAction, start: FloatArray, point: FloatArray) -> bool:
    """Whether the orbit has all but lost a dimension since the start: its closure holds a smaller orbit there."""
    before, after = (np.linalg.svd(action.field(w), compute_uv=False) for w in (start, point))
    rank = int((before > RANK_TOLERANCE * max(before[0], 1e-300)).sum()) if len(before) else 0
    if not rank:
        return False
    return bool(after[rank - 1] * before[0] < COLLAPSE * before[rank - 1] * after[0])


def _off_saddle(
    action: GroupAction, point: FloatArray, residual: Callable[[FloatArray], FloatArray], value: float
) -> tuple[FloatArray, FloatArray] | None:
    """A step down from a critical point along the direction of most negative second derivative; None at a minimum."""
    velocities = action.field(point)
    size = float(np.linalg.norm(velocities))
    if not size > 0:
        return None
    slopes = []
    for direction in np.eye(action.dimension):
        try:
            ends = [action.apply(action.exp(step * direction), point) for step in (PROBE, -PROBE)]
        except InputError:  # the action is not defined around the point
            return None
        slopes.append([action.field(end) @ residual(end) for end in ends])
    second = np.array([(ahead - behind) / (2 * PROBE) for ahead, behind in slopes])
    values, directions = np.linalg.eigh((second + second.T) / 2)
    if not values[0] < -CURVATURE_TOLERANCE * size * (size + float(np.linalg.norm(residual(point)))):
        return None
    return _better(action, point, directions[:, 0], np.zeros(action.dimension), residual, value)


def _along_orbit(
    action: GroupAction, point: FloatArray, residual: Callable[[FloatArray], FloatArray]
) -> tuple[float, FloatArray, float]:
    """The function, its derivatives along the generators, and the size that these could have."""
    velocities, r = action.field(point), residual(point)
    return 0.5 * float(r @ r), velocities @ r, float(np.linalg.norm(velocities)) * float(np.linalg.norm(r))


def _first_inverse(action: GroupAction, point: FloatArray) -> FloatArray:
    """The inverse of the Gauss-Newton matrix, damped where generators move the point in the same way."""
    velocities = action.field(point)
    gram = velocities @ velocities.T
    size = max(float(np.trace(gram)) / max(len(gram), 1), 1e-300)
    return np.linalg.inv(gram + 1e-2 * size * np.eye(len(gram)))


def _updated(inverse: FloatArray, step: FloatArray, change: FloatArray) -> FloatArray:
    """The BFGS update of an inverse second derivative; unchanged where the curvature is not positive."""
    curvature = float(step @ change)
    if not curvature > 1e-12 * float(np.linalg.norm(step)) * float(np.linalg.norm(change)):
        return inverse
    left = np.eye(len(step)) - np.outer(step, change) / curvature
    return left @ inverse @ left.T + np.outer(step, step) / curvature


def _better(
    action: GroupAction,
    point: FloatArray,
    direction: FloatArray,
    slope: FloatArray,
    residual: Callable[[FloatArray], FloatArray],
    value: float,
) -> tuple[FloatArray, FloatArray] | None:
    """A step along a direction that decreases the function enough, and where it leads; None where there is none."""
    t = direction * min(1.0, 1.0 / max(float(np.linalg.norm(direction)), 1e-300))
    for _ in range(40):
        try:
            moved = action.apply(action.exp(t), point)
        except InputError:
            moved = None
        if moved is not None:
            r = residual(moved)
            if 0.5 * float(r @ r) < value + 1e-4 * float(slope @ t):
                return t, moved
        t = t / 2
    return None
