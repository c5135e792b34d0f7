"""From relations modulo primes to families of generators with rational coefficients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd, lcm, prod
from typing import Any, TypeAlias, final

import numpy as np

from symmetries.block_diagonal import DiagonalSolution, Unknown
from symmetries.block_families import Family, ListedFamily, SpaceFamily, whole_space
from symmetries.block_fields import BlockVector
from symmetries.block_grading import IndexSpace, Slot
from symmetries.block_moments import PairRelations
from symmetries.nullspace import rational_from_residue, short_basis

Pattern: TypeAlias = tuple[Fraction, ...]


@final
@dataclass(frozen=True)
class ModularSolution:
    """All relations modulo one prime.

    Parameters
    ----------
    prime: the prime.
    pairs: relations of the pairs of each graded space.
    coupled: relations of the coupled unknowns.
    points: number of points that were used.
    """

    prime: int
    pairs: tuple[PairRelations, ...]
    coupled: DiagonalSolution
    points: int

    @property
    def dimension(self) -> int:
        """Nullity: an upper bound of the dimension of the symmetries."""
        return sum(len(relation.which) for relation in self.pairs) + self.coupled.dimension


@final
@dataclass
class SpaceSolution:
    """Rational relations of one index space.

    Parameters
    ----------
    space: the space.
    pairs: (i, j) and coefficients, at (i, j) of every axis, then at (j, i) unless the space is oriented.
    local: index and coefficients at (i, i) of every axis.
    """

    space: IndexSpace
    pairs: list[tuple[int, int, Pattern]]
    local: list[tuple[int, Pattern]]


def lift(solutions: Sequence[ModularSolution], *, letter: str) -> list[Family] | None:
    """Families from solutions modulo several primes; None when a coefficient needs more primes."""
    if any(_structure(one) != _structure(solutions[0]) for one in solutions[1:]):
        return None
    primes = [one.prime for one in solutions]
    spaces: dict[IndexSpace, SpaceSolution] = {}
    for number, relation in enumerate(solutions[0].pairs):
        pairs = _pair_patterns([one.pairs[number] for one in solutions], primes)
        if pairs is None:
            return None
        spaces[relation.space] = SpaceSolution(relation.space, pairs, [])
    for number, (space, index, _) in enumerate(solutions[0].coupled.local):
        vector = _rational([one.coupled.local[number][2] for one in solutions], primes)
        if vector is None:
            return None
        pattern = tuple(vector.get((slot, index, index), Fraction(0)) for slot in space.slots)
        spaces.setdefault(space, SpaceSolution(space, [], [])).local.append((index, pattern))
    others: list[dict[Unknown, Fraction]] = []
    for number in range(len(solutions[0].coupled.others)):
        vector = _rational([one.coupled.others[number] for one in solutions], primes)
        if vector is None:
            return None
        others.append(vector)
    families: list[Family] = []
    for one in spaces.values():
        for family in space_families(one):
            families.append(replace(family, letter=letter) if isinstance(family, SpaceFamily) else family)
    return families + ([ListedFamily(_shortened(others))] if others else [])


def _structure(solution: ModularSolution) -> Any:
    """What has to agree between primes so that coefficients can be combined."""
    pairs = [(relation.which.tobytes(), (relation.vectors != 0).tobytes()) for relation in solution.pairs]
    local = [(space, index, frozenset(vector)) for space, index, vector in solution.coupled.local]
    return pairs, local, [frozenset(vector) for vector in solution.coupled.others]


def _pair_patterns(relations: Sequence[PairRelations], primes: Sequence[int]) -> list[tuple[int, int, Pattern]] | None:
    first = relations[0]
    if not len(first.which):
        return []
    side_by_side = np.concatenate([relation.vectors for relation in relations], axis=1)
    distinct, inverse = np.unique(side_by_side, axis=0, return_inverse=True)
    columns = first.columns
    patterns: list[Pattern] = []
    for row in distinct.tolist():
        residues = [[row[k * columns + c] for k in range(len(primes))] for c in range(columns)]
        values = [_from_residues(one, primes) for one in residues]
        if any(value is None for value in values):
            return None
        patterns.append(tuple(value for value in values if value is not None))
    chosen = [patterns[k] for k in inverse.reshape(-1).tolist()]
    rows, others = first.first[first.which].tolist(), first.second[first.which].tolist()
    return list(zip(rows, others, chosen, strict=True))


def _from_residues(residues: Sequence[int], primes: Sequence[int]) -> Fraction | None:
    value, modulus = residues[0] % primes[0], primes[0]
    for residue, prime in zip(residues[1:], primes[1:], strict=True):
        value += modulus * ((residue - value) * pow(modulus, -1, prime) % prime)
        modulus *= prime
    found = rational_from_residue(value, prod(primes))
    return None if found is None else Fraction(int(found.p), int(found.q))


def _rational(vectors: Sequence[Mapping[Unknown, int]], primes: Sequence[int]) -> dict[Unknown, Fraction] | None:
    result: dict[Unknown, Fraction] = {}
    for unknown in vectors[0]:
        value = _from_residues([vector[unknown] for vector in vectors], primes)
        if value is None:
            return None
        result[unknown] = value
    return result


def _shortened(vectors: Sequence[Mapping[Unknown, Fraction]]) -> tuple[BlockVector, ...]:
    """The same span with short integer coefficients."""
    unknowns = list(dict.fromkeys(unknown for vector in vectors for unknown in vector))
    place = {unknown: k for k, unknown in enumerate(unknowns)}
    rows = []
    for vector in vectors:
        scale = lcm(*(value.denominator for value in vector.values()))
        rows.append({place[unknown]: int(value * scale) for unknown, value in vector.items()})
    return tuple(
        {unknowns[k]: Fraction(value) for k, value in row.items() if value}
        for row in (short_basis(rows) if len(unknowns) <= 400 else rows)
    )


# families of one space


def space_families(solution: SpaceSolution) -> list[Family]:
    """The relations of one space as families."""
    found = _linear(solution) if solution.space.oriented else _rotation(solution)
    if found is not None:
        return found
    families: list[Family] = []
    by_pattern: dict[Pattern, list[int]] = {}
    for index, pattern in solution.local:
        by_pattern.setdefault(primitive(pattern), []).append(index)
    for pattern, indices in by_pattern.items():
        powers = _powers(solution.space, pattern)
        families.append(SpaceFamily("diagonal", powers, solution.space.length, tuple(indices)))
    if solution.pairs:
        families.append(ListedFamily(tuple(_pair_vector(solution.space, *one) for one in solution.pairs)))
    return families


def primitive(pattern: Pattern) -> Pattern:
    """A multiple with coprime integers, the first one positive."""
    scale = lcm(*(value.denominator for value in pattern))
    integers = [int(value * scale) for value in pattern]
    content = gcd(*integers) * (-1 if next(value for value in integers if value) < 0 else 1)
    return tuple(Fraction(value // content) for value in integers)


def _powers(space: IndexSpace, pattern: Pattern) -> dict[Slot, Fraction]:
    return {slot: value for slot, value in zip(space.slots, pattern, strict=True) if value}


def _pair_vector(space: IndexSpace, i: int, j: int, pattern: Pattern) -> BlockVector:
    """One relation of a pair as a field."""
    pattern = primitive(pattern)
    vector: dict[Unknown, Fraction] = {}
    if space.oriented:
        for slot, sign, value in zip(space.slots, space.signs, pattern, strict=True):
            vector[(slot, *((i, j) if sign > 0 else (j, i)))] = value
    else:
        for k, slot in enumerate(space.slots):
            vector[slot, i, j], vector[slot, j, i] = pattern[2 * k], pattern[2 * k + 1]
    return {unknown: value for unknown, value in vector.items() if value}


def _linear(solution: SpaceSolution) -> list[Family] | None:
    """All matrices, when every pair has one relation and it is the one of the orientation."""
    space, size = solution.space, solution.space.length
    patterns = {primitive(pattern) for _, _, pattern in solution.pairs}
    if size < 2 or len(solution.pairs) != size * (size - 1) or len(patterns) != 1:
        return None
    pattern = patterns.pop()
    oriented = tuple(Fraction(sign) * bool(value) for sign, value in zip(space.signs, pattern, strict=True))
    same = primitive(oriented)
    indices = [index for index, local in solution.local if primitive(local) == same]
    if pattern != same or len(indices) != len(solution.local) or len(set(indices)) < size - 1:
        return None
    dropped = sorted(set(range(size)) - set(indices))
    return [whole_space(space, _powers(space, oriented), dropped=dropped)]


def _rotation(solution: SpaceSolution) -> list[Family] | None:
    """Skew matrices, when every pair has one relation and it is skew on some axes."""
    space, size = solution.space, solution.space.length
    patterns = {primitive(pattern) for _, _, pattern in solution.pairs}
    if size < 2 or len(solution.pairs) != size * (size - 1) // 2 or len(patterns) != 1 or solution.local:
        return None
    pattern = patterns.pop()
    first, second = pattern[::2], pattern[1::2]
    if not set(first) <= {0, 1} or any(a != -b for a, b in zip(first, second, strict=True)):
        return None
    pairs = tuple((i, j) for i, j, _ in solution.pairs)
    return [SpaceFamily("so", _powers(space, first), size, pairs=pairs)]
