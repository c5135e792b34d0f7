"""Array expressions as scalars and matrices of SymPy, for small ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from manifolds.errors import InputError
from symmetries.expression import Node, entry_names, walk

Entries: TypeAlias = Any
"""An array of expressions of SymPy."""

LARGEST = 200_000
"""Most entries, over all operations, that are written out."""


def to_sympy(node: Node) -> Any:
    """The expression written out entry by entry.

    Each entry of a symbol is a real symbol with its name, ``U[0,1]``; a scalar gives an expression, a vector a column,
    a matrix a matrix.  SymPy is slow on long sums of nested expressions: this is for showing and checking small ones.

    Raises
    ------
    InputError
        When more than 200,000 entries would be written, or the result has more than two axes.

    >>> from symmetries.formula import read_formula
    >>> to_sympy(read_formula("sum(w**2)", {"w": (2,)}))
    w[0]**2 + w[1]**2
    """
    import sympy

    total = sum(part.size * (part.arguments[0].shape[-1] if part.operation == "matmul" else 1) for part in walk(node))
    if total > LARGEST:
        why = f"it has {total} entries, and the limit is {LARGEST}"
        raise InputError("the expression is too large for SymPy", why=why, cure="use smaller sizes")
    if node.ndim > 2:
        raise InputError(f"an array with {node.ndim} axes", why="SymPy's matrices have two", cure="reshape it")
    done: dict[int, Entries] = {}
    for part in walk(node):
        value = entries(part, [done[id(argument)] for argument in part.arguments])
        result = np.empty(part.shape, dtype=object)
        result[...] = value
        done[id(part)] = result
    whole = done[id(node)]
    return whole[()] if not node.shape else sympy.ImmutableMatrix(whole.reshape(node.shape[0], -1).tolist())


def entries(node: Node, values: list[Entries]) -> Entries:
    """The entries of an operation from those of its arguments."""
    if node.operation == "function":
        return np.vectorize(function(str(node.payload)), otypes=[object])(values[0])
    return OPERATIONS[node.operation](node, values)


def rational(value: Any) -> Any:
    """An exact number."""
    import sympy

    fraction = Fraction(value)
    return sympy.Rational(fraction.numerator, fraction.denominator)


def function(name: str) -> Callable[[Any], Any]:
    """An entrywise function."""
    import sympy

    def normal_cdf(x: Any) -> Any:
        """The distribution function of the normal distribution."""
        return (1 + sympy.erf(x / sympy.sqrt(2))) / 2

    own: dict[str, Callable[[Any], Any]] = {
        "abs": sympy.Abs,
        "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
        "softplus": lambda x: sympy.log(1 + sympy.exp(x)),
        "relu": lambda x: sympy.Max(0, x),
        "normal_cdf": normal_cdf,
        "gelu": lambda x: x * normal_cdf(x),
    }
    return own.get(name) or getattr(sympy, name)


def entrywise(scalar: Callable[..., Any]) -> Callable[[Node, list[Entries]], Entries]:
    """An operation that broadcasts a scalar one."""
    return lambda node, values: np.vectorize(lambda *parts: scalar(node, *parts), otypes=[object])(*values)


def leaf(node: Node, values: list[Entries]) -> Entries:
    """A number, an array, a symbol or pi."""
    import sympy

    if node.operation == "pi":
        return sympy.pi
    if node.operation == "number":
        return rational(node.payload)
    if node.operation == "array":
        flat: list[Any] = [rational(value) for value in node.payload]  # type: ignore[union-attr]
    else:
        flat = [sympy.Symbol(name, real=True) for name in entry_names(str(node.payload), node.shape)]
    result = np.empty(node.size, dtype=object)
    result[:] = flat
    return result.reshape(node.shape)


def choose(node: Node, u: Any, a: Any, b: Any) -> Any:
    """A choice by the sign of ``u``."""
    import sympy

    relation = {">": sympy.Gt, ">=": sympy.Ge, "<": sympy.Lt, "<=": sympy.Le, "==": sympy.Eq, "!=": sympy.Ne}
    return sympy.Piecewise((a, relation[str(node.payload)](u, 0)), (b, True))


def elu(node: Node, x: Any, slope: Any) -> Any:
    """x above zero, slope (exp(x) - 1) below."""
    import sympy

    return sympy.Piecewise((x, x > 0), (slope * (sympy.exp(x) - 1), True))


def largest(node: Node, *values: Any) -> Any:
    """Max, Min or the leaky ReLU, which is made of both."""
    import sympy

    if node.operation == "leaky_relu":
        return sympy.Max(0, values[0]) + values[1] * sympy.Min(0, values[0])
    return (sympy.Max if node.operation == "maximum" else sympy.Min)(*values)


def plus(node: Node, *terms: Any) -> Any:
    """A sum or a product."""
    import sympy

    return (sympy.Add if node.operation == "add" else sympy.Mul)(*terms)


def square_matrix(node: Node, values: list[Entries]) -> Entries:
    """A determinant or an inverse, by cofactors."""
    import sympy

    matrix = sympy.Matrix(values[0].tolist())
    if node.operation == "det":
        return matrix.det(method="berkowitz")
    inverse = matrix.adjugate() / matrix.det(method="berkowitz")
    return np.array(inverse.tolist(), dtype=object)


def reduction(node: Node, values: list[Entries]) -> Entries:
    """A sum, a logsumexp or a softmax."""
    import sympy

    axes, x = node.payload, values[0]
    if node.operation == "sum":
        return np.sum(x, axis=axes)  # type: ignore[arg-type]
    exponentials = np.vectorize(sympy.exp, otypes=[object])(x)
    if node.operation == "softmax":
        return exponentials / np.sum(exponentials, axis=axes, keepdims=True)  # type: ignore[arg-type]
    return np.vectorize(sympy.log, otypes=[object])(np.sum(exponentials, axis=axes))  # type: ignore[arg-type]


OPERATIONS: Mapping[str, Callable[[Node, list[Entries]], Entries]] = {
    "number": leaf,
    "array": leaf,
    "symbol": leaf,
    "pi": leaf,
    "add": entrywise(plus),
    "multiply": entrywise(plus),
    "power": entrywise(lambda node, x: x ** rational(node.payload)),
    "exponential": entrywise(lambda node, x, y: x**y),
    "where": entrywise(choose),
    "elu": entrywise(elu),
    "leaky_relu": entrywise(largest),
    "maximum": entrywise(largest),
    "minimum": entrywise(largest),
    "matmul": lambda node, values: values[0] @ values[1],
    "transpose": lambda node, values: values[0].T,
    "det": square_matrix,
    "inv": square_matrix,
    "reshape": lambda node, values: values[0].reshape(node.shape),
    "gather": lambda node, values: values[0].ravel()[list(node.payload)].reshape(node.shape),  # type: ignore[arg-type]
    "concatenate": lambda node, values: np.concatenate(values, axis=int(node.payload)),  # type: ignore[arg-type]
    "sum": reduction,
    "logsumexp": reduction,
    "softmax": reduction,
}
"""How the entries of each operation are made."""
