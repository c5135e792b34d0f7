"""Prime fields for sampling: primes below 2**31 in which the needed roots exist."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd

from flint import fmpz

LARGEST = 2**31 - 1


def suitable_primes(
    *, quadratic_residues: frozenset[int] = frozenset(), odd_degrees: frozenset[int] = frozenset()
) -> Iterator[int]:
    """Primes p = 3 mod 4 below 2**31, descending, in which the given integers are squares and odd roots are unique.

    For p = 3 mod 4 the map u -> u**((p+1)/4) is a square root on squares, multiplicative in u.

    >>> next(suitable_primes())
    2147483647
    """
    candidate = LARGEST
    while candidate > 2**30:
        if (
            candidate % 4 == 3
            and fmpz(candidate).is_prime()
            and all(pow(value, (candidate - 1) // 2, candidate) in (0, 1) for value in quadratic_residues)
            and all(gcd(degree, candidate - 1) == 1 for degree in odd_degrees)
        ):
            yield candidate
        candidate -= 4
