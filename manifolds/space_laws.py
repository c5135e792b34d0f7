"""The laws of a space, each as the largest residual over random points; `manifolds.testing` runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.array_api import converted, is_floating, namespace
from manifolds.errors import InputError
from manifolds.group_laws import difference
from manifolds.space import Space

_STEP = 1e-3  # of the fourth-order difference quotients, whose error is about step^4 / 30 plus rounding over the step
_LARGEST_RANK = 400  # the largest dimension that is counted
_OFF = 1e-2  # how far the arrays are from the space that must be told from points


@final
@dataclass(frozen=True, eq=False)
class SpaceSample:
    """Random points and coordinates of a space, for its laws.

    Parameters
    ----------
    space : Space
    Y : points, a batch of them
    D, W : coordinates of length about 1
    G : any arrays of the shape of Y, as gradients
    like : an array of the library in which all is computed, or None
    """

    space: Space
    Y: Any
    D: Any
    W: Any
    G: Any
    like: Any

    @classmethod
    def draw(cls, space: Space, rng: np.random.Generator, *, samples: int, like: Any) -> SpaceSample:
        """Draw them."""
        D, W = (_unit(space.random_coordinates(rng, samples, like=like)) for _ in range(2))
        Y = space.random(rng, samples, like=like)
        return cls(space, Y, D, W, parts(lambda y: noise(rng, y), Y), like)

    def context(self) -> Any:
        """The section at the points."""
        return self.space.section(self.Y)

    def moved(self, context: Any, t: float) -> Any:
        """Where t W leads to."""
        return self.space.retract(context, parts(lambda w: t * w, self.W))

    def velocity(self) -> Any:
        """The velocity of the curves t -> retract(t W) at 0, by difference quotients."""
        context, h = self.context(), _STEP
        curve = [self.moved(context, t) for t in (h, -h, 2 * h, -2 * h)]
        return parts(lambda a, b, c, d: (8 * (a - b) - (c - d)) / (12 * h), *curve)


def parts(function: Callable[..., Any], *points: Any) -> Any:
    """The function of arrays, or of the arrays with one name each.

    Examples
    --------
    >>> parts(lambda a: 2 * a, {"W": 1.0})
    {'W': 2.0}
    """
    if isinstance(points[0], Mapping):
        return {name: parts(function, *(point[name] for point in points)) for name in points[0]}
    return function(*points)


def leaves(point: Any) -> list[np.ndarray]:
    """The arrays of a point, as arrays of NumPy.

    Examples
    --------
    >>> leaves({"a": np.zeros(1)})
    [array([0.])]
    """
    if isinstance(point, Mapping | list):
        inner = point.values() if isinstance(point, Mapping) else point
        return [leaf for part in inner for leaf in leaves(part)]
    return [np.asarray(point)]


def apart(a: Any, b: Any) -> float:
    """The largest difference of two points, see `group_laws.difference`.

    Examples
    --------
    >>> apart(np.array([2.0]), np.array([4.0]))
    0.5
    """
    left, right = leaves(a), leaves(b)
    if len(left) != len(right):
        return np.inf
    return max((difference(x, y) for x, y in zip(left, right, strict=True)), default=0.0)


def same(a: Any, b: Any) -> bool:
    """Whether two points are the same bit for bit.

    Examples
    --------
    >>> same(np.array([1.0]), np.array([1.0]))
    True
    """
    return all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(leaves(a), leaves(b), strict=True))


def noise(rng: np.random.Generator, like: Any) -> Any:
    """Normal entries, in the library and type of an array."""
    entries = rng.standard_normal(tuple(like.shape))
    if is_floating(namespace(like), like, field="complex"):
        entries = entries + 1j * rng.standard_normal(tuple(like.shape))
    return converted(entries, like)


def _unit(D: Any) -> Any:
    """Coordinates divided by the norm of all their entries, or zero."""
    length = float(np.sqrt(sum(np.sum(np.abs(leaf) ** 2) / max(1, len(leaf)) for leaf in leaves(D))))
    return parts(lambda d: d / length, D) if length > 0 else D


def points(s: SpaceSample) -> float:
    """Random points are on the space, project keeps them and leads to points; arrays beside the space are told."""
    space, rng = s.space, np.random.default_rng(0)
    off = parts(lambda y: y + _OFF * noise(rng, y), s.Y)
    if not space.belongs(s.Y) or not space.belongs(space.project(off)):
        return np.inf
    real = 2 if any(np.iscomplexobj(leaf) for leaf in leaves(s.Y)) else 1
    if space.belongs(off) and space.dimension < space.size * real and not _has_flat_factor(space):
        return np.inf
    worst = max(float(leaf.max(initial=0.0)) for leaf in leaves(space.error(s.Y)))
    return max(worst, apart(space.project(s.Y), s.Y), float(np.max(leaves(space.error(space.project(off)))[0])))


def _has_flat_factor(space: Space) -> bool:
    """Whether nothing lies beside a space, or beside every factor of a product."""
    factors = getattr(space, "factors", None)
    return all(factor.dimension >= factor.size for factor in factors.values()) if factors else False


def repeatable(s: SpaceSample) -> float:
    """A seed gives the same points and coordinates, a step the same bits, and no argument is written to."""
    space, arguments = s.space, [*leaves(s.Y), *leaves(s.G), *leaves(s.W)]
    before = [array.copy() for array in arguments]
    results = []
    for _ in range(2):
        context = space.section(s.Y)
        D = space.lift(context, s.G)
        results.append((D, space.retract(context, s.W), space.tangent(context, s.W), space.coordinates(context, s.G)))
    equal = all(same(a, b) for a, b in zip(*results, strict=True)) and same(arguments, before)
    draws = [(space.random(seed, 2, like=s.like), space.random_coordinates(seed, like=s.like)) for seed in (3, 3, 4)]
    seeded = all(same(a, b) for a, b in zip(draws[0], draws[1], strict=True))
    spread = space.dimension == 0 or not same(draws[0][0], draws[2][0])
    return 0.0 if equal and seeded and spread else np.inf


def dimension(s: SpaceSample) -> float:
    """Random coordinates span as many real dimensions as the space has, and they are horizontal."""
    space = s.space
    if space.dimension > _LARGEST_RANK:
        return 0.0
    count = space.dimension + 3
    D = space.random_coordinates(0, count)
    rows = np.concatenate([leaf.reshape(count, -1) for leaf in leaves(D)], axis=1)
    real = np.concatenate([rows.real, rows.imag], axis=1) if np.iscomplexobj(rows) else rows
    if np.linalg.matrix_rank(real) != space.dimension:
        return np.inf
    rng = np.random.default_rng(1)
    any_array = parts(lambda y: noise(rng, y), s.Y)
    once = space.horizontal(any_array)
    return max(apart(space.horizontal(s.D), s.D), apart(space.horizontal(once), once))


def metric(s: SpaceSample) -> float:
    """The inner product is symmetric, bilinear and positive, one number for each point, and norm is its root."""
    space, D, W = s.space, s.D, s.W
    both = parts(lambda d, w: 2 * d + w, D, W)
    inner = [leaves(space.inner(*pair))[0] for pair in ((D, W), (W, D), (D, D), (W, W), (both, W))]
    if (inner[2] < 0).any() or (space.dimension > 0 and (inner[2] == 0).any()):
        return np.inf
    return max(
        difference(inner[0], inner[1]),
        difference(inner[4], 2 * inner[0] + inner[3]),
        difference(leaves(space.norm(D))[0] ** 2, inner[2]),
    )


def retraction(s: SpaceSample) -> float:
    """retract(0) = Y, and the differential of retract at 0 is the tangent map."""
    context = s.context()
    return max(apart(s.moved(context, 0.0), s.Y), apart(s.velocity(), s.space.tangent(context, s.W)))


def gradient(s: SpaceSample) -> float:
    """The lift of G has with W the inner product Re <G, d/dt retract(t W)>, and it is horizontal."""
    space = s.space
    D = space.lift(s.context(), s.G)
    slope = sum(
        np.real(np.conj(g) * v).reshape(len(g), -1).sum(axis=1)
        for g, v in zip(leaves(s.G), leaves(s.velocity()), strict=True)
    )
    return max(difference(leaves(space.inner(D, s.W))[0], slope), apart(space.horizontal(D), D))


def tangents(s: SpaceSample) -> float:
    """coordinates and tangent are inverse to each other, and linear."""
    space, context = s.space, s.context()
    X = space.tangent(context, s.D)
    both = space.tangent(context, parts(lambda d, w: d - 3 * w, s.D, s.W))
    combined = parts(lambda x, y: x - 3 * y, X, space.tangent(context, s.W))
    return max(apart(space.coordinates(context, X), s.D), apart(both, combined))


def closure(s: SpaceSample) -> float:
    """Short steps and long steps lead to points, which are on the space to rounding; errors do not add up."""
    space, Y = s.space, s.Y
    worst, carried = 0.0, None
    for scale in (1e-3, 0.3, 1.0, 0.5, 0.7, 0.2, 0.4):
        context = space.section(Y, carried=carried)
        Y, carried = space.advance(context, parts(lambda w, t=scale: t * w, s.W))
        if not space.belongs(Y):
            return np.inf
        worst = max(worst, *(float(leaf.max(initial=0.0)) for leaf in leaves(space.error(Y))))
    return worst


def batches(s: SpaceSample) -> float:
    """A batch of points is treated as its points one by one."""
    space, context = s.space, s.context()
    whole = (
        space.lift(context, s.G),
        space.retract(context, s.W),
        space.tangent(context, s.W),
        space.inner(s.D, s.W),
        space.error(s.Y),
        space.horizontal(s.G),
    )
    worst = 0.0
    for index in range(len(leaves(s.Y)[0])):
        Y, G, D, W = (parts(lambda a, i=index: a[i, ...], tree) for tree in (s.Y, s.G, s.D, s.W))
        one = space.section(Y)
        single = (
            space.lift(one, G),
            space.retract(one, W),
            space.tangent(one, W),
            space.inner(D, W),
            space.error(Y),
            space.horizontal(G),
        )
        for many, alone in zip(whole, single, strict=True):
            worst = max(worst, apart(parts(lambda a, i=index: a[i, ...], many), alone))
    return worst


def vectors(s: SpaceSample) -> float:
    """pack and unpack are inverse to each other."""
    Y = parts(lambda a: a[0, ...], s.Y)
    vector = s.space.pack(Y)
    return apart(s.space.unpack(vector), Y) if tuple(vector.shape) == (s.space.size,) else np.inf


def distance(s: SpaceSample) -> float:
    """Where there is a distance: d(Y, Y) = 0, d(X, Y) = d(Y, X), and d(Y, retract(t W)) / t tends to |W|."""
    space, context = s.space, s.context()
    try:
        zero = leaves(space.distance(s.Y, s.Y))[0]
    except InputError:
        return 0.0
    other = s.moved(context, 0.3)
    near, nearer = (leaves(space.distance(s.Y, s.moved(context, t)))[0] / t for t in (2 * _STEP, _STEP))
    there, back = (leaves(space.distance(*pair))[0] for pair in ((s.Y, other), (other, s.Y)))
    return max(
        float(np.abs(zero).max(initial=0.0)),
        difference(there, back),
        difference((4 * nearer - near) / 3, leaves(space.norm(s.W))[0]),
    )


LAWS: tuple[Callable[[SpaceSample], float], ...] = (
    points,
    repeatable,
    dimension,
    metric,
    retraction,
    gradient,
    tangents,
    closure,
    batches,
    vectors,
    distance,
)
