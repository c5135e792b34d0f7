"""The laws of homogeneous spaces that speak of the group: its elements are made in full and compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from manifolds.array_api import identity, namespace
from manifolds.group_laws import difference
from manifolds.homogeneous import Homogeneous
from manifolds.linalg import expm
from manifolds.space import Space
from manifolds.space_laws import SpaceSample
from manifolds.transport import frame, horizontal_element


def frames(s: SpaceSample) -> list[SpaceSample]:
    """The sample itself, or those of the factors that are homogeneous."""
    return [part for part in _factors(s) if isinstance(part.space, Homogeneous)]


def _factors(s: SpaceSample) -> list[SpaceSample]:
    """The samples of the factors of a product, of a product of products."""
    factors: dict[str, Space] = getattr(s.space, "factors", {})
    if not factors:
        return [s]
    return [
        inner
        for name, factor in factors.items()
        for inner in _factors(SpaceSample(factor, s.Y[name], s.D[name], s.W[name], s.G[name], s.like))
    ]


def _worst(law: Callable[[Any, SpaceSample], float], s: SpaceSample) -> float:
    """The largest residual of the homogeneous factors."""
    return max((law(part.space, part) for part in frames(s)), default=0.0)


def section(s: SpaceSample) -> float:
    """The section is in the group, takes E to Y, and its inverse and its transpose are what they are called."""
    return _worst(_section, s)


def _section(space: Homogeneous, s: SpaceSample) -> float:
    """The law of one space."""
    form, chosen = space.form, space.section(s.Y).section
    matrix = chosen.apply(_ones(space, s.Y))
    one = np.broadcast_to(np.eye(form.rows), matrix.shape)
    return max(
        difference(_array(form.pair(matrix, matrix)), one),
        difference(_array(matrix @ frame(form, s.Y)), _array(s.Y)),
        difference(_array(chosen.solve(matrix)), one),
        difference(_array(chosen.pull_back(s.G)), _array(form.transpose(matrix) @ s.G)),
    )


def algebra(s: SpaceSample) -> float:
    """Coordinates are the columns of an element of the Lie algebra, of which the stabiliser's block is zero."""
    return _worst(_algebra, s)


def _algebra(space: Homogeneous, s: SpaceSample) -> float:
    """The law of one space."""
    form = space.form
    B, one = horizontal_element(form, s.D), identity(namespace(s.D), form.rows, s.D)
    E = frame(form, s.D)
    beside = one - E @ form.pair(E, one + 0 * B)
    block = form.pair(beside, B @ beside)
    fixed = [form.pair(E, B @ E)] if space.subspaces else []
    return max(
        difference(_array(form.pair(B, one + 0 * B)), -_array(B)),
        difference(_array(B @ E), _array(s.D)),
        *(float(np.abs(_array(zero)).max(initial=0.0)) for zero in [block, *fixed]),
    )


def group_step(s: SpaceSample) -> float:
    """A step is the section times the exponential, or the Cayley transform, of that element, times E."""
    return _worst(_group_step, s)


def _group_step(space: Homogeneous, s: SpaceSample) -> float:
    """The law of one space."""
    xp, context = namespace(s.W), space.section(s.Y)
    half = 0.5 * horizontal_element(space.form, s.W)
    one = identity(xp, space.form.rows, s.W)
    element = expm(2 * half) if space.retraction == "geodesic" else xp.linalg.solve(one - half, one + half)
    dense = context.section.apply(_ones(space, s.Y)) @ element
    worst = difference(_array(space.retract(context, s.W)), _array(dense @ frame(space.form, s.W)))
    point, carried = space.advance(context, s.W)
    worst = max(worst, difference(_array(point), _array(space.retract(context, s.W))))
    return worst if carried is None else max(worst, difference(_array(carried), _array(dense)))


def _ones(space: Homogeneous, Y: Any) -> Any:
    """The identity of the group, once for each point."""
    return identity(namespace(Y), space.form.rows, Y) + 0 * Y[..., :1, :1]


def _array(x: Any) -> Any:
    """As an array of NumPy."""
    return np.asarray(x)


FRAME_LAWS: tuple[Callable[[SpaceSample], float], ...] = (section, algebra, group_step)
