"""The proof that a field annihilates an exported loss: one small identity for each inner expression it is cut at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias, final

from flint import fmpq

from symmetries.coq import polynomial as polynomials
from symmetries.coq.layout import Layout
from symmetries.coq.polynomial import Cofactors, Poly, Relation, TooLarge
from symmetries.coq.terms import ATOMS, KINKED, Key

Mode: TypeAlias = Literal["cut", "open"]

RELATED = frozenset({"inv", "sqrt", "sin", "step", "abs", "max0", "min0", "max", "min"})
"""Atoms with a relation that an identity may need."""


@final
@dataclass(frozen=True)
class Identity:
    """X.u = k u for a named term u, and how it is proved.

    Parameters
    ----------
    key: the term u.
    factor: the number k.
    slopes: terms whose derivative is written out, outermost first.
    values: terms whose definition is written out, outermost first.
    used: terms whose own identity is used.
    cofactors: the relations between atoms that it needs, with their cofactors.
    """

    key: Key
    factor: Fraction
    slopes: tuple[Key, ...]
    values: tuple[Key, ...]
    used: tuple[Key, ...]
    cofactors: Cofactors


def rational(value: Fraction) -> fmpq:
    """A fraction for polynomials."""
    return fmpq(value.numerator, value.denominator)


@final
class Expansion:
    """Values and derivatives of terms as polynomials; terms with an identity may stay closed."""

    def __init__(
        self,
        layout: Layout,
        field: Mapping[str, Key],
        identities: Mapping[Key, Fraction],
        mode: Mode,
    ) -> None:
        self.layout = layout
        self.field = field
        self.identities = identities
        self.mode = mode
        self.slopes: dict[Key, None] = {}
        self.values: dict[Key, None] = {}
        self.used: dict[Key, None] = {}
        self._values: dict[Key, Poly] = {}
        self._slopes: dict[Key, Poly] = {}

    def value(self, key: Key) -> Poly:
        """A term as a polynomial in symbols, atoms and closed terms."""
        known = self._values.get(key)
        if known is None:
            known = self._values[key] = self._value(key)
        return known

    def _value(self, key: Key) -> Poly:
        layout = self.layout
        term = layout.pool[key]
        if layout.pool.value(key) is not None:
            return polynomials.constant(rational(layout.pool.value(key) or Fraction(0)))
        if term.operation in ATOMS or term.operation in {"symbol", "pi"}:
            return polynomials.variable(key)
        if key in layout.names:
            if self.mode == "cut" and (key in self.identities or key not in layout.moves):
                return polynomials.variable(key)
            self.values[key] = None
        return self.opened(key)

    def opened(self, key: Key) -> Poly:
        """A sum, product or power from the values of its parts."""
        term = self.layout.pool[key]
        return polynomials.combine(term.operation, term.payload, [self.value(inner) for inner in term.arguments])

    def slope(self, key: Key) -> Poly:
        """The derivative of a term along the field."""
        known = self._slopes.get(key)
        if known is None:
            known = self._slopes[key] = self._slope(key)
        return known

    def _slope(self, key: Key) -> Poly:
        layout = self.layout
        if key not in layout.moves:
            return {}
        term = layout.pool[key]
        if term.operation == "symbol":
            component = self.field.get(str(term.payload))
            return {} if component is None else self.value(component)
        if key in self.identities:
            self.used[key] = None
            factor = self.identities[key]
            return polynomials.multiply(polynomials.constant(rational(factor)), self.value(key)) if factor else {}
        if key in layout.names:
            self.slopes[key] = None
        return self.chain_rule(key)

    def chain_rule(self, key: Key) -> Poly:
        """The derivative of a term by its outermost operation."""
        pool = self.layout.pool
        term = pool[key]
        xs = term.arguments
        total: Poly = {}
        match term.operation:
            case "add":
                for inner in xs:
                    total = polynomials.add(total, self.slope(inner))
                return total
            case "sub":
                return polynomials.add(self.slope(xs[0]), self.slope(xs[1]), -1)
            case "mul":
                for place, inner in enumerate(xs):
                    part = self.slope(inner)
                    for k, other in enumerate(xs):
                        if part and k != place:
                            part = polynomials.multiply(part, self.value(other))
                    total = polynomials.add(total, part)
                return total
            case "pow":
                exponent = int(str(term.payload))
                below = polynomials.multiply(
                    polynomials.constant(exponent), polynomials.power(self.value(xs[0]), exponent - 1)
                )
                return polynomials.multiply(below, self.slope(xs[0]))
        for inner, factor in zip(xs, self._factors(key), strict=True):
            slope = self.slope(inner)
            if slope:
                total = polynomials.add(total, polynomials.multiply(factor, slope))
        return total

    def _factors(self, key: Key) -> list[Poly]:
        """The derivative of an atom by its arguments."""
        pool = self.layout.pool
        term = pool[key]
        me, one = polynomials.variable(key), polynomials.constant(1)
        others = pool.companions(key)
        other = polynomials.variable(others[0]) if others else one
        match term.operation:
            case "inv":
                return [polynomials.multiply(polynomials.multiply(me, me), polynomials.constant(-1))]
            case "exp":
                return [me]
            case "tanh":
                return [polynomials.add(one, polynomials.multiply(me, me), -1)]
            case "cos":
                return [polynomials.multiply(other, polynomials.constant(-1))]
            case "sqrt":
                return [polynomials.multiply(other, polynomials.constant(fmpq(1, 2)))]
            case "rpower":
                front = polynomials.constant(rational(Fraction(str(term.payload))))
                return [polynomials.multiply(polynomials.multiply(front, me), other)]
            case "abs":
                return [polynomials.add(polynomials.multiply(other, polynomials.constant(2)), one, -1)]
            case "min0":
                return [polynomials.add(one, other, -1)]
            case "max":
                return [other, polynomials.add(one, other, -1)]
            case "min":
                return [polynomials.add(one, other, -1), other]
        return [other]  # ln, sin, atan, max0

    # relations

    def relations(self, polynomial: Poly) -> dict[Key, Relation]:
        """The relations of the atoms of a polynomial, and of those that these bring in."""
        found: dict[Key, Relation] = {}
        open_keys = sorted(polynomials.variables(polynomial))
        seen = set(open_keys)
        while open_keys:
            key = open_keys.pop()
            relation = self._relation(key, seen)
            if relation is not None:
                found[key] = relation
                fresh = polynomials.variables(relation.tail) - seen
                seen |= fresh
                open_keys.extend(fresh)
        return found

    def _relation(self, key: Key, seen: set[Key]) -> Relation | None:
        pool = self.layout.pool
        term = pool[key]
        if term.operation == "exp":
            twin = opposite_exponential(self.layout, key)
            return None if twin is None or twin > key else Relation(key, polynomials.variable(twin))
        if term.operation not in RELATED:
            return None
        one = polynomials.constant(1)
        xs = [self.value(inner) for inner in term.arguments]
        companion = pool.companions(key)
        other = polynomials.variable(companion[0]) if companion else one
        match term.operation:
            case "inv":
                return Relation(key, xs[0])
            case "sqrt":
                return Relation(key, xs[0], 2)
            case "step":
                return Relation(key, polynomials.variable(key), 2)
            case "sin":
                return Relation(key, polynomials.add(one, polynomials.multiply(other, other), -1), 2)
        weights = self._factors(key)
        tail: Poly = {}
        for weight, x in zip(weights, xs, strict=True):
            tail = polynomials.add(tail, polynomials.multiply(weight, x))
        return Relation(key, tail, 1)


def opposite_exponential(layout: Layout, key: Key) -> Key | None:
    """The exponential of -u for that of u, where the loss has it."""
    pool = layout.pool
    argument = pool.scale(-1, pool[key].arguments[0])
    layout.look()
    return pool.find("exp", argument)


def prove_field(layout: Layout, field: Mapping[str, Key], guesses: Mapping[Key, Fraction]) -> list[Identity] | None:
    """The identities that show X.L = 0, arguments first; None where the export finds no such proof.

    Kinks u that the field moves come with an identity X.u = k u where there is one.
    """
    known: dict[Key, Fraction] = {}
    identities: dict[Key, Identity] = {}
    for key in layout.names:
        if key not in layout.moves or layout.pool[key].operation == "step" or key not in guesses:
            continue
        found = _identity(layout, field, known, key, guesses[key])
        if found is not None:
            known[key] = guesses[key]
            identities[key] = found
    if known.get(layout.root) != 0:
        return None
    needed = {layout.root} | kinks(layout) & identities.keys()
    for key in sorted(identities, reverse=True):
        if key in needed:
            needed |= set(identities[key].used)
    return [identities[key] for key in layout.names if key in needed]


def kinks(layout: Layout) -> set[Key]:
    """The terms on whose sign a bent function that moves turns."""
    pool = layout.pool
    bent = [key for key in pool.below([layout.root]) if key in layout.moves and pool[key].operation in KINKED]
    return {pool.kink(pool[key].operation, pool[key].arguments) for key in bent}


def _identity(
    layout: Layout, field: Mapping[str, Key], known: Mapping[Key, Fraction], key: Key, factor: Fraction
) -> Identity | None:
    for mode in ("cut", "open"):
        try:
            found = _identity_in(layout, field, known, key, factor, "cut" if mode == "cut" else "open")
        except TooLarge:
            found = None
        if found is not None:
            return found
    return None


def _identity_in(
    layout: Layout, field: Mapping[str, Key], known: Mapping[Key, Fraction], key: Key, factor: Fraction, mode: Mode
) -> Identity | None:
    expansion = Expansion(layout, field, known, mode)
    difference = expansion.chain_rule(key)
    if factor:
        difference = polynomials.add(difference, expansion.value(key), -rational(factor))
    relations = expansion.relations(difference) if difference else {}
    found = polynomials.cofactors(difference, relations)
    if found is None:
        return None
    slopes, values, used = (
        [*sorted(part, reverse=True)] for part in (expansion.slopes, expansion.values, expansion.used)
    )
    return Identity(key, factor, (key, *slopes), tuple(values), tuple(used), found)
