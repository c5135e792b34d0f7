"""A Levi subalgebra: a semisimple complement of the radical, by linear equations along the radical's derived series."""

from __future__ import annotations

from math import gcd

import numpy as np

from symmetries.structure.algebra_series import Anatomy, complement_of
from symmetries.structure.integer_matrices import Integers, coordinates, integers, null_vectors
from symmetries.structure.structure_constants import StructureConstants


def levi_subalgebra(algebra: StructureConstants, *, seed: int = 0) -> Integers:
    r"""A basis of a semisimple subalgebra s with g = s + radical.

    A complement of the radical r closes modulo r. With :math:`r = r_0 \supset r_1 = [r, r] \supset \dots`, elements
    of :math:`r_t` are added to its basis so that it closes modulo :math:`r_{t+1}`, which is a linear condition; it can
    be satisfied by Levi's theorem.

    >>> plane = np.zeros((3, 3, 3), dtype=int)  # rotations and translations of the plane: all of it is solvable
    >>> plane[0, 1, 2], plane[1, 0, 2], plane[0, 2, 1], plane[2, 0, 1] = 1, -1, -1, 1
    >>> len(levi_subalgebra(StructureConstants.read(plane)))
    0

    Source: W. A. de Graaf, "Lie Algebras: Theory and Algorithms" (2000), section 4.13.
    """
    anatomy = Anatomy(algebra, seed)
    if anatomy.is_reductive:
        return anatomy.derived
    if anatomy.is_solvable:
        return anatomy.whole[:0]
    # with the basis times the pivot value of the projection, the quotient has these integer constants
    quotient, basis, _, value = algebra.quotient(anatomy.radical)
    rows, table = integers(basis.astype(object) * value), quotient.table
    level = anatomy.radical
    while len(level):
        below = anatomy.brackets(level, level)
        rows, table = _lift(algebra, rows, table, level, below)
        level = below
    return rows


def _lift(
    algebra: StructureConstants, rows: Integers, table: Integers, level: Integers, below: Integers
) -> tuple[Integers, Integers]:
    """The basis with elements of one level added so that it closes modulo the next, and its constants."""
    count, added = len(rows), complement_of(below, level)
    stack = np.concatenate([added, below])
    defect = algebra.brackets(rows, rows).astype(object) - np.tensordot(table.astype(object), rows.astype(object), 1)
    moved = algebra.brackets(rows, added)  # [x_i, b_l]
    pairs = [(i, j) for i in range(count) for j in range(i)]
    rest = _modulo(stack, np.array([defect[i, j] for i, j in pairs], dtype=object), len(added))
    action = _modulo(stack, moved.reshape(count * len(added), -1), len(added))
    scale = rest[1] * action[1]
    acting = action[0].reshape(count, len(added), len(added)).astype(object) * rest[1]
    size = len(added)
    equations = np.zeros((len(pairs), size, count * size + 1), dtype=object)
    for number, (i, j) in enumerate(pairs):
        for one in range(size):
            equations[number, :, j * size + one] += acting[i, one]
            equations[number, :, i * size + one] -= acting[j, one]
            for k in range(count):
                equations[number, one, k * size + one] -= int(table[i, j, k]) * scale
        equations[number, :, -1] = rest[0][number].astype(object) * action[1]
    solutions = null_vectors(integers(equations.reshape(-1, count * size + 1)))
    chosen = next(row for row in solutions if row[-1])
    factor = int(chosen[-1])
    shifts = chosen[:-1].reshape(count, size).astype(object) @ added.astype(object)
    new, constants = rows.astype(object) * factor + shifts, table.astype(object) * factor
    common = gcd(factor, *new.reshape(-1).tolist(), *constants.reshape(-1).tolist())
    return integers(new // common), integers(constants // common)


def _modulo(stack: Integers, vectors: Integers, count: int) -> tuple[Integers, int]:
    """Coordinates of vectors of a level modulo the next."""
    found = coordinates(stack, integers(vectors))
    assert found is not None
    return found[0][:, :count], found[1]
