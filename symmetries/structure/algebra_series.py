"""Subspaces that belong to every Lie algebra: centre, derived algebra, series, radical."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from symmetries.structure.integer_matrices import (
    Integers,
    integers,
    kills,
    null_vectors,
    product,
    random_rows,
    rank,
    signature,
)
from symmetries.structure.structure_constants import SLACK, StructureConstants


@final
@dataclass(frozen=True, eq=False)
class Anatomy:
    """The characteristic subspaces of an algebra, each as rows, computed when asked for.

    Parameters
    ----------
    algebra: the structure constants.
    seed: of the random combinations that find the subspaces; each one found is checked.
    """

    algebra: StructureConstants
    seed: int = 0

    @property
    def dimension(self) -> int:
        """Dimension of the algebra."""
        return self.algebra.dimension

    @cached_property
    def whole(self) -> Integers:
        """The algebra itself."""
        return np.eye(self.dimension, dtype=np.int64)

    def brackets(self, left: Integers, right: Integers) -> Integers:
        """The span of all brackets."""
        return self.algebra.span_of_brackets(left, right, np.random.default_rng(self.seed))

    @cached_property
    def derived(self) -> Integers:
        """[g, g]."""
        return self.brackets(self.whole, self.whole)

    @cached_property
    def centre(self) -> Integers:
        """What commutes with everything."""
        return self.centraliser(self.whole)

    def centraliser(self, rows: Integers) -> Integers:
        """What commutes with all rows."""
        size = self.dimension
        maps = self.algebra.brackets(self.whole, rows).reshape(size, len(rows) * size)
        if maps.shape[1] > 2 * (size + SLACK):
            few = product(maps, random_rows(size + SLACK, maps.shape[1], np.random.default_rng(self.seed), 1).T)
            found = kills(few)
            if not np.any(product(found, maps)):
                return found
        return kills(maps)

    @cached_property
    def killing_signature(self) -> tuple[int, int, int]:
        """Positive, negative and zero squares of the Killing form."""
        return signature(self.algebra.killing)

    @cached_property
    def radical(self) -> Integers:
        """The largest solvable ideal: what is orthogonal to [g, g] under the Killing form."""
        return null_vectors(product(self.derived, self.algebra.killing)) if len(self.derived) else self.whole

    @cached_property
    def derived_series(self) -> tuple[int, ...]:
        """Dimensions of g, [g, g], [[g, g], [g, g]] and so on, until they stay."""
        spaces = [self.whole]
        while len(spaces) < 2 or 0 < len(spaces[-1]) < len(spaces[-2]):
            spaces.append(self.derived if len(spaces) == 1 else self.brackets(spaces[-1], spaces[-1]))
        return _dimensions([len(space) for space in spaces])

    @cached_property
    def lower_central_series(self) -> tuple[int, ...]:
        """Dimensions of g, [g, g], [g, [g, g]] and so on, until they stay."""
        spaces = [self.whole]
        while len(spaces) < 2 or 0 < len(spaces[-1]) < len(spaces[-2]):
            spaces.append(self.derived if len(spaces) == 1 else self.brackets(self.whole, spaces[-1]))
        return _dimensions([len(space) for space in spaces])

    @cached_property
    def killing_rank(self) -> int:
        """Rank of the Killing form."""
        return rank(self.algebra.killing)

    @property
    def is_abelian(self) -> bool:
        """Whether all brackets are zero."""
        return not self.algebra.table.any()

    @property
    def is_solvable(self) -> bool:
        """Whether the derived series ends at zero."""
        return len(self.radical) == self.dimension

    @property
    def is_nilpotent(self) -> bool:
        """Whether the lower central series ends at zero."""
        return self.dimension == 0 or self.lower_central_series[-1] == 0

    @property
    def is_reductive(self) -> bool:
        """Whether the radical is the centre."""
        return len(self.radical) == len(self.centre)

    @property
    def is_semisimple(self) -> bool:
        """Whether the radical is zero and the algebra is not."""
        return self.dimension > 0 and len(self.radical) == 0

    @property
    def is_perfect(self) -> bool:
        """Whether [g, g] = g and the algebra is not zero."""
        return len(self.derived) == self.dimension > 0

    @property
    def is_unimodular(self) -> bool:
        """Whether all ad x have trace 0."""
        return not self.algebra.trace.any()


def _dimensions(series: list[int]) -> tuple[int, ...]:
    """The strictly falling part."""
    return tuple(size for k, size in enumerate(series) if k == 0 or size < series[k - 1])


def complement_of(inner: Integers, outer: Integers) -> Integers:
    """Rows of the outer basis that complete the inner space to the outer one."""
    chosen: list[Integers] = []
    reached = len(inner)
    for row in outer:
        rows = np.concatenate([inner, integers(np.array([*chosen, row], dtype=object)).reshape(-1, outer.shape[1])])
        if rank(rows) > reached:
            chosen.append(row)
            reached += 1
    return integers(np.array(chosen, dtype=object)).reshape(len(chosen), outer.shape[1])
