"""Does a group fill a level set?  The rank of its fields, and what follows for the whole level set."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.equivalence.convexity import Convexity
from solvers.objective import Objective
from solvers.search.orbit_guards import require_kept, require_same_space
from symmetries import GroupAction, Loss, verify
from symmetries.actions.parameter_space import FloatArray
from symmetries.algebra import require_polynomials
from symmetries.certificate import Claim, Verdict
from symmetries.fields import Polynomial, VectorField
from symmetries.modules.sum_of_squares import SumOfSquares, sum_of_squares_symmetries
from symmetries.refusal import shorten

MAX_EXACT = 20_000
"""Most entries of a matrix of fields whose rank is computed in rational numbers."""

MAX_RESIDUALS = 12
"""Most parameters of a loss whose residuals are tried as coordinates."""

POINTS = 5


def _claim(verdict: Verdict, statement: str, reason: str, *, transitive: bool | None, **evidence: Any) -> Claim:
    """The claim of this page."""
    facts = {"name": "transitive", "transitive": transitive, **evidence}
    return Claim(statement=f"transitive: {statement}", verdict=verdict, reason=reason, evidence=facts)


def own_group(size: int, convexity: Convexity) -> Claim:
    r"""That the group of a convex quadratic fills its level sets.

    :math:`y \mapsto A^{-1/2} R A^{1/2} y` with R in O(n) acts on the definite ones; with a kernel, O(r) on a complement
    and all translations along the kernel.

    >>> own_group(1, Convexity(claims=(), rank=1, is_proved=True)).reason
    'the level set is two points, which the reflection in the minimiser exchanges'
    """
    rank = convexity.rank
    verdict: Verdict = "proved" if convexity.is_proved else "measured"
    facts: dict[str, Any] = {"rank": size - 1, "needed": size - 1, "transitive": True}
    if size == 1:
        why = "the level set is two points, which the reflection in the minimiser exchanges"
        return _claim(verdict, "O(1) fills the level set", why, **facts)
    if rank == size:
        words = f"O({size}), conjugated by the root of the Hessian, fills the level set"
        why = "it is an ellipsoid, the image of a sphere on which the orthogonal group is transitive"
        return _claim(verdict, words, why, **facts)
    words = f"O({rank}), conjugated, with the translations along the kernel of the Hessian, fills the level set"
    shape = "two parallel planes" if rank == 1 else "a cylinder over an ellipsoid"
    return _claim(verdict, words, f"it is {shape}: O({rank}) is transitive across, the translations along", **facts)


def given_group(
    action: GroupAction,
    objective: Objective,
    loss: Loss | None,
    w: FloatArray,
    convexity: Convexity | None,
    rng: np.random.Generator,
) -> Claim:
    """Whether a given group keeps the loss and fills the level set of a point."""
    kept = keeps(action, objective, loss, w, rng)
    size, needed = len(w), len(w) - 1
    rank, exact, affine = _rank(action, w)
    facts = {"rank": rank, "needed": needed, "kept": kept}
    words = "the given group fills the level set"
    if rank < needed:
        why = (
            f"its orbit has the dimension {rank} and the level set has {needed}: the orbit's steepest point may differ"
        )
        return _claim("undecided", words, why, transitive=False, **facts)
    if size == 1:
        return _claim(kept, "both points of the level set are equally steep", "there are two", transitive=True, **facts)
    if convexity is not None and convexity.rank == size and affine:
        why = f"its orbit has the dimension {needed}, and an open orbit of isometries of an ellipsoid is all of it"
        verdict: Verdict = "proved" if exact and kept == "proved" and convexity.is_proved else "measured"
        return _claim(verdict, words, why, transitive=True, **facts)
    ranks = [rank, *(_rank(action, action.apply(action.random(rng), w))[0] for _ in range(POINTS))]
    if min(ranks) < needed:
        why = f"its rank falls to {min(ranks)} at another point of the orbit"
        return _claim("undecided", words, why, transitive=False, **facts)
    why = f"its fields span the level set at {len(ranks)} points, where the orbit is open in it"
    return _claim("measured", words, why, transitive=True, samples=len(ranks), **facts)


def keeps(
    action: GroupAction, objective: Objective, loss: Loss | None, w: FloatArray, rng: np.random.Generator
) -> Verdict:
    """How sure it is that an action keeps the objective; one that does not is refused where there is no loss."""
    if loss is None:
        require_kept(action, objective, w, objective.value_and_grad(w), rng)
        return "measured"
    return verify(loss, action, samples=8, rng=rng).verdict


def require_action(action: object, objective: Objective | None, loss: Loss | None) -> None:
    """Refuse an action of something else."""
    if not isinstance(action, GroupAction):
        raise InputError(
            f"action={type(action).__name__}", why="it is no group action", cure="give a GroupAction of the loss"
        )
    if loss is not None and action.loss != loss:
        raise InputError(
            f"an action on the loss {shorten(action.loss.formula)}",
            why="it was made for another loss",
            cure="give an action of the loss that is checked, such as GroupAction.from_algebra(derive(loss))",
        )
    if objective is not None:
        require_same_space(action, objective)


def _rank(action: GroupAction, w: FloatArray) -> tuple[int, bool, bool]:
    """The orbit's dimension at a point, whether it is exact, and whether all fields are affine."""
    fields = action.exact_fields()
    if fields is None or action.dimension * len(w) > MAX_EXACT:
        return action.orbit_dimension(w), False, False
    polynomials = [require_polynomials(field) for field in fields]
    affine = all(
        sum(power for _, power in monomial) <= 1
        for field in polynomials
        for polynomial in field.values()
        for monomial in polynomial
    )
    return _exact_rank(action, fields, w), True, affine


