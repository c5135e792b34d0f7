"""Exact arithmetic on the numbers of a formula, so that 3/4, 2**-3 and sqrt(4) are numbers and nothing is rounded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from manifolds.errors import InputError
from symmetries import operations
from symmetries.expression import Node, number
from symmetries.refusal import Limits


def value_of(node: Node) -> Fraction | None:
    """The value of a number, None for any other node."""
    return node.payload if node.operation == "number" and isinstance(node.payload, Fraction) else None


def as_float(value: Any) -> float:
    """The double nearest to a number, infinite where it is too large for one.

    >>> as_float(Fraction(1, 10**400)), as_float(Fraction(-(10**400)))
    (0.0, -inf)
    """
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def check_digits(value: Fraction, limits: Limits) -> Fraction:
    """Refuse a number with too many digits."""
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > 3.32 * limits.digits:
        raise InputError(
            "a computed number is too large", why=f"the limit is {limits.digits} digits", cure="use smaller numbers"
        )
    return value


def scale(coefficient: Fraction, node: Node) -> Node:
    """The product of a number and an expression, with the numbers in front gathered into one.

    >>> scale(Fraction(2), scale(Fraction(3), number(5))).payload
    Fraction(30, 1)
    """
    value = value_of(node)
    if value is not None:
        return number(coefficient * value)
    if node.operation == "multiply":
        first = value_of(node.arguments[0])
        if first is not None:
            rest = node.arguments[1:]
            if coefficient * first != 1:
                return operations.multiply(number(coefficient * first), *rest)
            return rest[0] if len(rest) == 1 else operations.multiply(*rest)
        if coefficient != 1:
            return operations.multiply(number(coefficient), *node.arguments)
    return node if coefficient == 1 else operations.multiply(number(coefficient), node)


def total(terms: Sequence[Node], limits: Limits) -> Node:
    """The sum of the terms, with the numbers among them added up."""
    constant, rest, place = Fraction(0), [], 0
    for term in terms:
        value = value_of(term)
        if value is None:
            rest.append(term)
        else:
            place = place if constant else len(rest)
            constant = check_digits(constant + value, limits)
    if constant or not rest:
        rest.insert(place, number(constant))
    return rest[0] if len(rest) == 1 else operations.add(*rest)


def product(factors: Sequence[tuple[Node, bool]], limits: Limits) -> Node:
    """The product of the factors, those with True divided by; the numbers among them are multiplied up."""
    coefficient = Fraction(1)
    rest: list[Node] = []
    for factor, below in factors:
        value = value_of(factor)
        if value is None:
            if factor.operation == "multiply" and not below:
                first = value_of(factor.arguments[0])
                coefficient = coefficient if first is None else check_digits(coefficient * first, limits)
                rest.extend(factor.arguments if first is None else factor.arguments[1:])
                continue
            rest.append(power(factor, Fraction(-1), limits) if below else factor)
        elif below and not value:
            raise InputError("a division by 0", why="it has no value", cure="remove it")
        else:
            coefficient = check_digits(coefficient / value if below else coefficient * value, limits)
    if not rest:
        return number(coefficient)
    return scale(coefficient, rest[0] if len(rest) == 1 else operations.multiply(*rest))


def power(base: Node, exponent: Fraction, limits: Limits) -> Node:
    """The base to a rational exponent; a number where the result is rational."""
    if max(abs(exponent.numerator), exponent.denominator) > limits.exponent:
        raise InputError(
            "an exponent is too large", why=f"the limit is {limits.exponent}", cure="use a smaller exponent"
        )
    value = value_of(base)
    if exponent == 1:
        return base
    if value is None:
        return operations.power(base, exponent)
    if value == 0 and exponent < 0:
        raise InputError("a division by 0", why="it has no value", cure="remove it")
    if value < 0 and exponent.denominator > 1:
        why = "a root of a negative number is not real"
        raise InputError(f"the power ({value})**({exponent})", why=why, cure="use a base that is not negative")
    root = rational_root(value, exponent.denominator)
    if root is None:
        return operations.power(base, exponent)
    bits = max(root.numerator.bit_length() - 1, root.denominator.bit_length() - 1)
    if bits * abs(exponent.numerator) > 3.33 * limits.digits:
        raise InputError(
            "a computed number is too large", why=f"the limit is {limits.digits} digits", cure="use smaller numbers"
        )
    return number(check_digits(root**exponent.numerator, limits))


def rational_root(value: Fraction, degree: int) -> Fraction | None:
    """The root of a number where it is rational.

    >>> rational_root(Fraction(8, 27), 3), rational_root(Fraction(2), 2)
    (Fraction(2, 3), None)
    """
    if degree == 1:
        return value
    parts = [integer_root(part, degree) for part in (value.numerator, value.denominator)]
    return None if parts[0] is None or parts[1] is None else Fraction(parts[0], parts[1])


def integer_root(value: int, degree: int) -> int | None:
    """The root of a natural number where it is an integer, by Newton's method from above."""
    if value < 2:
        return value
    root = math.isqrt(value) if degree == 2 else 1 << (value.bit_length() // degree + 1)
    while degree != 2:
        lower = ((degree - 1) * root + value // root ** (degree - 1)) // degree
        if lower >= root:
            break
        root = lower
    return root if root**degree == value else None
