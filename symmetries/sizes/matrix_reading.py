"""Array expressions read into the free algebra of matrices; vectors are columns.

Nothing is written out entry by entry, so that the cost does not depend on the sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, TypeAlias, final

from symmetries.expression import Node, Shape, walk
from symmetries.sizes.matrix_algebra import INDICATOR, POWER, MatrixAlgebra
from symmetries.sizes.matrix_forms import Form, Units

Quantity: TypeAlias = Callable[[Node], tuple[Fraction, Units]]
"""What a number node is: a number times powers of sizes."""

LARGEST_CONSTANT = 4096
"""Arrays of numbers with more entries are not looked at for zeros, ones and the identity."""


def plain_number(node: Node) -> tuple[Fraction, Units]:
    """A number node as it is."""
    value: Any = node.payload
    return Fraction(value), ()


@final
class Reading:
    """The forms of the nodes of an expression.

    Parameters
    ----------
    algebra: where the forms live.
    values: the form of each symbol that is replaced; the others are atoms.
    quantity: what a number node is.
    """

    def __init__(
        self, algebra: MatrixAlgebra, values: Mapping[str, Form] | None = None, quantity: Quantity = plain_number
    ) -> None:
        self.algebra = algebra
        self.values = dict(values or {})
        self.quantity = quantity
        self.forms: dict[int, Form] = {}

    def read(self, root: Node) -> Form:
        """The form of an expression."""
        for node in walk(root):
            if id(node) not in self.forms:
                self.forms[id(node)] = self._read(node)
        return self.forms[id(root)]

    def _read(self, node: Node) -> Form:
        rule = RULES.get(node.operation)
        found = rule(self, node) if rule is not None and node.ndim <= 2 else None
        return found if found is not None else self._opaque(node)

    def inner(self, node: Node, place: int = 0) -> Form:
        """The form of an argument."""
        return self.forms[id(node.arguments[place])]

    def widened(self, argument: Node, shape: Shape) -> Form:
        """The form of an argument, broadcast to a shape."""
        algebra, form = self.algebra, self.forms[id(argument)]
        rows, columns = matrix_shape(shape)
        if argument.ndim == 1 and len(shape) == 2:
            form = algebra.transpose(form)
        if form.rows == 1 != rows:
            form = algebra.multiply(algebra.ones(rows), form)
        if form.columns == 1 != columns:
            form = algebra.multiply(form, algebra.transpose(algebra.ones(columns)))
        return form

    def _opaque(self, node: Node) -> Form:
        """A node of which nothing is known but its arguments."""
        rows, columns = matrix_shape(node.shape)
        forms = [self.forms[id(argument)] for argument in node.arguments]
        key = (node.operation, node.shape, node.payload, tuple(argument.shape for argument in node.arguments))
        return self.algebra.opaque("opaque", key, forms, rows, columns)


def matrix_shape(shape: Shape) -> tuple[int, int]:
    """Rows and columns of the form of an array; more than two axes are one long column.

    >>> matrix_shape(()), matrix_shape((3,)), matrix_shape((3, 2)), matrix_shape((2, 3, 4))
    ((1, 1), (3, 1), (3, 2), (24, 1))
    """
    if len(shape) == 2:
        return shape[0], shape[1]
    size = 1
    for length in shape:
        size *= length
    return size, 1


def read_symbol(reading: Reading, node: Node) -> Form | None:
    """A symbol: what it is replaced by, or an atom."""
    rows, columns = matrix_shape(node.shape)
    name = str(node.payload)
    if name in reading.values:
        return reading.values[name]
    return reading.algebra.single(reading.algebra.atom("symbol", name, rows, columns))


def read_number(reading: Reading, node: Node) -> Form | None:
    """A number, perhaps times powers of sizes."""
    value, units = reading.quantity(node)
    return reading.algebra.number(value, units)


def read_array(reading: Reading, node: Node) -> Form | None:
    """An array of numbers: ones, the identity, or an atom."""
    algebra, (rows, columns) = reading.algebra, matrix_shape(node.shape)
    values: Any = node.payload
    if len(set(values)) == 1:
        ones = algebra.multiply(algebra.ones(rows), algebra.transpose(algebra.ones(columns)))
        return algebra.scale(ones, values[0]) if values[0] else Form(rows, columns)
    if rows == columns and node.size <= LARGEST_CONSTANT and is_multiple_of_identity(values, rows):
        return algebra.scale(algebra.identity(rows), values[0])
    return algebra.single(algebra.atom("constant", values, rows, columns))


def is_multiple_of_identity(values: tuple[Fraction, ...], size: int) -> bool:
    """Whether the entries of a square array are those of a multiple of the identity.

    >>> is_multiple_of_identity((Fraction(2), Fraction(0), Fraction(0), Fraction(2)), 2)
    True
    """
    return all(value == (values[0] if place % (size + 1) == 0 else 0) for place, value in enumerate(values))


def read_add(reading: Reading, node: Node) -> Form | None:
    """A sum."""
    return reading.algebra.add(*(reading.widened(argument, node.shape) for argument in node.arguments))


def read_multiply(reading: Reading, node: Node) -> Form | None:
    """An entrywise product; scalars come first, so that they are not broadcast."""
    algebra = reading.algebra
    scalars = [argument for argument in node.arguments if argument.size == 1]
    arrays = [argument for argument in node.arguments if argument.size > 1]
    total = algebra.identity(1)
    for argument in scalars:
        total = algebra.times(reading.forms[id(argument)], total)
    if not arrays:
        return total
    result = reading.widened(arrays[0], node.shape)
    for argument in arrays[1:]:
        other = reading.widened(argument, node.shape)
        result = algebra.hadamard(algebra.compact(result, len(other.terms)), algebra.compact(other, len(result.terms)))
    return algebra.times(total, result)


def read_power(reading: Reading, node: Node) -> Form | None:
    """A power: an entrywise square, or a homogeneous function."""
    exponent: Any = node.payload
    form = reading.inner(node)
    if exponent == 1:
        return form
    if exponent == 2:
        form = reading.algebra.compact(form, len(form.terms))
        return reading.algebra.hadamard(form, form)
    return reading.algebra.function(f"{POWER}{exponent}", form)


def read_function(reading: Reading, node: Node) -> Form | None:
    """A function of every entry; abs(x) = 2 relu(x) - x."""
    algebra, form = reading.algebra, reading.inner(node)
    if node.payload == "abs":
        return algebra.add(algebra.scale(algebra.function("relu", form), 2), algebra.scale(form, -1))
    return algebra.function(str(node.payload), form)


def read_leaky_relu(reading: Reading, node: Node) -> Form | None:
    """leaky_relu(x, a) = relu(x) + a (x - relu(x))."""
    algebra = reading.algebra
    form = reading.widened(node.arguments[0], node.shape)
    bent = algebra.function("relu", form)
    below = algebra.add(form, algebra.scale(bent, -1))
    slope = node.arguments[1]
    if slope.size == 1:
        return algebra.add(bent, algebra.times(reading.forms[id(slope)], below))
    return algebra.add(bent, algebra.hadamard(reading.widened(slope, node.shape), below))


def read_maximum(reading: Reading, node: Node) -> Form | None:
    """max(x, y) = y + relu(x - y) and min(x, y) = x - relu(x - y)."""
    algebra = reading.algebra
    left, right = (reading.widened(argument, node.shape) for argument in node.arguments)
    bent = algebra.function("relu", algebra.add(left, algebra.scale(right, -1)))
    return algebra.add(right, bent) if node.operation == "maximum" else algebra.add(left, algebra.scale(bent, -1))


def read_where(reading: Reading, node: Node) -> Form | None:
    """where(u > 0, a, b) = b + [u > 0] (a - b)."""
    algebra = reading.algebra
    condition, first, second = (reading.widened(argument, node.shape) for argument in node.arguments)
    chosen = algebra.function(f"{INDICATOR}{node.payload}", condition)
    return algebra.add(second, algebra.hadamard(chosen, algebra.add(first, algebra.scale(second, -1))))


def read_matmul(reading: Reading, node: Node) -> Form | None:
    """A matrix product; a vector on the left is a row."""
    left, right = reading.inner(node, 0), reading.inner(node, 1)
    if node.arguments[0].ndim == 1:
        left = reading.algebra.transpose(left)
    counts = len(left.terms), len(right.terms)
    result = reading.algebra.multiply(
        reading.algebra.compact(left, counts[1]), reading.algebra.compact(right, counts[0])
    )
    return reading.algebra.transpose(result) if node.arguments[0].ndim == 1 and node.ndim == 1 else result


def read_transpose(reading: Reading, node: Node) -> Form | None:
    """A transpose of a matrix."""
    return reading.algebra.transpose(reading.inner(node)) if node.ndim == 2 else None


def read_sum(reading: Reading, node: Node) -> Form | None:
    """A sum over axes."""
    algebra, form, argument = reading.algebra, reading.inner(node), node.arguments[0]
    axes: Any = node.payload
    if argument.ndim > 2:
        return None
    if not axes:
        return form
    if 0 in axes and form.rows > 1:
        form = algebra.multiply(algebra.transpose(algebra.ones(form.rows)), form)
    if 1 in axes and form.columns > 1:
        form = algebra.multiply(form, algebra.ones(form.columns))
    return algebra.transpose(form) if argument.ndim == 2 and axes == (0,) else form


def read_softmax(reading: Reading, node: Node) -> Form | None:
    """A softmax along an axis."""
    algebra, form = reading.algebra, reading.inner(node)
    axes: Any = node.payload
    if node.ndim == 2 and axes == (1,):
        return algebra.softmax(form)
    return algebra.transpose(algebra.softmax(algebra.transpose(form))) if axes == (0,) else None


def read_logsumexp(reading: Reading, node: Node) -> Form | None:
    """log sum exp over axes, one after the other."""
    algebra, form, argument = reading.algebra, reading.inner(node), node.arguments[0]
    axes: Any = node.payload
    if argument.ndim > 2:
        return None
    if argument.ndim == 2 and 1 in axes:
        form = algebra.logsumexp(form)
    if 0 in axes:
        form = algebra.logsumexp(algebra.transpose(form))
    return form


def read_reshape(reading: Reading, node: Node) -> Form | None:
    """A vector as a row or column, a row or column as a vector; anything else is a linear map."""
    algebra, form, argument = reading.algebra, reading.inner(node), node.arguments[0]
    rows, columns = matrix_shape(node.shape)
    if argument.ndim <= 2 and (form.rows, form.columns) == (rows, columns):
        return form
    if argument.ndim <= 2 and 1 in (form.rows, form.columns) and (form.rows, form.columns) == (columns, rows):
        return algebra.transpose(form)
    return algebra.linear_map(("reshape", argument.shape, node.shape), form, rows, columns)


def read_gather(reading: Reading, node: Node) -> Form | None:
    """The diagonal of a matrix; any other choice of entries is a linear map."""
    algebra, form, argument = reading.algebra, reading.inner(node), node.arguments[0]
    if argument.ndim == 2 and is_diagonal_of(node):
        return algebra.diagonal(form)
    rows, columns = matrix_shape(node.shape)
    return algebra.linear_map(("gather", argument.shape, node.payload, node.shape), form, rows, columns)


def is_diagonal_of(node: Node) -> bool:
    """Whether a gather takes the diagonal of a square matrix."""
    rows, columns = matrix_shape(node.arguments[0].shape)
    positions: Any = node.payload
    return rows == columns and node.shape == (rows,) and positions == tuple(range(0, rows * columns, columns + 1))


def read_inv(reading: Reading, node: Node) -> Form | None:
    """An inverse matrix."""
    form = reading.inner(node)
    return reading.algebra.opaque("inv", None, [form], form.rows, form.columns)


def read_det(reading: Reading, node: Node) -> Form | None:
    """A determinant."""
    return reading.algebra.opaque("det", None, [reading.inner(node)], 1, 1)


RULES: Mapping[str, Callable[[Reading, Node], Form | None]] = {
    "symbol": read_symbol,
    "number": read_number,
    "array": read_array,
    "add": read_add,
    "multiply": read_multiply,
    "power": read_power,
    "function": read_function,
    "leaky_relu": read_leaky_relu,
    "maximum": read_maximum,
    "minimum": read_maximum,
    "where": read_where,
    "matmul": read_matmul,
    "transpose": read_transpose,
    "sum": read_sum,
    "softmax": read_softmax,
    "logsumexp": read_logsumexp,
    "reshape": read_reshape,
    "gather": read_gather,
    "inv": read_inv,
    "det": read_det,
}
"""How a node of at most two axes is read; every other node is opaque."""
