"""Data of a loss, and the exact numbers that it may hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias, final

from manifolds.errors import InputError
from symmetries.expression import Node, Shape, array, check_shape, number
from symmetries.refusal import Limits, shorten
from symmetries.words import NUMBER

Nested: TypeAlias = "Fraction | tuple[Nested, ...]"
"""A number, or rows of them, or rows of rows."""


def exact(value: object, what: str) -> Fraction:
    """A number exactly as it is written: 0.1 is 1/10, ``"1/3"`` is 1/3.

    >>> exact(0.1, "x"), exact("1/3", "x")
    (Fraction(1, 10), Fraction(1, 3))
    """
    if isinstance(value, Fraction):
        return value
    if type(value) is float and math.isfinite(value):
        return Fraction(repr(value))
    text = str(value).strip() if isinstance(value, str | int | float | Decimal) or hasattr(value, "dtype") else ""
    parts = text.split("/")
    limit = Limits().digits
    if text and len(parts) <= 2 and not isinstance(value, bool) and len(text) <= 2 * limit:
        numbers = [fraction(part.strip(), limit) for part in parts]
        if numbers[0] is not None and numbers[-1] is not None and (len(parts) == 1 or numbers[1]):
            return numbers[0] / numbers[1] if len(parts) == 2 else numbers[0]  # type: ignore[operator]
    raise InputError(
        f"{what} has the value {shorten(repr(value))}",
        why=f"a value must be a finite real number of at most {limit} digits",
        cure="use integers, decimals, or fractions as text such as '1/3'",
    )


def fraction(text: str, limit: int) -> Fraction | None:
    """A decimal number, None when it is none or has too many digits."""
    match = NUMBER.fullmatch(text.lstrip("+-")[:limit]) if text[1:].lstrip("+-") == text[1:] else None
    if match is None or len(text) > limit:
        return None
    exponent = match.group(2)
    if exponent and (len(exponent) > 9 or abs(int(exponent)) > limit):
        return None
    return Fraction(text)


def is_rows(value: object) -> bool:
    """Whether a value has rows."""
    return isinstance(value, list | tuple)


def plain(values: Any) -> Any:
    """Nested lists from an array of any library; decimals of short floats are kept as they print."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    if hasattr(values, "dtype") and hasattr(values, "tolist"):
        kind = getattr(values.dtype, "kind", "")
        return values.astype(str).tolist() if kind == "f" and values.dtype.itemsize < 8 else values.tolist()
    if hasattr(values, "tolist") and not is_rows(values):  # a matrix of SymPy
        return values.tolist()
    return values


def measure(values: object, what: str) -> tuple[Shape, tuple[Fraction, ...]]:
    """Shape and row-major entries of nested lists of numbers.

    >>> measure([[1, 2], [3, 4]], "Y")[0]
    (2, 2)
    """
    values = plain(values)
    shape: Shape = ()
    level: list[object] = [values]
    while any(map(is_rows, level)):
        lengths = {len(row) if isinstance(row, list | tuple) else -1 for row in level}
        if len(lengths) != 1 or 0 in lengths or len(shape) == Limits().axes:
            why = "rows are empty" if 0 in lengths else "rows differ in length, or nest too deep"
            raise InputError(f"the values of {what} form no array", why=why, cure="give rows of the same length")
        shape = (*shape, lengths.pop())
        check_shape(shape, what=what)
        level = [entry for row in level if isinstance(row, list | tuple) for entry in row]
    return shape, tuple(exact(entry, what) for entry in level)


def nest(values: tuple[Any, ...], shape: Shape) -> Any:
    """Row-major entries as nested tuples.

    >>> nest((1, 2, 3, 4), (2, 2))
    ((1, 2), (3, 4))
    """
    for length in reversed(shape[1:]):
        values = tuple(values[start : start + length] for start in range(0, len(values), length))
    return values if shape else values[0]


@final
@dataclass(frozen=True)
class Data:
    """Data of a loss: for all data, for given data, or data that the group may move.

    Parameters
    ----------
    shape: its shape, ``()`` for a number.
    values: nested lists of numbers when it is given; None when a symmetry must hold for all data.
    moves: whether the group may act on it too.

    >>> Data((2,), moves=True).moves
    True
    >>> Data.given([[1, 2], [3, 4]]).shape
    (2, 2)
    """

    shape: Shape
    values: tuple[Fraction, ...] | None = None
    moves: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.shape, list | tuple):
            raise InputError(
                f"data of the shape {shorten(repr(self.shape))}",
                why="a shape is a list of lengths",
                cure="write Data((3, 4)), or Data.given(values)",
            )
        object.__setattr__(self, "shape", tuple(self.shape))
        check_shape(self.shape, what="the data")
        if not isinstance(self.moves, bool):
            raise InputError(f"data with moves={self.moves!r}", why="it is a switch", cure="write moves=True or False")
        if self.values is None:
            return
        if self.moves:
            why = "the group moves all data, and this data is fixed"
            raise InputError("data that has values and moves", why=why, cure="drop the values, or moves")
        shape, values = measure(self.values, "the data")
        if shape != self.shape and not (shape == (math.prod(self.shape),) and len(self.shape) != 1):
            why = f"its values have the shape {list(shape)}"
            raise InputError(f"data of the shape {list(self.shape)}", why=why, cure="make the two agree")
        object.__setattr__(self, "values", values)

    @classmethod
    def given(cls, values: object) -> Data:
        """Data with values, nested lists or an array."""
        shape, entries = measure(values, "the data")
        return cls(shape, entries)

    @property
    def node(self) -> Node:
        """The values as an expression."""
        if self.values is None:
            raise InputError("data without values", why="it stands for all data", cure="use its symbol")
        return array(self.values, self.shape) if self.shape else number(self.values[0])

    def to_json(self) -> Any:
        """A shape, values as text, or both with the switch."""
        if self.values is not None:
            return listed(nest(self.values, self.shape))
        return {"shape": list(self.shape), "moves": True} if self.moves else list(self.shape)


def listed(nested: Any) -> Any:
    """Nested tuples of numbers as nested lists of exact text.

    >>> listed(((Fraction(1, 3), Fraction(2)),))
    [['1/3', '2']]
    """
    return [listed(row) for row in nested] if isinstance(nested, tuple) else str(nested)
