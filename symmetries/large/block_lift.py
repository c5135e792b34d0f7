"""From relations modulo primes to families of generators with rational coefficients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd, lcm, prod
from typing import Any, TypeAlias, final

import numpy as np

from symmetries.large.block_diagonal import DiagonalSolution, Unknown
from symmetries.large.block_families import Family, ListedFamily, SpaceFamily, whole_space
from symmetries.large.block_fields import BlockVector
from symmetries.large.block_grading import Grading, IndexSpace, Slot
from symmetries.large.block_moments import PairRelations
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
class ComponentSolution:
    """Rational relations of the axes of one component of the grading.

    Parameters
    ----------
    pairs: for each space (i, j) and coefficients, at (i, j) of every axis, then at (j, i) unless it is oriented.
    local: index and coefficient at (i, i) of each axis.
    """

    pairs: dict[IndexSpace, list[tuple[int, int, Pattern]]]
    local: list[tuple[int, dict[Slot, Fraction]]]


def lift(solutions: Sequence[ModularSolution], grading: Grading, *, letter: str) -> list[Family] | None:
    """Families from solutions modulo several primes; None when a coefficient needs more primes."""
    if any(_structure(one) != _structure(solutions[0]) for one in solutions[1:]):
        return None
    primes = [one.prime for one in solutions]
    leader = {slot: component[0] for component in grading.components for slot in component}
    components = {component[0]: ComponentSolution({}, []) for component in grading.components}
    for number, relation in enumerate(solutions[0].pairs):
        pairs = _pair_patterns([one.pairs[number] for one in solutions], primes)
        if pairs is None:
            return None
        components[leader[relation.space.slots[0]]].pairs[relation.space] = pairs
    for number, (component, index, _) in enumerate(solutions[0].coupled.local):
        vector = _rational([one.coupled.local[number][2] for one in solutions], primes)
        if vector is None:
            return None
        components[component[0]].local.append((index, {slot: value for (slot, _, _), value in vector.items()}))
    others: list[dict[Unknown, Fraction]] = []
    for number in range(len(solutions[0].coupled.others)):
        vector = _rational([one.coupled.others[number] for one in solutions], primes)
        if vector is None:
            return None
        others.append(vector)
    families: list[Family] = []
    for one in components.values():
        for family in component_families(one):
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


# families of one component


def component_families(solution: ComponentSolution) -> list[Family]:
    """The relations of one component as families."""
    families: list[Family] = []
    local = [(index, primitive(powers)) for index, powers in solution.local]
    listed: list[BlockVector] = []
    for space, pairs in solution.pairs.items():
        own = [(index, powers) for index, powers in local if set(powers) <= set(space.slots)]
        found = _linear(space, pairs, own) if space.oriented else _rotation(space, pairs, own)
        if found is None:
            listed += [_pair_vector(space, *one) for one in pairs]
        else:
            families.append(found)
            local = [one for one in local if found.kind == "so" or one not in own]
    by_powers: dict[tuple[tuple[Slot, Fraction], ...], list[int]] = {}
    for index, powers in local:
        by_powers.setdefault(tuple(powers.items()), []).append(index)
    for key, indices in by_powers.items():
        families.append(SpaceFamily("diagonal", dict(key), key[0][0].length, tuple(indices)))
    return [*families, *([ListedFamily(tuple(listed))] if listed else [])]


def primitive(powers: Mapping[Slot, Fraction]) -> dict[Slot, Fraction]:
    """A multiple with coprime integers, the first one positive; zeros are left out."""
    kept = {slot: value for slot, value in powers.items() if value}
    scale = lcm(*(value.denominator for value in kept.values()))
    integers = {slot: int(value * scale) for slot, value in kept.items()}
    content = gcd(*integers.values()) * (-1 if next(iter(integers.values())) < 0 else 1)
    return {slot: Fraction(value // content) for slot, value in integers.items()}


def _pair_vector(space: IndexSpace, i: int, j: int, pattern: Pattern) -> BlockVector:
    """One relation of a pair as a field."""
    scale = lcm(*(value.denominator for value in pattern))
    vector: dict[Unknown, Fraction] = {}
    for k, (slot, sign) in enumerate(zip(space.slots, space.signs, strict=True)):
        if space.oriented:
            vector[(slot, *((i, j) if sign > 0 else (j, i)))] = pattern[k] * scale
        else:
            vector[slot, i, j], vector[slot, j, i] = pattern[2 * k] * scale, pattern[2 * k + 1] * scale
    return {unknown: value for unknown, value in vector.items() if value}


def _linear(
    space: IndexSpace, pairs: Sequence[tuple[int, int, Pattern]], local: Sequence[tuple[int, dict[Slot, Fraction]]]
) -> SpaceFamily | None:
    """All matrices, when every pair has one relation and it is the one of the orientation."""
    size = space.length
    patterns = {pattern for _, _, pattern in pairs}
    if size < 2 or len(pairs) != size * (size - 1) or len(patterns) != 1:
        return None
    found = dict(zip(space.slots, patterns.pop(), strict=True))
    powers = {slot: Fraction(sign) for slot, sign in zip(space.slots, space.signs, strict=True) if found[slot]}
    first = next(iter(powers))
    if (powers[first] > 0) == (first.axis == 1):  # S and -S.T give the same fields: S@W or -W@S reads better
        powers = {slot: -value for slot, value in powers.items()}
    indices = [index for index, _ in local]
    alike = all(primitive(powers) == other for _, other in local) and primitive(powers) == primitive(found)
    if not alike or len(set(indices)) != len(indices) or len(indices) < size - 1:
        return None
    return whole_space(space, powers, dropped=sorted(set(range(size)) - set(indices)))


def _rotation(
    space: IndexSpace, pairs: Sequence[tuple[int, int, Pattern]], local: Sequence[tuple[int, dict[Slot, Fraction]]]
) -> SpaceFamily | None:
    """Skew matrices, when every pair has one relation and it is skew on some axes."""
    size = space.length
    patterns = {pattern for _, _, pattern in pairs}
    if size < 2 or len(pairs) != size * (size - 1) // 2 or len(patterns) != 1 or local:
        return None
    pattern = patterns.pop()
    first, second = pattern[::2], pattern[1::2]
    if any(a != -b for a, b in zip(first, second, strict=True)):
        return None
    powers = primitive(dict(zip(space.slots, first, strict=True)))
    if set(powers.values()) != {1}:
        return None
    return SpaceFamily("so", powers, size, pairs=tuple((i, j) for i, j, _ in pairs))
