"""The array expression of a family: the same at all sizes, up to lengths and numbers that are powers of sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, final

from manifolds.errors import InputError
from symmetries.expression import Node
from symmetries.sizes.matrix_forms import NotDecided, Units, units_from
from symmetries.sizes.matrix_reading import is_diagonal_of, is_multiple_of_identity, plain_number

WHERE = "the structure of the formula depends on the sizes"


@final
@dataclass(frozen=True)
class Structure:
    """An array expression at distinct primes.

    Parameters
    ----------
    root: the expression.
    sizes: the primes by the names of the sizes.
    lengths: what a length is: a number times powers of sizes.
    numbers: the same for the number nodes, by their identity.
    """

    root: Node
    sizes: Mapping[str, int]
    lengths: Mapping[int, tuple[Fraction, Units] | None]
    numbers: Mapping[int, tuple[Fraction, Units]]

    def measure(self, length: int) -> tuple[Fraction, Units]:
        """What a length is."""
        found = self.lengths.get(length)
        if found is None:
            raise NotDecided("a length that is no product of sizes is counted")
        return found

    def quantity(self, node: Node) -> tuple[Fraction, Units]:
        """What a number node is."""
        return self.numbers.get(id(node)) or plain_number(node)

    def length_name(self, length: int) -> str:
        """How a length is called."""
        found = self.lengths.get(length)
        if found is None:
            return str(length)
        value, units = found
        factors = [name if exponent == 1 else f"{name}**{exponent}" for name, exponent in units]
        return "*".join(([] if value == 1 and factors else [str(value)]) + factors)


def compare(first: Node, second: Node, sizes: Mapping[str, int], others: Mapping[str, int]) -> Structure:
    """The structure of two expressions at two assignments.

    Raises
    ------
    InputError: they differ in more than lengths and numbers that are products of powers of sizes.
    """
    found: dict[tuple[int, int], None] = {}
    lengths: dict[int, tuple[Fraction, Units] | None] = {1: (Fraction(1), ())}
    for name, value in sizes.items():
        lengths[value] = (Fraction(1), ((name, Fraction(1)),))
    numbers: dict[int, tuple[Fraction, Units]] = {}
    stack = [(first, second)]
    while stack:
        one, two = stack.pop()
        if (id(one), id(two)) in found:
            continue
        found[id(one), id(two)] = None
        check_pair(one, two)
        for length, other in zip(one.shape, two.shape, strict=True):
            measured = monomial(Fraction(length), Fraction(other), sizes, others)
            lengths[length] = measured if lengths.get(length, measured) == measured else None
        if one.operation == "number":
            known = monomial(plain_number(one)[0], plain_number(two)[0], sizes, others)
            if known is None or numbers.setdefault(id(one), known) != known:
                why = "a number in it is no product of powers of sizes"
                raise InputError(WHERE, why=why, cure="write it with products of sizes")
        stack.extend(zip(one.arguments, two.arguments, strict=True))
    return Structure(first, dict(sizes), lengths, numbers)


def check_pair(one: Node, two: Node) -> None:
    """Refuse two nodes that are not the same operation."""
    cure = "write it with @, sums and entrywise functions, or fix the sizes with family.at(...)"
    if one.operation != two.operation or one.ndim != two.ndim or len(one.arguments) != len(two.arguments):
        raise InputError(WHERE, why=f"it has {one.operation} at some sizes and {two.operation} at others", cure=cure)
    if one.operation == "gather" and not (is_diagonal_of(one) and is_diagonal_of(two)):
        raise InputError(f"{WHERE}: it takes entries by their positions", why="they differ with the size", cure=cure)
    if one.operation == "array":
        if special(one) is None and (one.shape != two.shape or one.payload != two.payload):
            raise InputError(f"{WHERE}: it has an array of numbers", why="its size is fixed", cure=cure)
        if special(one) != special(two):
            raise InputError(f"{WHERE}: it has an array of numbers", why="its entries differ with the size", cure=cure)
    elif one.operation not in ("number", "gather") and one.payload != two.payload:
        raise InputError(f"{WHERE}: {one.operation} has {one.payload} and {two.payload}", why="they differ", cure=cure)


def special(node: Node) -> tuple[str, Fraction] | None:
    """What an array of numbers is at every size: one number everywhere, or a multiple of the identity."""
    values: Any = node.payload
    if len(set(values)) == 1:
        return "constant", values[0]
    if node.ndim == 2 and node.shape[0] == node.shape[1] and is_multiple_of_identity(values, node.shape[0]):
        return "identity", values[0]
    return None


def monomial(
    one: Fraction, two: Fraction, sizes: Mapping[str, int], others: Mapping[str, int]
) -> tuple[Fraction, Units] | None:
    """A number at two assignments as a constant times powers of sizes, None when it is none.

    >>> monomial(Fraction(2, 11), Fraction(2, 13), {"n": 11}, {"n": 13})
    (Fraction(2, 1), (('n', Fraction(-1, 1)),))
    """
    if one == two:
        return one, ()
    if not one or not two:
        return None
    ratio, powers = one / two, {}
    for name, prime in sizes.items():
        exponent = valuation(ratio, prime)
        powers[name] = Fraction(exponent)
        if valuation(ratio, others[name]) != -exponent:
            return None
        ratio *= Fraction(others[name], prime) ** exponent
        one *= Fraction(1, prime) ** exponent
    return (one, units_from(powers)) if ratio == 1 else None


def valuation(value: Fraction, prime: int) -> int:
    """Exponent of a prime in a number that is not zero.

    >>> valuation(Fraction(9, 2), 3), valuation(Fraction(9, 2), 2)
    (2, -1)
    """
    count = 0
    top, bottom = value.numerator, value.denominator
    while top % prime == 0:
        top //= prime
        count += 1
    while bottom % prime == 0:
        bottom //= prime
        count -= 1
    return count
