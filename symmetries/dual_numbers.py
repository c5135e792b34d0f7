"""The numbers of dual evaluation: fractions, residues modulo a prime, decimals with many digits."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from typing import Any, final

from symmetries.dual import HOLE, Arithmetic, Hole, Unsupported
from symmetries.dual_functions import Entry
from symmetries.numbers import rational_root

LARGEST_NORMAL = 10**6
"""Arguments up to which the normal distribution function is computed."""

HOLDS = {
    ">": lambda x: x > 0,
    ">=": lambda x: x >= 0,
    "<": lambda x: x < 0,
    "<=": lambda x: x <= 0,
    "==": lambda x: x == 0,
    "!=": lambda x: x != 0,
}


class Ordered(Arithmetic):
    """Numbers of which the sign is known; at a kink or jump that is crossed the result is undefined.

    ``edge`` tells whether a root of zero was met whose argument does not move, such as sqrt(relu(x)) at x < 0: it
    counts as constant, which is right only when the argument is zero nearby too.  Or a choice was met at its border,
    where a discontinuous function such as sign(x) has a value of its own.
    """

    edge = False

    def rooted(self, x: Entry, exponent: Fraction) -> Entry:
        """A root of a dual number."""
        value, slope = self.root(x.value, exponent)
        if isinstance(slope, Hole) and not isinstance(value, Hole) and x.tangent == 0:
            self.edge = True
            return Entry(self, value, self.constant(0))
        return Entry(self, value, slope * x.tangent)

    def absolute(self, x: Entry) -> Entry:
        """The absolute value."""
        if isinstance(x.value, Hole) or (x.value == 0 and x.tangent != 0):
            return Entry(self, HOLE, HOLE)
        return x * -1 if x.value < 0 else x

    def choose(self, relation: str, u: Entry, a: Entry, b: Entry) -> Entry:
        """One of two values."""
        if isinstance(u.value, Hole) or (u.value == 0 and u.tangent != 0):
            return Entry(self, HOLE, HOLE)
        if u.value == 0:
            self.edge = True
        return a if HOLDS[relation](u.value) else b


@final
class Fractions(Ordered):
    """Exact rational numbers."""

    def constant(self, value: Fraction | int) -> Fraction:
        """A rational number."""
        return Fraction(value)

    def invert(self, x: Any) -> Any:
        """1 / x."""
        return HOLE if isinstance(x, Hole) or x == 0 else 1 / x

    def function(self, name: str, x: Any) -> tuple[Any, Any]:
        """No transcendental function has rational values."""
        raise Unsupported(name)

    def root(self, x: Any, exponent: Fraction) -> tuple[Any, Any]:
        """Roots that are rational."""
        if isinstance(x, Hole) or x < 0 or (x == 0 and exponent < 0):
            return HOLE, HOLE
        if x == 0:
            return x, HOLE
        base = rational_root(x, exponent.denominator)
        if base is None:
            raise Unsupported("root")
        value = base**exponent.numerator
        return value, exponent * value / x

    def pi(self) -> Any:
        """The circle number is not rational."""
        raise Unsupported("pi")


@final
class Residues(Arithmetic):
    """Residues modulo a prime; rational operations only."""

    def __init__(self, prime: int) -> None:
        self.prime = prime

    def constant(self, value: Fraction | int) -> Any:
        """A rational number, undefined when the prime divides its denominator."""
        fraction = Fraction(value)
        bottom = fraction.denominator % self.prime
        return fraction.numerator * pow(bottom, -1, self.prime) % self.prime if bottom else HOLE

    def invert(self, x: Any) -> Any:
        """1 / x."""
        return HOLE if isinstance(x, Hole) or x % self.prime == 0 else pow(x, -1, self.prime)

    def reduce(self, values: Any) -> Any:
        """Remainders."""
        return values % self.prime

    def power(self, x: Any, exponent: int) -> Any:
        """x ** exponent."""
        return x if isinstance(x, Hole) else pow(x, exponent, self.prime)

    def function(self, name: str, x: Any) -> tuple[Any, Any]:
        """There is none."""
        raise Unsupported(name)

    def root(self, x: Any, exponent: Fraction) -> tuple[Any, Any]:
        """There is none."""
        raise Unsupported("root")

    def absolute(self, x: Entry) -> Entry:
        """There is none."""
        raise Unsupported("abs")

    def choose(self, relation: str, u: Entry, a: Entry, b: Entry) -> Entry:
        """There is no order."""
        raise Unsupported("where")

    def pi(self) -> Any:
        """There is none."""
        raise Unsupported("pi")


@final
class Digits(Ordered):
    """Decimals with many digits; the working precision is that of ``mpmath.workdps`` around the evaluation."""

    def __init__(self) -> None:
        import mpmath

        self._mp = mpmath.mp

    def constant(self, value: Fraction | int) -> Any:
        """A rational number, rounded."""
        fraction = Fraction(value)
        return self._mp.mpf(fraction.numerator) / fraction.denominator

    def invert(self, x: Any) -> Any:
        """1 / x."""
        return HOLE if isinstance(x, Hole) or x == 0 else 1 / x

    def function(self, name: str, x: Any) -> tuple[Any, Any]:
        """A function with its derivative."""
        mp = self._mp
        if isinstance(x, Hole) or (name == "log" and x <= 0) or (name == "exp" and abs(x) > 10**6):
            return HOLE, HOLE
        match name:
            case "exp":
                value = mp.exp(x)
                return value, value
            case "log":
                return mp.log(x), 1 / x
            case "sin":
                return mp.sin(x), mp.cos(x)
            case "cos":
                return mp.cos(x), -mp.sin(x)
            case "atan":
                return mp.atan(x), 1 / (1 + x * x)
            case "erf":
                return mp.erf(x), 2 / mp.sqrt(mp.pi) * mp.exp(-x * x)
            case _ if abs(x) > LARGEST_NORMAL:
                return HOLE, HOLE
            case _:
                return mp.erfc(-x / mp.sqrt(2)) / 2, mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)

    def root(self, x: Any, exponent: Fraction) -> tuple[Any, Any]:
        """Roots of positive numbers."""
        if isinstance(x, Hole) or x <= 0:
            return (self.constant(0), HOLE) if not isinstance(x, Hole) and x == 0 and exponent > 0 else (HOLE, HOLE)
        value = self._mp.power(x, self.constant(exponent))
        return value, self.constant(exponent) * value / x

    def pi(self) -> Any:
        """The circle number."""
        return +self._mp.pi


def is_prime(number: int) -> bool:
    """Whether a number below 2**64 is prime (Miller and Rabin, with bases that decide it there).

    >>> is_prime(2**61 - 1), is_prime(2**61 - 3)
    (True, False)
    """
    bases = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
    if number < 2 or any(number % base == 0 for base in bases):
        return number in bases
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in bases:
        x = pow(base, odd, number)
        if x in (1, number - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % number
            if x == number - 1:
                break
        else:
            return False
    return isqrt(number) ** 2 != number
