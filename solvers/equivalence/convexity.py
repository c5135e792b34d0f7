"""The hypotheses of Newton equivalence on a quadratic: a semidefinite Hessian and a minimiser."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, final

import numpy as np

from solvers.equivalence.decide import Decision
from solvers.equivalence.exact_arrays import NotExactError
from solvers.equivalence.inertia import Inertia, inertia_of
from solvers.equivalence.minimiser import has_minimiser, minimiser
from solvers.equivalence.quadratic import Quadratic, integers
from solvers.objective import Objective
from symmetries.actions.parameter_space import FloatArray
from symmetries.certificate import Claim, Verdict

DEFINITE = "definite: the Hessian is positive {}"
MINIMUM = "minimum: the loss attains its minimum"

ROUNDING, DIFFERENCES = 1e-13, 1e-7
"""Relative eigenvalues that count as zero, of a Hessian from exact products and from differences of gradients."""

IN_RANGE = 1e-6
"""Relative residual of the equation of the minimiser from which on there is none."""


@final
@dataclass(frozen=True, kw_only=True)
class Convexity:
    """A convex quadratic with a minimiser, or why it is none.

    Parameters
    ----------
    claims: the hypotheses.
    quadratic: the coefficients, exact or measured.
    minimiser: a point with gradient zero, None where a hypothesis fails.
    rank: rank of the Hessian.
    is_proved: whether all claims are proved.
    failure: which hypothesis fails and why; empty where all hold.
    """

    claims: tuple[Claim, ...]
    quadratic: Quadratic | None = None
    minimiser: tuple[Fraction, ...] | None = None
    rank: int = 0
    is_proved: bool = False
    failure: str = ""


def _claim(name: str, verdict: Verdict, statement: str, reason: str, **evidence: Any) -> Claim:
    """A claim that carries its name."""
    return Claim(statement=statement, verdict=verdict, reason=reason, evidence={"name": name, **evidence})


def _failed(reason: str, *before: Claim, name: str = "definite", statement: str = "", **evidence: Any) -> Convexity:
    """The result where a hypothesis fails."""
    words = statement or DEFINITE.format("definite or semidefinite, and not zero")
    return Convexity(claims=(*before, _claim(name, "undecided", words, reason, **evidence)), failure=reason)


def convex_as_written() -> Claim:
    """That a sum of squares of affine functions is convex, whatever its data are."""
    words = DEFINITE.format("semidefinite for all data")
    return _claim("definite", "proved", words, "the loss is a sum of squares of affine functions, as it is written")


def exact_convexity(decision: Decision, *, has_doubles: bool = False) -> Convexity:
    """The hypotheses, decided on exact coefficients.

    Coefficients that come from doubles may miss a semidefinite matrix by rounding; then the hypotheses are measured.

    Parameters
    ----------
    decision: the quadratic.
    has_doubles: whether its coefficients come from doubles.

    >>> from solvers.equivalence.quadratic import Quadratic
    >>> claim = Claim(statement="quadratic", verdict="proved")
    >>> decision = Decision(claim=claim, quadratic=Quadratic.from_matrix([[1.0, 0.0], [0.0, -1.0]]))
    >>> exact_convexity(decision).failure
    'the Hessian has eigenvalues of both signs: the gradient norm is unbounded on every level set'
    """
    quadratic = decision.quadratic
    assert quadratic is not None
    hessian = quadratic.form[:-1, :-1]
    if not hessian.any():
        return _failed("the Hessian is zero: there is no Newton direction")
    inertia = inertia_of(hessian)
    facts: dict[str, Any] = {"positive": inertia.positive, "negative": inertia.negative, "zero": inertia.zero}
    if inertia.is_indefinite:
        size = len(hessian)
        values = np.linalg.eigvalsh(quadratic.hessian) if has_doubles else np.zeros(0)
        tolerance = 4 * (size + 4) * float(np.finfo(float).eps)
        if has_doubles and np.isfinite(values).all() and -values[0] <= tolerance * values[-1]:
            return _by_eigenvalues(quadratic, tolerance, "negative eigenvalues are within the rounding of its doubles")
        why = "the Hessian has eigenvalues of both signs: the gradient norm is unbounded on every level set"
        return _failed(why, **facts)
    if not inertia.is_decided:
        return _failed("the signs of the eigenvalues were not found")
    if inertia.negative:
        return _failed("no eigenvalue of the Hessian is positive: the loss has no minimum; ask about its negative")
    return _with_minimum(quadratic, inertia, is_convex=decision.is_convex)


def _with_minimum(quadratic: Quadratic, inertia: Inertia, *, is_convex: bool) -> Convexity:
    """The hypotheses from the signs of an invertible block that is positive definite."""
    rank = inertia.positive
    facts = {"rank": rank, "positive": rank, "negative": 0, "zero": inertia.zero}
    if inertia.is_definite:
        words = DEFINITE.format("definite")
        how = "by an exact congruence, or a Cholesky factor and a bound of its rounding"
        claim = _claim("definite", "proved", words, how, **facts)
    else:
        seen = "it is a sum of squares as it is written; the rank" if is_convex else "the rank"
        how = "an invertible block that has the rank of the matrix is positive definite"
        how += "" if inertia.rank_is_proved else f"; {seen} was found modulo a prime"
        words = DEFINITE.format(f"semidefinite, of rank {rank}")
        claim = _claim("definite", "proved" if inertia.rank_is_proved else "measured", words, how, **facts)
    attained = has_minimiser(quadratic, rank) if inertia.rank_is_proved else None
    if attained is False:
        why = (
            "the linear part does not vanish on the kernel of the Hessian: the loss is unbounded below, and so is the "
        )
        return _failed(f"{why}gradient norm on its level sets", claim, name="minimum", statement=MINIMUM)
    centre = minimiser(quadratic, inertia.pivots)
    if centre is None:
        return _failed("the equation of the minimiser is too ill-conditioned", claim, name="minimum", statement=MINIMUM)
    if attained is None and not _vanishes(quadratic, centre):
        why = "it was not found out whether the linear part vanishes on the kernel of the Hessian"
        return _failed(why, claim, name="minimum", statement=MINIMUM)
    verdict: Verdict = "proved" if attained else "measured"
    minimum = _claim("minimum", verdict, MINIMUM, "the gradient is zero at a point, and the Hessian is semidefinite")
    return Convexity(
        claims=(claim, minimum),
        quadratic=quadratic,
        minimiser=tuple(centre),
        rank=rank,
        is_proved=attained is True and claim.verdict == "proved",
    )


def _vanishes(quadratic: Quadratic, point: list[Fraction]) -> bool:
    """Whether the gradient at a point is zero, up to the digits of the point."""
    size = max((abs(float(value)) for value in quadratic.linear), default=0.0)
    return max(abs(float(value)) for value in quadratic.gradient(point)) <= IN_RANGE * size


def measured_convexity(objective: Objective, w: FloatArray, decision: Decision) -> Convexity:
    """The hypotheses, from the Hessian and the gradient in double precision."""
    quadratic = _measured_quadratic(objective, w)
    if quadratic is None:
        return _failed("the Hessian or the gradient is not finite")
    tolerance = (ROUNDING if objective.has_exact_hvp else DIFFERENCES) * max(1.0, float(np.sqrt(len(w))))
    how = "; ".join(["eigenvalues in double precision", *([decision.missing] if decision.missing else [])])
    return _by_eigenvalues(quadratic, tolerance, how)


def _by_eigenvalues(quadratic: Quadratic, tolerance: float, how: str) -> Convexity:
    """The hypotheses from eigenvalues in double precision; those below the tolerance, relative, count as zero."""
    hessian, linear = quadratic.hessian, quadratic.linear
    values, vectors = np.linalg.eigh(hessian)
    limit = tolerance * float(np.abs(values).max())
    facts: dict[str, Any] = {"smallest": float(values[0]), "largest": float(values[-1]), "tolerance": tolerance}
    if limit == 0:
        return _failed("the Hessian is zero: there is no Newton direction", **facts)
    if values[0] < -limit and values[-1] > limit:
        why = "the Hessian has eigenvalues of both signs: the gradient norm is unbounded on every level set"
        return _failed(why, **facts)
    if values[-1] <= limit:
        return _failed("no eigenvalue of the Hessian is positive: the loss has no minimum; ask about its negative")
    kept = values > limit
    words = DEFINITE.format("definite" if kept.all() else f"semidefinite, of numerical rank {int(kept.sum())}")
    claim = _claim("definite", "measured", words, how, rank=int(kept.sum()), **facts)
    space = vectors[:, kept]
    centre = -space @ ((space.T @ linear) / values[kept])
    residual = float(np.linalg.norm(linear - space @ (space.T @ linear)))
    if residual > max(IN_RANGE, tolerance) * float(np.linalg.norm(linear)):
        why = "the linear part does not vanish on the kernel of the Hessian: the loss is unbounded below"
        return _failed(why, claim, name="minimum", statement=MINIMUM)
    minimum = _claim("minimum", "measured", MINIMUM, "the gradient is zero at a point, to rounding")
    found = tuple(Fraction(value) for value in centre.tolist())
    return Convexity(
        claims=(claim, minimum), quadratic=quadratic, minimiser=found, rank=int(kept.sum()), is_proved=False
    )


def _measured_quadratic(objective: Objective, w: FloatArray) -> Quadratic | None:
    """The quadratic with the Hessian, gradient and value of an objective at a point."""
    value, gradient = objective.value_and_grad(w)
    hessian = objective.hessian(w)
    form = np.zeros((len(w) + 1, len(w) + 1))
    form[:-1, :-1] = hessian
    form[:-1, -1] = form[-1, :-1] = gradient - hessian @ w
    form[-1, -1] = 2 * value - (gradient + form[:-1, -1]) @ w
    if not np.isfinite(form).all():
        return None
    try:
        return Quadratic(*integers(form))
    except NotExactError:
        return None
