r"""Array expressions over any arithmetic, with the derivative along one direction: forward mode with dual numbers.

A number v + t ε with ε² = 0 carries a value and its derivative.  The arithmetic says what the numbers are: fractions,
residues modulo a prime, decimals with many digits, or quotients of polynomials.  Nothing here depends on how symmetries
are derived.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias, final

import numpy as np

from symmetries.dual_functions import FUNCTIONS, SEVERAL, Entry
from symmetries.expression import Node, walk

Array: TypeAlias = Any
"""Object array with the samples as first axis."""


class Unsupported(Exception):
    """The arithmetic has no such function; the caller takes another one."""


class Arithmetic(ABC):
    """Numbers to calculate with: they support + - * among themselves."""

    @abstractmethod
    def constant(self, value: Fraction | int) -> Any:
        """A rational number."""

    @abstractmethod
    def invert(self, x: Any) -> Any:
        """1 / x, :data:`HOLE` where there is none."""

    def reduce(self, values: Any) -> Any:
        """Numbers (or an array of them) brought back to normal form after an operation."""
        return values

    def power(self, x: Any, exponent: int) -> Any:
        """x ** exponent for an exponent >= 0."""
        return x**exponent

    @abstractmethod
    def function(self, name: str, x: Any) -> tuple[Any, Any]:
        """Value and derivative of exp, log, sin, cos, atan, erf or normal_cdf."""

    @abstractmethod
    def root(self, x: Any, exponent: Fraction) -> tuple[Any, Any]:
        """Value and derivative of x ** exponent for a rational exponent and x >= 0."""

    def rooted(self, x: Entry, exponent: Fraction) -> Entry:
        """A root of a dual number."""
        value, slope = self.root(x.value, exponent)
        return Entry(self, value, self.reduce(slope * x.tangent))

    @abstractmethod
    def absolute(self, x: Entry) -> Entry:
        """The absolute value."""

    def positive_part(self, x: Entry) -> Entry:
        """max(0, x)."""
        return (x + self.absolute(x)) * Fraction(1, 2)

    @abstractmethod
    def choose(self, relation: str, u: Entry, a: Entry, b: Entry) -> Entry:
        """``a`` where u is in the relation to zero, else ``b``."""

    @abstractmethod
    def pi(self) -> Any:
        """The circle number."""


@final
class Hole:
    """What is undefined: every operation with it is undefined again."""

    def _self(self, *_: Any) -> Hole:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __pow__ = __neg__ = _self
    __truediv__ = __rtruediv__ = _self

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True


HOLE = Hole()


@final
class Dual(NamedTuple):
    """An array of values with an array of tangents, None when nothing moves."""

    values: Array
    tangents: Array | None


def evaluate(root: Node, arithmetic: Arithmetic, inputs: Mapping[str, Dual]) -> Dual:
    """Values and tangents of an expression; arrays have the samples as first axis."""
    samples = next((len(one.values) for one in inputs.values()), 1)
    done: dict[int, Dual] = {}
    with np.errstate(all="ignore"):
        for node in walk(root):
            done[id(node)] = _one(
                node, arithmetic, [done[id(argument)] for argument in node.arguments], inputs, samples
            )
    return done[id(root)]


def _one(node: Node, arithmetic: Arithmetic, xs: list[Dual], inputs: Mapping[str, Dual], samples: int) -> Dual:
    payload: Any = node.payload
    match node.operation:
        case "symbol":
            return inputs[payload]
        case "number" | "array" | "pi":
            return Dual(_leaf(node, arithmetic, samples), None)
        case "multiply":
            return _product(node, arithmetic, xs)
        case "matmul":
            return _matmul(arithmetic, xs[0], xs[1])
        case "det" | "inv":
            return _cofactors(node, arithmetic, xs[0])
        case "add" | "transpose" | "reshape" | "gather" | "concatenate" | "sum":
            return _linear(node, arithmetic, xs)
        case "softmax" | "logsumexp":
            return _exponentials(node, arithmetic, xs[0], samples)
        case "function":
            return _entries(node, arithmetic, FUNCTIONS[payload], xs)
        case "power":
            return _entries(node, arithmetic, lambda x: x.to_power(payload), xs)
        case _:
            return _entries(node, arithmetic, lambda *parts: SEVERAL[node.operation](payload, *parts), xs)


def _leaf(node: Node, arithmetic: Arithmetic, samples: int) -> Array:
    payload: Any = node.payload
    if node.operation == "pi":
        entries = [arithmetic.pi()]
    else:
        values = [payload] if node.operation == "number" else payload
        entries = [arithmetic.constant(value) for value in values]
    row = filled(entries, node.shape)
    return np.broadcast_to(row, (samples, *node.shape))


def filled(entries: list[Any], shape: tuple[int, ...]) -> Array:
    """Object array of the entries."""
    array = np.empty(len(entries), dtype=object)
    array[:] = entries
    return array.reshape(shape)


def _align(values: Array, ndim: int) -> Array:
    """Axes of length 1 after the samples, for broadcasting from the right."""
    return values.reshape(values.shape[:1] + (1,) * (ndim + 1 - values.ndim) + values.shape[1:])


def _zeros(arithmetic: Arithmetic, shape: tuple[int, ...]) -> Array:
    array = np.empty(shape, dtype=object)
    array.fill(arithmetic.constant(0))
    return array


def _linear(node: Node, arithmetic: Arithmetic, xs: list[Dual]) -> Dual:
    values = arithmetic.reduce(_arrange(node, [x.values for x in xs]))
    if all(x.tangents is None for x in xs):
        return Dual(values, None)
    tangents = [_zeros(arithmetic, x.values.shape) if x.tangents is None else x.tangents for x in xs]
    return Dual(values, arithmetic.reduce(_arrange(node, tangents)))


def _arrange(node: Node, xs: list[Array]) -> Array:
    payload: Any = node.payload
    samples = xs[0].shape[0]
    match node.operation:
        case "add":
            total = _align(xs[0], node.ndim)
            for x in xs[1:]:
                total = total + _align(x, node.ndim)
            return np.broadcast_to(total, (samples, *node.shape))
        case "transpose":
            return xs[0].transpose(0, *range(xs[0].ndim - 1, 0, -1))
        case "reshape":
            return xs[0].reshape(samples, *node.shape)
        case "gather":
            return xs[0].reshape(samples, -1)[:, list(payload)].reshape(samples, *node.shape)
        case "concatenate":
            return np.concatenate(xs, axis=payload + 1)
        case _:
            return np.asarray(xs[0].sum(axis=tuple(axis + 1 for axis in payload)), dtype=object)


def _product(node: Node, arithmetic: Arithmetic, xs: list[Dual]) -> Dual:
    total = Dual(_align(xs[0].values, node.ndim), None if xs[0].tangents is None else _align(xs[0].tangents, node.ndim))
    for x in xs[1:]:
        values, tangents = _align(x.values, node.ndim), None if x.tangents is None else _align(x.tangents, node.ndim)
        moved = None if total.tangents is None else total.tangents * values
        if tangents is not None:
            moved = total.values * tangents if moved is None else moved + total.values * tangents
        total = Dual(arithmetic.reduce(total.values * values), None if moved is None else arithmetic.reduce(moved))
    return total


def _matmul(arithmetic: Arithmetic, left: Dual, right: Dual) -> Dual:
    values = arithmetic.reduce(_dot(left.values, right.values))
    moved = None if left.tangents is None else _dot(left.tangents, right.values)
    if right.tangents is not None:
        other = _dot(left.values, right.tangents)
        moved = other if moved is None else moved + other
    return Dual(values, None if moved is None else arithmetic.reduce(moved))


def _dot(left: Array, right: Array) -> Array:
    """Product of vectors or matrices for each sample."""
    a = left[:, None, :] if left.ndim == 2 else left
    b = right[:, :, None] if right.ndim == 2 else right
    total = (a[:, :, :, None] * b[:, None, :, :]).sum(axis=2)
    shape = left.shape[:-1] + right.shape[2:]
    return np.asarray(total, dtype=object).reshape(shape)


def _cofactors(node: Node, arithmetic: Arithmetic, x: Dual) -> Dual:
    """Determinant and inverse by the adjugate, from the coefficients of the characteristic polynomial (no pivots)."""
    size = x.values.shape[-1]
    eye = _zeros(arithmetic, (1, size, size))
    eye[0, range(size), range(size)] = arithmetic.constant(1)
    adjugate = np.broadcast_to(eye, x.values.shape)
    coefficient = None
    for k in range(1, size + 1):
        if coefficient is not None:
            adjugate = arithmetic.reduce(_dot(x.values, adjugate)) + coefficient[:, None, None] * eye
        trace = np.asarray((x.values * adjugate.transpose(0, 2, 1)).sum(axis=(1, 2)), dtype=object)
        coefficient = arithmetic.reduce(trace * arithmetic.constant(Fraction(-1, k)))
    sign = arithmetic.constant((-1) ** size)
    determinant = arithmetic.reduce(coefficient * sign)
    adjugate = arithmetic.reduce(adjugate * arithmetic.constant((-1) ** (size - 1)))
    if node.operation == "det":
        if x.tangents is None:
            return Dual(determinant, None)
        moved = (adjugate.transpose(0, 2, 1) * x.tangents).sum(axis=(1, 2))
        return Dual(determinant, arithmetic.reduce(np.asarray(moved, dtype=object)))
    scale = filled([arithmetic.invert(one) for one in determinant], determinant.shape)
    inverse = arithmetic.reduce(adjugate * scale[:, None, None])
    if x.tangents is None:
        return Dual(inverse, None)
    middle = arithmetic.reduce(_dot(x.tangents, inverse))
    return Dual(inverse, arithmetic.reduce(_dot(inverse, middle) * arithmetic.constant(-1)))


def _entries(node: Node, arithmetic: Arithmetic, function: Callable[..., Entry], xs: list[Dual]) -> Dual:
    """A function entry by entry."""
    zero = arithmetic.constant(0)
    samples = xs[0].values.shape[0]
    moving = any(x.tangents is not None for x in xs)
    columns = []
    for x in xs:
        shape = (samples, *node.shape)
        values = np.broadcast_to(_align(x.values, node.ndim), shape).reshape(-1)
        if x.tangents is None:
            columns.append([Entry(arithmetic, value, zero) for value in values])
        else:
            tangents = np.broadcast_to(_align(x.tangents, node.ndim), shape).reshape(-1)
            columns.append([Entry(arithmetic, v, t) for v, t in zip(values, tangents, strict=True)])
    results = [function(*parts) for parts in zip(*columns, strict=True)]
    values = filled([result.value for result in results], (samples, *node.shape))
    return Dual(values, filled([result.tangent for result in results], values.shape) if moving else None)


def _exponentials(node: Node, arithmetic: Arithmetic, x: Dual, samples: int) -> Dual:
    """softmax and logsumexp."""
    payload: Any = node.payload
    axes = tuple(axis + 1 for axis in payload)
    argument = node.arguments[0]
    powers = _entries(argument, arithmetic, FUNCTIONS["exp"], [x])
    kept = tuple(1 if axis in payload else length for axis, length in enumerate(argument.shape))
    total = _linear(Node("sum", (argument,), node.shape, payload), arithmetic, [powers]) if axes else powers
    if node.operation == "logsumexp":
        return _entries(node, arithmetic, FUNCTIONS["log"], [total])
    wide = Dual(*(None if part is None else part.reshape(samples, *kept) for part in total))
    flat = Node("number", shape=kept)
    inverse = _entries(flat, arithmetic, lambda one: one.inverse(), [wide])
    return _product(node, arithmetic, [powers, inverse])
