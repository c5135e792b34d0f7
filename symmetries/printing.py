"""Expressions as text in the formula language, which reads back to the same function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from symmetries.data import nest
from symmetries.emit import (
    ATOM,
    POWER,
    PRODUCT,
    SIGN,
    SUM,
    Parts,
    coefficient,
    emit,
    is_diagonal,
    is_trace,
    key_text,
    negated,
    slice_key,
    split_quotient,
    terms,
)
from symmetries.expression import Node, Shape, array, number
from symmetries.typeset import decorate, latex

__all__ = ["formula_text", "latex", "unicode_text"]


def formula_text(node: Node) -> str:
    """An expression in the formula language.

    >>> from symmetries.formula import read_formula
    >>> formula_text(read_formula("(x + 2*y - 7)**2 / 4", {"x": (), "y": ()}))
    '(x + 2*y - 7)**2/4'
    """
    return emit(node, style, ("(", ")"))


def unicode_text(formula: str | Node) -> str:
    """A formula, or an expression, in one line of Unicode.

    >>> unicode_text("x_1**2 * alpha")
    'x₁² · α'
    """
    return decorate(formula_text(formula) if isinstance(formula, Node) else formula)


def style(node: Node) -> tuple[int, Parts]:
    """How a node is written in the formula language."""
    return STYLES.get(node.operation, write_call)(node)


def write_number(node: Node) -> tuple[int, Parts]:
    """A number."""
    value = node.payload
    assert isinstance(value, Fraction)
    return (PRODUCT if value.denominator > 1 else SIGN if value < 0 else ATOM), [str(value)]


def write_array(node: Node) -> tuple[int, Parts]:
    """An array of numbers, by name where it has one."""
    values = node.payload
    assert isinstance(values, tuple)
    if len(set(values)) == 1 and values[0] in (0, 1) and node.shape:
        return ATOM, [f"{'ones' if values[0] else 'zeros'}({shape_text(node.shape)})"]
    if node.ndim == 2:
        rows, columns = node.shape
        if all(value == int(i // columns == i % columns) for i, value in enumerate(values)):
            return ATOM, [f"eye({rows})" if rows == columns else f"eye({rows}, {columns})"]
    text = str(nested_text(nest(tuple(map(str, values)), node.shape)))
    return (ATOM if node.shape else PRODUCT), [text]


def nested_text(values: object) -> str:
    """Nested tuples of text as a list."""
    return "[" + ", ".join(map(nested_text, values)) + "]" if isinstance(values, tuple) else str(values)


def shape_text(shape: Shape) -> str:
    """A shape as a tuple."""
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def write_sum(node: Node) -> tuple[int, Parts]:
    """A sum, with differences."""
    parts: Parts = []
    for term in terms(node):
        opposite = negated(term)
        if opposite is None:
            parts += [" + " if parts else "", (term, PRODUCT)]
        elif parts:
            parts += [" - ", (opposite, PRODUCT)]
        else:
            parts += ["", (term, PRODUCT)]
    return SUM, parts


def write_product(node: Node) -> tuple[int, Parts]:
    """A product, with quotients."""
    value, factors = coefficient(node)
    above, below = split_quotient(factors)
    parts: Parts = []
    lead = abs(value.numerator)
    if lead != 1 or not above:
        parts.append(str(lead))
    for factor in above:
        parts += ["*", (factor, POWER)] if parts else [(factor, PRODUCT if value == 1 else POWER)]
    if value.denominator > 1:
        parts.append(f"/{value.denominator}")
    for factor in below:
        parts += ["/", (factor, POWER)]
    return PRODUCT, ["-", *parts] if value < 0 else parts


def write_power(node: Node) -> tuple[int, Parts]:
    """A power, a root or a quotient."""
    exponent, base = node.payload, node.arguments[0]
    assert isinstance(exponent, Fraction)
    if exponent < 0:
        return write_product(node)
    if exponent == Fraction(1, 2):
        return ATOM, ["sqrt(", (base, 0), ")"]
    return POWER, [(base, ATOM), f"**{exponent}" if exponent.denominator == 1 else f"**({exponent})"]


def write_exponential(node: Node) -> tuple[int, Parts]:
    """A power whose exponent is no number."""
    base, exponent = node.arguments
    return POWER, [(base, ATOM), "**", (exponent, ATOM)]


def write_matmul(node: Node) -> tuple[int, Parts]:
    """A matrix product; a chain from the left needs no brackets."""
    left, right = node.arguments
    return PRODUCT, [(left, PRODUCT if left.operation == "matmul" else POWER), " @ ", (right, POWER)]


def write_where(node: Node) -> tuple[int, Parts]:
    """A choice."""
    u, a, b = node.arguments
    return ATOM, ["where(", (u, 0), f" {node.payload} 0, ", (a, 0), ", ", (b, 0), ")"]


def write_call(node: Node) -> tuple[int, Parts]:
    """A function of its arguments."""
    name = str(node.payload) if node.operation == "function" else node.operation
    parts: Parts = [f"{name}("]
    for position, argument in enumerate(node.arguments):
        parts += [", " if position else "", (argument, 0)]
    return ATOM, [*parts, ")"]


def write_reduction(node: Node) -> tuple[int, Parts]:
    """A sum or a logsumexp over axes."""
    argument = node.arguments[0]
    if is_trace(node):
        return ATOM, ["trace(", (argument.arguments[0], 0), ")"]
    return ATOM, [f"{node.operation}(", (argument, 0), f"{axes_text(node)})"]


def axes_text(node: Node) -> str:
    """The axes of a reduction as an argument; nothing when they are all."""
    axes = node.payload
    assert isinstance(axes, tuple)
    if axes == tuple(range(node.arguments[0].ndim)):
        return ""
    return f", axis={axes[0]}" if len(axes) == 1 else f", axis=({', '.join(map(str, axes))})"


def write_softmax(node: Node) -> tuple[int, Parts]:
    """A softmax along an axis."""
    argument, axes = node.arguments[0], node.payload
    assert isinstance(axes, tuple)
    last = axes == (argument.ndim - 1,)
    return ATOM, ["softmax(", (argument, 0), ")" if last else f", axis={axes[0]})"]


def write_reshape(node: Node) -> tuple[int, Parts]:
    """A reshape, or a reduction that keeps its axes."""
    inner = node.arguments[0]
    if inner.operation in ("sum", "logsumexp") and isinstance(inner.payload, tuple):
        lengths = enumerate(inner.arguments[0].shape)
        if node.shape == tuple(1 if axis in inner.payload else length for axis, length in lengths):
            return ATOM, [f"{inner.operation}(", (inner.arguments[0], 0), f"{axes_text(inner)}, keepdims=True)"]
    return ATOM, ["reshape(", (inner, 0), f", {shape_text(node.shape)})"]


def write_gather(node: Node) -> tuple[int, Parts]:
    """An entry, a slice, a diagonal, or entries one by one."""
    argument, positions = node.arguments[0], node.payload
    assert isinstance(positions, tuple)
    if is_diagonal(node):
        return ATOM, ["diag(", (argument, 0), ")"]
    found = slice_key(node) if argument.shape else None
    if found is not None:
        key, shape = found
        parts: Parts = [(argument, ATOM), f"[{key_text(key, argument.shape)}]"]
        return ATOM, parts if shape == node.shape else ["reshape(", *parts, f", {shape_text(node.shape)})"]
    flat = argument.ndim == 1
    parts = ["reshape(["]
    for position in positions:
        vector: Parts = [(argument, ATOM)] if flat else ["reshape(", (argument, 0), f", ({argument.size},))"]
        parts += [*vector, f"[{position}], "]
    return ATOM, [*parts, f"], {shape_text(node.shape)})"]


def write_concatenate(node: Node) -> tuple[int, Parts]:
    """Arrays joined; rows that are joined are a list."""
    rows = [row(argument) for argument in node.arguments]
    listed = node.payload == 0 and None not in rows
    parts: Parts = ["["] if listed else ["concatenate(["]
    for position, argument in enumerate(rows if listed else node.arguments):
        parts += [", " if position else "", (argument, 0)]  # type: ignore[list-item]
    return ATOM, [*parts, "]" if listed else f"], axis={node.payload})"]


def row(node: Node) -> Node | None:
    """What a row of length one holds, None when it is something else."""
    if node.operation == "array" and node.shape[:1] == (1,) and isinstance(node.payload, tuple):
        values = tuple(Fraction(value) for value in node.payload)
        return array(values, node.shape[1:]) if node.ndim > 1 else number(values[0])
    inner = node.arguments[0] if node.operation == "reshape" else None
    return inner if inner is not None and node.shape == (1, *inner.shape) else None


STYLES: Mapping[str, Callable[[Node], tuple[int, Parts]]] = {
    "number": write_number,
    "array": write_array,
    "symbol": lambda node: (ATOM, [str(node.payload)]),
    "pi": lambda node: (ATOM, ["pi"]),
    "add": write_sum,
    "multiply": write_product,
    "power": write_power,
    "exponential": write_exponential,
    "where": write_where,
    "matmul": write_matmul,
    "transpose": lambda node: (ATOM, [(node.arguments[0], ATOM), ".T"]),
    "sum": write_reduction,
    "logsumexp": write_reduction,
    "softmax": write_softmax,
    "reshape": write_reshape,
    "gather": write_gather,
    "concatenate": write_concatenate,
}
"""How each operation is written; the others are calls."""
