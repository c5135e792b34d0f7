"""Does a signed permutation lie in the connected group of a matrix algebra?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import lcm
from typing import Any, TypeAlias, final

import numpy as np
from flint import fmpq, fmpq_mat

from symmetries.algebra import SymmetryAlgebra
from symmetries.lower import rational
from symmetries.permutations.orbits import Orbits
from symmetries.permutations.signed_permutation import SignedPermutation

FloatMatrix: TypeAlias = np.ndarray[Any, np.dtype[Any]]

TOLERANCE = 1e-8
MOST_CHOICES = 5_000
LARGEST_DENOMINATOR = 24


@final
@dataclass(frozen=True)
class Decision:
    """Whether an element lies in the connected group; None: not decided.

    Parameters
    ----------
    inside: the answer.
    exact: whether no floating-point number entered it.
    reason: why.
    """

    inside: bool | None
    exact: bool = True
    reason: str = ""


def matrices_of(algebra: SymmetryAlgebra, coordinates: Sequence[str]) -> list[fmpq_mat] | None:
    """The matrices A of linear fields X = A w; None when a field is not linear with rational coefficients."""
    position = {name: k for k, name in enumerate(coordinates)}
    result = []
    for field in algebra.generators:
        if field.polynomials is None:
            return None
        matrix = fmpq_mat(len(coordinates), len(coordinates))
        for entry, polynomial in field.polynomials.items():
            for monomial, value in polynomial.items():
                if len(monomial) != 1 or monomial[0][1] != 1 or monomial[0][0] not in position:
                    return None
                matrix[position[entry], position[monomial[0][0]]] += rational(Fraction(value))
        result.append(matrix)
    return result


def combinations(matrices: Sequence[fmpq_mat]) -> list[list[fmpq]]:
    """Basis of the relations sum c_k M_k = 0."""
    if not matrices:
        return []
    columns = len(matrices)
    entries = [m.entries() for m in matrices]
    rows = [k for k in range(len(entries[0])) if any(one[k] != 0 for one in entries)]
    system = fmpq_mat(max(1, len(rows)), columns, [one[k] for k in rows for one in entries] or [fmpq(0)] * columns)
    reduced, rank = system.rref()
    pivots = [next(c for c in range(columns) if reduced[r, c] != 0) for r in range(rank)]
    relations = []
    for free in (c for c in range(columns) if c not in pivots):
        relation = [fmpq(0)] * columns
        relation[free] = fmpq(1)
        for r, pivot in enumerate(pivots):
            relation[pivot] = -reduced[r, free]
        relations.append(relation)
    return relations


def combined(coefficients: Sequence[fmpq], matrices: Sequence[fmpq_mat]) -> fmpq_mat:
    """sum c_k M_k."""
    total = matrices[0] * fmpq(0)
    for value, matrix in zip(coefficients, matrices, strict=True):
        if value != 0:
            total += matrix * value
    return total


def vanishing(matrices: Sequence[fmpq_mat], images: Sequence[fmpq_mat]) -> list[fmpq_mat]:
    """Basis of the combinations of matrices for which the same combination of their images vanishes."""
    return [combined(relation, matrices) for relation in combinations(images)]


def decide(
    element: SignedPermutation,
    d: fmpq_mat,
    matrices: Sequence[fmpq_mat],
    skew: Sequence[fmpq_mat],
    *,
    self_adjoint: bool,
) -> Decision:
    """Whether d lies in the connected group of an algebra, whose skew elements are given."""
    if element.is_identity:
        return Decision(True)
    if not matrices:
        return Decision(False)
    if turns_over(element, matrices):
        return Decision(False, reason="it leaves an invariant subspace, or its determinant there is negative")
    commuting = vanishing(skew, [x * d - d * x for x in skew])
    torus = maximal_torus(commuting)
    if torus is None:
        return Decision(None, reason="no maximal torus was found")
    found = logarithm(element, d, torus)
    if found.inside is False and not self_adjoint:
        return Decision(None, reason="the algebra is not closed under transposition")
    return found


def turns_over(element: SignedPermutation, matrices: Sequence[fmpq_mat]) -> bool:
    """Whether some span of coordinates that the algebra keeps is moved, or turned over."""
    size = len(element.names)
    blocks = Orbits(size)
    for x in matrices:
        for i in range(size):
            for j in range(size):
                if x[i, j] != 0:
                    blocks.join(i, j)
    for block in blocks.sets():
        inside = set(block)
        if any(element.images[k] not in inside for k in block):
            return True
        restricted = element.matrix[np.ix_(block, block)]
        if round(float(np.linalg.det(restricted))) < 0:
            return True
    return False


def maximal_torus(algebra: Sequence[fmpq_mat]) -> list[fmpq_mat] | None:
    """The centraliser of a random element of an algebra of skew matrices; None when it is not abelian."""
    if not algebra:
        return []
    rng = np.random.default_rng(len(algebra))
    for _ in range(5):
        r = combined([fmpq(int(value)) for value in rng.integers(-999, 1000, size=len(algebra))], algebra)
        torus = vanishing(algebra, [x * r - r * x for x in algebra])
        if all(x * y == y * x for x in torus for y in torus):
            return torus
    return None


def logarithm(element: SignedPermutation, d: fmpq_mat, torus: Sequence[fmpq_mat]) -> Decision:
    """Whether d = exp X for an X in a torus of skew matrices that commute with d."""
    if not torus:
        return Decision(False, reason="no skew element of the algebra commutes with it")
    matrices = [to_floats(x) for x in torus]
    rng = np.random.default_rng(7)
    generic = np.einsum("a,aij->ij", rng.normal(size=len(matrices)), np.array(matrices))
    values, vectors = np.linalg.eigh(1j * generic)
    turned = to_floats(d) @ vectors
    phases: list[Fraction] = []
    weights = []
    for group in clusters(values):
        space = vectors[:, group]
        block = space.conj().T @ turned[:, group]
        angle = np.angle(block[0, 0]) / (2 * np.pi)
        if np.abs(block - np.exp(2j * np.pi * angle) * np.eye(len(group))).max() > TOLERANCE:
            return Decision(False, exact=False, reason="it is no multiple of the identity on a weight space")
        phases.append(Fraction(round(float(angle) * element.order), element.order))
        vector = space[:, 0]
        weights.append([float((vector.conj() @ x @ vector).imag) for x in matrices])
    return solve_lattice(d, torus, np.array(weights), phases)


def to_floats(x: fmpq_mat) -> FloatMatrix:
    """A rational matrix in double precision."""
    rows, columns = x.nrows(), x.ncols()
    return np.array([int(v.p) / int(v.q) for v in x.entries()]).reshape(rows, columns)


def clusters(values: FloatMatrix) -> list[list[int]]:
    """Equal numbers together."""
    groups: list[list[int]] = []
    for k, value in enumerate(values):
        if groups and abs(value - values[groups[-1][-1]]) <= TOLERANCE * (1 + abs(value)):
            groups[-1].append(k)
        else:
            groups.append([k])
    return groups


def solve_lattice(d: fmpq_mat, torus: Sequence[fmpq_mat], weights: FloatMatrix, phases: Sequence[Fraction]) -> Decision:
    """Whether weights . c = phases modulo 1 has a real solution c, in units of a full turn."""
    rank = len(torus)
    pivots: list[int] = []
    for row in range(len(weights)):
        if np.linalg.matrix_rank(weights[[*pivots, row]], tol=1e-6) > len(pivots):
            pivots.append(row)
    if len(pivots) != rank:
        return Decision(None, reason="the weights of the torus could not be computed")
    relative = weights @ np.linalg.inv(weights[pivots])
    exact = [[Fraction(float(v)).limit_denominator(LARGEST_DENOMINATOR) for v in row] for row in relative]
    if np.abs(relative - np.array(exact, dtype=float)).max() > TOLERANCE:
        return Decision(None, reason="the weights of the torus have no small ratios")
    period = lcm(*(v.denominator for row in exact for v in row))
    if period**rank > MOST_CHOICES:
        return Decision(None, reason="the lattice of the torus is too large")
    for turns in product(range(period), repeat=rank):
        u = [phases[row] + turn for row, turn in zip(pivots, turns, strict=True)]
        angles = [sum((a * b for a, b in zip(row, u, strict=True)), Fraction(0)) for row in exact]
        if all((a - b).denominator == 1 for a, b in zip(angles, phases, strict=True)):
            return _found(d, torus, weights[pivots], u, angles)
    return Decision(False, exact=False, reason="the angles do not fit the lattice of the torus")


def _found(
    d: fmpq_mat, torus: Sequence[fmpq_mat], weights: FloatMatrix, u: Sequence[Fraction], angles: Sequence[Fraction]
) -> Decision:
    """The logarithm, exact where its angles are multiples of a quarter turn and its coefficients rational."""
    from scipy.linalg import expm

    coefficients = np.linalg.solve(weights, 2 * np.array(u, dtype=float))
    x = sum(c * to_floats(t) for c, t in zip(coefficients, torus, strict=True))
    if np.abs(expm(np.pi * x) - to_floats(d)).max() > TOLERANCE:
        return Decision(None, reason="a logarithm was found that numbers do not confirm")
    near = [Fraction(float(c)).limit_denominator(10_000) for c in coefficients]
    q = combined([rational(value) for value in near], torus)
    return Decision(True, exact=is_exponential(q, d, {abs(2 * angle) for angle in angles}))


def is_exponential(q: fmpq_mat, d: fmpq_mat, speeds: set[Fraction]) -> bool:
    """Whether exp(pi Q) = d exactly, for a skew Q whose eigenvalues are i times the speeds, multiples of 1/2."""
    if any((2 * speed).denominator != 1 for speed in speeds):
        return False
    size = q.nrows()
    one = fmpq_mat(size, size, [int(i == j) for i in range(size) for j in range(size)])
    square = q * q
    total = sum_of_parts = one * fmpq(0)
    for speed in speeds:
        part = one
        for other in speeds - {speed}:
            part = part * (square + one * rational(other**2)) * rational(1 / (other**2 - speed**2))
        if square * part != part * rational(-(speed**2)):
            return False
        total += part
        quarter = int(2 * speed) % 4
        sum_of_parts += part * fmpq((1, 0, -1, 0)[quarter])
        if quarter % 2:
            sum_of_parts += q * part * rational(sine(quarter) / speed)
    return bool(total == one and sum_of_parts == d)


def sine(quarter: int) -> Fraction:
    """The sine of a number of quarter turns, one or three."""
    return Fraction(1 if quarter == 1 else -1)
