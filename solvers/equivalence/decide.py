r"""Is a loss a quadratic?  Decided on its polynomial, or refuted by a third difference that is not zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.convergence.theorem_check import figure
from solvers.equivalence.degree import degree_bounds, is_visibly_convex, merged_powers
from solvers.equivalence.exact_arrays import NotExactError, exact_fraction
from solvers.equivalence.exact_nodes import exact_node, point_nodes
from solvers.equivalence.quadratic import Quadratic
from solvers.equivalence.reading import as_fraction, read_quadratic
from solvers.objective import Objective
from symmetries import Loss
from symmetries.actions.parameter_space import FloatArray
from symmetries.certificate import Claim
from symmetries.enclosure import constant_sign
from symmetries.expand import Expander, ExpansionTooLarge
from symmetries.expression import Node, number, walk
from symmetries.lower import lower
from symmetries.operations import add, multiply
from symmetries.scalar import ScalarGraph, Symbol
from symmetries.substitution import substitute

STATEMENT = "quadratic: the loss is a polynomial of degree at most two in its parameters"

MAX_LOWERED = 20_000
"""Most entries of all arrays of an expression that is written out entry by entry."""

TERM_LIMIT = 20_000

LINES, SCALES = 16, 8
"""Lines on which third differences are taken, and how many lengths they have."""

SEEN, UNSEEN = 1e-6, 1e-9
"""Relative third difference from which on it is not rounding, and below which it may be."""

THIRD = (-1, 3, -3, 1)

SHORT = tuple(2.0**-power for power in (6, 9, 12, 16))
"""Lengths, in steps of a line, of the third differences that show rounding: of a smooth function they are tiny."""

ABOVE_ROUNDING = 16.0
"""How much larger a third difference must be than the short ones near by to be none of rounding."""


@final
@dataclass(frozen=True, kw_only=True)
class Decision:
    """What is known of a loss as a quadratic.

    Parameters
    ----------
    claim: that it is a quadratic.
    quadratic: its exact coefficients, None where there are none.
    is_convex: whether it is proved convex by the way it is written, for all data.
    missing: why there are no exact coefficients, empty where there are.
    """

    claim: Claim
    quadratic: Quadratic | None = None
    is_convex: bool = False
    missing: str = ""


def decide_loss(loss: Loss, data: Mapping[str, FloatArray], w: FloatArray, rng: np.random.Generator) -> Decision:
    """Decide whether a loss is quadratic in its parameters.

    Parameters
    ----------
    loss: the loss.
    data: values of free data and constants, as far as there are any.
    w: a point near which third differences are taken, shape (n,).
    rng: source of their directions.

    >>> from symmetries import Loss
    >>> decide_loss(Loss.parse("(x - 1)**2 + (x**2 - y)**2"), {}, np.zeros(2), np.random.default_rng(0)).claim.verdict
    'refuted'
    """
    root = merged_powers(loss.expression)
    bound = degree_bounds(root, loss.parameters)[id(root)]
    small = sum(node.size for node in walk(root)) <= MAX_LOWERED
    if bound <= 2:
        return _as_written(loss, root, data, small=small)
    if small and np.isfinite(bound):  # a polynomial as it is written
        found = _expanded(loss, data)
        if found is not None:
            return found
    drawn = _drawn_data(loss, data, rng)
    claim = _from_differences(loss, {**data, **drawn}, w, rng)
    if claim.verdict != "refuted":
        found = _expanded(loss, data) if small and not np.isfinite(bound) else None
        if found is not None:
            return found
        if drawn:
            reason = f"it is not seen on the expression, and {', '.join(drawn)} has no values"
            return Decision(claim=_claim("undecided", reason), missing=reason)
    elif drawn:
        facts = {**claim.evidence, "data": {name: figure(value) for name, value in drawn.items()}}
        claim = replace(claim, reason=f"{claim.reason}, for these values of the data", evidence=facts)
        return Decision(claim=claim, missing=f"{', '.join(drawn)} has no values")
    return Decision(claim=claim, missing="the expression is not polynomial")


def _as_written(loss: Loss, root: Node, data: Mapping[str, FloatArray], *, small: bool) -> Decision:
    """The decision on an expression whose degree is seen to be two at most."""
    claim = _claim("proved", "it is a sum of products of at most two affine functions, as it is written")
    convex = is_visibly_convex(root, loss.parameters)
    try:
        exact = read_quadratic(root, loss.parameters, data)
    except NotExactError as error:
        found = _expanded(loss, data) if small else None
        if found is None or found.quadratic is None:
            return Decision(claim=claim, is_convex=convex, missing=str(error))
        exact = found.quadratic
    return Decision(claim=claim, quadratic=exact, is_convex=convex)


def _drawn_data(loss: Loss, data: Mapping[str, FloatArray], rng: np.random.Generator) -> dict[str, FloatArray]:
    """Random values, with few digits, of the data and constants that have none."""
    shapes = {name: item.shape for name, item in loss.data.items() if item.values is None}
    free = {name: shape for name, shape in shapes.items() if name not in data}
    values = {name: np.asarray(rng.standard_normal(shape)).round(2) for name, shape in free.items()}
    constants = [name for name in loss.constants if name not in data]
    return values | {name: np.asarray(rng.uniform(0.5, 2.0)).round(2) for name in constants}


def _claim(verdict: Any, reason: str, **evidence: Any) -> Claim:
    """The claim with a verdict."""
    return Claim(statement=STATEMENT, verdict=verdict, reason=reason, evidence={"name": "quadratic", **evidence})


def _expanded(loss: Loss, data: Mapping[str, FloatArray]) -> Decision | None:
    """The decision on the expanded polynomial; None where the loss is not one, or is too large."""
    values = {name: exact_node(value) for name, value in data.items()}
    graph = ScalarGraph()
    try:
        node = lower(graph, substitute(loss.expression, values))
        expander = Expander(graph, [node], term_limit=TERM_LIMIT)
        quotient = expander.quotient(node)
    except (ExpansionTooLarge, InputError, NotExactError):
        return None
    if quotient.denominator:
        return None
    entries = {entry: k for k, entry in enumerate(loss.entries)}
    used = quotient.numerator.degrees()
    places: dict[int, int] = {}
    for k, leaf in enumerate(expander.leaves):
        entry = graph.entries[leaf]
        if not isinstance(entry, Symbol):
            if used[k]:
                return None
        elif entry.name in entries:
            places[k] = entries[entry.name]
    return _from_polynomial(quotient.numerator, places, len(entries), loss)


def _from_polynomial(polynomial: Any, places: Mapping[int, int], size: int, loss: Loss) -> Decision:
    """The decision on a polynomial in parameters, data and constants; ``places`` says which are parameters."""
    terms: dict[tuple[int, ...], Fraction] = {}
    highest, free = 0, False
    for exponents, value in polynomial.to_dict().items():
        moved = [0] * size
        for k, exponent in enumerate(exponents):
            if k in places:
                moved[places[k]] = int(exponent)
            elif exponent:
                free = True
        highest = max(highest, sum(moved))
        terms[tuple(moved)] = as_fraction(value)
    if highest > 2:
        reason = f"its expanded polynomial has the degree {highest} in the parameters{' for general data' * free}"
        return Decision(claim=_claim("refuted", reason, degree=highest))
    claim = _claim("proved", f"its expanded polynomial has the degree {highest}", degree=highest)
    if free:
        names = ", ".join([*loss.data, *loss.constants])
        return Decision(claim=claim, missing=f"it depends on {names}, which have no values")
    return Decision(claim=claim, quadratic=Quadratic.from_polynomial(terms, size))


def _from_differences(loss: Loss, data: Mapping[str, FloatArray], w: FloatArray, rng: np.random.Generator) -> Claim:
    """The claim where the expression is no polynomial: refuted by a third difference, else undecided."""
    objective = Objective.from_loss(loss, {**data})
    found = largest_third_difference(objective, w, rng)
    small = sum(node.size for node in walk(loss.expression)) <= MAX_LOWERED
    sign = _enclosed_sign(loss, data, found) if small and found is not None and found.relative > SEEN else 0
    if found is None or not found.relative > SEEN or sign < 0:
        reason = "the expression is no polynomial, and no third difference was seen that is not zero"
        return _claim("undecided", reason, worst_residual=figure(found.relative) if found else None)
    facts = {"point": figure(found.base), "direction": figure(found.direction), "worst_residual": found.relative}
    how = "with a rigorous enclosure" if sign else "in double precision, far above rounding"
    reason = f"L(w+3d) - 3L(w+2d) + 3L(w+d) - L(w) is not zero at this point, {how}"
    return _claim("refuted", reason, counterexample=facts)


@final
@dataclass(frozen=True)
class ThirdDifference:
    """A third difference: where it was taken, its value, and its size relative to its summands."""

    base: FloatArray
    direction: FloatArray
    value: float
    relative: float


def largest_third_difference(objective: Objective, w: FloatArray, rng: np.random.Generator) -> ThirdDifference | None:
    """The largest relative third difference of the values on random lines; None where no value is finite.

    One that may come from the rounding of the values, as short differences near by show, never counts as seen.
    """
    found = []
    for k in range(LINES):
        scale = 2.0 ** (k % SCALES - SCALES // 2)
        base = np.round((w + scale * rng.standard_normal(len(w))) * 64) / 64
        direction = np.round(scale * rng.standard_normal(len(w)) * 64) / 64
        values = np.array([objective.value(base + step * direction) for step in range(4)])
        size = float(np.abs(THIRD * values).sum())
        if np.isfinite(values).all() and size:
            value = float(np.dot(THIRD, values))
            found.append(ThirdDifference(base, direction, value, abs(value) / size))
    found.sort(key=lambda one: -one.relative)
    for one in found:
        if one.relative <= UNSEEN or _is_above_rounding(objective, one):
            return one
    return replace(found[-1], relative=min(found[-1].relative, SEEN)) if found else None


def _is_above_rounding(objective: Objective, found: ThirdDifference) -> bool:
    """Whether a third difference is far larger than the short ones at its points."""
    largest = 0.0
    for place in range(4):
        point = found.base + place * found.direction
        for length in SHORT:
            values = [objective.value(point + step * length * found.direction) for step in range(4)]
            largest = max(largest, abs(float(np.dot(THIRD, values))))  # NaN beyond the border of a domain is passed by
    return abs(found.value) > ABOVE_ROUNDING * largest


def _enclosed_sign(loss: Loss, data: Mapping[str, FloatArray], found: ThirdDifference) -> int:
    """1 where ball arithmetic proves that a third difference is at least half as large as found, -1 less, 0 neither."""
    terms = [number(-exact_fraction(abs(found.value)) / 2)]
    for step, factor in enumerate(THIRD):
        point = [exact_fraction(value) for value in (found.base + step * found.direction).tolist()]
        values = {name: exact_node(value) for name, value in data.items()} | point_nodes(point, loss.parameters)
        terms.append(multiply(number(factor if found.value > 0 else -factor), substitute(loss.expression, values)))
    graph = ScalarGraph()
    try:
        return constant_sign(graph, lower(graph, add(*terms)))
    except InputError:
        return 0


def decide_functions(objective: Objective, w: FloatArray, rng: np.random.Generator) -> Decision:
    """Whether functions are quadratic, by third differences alone: never proved.

    >>> objective = Objective.from_functions(lambda w: float(w @ w), lambda w: 2 * w, size=2)
    >>> decide_functions(objective, np.ones(2), np.random.default_rng(0)).claim.verdict
    'measured'
    """
    missing = "the objective is given by functions, whose coefficients are not known exactly"
    found = largest_third_difference(objective, w, rng)
    if found is None:
        return Decision(claim=_claim("undecided", "the objective has no finite values"), missing=missing)
    facts = {"worst_residual": found.relative, "tolerance": UNSEEN, "samples": LINES}
    if found.relative > SEEN:
        point = {"point": figure(found.base), "direction": figure(found.direction)}
        reason = "L(w+3d) - 3L(w+2d) + 3L(w+d) - L(w) is far from zero at this point"
        return Decision(claim=_claim("refuted", reason, counterexample=point, **facts), missing=missing)
    if found.relative > UNSEEN:
        return Decision(claim=_claim("undecided", "the third differences are small but not zero", **facts))
    reason = f"the third differences on {LINES} lines are zero to rounding"
    return Decision(claim=_claim("measured", reason, **facts), missing=missing)
