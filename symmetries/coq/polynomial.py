"""Sparse polynomials over Q, and membership in the ideal of the relations that hold between atoms, with cofactors.

Coq's tactic ``ring`` decides identities of polynomials.  Where an identity holds only because of relations r_j = 0,
such as v * (1/v) - 1 = 0 or sqrt(u)**2 - u = 0, the cofactors q_j of P = sum q_j r_j make it one that ``ring`` decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

from flint import fmpq

from symmetries.coq.terms import Key

Monomial: TypeAlias = tuple[tuple[Key, int], ...]
Poly: TypeAlias = dict[Monomial, fmpq]

ONE: Monomial = ()
LARGEST = 6_000
"""Most terms of a polynomial."""


class TooLarge(Exception):
    """A polynomial has more terms than are handled."""


def constant(value: fmpq | int) -> Poly:
    """A number."""
    return {ONE: fmpq(value)} if value else {}


def variable(key: Key, exponent: int = 1) -> Poly:
    """A power of a variable."""
    return {((key, exponent),): fmpq(1)} if exponent else constant(1)


def add(left: Poly, right: Poly, factor: fmpq | int = 1) -> Poly:
    """left + factor * right."""
    total = dict(left)
    for monomial, value in right.items():
        changed = total.get(monomial, 0) + factor * value
        if changed != 0:
            total[monomial] = changed
        else:
            total.pop(monomial, None)
    return total


def multiply(left: Poly, right: Poly) -> Poly:
    """The product."""
    if len(left) * len(right) > 40 * LARGEST:
        raise TooLarge
    total: Poly = {}
    for first, a in left.items():
        for second, b in right.items():
            monomial = _merged(first, second)
            total[monomial] = total.get(monomial, 0) + a * b
    if len(total) > LARGEST:
        raise TooLarge
    return {monomial: value for monomial, value in total.items() if value != 0}


def _merged(first: Monomial, second: Monomial) -> Monomial:
    if not first or not second:
        return first or second
    powers = dict(first)
    for key, exponent in second:
        powers[key] = powers.get(key, 0) + exponent
    return tuple(sorted(powers.items()))


def power(base: Poly, exponent: int) -> Poly:
    """A power."""
    total = constant(1)
    for _ in range(exponent):
        total = multiply(total, base)
    return total


def combine(operation: str, payload: object, parts: Sequence[Poly]) -> Poly:
    """The sum, difference, power or product of the parts of a term."""
    match operation:
        case "add":
            total: Poly = {}
            for part in parts:
                total = add(total, part)
            return total
        case "sub":
            return add(parts[0], parts[1], -1)
        case "pow":
            return power(parts[0], int(str(payload)))
    product = constant(1)
    for part in parts:
        product = multiply(product, part)
    return product


def coefficients(polynomial: Poly, key: Key) -> list[Poly]:
    """The coefficients of the powers of one variable."""
    parts: dict[int, Poly] = {}
    for monomial, value in polynomial.items():
        exponent = next((power for inner, power in monomial if inner == key), 0)
        rest = tuple(pair for pair in monomial if pair[0] != key)
        parts.setdefault(exponent, {})[rest] = value
    return [parts.get(k, {}) for k in range(max(parts, default=0) + 1)]


def variables(polynomial: Poly) -> set[Key]:
    """The variables that occur."""
    return {key for monomial in polynomial for key, _ in monomial}


@final
@dataclass(frozen=True)
class Relation:
    """A relation with a leading variable x: ``tail`` * x = 1 for an inverse, x ** ``degree`` = ``tail`` otherwise."""

    leading: Key
    tail: Poly
    degree: int = 0

    @property
    def inverse(self) -> bool:
        """Whether it says that a product is 1."""
        return self.degree == 0

    @property
    def idempotent(self) -> bool:
        """Whether it says that x is its own square."""
        return self.degree == 2 and self.tail == variable(self.leading)


Cofactors: TypeAlias = list[tuple[Poly, Relation]]


def cofactors(polynomial: Poly, relations: Mapping[Key, Relation]) -> Cofactors | None:
    """Cofactors that show that a polynomial vanishes by the relations; None where it does not reduce to zero.

    >>> relation = Relation(1, variable(0))  # v0 * v1 = 1
    >>> found = cofactors({((0, 1), (1, 1)): fmpq(2), (): fmpq(-2)}, {1: relation})
    >>> found == [(constant(2), relation)]
    True
    """
    found: Cofactors = []
    prefix = constant(1)
    rest = polynomial
    done: set[Key] = set()
    while rest:
        open_keys = [key for key in variables(rest) - done if key in relations]
        if not open_keys:
            return None
        key = max(open_keys)
        relation = relations[key]
        if relation.inverse:
            quotient, degree, rest = _clear(rest, relation)
            found.append((multiply(prefix, quotient), relation))
            prefix = multiply(prefix, variable(key, degree))
        else:
            quotient, rest = _divide(rest, relation)
            if quotient:
                found.append((multiply(prefix, quotient), relation))
        done.add(key)
    return found


def _divide(polynomial: Poly, relation: Relation) -> tuple[Poly, Poly]:
    """Quotient and remainder by x ** degree - tail."""
    parts = coefficients(polynomial, relation.leading)
    quotient: Poly = {}
    for k in range(len(parts) - 1, relation.degree - 1, -1):
        lower = k - relation.degree
        quotient = add(quotient, multiply(parts[k], variable(relation.leading, lower)))
        if relation.idempotent:
            parts[lower + 1] = add(parts[lower + 1], parts[k])
        else:
            parts[lower] = add(parts[lower], multiply(parts[k], relation.tail))
    rest: Poly = {}
    for k, part in enumerate(parts[: relation.degree]):
        rest = add(rest, multiply(part, variable(relation.leading, k)))
    return quotient, rest


def _clear(polynomial: Poly, relation: Relation) -> tuple[Poly, int, Poly]:
    """Q, m, N with P = Q * (tail * x - 1) + x ** m * N, where x does not occur in N."""
    x, tail = variable(relation.leading), relation.tail
    parts = coefficients(polynomial, relation.leading)
    degree = len(parts) - 1
    cleared: Poly = {}
    for part in parts:  # Horner's scheme in the tail, which stands for 1/x
        cleared = add(multiply(cleared, tail), part)
    # P - x**m N = sum_k p_k x**k (1 - (tail x)**(m-k))
    quotient: Poly = {}
    series: Poly = {}
    for k in range(degree - 1, -1, -1):
        series = add(multiply(series, multiply(tail, x)), constant(1))
        part = multiply(multiply(parts[k], variable(relation.leading, k)), series)
        quotient = add(quotient, part, -1)
    return quotient, degree, cleared
