"""Quantities that should vanish, X.L or L(g.w) - L(w), in any arithmetic and straight from the array expression."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.compiled import Tape
from symmetries.dual import Arithmetic, Array, Dual, evaluate
from symmetries.expression import Node, Shape, entry_names
from symmetries.numbers import as_float

if TYPE_CHECKING:
    from symmetries.loss import Loss

Point: TypeAlias = Mapping[str, Array]
"""Arrays of fractions by name of symbol, without an axis of samples."""


def free_shapes(loss: Loss) -> dict[str, Shape]:
    """Shapes of everything that has no value: parameters, data, constants."""
    data = {name: item.shape for name, item in loss.data.items() if item.values is None}
    return {**loss.parameters, **data, **dict.fromkeys(loss.constants, ())}


def movable(loss: Loss) -> dict[str, tuple[str, int]]:
    """Symbol and row-major position of each entry that a symmetry may move."""
    shapes = {**loss.parameters, **{name: item.shape for name, item in loss.data.items() if item.moves}}
    return {entry: (name, k) for name, shape in shapes.items() for k, entry in enumerate(entry_names(name, shape))}


def read_field(loss: Loss, components: Mapping[str, str]) -> dict[str, Node]:
    """The components of a vector field as scalar expressions, by entry."""
    entries = movable(loss)
    nodes = {}
    for entry, formula in components.items():
        if entry not in entries:
            known = ", ".join(list(entries)[:6]) + (", ..." if len(entries) > 6 else "")
            raise InputError(
                f"the component d/d{entry} of a vector field",
                why=f"{entry!r} is no parameter entry of the loss",
                cure=f"use {known}",
            )
        node = loss.read(str(formula))
        if node.shape != ():
            raise InputError(
                f"the component d/d{entry} = {formula}",
                why=f"it has the shape {list(node.shape)}",
                cure="give a scalar formula",
            )
        nodes[entry] = node
    return nodes


def unmoved(arithmetic: Arithmetic, point: Point) -> dict[str, Dual]:
    """A point (one sample) as inputs that do not move."""
    convert = np.frompyfunc(arithmetic.constant, 1, 1)
    return {name: Dual(np.asarray(convert(value), dtype=object)[None], None) for name, value in point.items()}


def along(
    loss: Loss, components: Mapping[str, Node], arithmetic: Arithmetic, inputs: Mapping[str, Dual]
) -> dict[str, Dual]:
    """The inputs with the values of the field as tangents."""
    places = movable(loss)
    samples = len(next(iter(inputs.values())).values)
    moved = dict(inputs)
    tangents: dict[str, Array] = {}
    for entry, node in components.items():
        name, k = places[entry]
        if name not in tangents:
            tangents[name] = np.empty(inputs[name].values.shape, dtype=object)
            tangents[name].fill(arithmetic.constant(0))
        tangents[name].reshape(samples, -1)[:, k] = evaluate(node, arithmetic, inputs).values
    for name, tangent in tangents.items():
        moved[name] = Dual(inputs[name].values, tangent)
    return moved


class Quantity(ABC):
    """A function of a point that a claim says is zero everywhere."""

    @property
    @abstractmethod
    def shapes(self) -> dict[str, Shape]:
        """Shapes of the symbols that a point gives values to."""

    @abstractmethod
    def evaluate(self, arithmetic: Arithmetic, point: Point) -> tuple[Any, Any]:
        """The quantity, and the value of the loss, at one point."""

    @abstractmethod
    def floats(self, point: Mapping[str, Any]) -> tuple[float, float]:
        """The quantity in double precision, and the scale of its summands."""


@final
class FieldDerivative(Quantity):
    """X.L for a vector field X.

    >>> from symmetries import Loss
    >>> from symmetries.dual_numbers import Fractions
    >>> loss = Loss.parse("x**2 + y**2")
    >>> quantity = FieldDerivative(loss, read_field(loss, {"x": "y"}))
    >>> quantity.evaluate(Fractions(), {name: np.array(Fraction(3), dtype=object) for name in ("x", "y")})
    (Fraction(18, 1), Fraction(18, 1))
    """

    def __init__(self, loss: Loss, components: Mapping[str, Node]) -> None:
        self.loss = loss
        self.components = components
        self._places = movable(loss)
        self._names = tuple(dict.fromkeys(self._places[entry][0] for entry in components))
        self._tape: Tape | None = None
        self._tapes: dict[str, Tape] = {}

    @property
    def shapes(self) -> dict[str, Shape]:
        """Parameters, data and constants."""
        return free_shapes(self.loss)

    def evaluate(self, arithmetic: Arithmetic, point: Point) -> tuple[Any, Any]:
        """X.L and L."""
        inputs = along(self.loss, self.components, arithmetic, unmoved(arithmetic, point))
        result = evaluate(self.loss.expression, arithmetic, inputs)
        tangent = arithmetic.constant(0) if result.tangents is None else result.tangents[0]
        return tangent, result.values[0]

    def floats(self, point: Mapping[str, Any]) -> tuple[float, float]:
        """X.L and the sum of the absolute values of its summands, as the chain rule writes them."""
        if self._tape is None:
            self._tape = Tape(self.loss.expression, self._names)
            self._tapes = {entry: Tape(node, ()) for entry, node in self.components.items()}
        with np.errstate(all="ignore"):
            values = self._tape.values(point)
            if not math.isfinite(float(values[-1])):
                return math.nan, math.nan
            gradient, magnitudes = self._tape.gradient(values), self._tape.magnitudes(values)
            terms, scale = [], 0.0
            for entry, tape in self._tapes.items():
                name, k = self._places[entry]
                if name in gradient:
                    component = float(tape.values(point)[-1])
                    terms.append(component * float(gradient[name].reshape(-1)[k]))
                    scale += abs(component) * float(magnitudes[name].reshape(-1)[k])
        defined = math.isfinite(scale) and all(map(math.isfinite, terms))
        return (math.fsum(terms), scale) if defined else (math.nan, math.nan)


@final
class Difference(Quantity):
    """left - right for two scalar expressions, such as L(g.w) and L(w)."""

    def __init__(self, left: Node, right: Node, shapes: Mapping[str, Shape]) -> None:
        self.left = left
        self.right = right
        self._shapes = dict(shapes)
        self._tapes = Tape(left, tuple(shapes)), Tape(right, tuple(shapes))

    @property
    def shapes(self) -> dict[str, Shape]:
        """The symbols of both sides."""
        return self._shapes

    def evaluate(self, arithmetic: Arithmetic, point: Point) -> tuple[Any, Any]:
        """The difference, and the right side."""
        inputs = unmoved(arithmetic, point)
        left = evaluate(self.left, arithmetic, inputs).values[0]
        right = evaluate(self.right, arithmetic, inputs).values[0]
        return arithmetic.reduce(left - right), right

    def floats(self, point: Mapping[str, Any]) -> tuple[float, float]:
        """The difference, and the sum of what both sides are made of."""
        sides, scale = [], 0.0
        with np.errstate(all="ignore"):
            for tape in self._tapes:
                values = tape.values(point)
                sides.append(float(values[-1]))
                magnitudes = tape.magnitudes(values)
                scale += abs(sides[-1]) + sum(float(np.sum(np.abs(point[name]) * m)) for name, m in magnitudes.items())
        return sides[0] - sides[1], scale


def as_floats(point: Point) -> dict[str, Any]:
    """A point of fractions in double precision."""
    convert = np.frompyfunc(as_float, 1, 1)
    return {name: np.asarray(convert(value), dtype=float) for name, value in point.items()}


def as_fractions(point: Mapping[str, Any]) -> dict[str, Array]:
    """A point in double precision as fractions, exactly."""
    convert = np.frompyfunc(lambda value: Fraction(float(value)), 1, 1)
    return {name: np.asarray(convert(value), dtype=object) for name, value in point.items()}


def point_text(point: Point) -> dict[str, str]:
    """A point as exact text by entry."""
    return {
        entry: str(value)
        for name, values in point.items()
        for entry, value in zip(entry_names(name, np.shape(values)), np.ravel(values), strict=True)
    }


def from_entries(values: list[Fraction], shapes: Mapping[str, Shape]) -> dict[str, Array]:
    """A point from the values of all entries, one symbol after the other."""
    point, start = {}, 0
    for name, shape in shapes.items():
        stop = start + math.prod(shape)
        array = np.empty(stop - start, dtype=object)
        array[:] = values[start:stop]
        point[name] = array.reshape(shape)
        start = stop
    return point
