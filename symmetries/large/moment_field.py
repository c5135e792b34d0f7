"""Arrays over a small prime field, held in doubles, so that matrix products run at the speed of BLAS and stay exact.

Residues are centred, at most about p/2 in size, with p below 2**20: a product of two is below 2**38, and 2**15 of them
add up to less than 2**53, where doubles are exact integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import gcd
from typing import Any, TypeAlias, final

import numpy as np
from flint import fmpz

from symmetries.modular import UnsuitablePrime

FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

LARGEST = 2**20 - 1
INNER = 2**14
"""Terms of a sum of products that are added before the sum is reduced."""


def field_primes(*, odd_degrees: frozenset[int] = frozenset(), start: int = LARGEST) -> Iterator[int]:
    """Primes p = 7 mod 8 below 2**20, descending: square roots by one power, 2 is a square, odd roots are unique.

    >>> next(field_primes())
    1048559
    """
    candidate = start - (start - 7) % 8
    while candidate > 2**18:
        if fmpz(candidate).is_prime() and all(gcd(degree, candidate - 1) == 1 for degree in odd_degrees):
            yield candidate
        candidate -= 8


@final
class PrimeField:
    """Arithmetic of arrays modulo a prime.

    Parameters
    ----------
    prime: a prime p = 7 mod 8 below 2**20.

    >>> field = PrimeField(1048559)
    >>> float(field.canonical(field.inverse(np.array(3.0))) * 3 % 1048559)
    1.0
    """

    def __init__(self, prime: int) -> None:
        self.prime = prime
        self._p = float(prime)
        self._inverse = 1.0 / prime

    def reduce(self, x: FloatArray) -> FloatArray:
        """Centred residues of exact integers."""
        whole = np.rint(x * self._inverse)
        whole *= self._p
        return np.asarray(x - whole)

    def canonical(self, x: FloatArray) -> FloatArray:
        """Residues from 0 to p - 1."""
        return np.mod(x, self._p)

    def is_zero(self, x: FloatArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Where residues vanish."""
        return np.asarray(self.canonical(x) == 0)

    def residue(self, value: Fraction | int) -> float:
        """A rational number.

        Raises
        ------
        UnsuitablePrime: the prime divides the denominator.
        """
        fraction = Fraction(value)
        if fraction.denominator % self.prime == 0:
            raise UnsuitablePrime
        residue = fraction.numerator * pow(fraction.denominator, -1, self.prime) % self.prime
        return float(residue - self.prime if residue > self.prime // 2 else residue)

    def residues(self, values: Sequence[Fraction]) -> FloatArray:
        """Several rational numbers."""
        return np.array([self.residue(value) for value in values])

    def multiply(self, *factors: FloatArray) -> FloatArray:
        """Entrywise product."""
        result = factors[0]
        for factor in factors[1:]:
            result = self.reduce(result * factor)
        return result

    def matmul(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Product of stacks of matrices."""
        inner = left.shape[-1]
        if inner <= INNER:
            return self.reduce(np.matmul(left, right))
        total = self.matmul(left[..., :INNER], right[..., :INNER, :])
        return self.reduce(total + self.matmul(left[..., INNER:], right[..., INNER:, :]))

    def power(self, base: FloatArray, exponent: int) -> FloatArray:
        """Entrywise power with an exponent >= 0."""
        result = np.ones_like(base)
        while exponent:
            if exponent & 1:
                result = self.reduce(result * base)
            exponent >>= 1
            if exponent:
                base = self.reduce(base * base)
        return result

    def inverse(self, x: FloatArray) -> FloatArray:
        """Entrywise inverse; 0 where there is none."""
        return self.power(x, self.prime - 2)

    def draw(self, kind: str, argument: FloatArray) -> FloatArray:
        """Pseudo-random residues that depend on (kind, argument) alone, by the finaliser of SplitMix64."""
        seed = int.from_bytes(kind.encode()[:8].ljust(8, b"\0"), "little") ^ 0x9E3779B97F4A7C15
        mixed = self.canonical(argument).astype(np.uint64) ^ np.uint64(seed)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        mixed ^= mixed >> np.uint64(31)
        # Never 0, 1 or -1, so that no denominator made of the drawn value vanishes by itself.
        return self.reduce((mixed % np.uint64(self.prime - 3)).astype(float) + 2.0)

    def is_upper(self, x: FloatArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Where the residue is above p/2: one of x and -x, for functions that are odd or even."""
        return np.asarray(self.canonical(x) > self._p / 2)
