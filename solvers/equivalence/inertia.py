r"""The inertia of a symmetric rational matrix: how many eigenvalues are positive, negative and zero, exactly.

A congruence :math:`M = V^\top A V` with an invertible V keeps the inertia.  V is taken from the eigenvectors in double
precision, the product is exact, and where M is diagonally dominant the signs of its diagonal are the signs of the
eigenvalues.  Repeated, this works for any condition number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np

from solvers.equivalence.exact_arrays import IntArray
from symmetries.actions.parameter_space import FloatArray

Integers: TypeAlias = Any
"""A matrix of integers of flint."""

MODULUS_BITS = 62
BITS = 60
"""Bits of the rounded congruence."""

ROUNDS = 6

TINY = 1e-250
"""Diagonal entries down to which underflow elsewhere in the row does not matter."""

MAX_OPERATIONS = 6e9
"""Most operations of the ranks modulo primes that prove a rank."""


@final
@dataclass(frozen=True, kw_only=True)
class Inertia:
    """The signs of the eigenvalues of a symmetric matrix.

    Parameters
    ----------
    positive, negative: numbers of positive and of negative eigenvalues of an invertible principal block of full rank.
    zero: the number of zero eigenvalues.
    rank_is_proved: whether the rank is proved, and not only an upper bound modulo a few primes.
    is_decided: whether the signs are proved.
    pivots: the rows of the invertible block.

    >>> inertia_of(np.array([[2, 2, 0], [2, 2, 0], [0, 0, 3]], dtype=object)).positive
    2
    """

    positive: int
    negative: int
    zero: int
    rank_is_proved: bool
    is_decided: bool
    pivots: tuple[int, ...]

    @property
    def is_semidefinite(self) -> bool:
        """Whether it is proved that no eigenvalue is negative."""
        return self.is_decided and self.rank_is_proved and not self.negative

    @property
    def is_definite(self) -> bool:
        """Whether it is proved that all eigenvalues are positive."""
        return self.is_semidefinite and not self.zero

    @property
    def is_indefinite(self) -> bool:
        """Whether it is proved that eigenvalues of both signs exist."""
        return self.is_decided and self.positive > 0 and self.negative > 0


def inertia_of(matrix: IntArray) -> Inertia:
    """The inertia of a symmetric matrix of integers.

    Parameters
    ----------
    matrix: Python integers, shape (n, n).
    """
    size = len(matrix)
    whole = to_flint(matrix)
    pivots = _pivots(whole, _prime_above(1 << MODULUS_BITS))
    rank = len(pivots)
    proved = rank == size or has_rank_at_most(whole, rank)
    block = matrix[np.ix_(pivots, pivots)]
    signs = _signs(to_flint(block)) if rank else np.zeros(0)
    return Inertia(
        positive=int((signs > 0).sum()) if signs is not None else 0,
        negative=int((signs < 0).sum()) if signs is not None else 0,
        zero=size - rank,
        rank_is_proved=proved,
        is_decided=signs is not None,
        pivots=tuple(pivots),
    )


def to_flint(matrix: IntArray) -> Integers:
    """A matrix of Python integers as one of flint."""
    from flint import fmpz_mat

    rows, columns = matrix.shape
    return fmpz_mat(rows, columns, matrix.ravel().tolist())


def has_rank_at_most(whole: Integers, rank: int) -> bool:
    """Whether it is proved that the rank is at most a number.

    All minors of one more row are zero when they are zero modulo primes whose product exceeds Hadamard's bound.
    """
    from flint import nmod_mat

    rows, columns = whole.nrows(), whole.ncols()
    if rank >= min(rows, columns):
        return True
    lengths = sorted((_bit_length(row) for row in whole.table()), reverse=True)
    bits = sum(lengths[: rank + 1]) + (rank + 1) * columns.bit_length()
    count = bits // MODULUS_BITS + 2
    if count * float(rows) * columns * max(rank, 1) > MAX_OPERATIONS:
        return False
    prime = 1 << MODULUS_BITS
    for _ in range(count):
        prime = _prime_above(prime)
        if nmod_mat(whole, prime).rank() > rank:
            return False
    return True


def _bit_length(row: Any) -> int:
    """Bits of the largest entry of a row."""
    return max((int(value).bit_length() for value in row), default=0)


def _prime_above(number: int) -> int:
    """The next prime."""
    from flint import fmpz

    candidate = number + 1 + number % 2
    while not fmpz(candidate).is_prime():
        candidate += 2
    return candidate


def _pivots(whole: Integers, prime: int) -> list[int]:
    """Columns that are independent modulo a prime, and span the others there."""
    from flint import nmod_mat

    reduced, rank = nmod_mat(whole, prime).rref()
    columns, pivots, row = reduced.ncols(), [], 0
    for column in range(columns):
        if row < rank and int(reduced[row, column]) != 0:
            pivots.append(column)
            row += 1
    return pivots


def _signs(block: Integers) -> np.ndarray[Any, Any] | None:
    """The signs of the eigenvalues of an invertible matrix, None where they are not found."""
    for _ in range(ROUNDS):
        scaled = _scaled_floats(block)
        if scaled is None:
            return None
        exponents, floats = scaled
        diagonal = np.diag(floats)
        rest = np.abs(floats).sum(axis=1) - np.abs(diagonal)
        if (rest < 0.5 * np.abs(diagonal)).all() and np.abs(diagonal).min() > TINY:
            return np.sign(diagonal)
        if _has_cholesky_factor(floats):
            return np.ones(len(floats))
        with np.errstate(all="ignore"):
            vectors = np.linalg.eigh(floats)[1]
        block = _congruent(block, vectors, exponents)
    return None


def _has_cholesky_factor(floats: FloatArray) -> bool:
    """Whether a Cholesky factorisation in double precision proves a matrix, rounded entry by entry, positive definite.

    Source: S. M. Rump, "Verification of positive definiteness", BIT 46 (2006), 433-452.
    """
    size, unit = len(floats), float(np.finfo(float).eps)
    shift = 4 * (size + 4) * unit * (float(np.abs(np.diag(floats)).sum()) + float(np.abs(floats).max()))
    try:
        factor = np.linalg.cholesky(floats - shift * np.eye(size))
    except np.linalg.LinAlgError:
        return False
    return bool(np.isfinite(factor).all() and TINY < shift < 1)


def _scaled_floats(block: Integers) -> tuple[list[int], FloatArray] | None:
    """Exponents e and the doubles nearest to 2^-(e_i + e_j) A_ij, with diagonal entries near one where not zero."""
    size = block.nrows()
    entries = [int(value) for value in block.entries()]
    rows = [entries[k * size : (k + 1) * size] for k in range(size)]
    largest = [_bit_length(row) for row in rows]
    top = max(largest)
    exponents = [
        (abs(row[k]).bit_length() if row[k] and 2 * abs(row[k]).bit_length() > bits else bits) // 2
        for k, (row, bits) in enumerate(zip(rows, largest, strict=True))
    ]
    if top == 0:
        return None
    floats = np.array(
        [_shifted(value, exponents[i] + exponents[j]) for i, row in enumerate(rows) for j, value in enumerate(row)]
    ).reshape(size, size)
    return (exponents, floats) if np.isfinite(floats).all() else None


def _shifted(value: int, exponent: int) -> float:
    """value / 2^exponent as a double."""
    if not value:
        return 0.0
    spare = abs(value).bit_length() - 64
    head, shift = (value >> spare, spare - exponent) if spare > 0 else (value, -exponent)
    return float(np.ldexp(float(head), max(min(shift, 2000), -2000)))


def _congruent(block: Integers, vectors: FloatArray, exponents: list[int]) -> Integers:
    """V^T A V for the rounded matrix V of the vectors with the scale of the exponents, over a common power of two."""
    from flint import fmpz_mat

    size, top = len(vectors), max(exponents)
    rounded = np.rint(np.ldexp(vectors, BITS)).astype(object)
    values = [int(value) << (top - exponents[i]) for i, row in enumerate(rounded) for value in row]
    v = fmpz_mat(size, size, values)
    return v.transpose() * block * v
