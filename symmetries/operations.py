"""The operations of the formula language, each with NumPy's meaning and its shapes checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from manifolds.errors import InputError
from symmetries.expression import Node, Shape, array, check_shape, number
from symmetries.indexing import gather, normalise_axis, reshape

UNARY = frozenset(
    "exp log log1p sqrt abs sin cos tan sinh cosh tanh sigmoid softplus relu gelu sign normal_cdf erf atan".split()
)
"""Entrywise functions of one argument."""

RELATIONS = (">", ">=", "<", "<=", "==", "!=")
"""Relations to zero that ``where`` knows."""


def broadcast_shape(shapes: Sequence[Shape], *, what: str) -> Shape:
    """Shape of the broadcast of several arrays."""
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        listed = " and ".join(str(list(shape)) for shape in shapes)
        raise InputError(
            f"{what} was given arrays of shapes {listed}",
            why="they do not broadcast to one shape",
            cure="make the shapes equal, or use @ for a matrix product and .T for a transpose",
        ) from None
    check_shape(shape, what=f"the result of {what}")
    return shape


def add(*terms: Node) -> Node:
    """Entrywise sum."""
    return Node("add", terms, broadcast_shape([term.shape for term in terms], what="+"))


def negative(x: Node) -> Node:
    """Entrywise ``-x``."""
    return number(-x.payload) if x.operation == "number" else multiply(number(-1), x)  # type: ignore[operator]


def subtract(x: Node, y: Node) -> Node:
    """Entrywise ``x - y``."""
    return add(x, negative(y))


def multiply(*factors: Node) -> Node:
    """Entrywise product."""
    return Node("multiply", factors, broadcast_shape([factor.shape for factor in factors], what="*"))


def divide(x: Node, y: Node) -> Node:
    """Entrywise ``x / y``."""
    if y.operation == "number":
        if y.payload == 0:
            raise InputError("a division by 0", why="it has no value", cure="remove it")
        inverse = number(1 / y.payload)  # type: ignore[operator,arg-type]
        return number(x.payload * inverse.payload) if x.operation == "number" else multiply(inverse, x)  # type: ignore[operator,arg-type]
    return multiply(x, power(y, Fraction(-1)))


def power(x: Node, exponent: Fraction | int) -> Node:
    """Entrywise power with a rational exponent."""
    return Node("power", (x,), x.shape, Fraction(exponent))


def exponential(base: Node, exponent: Node) -> Node:
    """Entrywise ``base ** exponent`` = exp(exponent log base), for an exponent that is not a number."""
    return Node("exponential", (base, exponent), broadcast_shape([base.shape, exponent.shape], what="**"))


def function(name: str, x: Node) -> Node:
    """Entrywise function of one argument, by its name in :data:`UNARY`."""
    if name not in UNARY:
        raise InputError(f"the function {name!r}", why="it is not known", cure=f"use one of {', '.join(sorted(UNARY))}")
    if name == "sqrt":
        return power(x, Fraction(1, 2))
    if name == "log1p":
        return function("log", add(number(1), x))
    return Node("function", (x,), x.shape, name)


def leaky_relu(x: Node, slope: Node) -> Node:
    """Entrywise max(0, x) + slope min(0, x)."""
    return Node("leaky_relu", (x, slope), broadcast_shape([x.shape, slope.shape], what="leaky_relu"))


def elu(x: Node, slope: Node) -> Node:
    """Entrywise x for x > 0, else slope (exp(x) - 1)."""
    return Node("elu", (x, slope), broadcast_shape([x.shape, slope.shape], what="elu"))


def maximum(x: Node, y: Node) -> Node:
    """Entrywise larger value."""
    return Node("maximum", (x, y), broadcast_shape([x.shape, y.shape], what="maximum"))


def minimum(x: Node, y: Node) -> Node:
    """Entrywise smaller value."""
    return Node("minimum", (x, y), broadcast_shape([x.shape, y.shape], what="minimum"))


def where(left: Node, relation: str, right: Node, a: Node, b: Node) -> Node:
    """Entrywise ``a`` where ``left relation right`` holds, else ``b``."""
    if relation not in RELATIONS:
        raise InputError(f"the relation {relation!r}", why="it is not known", cure=f"use one of {' '.join(RELATIONS)}")
    u = left if right.operation == "number" and not right.payload else subtract(left, right)
    return Node("where", (u, a, b), broadcast_shape([u.shape, a.shape, b.shape], what="where"), relation)


def matmul(x: Node, y: Node) -> Node:
    """Matrix product of vectors and matrices."""
    if not (1 <= x.ndim <= 2 and 1 <= y.ndim <= 2) or x.shape[-1] != y.shape[0]:
        raise InputError(
            f"@ was given arrays of shapes {list(x.shape)} and {list(y.shape)}",
            why="it needs vectors or matrices whose inner lengths agree",
            cure="transpose one of them with .T, or use * for an entrywise product",
        )
    return Node("matmul", (x, y), x.shape[:-1] + y.shape[1:])


def transpose(x: Node) -> Node:
    """Axes reversed."""
    return x if x.ndim < 2 else Node("transpose", (x,), x.shape[::-1])


def require_square(x: Node, what: str) -> None:
    """Refuse an argument that is not a square matrix."""
    if x.ndim != 2 or x.shape[0] != x.shape[1]:
        raise InputError(
            f"{what} was given an array of shape {list(x.shape)}",
            why="it needs a square matrix",
            cure="check the shapes of its argument",
        )


def det(x: Node) -> Node:
    """Determinant."""
    require_square(x, "det")
    return Node("det", (x,))


def inv(x: Node) -> Node:
    """Inverse matrix."""
    require_square(x, "inv")
    return Node("inv", (x,), x.shape)


def trace(x: Node) -> Node:
    """Sum of the diagonal."""
    require_square(x, "trace")
    return sum_(diag(x))


def diag(x: Node) -> Node:
    """Diagonal of a matrix as a vector, or the diagonal matrix of a vector."""
    if x.ndim == 1:
        length = x.shape[0]
        return multiply(eye(length), reshape(x, (length, 1)))
    if x.ndim != 2:
        raise InputError(
            f"diag was given an array of shape {list(x.shape)}", why="it needs a vector or a matrix", cure="reshape it"
        )
    columns = x.shape[1]
    return gather(x, tuple(i * columns + i for i in range(min(x.shape))), (min(x.shape),))


def reduce(operation: str, x: Node, axis: int | tuple[int, ...] | None, keepdims: bool) -> Node:
    """A reduction (``sum`` or ``logsumexp``) over some axes, all when None."""
    chosen = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = tuple(sorted({normalise_axis(part, x.ndim, operation) for part in chosen}))
    shape = tuple(length for position, length in enumerate(x.shape) if position not in axes)
    reduced = Node(operation, (x,), shape, axes)
    kept = tuple(1 if position in axes else length for position, length in enumerate(x.shape))
    return reshape(reduced, kept) if keepdims and kept != shape else reduced


def sum_(x: Node, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Node:
    """Sum of the entries over some axes."""
    return reduce("sum", x, axis, keepdims)


def mean(x: Node, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Node:
    """Mean of the entries over some axes."""
    total = sum_(x, axis, keepdims)
    return multiply(number(Fraction(total.size, x.size)), total)


def logsumexp(x: Node, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Node:
    """log sum exp over some axes."""
    return reduce("logsumexp", x, axis, keepdims)


def softmax(x: Node, axis: int = -1) -> Node:
    """exp(x) / sum exp(x) along an axis."""
    if x.ndim == 0:
        raise InputError("softmax was given a scalar", why="it acts along an axis", cure="give it a vector or a matrix")
    return Node("softmax", (x,), x.shape, (normalise_axis(axis, x.ndim, "softmax"),))


def log_softmax(x: Node, axis: int = -1) -> Node:
    """x - log sum exp(x) along an axis."""
    if x.ndim == 0:
        raise InputError(
            "log_softmax was given a scalar", why="it acts along an axis", cure="give it a vector or a matrix"
        )
    return subtract(x, logsumexp(x, axis, keepdims=True))


def cross_entropy(logits: Node, target: Node, axis: int = -1) -> Node:
    """Mean over the samples of -sum target log_softmax(logits); targets are probabilities, shaped like the logits."""
    if logits.shape != target.shape:
        raise InputError(
            f"cross_entropy was given logits of shape {list(logits.shape)} and targets of shape {list(target.shape)}",
            why="the targets are probabilities, one for each logit",
            cure="give one-hot or soft targets of the logits' shape",
        )
    losses = negative(sum_(multiply(target, log_softmax(logits, axis)), axis))
    return losses if losses.ndim == 0 else mean(losses)


def square(x: Node) -> Node:
    """Entrywise square."""
    return power(x, 2)


def norm(x: Node) -> Node:
    """Euclidean (Frobenius) norm of all entries."""
    return power(sum_(square(x)), Fraction(1, 2))


def dot(x: Node, y: Node) -> Node:
    """Sum of the products of the entries of two vectors; a matrix product otherwise."""
    return matmul(x, y) if x.ndim and y.ndim else multiply(x, y)


def outer(x: Node, y: Node) -> Node:
    """All products of an entry of ``x`` (rows) and an entry of ``y`` (columns)."""
    return multiply(reshape(x, (x.size, 1)), reshape(y, (1, y.size)))


def kron(x: Node, y: Node) -> Node:
    """Kronecker product of two matrices."""
    if x.ndim != 2 or y.ndim != 2:
        raise InputError(
            f"kron was given arrays of shapes {list(x.shape)} and {list(y.shape)}",
            why="it needs two matrices",
            cure="reshape them",
        )
    (a, b), (c, d) = x.shape, y.shape
    check_shape((a * c, b * d), what="the result of kron")
    return reshape(multiply(reshape(x, (a, 1, b, 1)), reshape(y, (1, c, 1, d))), (a * c, b * d))


def eye(rows: int, columns: int | None = None) -> Node:
    """Identity matrix."""
    columns = rows if columns is None else columns
    check_shape((rows, columns), what="eye")
    return array(tuple(Fraction(int(i == j)) for i in range(rows) for j in range(columns)), (rows, columns))


def full(shape: Shape, value: int) -> Node:
    """Array filled with one integer."""
    check_shape(shape, what="ones or zeros")
    return array((Fraction(value),) * math.prod(shape), shape)
