r"""Large algebras of linear fields, named by their action on blocks of coordinates.

An algebra g acts on each block of coordinates that it maps into itself.  When the images on some blocks have
dimensions that add up to that of g, and no element acts as zero on all of them, g is their direct sum.  An image of
dimension k^2 on k coordinates is gl(k,R); one of dimension k(k - 1)/2 that keeps a symmetric form is so(p,q); etc.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, final

import numpy as np
from flint import fmpq, fmpq_mat, nmod_mat

from symmetries.fields import VectorField
from symmetries.nullspace import null_vectors, rational_vector
from symmetries.structure.algebra_identity import AlgebraIdentity, reductive_sum

PRIME = 2**31 - 1
LARGEST_BLOCK = 36
LARGEST_DIMENSION = 2_500
COMBINATIONS = 2

Entries = list[tuple[int, int, int, Fraction]]
"""Entries (generator, row, column, value) of the matrices of an image."""


@final
@dataclass(frozen=True)
class NaturalImage:
    """The image of an algebra on a block of k coordinates, known by its dimension.

    Parameters
    ----------
    kind: ``gl``, ``sl``, ``so`` or ``sp``.
    size: k.
    signature: of the form that an image of kind ``so`` keeps, the larger number first.
    """

    kind: str
    size: int
    signature: tuple[int, int] = (0, 0)

    @property
    def name(self) -> str:
        """Name in the printed grammar."""
        if self.kind != "so":
            return f"{self.kind}({self.size},R)"
        p, q = self.signature
        return f"so({p},{q})" if q else f"so({p})"

    @property
    def killing(self) -> tuple[int, int, int]:
        """Signature of the Killing form."""
        k, (p, q) = self.size, self.signature
        if self.kind in ("gl", "sl"):
            return (k - 1) * (k + 2) // 2, k * (k - 1) // 2, int(self.kind == "gl")
        if self.kind == "sp":
            return k * (k + 2) // 4, k * k // 4, 0
        return (p * q, p * (p - 1) // 2 + q * (q - 1) // 2, 0) if k > 2 else (0, 0, 1)

    @property
    def ideals(self) -> tuple[str, ...]:
        """Names of the simple ideals."""
        if self.kind == "gl":
            return (f"sl({self.size},R)",) if self.size > 1 else ()
        if self.kind == "so" and self.size == 2:
            return ()
        if self.kind == "so" and self.size == 4:
            return {0: ("so(3)", "so(3)"), 1: ("so(3,1)",), 2: ("so(2,1)", "so(2,1)")}[self.signature[1]]
        return (self.name,)


def identify_by_blocks(fields: Sequence[VectorField], names: Sequence[str]) -> AlgebraIdentity | None:
    """The identity of a large algebra of linear fields; None where its action on blocks does not show it.

    >>> from symmetries import Loss, derive
    >>> algebra = derive(Loss.parse("sum(x**2) - sum(y**2)", {"x": (4,), "y": (3,)}))
    >>> identify_by_blocks(algebra.generators, algebra.loss.entries).name
    'so(4,3)'
    """
    dimension = len(fields)
    entries = _linear_entries(fields, {name: k for k, name in enumerate(names)})
    if entries is None or dimension > LARGEST_DIMENSION:
        return None
    candidates = sorted(_images(entries, dimension), key=lambda one: -one[0])
    chosen: list[NaturalImage] = []
    columns: np.ndarray[Any, Any] = np.zeros((dimension, 0), dtype=np.int64)
    total = 0
    for rank, table, block in candidates:
        if total + rank > dimension:
            continue
        joint = np.concatenate([columns, table], axis=1)
        if _rank(joint) != total + rank:
            continue
        image = _recognise(rank, block, dimension)
        if image is None:
            continue
        chosen.append(image)
        columns, total = joint, total + rank
        if total == dimension:
            return _identity(chosen)
    return None


def _linear_entries(fields: Sequence[VectorField], place: Mapping[str, int]) -> Entries | None:
    """Matrix entries of the fields; None where one is not linear with rational coefficients."""
    entries: Entries = []
    for k, field in enumerate(fields):
        if field.polynomials is None:
            return None
        for entry, polynomial in field.polynomials.items():
            for monomial, value in polynomial.items():
                if len(monomial) != 1 or monomial[0][1] != 1 or monomial[0][0] not in place:
                    return None
                entries.append((k, place[entry], place[monomial[0][0]], value))
    return entries


def _images(entries: Entries, dimension: int) -> Iterator[tuple[int, np.ndarray[Any, Any], Entries]]:
    """Rank, table (generators x entries) modulo the prime, and entries of the image on each block of coordinates."""
    import networkx

    graph = networkx.Graph()
    graph.add_edges_from((row, column) for _, row, column, _ in entries)
    for block in networkx.connected_components(graph):
        size = len(block)
        if not 1 <= size <= LARGEST_BLOCK:
            continue
        place = {coordinate: k for k, coordinate in enumerate(sorted(block))}
        inside = [(k, place[i], place[j], value) for k, i, j, value in entries if i in place]
        table = np.zeros((dimension, size * size), dtype=np.int64)
        for k, i, j, value in inside:
            if value.denominator % PRIME == 0:
                return
            table[k, i * size + j] = value.numerator * pow(value.denominator, -1, PRIME) % PRIME
        rank = _rank(table)
        if rank in {size * size, size * size - 1, size * (size - 1) // 2, size * (size + 1) // 2}:
            yield rank, table, inside


def _rank(table: np.ndarray[Any, Any]) -> int:
    """Rank modulo the prime, a lower bound of the rank."""
    rows, columns = table.shape
    return int(nmod_mat(rows, columns, table.ravel().tolist(), PRIME).rank()) if table.size else 0


def _recognise(rank: int, entries: Entries, dimension: int) -> NaturalImage | None:
    """The image of that rank, which exact bounds of its dimension confirm."""
    size = 1 + max(max(i, j) for _, i, j, _ in entries)
    if rank == size * size:
        return NaturalImage("gl", size)
    if rank == size * size - 1 and size > 2 and not any(_traces(entries, dimension)):
        return NaturalImage("sl", size)
    form = _invariant_form(entries, size, dimension)
    if form is None:
        return None
    symmetric = all(form[i, j] == form[j, i] for i in range(size) for j in range(i))
    skew = all(form[i, j] == -form[j, i] for i in range(size) for j in range(i + 1))
    if symmetric and rank == size * (size - 1) // 2:
        return NaturalImage("so", size, _signature(form))
    return NaturalImage("sp", size) if skew and rank == size * (size + 1) // 2 else None


def _traces(entries: Entries, dimension: int) -> list[Fraction]:
    """Traces of the matrices."""
    traces = [Fraction(0)] * dimension
    for k, i, j, value in entries:
        if i == j:
            traces[k] += value
    return traces


def _invariant_form(entries: Entries, size: int, dimension: int) -> fmpq_mat | None:
    """The non-degenerate form S with A^T S + S A = 0 for all matrices, when it is the only one up to a factor."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(COMBINATIONS):
        weights = rng.integers(1, PRIME, size=dimension)
        matrix = np.zeros((size, size), dtype=object)
        for k, i, j, value in entries:
            matrix[i, j] += int(weights[k]) * value.numerator * pow(value.denominator, -1, PRIME)
        a = np.array(matrix % PRIME, dtype=np.uint64)
        left = np.einsum("ki,jl->ijkl", a, np.eye(size, dtype=np.uint64))
        right = np.einsum("ik,lj->ijkl", np.eye(size, dtype=np.uint64), a)
        rows.append(((left + right) % np.uint64(PRIME)).reshape(size * size, size * size))
    _, basis = null_vectors(np.concatenate(rows), PRIME)
    lifted = rational_vector(basis[0], PRIME) if len(basis) == 1 else None
    if lifted is None:
        return None
    form = fmpq_mat(size, size, [lifted.get(k, fmpq(0)) for k in range(size * size)])
    return form if form.det() != 0 and _keeps(entries, form, size) else None


