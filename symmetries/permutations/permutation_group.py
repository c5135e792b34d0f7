"""Permutation groups through a chain of stabilisers: order, membership, random elements.

Source: C. C. Sims, "Computational methods in the study of permutation groups" (1970); A. Seress, "Permutation Group
Algorithms" (2003), chapter 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from math import prod
from typing import Any, TypeAlias, final

import numpy as np

from symmetries.permutations.automorphisms import Images, Level
from symmetries.permutations.orbits import Orbits

Permutation: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]


@final
class PermutationGroup:
    """A group of permutations of 0, ..., degree - 1 with a base and a strong generating set.

    Parameters
    ----------
    degree: number of points.
    levels: the chain; the generators of level k and below generate the stabiliser of the base points before k.

    >>> group = PermutationGroup.from_generators(4, [(1, 2, 3, 0), (1, 0, 2, 3)])
    >>> group.order, (0, 1, 3, 2) in group
    (24, True)
    """

    def __init__(self, degree: int, levels: Sequence[Level]) -> None:
        self.degree = degree
        self.levels = tuple(levels)

    @classmethod
    def from_generators(cls, degree: int, generators: Iterable[Images], base: Sequence[int] = ()) -> PermutationGroup:
        """The group that some permutations generate; its base begins with the given points."""
        builder = _Builder(degree, base)
        for images in generators:
            builder.add(0, np.array(images, dtype=np.int64))
        return cls(degree, builder.levels())

    @property
    def generators(self) -> tuple[Images, ...]:
        """All generators of the chain."""
        return tuple(images for level in self.levels for images in level.generators)

    @cached_property
    def orbit_lengths(self) -> tuple[int, ...]:
        """Lengths of the orbits of the base points under the stabilisers of those before."""
        lengths, orbits = [], Orbits(self.degree)
        for level in reversed(self.levels):
            for images in level.generators:
                orbits.join_all(images)
            home = orbits.find(level.base)
            lengths.append(sum(orbits.find(point) == home for point in range(self.degree)))
        return tuple(reversed(lengths))

    @property
    def order(self) -> int:
        """Number of elements."""
        return prod(self.orbit_lengths)

    def orbits(self, level: int = 0) -> Orbits:
        """Orbits of the stabiliser of the first base points."""
        orbits = Orbits(self.degree)
        for one in self.levels[level:]:
            for images in one.generators:
                orbits.join_all(images)
        return orbits

    @cached_property
    def _transversals(self) -> list[dict[int, Permutation]]:
        """For every level a representative that sends the base point to each point of its orbit."""
        result = []
        for k, level in enumerate(self.levels):
            generators = [np.array(g, dtype=np.int64) for one in self.levels[k:] for g in one.generators]
            result.append(_transversal(level.base, generators, self.degree))
        return result

    def __contains__(self, images: object) -> bool:
        if isinstance(images, str) or not isinstance(images, Sequence | np.ndarray) or len(images) != self.degree:
            return False
        rest = np.array(images, dtype=np.int64)
        for level, transversal in zip(self.levels, self._transversals, strict=True):
            representative = transversal.get(int(rest[level.base]))
            if representative is None:
                return False
            rest = np.argsort(representative)[rest]
        return bool((rest == np.arange(self.degree)).all())

    def random(self, rng: np.random.Generator) -> Images:
        """An element, all equally likely."""
        result = np.arange(self.degree)
        for transversal in self._transversals:
            points = sorted(transversal)
            result = result[transversal[points[int(rng.integers(len(points)))]]]
        return tuple(result.tolist())

    def elements(self) -> Iterator[Images]:
        """All elements."""
        yield from self._elements(0)

    def _elements(self, level: int) -> Iterator[Images]:
        if level == len(self.levels):
            yield tuple(range(self.degree))
            return
        representatives = [self._transversals[level][point] for point in sorted(self._transversals[level])]
        for inner in self._elements(level + 1):
            for representative in representatives:
                yield tuple(representative[list(inner)].tolist())


def _transversal(base: int, generators: Sequence[Permutation], degree: int) -> dict[int, Permutation]:
    found = {base: np.arange(degree)}
    queue = [base]
    for point in queue:
        for generator in generators:
            image = int(generator[point])
            if image not in found:
                found[image] = generator[found[point]]
                queue.append(image)
    return found


@final
class _Builder:
    """Schreier and Sims: generators are added until every Schreier generator lies in the chain below."""

    def __init__(self, degree: int, base: Sequence[int]) -> None:
        self.degree = degree
        self.base = list(base)
        self.generators: list[list[Permutation]] = [[] for _ in self.base]
        self.transversals: list[dict[int, Permutation]] = [{b: np.arange(degree)} for b in self.base]

    def levels(self) -> list[Level]:
        """The chain, without the levels where nothing moves."""
        chain = []
        for k, base in enumerate(self.base):
            below = {g.tobytes() for g in self.generators[k + 1]} if k + 1 < len(self.base) else set()
            own = [g for g in self.generators[k] if g.tobytes() not in below]
            if len(self.transversals[k]) > 1:
                chain.append(Level(base, tuple(tuple(g.tolist()) for g in own)))
        return chain

    def sift(self, level: int, images: Permutation) -> Permutation:
        """What is left of a permutation after the representatives of the chain are divided out."""
        for k in range(level, len(self.base)):
            representative = self.transversals[k].get(int(images[self.base[k]]))
            if representative is None:
                return images
            images = np.argsort(representative)[images]
        return images

    def add(self, level: int, images: Permutation) -> None:
        """Add a permutation that fixes the base points before a level."""
        pending = [(level, images)]
        while pending:
            start, one = pending.pop()
            rest = self.sift(start, one)
            moved = np.flatnonzero(rest != np.arange(self.degree))
            if not moved.size:
                continue
            if all(int(rest[b]) == b for b in self.base):
                self.base.append(int(moved[0]))
                self.generators.append([])
                self.transversals.append({self.base[-1]: np.arange(self.degree)})
            last = next(k for k, b in enumerate(self.base) if int(rest[b]) != b)
            for k in range(last, start - 1, -1):
                self.generators[k].append(rest)
                self.transversals[k] = _transversal(self.base[k], self.generators[k], self.degree)
            pending.extend(pair for k in range(start, last + 1) for pair in self._schreier(k))

    def _schreier(self, level: int) -> list[tuple[int, Permutation]]:
        transversal = self.transversals[level]
        result = []
        for point, representative in transversal.items():
            for generator in self.generators[level]:
                target = transversal[int(generator[point])]
                word = np.argsort(target)[generator[representative]]
                if (word != np.arange(self.degree)).any():
                    result.append((level + 1, word))
        return result
