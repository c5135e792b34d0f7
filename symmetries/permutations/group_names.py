r"""Names of finite groups of signed permutations.

The generators are sorted into sets that commute with each other.  Each set generates a factor that is named by its
action on an orbit, where it is seen to be faithful: all permutations of m points (S_m), all signed permutations of m
pairs (the hyperoctahedral group Z_2 wr S_m), the ones with an even number of signs; or, where it is small, by its
elements.  The product is direct exactly when the orders multiply to the order of the whole group.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from math import factorial, prod
from typing import TypeAlias

import numpy as np

from symmetries.permutations.orbits import Orbits
from symmetries.permutations.permutation_group import Permutation, PermutationGroup

Named: TypeAlias = tuple[str, int]
"""Name and order of a factor."""

CYCLIC = re.compile(r"Z_(\d+)(?:\^(\d+))?")

SMALL = 2_000
"""Groups of at most that order are named by their elements."""

SMALL_DEGREE = 64
STATISTICS = {
    (12, ((1, 1), (2, 3), (3, 8))): "A_4",
    (24, ((1, 1), (2, 9), (3, 8), (4, 6))): "S_4",
    (60, ((1, 1), (2, 15), (3, 20), (5, 24))): "A_5",
    (120, ((1, 1), (2, 25), (3, 20), (4, 30), (5, 24), (6, 20))): "S_5",
}
"""Groups that are known from their order and the orders of their elements."""


def name_group(group: PermutationGroup) -> str | None:
    """The name of a group that acts on the points +e_0, ..., -e_(n-1); None when it is not recognised.

    >>> square = PermutationGroup.from_generators(4, [(1, 2, 3, 0), (1, 0, 3, 2)])
    >>> name_group(square)
    'D_4'
    """
    if group.order == 1:
        return "1"
    sets = _commuting_sets(group)
    factors = [_name_factor(group.degree, one, group.order if len(sets) == 1 else None) for one in sets]
    known = [factor for factor in factors if factor is not None]
    if len(known) == len(factors) and prod(order for _, order in known) == group.order:
        return _joined([name for name, _ in known])
    whole = _name_factor(group.degree, [np.array(g, dtype=np.int64) for g in group.generators], group.order)
    return whole[0] if whole is not None else None


def _joined(names: Sequence[str]) -> str:
    """A direct product, large factors first, powers of cyclic groups collected."""
    cyclic: Counter[int] = Counter()
    others: list[str] = []
    for part in (part for name in names for part in name.split(" x ")):
        match = CYCLIC.fullmatch(part)
        if match:
            cyclic[int(match[1])] += int(match[2] or 1)
        else:
            others.append(f"({part})" if " " in part else part)
    if len(others) == 1 and not cyclic:
        return others[0].strip("()")
    powers = [f"Z_{n}" if rank == 1 else f"Z_{n}^{rank}" for n, rank in sorted(cyclic.items())]
    return " x ".join([*sorted(others), *powers])


def _commuting_sets(group: PermutationGroup) -> list[list[Permutation]]:
    """The generators, in sets that commute with each other."""
    generators = [np.array(images, dtype=np.int64) for images in group.generators]
    supports = [set(np.flatnonzero(g != np.arange(group.degree)).tolist()) for g in generators]
    together = Orbits(len(generators))
    for i, g in enumerate(generators):
        for j in range(i):
            if together.find(i) != together.find(j) and supports[i] & supports[j]:
                h = generators[j]
                if (g[h] != h[g]).any():
                    together.join(i, j)
    return [[generators[k] for k in members] for members in together.sets()]


def _name_factor(degree: int, generators: Sequence[Permutation], order: int | None) -> Named | None:
    if len(generators) == 1:
        power = _order(generators[0])
        return f"Z_{power}", power
    group = None
    if order is None and degree <= SMALL_DEGREE:
        group = PermutationGroup.from_generators(degree, [tuple(g.tolist()) for g in generators])
        order = group.order
    if order is not None and order <= SMALL:
        group = group or PermutationGroup.from_generators(degree, [tuple(g.tolist()) for g in generators])
        named = _by_elements([np.array(images) for images in group.elements()], generators)
        if named is not None:
            return named, order
    for orbit in _orbits(degree, generators):
        named_order = _by_action(degree, generators, orbit, order)
        if named_order is not None and _is_faithful(degree, generators, orbit):
            return named_order
    return None


def _order(g: Permutation) -> int:
    from symmetries.permutations.signed_permutation import SignedPermutation

    size = len(g) // 2
    return SignedPermutation.from_points(tuple(map(str, range(size))), g.tolist()).order


# by elements


def _by_elements(elements: Sequence[Permutation], generators: Sequence[Permutation]) -> str | None:
    """Abelian and dihedral groups, and a few others, by the orders of their elements."""
    orders = [_order(g) for g in elements]
    count = len(elements)
    statistics = Counter(orders)
    if all((g[h] == h[g]).all() for g in generators for h in generators):
        return _abelian(statistics, count)
    longest = count // 2
    for g, power in zip(elements, orders, strict=True):
        if power == longest:
            inside = {h.tobytes() for h in _powers(g, power)}
            if all(k == 2 for h, k in zip(elements, orders, strict=True) if h.tobytes() not in inside):
                return "S_3" if longest == 3 else f"D_{longest}"
            break
    return STATISTICS.get((count, tuple(sorted(statistics.items()))))


def _powers(g: Permutation, count: int) -> Iterator[Permutation]:
    power = np.arange(len(g))
    for _ in range(count):
        yield power
        power = g[power]


def _abelian(statistics: Counter[int], count: int) -> str:
    """The primary cyclic factors of an abelian group, from the number of elements of each order."""
    factors: list[str] = []
    rest, prime = count, 2
    while rest > 1:
        if rest % prime:
            prime += 1
            continue
        ranks: list[int] = []
        power = 1
        while True:
            power *= prime
            inside = sum(n for order, n in statistics.items() if power % order == 0)
            total = 0
            while inside > 1:
                inside //= prime
                total += 1
            ranks.append(total - sum(ranks))
            if ranks[-1] == 0:
                break
        for k, rank in enumerate(ranks[:-1]):
            factors += [f"Z_{prime ** (k + 1)}"] * (rank - ranks[k + 1])
        while rest % prime == 0:
            rest //= prime
    counted = Counter(factors)
    return " x ".join(name if n == 1 else f"{name}^{n}" for name, n in counted.items())


# by an orbit


def _orbits(degree: int, generators: Sequence[Permutation]) -> list[list[int]]:
    """Orbits of more than one point, the short ones first."""
    orbits = Orbits(degree)
    for g in generators:
        orbits.join_all(g.tolist())
    return sorted((orbit for orbit in orbits.sets() if len(orbit) > 1), key=lambda orbit: (len(orbit), orbit))


def _by_action(degree: int, generators: Sequence[Permutation], orbit: Sequence[int], order: int | None) -> Named | None:
    """The group of permutations of an orbit, where the generators show that it is a known one."""
    size = degree // 2
    points = set(orbit)
    if not any((point + size) % degree in points for point in orbit):
        full = _all_permutations({point: point for point in orbit}, generators)
        return (_symmetric(len(orbit)), factorial(len(orbit))) if full else None
    pairs = len(orbit) // 2
    if not _all_permutations({point: point % size for point in orbit}, generators):
        return None
    if any(_signs(g, orbit, size) == 1 and _fixes_pairs(g, orbit, size) for g in generators):
        return _hyperoctahedral(pairs), 2**pairs * factorial(pairs)
    even = 2 ** (pairs - 1) * factorial(pairs)
    if order == 2 * even:
        return _hyperoctahedral(pairs), 2 * even
    if order == even and all(_signs(g, orbit, size) % 2 == 0 for g in generators):
        return f"Z_2^{pairs - 1} |x S_{pairs}", even
    return None


def _symmetric(m: int) -> str:
    return "Z_2" if m == 2 else f"S_{m}"


def _hyperoctahedral(m: int) -> str:
    return {1: "Z_2", 2: "D_4"}.get(m, f"Z_2 wr S_{m}")


def _signs(g: Permutation, orbit: Sequence[int], size: int) -> int:
    """How many pairs +e, -e of the orbit are sent to a pair with the sign changed."""
    return sum(int(g[point]) >= size for point in orbit if point < size)


def _fixes_pairs(g: Permutation, orbit: Sequence[int], size: int) -> bool:
    return all(int(g[point]) % size == point % size for point in orbit)


def _all_permutations(labels: dict[int, int], generators: Sequence[Permutation]) -> bool:
    """Whether the generators that act on the labels as transpositions connect them: then they generate everything."""
    names = sorted(set(labels.values()))
    position = {name: k for k, name in enumerate(names)}
    connected = Orbits(len(names))
    for g in generators:
        moved = {(labels[p], labels[int(g[p])]) for p in labels if labels[p] != labels[int(g[p])]}
        if len(moved) == 2:
            (a, b), _ = sorted(moved)
            connected.join(position[a], position[b])
    return len(connected.sets()) == 1


def _is_faithful(degree: int, generators: Sequence[Permutation], orbit: Sequence[int]) -> bool:
    """Whether what acts trivially on the orbit is trivial: every other orbit is an image of this one."""
    start = orbit[0]
    fixing = [g for g in generators if int(g[start]) == start]
    for other in _orbits(degree, generators):
        images = (point for point in other if all(int(g[point]) == point for g in fixing))
        if not any(_is_image(generators, start, point) for point in islice(images, 4)):
            return False
    return True


def _is_image(generators: Sequence[Permutation], start: int, point: int) -> bool:
    """Whether sending one point to the other extends to a map of their orbits that commutes with the group."""
    image = {start: point}
    queue = [start]
    for one in queue:
        for g in generators:
            after, wanted = int(g[one]), int(g[image[one]])
            if image.setdefault(after, wanted) != wanted:
                return False
            if len(image) > len(queue):
                queue.append(after)
    return True
