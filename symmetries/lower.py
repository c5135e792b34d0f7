"""From array expressions to scalar ones: the graph of every entry, written out once."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np
from flint import fmpq

from manifolds.errors import InputError
from symmetries import atoms
from symmetries.expand import Expander, ExpansionTooLarge, to_node
from symmetries.expression import Node, entry_names, walk
from symmetries.scalar import Index, ScalarGraph

Entries: TypeAlias = Any
"""Object array of node indices."""

MAX_SCALARS = 3_000_000
DETERMINANT_LIMIT = 7


def lower(graph: ScalarGraph, root: Node) -> Index:
    """Node of a scalar array expression in the scalar graph."""
    return int(lower_array(graph, root).reshape(-1)[0])


def lower_array(graph: ScalarGraph, root: Node) -> Entries:
    """Nodes of all entries of an array expression, as an array of its shape."""
    values: dict[int, Entries] = {}
    for node in walk(root):
        if len(graph) > MAX_SCALARS:
            raise InputError(
                f"the loss has more than {MAX_SCALARS} scalar operations",
                why="its exact form would not fit in memory",
                cure="derive at smaller sizes",
            )
        arguments = [values[id(argument)] for argument in node.arguments]
        values[id(node)] = np.asarray(_lower_one(graph, node, arguments), dtype=object).reshape(node.shape)
    return values[id(root)]


def rational(value: Fraction | int) -> fmpq:
    """A fraction for the graph."""
    fraction = Fraction(value)
    return fmpq(fraction.numerator, fraction.denominator)


def _lower_one(graph: ScalarGraph, node: Node, arguments: list[Entries]) -> Entries:
    payload: Any = node.payload
    match node.operation:
        case "number":
            return graph.constant(rational(payload))
        case "array":
            return [graph.constant(rational(value)) for value in payload]
        case "symbol":
            return [graph.symbol(name) for name in entry_names(payload, node.shape)]
        case "pi":
            return atoms.pi(graph)
        case "add":
            return _entrywise(graph.add, arguments)
        case "multiply":
            return _entrywise(graph.multiply, arguments)
        case "power":
            exponent = rational(payload)
            return _entrywise(lambda x: atoms.rational_power(graph, x, exponent), arguments)
        case "matmul":
            return _matmul(graph, *arguments)
        case "transpose":
            return arguments[0].T
        case "reshape":
            return arguments[0]
        case "gather":
            return arguments[0].reshape(-1)[list(payload)]
        case "concatenate":
            return np.concatenate(arguments, axis=payload)
        case "sum":
            return _reduced(lambda row: graph.linear((x, fmpq(1)) for x in row), arguments[0], payload)
        case "logsumexp":
            return _reduced(
                lambda row: atoms.log(graph, graph.add(*[atoms.exp(graph, x) for x in row])), arguments[0], payload
            )
        case "softmax":
            return _softmax(graph, arguments[0], payload[0])
        case "det":
            return determinant(graph, arguments[0])
        case "inv":
            return inverse(graph, arguments[0])
        case "function":
            return _entrywise(lambda x: FUNCTIONS[payload](graph, x), arguments)
        case _:
            return _entrywise(lambda *xs: PIECEWISE[node.operation](graph, node, *xs), arguments)


def _entrywise(function: Callable[..., Index], arguments: list[Entries]) -> Entries:
    broadcast = np.broadcast_arrays(*arguments)
    flat = [function(*values) for values in zip(*(part.reshape(-1) for part in broadcast), strict=True)]
    result = np.empty(len(flat), dtype=object)
    result[:] = flat
    return result.reshape(broadcast[0].shape)


def _matmul(graph: ScalarGraph, left: Entries, right: Entries) -> Entries:
    rows = left.reshape(-1, left.shape[-1])
    columns = right.reshape(right.shape[0], -1).T
    one = fmpq(1)
    flat = [
        graph.linear((graph.product(((a, 1), (b, 1))), one) for a, b in zip(row, column, strict=True))
        for row in rows
        for column in columns
    ]
    return np.array(flat, dtype=object).reshape(left.shape[:-1] + right.shape[1:])


def _reduced(function: Callable[[Entries], Index], argument: Entries, axes: tuple[int, ...]) -> Entries:
    kept = [axis for axis in range(argument.ndim) if axis not in axes]
    rows = argument.transpose(*kept, *axes).reshape(
        int(np.prod([argument.shape[axis] for axis in kept], dtype=int)), -1
    )
    return np.array([function(row) for row in rows], dtype=object)


def _softmax(graph: ScalarGraph, argument: Entries, axis: int) -> Entries:
    moved = np.moveaxis(argument, axis, -1)
    result = np.empty(moved.shape, dtype=object)
    for position in np.ndindex(*moved.shape[:-1]):
        powers = [atoms.exp(graph, x) for x in moved[position]]
        total = graph.add(*powers)
        for k, power in enumerate(powers):
            result[(*position, k)] = graph.divide(power, total)
    return np.moveaxis(result, -1, axis)


def determinant(graph: ScalarGraph, matrix: Entries) -> Index:
    """Determinant by expansion along rows, minors shared."""
    size = matrix.shape[0]
    if size > DETERMINANT_LIMIT:
        raise InputError(
            f"the determinant of a {size} x {size} matrix",
            why=f"it is written out up to size {DETERMINANT_LIMIT}",
            cure="use a smaller matrix",
        )
    minors: dict[tuple[int, ...], Index] = {(): graph.one}
    for row in range(size - 1, -1, -1):
        depth = size - row
        larger: dict[tuple[int, ...], Index] = {}
        for columns in _subsets(size, depth):
            terms = []
            for k, column in enumerate(columns):
                minor = minors[columns[:k] + columns[k + 1 :]]
                terms.append((graph.multiply(matrix[row, column], minor), fmpq((-1) ** k)))
            larger[columns] = graph.linear(terms)
        minors = larger
    return minors[tuple(range(size))]


def _subsets(size: int, depth: int) -> list[tuple[int, ...]]:
    return list(combinations(range(size), depth))


def inverse(graph: ScalarGraph, matrix: Entries) -> Entries:
    """Inverse by cofactors."""
    size = matrix.shape[0]
    scale = graph.power(determinant(graph, matrix), -1)
    result = np.empty((size, size), dtype=object)
    for i in range(size):
        for j in range(size):
            minor = np.delete(np.delete(matrix, j, axis=0), i, axis=1)
            cofactor = determinant(graph, minor) if size > 1 else graph.one
            result[i, j] = graph.product([(cofactor, 1), (scale, 1)], (-1) ** (i + j))
    return result


def _half(graph: ScalarGraph, *terms: tuple[Index, int]) -> Index:
    return graph.linear((node, fmpq(coefficient, 2)) for node, coefficient in terms)


def _larger(graph: ScalarGraph, x: Index, y: Index, direction: int) -> Index:
    difference = atoms.absolute(graph, graph.subtract(x, y))
    return _half(graph, (x, 1), (y, 1), (difference, direction))


def _relu(graph: ScalarGraph, x: Index) -> Index:
    return _larger(graph, x, graph.zero, 1)


def _hyperbolic(graph: ScalarGraph, x: Index, direction: int) -> Index:
    power = atoms.exp(graph, x)
    return _half(graph, (power, 1), (graph.power(power, -1), direction))


def _tan(graph: ScalarGraph, x: Index) -> Index:
    cosine, sine = atoms.cos_sin(graph, x)
    return graph.divide(sine, cosine)


def _sigmoid(graph: ScalarGraph, x: Index) -> Index:
    return graph.linear([(atoms.tanh(graph, graph.scale(x, fmpq(1, 2))), fmpq(1, 2))], fmpq(1, 2))


def _softplus(graph: ScalarGraph, x: Index) -> Index:
    return atoms.log(graph, graph.linear([(atoms.exp(graph, x), 1)], 1))


def _erf(graph: ScalarGraph, x: Index) -> Index:
    root_two = atoms.rational_power(graph, graph.constant(2), fmpq(1, 2))
    return graph.linear([(atoms.normal_cdf(graph, graph.multiply(root_two, x)), 2)], -1)


FUNCTIONS: dict[str, Callable[[ScalarGraph, Index], Index]] = {
    "exp": atoms.exp,
    "log": atoms.log,
    "abs": atoms.absolute,
    "sign": atoms.sign,
    "tanh": atoms.tanh,
    "atan": atoms.atan,
    "normal_cdf": atoms.normal_cdf,
    "sin": lambda graph, x: atoms.cos_sin(graph, x)[1],
    "cos": lambda graph, x: atoms.cos_sin(graph, x)[0],
    "tan": _tan,
    "sinh": lambda graph, x: _hyperbolic(graph, x, -1),
    "cosh": lambda graph, x: _hyperbolic(graph, x, 1),
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "relu": _relu,
    "gelu": lambda graph, x: graph.multiply(x, atoms.normal_cdf(graph, x)),
    "erf": _erf,
}


def _leaky_relu(graph: ScalarGraph, node: Node, x: Index, slope: Index) -> Index:
    return graph.add(_relu(graph, x), graph.multiply(slope, _larger(graph, x, graph.zero, -1)))


def _elu(graph: ScalarGraph, node: Node, x: Index, slope: Index) -> Index:
    power = atoms.exp(graph, _larger(graph, x, graph.zero, -1))
    return graph.add(_relu(graph, x), graph.multiply(slope, graph.linear([(power, 1)], -1)))


def _where(graph: ScalarGraph, node: Node, u: Index, a: Index, b: Index) -> Index:
    """(a + b)/2 + sign(u) (a - b)/2; the product with the sign is |u| (a - b)/(2 u) where u divides a - b."""
    value = graph.value_of(u)
    if value is not None:
        holds = {">": value > 0, ">=": value >= 0, "<": value < 0, "<=": value <= 0, "==": value == 0, "!=": value != 0}
        return a if holds[str(node.payload)] else b
    if node.payload in {"==", "!="}:
        raise InputError(
            f"where(... {node.payload} ..., a, b)",
            why="it changes the loss on a thin set only, where no derivative sees it",
            cure="use one of > >= < <=",
        )
    at_zero = 1 if node.payload in {">=", "<"} else -1
    if node.payload in {"<", "<="}:
        a, b = b, a
    difference = graph.subtract(a, b)
    return _half(graph, (a, 1), (b, 1), (sign_times(graph, u, difference, at_zero), 1))


def sign_times(graph: ScalarGraph, u: Index, factor: Index, at_zero: int = 0) -> Index:
    """sign(u) * factor, continuous wherever that can be seen; ``at_zero`` is the sign where u = 0."""
    _, inside = atoms.factors(graph, factor)
    _, parts = atoms.factors(graph, u)
    outside = graph.divide(factor, u)
    if all(inside.get(part, 0) >= exponent for part, exponent in parts.items() if exponent > 0):
        return graph.multiply(atoms.absolute(graph, u), outside)
    quotient = exact_quotient(graph, factor, u)
    if quotient is not None:
        return graph.multiply(atoms.absolute(graph, u), quotient)
    if not at_zero or _vanishes_thinly(graph, u):
        return graph.multiply(atoms.sign(graph, u), factor)
    return graph.multiply(atoms.sign(graph, u, at_zero), factor)


def _vanishes_thinly(graph: ScalarGraph, u: Index) -> bool:
    """Whether u is seen to be a nonzero polynomial times what is positive; relu(x) is zero on an open set."""
    parts = [part for part in atoms.factors(graph, u)[1] if not graph.is_positive(part)]
    if graph.atoms(parts):
        return False
    try:
        expander = Expander(graph, parts, term_limit=2_000)
        return all(expander.quotient(part).numerator != 0 for part in parts)
    except ExpansionTooLarge:
        return False


def exact_quotient(graph: ScalarGraph, left: Index, right: Index) -> Index | None:
    """left / right when it is a polynomial, else None."""
    expander = Expander(graph, [left, right], term_limit=2_000)
    try:
        top, bottom = expander.quotient(left), expander.quotient(right)
    except ExpansionTooLarge:
        return None
    if top.denominator or bottom.denominator or bottom.numerator == 0:
        return None
    quotient, remainder = divmod(top.numerator, bottom.numerator)
    return to_node(graph, quotient, expander.leaves) if remainder == 0 else None


PIECEWISE: dict[str, Callable[..., Index]] = {
    "maximum": lambda graph, node, x, y: _larger(graph, x, y, 1),
    "minimum": lambda graph, node, x, y: _larger(graph, x, y, -1),
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "where": _where,
    "exponential": lambda graph, node, base, exponent: atoms.exp(
        graph, graph.multiply(exponent, atoms.log(graph, base))
    ),
}
