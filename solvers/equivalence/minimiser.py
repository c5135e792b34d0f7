r"""The minimiser of a convex quadratic, :math:`Aw + b = 0`, to far more digits than the condition number takes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from solvers.equivalence.exact_arrays import IntArray
from solvers.equivalence.inertia import has_rank_at_most, to_flint
from solvers.equivalence.quadratic import Quadratic
from symmetries.actions.parameter_space import FloatArray

EXACT_ORDER = 60
"""Largest order of a system that is solved in rational numbers at once."""

LARGEST_ORDER = 150
"""Largest order of a system that is solved in rational numbers where refinement fails."""

PRECISION = 100
"""Bits of a refined solution, relative to its largest entry."""

MAX_REFINEMENTS = 60

MAX_DIGITS = 2_000
"""Most binary places of a refined solution."""


def has_minimiser(quadratic: Quadratic, rank: int) -> bool | None:
    """Whether b lies in the range of A, for a matrix of a known rank; None where that is not proved.

    >>> has_minimiser(Quadratic.from_matrix([[1.0, 0.0], [0.0, 0.0]]), 1)
    True
    """
    if rank == quadratic.size or not quadratic.form[:-1, -1].any():
        return True
    from flint import nmod_mat

    bordered = to_flint(quadratic.form[:-1])
    if nmod_mat(bordered, (1 << 61) - 1).rank() > rank:
        return False
    return True if has_rank_at_most(bordered, rank) else None


def minimiser(quadratic: Quadratic, pivots: Sequence[int]) -> list[Fraction] | None:
    """A point with gradient zero whose entries outside the pivots are zero; None where it is out of reach.

    Parameters
    ----------
    quadratic: the function.
    pivots: rows of an invertible block of the Hessian that has its rank.

    >>> minimiser(Quadratic.from_polynomial({(2, 0): Fraction(1), (1, 0): Fraction(-3)}, 2), [0])
    [Fraction(3, 2), Fraction(0, 1)]
    """
    result = [Fraction(0)] * quadratic.size
    right = -quadratic.form[list(pivots), -1]
    if right.any():
        block = quadratic.form[np.ix_(list(pivots), list(pivots))]
        found = None if len(pivots) <= EXACT_ORDER else _refined(block, right)
        if found is None and len(pivots) <= LARGEST_ORDER:
            found = _solved(block, right)
        if found is None:
            return None
        for pivot, value in zip(pivots, found, strict=True):
            result[pivot] = value
    return result


def _solved(block: IntArray, right: IntArray) -> list[Fraction]:
    """The exact solution."""
    solution = to_flint(block).solve(to_flint(right.reshape(-1, 1)))
    return [Fraction(int(value.p), int(value.q)) for value in solution.entries()]


def _refined(block: IntArray, right: IntArray) -> list[Fraction] | None:
    """Iterative refinement: corrections in double precision, residuals exact.

    Source: J. H. Wilkinson, "Rounding Errors in Algebraic Processes" (1963), section 3.2.
    """
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    bits = _bits(block)
    floats = _floats(block, bits)
    scale = np.exp2(-np.rint(np.log2(np.diag(floats)) / 2))
    try:
        factor = cho_factor(scale[:, None] * floats * scale)
    except (LinAlgError, ValueError):
        return None

    def correction(residual: IntArray) -> IntArray:
        """The solution of a system in double precision, rounded to integers."""
        size = _bits(residual)
        solution = scale * cho_solve(factor, scale * _floats(residual, size))
        return np.array([_integer(value, size - bits) for value in solution.tolist()], dtype=object)

    digits, last = 0, None
    solution = correction(right)
    while _bits(solution) < PRECISION and digits < MAX_DIGITS:
        digits += PRECISION
        solution = correction(right * (1 << digits))
    for _ in range(MAX_REFINEMENTS):
        step = correction(right * (1 << digits) - block @ solution)
        solution = solution + step
        size = _bits(step)
        if size <= 1:
            return [Fraction(int(value), 1 << digits) for value in solution]
        if last is not None and size >= last:
            return None
        last = size
    return None


def _bits(values: IntArray) -> int:
    """Bits of the largest integer."""
    return max(int(value).bit_length() for value in values.ravel())


def _floats(values: IntArray, bits: int) -> FloatArray:
    """Integers over a power of two as doubles."""
    return np.array([int(value) / (1 << bits) for value in values.ravel()], dtype=float).reshape(values.shape)


def _integer(value: float, exponent: int) -> int:
    """The integer nearest to value * 2^exponent, up to one."""
    mantissa, own = np.frexp(value)
    shift = int(own) - 53 + exponent
    whole = int(mantissa * (1 << 53))
    return whole << shift if shift >= 0 else whole >> -shift
