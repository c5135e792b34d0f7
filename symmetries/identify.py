"""Identification of Lie algebras given in any form: derived ones, fields, matrices, structure constants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from manifolds.errors import InputError
from symmetries.algebra import SymmetryAlgebra
from symmetries.fields import VectorField
from symmetries.span import Span
from symmetries.structure.adapted_basis import adapt
from symmetries.structure.algebra_identity import AlgebraIdentity
from symmetries.structure.identify_fields import identify_fields
from symmetries.structure.naming import MAX_DIMENSION, identify_adapted, identify_constants, too_large, zero
from symmetries.structure.representation import matrices_representation
from symmetries.structure.structure_constants import StructureConstants, exact


def identify(
    algebra: SymmetryAlgebra | StructureConstants | Sequence[Any] | np.ndarray[Any, Any], *, seed: int = 0
) -> AlgebraIdentity:
    r"""The structure and the name of a real Lie algebra, decided exactly.

    Parameters
    ----------
    algebra: a derived algebra; or a basis of vector fields; or a basis of square matrices; or structure constants
        :math:`c_{ijk}` with :math:`[e_i, e_j] = \sum_k c_{ijk} e_k`, also as
        :class:`symmetries.structure.structure_constants.StructureConstants`. A plain cube of numbers is read as
        structure constants when it is antisymmetric in its first two indices. Numbers are integers, fractions or
        their text.
    seed: of random choices, on which the answer does not depend.

    Raises
    ------
    InputError: the span is not closed under brackets, the basis is dependent, an entry is a floating-point number, or
        structure constants are not those of a Lie algebra.

    Examples
    --------
    >>> identify([[[0, 1], [-4, 0]]]).name
    'so(2)'
    >>> found = identify([[[1, 0], [0, -1]], [[0, 1], [0, 0]], [[0, 0], [1, 0]]])
    >>> found.name, found.killing_signature, found.synonyms
    ('sl(2,R)', (2, 1, 0), ('sp(2,R)', 'su(1,1)', 'so(2,1)'))

    Source: W. A. de Graaf, "Lie Algebras: Theory and Algorithms" (2000), chapters 1, 4 and 5.
    """
    if isinstance(algebra, SymmetryAlgebra):
        return algebra.identity
    if isinstance(algebra, StructureConstants):
        return identify_constants(algebra, seed=seed)
    items = listed(algebra)
    if not items:
        return zero()
    if any(isinstance(item, VectorField) for item in items):
        return identify_fields(require_fields(items), seed=seed)
    tables = [item.tolist() if hasattr(item, "tolist") else item for item in items]
    if len(tables) > MAX_DIMENSION:
        return too_large(len(tables))
    if looks_like_constants(tables):
        return identify_constants(StructureConstants.read(tables), seed=seed)
    representation = matrices_representation(tables)
    adapted = adapt(representation, len(items))
    if adapted is None:
        raise not_closed(tables)
    return identify_adapted(adapted, seed=seed)


def listed(algebra: object) -> list[Any]:
    """The members of a basis; refused when what is given has none."""
    if isinstance(algebra, Iterable) and not isinstance(algebra, str | bytes | Mapping | VectorField):
        return list(algebra)
    raise InputError(
        f"the algebra, {type(algebra).__name__}",
        why="it is no sequence of basis vectors",
        cure="give a list of vector fields or of square matrices, structure constants, or what derive() returned",
    )


def require_fields(items: Sequence[Any]) -> list[VectorField]:
    """Fields, refused when other things are among them."""
    for number, item in enumerate(items):
        if not isinstance(item, VectorField):
            raise InputError(
                f"item {number} of the algebra, {type(item).__name__}",
                why="the others are vector fields",
                cure="give vector fields alone",
            )
    return list(items)


def looks_like_constants(tables: Sequence[Any]) -> bool:
    """Whether nested lists form a cube that is antisymmetric in its first two indices.

    >>> looks_like_constants([[[0, 0], [0, 1]], [[0, -1], [0, 0]]]), looks_like_constants([[[0, 1], [1, 0]]])
    (True, False)
    """
    size = len(tables)
    shaped = all(
        isinstance(plane, list | tuple)
        and len(plane) == size
        and all(isinstance(row, list | tuple) and len(row) == size for row in plane)
        for plane in tables
    )
    if not shaped:
        return False
    try:
        cube = [[[exact(value, "the algebra") for value in row] for row in plane] for plane in tables]
    except InputError:  # the matrix that holds the entry is named when it is read as such
        return False
    indices = range(size)
    return all(cube[i][j][k] == -cube[j][i][k] for i in indices for j in indices for k in indices)


def not_closed(tables: Sequence[Any]) -> InputError:
    """The error that names two matrices whose commutator leaves the span."""
    span = Span([as_vector(table) for table in tables])
    pairs = ((i, j) for i in range(len(tables)) for j in range(i))
    i, j = next((i, j) for i, j in pairs if not span.contains(commutator(tables[j], tables[i])))
    return InputError(
        "the matrices",
        why=f"the commutator of matrices {j} and {i} is no combination of them, so they span no Lie algebra",
        cure="add the commutators that are missing, or leave matrices out",
    )


def as_vector(table: Any) -> dict[tuple[int, int], Fraction]:
    """Entries of a matrix by place."""
    return {(i, j): exact(value, "a matrix") for i, row in enumerate(table) for j, value in enumerate(row)}


def commutator(left: Any, right: Any) -> dict[tuple[int, int], Fraction]:
    """Entries of the commutator of two matrices."""
    a, b = as_vector(left), as_vector(right)
    size = range(len(left))
    return {(i, j): sum((a[i, k] * b[k, j] - b[i, k] * a[k, j] for k in size), Fraction(0)) for i in size for j in size}
