r"""The steepest points of a level set of a convex quadratic, and the step that leads from them to the minimiser.

With :math:`y = w - w^*`, :math:`|\nabla q|^2 = y^\top A^2 y \le \lambda_{\max}\, y^\top A y = 2\lambda_{\max}(q - q^*)`
with equality exactly where the part of y outside the kernel of A is an eigenvector of :math:`\lambda_{\max}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import final

import numpy as np

from solvers.equivalence.quadratic import Quadratic
from symmetries.actions.parameter_space import FloatArray

SAME = 64
"""Eigenvalues within so many roundings of the largest count as equal to it."""

CLEAR_GAP = 1e-6
"""Least nonzero eigenvalue, relative to the largest, down to which the kernel is seen in double precision."""


@final
@dataclass(frozen=True, kw_only=True)
class SteepestPoint:
    r"""Where the gradient norm is largest on the level set of a point, and what holds there.

    Parameters
    ----------
    point: :math:`w' = w^* + \sqrt{2(q(w) - q^*)/\lambda}\,v`, shape (n,).
    minimiser: :math:`w^*`, rounded; for semidefinite matrices the minimiser that the step from w' leads to.
    eigenvalue: the largest eigenvalue :math:`\lambda`.
    smallest: the smallest eigenvalue that is not zero.
    height: :math:`q(w) - q^*`.
    radius: :math:`|w' - w^*|`.
    maximum: the largest squared gradient norm on the level set, :math:`2\lambda(q(w) - q^*)`.
    gradient_norm_before: the gradient norm at w.
    gradient: at w', evaluated exactly and rounded.
    eigenvector_residual: :math:`|Hu - \lambda u|/(\lambda|u|)` of the gradient u.
    angle: between the gradient and the Newton direction, in radians.
    landing: :math:`|w' - u/\lambda - w^*|/|w' - w^*|`.
    level: relative difference of q(w') and q(w) above the minimum.
    tolerance: what rounding of w' explains in the last four numbers.
    """

    point: FloatArray
    minimiser: FloatArray
    eigenvalue: float
    smallest: float
    height: float
    radius: float
    maximum: float
    gradient_norm_before: float
    gradient: FloatArray
    eigenvector_residual: float
    angle: float
    landing: float
    level: float
    tolerance: float

    @property
    def condition(self) -> float:
        """The largest eigenvalue over the smallest that is not zero."""
        return self.eigenvalue / self.smallest if self.smallest else np.inf


def angle_between(left: FloatArray, right: FloatArray) -> float:
    """The angle between two vectors in radians, accurate for small angles too; NaN where one is zero.

    >>> angle_between(np.array([1.0, 0.0]), np.array([1.0, 1e-12]))
    1e-12
    """
    lengths = np.linalg.norm(left), np.linalg.norm(right)
    if not (lengths[0] and lengths[1]):
        return float("nan")
    one, other = left / lengths[0], right / lengths[1]
    return float(2 * np.arctan2(np.linalg.norm(one - other), np.linalg.norm(one + other)))


def floats(fractions: Sequence[Fraction]) -> FloatArray:
    """Rational numbers as doubles."""
    return np.array([float(value) for value in fractions])


def steepest_point(
    quadratic: Quadratic, w: FloatArray, minimiser: Sequence[Fraction], rank: int
) -> SteepestPoint | None:
    """The steepest point of the level set of w that is nearest in direction, in closed form.

    Parameters
    ----------
    quadratic: a convex quadratic.
    w: the start, which is no minimiser.
    minimiser: a point with gradient zero.
    rank: the rank of the Hessian, at least one.

    Returns
    -------
    None where the numbers leave the range of doubles.

    >>> from solvers.equivalence.quadratic import Quadratic
    >>> quadratic = Quadratic.from_matrix([[1.0, 0.0], [0.0, 4.0]])
    >>> found = steepest_point(quadratic, np.array([2.0, 0.0]), [Fraction(0), Fraction(0)], 2)
    >>> np.abs(found.point).round(12).tolist(), found.maximum, found.landing
    ([0.0, 1.0], 16.0, 0.0)
    """
    size, start = quadratic.size, [Fraction(value) for value in w.tolist()]
    away = [value - centre for value, centre in zip(start, minimiser, strict=True)]
    height = float(quadratic.value(start) - quadratic.value(minimiser))
    before = floats(quadratic.gradient(start))
    hessian = quadratic.hessian
    if not (np.isfinite(hessian).all() and height > 0 and np.isfinite(height)):
        return None
    values, vectors = np.linalg.eigh(hessian)
    top = float(values[-1])
    smallest = float(values[size - rank])
    offset = floats(away)
    direction = _top_direction(values, vectors, offset)
    radius = float(np.sqrt(2 * height / top))
    centre = list(minimiser)
    if rank < size and smallest > CLEAR_GAP * top:
        kernel = vectors[:, : size - rank]
        shift = kernel @ (kernel.T @ offset)
        centre = [value + Fraction(step) for value, step in zip(centre, shift.tolist(), strict=True)]
    arm = [Fraction(step) for step in (radius * direction).tolist()]
    point = floats([value + step for value, step in zip(centre, arm, strict=True)])
    reached = [Fraction(value) for value in point.tolist()]
    newton = floats([value - middle for value, middle in zip(reached, centre, strict=True)])
    gradient = floats(quadratic.gradient(reached))
    distance, length = float(np.linalg.norm(newton)), float(np.linalg.norm(gradient))
    if not (distance and length and np.isfinite([distance, length]).all()):
        return None
    higher = float(quadratic.value(reached) - quadratic.value(minimiser))
    unit = float(np.finfo(float).eps)
    return SteepestPoint(
        point=point,
        minimiser=floats(centre),
        eigenvalue=top,
        smallest=smallest,
        height=height,
        radius=radius,
        maximum=2 * top * height,
        gradient_norm_before=float(np.linalg.norm(before)),
        gradient=gradient,
        eigenvector_residual=float(np.linalg.norm(hessian @ (gradient / length) - top * (gradient / length))) / top,
        angle=angle_between(gradient, newton),
        landing=float(np.linalg.norm(newton - gradient / top)) / distance,
        level=abs(higher - height) / height,
        tolerance=256 * size * unit * (1 + float(np.linalg.norm(point)) / radius),
    )


def _top_direction(values: FloatArray, vectors: FloatArray, offset: FloatArray) -> FloatArray:
    """The unit vector of the top eigenspace that is nearest to an offset."""
    near = values >= values[-1] * (1 - SAME * len(values) * np.finfo(float).eps)
    space = vectors[:, near]
    part = space @ (space.T @ offset)
    length = float(np.linalg.norm(part))
    if length > 1e-8 * float(np.linalg.norm(offset)):
        return np.asarray(part / length)
    return np.asarray(vectors[:, -1])
