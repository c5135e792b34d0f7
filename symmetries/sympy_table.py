"""The operations that SymPy's expressions become, by the names of their classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any, TypeAlias

from manifolds.errors import InputError
from symmetries import indexing, numbers, operations
from symmetries.data import exact
from symmetries.expression import Node, Shape, number, pi, symbol
from symmetries.formula import stack_rows
from symmetries.refusal import Limits, shorten
from symmetries.vocabulary import FUNCTIONS, heaviside, largest, smallest

Expression: TypeAlias = Any
"""An expression of SymPy, which has no types."""


def shown(expr: Expression) -> str:
    """An expression as SymPy writes it, cut when it is long."""
    try:
        return shorten(str(expr))
    except RecursionError:
        return type(expr).__name__


def product(nodes: Sequence[Node]) -> Node:
    """A product of scalars and entrywise factors."""
    return numbers.product([(node, False) for node in nodes], Limits())


def matrix_product(nodes: Sequence[Node]) -> Node:
    """A product in which scalars scale the matrices."""
    scalars = [node for node in nodes if node.shape == ()]
    matrices = [node for node in nodes if node.shape != ()]
    whole = reduce(operations.matmul, matrices)
    return product([*scalars, whole]) if scalars else whole


def power(nodes: Sequence[Node]) -> Node:
    """A power."""
    base, exponent = nodes
    rational = numbers.value_of(exponent)
    if rational is not None:
        return numbers.power(base, rational, Limits())
    if base.operation == "function" and base.payload == "exp" and numbers.value_of(base.arguments[0]) == 1:
        return operations.function("exp", exponent)
    value = numbers.value_of(base)
    if value is not None and value <= 0:
        raise InputError(f"a power of {value}", why="its exponent is no number", cure="use a positive base")
    return operations.exponential(base, exponent)


def matrix_power(expr: Expression, nodes: Sequence[Node]) -> Node:
    """A power of a matrix with an integer exponent."""
    exponent = numbers.value_of(nodes[1]) if len(nodes) > 1 else Fraction(-1)
    if exponent is None or exponent.denominator != 1 or not 1 <= abs(exponent) <= 64:
        why = "a matrix has integer powers up to 64"
        raise InputError(f"the power {shown(expr)}", why=why, cure="write it as a product")
    base = nodes[0] if exponent > 0 else operations.inv(nodes[0])
    return reduce(operations.matmul, [base] * abs(int(exponent)))


def element(expr: Expression, nodes: Sequence[Node]) -> Node:
    """One entry of a matrix."""
    if not all(getattr(part, "is_Integer", False) for part in expr.args[1:]):
        raise InputError(f"the entry {shown(expr)}", why="its indices are no numbers", cure="use integers")
    return indexing.index(nodes[0], tuple(int(part) for part in expr.args[1:]))


def slices(expr: Expression, nodes: Sequence[Node]) -> Node:
    """A slice of a matrix."""
    return indexing.index(nodes[0], tuple(slice(*map(int, part)) for part in (expr.rowslice, expr.colslice)))


def explicit(expr: Expression, nodes: Sequence[Node]) -> Node:
    """A matrix of entries."""
    rows, columns = map(int, expr.shape)
    return stack_rows([stack_rows(nodes[row * columns : (row + 1) * columns]) for row in range(rows)])


def whole_shape(expr: Expression) -> Shape:
    """The shape of a matrix of numbers."""
    if not all(getattr(part, "is_Integer", False) for part in expr.shape):
        raise InputError(f"the matrix {expr}", why="its shape is no pair of numbers", cure="use integers")
    return tuple(map(int, expr.shape))


def inverse_of(name: str) -> Callable[[Expression, list[Node]], Node]:
    """The reciprocal of a function."""
    return lambda expr, nodes: numbers.power(operations.function(name, nodes[0]), Fraction(-1), Limits())


def unary(name: str) -> Callable[[Expression, list[Node]], Node]:
    """A function of one argument."""
    return lambda expr, nodes: FUNCTIONS[name].build(nodes[0])


LEAVES: Mapping[str, Callable[[Expression], Node]] = {
    "Symbol": lambda expr: symbol(expr.name),
    "MatrixSymbol": lambda expr: symbol(expr.name, whole_shape(expr)),
    "Rational": lambda expr: number(Fraction(int(expr.p), int(expr.q))),
    "Float": lambda expr: number(exact(str(expr), "the expression")),
    "Pi": lambda expr: pi(),
    "Exp1": lambda expr: operations.function("exp", number(1)),
    "Identity": lambda expr: operations.eye(*whole_shape(expr)),
    "ZeroMatrix": lambda expr: operations.full(whole_shape(expr), 0),
    "OneMatrix": lambda expr: operations.full(whole_shape(expr), 1),
}

BUILDERS: Mapping[str, Callable[[Expression, list[Node]], Node]] = {
    "Add": lambda expr, nodes: numbers.total(nodes, Limits()),
    "MatAdd": lambda expr, nodes: numbers.total(nodes, Limits()),
    "Mul": lambda expr, nodes: product(nodes),
    "HadamardProduct": lambda expr, nodes: product(nodes),
    "MatMul": lambda expr, nodes: matrix_product(nodes),
    "Pow": lambda expr, nodes: power(nodes),
    "HadamardPower": lambda expr, nodes: power(nodes),
    "MatPow": matrix_power,
    "Inverse": lambda expr, nodes: operations.inv(nodes[0]),
    "Transpose": lambda expr, nodes: operations.transpose(nodes[0]),
    "Adjoint": lambda expr, nodes: operations.transpose(nodes[0]),
    "Trace": lambda expr, nodes: operations.trace(nodes[0]),
    "Determinant": lambda expr, nodes: operations.det(nodes[0]),
    "KroneckerProduct": lambda expr, nodes: reduce(operations.kron, nodes),
    "DotProduct": lambda expr, nodes: operations.sum_(product([indexing.reshape(n, (n.size,)) for n in nodes])),
    "MatrixElement": element,
    "MatrixSlice": slices,
    "ImmutableDenseMatrix": explicit,
    "ImmutableSparseMatrix": explicit,
    "Max": lambda expr, nodes: largest(*nodes),
    "Min": lambda expr, nodes: smallest(*nodes),
    "Heaviside": lambda expr, nodes: heaviside(nodes[0], nodes[1] if len(nodes) > 1 else number(Fraction(1, 2))),
    "sec": inverse_of("cos"),
    "csc": inverse_of("sin"),
    "cot": inverse_of("tan"),
    "sech": inverse_of("cosh"),
    "csch": inverse_of("sinh"),
    "coth": inverse_of("tanh"),
    **{
        name: unary(name) for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sign", "erf", "atan")
    },
    "Abs": unary("abs"),
}
