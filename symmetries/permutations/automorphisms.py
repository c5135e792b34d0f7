"""The automorphisms of a coloured graph, by individualisation and refinement.

Two copies of the equitable partition are refined side by side: in one a vertex b is made a cell of its own, in the
other a vertex c that b may be sent to.  Where their histories differ, no automorphism sends b to c.  Where they agree,
cells of one vertex say what goes where, and equal cells are left where they are: most automorphisms move few vertices
and are seen at once.  Otherwise one more vertex is chosen.

Source: P. T. Darga, K. A. Sakallah, I. L. Markov, "Faster symmetry discovery using sparsity of symmetries" (2008);
B. D. McKay, A. Piperno, "Practical graph isomorphism, II" (2014).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

from symmetries.permutations.colour_refinement import Adjacency, Partition, Trace
from symmetries.permutations.orbits import Orbits

Images: TypeAlias = tuple[int, ...]
"""The image of every point."""

DEFAULT_BUDGET = 20_000
"""Refinements before the search gives up."""


@final
@dataclass(frozen=True)
class Level:
    """One step of a chain of stabilisers: ``base`` is fixed from here on; ``generators`` move it and fix those before.

    Parameters
    ----------
    base: the point.
    generators: automorphisms found here.
    """

    base: int
    generators: tuple[Images, ...]


@final
@dataclass(frozen=True)
class Automorphisms:
    """What the search found.

    Parameters
    ----------
    levels: the chain of stabilisers; together its generators are a strong generating set.
    complete: whether the search went through every possibility.
    refinements: how much work it was.
    """

    levels: tuple[Level, ...]
    complete: bool
    refinements: int


QUICK = 60
"""Refinements of the first attempt at one automorphism."""

PATIENT = 400
"""Refinements of the second attempt."""


class _OutOfBudget(Exception):
    """The search has used up its budget."""


@final
class AutomorphismSearch:
    """Searches the automorphisms of a graph as they act on its first vertices.

    Parameters
    ----------
    adjacency: neighbours of every vertex.
    colours: colours of the vertices, kept by automorphisms.
    points: the action on the vertices 0, ..., points - 1 is wanted.
    accept: whether a permutation of the points is one; asked for every candidate.
    budget: refinements before the search gives up.
    known: makes, for a sequence of base points, a chain of automorphisms that need not be found again.

    >>> square = [[1, 3], [0, 2], [1, 3], [0, 2]]
    >>> def accept(images):
    ...     return all(images[b] in square[images[0]] for b in square[0])
    >>> found = AutomorphismSearch(square, [0] * 4, 4, accept).run()
    >>> [level.base for level in found.levels], found.complete
    ([0, 1], True)
    """

    def __init__(
        self,
        adjacency: Adjacency,
        colours: Sequence[int],
        points: int,
        accept: Callable[[Images], bool],
        *,
        budget: int = DEFAULT_BUDGET,
        known: Callable[[Sequence[int]], Sequence[Level]] | None = None,
    ) -> None:
        self.adjacency = adjacency
        self.points = points
        self.accept = accept
        self.known = known
        self.steady = False
        self.left = budget
        self.budget = budget
        self.root = Partition(colours)
        self.root.refine(adjacency, list(reversed(self.root.starts())))

    def run(self) -> Automorphisms:
        """All automorphisms, as a chain of stabilisers."""
        chain: list[tuple[int, Partition]] = []
        partition = self.root
        while (base := self._base(partition, chain)) is not None:
            chain.append((base, partition))
            partition = partition.copy()
            partition.refine(self.adjacency, partition.individualise(base))
            self.left -= 1
        levels: list[Level] = []
        complete = True
        orbits = Orbits(self.points)
        bases = [base for base, _ in chain]
        given = {level.base: level.generators for level in self.known(bases)} if self.known else {}
        for base, before in reversed(chain):
            for images in given.get(base, ()):
                orbits.join_all(images)
            generators, whole = self._level(base, before, orbits)
            complete &= whole
            generators = (*given.get(base, ()), *generators)
            if generators:
                levels.insert(0, Level(base, generators))
        return Automorphisms(tuple(levels), complete, self.budget - self.left)

    def _base(self, partition: Partition, chain: Sequence[tuple[int, Partition]]) -> int | None:
        """The next point to fix: in the first cell of the one before where there is one, else the first of all."""
        if chain:
            base, before = chain[-1]
            for point in sorted(before.cell_of(base)):
                if len(partition.cell_of(point)) > 1:
                    return point
        return next((k for k in range(self.points) if len(partition.cell_of(k)) > 1), None)

    def _level(self, base: int, before: Partition, orbits: Orbits) -> tuple[tuple[Images, ...], bool]:
        """Automorphisms that send the base elsewhere and fix the base points before it."""
        found: list[Images] = []
        refused: set[int] = set()
        first = None
        complete = True
        for image in sorted(before.cell_of(base)):
            where = orbits.find(image)
            if where == orbits.find(base) or where in refused:
                continue
            first = first or self._apart(before, base)
            try:
                images = self._sent(first, before, image)
            except _OutOfBudget:
                complete = False
                refused.add(where)
                if self.left < 0:
                    break
                continue
            if images is None:
                refused.add(where)
            else:
                found.append(images)
                orbits.join_all(images)
                refused = {orbits.find(point) for point in refused}
        return tuple(found), complete

    def _sent(self, source: tuple[Partition, Trace], target: Partition, image: int) -> Images | None:
        """As below: at first what moves is followed; when that takes long, what can stay is fixed before."""
        total = self.left
        for steady, share in ((False, QUICK), (True, PATIENT)):
            self.steady, before = steady, min(total, share)
            self.left = before
            try:
                return self._send(source, target, image)
            except _OutOfBudget:
                if steady or total <= share:
                    raise
            finally:
                total -= before - self.left
                self.left = total
        return None

    def _apart(self, partition: Partition, vertex: int) -> tuple[Partition, Trace]:
        """The refinement of a partition with a vertex apart, and its trace."""
        result = partition.copy()
        trace = result.refine(self.adjacency, result.individualise(vertex))
        assert trace is not None
        self.left -= 1
        return result, trace

    def _send(self, source: tuple[Partition, Trace], target: Partition, image: int) -> Images | None:
        """An automorphism from a refined partition to one with an image apart; None when there is none."""
        self.left -= 1
        if self.left < 0:
            raise _OutOfBudget
        left, trace = source
        right = target.copy()
        if right.refine(self.adjacency, right.individualise(image), like=trace) is None:
            return None
        candidate, split = self._compare(left, right)
        if candidate is not None and self.accept(candidate):
            return candidate
        if split is None:
            return None
        here, there = left.cell(split), right.cell(split)
        moved = sorted(set(here) - set(there)) or sorted(here)
        wanted = sorted(there, key=lambda point: (point in here and point != moved[0], point))
        next_source = self._apart(left, moved[0])
        for point in wanted:
            images = self._send(next_source, right, point)
            if images is not None:
                return images
        return None

    def _compare(self, left: Partition, right: Partition) -> tuple[Images | None, int | None]:
        """The permutation that the cells suggest, and a cell to split if that fails; an unequal one where there is."""
        images = list(range(self.points))
        several: dict[int, None] = {}
        unequal: dict[int, None] = {}
        for vertex in range(self.points):
            start = left.start[vertex]
            if left.length[start] == 1:
                images[vertex] = right.elements[start]
                continue
            several[start] = None
            if start != right.start[vertex]:
                unequal[start] = None
        equal = next((start for start in several if start not in unequal), None)
        first = next(iter(unequal), None)
        if first is not None:
            return None, equal if self.steady and equal is not None else first
        return (tuple(images) if len(set(images)) == self.points else None), equal
