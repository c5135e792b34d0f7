r"""Groups that cannot help: :math:`J\eta J^T = \eta` for every element, so that no gradient gets longer."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from numbers import Rational
from typing import Any, TypeAlias

import numpy as np

from manifolds.errors import InputError
from solvers.convergence.learning_rate_matrix import learning_rate_matrix
from solvers.convergence.theorem_check import figure, undecided
from symmetries.action import GroupAction
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_generator
from symmetries.certificate import Certificate, Claim
from symmetries.fields import Monomial, Polynomial, VectorField, polynomial_text

Derivatives: TypeAlias = dict[tuple[int, int], dict[Monomial, Fraction]]

SAMPLES = 8
TOLERANCE = 1e-7
ROUNDING = 1e-14
CONNECTED = "elements of the identity component of the group"


def cannot_help(action: GroupAction, *, eta: Any = None, rng: int | np.random.Generator = 0) -> Certificate:
    r"""Whether no element of the group changes the decay rate of the loss, since :math:`J\eta J^T = \eta`.

    That holds for all exp(tX) exactly when :math:`DX\,\eta + \eta\,DX^T = 0`: the generators are infinitesimal
    isometries of the metric :math:`\eta^{-1}`; for one learning rate, rotations.

    Parameters
    ----------
    action: the group action.
    eta: the learning rate: a number, n numbers or an n x n matrix; 1 by default.  Fractions are kept exactly.
    rng: seed or generator of the points at which fields that are not polynomial are tried.

    Returns
    -------
    One claim a generator.  ``proved``: the group cannot help.  ``refuted``, with a point and an entry: it may.

    Raises
    ------
    InputError: no action is given, or the learning rate does not fit it.

    Examples
    --------
    >>> from symmetries import Loss, derive
    >>> turn = GroupAction.from_algebra(derive(Loss.parse("x**2 + y**2")))
    >>> cannot_help(turn).verdict, cannot_help(turn, eta=[1.0, 2.0]).verdict
    ('proved', 'refuted')
    >>> ellipse = GroupAction.from_algebra(derive(Loss.parse("x**2 + 9*y**2")))
    >>> cannot_help(ellipse).verdict, cannot_help(ellipse, eta=[9.0, 1.0]).verdict
    ('refuted', 'proved')

    Source: B. Zhao, N. Dehmamy, R. Walters, R. Yu, arXiv:2205.10637 (2022), section 4.1.
    """
    if not isinstance(action, GroupAction):
        raise InputError(
            f"an action of the type {type(action).__name__}", why="a GroupAction is needed", cure="give an action"
        )
    matrix = learning_rate_matrix(eta, action.space.size)
    if action.dimension == 0:
        return Certificate(loss=action.loss.to_dict(), claims=(_finite_claim(action, matrix, read_generator(rng)),))
    fields = action.exact_fields()
    if fields is None:
        claims = _sampled_claims(action, matrix, read_generator(rng))
        return Certificate(loss=action.loss.to_dict(), claims=claims)
    exact = _exact(eta, matrix)
    is_rounded = bool(action.constants) or _has_doubles(eta)
    claims = tuple(_exact_claim(k, field, action, exact, is_rounded) for k, field in enumerate(fields))
    return Certificate(
        loss=action.loss.to_dict(), claims=claims, fields=tuple(dict(field.components) for field in fields)
    )


def _finite_claim(action: GroupAction, eta: FloatArray, rng: np.random.Generator) -> Claim:
    """The claim of a finite group, from random elements at random points."""
    points = [rng.uniform(0.5, 2.0, size=action.space.size) for _ in range(SAMPLES)]
    residuals = [_change(action.jacobian(action.random(rng), w), eta) for w in points]
    return _from_numbers("J eta J^T = eta for the elements of the group", residuals, points)


def _change(jacobian: FloatArray, eta: FloatArray) -> float:
    """Largest change of an entry of eta under a Jacobian, in units of the two diagonal entries beside it."""
    scale = np.sqrt(np.diag(eta))
    return float(np.abs((jacobian @ eta @ jacobian.T - eta) / np.outer(scale, scale)).max())


def _statement(k: int) -> str:
    """What is claimed of a generator."""
    return f"J eta J^T = eta for every exp(t X_{k + 1})"


def _exact_claim(k: int, field: VectorField, action: GroupAction, eta: list[list[Fraction]], is_rounded: bool) -> Claim:
    """The claim of a polynomial generator, decided exactly."""
    statement = _statement(k)
    if field.polynomials is None:
        return undecided(statement, "the components of the generator are not known as polynomials")
    entries = action.space.entries
    derivatives = _derivatives(field.polynomials, entries, action.constants)
    symmetric, sizes = _symmetric_part(derivatives, eta)
    rounding = {pair: is_rounded and _is_rounding(one, sizes[pair]) for pair, one in symmetric.items()}
    if any(symmetric.values()) and all(rounding.values()):
        reason = "DX eta + eta DX^T is zero up to the rounding of eta; give fractions for a proof"
        evidence = {"worst_residual": _largest(symmetric), "tolerance": ROUNDING}
        return Claim(statement=statement, verdict="measured", reason=reason, evidence=evidence)
    for (i, j), polynomial in symmetric.items():
        if polynomial and not rounding[i, j]:
            facts = {
                "entry": [entries[i], entries[j]],
                "symmetric_part": polynomial_text(polynomial),
                "counterexample": _point_off_zero(polynomial),
            }
            reason = "DX eta + eta DX^T is not zero there, so lengths of gradients change along the flow"
            return Claim(statement=statement, verdict="refuted", reason=reason, evidence=facts)
    reason = "DX eta + eta DX^T is identically zero, in exact fractions: the flow keeps the length of every gradient"
    return Claim(statement=statement, verdict="proved", reason=reason, assumptions=(CONNECTED,))


def _derivatives(
    polynomials: Mapping[str, Polynomial], entries: tuple[str, ...], constants: Mapping[str, float]
) -> Derivatives:
    """The entries dX_i/dw_j that are not zero."""
    place = {entry: i for i, entry in enumerate(entries)}
    result: Derivatives = {}
    for entry, polynomial in polynomials.items():
        for monomial, coefficient in polynomial.items():
            powers, factor = dict(monomial), coefficient
            for name in [name for name in powers if name in constants]:
                factor *= Fraction(constants[name]) ** powers.pop(name)
            for name, power in powers.items():
                if name not in place:
                    continue
                lower = {**powers, name: power - 1}
                rest = tuple(sorted((one, exponent) for one, exponent in lower.items() if exponent))
                _add(result.setdefault((place[entry], place[name]), {}), rest, factor * power)
    return result


def _symmetric_part(derivatives: Derivatives, eta: list[list[Fraction]]) -> tuple[Derivatives, Derivatives]:
    """DX eta + eta DX^T by entry, and the sums of the sizes of its terms."""
    result: Derivatives = {}
    sizes: Derivatives = {}
    support = [[k for k, value in enumerate(row) if value] for row in eta]
    for (i, j), polynomial in derivatives.items():
        for k in support[j]:
            for monomial, coefficient in polynomial.items():
                for pair in ((i, k), (k, i)):
                    term = coefficient * eta[j][k]
                    _add(result.setdefault(pair, {}), monomial, term)
                    _add(sizes.setdefault(pair, {}), monomial, abs(term))
    return result, sizes


def _exact(eta: Any, matrix: FloatArray) -> list[list[Fraction]]:
    """The learning rate in fractions: integers and fractions as they were given, doubles by their binary value."""
    given = np.array(1 if eta is None else eta, dtype=object)
    full = given if given.ndim == 2 else np.diag(np.broadcast_to(given, len(matrix)))
    return [[Fraction(one) if isinstance(one, Rational) else Fraction(float(one)) for one in row] for row in full]


def _has_doubles(eta: Any) -> bool:
    """Whether a learning rate has entries that are no integers and no fractions."""
    given = np.array(1 if eta is None else eta, dtype=object)
    return not all(isinstance(one, Rational) for one in given.ravel())


def _largest(derivatives: Derivatives) -> float:
    """The largest coefficient."""
    return max((abs(float(value)) for one in derivatives.values() for value in one.values()), default=0.0)


def _is_rounding(polynomial: Mapping[Monomial, Fraction], sizes: Mapping[Monomial, Fraction]) -> bool:
    """Whether each coefficient of an entry is no larger than the rounding of the terms that it is the sum of."""
    return all(abs(value) <= Fraction(ROUNDING) * sizes[monomial] for monomial, value in polynomial.items())


def _add(polynomial: dict[Monomial, Fraction], monomial: Monomial, value: Fraction) -> None:
    """Add a term; terms that cancel are dropped."""
    total = polynomial.get(monomial, Fraction(0)) + value
    if total:
        polynomial[monomial] = total
    else:
        polynomial.pop(monomial, None)


def _point_off_zero(polynomial: Mapping[Monomial, Fraction]) -> dict[str, str]:
    """A point with integer coordinates where a polynomial is not zero; other coordinates are free."""
    names = sorted({name for monomial in polynomial for name, _ in monomial})
    rng = np.random.default_rng(0)
    for spread in range(1, 200):
        point = {name: int(rng.integers(1, spread + 2)) for name in names}
        value = sum(
            coefficient * int(np.prod([point[name] ** power for name, power in monomial], dtype=object))
            for monomial, coefficient in polynomial.items()
        )
        if value:
            return {name: str(number) for name, number in point.items()}
    return {}


def _sampled_claims(action: GroupAction, eta: FloatArray, rng: np.random.Generator) -> tuple[Claim, ...]:
    """The claims of generators that are not polynomial, tried at random points with a finite element each."""
    points = [rng.uniform(0.5, 2.0, size=action.space.size) for _ in range(SAMPLES)]
    return tuple(
        _from_numbers(_statement(k), _residuals(action, k, eta, points), points) for k in range(action.dimension)
    )


def _residuals(action: GroupAction, k: int, eta: FloatArray, points: list[FloatArray]) -> list[float]:
    """Relative changes of eta under one generator at t = 0.3, at the points up to the first where it is not small."""
    residuals: list[float] = []
    element = action.exp(0.3 * np.eye(action.dimension)[k])
    for w in points:
        residuals.append(_change(action.jacobian(element, w), eta))
        if residuals[-1] > TOLERANCE:
            break
    return residuals


def _from_numbers(statement: str, residuals: list[float], points: list[FloatArray]) -> Claim:
    """A claim from relative changes of eta at points."""
    if not np.isfinite(residuals).all():
        return undecided(statement, "the Jacobian is not finite at a sampled point")
    worst = int(np.argmax(residuals))
    evidence = {"samples": len(residuals), "worst_residual": figure(residuals[worst]), "tolerance": TOLERANCE}
    if residuals[worst] <= TOLERANCE:
        reason = f"it holds at {len(residuals)} sampled points"
        return Claim(statement=statement, verdict="measured", reason=reason, evidence=evidence)
    evidence["counterexample"] = figure(points[worst])
    reason = "J eta J^T differs from eta at this point"
    return Claim(statement=statement, verdict="refuted", reason=reason, evidence=evidence)
