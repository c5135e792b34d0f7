"""Matrices that commute with given ones."""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import connected_components

LARGEST = 8
"""Blocks of more units than this are given multiples of the unit matrix only."""


def commutant(matrices: np.ndarray) -> tuple[np.ndarray, str]:
    r"""A basis of matrices that commute with all of the given ones, shape (d, m, m), and the name of their group.

    The units are first divided into blocks that no matrix mixes; between two blocks it solves
    :math:`R_tX = XR_t` for all t.  It is the whole commutant unless a block has more than eight units.

    Parameters
    ----------
    matrices: shape (t, m, m).

    >>> turn = np.array([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]])
    >>> basis, name = commutant(turn)
    >>> len(basis), name
    (3, 'GL(1,C) x GL(1)')
    """
    size = matrices.shape[-1]
    pattern = (matrices != 0).any(axis=0)
    number, label = connected_components(pattern, directed=False)
    blocks = [np.flatnonzero(label == place) for place in range(number)]
    if max(len(block) for block in blocks) > LARGEST:
        return np.eye(size)[None], "GL(1)"
    basis: list[np.ndarray] = []
    linked: dict[tuple[int, int], int] = {}
    for rows in sorted({len(block) for block in blocks}):
        for columns in sorted({len(block) for block in blocks}):
            left = [place for place, block in enumerate(blocks) if len(block) == rows]
            right = [place for place, block in enumerate(blocks) if len(block) == columns]
            for one, other, maps in _intertwiners(matrices, blocks, left, right):
                linked[one, other] = len(maps)
                for entries in maps:
                    matrix = np.zeros((size, size))
                    matrix[np.ix_(blocks[one], blocks[other])] = entries
                    basis.append(matrix)
    return np.stack(basis), _name(blocks, linked)


def _intertwiners(
    matrices: np.ndarray, blocks: list[np.ndarray], left: list[int], right: list[int]
) -> list[tuple[int, int, np.ndarray]]:
    """For all pairs of blocks the maps X from the right one to the left one with RX = XR, where there are any."""
    one = np.stack([matrices[:, blocks[place]][:, :, blocks[place]] for place in left])
    other = np.stack([matrices[:, blocks[place]][:, :, blocks[place]] for place in right])
    rows, columns = one.shape[-1], other.shape[-1]
    found = []
    for number, place in enumerate(left):
        first = np.einsum("tab,cd->tacbd", one[number], np.eye(columns))
        second = np.einsum("ab,ptcd->ptadbc", np.eye(rows), other)
        system = (first[None] - second).reshape(len(right), -1, rows * columns)
        _, values, vectors = np.linalg.svd(system, full_matrices=system.shape[1] < rows * columns)
        full = np.zeros((len(right), rows * columns))
        full[:, : values.shape[1]] = values
        for pair, target in enumerate(right):
            null = vectors[pair][full[pair] < 1e-9]
            if len(null):
                found.append((place, target, _echelon(null).reshape(-1, rows, columns)))
    return found


def _echelon(rows: np.ndarray) -> np.ndarray:
    """The reduced echelon form: the same span, with ones and zeros where there can be."""
    rows = rows.copy()
    for place in range(len(rows)):
        large = np.abs(rows[place:]) > 0.3 * np.abs(rows[place:]).max()
        row, column = divmod(int(np.argmax(large)), rows.shape[1])
        rows[[place, place + row]] = rows[[place + row, place]]
        rows[place] /= rows[place, column]
        for other in range(len(rows)):
            if other != place:
                rows[other] -= rows[other, column] * rows[place]
    return np.where(np.abs(rows) < 1e-12, 0.0, rows)


def _name(blocks: list[np.ndarray], linked: dict[tuple[int, int], int]) -> str:
    """How the group of invertible elements is printed."""
    pattern = np.zeros((len(blocks), len(blocks)), dtype=bool)
    for one, other in linked:
        pattern[one, other] = True
    number, label = connected_components(pattern, directed=False)
    names: list[str] = []
    for place in range(number):
        members = [int(one) for one in np.flatnonzero(label == place)]
        each = {linked.get((one, other), 0) for one in members for other in members}
        if each == {2} and len(blocks[members[0]]) == 2:
            names.append(f"GL({len(members)},C)")
        elif each == {1}:
            names.append(f"GL({len(members)})")
        else:
            names.append("algebra")
    parts = [name if names.count(name) == 1 else f"{name}^{names.count(name)}" for name in dict.fromkeys(names)]
    return " x ".join(parts)
