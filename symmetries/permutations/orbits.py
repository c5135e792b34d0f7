"""Orbits of a permutation group that grows generator by generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final


@final
class Orbits:
    """Disjoint sets of points; two points are joined when a generator sends one to the other.

    >>> orbits = Orbits(4)
    >>> orbits.join_all((1, 0, 2, 3))
    >>> orbits.sets()
    [[0, 1], [2], [3]]
    """

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def find(self, point: int) -> int:
        """The smallest point of the orbit of a point."""
        parent = self._parent
        while parent[point] != point:
            parent[point] = parent[parent[point]]
            point = parent[point]
        return point

    def join(self, a: int, b: int) -> None:
        """Make one orbit of two."""
        first, second = sorted((self.find(a), self.find(b)))
        self._parent[second] = first

    def join_all(self, images: Sequence[int]) -> None:
        """Join every point to its image."""
        for point, image in enumerate(images):
            if point != image:
                self.join(point, image)

    def sets(self) -> list[list[int]]:
        """All orbits, by their smallest points."""
        found: dict[int, list[int]] = {}
        for point in range(len(self._parent)):
            found.setdefault(self.find(point), []).append(point)
        return list(found.values())
