r"""Upper bounds on the signed permutations that keep a loss.

Points of parameter space that every admissible map fixes are moved along one coordinate axis at a time; coordinates
(with a sign) for which the loss takes certainly different values cannot be exchanged.  Where a map is asked to send one
coordinate to another, both are set apart and the comparison is repeated, until it fails or a map is left over.  Only
inequalities are used, and only those that hold in spite of rounding; equality of numbers proves nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Literal, final

import numpy as np

from symmetries.expression import entry_names
from symmetries.floating import FloatArray
from symmetries.permutations.automorphisms import Images
from symmetries.permutations.balls import ELEMENTARY, output_balls
from symmetries.permutations.cells import Labels, apart, first_unsettled, groups, numbered, same_counts
from symmetries.permutations.discrete_invariance import Invariance
from symmetries.permutations.permutation_group import PermutationGroup
from symmetries.straight_line import compile_program

GUARDED = "the loss has branches that may guard a logarithm or a root"

DRAWS, MORE_DRAWS = 2, 5
"""Random values of the data, for many comparisons and for few."""

STEPS = (1.3671875, 0.8515625, 1.9140625)
BUDGET = 150_000_000
"""Operations before the search gives up."""

CALL = 20_000
"""Operations that the start of one array operation costs."""

NESTED = 30_000_000
"""Operations of the search behind a first choice, before it gives up."""

DEEP = 100_000_000
"""Most operations of one comparison at points moved along several axes."""


class _GivesUp(Exception):
    """The bound cannot be found."""


@final
@dataclass(frozen=True)
class Bound:
    """How the search for further maps ended.

    Parameters
    ----------
    outcome: ``complete`` (there are no others), ``candidate`` (a map that may keep the loss) or ``unknown``.
    reason: why.
    candidate: the map.
    assumptions: what the bound rests on.
    """

    outcome: Literal["complete", "candidate", "unknown"]
    reason: str = ""
    candidate: Images | None = None
    assumptions: tuple[str, ...] = ()


@final
class BoundSearch:
    """Shows that there are no other signed permutations than those of a known group, or finds one.

    Parameters
    ----------
    invariance: the loss.
    classes: class of each coordinate; those of different classes are not exchanged.
    refuted: whether a map certainly does not keep the loss.
    rng: seed of the points.
    budget: operations before the search gives up.
    """

    def __init__(
        self,
        invariance: Invariance,
        classes: Sequence[int],
        refuted: Callable[[Images], bool],
        *,
        rng: int = 0,
        budget: int = BUDGET,
    ) -> None:
        loss, graph = invariance.loss, invariance.graph
        fixed = [name for name in loss.data_entries if name not in set(loss.moving_entries)]
        fixed += [name for constant in loss.constants for name in entry_names(constant, ())]
        self.conditions = sorted(invariance.domain)
        self.guarded = invariance.guarded and bool(self.conditions)
        roots = [invariance.root, *(node for node, _ in self.conditions)]
        self.program = compile_program(graph, roots, (*invariance.coordinates, *fixed))
        self.size = len(invariance.coordinates)
        self.classes = np.array([*classes, *classes], dtype=np.int64)
        self.refuted = refuted
        self.left = budget
        self.nested = min(budget, NESTED)
        generator = np.random.default_rng(rng)
        self.data = [generator.normal(size=len(fixed)) for _ in range(MORE_DRAWS)]
        self.table = generator.normal(size=2 * self.size + 1)
        self.probes = generator.normal(size=(8, self.size))
        self.probes[4:] = np.abs(self.probes[4:])

    def run(self, group: PermutationGroup) -> Bound:
        """Compare with a known group."""
        if self.guarded:
            return Bound("unknown", GUARDED)
        try:
            return self._run(group)
        except _GivesUp as stop:
            return Bound("unknown", str(stop))

    def _run(self, group: PermutationGroup) -> Bound:
        labels, candidate = self._separate_orbits(group)
        if candidate is not None:
            return Bound("candidate", candidate=candidate)
        for level, length in enumerate((*group.orbit_lengths, *[1] * 2 * self.size)):
            base = group.levels[level].base if level < len(group.levels) else first_unsettled(labels)
            if base is None:
                break
            if np.count_nonzero(labels == labels[base]) != length:
                labels = self._refined(labels)
            if np.count_nonzero(labels == labels[base]) != length:
                candidate = self._others(labels, base, group, level)
                if candidate is not None:
                    return Bound("candidate", candidate=candidate)
            labels = apart(labels, labels, base, base)[0]
        return Bound("complete", self._reason(), assumptions=self._assumptions())

    def run_all(self, group: PermutationGroup) -> Bound:
        """Try all signed permutations outside the group, one by one."""
        if self.guarded:
            return Bound("unknown", GUARDED)
        try:
            return self._run_all(group)
        except _GivesUp as stop:
            return Bound("unknown", str(stop))

    def _run_all(self, group: PermutationGroup) -> Bound:
        for order in permutations(range(self.size)):
            if (self.classes[list(order)] != self.classes[: self.size]).any():
                continue
            for signs in product((0, self.size), repeat=self.size):
                up = [k + sign for k, sign in zip(order, signs, strict=True)]
                images = (*up, *((k + self.size) % (2 * self.size) for k in up))
                if self._plausible(images) and images not in group and not self.refuted(images):
                    return Bound("candidate", candidate=images)
        return Bound("complete", self._reason(), assumptions=self._assumptions())

    def _reason(self) -> str:
        return "every other exchange of coordinates changes the value of the loss at some point, in spite of rounding"

    def _assumptions(self) -> tuple[str, ...]:
        if not self.program.kinds & ELEMENTARY:
            return ()
        return ("elementary functions in double precision are accurate to 8 units in the last place",)

    def _separate_orbits(self, group: PermutationGroup) -> tuple[Labels, Images | None]:
        """The orbits of the known group, where they are shown to be those of all maps."""
        labels = self._refined(numbered(self.classes[:, None]))
        orbits = group.orbits()
        names = np.array([orbits.find(point) for point in range(2 * self.size)])
        for label in range(int(labels.max()) + 1):
            candidate = self._exchanged(labels, sorted(set(names[labels == label].tolist())))
            if candidate is not None:
                return labels, candidate
        return numbered(np.stack([labels, names], axis=1)), None

    def _others(self, labels: Labels, base: int, group: PermutationGroup, level: int) -> Images | None:
        """A map that fixes the base points before and sends this one out of its known orbit, or None."""
        orbits = group.orbits(level)
        cell = np.flatnonzero(labels == labels[base]).tolist()
        others = sorted({orbits.find(point) for point in cell} - {orbits.find(base)})
        return self._exchanged(labels, [base, *others], first_only=True)

    def _exchanged(self, labels: Labels, points: Sequence[int], *, first_only: bool = False) -> Images | None:
        """A map that keeps the cells and sends one of some points (the first one) to another, or None."""
        alike = [list(points)]
        for arity in (1, 2):
            for draw in self.data:
                alike = [part for parts in alike for part in self._told_apart(labels, parts, arity, draw)]
        for part in alike:
            for k, one in enumerate(part):
                for other in part[k + 1 :]:
                    if first_only and one != points[0]:
                        continue
                    candidate = self._sent(labels, labels, one, other)
                    if candidate is not None:
                        return candidate
        return None

    def _told_apart(self, labels: Labels, points: list[int], arity: int, draw: FloatArray) -> list[list[int]]:
        """Some points in classes between which no map exists that keeps the cells."""
        size = 2 * self.size
        if len(points) < 2 or len(points) * size**arity * self.program.slots > DEEP:
            return [points]
        signed = np.concatenate([np.eye(self.size), -np.eye(self.size)], axis=1)
        around = STEPS[1] * signed
        cells = labels
        for _ in range(arity - 1):
            around = (around[:, :, None] + STEPS[2] * signed[:, None, :]).reshape(self.size, -1)
            cells = (cells[:, None] * size + labels[None, :]).reshape(-1)
        centre = self.table[labels[: self.size]] - self.table[labels[self.size :]]
        found = [self._values((centre + STEPS[0] * signed[:, p])[:, None] + around, draw) for p in points]
        values, radii = (np.concatenate(side) for side in zip(*found, strict=True))
        if not np.isfinite(radii).all():
            return [points]
        rows = numbered(np.stack([np.tile(cells, len(points)), groups(values, radii)], axis=1))
        classes: dict[bytes, list[int]] = {}
        for point, row in zip(points, np.sort(rows.reshape(len(points), -1), axis=1), strict=True):
            classes.setdefault(row.tobytes(), []).append(point)
        return list(classes.values())

    # two partitions side by side

    def _sent(self, left: Labels, right: Labels, point: int, image: int) -> Images | None:
        """A map between partitions that sends a point to an image, to be looked at closer; None when there is none."""
        split = apart(left, right, point, image)
        pair = self._refined_pair(*split) if same_counts(*split) else None
        if pair is None:
            return None
        guess = self._guess(*pair)
        if guess is not None and self._plausible(guess) and not self.refuted(guess):
            return guess
        here = first_unsettled(pair[0])
        if here is None:
            return None
        there = np.flatnonzero(pair[1] == pair[0][here]).tolist()
        for one in sorted(there, key=lambda other: (other != here, other)):
            before = self.left
            found = self._sent(*pair, here, one)
            self.nested -= before - self.left
            if self.nested < 0:
                raise _GivesUp("the search went past its limit of operations")
            if found is not None:
                return found
        return None

    def _guess(self, left: Labels, right: Labels) -> Images | None:
        """The map that single cells suggest; cells of several points are left where they are."""
        count = np.bincount(left)
        images = np.arange(2 * self.size)
        where = np.zeros(len(count), dtype=np.int64)
        where[right] = np.arange(2 * self.size)
        single = count[left] == 1
        images[single] = where[left[single]]
        odd = (images[self.size :] == (images[: self.size] + self.size) % (2 * self.size)).all()
        return tuple(images.tolist()) if odd and len(set(images.tolist())) == 2 * self.size else None

    def _plausible(self, images: Images) -> bool:
        """Whether the loss may have the same value at some points and at their images."""
        moved = np.array(images[: self.size]) % self.size
        signs = np.where(np.array(images[: self.size]) >= self.size, -1.0, 1.0)
        after = np.empty_like(self.probes)
        after[:, moved] = self.probes * signs
        values, radii = self._values(np.concatenate([self.probes, after]).T, self.data[0])
        half = len(self.probes)
        with np.errstate(invalid="ignore"):
            gap, radius = np.abs(values[:half] - values[half:]), radii[:half] + radii[half:]
        return not bool((gap > radius).any())

    def _refined(self, labels: Labels) -> Labels:
        pair = self._refined_pair(labels, labels)
        assert pair is not None
        return pair[0]

    def _refined_pair(self, left: Labels, right: Labels) -> tuple[Labels, Labels] | None:
        """Both partitions refined by values of the loss; None when no map sends one to the other."""
        quiet = 0
        for draw in self._turns():
            before = int(left.max())
            same = left is right
            values, radii = self._probe(left, draw)
            others = (values, radii) if same else self._probe(right, draw)
            if np.isfinite(radii).all() and np.isfinite(others[1]).all():
                found = groups(np.concatenate([values, others[0]]), np.concatenate([radii, others[1]]))
                together = numbered(np.stack([np.concatenate([left, right]), found], axis=1))
                cut = 2 * self.size
                left, right = together[:cut], (together[:cut] if same else together[cut:])
                if not same and not same_counts(left, right):
                    return None
            quiet = quiet + 1 if int(left.max()) == before else 0
            if quiet == DRAWS or int(left.max()) == 2 * self.size - 1:
                break
        return left, right

    def _turns(self) -> Iterator[FloatArray]:
        """The draws of the data, round and round."""
        while True:
            yield from self.data[:DRAWS]

    def _probe(self, labels: Labels, draw: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The loss at the fixed point of a partition, moved along each signed axis."""
        size = self.size
        centre = self.table[labels[:size]] - self.table[labels[size:]]
        points = np.repeat(centre[:, None], 2 * size, axis=1)
        axes = np.arange(size)
        points[axes, axes] += STEPS[0]
        points[axes, size + axes] -= STEPS[0]
        return self._values(points, draw)

    def _values(self, points: FloatArray, draw: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The loss, infinite where it certainly has no value, and radii, infinite where nothing is known."""
        self.left -= points.shape[1] * self.program.slots + CALL * len(self.program.steps)
        if self.left < 0:
            raise _GivesUp("the search went past its limit of operations")
        inputs = np.concatenate([points, np.repeat(draw[:, None], points.shape[1], axis=1)])
        values, radii = output_balls(self.program, inputs)
        value, radius = values[0], radii[0]
        outside = (values[1:] < -radii[1:]).any(axis=0)
        inside = (values[1:] > radii[1:]).all(axis=0)
        radius = np.where(inside, radius, np.inf)
        return np.where(outside, np.inf, value), np.where(outside, 0.0, radius)
