"""Fields that a user gives to be tested: refuted at a point, or measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.discovery.equations import Equations, length_of
from solvers.discovery.family import flat
from solvers.discovery.given import field_function
from solvers.discovery.spectrum import Precision
from solvers.function_answers import read_numbers
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_reals
from symmetries.certificate import Claim, Verdict


def candidate_claims(candidates: Sequence[Any], equations: Equations, precision: Precision) -> tuple[Claim, ...]:
    r"""One claim for each field: refuted where :math:`\nabla f\cdot X` is far from 0 beside its own terms.

    Parameters
    ----------
    candidates: matrices of shape (n, n), or (n, n + 1) with the constant part last, functions of the flat vector, or
        fields of formulas.
    equations: what was sampled; the held-out points are used.
    precision: what counts as zero.
    """
    space = equations.family.space
    fields = [_read(field_function(one, space.shapes), number, space.size) for number, one in enumerate(candidates)]
    return tuple(_claim(number, one, equations, precision) for number, one in enumerate(fields))


def _read(candidate: Any, number: int, size: int) -> Any:
    """A candidate as a function of the flat vector."""
    if callable(candidate):
        return candidate
    matrix = read_reals(candidate, what=f"candidate {number}")
    if matrix.shape not in ((size, size), (size, size + 1)) or not np.isfinite(matrix).all():
        raise InputError(
            f"candidate {number} has the shape {list(matrix.shape)}",
            why=f"a field on {size} coordinates is a finite matrix of the shape [{size}, {size}], "
            f"or [{size}, {size + 1}] with a constant part",
            cure="give such a matrix, or a function w -> X(w)",
        )
    return lambda w: matrix[:, :size] @ w + (matrix[:, size] if matrix.shape[1] > size else 0.0)


def _claim(number: int, field: Any, equations: Equations, precision: Precision) -> Claim:
    """The claim on one field."""
    statement = f"candidate {number} annihilates {equations.subject.name}"
    worst, where, worst_point, used = 0.0, 0, np.zeros(0), 0
    for place, point in enumerate(equations.held_points):
        w = flat(point, equations.family.space)
        ratio = _ratio(field, w, flat_gradient(equations, point), number, precision)
        used += ratio is not None
        if ratio is not None and ratio >= worst:
            worst, where, worst_point = ratio, place, w
    evidence: dict[str, Any] = {"points": used, "worst": worst, "tolerance": precision.tolerance}
    if not used:
        return Claim(
            statement=statement,
            verdict="undecided",
            reason="at every point the field or the gradient along it is zero",
            evidence=evidence,
        )
    if worst > precision.clear:
        evidence["counterexample"] = worst_point.tolist() if worst_point.size <= 1_000 else f"held-out point {where}"
        reason = f"the derivative along it is {worst:.1e} of its terms at a point"
        return Claim(statement=statement, verdict="refuted", reason=reason, evidence=evidence)
    reason = f"the derivative along it is at most {worst:.1e} of its terms at {used} points"
    verdict: Verdict = "measured" if worst <= precision.tolerance else "undecided"
    return Claim(statement=statement, verdict=verdict, reason=reason, evidence=evidence)


def flat_gradient(equations: Equations, point: Any) -> FloatArray:
    """The gradient at a point as a flat vector of length 1."""
    gradient = equations.subject.gradient(point, equations.rng)
    length = length_of(gradient)
    return flat(gradient, equations.family.space) / (length or 1.0)


def _ratio(field: Any, w: FloatArray, gradient: FloatArray, number: int, precision: Precision) -> float | None:
    """The derivative along the field beside its terms; 0 where they may be rounding, None where there are none."""
    moved = read_numbers(field(w.copy()), f"candidate {number}").ravel()
    if moved.shape != w.shape or not np.isfinite(moved).all():
        raise InputError(
            f"candidate {number} answers with {moved.size} numbers",
            why=f"a finite vector of {w.size} numbers is needed",
            cure="return an array of the shape of the point",
        )
    terms = float(np.sum(np.abs(gradient * moved)))
    if not moved.any() or not np.isfinite(terms):
        return None
    if terms <= precision.floor * float(np.linalg.norm(moved)):
        terms = precision.floor * float(np.linalg.norm(moved))
    return abs(float(gradient @ moved)) / terms
