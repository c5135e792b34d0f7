"""What the public functions accept as a loss, as numbers and as a seed."""

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


def read_reals(value: Any, *, what: str) -> np.ndarray[Any, np.dtype[Any]]:
    """Real numbers as an array of doubles.

    >>> read_reals([1, 2], what="a point").tolist()
    [1.0, 2.0]
    """
    try:
        if np.iscomplexobj(value):
            raise TypeError
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise InputError(
            what,
            why=f"{type(value).__name__} is no array of real numbers in the range of doubles",
            cure="give numbers, in lists of equal length or a NumPy array",
        ) from None


def read_generator(rng: Any) -> np.random.Generator:
    """A generator of random numbers from a seed or from itself.

    >>> int(read_generator(0).integers(10)) == int(np.random.default_rng(0).integers(10))
    True
    """
    return rng if isinstance(rng, np.random.Generator) else np.random.default_rng(read_seed(rng))


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
