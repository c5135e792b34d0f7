"""How large a derivation is, before anything is sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from symmetries.ansatz import Ansatz, Basis, Blocks, Linear, check_size, read_ansatz
from symmetries.arguments import require_loss
from symmetries.blocks import BYTES_PER_ENTRY, partition
from symmetries.loss import Loss
from symmetries.system import DeterminingSystem


@final
@dataclass(frozen=True, kw_only=True)
class SizeEstimate:
    """Size of the determining equations of a loss inside an ansatz.

    Parameters
    ----------
    coordinates: number of parameter entries (and of moving data).
    unknowns: number of unknown coefficients.
    blocks: number of independent systems that the grading splits them into.
    largest_block: unknowns of the largest one.
    bytes: memory that its elimination needs, in bytes.
    """

    coordinates: int
    unknowns: int
    blocks: int
    largest_block: int
    bytes: int


def estimate_size(loss: Loss, *, ansatz: Ansatz | None = None) -> SizeEstimate:
    """Estimate the size of a derivation, from the loss's formula alone.

    Parameters
    ----------
    loss: the loss.
    ansatz: as in :func:`symmetries.derive`.

    Raises
    ------
    InputError: the ansatz has more unknowns than fit in memory.

    Examples
    --------
    >>> from symmetries import Loss
    >>> loss = Loss.parse("sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 4)}, data={"Y": (3, 4)})
    >>> size = estimate_size(loss)
    >>> size.unknowns, size.largest_block
    (196, 14)
    """
    loss = require_loss(loss, where="estimate_size")
    chosen = ansatz if ansatz is not None else read_ansatz(loss.ansatz) if loss.ansatz else Linear()
    coordinates = len(loss.entries) + len(loss.moving_entries)
    check_size(chosen, coordinates)
    if isinstance(chosen, Blocks):
        from symmetries.large.block_diagonal import CoupledUnknowns
        from symmetries.large.block_grading import grade_blocks

        grading = grade_blocks(loss)
        count, largest = chosen.count_in(loss), CoupledUnknowns(grading).count
        shares = (1 if space.oriented else 2 for space in grading.spaces)
        blocks = 1 + sum(s.length * (s.length - 1) // k for s, k in zip(grading.spaces, shares, strict=True))
    elif isinstance(chosen, Basis):
        count = chosen.count(coordinates)
        blocks, largest = 1, count
    else:
        unknowns = chosen.unknowns(coordinates)
        parts = partition(DeterminingSystem.of(loss, seed=0), unknowns)
        count, blocks, largest = unknowns.count, parts.count, parts.largest
    return SizeEstimate(
        coordinates=coordinates,
        unknowns=count,
        blocks=blocks,
        largest_block=largest,
        bytes=largest * largest * BYTES_PER_ENTRY,
    )
