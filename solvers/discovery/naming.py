"""Name of an algebra whose generators are numbers: exact where they are near fractions, else its invariants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from manifolds.errors import InputError
from solvers.discovery.axes import AxisFamily
from solvers.discovery.generator import Generator
from solvers.discovery.graded import GradedFamily
from solvers.discovery.reduction import rational
from symmetries.actions.parameter_space import FloatArray
from symmetries.ansatz import Diagonal
from symmetries.structure.algebra_identity import AlgebraIdentity, reductive_sum
from symmetries.structure.identify_fields import identify_fields
from symmetries.structure.naming import MAX_DIMENSION, identify_constants, unknown, zero
from symmetries.structure.structure_constants import StructureConstants

MAX_TERMS = 4_000
"""Terms of all generators together up to which they are identified as fields."""

EXACT = 1e-14
"""Relative distance of a fraction from the number that was set to it."""

NEAR = 1e-6
"""Relative distance up to which a structure constant counts as a fraction, or as zero."""


def identity_of(generators: Sequence[Generator]) -> AlgebraIdentity:
    """What the algebra spanned by generators is.

    Parameters
    ----------
    generators: a basis, cleaned of rounding.
    """
    if not generators:
        return zero()
    family = generators[0].family
    if _is_torus(generators):
        return _torus(len(generators))
    if not family.brackets_stay and not isinstance(family, GradedFamily):
        return unknown(len(generators), "the brackets of given fields are not known")
    if len(generators) > MAX_DIMENSION:
        return unknown(len(generators), f"algebras of dimension above {MAX_DIMENSION} are not identified")
    if all(_is_rational(one.coefficients) for one in generators):
        found = _by_fields(generators)
        if found is not None:
            return found
    constants = structure_constants(generators)
    if constants is None:
        return unknown(len(generators), "the brackets of the fields leave the ansatz")
    return _by_constants(constants)


def _is_torus(generators: Sequence[Generator]) -> bool:
    """Whether all generators are scalings with real factors."""
    family = generators[0].family
    if isinstance(family, GradedFamily):
        return isinstance(family.ansatz, Diagonal)
    return isinstance(family, AxisFamily) and not any(
        np.any(matrix - np.diag(np.diag(matrix)))
        for one in generators
        for matrix in one.parts.values()
        if matrix.ndim == 2
    )


def _torus(dimension: int) -> AlgebraIdentity:
    """The identity of an abelian algebra."""
    return reductive_sum(f"R^{dimension}", [], positive=0, negative=0, centre=dimension)


def _is_rational(coefficients: FloatArray) -> bool:
    """Whether all coefficients are fractions with small denominators."""
    return all(rational(float(value), EXACT) is not None for value in coefficients[coefficients != 0])


def _by_fields(generators: Sequence[Generator]) -> AlgebraIdentity | None:
    """The identity of exact fields; None where they are too long or no exact algebra."""
    if sum(int(np.count_nonzero(one.coefficients)) for one in generators) > MAX_TERMS:
        return None
    fields = [one.field for one in generators]
    if any(one is None for one in fields):
        return None
    try:
        return identify_fields([one for one in fields if one is not None])
    except InputError:  # the fractions do not close: the numbers are near them by chance
        return None


def structure_constants(generators: Sequence[Generator]) -> FloatArray | None:
    r"""Numbers :math:`c_{ijk}` with :math:`[X_i, X_j] = \sum_k c_{ijk} X_k`; None where brackets leave the span."""
    family = generators[0].family
    basis = np.array([one.coefficients for one in generators])
    span = np.concatenate([basis, family.trivial()])
    pinv = np.linalg.pinv(span)
    size = len(basis)
    table = np.zeros((size, size, size))
    for i in range(size):
        for j in range(i):
            product = family.bracket(basis[i], basis[j])
            if product is None:
                return None
            combination = product @ pinv
            if np.linalg.norm(combination @ span - product) > NEAR * (1 + np.linalg.norm(product)):
                return None
            table[i, j], table[j, i] = combination[:size], -combination[:size]
    return table


def _by_constants(table: FloatArray) -> AlgebraIdentity:
    """The identity from structure constants: exact where they are fractions, else the numeric invariants."""
    size, largest = len(table), float(np.max(np.abs(table), initial=0.0))
    kept = np.where(np.abs(table) <= NEAR * max(largest, 1.0), 0.0, table)
    if not kept.any():
        return _torus(size)
    exact = {place: rational(float(kept[place]), NEAR) for place in zip(*map(list, np.nonzero(kept)), strict=True)}
    if any(value is None for value in exact.values()):
        return _invariants(kept)
    places = range(size)
    cube = [[[str(exact.get((i, j, k), 0)) for k in places] for j in places] for i in places]
    try:
        return identify_constants(StructureConstants.read(cube))
    except InputError:  # Jacobi's identity fails for the fractions: the numbers are near them by chance
        return _invariants(kept)


def _invariants(table: FloatArray) -> AlgebraIdentity:
    """Dimension, Killing form and derived series in numbers."""
    size = len(table)
    killing = np.einsum("iab,jba->ij", table, table)
    values = np.linalg.eigvalsh((killing + killing.T) / 2)
    bound = NEAR * max(1.0, float(np.max(np.abs(values), initial=0.0)))
    signature = (int(np.sum(values > bound)), int(np.sum(values < -bound)))
    series, basis = [size], np.eye(size)
    while len(basis):
        products = np.einsum("ai,bj,ijk->abk", basis, basis, table).reshape(-1, size)
        _, lengths, vectors = np.linalg.svd(products, full_matrices=False)
        basis = vectors[lengths > NEAR * max(1.0, float(lengths[0]))]
        if len(basis) == series[-1]:
            break
        series.append(len(basis))
    return AlgebraIdentity(
        dimension=size,
        name=None,
        reason="the generators are near no fractions, so that they are not identified exactly",
        description=f"dimension {size}, dimensions of the derived series {', '.join(map(str, series))}",
        abelian=not table.any(),
        solvable=series[-1] == 0,
        semisimple=signature[0] + signature[1] == size,
        killing_signature=(*signature, size - sum(signature)),
        derived_series=tuple(series),
    )
