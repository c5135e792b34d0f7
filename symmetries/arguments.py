"""What the public functions accept as a loss and as a seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from manifolds.errors import InputError
from symmetries.loss import Loss


def require_loss(loss: Any, *, where: str) -> Loss:
    """The loss, refused when it is none."""
    if not isinstance(loss, Loss):
        raise InputError(
            f"{where} was given {type(loss).__name__}",
            why="it needs a Loss",
            cure='declare one: Loss.parse("x**2 + 9*y**2")',
        )
    return loss


def read_seed(rng: Any) -> int:
    """A seed from an integer or a NumPy generator, which is advanced.

    >>> read_seed(7)
    7
    """
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**31))
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or rng < 0:
        raise InputError(
            f"rng={rng!r}", why="it is no seed", cure="give an integer from 0 up, or numpy.random.default_rng(seed)"
        )
    return int(rng)
