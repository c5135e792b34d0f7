"""Structure constants of an algebra of matrices, in a basis where they are small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from manifolds.errors import InputError
from symmetries.structure.integer_matrices import Integers, coordinates, integers, kills, product, rank, saturated_basis
from symmetries.structure.representation import Block, Representation, flat
from symmetries.structure.structure_constants import StructureConstants


@final
@dataclass(frozen=True, eq=False)
class AdaptedBasis:
    """An algebra of matrices in a basis with small structure constants.

    Parameters
    ----------
    constants: the structure constants.
    change: the basis as combinations of the given generators, over the denominator.
    denominator: of the change.
    representation: the matrices of the basis.
    """

    constants: StructureConstants
    change: Integers
    denominator: int
    representation: Representation


def adapt(representation: Representation, count: int, *, closed: bool = False) -> AdaptedBasis | None:
    """Structure constants of an algebra of matrices; None when the span is not closed under commutators.

    The basis is a reduced one of all integer matrices in the span; their commutators are integer matrices in it, so
    the structure constants are integers. Raises when the matrices are linearly dependent. ``closed`` says that the
    span is known to be closed, which saves the check on blocks that are not needed to find the constants.
    """
    chosen = _faithful(representation, count)
    rows = np.concatenate([flat(block) for block in chosen], axis=1) if chosen else np.zeros((count, 0), dtype=np.int64)
    basis = saturated_basis(rows)
    if len(basis) < count:
        raise dependent(rows)
    found = coordinates(rows, basis)
    assert found is not None
    # the matrices are rows / denominator, the basis consists of integer matrices
    change = integers(found[0].astype(object) * representation.denominator)
    inside = coordinates(basis, _commutators(basis, [block.size for block in chosen]))
    if inside is None:
        return None
    assert abs(inside[1]) == 1
    table = integers(inside[0] * inside[1]).reshape(count, count, count)
    adapted = representation.change(change, found[1])
    others = [block for block in adapted.blocks if block.names not in {one.names for one in chosen}]
    if not closed and not all(_agrees(block, table, adapted.denominator) for block in others):
        return None
    return AdaptedBasis(StructureConstants(table), change, found[1], adapted)


def dependent(rows: Integers) -> InputError:
    """The error for linearly dependent generators, which names a relation."""
    relation = kills(rows)[0]
    shown = " + ".join(f"{value}*X{k + 1}" for k, value in enumerate(relation.tolist()) if value).replace("+ -", "- ")
    return InputError(
        "the generators",
        why=f"they are linearly dependent: {shown} = 0",
        cure="leave generators out until the others are independent",
    )


def _faithful(representation: Representation, count: int) -> list[Block]:
    """Small blocks on which together no combination of the generators vanishes, if there are such."""
    chosen: list[Block] = []
    reached = 0
    for block in sorted(representation.blocks, key=lambda block: block.size):
        if reached == count:
            break
        together = rank(np.concatenate([flat(one) for one in [*chosen, block]], axis=1))
        if together > reached:
            chosen.append(block)
            reached = together
    return chosen


def _commutators(basis: Integers, sizes: Sequence[int]) -> Integers:
    """Commutators of all pairs of matrices that stand as rows, one block after the other."""
    count, place, parts = len(basis), 0, []
    for size in sizes:
        block = basis[:, place : place + size**2].reshape(count, size, size)
        place += size**2
        parts.append(_commutator_rows(block))
    return np.concatenate(parts, axis=1) if parts else np.zeros((count**2, 0), dtype=np.int64)


def _commutator_rows(matrices: Integers) -> Integers:
    count, size = len(matrices), matrices.shape[1]
    products = product(matrices.reshape(count * size, size), matrices.transpose(1, 0, 2).reshape(size, count * size))
    table = products.reshape(count, size, count, size).transpose(0, 2, 1, 3)
    return (table - table.transpose(1, 0, 2, 3)).reshape(count**2, size**2)


def _agrees(block: Block, table: Integers, denominator: int) -> bool:
    """Whether the matrices of a block have the structure constants."""
    count, size = len(table), block.size
    rows = flat(block)
    for i in range(count):  # one generator against all, so that memory stays small
        left = product(block.matrices.reshape(count * size, size), block.matrices[i]).reshape(count, size, size)
        right = product(block.matrices[i], block.matrices.transpose(1, 0, 2).reshape(size, count * size))
        right = right.reshape(size, count, size).transpose(1, 0, 2)
        expected = product(table[i], rows).reshape(count, size, size)
        if np.any((right - left).astype(object) - expected.astype(object) * denominator):
            return False
    return True
