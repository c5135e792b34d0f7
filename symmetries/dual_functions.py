"""The functions of the formula language on dual numbers, written in the few that an arithmetic has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from operator import methodcaller
from typing import TYPE_CHECKING, Any, TypeAlias, final

if TYPE_CHECKING:
    from symmetries.dual import Arithmetic

HALF = Fraction(1, 2)


@final
class Entry:
    """A dual number v + t ε of some arithmetic."""

    __slots__ = ("arithmetic", "tangent", "value")

    def __init__(self, arithmetic: Arithmetic, value: Any, tangent: Any) -> None:
        self.arithmetic = arithmetic
        self.value = value
        self.tangent = tangent

    def _made(self, value: Any, tangent: Any) -> Entry:
        reduce = self.arithmetic.reduce
        return Entry(self.arithmetic, reduce(value), reduce(tangent))

    def constant(self, value: Fraction | int) -> Entry:
        """A number that does not move, in the same arithmetic."""
        return Entry(self.arithmetic, self.arithmetic.constant(value), self.arithmetic.constant(0))

    def __add__(self, other: Entry | Fraction | int) -> Entry:
        right = other if isinstance(other, Entry) else self.constant(other)
        return self._made(self.value + right.value, self.tangent + right.tangent)

    def __sub__(self, other: Entry | Fraction | int) -> Entry:
        right = other if isinstance(other, Entry) else self.constant(other)
        return self._made(self.value - right.value, self.tangent - right.tangent)

    def __mul__(self, other: Entry | Fraction | int) -> Entry:
        if not isinstance(other, Entry):
            factor = self.arithmetic.constant(other)
            return self._made(self.value * factor, self.tangent * factor)
        return self._made(self.value * other.value, self.tangent * other.value + self.value * other.tangent)

    __radd__, __rmul__ = __add__, __mul__

    def inverse(self) -> Entry:
        """1 / x."""
        inverse = self.arithmetic.invert(self.value)
        return self._made(inverse, inverse * inverse * self.tangent * self.arithmetic.constant(-1))

    def to_power(self, exponent: Fraction) -> Entry:
        """x to a rational exponent."""
        arithmetic = self.arithmetic
        if exponent.denominator != 1:
            return arithmetic.rooted(self, exponent)
        degree = exponent.numerator
        if degree < 0:
            return self.inverse().to_power(-exponent)
        if degree == 0:
            return self.constant(1)
        below = arithmetic.power(self.value, degree - 1)
        return self._made(below * self.value, arithmetic.reduce(below * arithmetic.constant(degree)) * self.tangent)

    def apply(self, name: str) -> Entry:
        """A function that the arithmetic has."""
        value, slope = self.arithmetic.function(name, self.value)
        return self._made(value, slope * self.tangent)


def absolute(x: Entry) -> Entry:
    """The absolute value."""
    return x.arithmetic.absolute(x)


def exp(x: Entry) -> Entry:
    """The exponential."""
    return x.apply("exp")


def larger(x: Entry, y: Entry) -> Entry:
    """The larger of two."""
    return y + relu(x - y)


def smaller(x: Entry, y: Entry) -> Entry:
    """The smaller of two."""
    return y - relu(y - x)


def relu(x: Entry) -> Entry:
    """max(0, x)."""
    part: Entry = x.arithmetic.positive_part(x)
    return part


def negative_part(x: Entry) -> Entry:
    """min(0, x)."""
    return relu(x * -1) * -1


def tanh(x: Entry) -> Entry:
    """The hyperbolic tangent."""
    power = exp(x * 2)
    return (power - 1) * (power + 1).inverse()


def hyperbolic(x: Entry, sign: int) -> Entry:
    """(exp(x) + sign exp(-x)) / 2."""
    power = exp(x)
    return (power + power.inverse() * sign) * HALF


def tan(x: Entry) -> Entry:
    """The tangent."""
    return x.apply("sin") * x.apply("cos").inverse()


def sign(x: Entry) -> Entry:
    """The sign."""
    arithmetic = x.arithmetic
    below = arithmetic.choose("<", x, x.constant(-1), x.constant(0))
    return arithmetic.choose(">", x, x.constant(1), below)


FUNCTIONS: Mapping[str, Callable[[Entry], Entry]] = {
    **{name: methodcaller("apply", name) for name in ("exp", "log", "sin", "cos", "atan", "erf", "normal_cdf")},
    "tan": tan,
    "sinh": lambda x: hyperbolic(x, -1),
    "cosh": lambda x: hyperbolic(x, 1),
    "tanh": tanh,
    "sigmoid": lambda x: (exp(x * -1) + 1).inverse(),
    "softplus": lambda x: (exp(x) + 1).apply("log"),
    "gelu": lambda x: x * x.apply("normal_cdf"),
    "abs": absolute,
    "relu": relu,
    "sign": sign,
}
"""Every function of one argument."""

Several: TypeAlias = Callable[..., Entry]

SEVERAL: Mapping[str, Several] = {
    "maximum": lambda _, x, y: larger(x, y),
    "minimum": lambda _, x, y: smaller(x, y),
    "leaky_relu": lambda _, x, slope: relu(x) + slope * negative_part(x),
    "elu": lambda _, x, slope: relu(x) + slope * (exp(negative_part(x)) - 1),
    "where": lambda relation, u, a, b: u.arithmetic.choose(relation, u, a, b),
    "exponential": lambda _, base, exponent: exp(exponent * base.apply("log")),
}
"""Every function of several arguments; the first one is the payload of the node."""