def _keeps(entries: Entries, form: fmpq_mat, size: int) -> bool:
    """Whether A^T S + S A = 0 for every matrix, exactly."""
    residuals: dict[tuple[int, int, int], fmpq] = {}
    for k, i, j, value in entries:
        a = fmpq(value.numerator, value.denominator)
        for m in range(size):
            for place, part in (((k, j, m), a * form[i, m]), ((k, m, j), form[m, i] * a)):
                if part != 0:
                    residuals[place] = residuals.get(place, fmpq(0)) + part
    return not any(residuals.values())


def _signature(form: fmpq_mat) -> tuple[int, int]:
    """Positive and negative squares of a symmetric form, the larger number first, by Descartes' rule."""
    coefficients = [value for value in form.charpoly().coeffs() if value != 0]
    changes = sum((a > 0) != (b > 0) for a, b in pairwise(coefficients))
    size = form.nrows()
    return max(changes, size - changes), min(changes, size - changes)


def _identity(images: Sequence[NaturalImage]) -> AlgebraIdentity:
    """The direct sum of the images."""
    ideals = [ideal for image in images for ideal in image.ideals]
    positive, negative, centre = (sum(image.killing[k] for image in images) for k in range(3))
    lines = sum(image.size == 1 for image in images)
    name = " + ".join([*(image.name for image in images if image.size > 1), *([f"R^{lines}"] if lines else [])])
    return reductive_sum(name, ideals, positive=positive, negative=negative, centre=centre)
