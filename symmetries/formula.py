"""The formula language: text in, array expression out, nothing run and nothing expanded on the way.

Python's own parser (:mod:`ast`) turns the text into a tree, and each node of the tree that the language knows is turned
into one operation of :mod:`symmetries.operations`; every other node is refused by name.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

from manifolds.errors import InputError
from symmetries import indexing, numbers, operations
from symmetries.calls import integer, read_call, unknown
from symmetries.expression import Node, Shape, array, number, pi, symbol
from symmetries.reader import Place, Reader, Steps
from symmetries.refusal import FormulaError, Limits
from symmetries.scan import Piece
from symmetries.vocabulary import CONSTANTS, FUNCTIONS, REFUSED, RESERVED

__all__ = ["RESERVED", "FormulaError", "Limits", "read_formula"]

Kinds: TypeAlias = tuple[type[ast.operator], type[ast.operator]]
"""An operator and its opposite."""

UNKNOWN: Mapping[type[ast.AST], tuple[str, str]] = {
    ast.Compare: ("a comparison", "write it inside where(c, a, b)"),
    ast.Tuple: ("a tuple", "write an array with [ ]"),
    ast.Starred: ("an unpacking with *", "write the arguments one by one"),
    ast.Slice: ("a slice", "write it inside an index"),
}


def read_formula(
    text: str,
    symbols: Mapping[str, Shape],
    *,
    implicit_scalars: bool = False,
    given: Mapping[str, Node] | None = None,
    limits: Limits | None = None,
) -> Node:
    """Read a formula.

    Parameters
    ----------
    text: the formula.
    symbols: shape of each name that it may use.
    implicit_scalars: take unknown names for scalars.
    given: names that stand for expressions of their own, such as data with values.
    limits: see :class:`Limits`.

    Raises
    ------
    FormulaError
        With the column, the word and what to write instead.

    >>> read_formula("sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 4), "Y": (3, 4)}).operation
    'sum'
    >>> read_formula("np.exp(x)", {"x": ()})
    Traceback (most recent call last):
    symmetries.refusal.FormulaError: column 3: '.exp' is refused
      why: the only attribute is .T
      try: write exp without np.
    """
    if not isinstance(text, str):
        raise InputError(
            f"a formula of type {type(text).__name__}", why="a formula is text", cure="give it as a string"
        )
    return Reader(text, read_part, symbols, given or {}, limits or Limits(), implicit_scalars).read()


def read_part(reader: Reader, place: Place) -> Steps | Node:
    """The expression at a place, or how it is read from its parts."""
    kind = type(place.node)
    if kind not in GRAMMAR:
        what, cure = UNKNOWN.get(kind, (kind.__name__, "remove it"))
        raise reader.refuse(place, f"{what} is refused here", why="it is no value", cure=cure)
    return GRAMMAR[kind](reader, place)


def read_constant(reader: Reader, place: Place) -> Node:
    """A number, exactly as it is written."""
    _, word = reader.span(place)
    if word in ("True", "False", "None"):
        raise reader.refuse(place, f"{word} is refused here", why="it is no number", cure="use 1 and 0")
    return number(Fraction(word))


def read_name(reader: Reader, place: Place) -> Node:
    """A symbol, an entry of one, or a constant of the language."""
    name = place.node.id  # type: ignore[attr-defined]
    whole = declared(reader, name)
    if whole is not None:
        return whole
    if name in CONSTANTS:
        return pi() if name == "pi" else operations.function("exp", number(1))
    entry = read_entry(reader, name)
    if entry is not None:
        return entry
    if name in RESERVED:
        usage = FUNCTIONS[name].usage(name) if name in FUNCTIONS else "where(c, a, b)"
        raise reader.refuse(place, f"{name!r} without arguments", why="it is a function", cure=f"write {usage}")
    if reader.implicit and name not in REFUSED:
        return symbol(name)
    raise unknown(reader, place, name, [*reader.symbols, *reader.given, *CONSTANTS], "the name")


def declared(reader: Reader, name: str) -> Node | None:
    """The declared symbol of a name, always the same object."""
    if name in reader.given:
        return reader.given[name]
    if name in reader.symbols and name not in reader.names:
        reader.names[name] = symbol(name, reader.symbols[name])
    return reader.names.get(name)


def read_entry(reader: Reader, name: str) -> Node | None:
    """The entry of a declared array that is written ``U_0_1``."""
    head = name
    parts: list[int] = []
    while True:
        head, line, last = head.rpartition("_")
        if not line or not (last.isascii() and last.isdigit()) or len(last) > 9:
            return None
        parts.insert(0, int(last))
        whole = declared(reader, head)
        if whole is not None and whole.ndim == len(parts):
            return indexing.index(whole, tuple(parts))


def read_sign(reader: Reader, place: Place) -> Steps:
    """A sign."""
    node = place.node
    assert isinstance(node, ast.UnaryOp)
    if not isinstance(node.op, ast.USub | ast.UAdd):
        raise reader.refuse(place, "this operator is refused", why="the language does not have it", cure="use + or -")
    value = yield Place(node.operand, place.piece)
    return numbers.scale(Fraction(-1), value) if isinstance(node.op, ast.USub) else value


def read_operator(reader: Reader, place: Place) -> Steps:
    """A sum, a product, a matrix product or a power."""
    node = place.node
    assert isinstance(node, ast.BinOp)
    if isinstance(node.op, ast.Add | ast.Sub):
        return read_chain(reader, place, (ast.Add, ast.Sub))
    if isinstance(node.op, ast.Mult | ast.Div):
        return read_chain(reader, place, (ast.Mult, ast.Div))
    if isinstance(node.op, ast.MatMult):
        return read_matmul(node, place)
    if isinstance(node.op, ast.Pow):
        return read_power(reader, node, place)
    raise reader.refuse(place, "this operator is refused", why="the language does not have it", cure="use + - * / ** @")


def read_chain(reader: Reader, place: Place, kinds: Kinds) -> Steps:
    """A chain of sums and differences, or of products and quotients, from the left.

    A long chain lies in many pieces; their trees are dropped on the way to its start and made again on the way back.
    """
    before: list[Piece] = []
    here, after = links(place, kinds)
    while (piece := reader.named(here)) is not None:
        earlier = reader.parse(piece)
        if not (isinstance(earlier.node, ast.BinOp) and isinstance(earlier.node.op, kinds)):
            break
        before.append(piece)
        here = links(earlier, kinds)[0]
    parts = [((yield here), False)]
    for piece in reversed(before):
        for part, opposite in links(reader.parse(piece), kinds)[1]:
            parts.append(((yield part), opposite))
    for part, opposite in after:
        parts.append(((yield part), opposite))
    if kinds[0] is ast.Mult:
        return numbers.product(parts, reader.limits)
    terms = [numbers.scale(Fraction(-1), node) if opposite else node for node, opposite in parts]
    return numbers.total(terms, reader.limits)


def links(place: Place, kinds: Kinds) -> tuple[Place, list[tuple[Place, bool]]]:
    """The start of a chain in its piece, and what is added or taken away, multiplied or divided, in order."""
    found: list[tuple[Place, bool]] = []
    node, piece = place
    while isinstance(node, ast.BinOp) and isinstance(node.op, kinds):
        found.append((Place(node.right, piece), isinstance(node.op, kinds[1])))
        node = node.left
    return Place(node, piece), found[::-1]


def read_matmul(node: ast.BinOp, place: Place) -> Steps:
    """A matrix product."""
    left = yield Place(node.left, place.piece)
    right = yield Place(node.right, place.piece)
    return operations.matmul(left, right)


def read_power(reader: Reader, node: ast.BinOp, place: Place) -> Steps:
    """A power; ``e**x`` is exp(x)."""
    base = yield Place(node.left, place.piece)
    exponent = yield Place(node.right, place.piece)
    if base.operation == "function" and base.payload == "exp" and numbers.value_of(base.arguments[0]) == 1:
        return operations.function("exp", exponent)
    rational = numbers.value_of(exponent)
    if rational is not None:
        return numbers.power(base, rational, reader.limits)
    value = numbers.value_of(base)
    if value is not None and value <= 0:
        why = "a power with an exponent that is not a number needs a positive base"
        raise InputError(f"a power of {value}", why=why, cure="use a positive base")
    return operations.exponential(base, exponent)


def read_attribute(reader: Reader, place: Place) -> Steps:
    """A transpose."""
    node = place.node
    assert isinstance(node, ast.Attribute)
    if node.attr != "T":
        raise reader.refuse(place, f"{node.attr!r} is refused", why="the only attribute is .T", cure="remove it")
    value = yield Place(node.value, place.piece)
    return operations.transpose(value)


def read_list(reader: Reader, place: Place) -> Steps:
    """An array from its rows."""
    node = place.node
    assert isinstance(node, ast.List)
    rows = []
    for element in node.elts:
        rows.append((yield Place(element, place.piece)))
    return stack_rows(rows)


def stack_rows(rows: Sequence[Node]) -> Node:
    """Arrays of one shape as the rows of another.

    >>> stack_rows([number(1), number(2)]).payload
    (Fraction(1, 1), Fraction(2, 1))
    """
    shapes = {row.shape for row in rows}
    if len(shapes) != 1:
        why = "its rows differ in length" if rows else "it is empty"
        raise InputError("an array that is not rectangular", why=why, cure="give rows of the same length")
    shape = shapes.pop()
    values: list[Fraction] = []
    for row in rows:
        payload = row.payload
        if row.operation == "number" and isinstance(payload, Fraction):
            values.append(payload)
        elif row.operation == "array" and isinstance(payload, tuple):
            values.extend(Fraction(value) for value in payload)
        else:
            return indexing.concatenate([indexing.reshape(part, (1, *shape)) for part in rows])
    return array(tuple(values), (len(rows), *shape))


def read_subscript(reader: Reader, place: Place) -> Steps:
    """An entry, a slice or new axes."""
    node = place.node
    assert isinstance(node, ast.Subscript)
    value = yield Place(node.value, place.piece)
    key = reader.resolve(Place(node.slice, place.piece))
    positions: list[int | slice | None] = []
    for part in key.node.elts if isinstance(key.node, ast.Tuple) else [key.node]:
        positions.append((yield from read_key(reader, Place(part, key.piece))))
    if sum(position is not None for position in positions) > value.ndim or len(positions) > reader.limits.axes:
        what, why = f"an index with {len(positions)} parts", f"the array has {value.ndim} axes"
        raise reader.refuse(place, what, why=why, cure="use one integer or slice for each axis")
    return indexing.index(value, tuple(positions))


def read_key(reader: Reader, place: Place) -> Generator[Place, Node, int | slice | None]:
    """One part of an index."""
    place = reader.resolve(place)
    node = place.node
    if isinstance(node, ast.Constant) and node.value is None:
        return None
    if not isinstance(node, ast.Slice):
        return (yield from integer(reader, place))
    ends: list[int | None] = []
    for end in (node.lower, node.upper, node.step):
        ends.append(None if end is None else (yield from integer(reader, Place(end, place.piece))))
    if ends[2] == 0:
        raise reader.refuse(place, "a slice with the step 0", why="it never ends", cure="use another step")
    return slice(*ends)


GRAMMAR: Mapping[type[ast.AST], Callable[[Reader, Place], Steps | Node]] = {
    ast.Constant: read_constant,
    ast.Name: read_name,
    ast.UnaryOp: read_sign,
    ast.BinOp: read_operator,
    ast.Attribute: read_attribute,
    ast.List: read_list,
    ast.Subscript: read_subscript,
    ast.Call: read_call,
}
"""Every node of Python's tree that the language knows."""
