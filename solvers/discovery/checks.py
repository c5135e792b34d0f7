"""What a basis of fields must stand before it is accepted: other points, points that move, brackets."""

from __future__ import annotations

import numpy as np

from solvers.discovery.equations import Equations
from solvers.discovery.spectrum import Precision
from symmetries.actions.parameter_space import FloatArray

CHECKED = 4
"""Fields that are looked at by themselves where there are very many."""

PAIRS = 300
"""Brackets that are looked at."""

OBSERVED = 1e-8
"""Fields that the points tell apart by less than this share are not told apart."""

SHARE = 1e-6
"""Share of a field below which a coefficient is rounding."""

MANY = 20_000_000
"""Numbers beyond which only a few fields are looked at, at one point."""


def defect(coefficients: FloatArray, equations: Equations, scales: FloatArray) -> float:
    r"""Defect of a field on the held-out points: :math:`\mathrm{rms}(\nabla f\cdot X)` relative to its terms."""
    return float(defects(coefficients[None], equations, scales)[0])


def defects(rows: FloatArray, equations: Equations, scales: FloatArray) -> FloatArray:
    """Defects of several fields, as :func:`defect`."""
    held = np.array(equations.held)
    sizes = np.linalg.norm(rows * scales, axis=1) * np.sqrt(len(held))
    return np.linalg.norm(rows @ held.T, axis=1) / np.where(sizes > 0, sizes, 1.0)


def doubt_of(
    equations: Equations, basis: FloatArray, residual: float, closure: float | None, precision: Precision
) -> str:
    """Why an accepted basis does not stand; empty when it does."""
    family = equations.family
    seen = family.observed(np.array(equations.points)) if equations.points else None
    if seen is not None and seen < OBSERVED:
        return "the points do not tell the fields of the ansatz apart: they lie in a set that is too small"
    if equations.repeated:
        return "points that were held out occur among the others: the points must differ"
    if residual > precision.clear:
        return (
            f"a field that satisfies the {equations.triangle.rows} equations fails on held-out points "
            f"(defect {residual:.1e}): more points are needed"
        )
    rare = equations.rare()
    if rare.any() and _uses(basis, rare, equations.scales(precision.floor)):
        return (
            f"an accepted field has a coefficient that only {int(np.min(equations.active[rare]))} of the "
            f"{equations.triangle.rows} equations contain: more points are needed"
        )
    if seen is None and _stands_still(equations, basis):
        return "an accepted field is zero at all points, so that the points say nothing of it"
    if family.brackets_stay and closure is not None and closure > precision.tolerance**0.5:
        return f"the accepted fields are not closed under brackets (a part of {closure:.1e} is outside their span)"
    return ""


def _uses(basis: FloatArray, chosen: FloatArray, scales: FloatArray) -> bool:
    """Whether a field has a coefficient among the chosen unknowns that is no rounding."""
    shares = np.abs(basis * scales) / np.linalg.norm(basis * scales, axis=1, keepdims=True)
    return bool(np.any(shares[:, chosen] > SHARE))


def _stands_still(equations: Equations, basis: FloatArray) -> bool:
    """Whether a combination of accepted fields vanishes at held-out points; of very many, whether a field does."""
    if not len(basis):
        return False
    family = equations.family
    points = equations.held_points[: 8 + 4 * len(basis) // family.space.size]
    if family.space.size * len(points) * len(basis) > MANY:
        points, basis = points[:1], basis[:CHECKED]
    sizes = np.linalg.norm(basis * np.sqrt(equations.sizes / equations.triangle.rows), axis=1, keepdims=True)
    moved = np.array([[family.field(row, point) for point in points] for row in basis]).reshape(len(basis), -1)
    if len(points) == 1:
        return bool(np.any(np.linalg.norm(moved, axis=1) <= OBSERVED * sizes[:, 0]))
    return bool(np.linalg.matrix_rank(moved / sizes, tol=OBSERVED) < len(basis))


def closure_of(basis: FloatArray, equations: Equations) -> float | None:
    """Largest relative part of a bracket outside the span of the fields; None where brackets may leave the family."""
    family, scales = equations.family, np.sqrt(equations.sizes / equations.triangle.rows)
    if not family.brackets_stay:
        return None
    if not len(basis) or family.commutes:
        return 0.0
    span = np.concatenate([basis, family.trivial()]) * scales
    orthonormal = np.linalg.qr(span.T)[0]
    pairs = [(i, j) for i in range(len(basis)) for j in range(i)]
    if len(pairs) > PAIRS:
        chosen = np.random.default_rng(0).choice(len(pairs), PAIRS, replace=False)
        pairs = [pairs[k] for k in chosen]
    return max((_outside(basis[i], basis[j], orthonormal, equations, scales) for i, j in pairs), default=0.0)


def _outside(
    left: FloatArray, right: FloatArray, orthonormal: FloatArray, equations: Equations, scales: FloatArray
) -> float:
    """Relative part of a bracket outside a span; 0 for a bracket that is rounding."""
    product = equations.family.bracket(left, right)
    assert product is not None
    scaled = product * scales
    length = float(np.linalg.norm(scaled))
    if length <= equations.subject.unit * 1e4 * float(np.linalg.norm(left * scales) * np.linalg.norm(right * scales)):
        return 0.0
    return float(np.linalg.norm(scaled - orthonormal @ (orthonormal.T @ scaled))) / length
