"""Array expressions: the matrix-level form in which every loss is held.

An expression is an immutable graph of :class:`Node`.  A network with thousands of weights is a few dozen nodes here;
scalars appear only when :mod:`symmetries.lower` writes the graph out entry by entry.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias, final

from manifolds.errors import InputError

Shape: TypeAlias = tuple[int, ...]
Payload: TypeAlias = str | int | Fraction | tuple[int, ...] | tuple[Fraction, ...] | None

MAX_ENTRIES = 1_000_000
"""Largest number of entries of one array in a formula."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Node:
    r"""One operation of an array expression.

    ``operation`` is one of

    * leaves: ``number`` (payload: a fraction), ``array`` (payload: row-major fractions), ``symbol`` (payload: its
      name), ``pi``;
    * entrywise with NumPy broadcasting: ``add``, ``multiply``, ``power`` (payload: rational exponent),
      ``function`` (payload: name, see :data:`symmetries.operations.UNARY`), ``leaky_relu`` and ``elu`` (arguments:
      value, slope), ``maximum``, ``minimum``, ``where`` (arguments: u, a, b; payload: the relation of u to zero),
      ``exponential`` (arguments: positive base, exponent; for exponents that are not numbers);
    * linear algebra: ``matmul``, ``transpose``, ``det``, ``inv``;
    * shape: ``reshape``, ``gather`` (payload: row-major positions in the argument), ``concatenate`` (payload: axis);
    * reductions: ``sum``, ``softmax``, ``logsumexp`` (payload: axes; ``sum`` and ``logsumexp`` drop them).

    Two nodes are equal only when they are the same object; sharing is kept by reusing objects.
    """

    operation: str
    arguments: tuple[Node, ...] = ()
    shape: Shape = ()
    payload: Payload = None

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)


def number(value: int | Fraction) -> Node:
    """Exact rational scalar."""
    return Node("number", payload=Fraction(value))


def array(values: tuple[Fraction, ...], shape: Shape) -> Node:
    """Exact rational array, ``values`` in row-major order."""
    if len(values) != math.prod(shape):
        raise InputError(
            f"an array of shape {shape} was given {len(values)} values",
            why=f"that shape holds {math.prod(shape)} entries",
            cure="give one value per entry, row by row",
        )
    return Node(
        "array", shape=shape, payload=tuple(value if type(value) is Fraction else Fraction(value) for value in values)
    )


def symbol(name: str, shape: Shape = ()) -> Node:
    """Symbol of the given shape: a parameter, data or a structural constant."""
    check_shape(shape, what=f"the symbol {name!r}")
    return Node("symbol", shape=shape, payload=name)


def pi() -> Node:
    """The circle number."""
    return Node("pi")


def check_shape(shape: Shape, *, what: str) -> None:
    """Refuse a shape that is not made of positive integers or that is larger than :data:`MAX_ENTRIES`."""
    lengths: tuple[object, ...] = shape
    if any(not isinstance(length, int) or isinstance(length, bool) or length < 1 for length in lengths):
        raise InputError(
            f"{what} has the shape {list(shape)}",
            why="every length must be a positive integer",
            cure="write shapes like [] (scalar), [3] (vector) or [3, 2] (matrix)",
        )
    if math.prod(shape) > MAX_ENTRIES:
        raise InputError(
            f"{what} has {math.prod(shape)} entries",
            why=f"an array in a formula may have at most {MAX_ENTRIES}",
            cure="use smaller sizes",
        )


def walk(root: Node) -> Iterator[Node]:
    """Yield every node below ``root`` once, arguments before the nodes that use them."""
    seen: set[int] = set()
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((argument, False) for argument in reversed(node.arguments))


def symbols_of(root: Node) -> dict[str, Shape]:
    """Names and shapes of the symbols of an expression, in order of first appearance."""
    found: dict[str, Shape] = {}
    for node in walk(root):
        if node.operation == "symbol":
            name = str(node.payload)
            if found.setdefault(name, node.shape) != node.shape:
                raise InputError(
                    f"the symbol {name!r} is used with the shapes {list(found[name])} and {list(node.shape)}",
                    why="one name stands for one array",
                    cure="rename one of them",
                )
    return found


def entry_names(name: str, shape: Shape) -> tuple[str, ...]:
    """Names of the entries of a symbol in row-major order: ``x``, ``w[0]``, ``U[0,1]``.

    >>> entry_names("U", (1, 2))
    ('U[0,0]', 'U[0,1]')
    """
    if not shape:
        return (name,)
    positions: list[tuple[int, ...]] = [()]
    for length in shape:
        positions = [(*head, index) for head in positions for index in range(length)]
    return tuple(f"{name}[{','.join(map(str, position))}]" for position in positions)
