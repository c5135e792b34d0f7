"""From sampled equations to a basis of fields with a decision on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from solvers.discovery.equations import Equations
from solvers.discovery.family import Arrays
from solvers.discovery.reduction import reduced
from solvers.discovery.spectrum import Precision, Spectrum, spectrum
from symmetries.actions.parameter_space import FloatArray

ROUNDS = 4
"""How often equations are added while the fields found fail on held-out points."""

CHECKED = 64
"""Fields that are compared point by point with what they are on the sample."""

PAIRS = 300
"""Brackets that are looked at."""

OBSERVED = 1e-8
"""Fields that the points tell apart by less than this share are not told apart."""


@final
@dataclass(frozen=True, eq=False)
class Found:
    """A basis with what speaks for it.

    Parameters
    ----------
    basis: coefficients of the accepted fields as rows, in the given unknowns.
    near: coefficients of the next fields.
    values: singular values in increasing order.
    gap: ratio of the first rejected to the last accepted one.
    residual: largest defect of an accepted field on held-out points.
    closure: largest relative part of a bracket outside the span; None where brackets may leave the family.
    null_directions: constant directions in which f does not change, as rows; None where they were not looked for.
    doubt: why nothing is decided; empty when the basis stands.
    """

    basis: FloatArray
    near: FloatArray
    values: FloatArray
    gap: float
    residual: float
    closure: float | None
    null_directions: FloatArray | None
    doubt: str


def needed(unknowns: int) -> tuple[int, int]:
    """Equations to solve with, and points to check with.

    >>> needed(4), needed(1000)
    ((20, 8), (1125, 64))
    """
    return unknowns + max(16, unknowns // 8), min(max(8, unknowns // 4), 64)


def search(
    equations: Equations, points: Iterator[Arrays], precision: Precision, *, endless: bool, following: int
) -> Found:
    """Solve the equations of the points; of an endless supply, take as many as are needed."""
    train, hold = needed(equations.family.count)
    enough = equations.take(points, train=train, hold=hold)
    if not endless:
        equations.exhaust(points)
    doubt = "" if enough else _too_few(equations, train + hold)
    precision = refined(precision, equations)
    if doubt:
        return _nothing(equations, doubt)
    found = _solve(equations, precision, following)
    for _ in range(ROUNDS):
        if not endless or not (found.doubt or found.residual > precision.clear):
            break
        train = equations.triangle.rows + equations.family.count
        if not equations.take(points, train=train, hold=hold):
            break
        found = _solve(equations, precision, following)
    return found


def refined(precision: Precision, equations: Equations) -> Precision:
    """The precision, lowered when the gradients turned out to be in fewer digits."""
    unit = equations.subject.unit
    if unit <= precision.unit:
        return precision
    lower, assumed = Precision.of(unit), Precision.of(precision.unit)
    tolerance = lower.tolerance if precision.tolerance == assumed.tolerance else precision.tolerance
    return Precision(unit, tolerance, lower.gap if precision.gap == assumed.gap else precision.gap)


def _too_few(equations: Equations, wanted: int) -> str:
    """Why there are too few equations."""
    useful = equations.triangle.rows + len(equations.held)
    if not useful and equations.flat_points:
        return (
            f"the gradient is zero at all {equations.flat_points} points: "
            "the function is constant there, and nothing can be told from it"
        )
    lost = [f"{equations.non_finite} were not finite"] if equations.non_finite else []
    lost += [f"{equations.flat_points} were zero"] if equations.flat_points else []
    rest = f" ({', '.join(lost)})" if lost else ""
    return f"{useful} gradients say something{rest}; {equations.family.count} unknowns need {wanted}"


def _nothing(equations: Equations, doubt: str) -> Found:
    """The answer without a decision."""
    none = np.zeros((0, equations.family.count))
    return Found(none, none, np.zeros(0), 0.0, np.inf, None, None, doubt)


def _solve(equations: Equations, precision: Precision, following: int) -> Found:
    """The null space of the equations so far, with all checks."""
    family, scales = equations.family, equations.scales(precision.floor)
    trivial = family.trivial() * scales
    triangle = equations.triangle
    seen = spectrum(triangle.factor() / scales, triangle.rows, trivial, precision, following=following)
    basis = _unscaled(seen.null, scales, equations)
    near = _of_unit_size(seen.next / scales)
    residual = max((defect(row, equations, scales) for row in basis), default=0.0)
    closure = closure_of(basis, equations) if not seen.doubt else None
    doubt = seen.doubt or _doubt(equations, basis, residual, closure, precision)
    return Found(basis, near, seen.values, seen.gap, residual, closure, _directions(equations, precision), doubt)


def _unscaled(null: FloatArray, scales: FloatArray, equations: Equations) -> FloatArray:
    """A reduced basis in the given unknowns, each field with as many zeros as is easy."""
    if not len(null):
        return null
    family = equations.family
    trivial = family.trivial()
    if len(trivial):  # the entries that the trivial fields can remove are removed before pivots are chosen
        places = [int(np.flatnonzero(row < 0)[0]) for row in trivial]
        raw = null / scales
        raw = raw - np.linalg.solve(trivial[:, places].T, raw[:, places].T).T @ trivial
        null = raw * scales
    basis = reduced(null) / scales
    basis = np.array([family.tidy(row) for row in basis])
    return _of_unit_size(basis)


def defect(coefficients: FloatArray, equations: Equations, scales: FloatArray) -> float:
    r"""Defect of a field on the held-out points: :math:`\mathrm{rms}(\nabla f\cdot X)` relative to its terms."""
    size = float(np.linalg.norm(coefficients * scales))
    held = np.array(equations.held)
    return float(np.linalg.norm(held @ coefficients)) / (np.sqrt(len(held)) * size) if size else 0.0


def _doubt(
    equations: Equations, basis: FloatArray, residual: float, closure: float | None, precision: Precision
) -> str:
    """Why an accepted basis does not stand; empty when it does."""
    family = equations.family
    if equations.points and family.observed(np.array(equations.points)) < OBSERVED:
        return "the points do not tell the fields of the ansatz apart: they lie in a set that is too small"
    if residual > precision.clear:
        return (
            f"a field that satisfies the {equations.triangle.rows} equations fails on held-out points "
            f"(defect {residual:.1e}): more points are needed"
        )
    if _stands_still(equations, basis):
        return "an accepted field is zero at all points, so that the points say nothing of it"
    if family.brackets_stay and closure is not None and closure > precision.tolerance**0.5:
        return f"the accepted fields are not closed under brackets (a part of {closure:.1e} is outside their span)"
    return ""


def _stands_still(equations: Equations, basis: FloatArray) -> bool:
    """Whether an accepted field vanishes at all held-out points."""
    rng = np.random.default_rng(0)
    chosen = basis if len(basis) <= CHECKED else basis[rng.choice(len(basis), CHECKED, replace=False)]
    sizes = np.sqrt(equations.sizes / equations.triangle.rows)
    family = equations.family
    points = equations.held_points[: 8 if family.space.size <= 10_000 else 1]
    for row in chosen if family.space.size <= 10_000 else chosen[:4]:
        moved = max(float(np.linalg.norm(family.field(row, point))) for point in points)
        if moved <= OBSERVED * float(np.linalg.norm(row * sizes)):
            return True
    return False


def closure_of(basis: FloatArray, equations: Equations) -> float | None:
    """Largest relative part of a bracket outside the span of the fields; None where brackets may leave the family."""
    family, scales = equations.family, np.sqrt(equations.sizes / equations.triangle.rows)
    if not len(basis) or family.bracket(basis[0], basis[0]) is None:
        return None if not family.brackets_stay else 0.0
    span = np.concatenate([basis, family.trivial()]) * scales
    orthonormal = np.linalg.qr(span.T)[0]
    pairs = [(i, j) for i in range(len(basis)) for j in range(i)]
    if len(pairs) > PAIRS:
        chosen = np.random.default_rng(0).choice(len(pairs), PAIRS, replace=False)
        pairs = [pairs[k] for k in chosen]
    worst = 0.0
    for i, j in pairs:
        product = family.bracket(basis[i], basis[j])
        assert product is not None
        length = float(np.linalg.norm(product * scales))
        size = float(np.linalg.norm(basis[i] * scales) * np.linalg.norm(basis[j] * scales))
        if length <= 1e-12 * size:
            continue
        scaled = product * scales
        worst = max(worst, float(np.linalg.norm(scaled - orthonormal @ (orthonormal.T @ scaled))) / length)
    return worst


def _directions(equations: Equations, precision: Precision) -> FloatArray | None:
    """Constant directions along which the function does not change, as rows."""
    triangle = equations.directions
    if triangle is None:
        return None
    lengths = np.sqrt(equations.slopes / triangle.rows)
    scales = np.maximum(lengths, precision.floor * float(np.max(lengths)))
    seen: Spectrum = spectrum(
        triangle.factor() / scales, triangle.rows, np.zeros((0, triangle.columns)), precision, following=0
    )
    return None if seen.doubt else _of_unit_size(reduced(seen.null) / scales)


def _of_unit_size(rows: FloatArray) -> FloatArray:
    """Rows divided by their largest entry."""
    return rows / np.max(np.abs(rows), axis=1, keepdims=True) if len(rows) else rows
