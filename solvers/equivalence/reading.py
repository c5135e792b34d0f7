"""The exact quadratic of an array expression of degree two: affine parts forward, products collected backward."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, final

import numpy as np

from solvers.equivalence import exact_arrays as exact
from solvers.equivalence.degree import Degree, degree_bounds
from solvers.equivalence.exact_arrays import Affine, Fixed, IntArray, NotExactError
from solvers.equivalence.quadratic import Quadratic, integers
from symmetries.actions.parameter_space import FloatArray
from symmetries.expression import Node, Shape, walk


def read_quadratic(root: Node, parameters: Mapping[str, Shape], data: Mapping[str, FloatArray]) -> Quadratic:
    """The quadratic that an expression of degree at most two, as it is written, is.

    Parameters
    ----------
    root: a scalar expression.
    parameters: names and shapes of the parameters, in order.
    data: values of the other symbols.

    Raises
    ------
    NotExactError: the degree is not seen to be two, or a number in it is not rational.

    >>> from symmetries import Loss
    >>> loss = Loss.parse("(x + 2*y - 7)**2 + x/3")
    >>> quadratic = read_quadratic(loss.expression, loss.parameters, {})
    >>> quadratic.value([1, 1]), quadratic.hessian.tolist()
    (Fraction(49, 3), [[2.0, 4.0], [4.0, 8.0]])
    """
    return _Reading(root, parameters, data).result()


@final
class _Reading:
    """One pass forward and one backward."""

    def __init__(self, root: Node, parameters: Mapping[str, Shape], data: Mapping[str, FloatArray]) -> None:
        self.root, self.data = root, data
        self.bounds: dict[int, Degree] = degree_bounds(root, parameters)
        if self.bounds[id(root)] > 2:
            raise NotExactError("its degree is not seen to be two")
        self.offsets: dict[str, int] = {}
        self.size = 0
        for name, shape in parameters.items():
            self.offsets[name] = self.size
            self.size += math.prod(shape)
        self.values: dict[int, Fixed | Affine] = {}
        self.adjoints: dict[int, Fixed] = {}
        self.products: list[tuple[IntArray, int]] = []

    def result(self) -> Quadratic:
        """The quadratic."""
        order = list(walk(self.root))
        for node in order:
            if self.bounds[id(node)] <= 1:
                self.values[id(node)] = self.forward(node)
        self.adjoints[id(self.root)] = Fixed(np.ones(self.root.shape, dtype=object))
        for node in reversed(order):
            adjoint = self.adjoints.pop(id(node), None)
            if adjoint is not None:
                self.backward(node, adjoint)
        denominator = exact.common_denominator({bottom for _, bottom in self.products})
        form: IntArray = np.zeros((self.size + 1, self.size + 1), dtype=object)
        for part, bottom in self.products:
            form = form + part * (denominator // bottom)
        return Quadratic(form + form.T, denominator)

    def forward(self, node: Node) -> Fixed | Affine:
        """The value of a node of degree at most one."""
        payload: Any = node.payload
        parts = [self.values[id(argument)] for argument in node.arguments]
        match node.operation:
            case "number":
                return Fixed.of([payload], node.shape)
            case "array":
                return Fixed.of(payload, node.shape)
            case "symbol":
                return self.symbol(str(payload), node.shape)
            case "add":
                return exact.total(parts, node.shape)
            case "multiply":
                fixed = exact.product([part for part in parts if isinstance(part, Fixed)], node.shape)
                moving = [part for part in parts if isinstance(part, Affine)]
                return exact.scaled(moving[0], fixed, node.shape) if moving else fixed
            case "power":
                base = parts[0]
                if isinstance(base, Fixed):
                    return exact.power(base, payload)
                return base if payload else Fixed(np.ones(node.shape, dtype=object))
            case "matmul":
                return exact.matmul(parts[0], parts[1], node.shape)
            case "transpose" | "reshape" | "gather" | "concatenate" | "sum":
                return self.rearranged(node, parts)
        raise NotExactError(f"the operation {payload or node.operation} of numbers is in it")

    def symbol(self, name: str, shape: Shape) -> Fixed | Affine:
        """A parameter as coordinates, data as numbers."""
        if name not in self.offsets:
            if name not in self.data:
                raise NotExactError(f"it depends on {name}, which has no values")
            return Fixed(*integers(np.asarray(self.data[name], dtype=float).reshape(shape)))
        count = math.prod(shape)
        exact.check_size(count * (self.size + 1))
        rows: IntArray = np.zeros((count, self.size + 1), dtype=object)
        rows[np.arange(count), self.offsets[name] + np.arange(count)] = 1
        return Affine(rows, 1, shape)

    def rearranged(self, node: Node, parts: list[Fixed | Affine]) -> Fixed | Affine:
        """Entries in other places, or summed."""
        if all(isinstance(part, Fixed) for part in parts):
            bottom = exact.common_denominator({part.denominator for part in parts})
            arrays = [part.values * (bottom // part.denominator) for part in parts if isinstance(part, Fixed)]
            return Fixed(np.asarray(_rearrange(node, arrays), dtype=object).reshape(node.shape), bottom)
        whole = self.joined(parts)
        starts = np.cumsum([0, *(argument.size for argument in node.arguments)])
        places = [
            start + np.arange(argument.size).reshape(argument.shape)
            for start, argument in zip(starts, node.arguments, strict=False)
        ]
        if node.operation != "sum":
            return whole.moved(np.asarray(_rearrange(node, places)).reshape(node.shape))
        axes: Any = node.payload
        rows = whole.rows.reshape(*whole.shape, -1).sum(axis=tuple(axes)) if axes else whole.rows
        return Affine(rows.reshape(-1, self.size + 1), whole.denominator, node.shape)

    def joined(self, parts: list[Fixed | Affine]) -> Affine:
        """One affine array of one part, or a flat one of several."""
        if len(parts) == 1 and isinstance(parts[0], Affine):
            return parts[0]
        bottom = exact.common_denominator({part.denominator for part in parts})
        pieces = []
        for part in parts:
            if isinstance(part, Fixed):
                rows: IntArray = np.zeros((part.values.size, self.size + 1), dtype=object)
                rows[:, -1] = part.values.ravel()
            else:
                rows = part.rows
            pieces.append(rows * (bottom // part.denominator))
        stacked = np.concatenate(pieces)
        return Affine(stacked, bottom, (len(stacked),))

    def backward(self, node: Node, adjoint: Fixed) -> None:
        """Pass the adjoint of a node on to its arguments, or collect its part of the quadratic."""
        if self.bounds[id(node)] <= 1:
            self.collect_affine(self.values[id(node)], adjoint)
            return
        payload: Any = node.payload
        match node.operation:
            case "add":
                for argument in node.arguments:
                    self.give(argument, _folded(adjoint, argument.shape))
            case "multiply":
                self.backward_multiply(node, adjoint)
            case "power" if payload == 1:
                self.give(node.arguments[0], adjoint)
            case "power":
                self.collect([node.arguments[0]] * 2, adjoint, node.shape)
            case "matmul":
                self.backward_matmul(node, adjoint)
            case "transpose" | "reshape" | "gather" | "concatenate" | "sum":
                self.backward_rearranged(node, adjoint)
            case _:
                raise NotExactError(f"the operation {payload or node.operation} is in it")

    def backward_multiply(self, node: Node, adjoint: Fixed) -> None:
        """Backward through an entrywise product."""
        moving = [argument for argument in node.arguments if self.bounds[id(argument)]]
        fixed = [self.values[id(argument)] for argument in node.arguments if not self.bounds[id(argument)]]
        weight = exact.product([adjoint, *(part for part in fixed if isinstance(part, Fixed))], node.shape)
        if len(moving) == 1:
            self.give(moving[0], _folded(weight, moving[0].shape))
        else:
            self.collect(moving, weight, node.shape)

    def backward_matmul(self, node: Node, adjoint: Fixed) -> None:
        """Backward through a matrix product."""
        left, right = node.arguments
        rows = left.size // left.shape[-1]
        middle = Fixed(adjoint.values.reshape(rows, -1), adjoint.denominator)
        if not self.bounds[id(right)]:
            factor = self.values[id(right)]
            assert isinstance(factor, Fixed)
            values = exact.matrix_product(middle.values, exact.as_matrix(factor.values, left=False).T)
            self.give(left, Fixed(values.reshape(left.shape), middle.denominator * factor.denominator))
        elif not self.bounds[id(left)]:
            factor = self.values[id(left)]
            assert isinstance(factor, Fixed)
            values = exact.matrix_product(exact.as_matrix(factor.values, left=True).T, middle.values)
            self.give(right, Fixed(values.reshape(right.shape), middle.denominator * factor.denominator))
        else:
            one, other = self.affine(left), self.affine(right)
            inner, width = other.shape[0], self.size + 1
            turned = other.rows.reshape(inner, -1, width).transpose(1, 0, 2).reshape(-1, inner * width)
            weighted = exact.matrix_product(middle.values, turned).reshape(-1, width)
            self.add_product(one.rows, weighted, one.denominator * other.denominator * middle.denominator)

    def backward_rearranged(self, node: Node, adjoint: Fixed) -> None:
        """Backward through entries in other places, or summed."""
        sizes = [argument.size for argument in node.arguments]
        back: IntArray = np.zeros(sum(sizes), dtype=object)
        starts = np.cumsum([0, *sizes])
        places = [
            start + np.arange(argument.size).reshape(argument.shape)
            for start, argument in zip(starts, node.arguments, strict=False)
        ]
        if node.operation == "sum":
            axes: Any = node.payload
            spread = np.expand_dims(adjoint.values, tuple(axes)) if axes else adjoint.values
            back[:] = np.broadcast_to(spread, node.arguments[0].shape).ravel()
        else:
            np.add.at(back, np.asarray(_rearrange(node, places)).ravel(), adjoint.values.ravel())
        for k, argument in enumerate(node.arguments):
            self.give(argument, Fixed(back[starts[k] : starts[k + 1]].reshape(argument.shape), adjoint.denominator))

    def affine(self, node: Node) -> Affine:
        """The value of a node that moves."""
        value = self.values[id(node)]
        assert isinstance(value, Affine)
        return value

    def give(self, node: Node, adjoint: Fixed) -> None:
        """Add to the adjoint of a node."""
        known = self.adjoints.get(id(node))
        whole = adjoint if known is None else exact.total([known, adjoint], node.shape)
        assert isinstance(whole, Fixed)
        self.adjoints[id(node)] = whole

    def collect(self, pair: list[Node], weight: Fixed, shape: Shape) -> None:
        """The part sum_k S_k F_k G_k of the quadratic."""
        one, other = (self.affine(node) for node in pair)
        values = np.broadcast_to(weight.values, shape).ravel()
        bottom = one.denominator * other.denominator * weight.denominator
        self.add_product(one.spread(shape), other.spread(shape) * values[:, None], bottom)

    def collect_affine(self, value: Fixed | Affine, weight: Fixed) -> None:
        """The part sum_k S_k F_k of the quadratic."""
        if isinstance(value, Affine):
            row = weight.values.ravel() @ value.rows
        else:
            row = np.zeros(self.size + 1, dtype=object)
            row[-1] = np.asarray(weight.values * value.values, dtype=object).sum()
        part: IntArray = np.zeros((self.size + 1, self.size + 1), dtype=object)
        part[-1] = row
        self.products.append((part, value.denominator * weight.denominator))

    def add_product(self, left: IntArray, right: IntArray, denominator: int) -> None:
        """The part (w, 1).F^T G (w, 1) of the quadratic."""
        self.products.append((exact.matrix_product(left.T, right), denominator))


def _folded(adjoint: Fixed, shape: Shape) -> Fixed:
    """The adjoint summed over the axes along which an argument was broadcast."""
    values = adjoint.values
    if values.shape == shape:
        return adjoint
    values = values.sum(axis=tuple(range(values.ndim - len(shape)))) if values.ndim > len(shape) else values
    stretched = tuple(k for k, length in enumerate(shape) if length == 1 and np.shape(values)[k] != 1)
    values = np.sum(values, axis=stretched, keepdims=True) if stretched else values
    return Fixed(np.asarray(values, dtype=object).reshape(shape), adjoint.denominator)


def _rearrange(node: Node, arrays: list[Any]) -> Any:
    """A linear operation of shape on plain arrays."""
    payload: Any = node.payload
    match node.operation:
        case "transpose":
            return arrays[0].T
        case "reshape":
            return arrays[0].reshape(node.shape)
        case "gather":
            return arrays[0].reshape(-1)[list(payload)]
        case "concatenate":
            return np.concatenate(arrays, axis=payload)
    return arrays[0].sum(axis=tuple(payload)) if payload else arrays[0]


def as_fraction(value: Any) -> Fraction:
    """A rational number of flint as a fraction."""
    return Fraction(int(value.p), int(value.q))
