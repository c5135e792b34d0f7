"""Whether the assumptions of an exported theorem hold anywhere: a theorem that speaks of no point says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from symmetries.coq.relative import values_at
from symmetries.coq.terms import Key, TermPool

Array = Any
SCALES = (1.0, 0.1, 5.0, 40.0)
TRIES = 400
CLEAR = 1e-9
"""How far a term must be from zero, in units of the largest term in it: an identity is zero up to rounding."""


@final
@dataclass(frozen=True)
class Assumption:
    """That a term is positive, or that it is not zero."""

    key: Key
    positive: bool


def require_satisfied(pool: TermPool, assumptions: Sequence[Assumption], what: str, *, seed: int = 0) -> None:
    """Refuse assumptions that hold together at no sampled point.

    Parameters
    ----------
    pool: the terms.
    assumptions: what a theorem assumes.
    what: the theorem, in words.
    seed: seed of the points.

    Raises
    ------
    InputError: no point is found.

    >>> pool = TermPool()
    >>> x = pool.symbol("x")
    >>> require_satisfied(pool, [Assumption(x, True), Assumption(pool.add([x, pool.number(-1)]), False)], "this")
    """
    if assumptions and not _holds(pool, assumptions, np.random.default_rng(seed)):
        raise InputError(
            f"the conditions of {what} in the export to Coq",
            why="no sampled point fulfils them all, so that the theorem may speak of no point",
            cure="check denominators, roots and logarithms, and functions with a kink whose argument is zero",
        )


def _holds(pool: TermPool, assumptions: Sequence[Assumption], rng: np.random.Generator) -> bool:
    keys = pool.below(one.key for one in assumptions)
    names = [str(pool[key].payload) for key in keys if pool[key].operation == "symbol"]
    for scale in SCALES:
        signs = np.where(rng.random((len(names), TRIES)) < np.linspace(0, 0.5, TRIES), -1.0, 1.0)
        values = values_at(
            pool, keys, dict(zip(names, scale * signs * rng.uniform(0.3, 1.7, signs.shape), strict=True))
        )
        sizes: dict[Key, Array] = {}
        for key in keys:
            sizes[key] = np.maximum.reduce([np.abs(values[key]), *(sizes[inner] for inner in pool[key].arguments)])
        good = np.ones(np.shape(next(iter(values.values()))), dtype=bool)
        for one in assumptions:
            value = values[one.key] if one.positive else np.abs(values[one.key])
            good &= np.isfinite(sizes[one.key]) & (value > CLEAR * sizes[one.key])
        if good.any():
            return True
    return False
