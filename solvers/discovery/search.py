"""From sampled equations to a basis of fields with a decision on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from solvers.discovery.checks import closure_of, defects, doubt_of
from solvers.discovery.equations import MARGIN, Equations, too_rare
from solvers.discovery.family import Arrays
from solvers.discovery.reduction import reduced, sparser
from solvers.discovery.spectrum import Precision, Spectrum, spectrum
from symmetries.actions.parameter_space import FloatArray

ROUNDS = 6
"""How often the equations are doubled while nothing is decided."""

HELD_OUT = 128
"""Points of an endless supply that are held out."""

MOST_FOR_RARE = 6
"""Equations for each unknown that are taken at most to see unknowns that are seldom in one."""

MOST_FOR_IDLE = 1_000
"""Equations that are taken to see an unknown that was in none."""

ROUNDINGS = 100.0
"""Entries of a generator up to that many units of the gradients are rounding."""


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
    return unknowns + max(MARGIN, unknowns // 8), min(max(8, unknowns // 4), 64)


def search(
    equations: Equations, points: Iterator[Arrays], precision: Precision, *, endless: bool, following: int
) -> Found:
    """Solve the equations of the points; of an endless supply, take as many as are needed."""
    train, hold = needed(equations.family.count)
    hold = HELD_OUT if endless else hold
    enough = equations.take(points, train=train, hold=hold)
    if not endless:
        equations.exhaust(points)
    elif enough:
        _see_the_rare(equations, points, hold)
    precision = refined(precision, equations)
    if not enough:
        return _nothing(equations, _too_few(equations, train + hold))
    found = _solve(equations, precision, following)
    for _ in range(ROUNDS):
        rows = equations.triangle.rows
        if not endless or not found.doubt or rows >= _most(equations):
            break
        if not equations.take(points, train=rows + max(rows, equations.family.count), hold=hold):
            break
        found = _solve(equations, precision, following)
    return found


def _see_the_rare(equations: Equations, points: Iterator[Arrays], hold: int) -> None:
    """Take more points while some unknowns are in few equations or in none, within limits."""
    count = equations.family.count
    step = max(32, count // 4)
    while equations.triangle.rows < _most(equations):
        idle = equations.idle().any() and equations.triangle.rows < MOST_FOR_IDLE
        if not (idle or equations.rare().any()):
            return
        if not equations.take(points, train=equations.triangle.rows + step, hold=hold):
            return


def _most(equations: Equations) -> int:
    """Equations beyond which no more are asked for."""
    return MOST_FOR_RARE * (equations.family.count + MARGIN) + MOST_FOR_IDLE


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
    basis = _readable(seen.null, scales, equations, ROUNDINGS * precision.unit)
    near = _of_unit_size(seen.next / scales)
    residual = float(np.max(defects(basis, equations, scales), initial=0.0))
    closure = closure_of(basis, equations) if not seen.doubt else None
    doubt = seen.doubt or doubt_of(equations, basis, residual, closure, precision)
    return Found(basis, near, seen.values, seen.gap, residual, closure, _directions(equations, precision), doubt)


def _readable(null: FloatArray, scales: FloatArray, equations: Equations, rounding: float) -> FloatArray:
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
    basis = reduced(null, np.asarray(~trivial.any(axis=0))) / scales
    basis = np.array([family.tidy(row, rounding) for row in basis])
    return _of_unit_size(sparser(basis, lambda row: family.tidy(row, rounding)))


def _of_unit_size(rows: FloatArray) -> FloatArray:
    """Rows divided by the first of their largest entries."""
    if not len(rows):
        return rows
    sizes = np.abs(rows)
    first = np.argmax(sizes >= 0.999 * np.max(sizes, axis=1, keepdims=True), axis=1)
    return rows / rows[np.arange(len(rows)), first][:, None]


def _directions(equations: Equations, precision: Precision) -> FloatArray | None:
    """Constant directions along which the function does not change, as rows; None where too little was seen."""
    triangle = equations.directions
    if triangle is None or triangle.rows < triangle.columns + MARGIN or too_rare(equations.sloping).any():
        return None
    lengths = np.sqrt(equations.slopes / triangle.rows)
    scales = np.maximum(lengths, precision.floor * float(np.max(lengths)))
    seen: Spectrum = spectrum(
        triangle.factor() / scales, triangle.rows, np.zeros((0, triangle.columns)), precision, following=0
    )
    return None if seen.doubt else _of_unit_size(reduced(seen.null) / scales)