def _exact_rank(action: GroupAction, fields: tuple[VectorField, ...], w: FloatArray) -> int:
    """The rank of polynomial fields at a point of doubles, in rational numbers."""
    from flint import fmpq, fmpq_mat

    entries = action.loss.entries
    point = {entry: Fraction(value) for entry, value in zip(entries, w.tolist(), strict=True)}
    rows = []
    for field in fields:
        values = _at(require_polynomials(field), point)
        rows.append([fmpq(values[entry].numerator, values[entry].denominator) for entry in entries])
    return int(fmpq_mat(rows).rank()) if rows else 0


def _at(polynomials: Mapping[str, Polynomial], point: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """The components of a field at a rational point."""
    result = dict.fromkeys(point, Fraction(0))
    for entry, polynomial in polynomials.items():
        for monomial, coefficient in polynomial.items():
            value = coefficient
            for name, power in monomial:
                value *= point[name] ** power
            result[entry] += value
    return result


def rotated_residuals(loss: Loss | None) -> SumOfSquares | None:
    """The residuals of a sum of squares that serve as coordinates, with a polynomial inverse; None where none do.

    Then L = sum_a c_a u_a^2 + c_0, so that O(n) acts on u and fills every level set.
    """
    free = loss is not None and (loss.constants or any(item.values is None for item in loss.data.values()))
    if loss is None or free or len(loss.entries) > MAX_RESIDUALS:
        return None
    squares = sum_of_squares_symmetries(loss)
    if squares.change is None or squares.change.inverse is None or len(squares.residuals) != len(loss.entries):
        return None
    return squares if all(value > 0 for value in squares.coefficients) else None


def residual_group(size: int) -> Claim:
    """That the rotations of the residuals of a sum of squares fill the level sets."""
    words = f"O({size}), acting on the residuals, fills the level set"
    why = "the residuals are coordinates with a polynomial inverse, in which the level sets are ellipsoids"
    return _claim("proved", words, why, transitive=True, rank=size - 1, needed=size - 1)


def residual_minimiser(squares: SumOfSquares) -> list[Fraction]:
    """The point where all residuals vanish.

    >>> squares = rotated_residuals(Loss.parse("(1 - x)**2 + 100*(y - x**2)**2"))
    >>> residual_minimiser(squares)
    [Fraction(1, 1), Fraction(1, 1)]
    """
    change = squares.change
    assert change is not None
    assert change.inverse is not None
    return [polynomial.get((), Fraction(0)) for polynomial in change.inverse]
