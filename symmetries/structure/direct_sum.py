"""An algebra as a direct sum of ideals: its abelian, its semisimple and its other summands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from flint import fmpz_poly

from symmetries.structure.algebra_series import Anatomy, complement_of
from symmetries.structure.integer_matrices import (
    Integers,
    characteristic_polynomial,
    echelon,
    from_flint,
    kills,
    null_vectors,
    product,
    random_rows,
    saturated_basis,
    to_flint,
)
from symmetries.structure.structure_constants import StructureConstants

LARGEST = 16
"""Dimension up to which a summand with a radical that is not central is split further."""

DRAWS = 3


@final
@dataclass(frozen=True, eq=False)
class DirectSum:
    """Ideals of which an algebra is the direct sum, each as rows.

    Parameters
    ----------
    abelian: a central ideal.
    inner_centre: central elements that lie in [g, g], to which the abelian ideal is a complement.
    semisimple: the largest semisimple one.
    others: ideals that are indecomposable over the rationals as far as they were split.
    """

    abelian: Integers
    inner_centre: Integers
    semisimple: Integers
    others: tuple[Integers, ...]


def direct_sum(anatomy: Anatomy) -> DirectSum:
    """The summands of an algebra.

    Central elements outside [g, g] split off; so does the derived algebra of the centraliser of the radical, which is
    the semisimple ideal that acts trivially on it.
    """
    empty = np.zeros((0, anatomy.dimension), dtype=np.int64)
    if anatomy.is_reductive:
        return DirectSum(anatomy.centre, empty, anatomy.derived, ())
    overlap = intersection(anatomy.centre, anatomy.derived)
    abelian = complement_of(overlap, anatomy.centre)
    outside = anatomy.centraliser(anatomy.radical)
    semisimple = anatomy.brackets(outside, outside) if len(outside) else empty
    rest = anatomy.centraliser(semisimple) if len(semisimple) else anatomy.whole
    if len(abelian):
        functionals = null_vectors(anatomy.derived) if len(anatomy.derived) else anatomy.whole
        seen = product(functionals, abelian.T)
        chosen = functionals[echelon(seen.T)[2]]  # as many as there are abelian directions, independent on them
        rest = saturated_basis(product(kills(product(rest, chosen.T)), rest))
    return DirectSum(abelian, overlap, semisimple, tuple(indecomposable(anatomy.algebra, rest, anatomy.seed)))


def intersection(left: Integers, right: Integers) -> Integers:
    """What lies in both row spaces."""
    if not len(left) or not len(right):
        return np.zeros((0, left.shape[1]), dtype=np.int64)
    relations = kills(np.concatenate([left, right]))
    return saturated_basis(product(relations[:, : len(left)], left))


def indecomposable(algebra: StructureConstants, ideal: Integers, seed: int) -> list[Integers]:
    r"""An ideal as a sum of smaller ones.

    A linear map that commutes with all ad x has generalised eigenspaces that are ideals, and their sum is direct. Of a
    few random ones that with the most is taken; the ideals that it gives are checked.
    """
    if not 0 < len(ideal) <= LARGEST:
        return [ideal] if len(ideal) else []
    inner = algebra.subalgebra(ideal)
    size = inner.dimension
    rng = np.random.default_rng(seed)
    maps = [inner.ad(row) for row in np.eye(size, dtype=np.int64)]
    unit = np.eye(size, dtype=np.int64)
    equations = np.concatenate([np.kron(unit, ad) - np.kron(ad.T, unit) for ad in maps], axis=1)
    commuting = kills(equations)
    maps = list(product(random_rows(DRAWS, len(commuting), rng, bound=1000), commuting).reshape(DRAWS, size, size))
    split = [characteristic_polynomial(each).factor()[1] for each in maps]
    chosen, factors = max(zip(maps, split, strict=True), key=lambda pair: len(pair[1]))
    if len(factors) < 2:
        return [ideal]
    parts = [kills(_power(factor, int(times), chosen)) for factor, times in factors]
    right = sum(len(part) for part in parts) == size and not any(
        np.any(inner.brackets(one, other)) for k, one in enumerate(parts) for other in parts[:k]
    )
    return [saturated_basis(product(part, ideal)) for part in parts] if right else [ideal]


def _power(factor: fmpz_poly, times: int, matrix: Integers) -> Integers:
    """A power of a polynomial, of a matrix."""
    flint = to_flint(matrix)
    unit = to_flint(np.eye(len(matrix), dtype=np.int64))
    value = unit * 0
    for coefficient in reversed((factor**times).coeffs()):
        value = value * flint + unit * int(coefficient)
    return from_flint(value)
