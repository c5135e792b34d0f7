r"""Few generators of a module of fields: minimal ones where it is graded, irredundant ones elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any, Literal, TypeAlias, final

import numpy as np

from symmetries.modules._groebner import groebner_basis
from symmetries.modules.module_vectors import Divisors, Effort, EffortSpent, ModuleOrder, Monomial, Vector, remainder
from symmetries.modules.syzygies import Row

Minimality: TypeAlias = Literal["minimal", "irredundant", "generating"]


@final
@dataclass(frozen=True)
class Selection:
    """Generators of a module.

    Parameters
    ----------
    vectors: the generators, of low degree first.
    trivial: for each one, whether it is one of the trivial syzygies that were offered; None where not known.
    minimality: ``minimal`` (their number and degrees are determined by the module), ``irredundant`` (none can be left
        out), ``generating`` (nothing is said).
    """

    vectors: tuple[Vector, ...]
    trivial: tuple[bool | None, ...]
    minimality: Minimality


def positive_weights(rows: Sequence[Row], width: int) -> tuple[int, ...] | None:
    """Positive integer weights of the coordinates for which every row is homogeneous as a one-form, or None.

    For the gradient of a polynomial that says that the polynomial is homogeneous.

    >>> from symmetries import Loss
    >>> from symmetries.modules.syzygies import Row
    >>> from symmetries.modules.polynomial_loss import PolynomialLoss
    >>> losses = PolynomialLoss.of(Loss.parse("x**2 + y**3")), PolynomialLoss.of(Loss.parse("x**2 + x*y + x"))
    >>> [positive_weights([loss.gradient(loss.parts[0])], 2) for loss in losses]
    [(3, 2), None]
    """
    differences: dict[tuple[int, ...], None] = {}
    for row in rows:
        monomials = [
            tuple(int(exponents[i]) + (i == k) for i in range(width))
            for k, entry in enumerate(row)
            for exponents in entry.monoms()
        ]
        for other in monomials[1:]:
            differences[tuple(a - b for a, b in zip(other, monomials[0], strict=True))] = None
    kept = [difference for difference in differences if any(difference)]
    if all(sum(difference) == 0 for difference in kept):
        return (1,) * width
    if any(min(difference) >= 0 or max(difference) <= 0 for difference in kept):
        return None
    return _positive_solution(kept, width)


def _positive_solution(rows: Sequence[tuple[int, ...]], width: int) -> tuple[int, ...] | None:
    """Small positive integers orthogonal to the rows; what linear programming proposes is checked exactly."""
    from scipy.optimize import linprog

    answer = linprog(np.ones(width), A_eq=np.array(rows), b_eq=np.zeros(len(rows)), bounds=(1, None), method="highs")
    if answer.status != 0:
        return None
    guess = [Fraction(float(value)).limit_denominator(10_000) for value in answer.x]
    scale = lcm(*(value.denominator for value in guess))
    weights = tuple(int(value * scale) for value in guess)
    holds = all(sum(a * b for a, b in zip(row, weights, strict=True)) == 0 for row in rows)
    return weights if holds and min(weights) > 0 else None


def degree(vector: Vector) -> int:
    """Largest degree of a component."""
    return max(sum(monomial[1:]) for monomial, _ in vector)


def select(
    basis: Iterable[Vector],
    trivial: Sequence[Vector] | None,
    weights: tuple[int, ...] | None,
    field: Any,
    effort: Effort,
) -> Selection:
    """Few generators of the module of a Groebner basis, trivial syzygies preferred within each degree."""
    if weights is not None and not all(_is_homogeneous(vector, weights) for vector in trivial or ()):
        trivial = None
    candidates = [(vector, True) for vector in trivial or ()] + [(vector, False) for vector in basis]
    try:
        if weights is not None:
            return _graded(candidates, weights, field, effort, offered=trivial is not None)
        return _irredundant(candidates, field, effort)
    except EffortSpent:
        vectors = sorted((vector for vector, known in candidates if not known), key=degree)
        return Selection(tuple(vectors), (None,) * len(vectors), "generating")


def _weight(monomial: Monomial, weights: tuple[int, ...]) -> int:
    """Weighted degree of a monomial field x**a d/dx_i."""
    component, *exponents = monomial
    return sum(a * b for a, b in zip(weights, exponents, strict=True)) - weights[component]


def _is_homogeneous(vector: Vector, weights: tuple[int, ...]) -> bool:
    return len({_weight(monomial, weights) for monomial, _ in vector}) <= 1


def _by_degree(
    candidates: list[tuple[Vector, bool]], level: Callable[[Vector], int], field: Any, effort: Effort
) -> list[tuple[Vector, bool]]:
    """Candidates that generate the same module: in each degree those with a remainder by the ones before."""
    order = ModuleOrder()
    kept: list[tuple[Vector, bool]] = []
    divisors = Divisors()
    fresh, last = True, None
    for vector, known in sorted(candidates, key=lambda pair: (level(pair[0]), not pair[1])):
        if level(vector) != last and not fresh:
            divisors = Divisors(groebner_basis([one for one, _ in kept], order, field, effort))
            fresh = True
        last = level(vector)
        rest = remainder(vector, divisors, order, effort)
        if rest:
            divisors.add(rest)
            kept.append((vector, known))
            fresh = False
    return kept


def _graded(
    candidates: list[tuple[Vector, bool]], weights: tuple[int, ...], field: Any, effort: Effort, *, offered: bool
) -> Selection:
    """Minimal generators of a graded module, by Nakayama's lemma: in each degree those independent of the lower ones.

    One that is taken though the trivial syzygies of its degree were offered first is no trivial one.
    """
    kept = _by_degree(candidates, lambda vector: _weight(vector[0][0], weights), field, effort)
    kept.sort(key=lambda pair: degree(pair[0]))
    flags = tuple(known if offered else None for _, known in kept)
    return Selection(tuple(vector for vector, _ in kept), flags, "minimal")


def _irredundant(candidates: list[tuple[Vector, bool]], field: Any, effort: Effort) -> Selection:
    """Generators of which none lies in the module of the others."""
    order = ModuleOrder()
    kept = _by_degree(candidates, degree, field, effort)
    minimality: Minimality = "irredundant"
    try:
        for k in range(len(kept) - 1, -1, -1):
            others = [one for i, (one, _) in enumerate(kept) if i != k]
            if not remainder(kept[k][0], Divisors(groebner_basis(others, order, field, effort)), order, effort):
                del kept[k]
    except EffortSpent:
        minimality = "generating"
    flags = tuple(known or None for _, known in kept)
    return Selection(tuple(vector for vector, _ in kept), flags, minimality)
