"""Members of a family: letters with numbers in them, and fields and points written out entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import product
from typing import TypeAlias

import numpy as np

from symmetries.expression import entry_names
from symmetries.fields import Monomial, VectorField, multiply_monomials
from symmetries.loss import Loss
from symmetries.sizes.matrix_field import FamilyAction, FamilyField, Setting
from symmetries.sizes.matrix_letters import random_letter
from symmetries.sizes.matrix_text import Part, Shapes, infer

Entry: TypeAlias = dict[Monomial, Fraction]

Matrix: TypeAlias = list[list[Entry]]
"""Polynomials in the entries of the symbols, row by row."""

Letters: TypeAlias = Mapping[str, list[list[Fraction]]]
"""Values of the letters, row by row."""


def sizes_of(loss: Loss, family: FamilyField | FamilyAction) -> Shapes:
    """Sizes of the letters at the sizes of a loss."""
    setting = Setting.of(loss)
    setting.require_movable(family.components, "the family")
    return infer(family.parsed, family.letters, family.kinds, setting.matrices())


def random_letters(family: FamilyField | FamilyAction, shapes: Shapes, rng: np.random.Generator) -> Letters:
    """Small whole numbers, or small fractions, in the letters of a family, of the right kinds."""
    found = {}
    for name, kind in family.letters.items():
        found[name] = [[Fraction(value) for value in row] for row in draw(kind, *shapes.letters[name], rng)]
    return found


def draw(kind: str, rows: int, columns: int, rng: np.random.Generator) -> list[list[Fraction]]:
    """A letter of that kind, exactly: an orthogonal one by Cayley's formula (1 - A)(1 + A)^-1 with a skew A.

    Orthogonal and invertible ones have determinants of both signs.

    >>> draw("orthogonal", 2, 2, np.random.default_rng(0))[0][0] ** 2 <= 1
    True
    """
    if kind == "orthogonal":
        from flint import fmpq_mat

        skew = random_letter("skew", rows, rows, rng).tolist()
        plus = fmpq_mat([[(i == j) + skew[i][j] for j in range(rows)] for i in range(rows)])
        minus = fmpq_mat([[(i == j) - skew[i][j] for j in range(rows)] for i in range(rows)])
        result = minus * plus.inv()
        side = int(rng.choice([-1, 1]))
        return [[fraction(result[i, j]) * (side if i == 0 else 1) for j in range(rows)] for i in range(rows)]
    values = random_letter("diagonal" if kind == "positive diagonal" else kind, rows, columns, rng).tolist()
    if kind in ("positive diagonal", "positive"):
        return [[Fraction(abs(value), 2) for value in row] for row in values]
    if kind == "invertible":
        large = 8 * rows
        signs = [int(rng.choice([-1, 1])), *[1] * rows]
        return [
            [Fraction(signs[i] * (value + (large if i == j else 0))) for j, value in enumerate(row)]
            for i, row in enumerate(values)
        ]
    return [[Fraction(value) for value in row] for row in values]


def fraction(value: object) -> Fraction:
    """A rational number of flint as a fraction."""
    return Fraction(int(value.p), int(value.q))  # type: ignore[attr-defined]


def inverse(values: list[list[Fraction]]) -> list[list[Fraction]]:
    """Inverse of a matrix of fractions."""
    from flint import fmpq, fmpq_mat

    size = len(values)
    rows = [[fmpq(value.numerator, value.denominator) for value in row] for row in values]
    result = fmpq_mat(rows).inv()
    return [[fraction(result[i, j]) for j in range(size)] for i in range(size)]


def member(loss: Loss, family: FamilyField, letters: Letters) -> VectorField:
    """The field of a family with these letters, written out.

    >>> loss = Loss.parse("sum((Y - U@V)**2)", {"U": (1, 1), "V": (1, 1)}, data={"Y": (1, 1)})
    >>> print(member(loss, FamilyField({"U": "-U@S", "V": "S@V"}, letters={"S": "generic"}), {"S": [[Fraction(2)]]}))
    -2*U[0,0] d/dU[0,0] + 2*V[0,0] d/dV[0,0]
    """
    return VectorField.from_polynomials(written_out(loss, family, letters))


def written_out(loss: Loss, family: FamilyField | FamilyAction, letters: Letters) -> dict[str, Entry]:
    """The components of a family, as polynomials by entry."""
    setting, shapes = Setting.of(loss), sizes_of(loss, family)
    symbols: dict[str, Matrix] = {
        name: [[{((entry, 1),): Fraction(1)} for entry in row] for row in rows_of(name, setting.shapes[name])]
        for name in setting.matrices()
    }
    result: dict[str, Entry] = {}
    for name, component in family.parsed.items():
        matrix = evaluate(component.root, letters, symbols, shapes)
        for row, entries in zip(matrix, rows_of(name, setting.shapes[name]), strict=True):
            result.update(zip(entries, row, strict=True))
    return result


def rows_of(name: str, shape: tuple[int, ...]) -> list[list[str]]:
    """Names of the entries of a symbol by row; a vector is a column."""
    names = entry_names(name, shape)
    columns = shape[1] if len(shape) == 2 else 1
    return [list(names[start : start + columns]) for start in range(0, len(names), columns)]


def evaluate(root: Part, letters: Letters, symbols: Mapping[str, Matrix], shapes: Shapes) -> Matrix:
    """A part entry by entry."""

    def number(value: Fraction) -> Entry:
        """A number as a polynomial."""
        return {(): value} if value else {}

    def one(part: Part) -> Matrix:
        """The entries of a part."""
        if part.kind in ("name", "inverse"):
            if part.name not in letters:
                return symbols[part.name]
            values = inverse(letters[part.name]) if part.kind == "inverse" else letters[part.name]
            return [[number(value) for value in row] for row in values]
        if part.kind == "number":
            return [[number(part.value)]]
        if part.kind == "ones":
            return [[number(Fraction(1))] for _ in range(shapes.ones[id(part)])]
        inner = [one(part) for part in part.parts]
        if part.kind == "scaled":
            return each(lambda entry: times(number(part.value), entry), inner[0])
        if part.kind == "transpose":
            return [list(row) for row in zip(*inner[0], strict=True)]
        if part.kind == "sum":
            return pairwise(plus, *inner)
        if part.kind == "product":
            return matrix_product(*inner)
        for scalar, other in (inner, inner[::-1]):
            if len(scalar) == len(scalar[0]) == 1:
                return each(lambda entry, factor=scalar[0][0]: times(factor, entry), other)  # type: ignore[misc]
        return pairwise(times, *inner)

    return one(root)


def each(rule: Callable[[Entry], Entry], matrix: Matrix) -> Matrix:
    """A rule on every entry."""
    return [[rule(entry) for entry in row] for row in matrix]


def pairwise(rule: Callable[[Entry, Entry], Entry], left: Matrix, right: Matrix) -> Matrix:
    """A rule on the entries of two matrices in pairs."""
    return [[rule(*pair) for pair in zip(*rows, strict=True)] for rows in zip(left, right, strict=True)]


def matrix_product(left: Matrix, right: Matrix) -> Matrix:
    """Product of two matrices of polynomials."""
    result: Matrix = []
    for row in left:
        entries: list[Entry] = []
        for column in zip(*right, strict=True):
            total: Entry = {}
            for x, y in zip(row, column, strict=True):
                total = plus(total, times(x, y))
            entries.append(total)
        result.append(entries)
    return result


def plus(left: Entry, right: Entry) -> Entry:
    """Sum of two polynomials."""
    result = dict(left)
    for monomial, value in right.items():
        total = result.get(monomial, Fraction(0)) + value
        if total:
            result[monomial] = total
        else:
            result.pop(monomial, None)
    return result


def times(left: Entry, right: Entry) -> Entry:
    """Product of two polynomials."""
    result: Entry = {}
    for (first, x), (second, y) in product(left.items(), right.items()):
        result = plus(result, {multiply_monomials(first, second): x * y})
    return result
