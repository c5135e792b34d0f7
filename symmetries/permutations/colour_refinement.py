"""Ordered partitions of the vertices of a graph, and their refinement until every cell sees every other one evenly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, final

Adjacency: TypeAlias = Sequence[Sequence[int]]
Trace: TypeAlias = list[tuple[int, ...]]


@final
class Partition:
    """An ordered partition of 0, ..., n-1; a cell is named by the place where it starts.

    Parameters
    ----------
    colours: the colour of every vertex, an integer; cells are ordered by colour.

    >>> partition = Partition([0, 0, 0])
    >>> path = [[1], [0, 2], [1]]
    >>> _ = partition.refine(path, [0])
    >>> [sorted(partition.cell(start)) for start in partition.starts()]
    [[0, 2], [1]]
    """

    __slots__ = ("elements", "length", "place", "start")

    def __init__(self, colours: Sequence[int]) -> None:
        self.elements = sorted(range(len(colours)), key=colours.__getitem__)
        self.place = [0] * len(colours)
        self.start = [0] * len(colours)
        self.length: dict[int, int] = {}
        first = 0
        for place, vertex in enumerate(self.elements):
            if colours[vertex] != colours[self.elements[first]]:
                first = place
            self.place[vertex] = place
            self.start[vertex] = first
            self.length[first] = place - first + 1

    def copy(self) -> Partition:
        """The same partition, independent of this one."""
        other = Partition.__new__(Partition)
        other.elements, other.place = self.elements.copy(), self.place.copy()
        other.start, other.length = self.start.copy(), self.length.copy()
        return other

    def cell(self, start: int) -> list[int]:
        """The vertices of a cell."""
        return self.elements[start : start + self.length[start]]

    def cell_of(self, vertex: int) -> list[int]:
        """The vertices of the cell that a vertex lies in."""
        return self.cell(self.start[vertex])

    def starts(self) -> list[int]:
        """The names of all cells, in order."""
        return sorted(self.length)

    def individualise(self, vertex: int) -> list[int]:
        """Put a vertex alone in the first place of its cell; returns the cells that a refinement begins with."""
        start = self.start[vertex]
        if self.length[start] == 1:
            return []
        self._split(start, [[vertex]], keep_rest_last=True)
        return [start]

    def refine(self, adjacency: Adjacency, pending: Sequence[int], *, like: Trace | None = None) -> Trace | None:
        """Split cells until every vertex of a cell has equally many neighbours in every other cell.

        Returns what happened in terms of places and counts alone: two partitions that an automorphism maps to each
        other have the same trace.  None as soon as it differs from the trace that it should be like.
        """
        queue = list(pending)
        waiting = set(queue)
        trace: Trace = []
        while queue:
            splitter = queue.pop()
            waiting.discard(splitter)
            counts: dict[int, int] = {}
            for vertex in self.cell(splitter):
                for other in adjacency[vertex]:
                    counts[other] = counts.get(other, 0) + 1
            touched: dict[int, dict[int, list[int]]] = {}
            for vertex, count in counts.items():
                touched.setdefault(self.start[vertex], {}).setdefault(count, []).append(vertex)
            for start in sorted(touched):
                groups = touched[start]
                ordered = [groups[count] for count in sorted(groups)]
                trace.append((splitter, start, *(x for count in sorted(groups) for x in (count, len(groups[count])))))
                if like is not None and (len(like) < len(trace) or like[len(trace) - 1] != trace[-1]):
                    return None
                if len(ordered) == 1 and len(ordered[0]) == self.length[start]:
                    continue
                self._requeue(start, self._split(start, ordered, keep_rest_last=False), queue, waiting)
        return trace if like is None or len(like) == len(trace) else None

    def _requeue(self, start: int, parts: list[int], queue: list[int], waiting: set[int]) -> None:
        """All parts of a cell, but for a largest one where the cell was not waiting itself."""
        if start not in waiting:
            largest = max(parts, key=lambda part: (self.length[part], -part))
            parts = [part for part in parts if part != largest]
        for part in parts:
            if part not in waiting:
                waiting.add(part)
                queue.append(part)

    def _split(self, start: int, groups: list[list[int]], *, keep_rest_last: bool) -> list[int]:
        """Split groups off a cell; the rest stays in front of them, or behind; returns the places of the parts."""
        length = self.length[start]
        taken = sum(map(len, groups))
        place = start if keep_rest_last else start + length - taken
        parts = [] if taken == length else [place + taken if keep_rest_last else start]
        for group in groups:
            parts.append(place)
            self.length[place] = len(group)
            for offset, vertex in enumerate(group):
                self._move(vertex, place + offset)
                self.start[vertex] = place
            place += len(group)
        if taken < length:
            rest = start + taken if keep_rest_last else start
            self.length[rest] = length - taken
            if rest != start:
                for vertex in self.elements[rest : rest + length - taken]:
                    self.start[vertex] = rest
        return parts

    def _move(self, vertex: int, place: int) -> None:
        """Exchange a vertex with the one that stands at a place."""
        other, old = self.elements[place], self.place[vertex]
        self.elements[place], self.elements[old] = vertex, other
        self.place[vertex], self.place[other] = place, old
