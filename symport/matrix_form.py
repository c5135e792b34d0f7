"""Linear fields on matrices as people write them: the change of each parameter as products with constant matrices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias, final

if TYPE_CHECKING:
    from symmetries.expression import Shape
    from symmetries.fields import Monomial, VectorField
    from symmetries.loss import Loss

Coefficients: TypeAlias = dict[tuple[int, int], Fraction]
"""Entries of a constant matrix, zero ones left out."""

LARGEST = 4_000
"""Entries of a parameter up to which its products are looked for."""


@final
@dataclass(frozen=True)
class Product:
    """The change of one parameter W, left W + W right.

    Parameters
    ----------
    name: the parameter.
    shape: its shape.
    left, right: the constant matrices.
    """

    name: str
    shape: Shape
    left: Coefficients = field(default_factory=dict)
    right: Coefficients = field(default_factory=dict)


def products(loss: Loss, field_: VectorField) -> tuple[Product, ...] | None:
    """The changes of the parameters that a field moves, None when they are no such products or there is no matrix.

    >>> from symmetries import Loss, derive
    >>> loss = Loss.parse("sum((Y - u@v)**2)", {"u": (2, 1), "v": (1, 2)}, data={"Y": (2, 2)})
    >>> [(one.name, one.left, one.right) for one in products(loss, derive(loss).generators[0])]
    [('u', {}, {(0, 0): Fraction(1, 1)}), ('v', {(0, 0): Fraction(-1, 1)}, {})]
    """
    shapes = loss.parameters | {name: item.shape for name, item in loss.data.items() if item.moves}
    if field_.polynomials is None or max(map(len, shapes.values())) < 2:
        return None
    places = {name: (target, index) for target, shape in shapes.items() for name, index in positions(target, shape)}
    moved: dict[str, dict[tuple[Index, Index], Fraction]] = {}
    for entry, polynomial in field_.polynomials.items():
        target, row = places[entry]
        for monomial, value in polynomial.items():
            source = linear_in(monomial, places)
            if source is None or source[0] != target:
                return None
            moved.setdefault(target, {})[row, source[1]] = value
    found = [factor(name, shapes[name], moved[name]) for name in shapes if name in moved]
    return None if None in found else tuple(one for one in found if one is not None)


Index: TypeAlias = tuple[int, ...]


def positions(name: str, shape: Shape) -> list[tuple[str, Index]]:
    """Entries of a parameter with their indices."""
    from symmetries.expression import entry_names

    names = entry_names(name, shape)
    return [(entry, tuple(map(int, entry[len(name) + 1 : -1].split(","))) if shape else ()) for entry in names]


def linear_in(monomial: Monomial, places: Mapping[str, tuple[str, Index]]) -> tuple[str, Index] | None:
    """Where the only factor of a monomial lies, None when there are others."""
    if len(monomial) != 1 or monomial[0][1] != 1:
        return None
    return places.get(monomial[0][0])


def factor(name: str, shape: Shape, table: dict[tuple[Index, Index], Fraction]) -> Product | None:
    """A linear map of the entries of W as W -> left W + W right, None when it is no such map."""
    if len(shape) < 2:
        pairs = {(row[0] if row else 0, column[0] if column else 0): value for (row, column), value in table.items()}
        return Product(name, shape, left=pairs)
    rows, columns = shape[0], shape[1]
    if len(shape) > 2 or rows * columns > LARGEST:
        return None
    left: Coefficients = {}
    right: Coefficients = {}
    for ((i, j), (k, m)), value in table.items():
        if i != k and j != m:
            return None
        if i != k:
            left[i, k] = value
        elif j != m:
            right[m, j] = value
    scales = [[table.get(((i, j), (i, j)), Fraction(0)) for j in range(columns)] for i in range(rows)]
    alike = [len(set(line)) == 1 for line in scales], [len(set(line)) == 1 for line in zip(*scales, strict=True)]
    by_row = bool(left) or (not right and all(alike[0]) and (not all(alike[1]) or rows <= columns))
    for k in range(rows):
        left[k, k] = scales[k][0] if by_row else Fraction(0)
    for k in range(columns):
        right[k, k] = scales[0][k] - left[0, 0]
    product = Product(name, shape, left=nonzero(left), right=nonzero(right))
    return product if expand(product) == table else None


def nonzero(matrix: Coefficients) -> Coefficients:
    """The entries that are not zero, row by row."""
    return {place: matrix[place] for place in sorted(matrix) if matrix[place]}


def expand(product: Product) -> dict[tuple[Index, Index], Fraction]:
    """The linear map of the entries, which must be the one that was factored."""
    rows, columns = product.shape
    table: dict[tuple[Index, Index], Fraction] = {}
    for (i, k), value in product.left.items():
        for j in range(columns):
            table[(i, j), (k, j)] = table.get(((i, j), (k, j)), Fraction(0)) + value
    for (m, j), value in product.right.items():
        for i in range(rows):
            table[(i, j), (i, m)] = table.get(((i, j), (i, m)), Fraction(0)) + value
    return {place: value for place, value in table.items() if value}
