r"""Elements of free modules over polynomial rings: sparse vectors, their order, division with remainder.

A monomial of the free module is (component, exponents...); a vector is the list of its terms, the leading one first.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from operator import add, le, sub
from typing import Any, TypeAlias, final

Monomial: TypeAlias = tuple[int, ...]
Vector: TypeAlias = list[tuple[Monomial, Any]]


class EffortSpent(Exception):
    """A computation took more steps than it was allowed."""


@final
class Effort:
    """Steps that a computation may still take; one step is one term that is added to another.

    >>> effort = Effort(2)
    >>> effort.spend(2)
    >>> effort.left
    0
    """

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Take steps, :class:`EffortSpent` when there are too few."""
        self.left -= steps
        if self.left < 0:
            raise EffortSpent


@final
class ModuleOrder:
    """Order of the monomials: components below ``split`` first, then degree, reverse lexicographic, component.

    Eliminating the components below ``split`` leaves the vectors of the others; among those the total degree decides,
    so a vector's leading monomial has the degree of the vector.

    >>> order = ModuleOrder(split=1)
    >>> order((0, 0, 0)) > order((1, 5, 5)), order((1, 2, 0)) > order((1, 1, 1))
    (True, True)
    """

    def __init__(self, split: int = 0) -> None:
        self.split = split
        self.ranks: dict[Monomial, Monomial] = {}

    def __call__(self, monomial: Monomial) -> Monomial:
        """Key of a monomial, larger for a larger one."""
        return tuple(-part for part in self.rank(monomial))

    def rank(self, monomial: Monomial) -> Monomial:
        """Key of a monomial, smaller for a larger one."""
        rank = self.ranks.get(monomial)
        if rank is None:
            head, exponents = monomial[0], monomial[1:]
            rank = (-(head < self.split), -sum(exponents), *exponents[::-1], head)
            self.ranks[monomial] = rank
        return rank

    def vector(self, terms: Mapping[Monomial, Any]) -> Vector:
        """The vector with the given terms."""
        kept = [(monomial, value) for monomial, value in terms.items() if value]
        return sorted(kept, key=lambda term: self.rank(term[0]))


@final
class Divisors:
    """Vectors to divide by, found by their leading monomials."""

    def __init__(self, vectors: Iterable[Vector] = ()) -> None:
        self._by_component: dict[int, list[Vector]] = {}
        for vector in vectors:
            self.add(vector)

    def add(self, vector: Vector) -> None:
        """One more divisor."""
        self._by_component.setdefault(vector[0][0][0], []).append(vector)

    def find(self, monomial: Monomial) -> Vector | None:
        """A vector whose leading monomial divides the given one."""
        for vector in self._by_component.get(monomial[0], ()):
            if all(map(le, vector[0][0], monomial)):
                return vector
        return None


def remainder(vector: Vector, divisors: Divisors, order: ModuleOrder, effort: Effort) -> Vector:
    """The remainder of a division: no term of it is divisible by a leading monomial of the divisors.

    >>> from fractions import Fraction
    >>> one, order = Fraction(1), ModuleOrder()
    >>> y_minus_x = [((0, 0, 1), one), ((0, 1, 0), -one)]
    >>> remainder([((0, 0, 2), one)], Divisors([y_minus_x]), order, Effort(100))
    [((0, 2, 0), Fraction(1, 1))]
    """
    work = dict(vector)
    rank, ranks = order.rank, order.ranks
    heap = [(rank(monomial), monomial) for monomial in work]
    heapq.heapify(heap)
    result: Vector = []
    while heap:
        monomial = heapq.heappop(heap)[1]
        value = work.pop(monomial, None)
        if not value:
            continue
        divisor = divisors.find(monomial)
        if divisor is None:
            result.append((monomial, value))
            continue
        (leading, first), rest = divisor[0], divisor[1:]
        shift = tuple(map(sub, monomial, leading))
        factor = value / first
        effort.spend(len(rest) + 1)
        for inner, coefficient in rest:
            moved = tuple(map(add, inner, shift))
            known = work.get(moved)
            if known is None:
                work[moved] = -factor * coefficient
                heapq.heappush(heap, (ranks.get(moved) or rank(moved), moved))
            else:
                work[moved] = known - factor * coefficient
    return result


def s_vector(left: Vector, right: Vector, order: ModuleOrder) -> Vector:
    """The combination of two vectors in which their leading terms cancel; they stand in the same component."""
    (first, p), (second, q) = left[0], right[0]
    common = (first[0], *map(max, first[1:], second[1:]))
    total: dict[Monomial, Any] = {}
    for vector, leading, factor in ((left, first, q), (right, second, -p)):
        shift = (0, *(large - small for small, large in zip(leading[1:], common[1:], strict=True)))
        for monomial, value in vector:
            moved = tuple(map(add, monomial, shift))
            known = total.get(moved)
            total[moved] = factor * value if known is None else known + factor * value
    return order.vector(total)


def is_groebner_basis(vectors: Sequence[Vector], order: ModuleOrder, effort: Effort) -> bool:
    """Buchberger's criterion: every S-vector leaves the remainder zero.

    Pairs are left out by the chain criterion: (i, k) when some j with i < j < k, or looked at before, has a leading
    monomial that divides the common multiple.

    Source: D. Cox, J. Little, D. O'Shea, "Using Algebraic Geometry" (2005), theorem 5.2.9.
    """
    divisors = Divisors(vectors)
    open_pairs = {(i, j) for j in range(len(vectors)) for i in range(j) if vectors[i][0][0][0] == vectors[j][0][0][0]}
    for i, j in sorted(open_pairs, key=lambda pair: (_common_degree(vectors, pair), pair)):
        open_pairs.discard((i, j))
        effort.spend(1 + len(vectors) // 4)
        if _is_chained(vectors, i, j, open_pairs):
            continue
        if remainder(s_vector(vectors[i], vectors[j], order), divisors, order, effort):
            return False
    return True


def _common_degree(vectors: Sequence[Vector], pair: tuple[int, int]) -> int:
    return sum(map(max, vectors[pair[0]][0][0][1:], vectors[pair[1]][0][0][1:]))


def _is_chained(vectors: Sequence[Vector], i: int, j: int, open_pairs: set[tuple[int, int]]) -> bool:
    """Whether a third leading monomial divides the common multiple and both pairs with it are settled."""
    common = tuple(map(max, vectors[i][0][0], vectors[j][0][0]))
    for k, vector in enumerate(vectors):
        leading = vector[0][0]
        if k in {i, j} or leading[0] != common[0]:
            continue
        if any(small > large for small, large in zip(leading, common, strict=True)):
            continue
        if (min(i, k), max(i, k)) not in open_pairs and (min(j, k), max(j, k)) not in open_pairs:
            return True
    return False


def reduced_basis(vectors: Sequence[Vector], order: ModuleOrder, effort: Effort) -> list[Vector]:
    """The reduced form of a Groebner basis: leading coefficients one, no term divisible by another leading monomial."""
    least: list[Vector] = []
    for vector in sorted(vectors, key=lambda one: order(one[0][0])):
        if Divisors(least).find(vector[0][0]) is None:
            least.append(vector)
    result = []
    for vector in least:
        others = Divisors(other for other in least if other is not vector)
        whole = remainder(vector, others, order, effort)
        result.append([(monomial, value / whole[0][1]) for monomial, value in whole])
    return result
