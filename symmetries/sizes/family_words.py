r"""All symmetries of a family of losses that are one matrix times each parameter, for every size.

For an index space s and a kind of matrices, the field :math:`X = \sum_i \alpha_i (S\cdot_i \theta)` acts with the same
S on every axis i of that size, with unknown weights.  X.L is linear in the weights; its coefficients in normal form,
and those of all forms that must vanish on the way, are linear equations for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias, final

from flint import fmpq, fmpq_mat

from symmetries.sizes.equivariance import Derivation
from symmetries.sizes.family import Length, LossFamily, resolve
from symmetries.sizes.matrix_algebra import MatrixAlgebra
from symmetries.sizes.matrix_forms import Atom, Form, NotDecided
from symmetries.sizes.matrix_letters import letter_atom
from symmetries.sizes.matrix_reading import Reading, matrix_shape

Weights: TypeAlias = tuple[Fraction, ...]
"""One weight for each place, in the order of the places."""

MARK = "?"
"""What unknown weights are called by; no size starts with it."""


@final
@dataclass(frozen=True)
class Place:
    """An axis of a parameter; ``axis`` is 0 for rows, 1 for columns, None for the parameter as a whole."""

    parameter: str
    axis: int | None


def places_of(family: LossFamily, size: Length) -> tuple[Place, ...]:
    """All axes of parameters that have that size."""
    return tuple(
        Place(name, axis)
        for name, shape in family.parameters.items()
        if len(shape) <= 2
        for axis, length in enumerate(shape)
        if length == size
    )


def whole_places(family: LossFamily) -> tuple[Place, ...]:
    """All parameters as a whole."""
    return tuple(Place(name, None) for name, shape in family.parameters.items() if len(shape) <= 2)


def spaces_of(family: LossFamily) -> tuple[Length, ...]:
    """The sizes of the parameters, in order of first appearance."""
    shapes = [shape for shape in family.parameters.values() if len(shape) <= 2]
    return tuple(dict.fromkeys(length for shape in shapes for length in shape if length != 1))


def matrix_weights(family: LossFamily, size: Length, kind: str) -> list[Weights]:
    """Basis of the weights with which S W (rows) and W S (columns) are a symmetry for every S of a kind."""
    length = resolve((size,), family.structure.sizes)[0]

    def one(algebra: MatrixAlgebra, place: Place, letter: Atom) -> Form:
        """A letter on one side of a parameter."""
        form = parameter(algebra, family, place.parameter)
        own = algebra.single(letter)
        return algebra.multiply(own, form) if place.axis == 0 else algebra.multiply(form, own)

    return solve(family, places_of(family, size), lambda algebra: letter_atom(algebra, "S", kind, length, length), one)


def shift_weights(family: LossFamily, size: Length) -> list[Weights]:
    """Basis of the weights with which c, c 1^T (rows) and 1 c^T (columns) are a symmetry for every column c."""
    length = resolve((size,), family.structure.sizes)[0]

    def one(algebra: MatrixAlgebra, place: Place, letter: Atom) -> Form:
        """A column, repeated along the other axis."""
        rows, columns = shape_of(family, place.parameter)
        own = algebra.single(letter)
        if place.axis == 0:
            return algebra.multiply(own, algebra.transpose(algebra.ones(columns)))
        return algebra.multiply(algebra.ones(rows), algebra.transpose(own))

    return solve(family, places_of(family, size), lambda algebra: letter_atom(algebra, "c", "generic", length, 1), one)


def whole_weights(family: LossFamily, *, shift: bool) -> list[Weights]:
    """Basis of the weights with which t W, or t 1 1^T, is a symmetry for every number t."""

    def one(algebra: MatrixAlgebra, place: Place, letter: Atom) -> Form:
        """A number times a parameter, or times ones."""
        rows, columns = shape_of(family, place.parameter)
        ones = algebra.multiply(algebra.ones(rows), algebra.transpose(algebra.ones(columns)))
        base = ones if shift else parameter(algebra, family, place.parameter)
        return algebra.times(algebra.single(letter), base)

    return solve(family, whole_places(family), lambda algebra: letter_atom(algebra, "t", "scalar", 1, 1), one)


def shape_of(family: LossFamily, name: str) -> tuple[int, int]:
    """Rows and columns of a parameter at the primes."""
    return matrix_shape(resolve(family.parameters[name], family.structure.sizes))


def parameter(algebra: MatrixAlgebra, family: LossFamily, name: str) -> Form:
    """A parameter as a form."""
    return algebra.single(algebra.atom("symbol", name, *shape_of(family, name)))


def solve(
    family: LossFamily,
    places: tuple[Place, ...],
    letter_of: Callable[[MatrixAlgebra], Atom],
    one: Callable[[MatrixAlgebra, Place, Atom], Form],
) -> list[Weights]:
    """Basis of the weights of all symmetries; those that the rules do not see are missing."""
    setting = family.setting
    algebra = MatrixAlgebra(setting.measure)
    letter = letter_of(algebra)
    field: dict[str, Form] = {}
    for number, place in enumerate(places):
        moved = algebra.scale(one(algebra, place, letter), 1, ((f"{MARK}{number}", Fraction(1)),))
        known = field.get(place.parameter)
        field[place.parameter] = moved if known is None else algebra.add(known, moved)
    equations: list[Form] = []
    derivation = Derivation(algebra, field, (letter,), equations)
    try:
        root = Reading(algebra, quantity=setting.quantity).read(setting.root)
        equations.append(derivation.of(root))
    except (NotDecided, RecursionError):
        return []
    return null_space(rows_of(equations), len(places))


def rows_of(equations: Iterable[Form]) -> list[dict[int, Fraction]]:
    """The linear equations for the weights: one for each term, with the unknown weight taken out of its units."""
    rows: dict[object, dict[int, Fraction]] = {}
    for number, form in enumerate(equations):
        for (units, scalars, word), value in form.terms.items():
            unknown = [name for name, _ in units if name.startswith(MARK)]
            kept = tuple(unit for unit in units if not unit[0].startswith(MARK))
            row = rows.setdefault((number, kept, scalars, word), {})
            index = int(unknown[0].removeprefix(MARK))
            row[index] = row.get(index, Fraction(0)) + value
    return list(rows.values())


def null_space(rows: list[dict[int, Fraction]], size: int) -> list[Weights]:
    """Basis of the solutions of linear equations.

    >>> null_space([{0: Fraction(1), 1: Fraction(1)}], 2)
    [(Fraction(-1, 1), Fraction(1, 1))]
    """
    if not size:
        return []
    matrix = fmpq_mat(max(1, len(rows)), size)
    for place, equation in enumerate(rows):
        for column, value in equation.items():
            matrix[place, column] = fmpq(value.numerator, value.denominator)
    reduced, rank = matrix.rref()
    pivots = [next(column for column in range(size) if reduced[row, column] != 0) for row in range(rank)]
    basis = []
    for free in (column for column in range(size) if column not in pivots):
        vector = [Fraction(0)] * size
        vector[free] = Fraction(1)
        for row, pivot in enumerate(pivots):
            entry = reduced[row, free]
            vector[pivot] = -Fraction(int(entry.p), int(entry.q))
        basis.append(tuple(vector))
    return basis


def rank_of(vectors: Iterable[Mapping[Any, Fraction]]) -> int:
    """Rank of sparse vectors.

    >>> rank_of([{"a": Fraction(1)}, {"a": Fraction(2)}, {}])
    1
    """
    rows = [dict(vector) for vector in vectors]
    keys = {key: number for number, key in enumerate(dict.fromkeys(key for row in rows for key in row))}
    if not keys:
        return 0
    matrix = fmpq_mat(len(rows), len(keys))
    for number, row in enumerate(rows):
        for key, value in row.items():
            matrix[number, keys[key]] = fmpq(value.numerator, value.denominator)
    return int(matrix.rank())


def independent_of(vectors: Iterable[Weights], known: Iterable[Weights]) -> list[Weights]:
    """Those of some vectors that enlarge the span of known ones and of those before them."""
    kept: list[Mapping[Any, Fraction]] = [dict(enumerate(vector)) for vector in known]
    result = []
    for vector in vectors:
        sparse: Mapping[Any, Fraction] = dict(enumerate(vector))
        if rank_of([*kept, sparse]) > rank_of(kept):
            kept.append(sparse)
            result.append(vector)
    return result
