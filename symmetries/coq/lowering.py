"""From array expressions to the terms that are exported to Coq."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import permutations
from typing import Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.coq.terms import Key, TermPool
from symmetries.expression import Node, entry_names, walk
from symmetries.printing import formula_text

Entries: TypeAlias = Any
"""Object array of keys."""

MAX_TERMS = 60_000
LARGEST_DETERMINANT = 4
LABEL = 48

UNSUPPORTED = {
    "sign": "the standard library has no differential rule for a function that jumps",
    "where": "the standard library has no differential rule for a function that jumps",
    "erf": "Coq's standard library has no error function",
    "gelu": "Coq's standard library has no error function",
    "normal_cdf": "Coq's standard library has no error function",
}


@final
class Lowering:
    """Writes array expressions out into a pool, and remembers what the terms are entries of."""

    def __init__(self, pool: TermPool) -> None:
        self.pool = pool
        self.labels: dict[Key, str] = {}

    def scalar(self, root: Node) -> Key:
        """The term of a scalar expression."""
        return int(self.array(root).reshape(-1)[0])

    def array(self, root: Node) -> Entries:
        """The terms of all entries of an expression."""
        values: dict[int, Entries] = {}
        for node in walk(root):
            arguments = [values[id(argument)] for argument in node.arguments]
            entries = np.asarray(self._one(node, arguments), dtype=object).reshape(node.shape)
            values[id(node)] = entries
            if len(self.pool.terms) > MAX_TERMS:
                raise InputError(
                    "the export to Coq",
                    why=f"the loss has more than {MAX_TERMS} scalar operations",
                    cure="export the certificate of smaller sizes",
                )
            if node.operation not in {"number", "array", "symbol", "reshape", "gather", "transpose", "concatenate"}:
                self._label(node, entries)
        return values[id(root)]

    def _label(self, node: Node, entries: Entries) -> None:
        text = formula_text(node)
        if len(text) > LABEL:
            return
        for place in np.ndindex(*node.shape):
            where = f"({text})[{','.join(map(str, place))}]" if place else text
            self.labels.setdefault(int(entries[place]), where)

    def _one(self, node: Node, xs: list[Entries]) -> Entries:
        pool, payload = self.pool, _payload(node)
        match node.operation:
            case "number":
                return pool.number(payload)
            case "array":
                return [pool.number(value) for value in payload]
            case "symbol":
                return [pool.symbol(entry) for entry in entry_names(payload, node.shape)]
            case "pi":
                return pool.make("pi")
            case "add":
                return _entrywise(lambda *parts: pool.add(parts), xs)
            case "multiply":
                return _entrywise(lambda *parts: pool.multiply(parts), xs)
            case "power":
                return _entrywise(lambda x: pool.power(x, Fraction(payload)), xs)
            case "matmul":
                return self._matmul(xs[0], xs[1])
            case "transpose":
                return xs[0].T
            case "reshape":
                return xs[0]
            case "gather":
                return xs[0].reshape(-1)[list(payload)]
            case "concatenate":
                return np.concatenate(xs, axis=payload)
            case "sum":
                return _reduced(pool.add, xs[0], payload)
            case "logsumexp":
                return _reduced(lambda row: self._ln(pool.add([self._exp(x) for x in row])), xs[0], payload)
            case "softmax":
                return self._softmax(xs[0], payload[0])
            case "det":
                return determinant(pool, xs[0])
            case "inv":
                return _inverse(pool, xs[0])
            case "function":
                return _entrywise(lambda x: self._function(str(payload), x), xs)
            case _:
                return _entrywise(lambda *parts: self._piecewise(node.operation, *parts), xs)

    def _exp(self, x: Key) -> Key:
        return self.pool.make("exp", [x])

    def _ln(self, x: Key) -> Key:
        return self.pool.atom("ln", x)

    def _minus(self, x: Key) -> Key:
        return self.pool.scale(-1, x)

    def _matmul(self, left: Entries, right: Entries) -> Entries:
        rows = left.reshape(-1, left.shape[-1])
        columns = right.reshape(right.shape[0], -1).T
        pool = self.pool
        flat = [
            pool.add([pool.multiply(pair) for pair in zip(row, column, strict=True)])
            for row in rows
            for column in columns
        ]
        return np.array(flat, dtype=object).reshape(left.shape[:-1] + right.shape[1:])

    def _softmax(self, argument: Entries, axis: int) -> Entries:
        moved = np.moveaxis(argument, axis, -1)
        result = np.empty(moved.shape, dtype=object)
        for place in np.ndindex(*moved.shape[:-1]):
            powers = [self._exp(x) for x in moved[place]]
            scale = self.pool.invert(self.pool.add(powers))
            for k, power in enumerate(powers):
                result[(*place, k)] = self.pool.multiply([power, scale])
        return np.moveaxis(result, -1, axis)

    def _function(self, name: str, x: Key) -> Key:
        pool = self.pool
        match name:
            case "exp" | "sin" | "cos" | "tanh" | "atan" | "abs":
                return pool.atom(name, x)
            case "log":
                return self._ln(x)
            case "tan":
                return pool.multiply([pool.atom("sin", x), pool.invert(pool.atom("cos", x))])
            case "sinh" | "cosh":
                other = self._exp(self._minus(x))
                both = [self._exp(x), other if name == "cosh" else self._minus(other)]
                return pool.scale(Fraction(1, 2), pool.add(both))
            case "sigmoid":
                return pool.invert(pool.add([self._exp(self._minus(x)), pool.number(1)]))
            case "softplus":
                return self._ln(pool.add([self._exp(x), pool.number(1)]))
            case "relu":
                return pool.atom("max0", x)
        raise unsupported(name)

    def _piecewise(self, operation: str, x: Key, *rest: Key) -> Key:
        pool = self.pool
        zero = pool.number(0)
        match operation:
            case "maximum" | "minimum":
                kind = operation[:3]
                if rest[0] == zero:
                    return pool.atom(f"{kind}0", x)
                return pool.atom(f"{kind}0", *rest) if x == zero else pool.atom(kind, x, rest[0])
            case "leaky_relu":
                return pool.add([pool.atom("max0", x), pool.multiply([rest[0], pool.atom("min0", x)])])
            case "elu":
                power = pool.add([self._exp(pool.atom("min0", x)), pool.number(-1)])
                return pool.add([pool.atom("max0", x), pool.multiply([rest[0], power])])
            case "exponential":
                return self._exp(pool.multiply([rest[0], self._ln(x)]))
        raise unsupported(operation)


def unsupported(name: str) -> InputError:
    """The refusal of a function that the export does not know."""
    return InputError(
        f"the function {name} in the export to Coq",
        why=UNSUPPORTED.get(name, "the export has no differential rule for it"),
        cure="keep the certificate as JSON, which `symport verify --certificate` checks again",
    )


def _payload(node: Node) -> Any:
    return node.payload


def _entrywise(function: Callable[..., Key], xs: list[Entries]) -> Entries:
    broadcast = np.broadcast_arrays(*xs)
    flat = [function(*values) for values in zip(*(part.reshape(-1) for part in broadcast), strict=True)]
    result = np.empty(len(flat), dtype=object)
    result[:] = flat
    return result.reshape(broadcast[0].shape)


def _reduced(function: Callable[[Entries], Key], argument: Entries, axes: tuple[int, ...]) -> Entries:
    kept = [axis for axis in range(argument.ndim) if axis not in axes]
    count = int(np.prod([argument.shape[axis] for axis in kept], dtype=int))
    rows = argument.transpose(*kept, *axes).reshape(count, -1)
    return np.array([function(row) for row in rows], dtype=object)


def determinant(pool: TermPool, matrix: Entries) -> Key:
    """Determinant by Leibniz's formula."""
    size = len(matrix)
    if size > LARGEST_DETERMINANT:
        raise InputError(
            f"the determinant of a {size} x {size} matrix in the export to Coq",
            why=f"it is written out up to size {LARGEST_DETERMINANT}",
            cure="export the certificate of a smaller size",
        )
    terms = []
    for order in permutations(range(size)):
        crossings = sum(order[i] > order[j] for i in range(size) for j in range(i + 1, size))
        terms.append(pool.multiply([pool.number((-1) ** crossings), *(matrix[k, order[k]] for k in range(size))]))
    return pool.add(terms)


def _inverse(pool: TermPool, matrix: Entries) -> Entries:
    size = len(matrix)
    scale = pool.invert(determinant(pool, matrix))
    result = np.empty((size, size), dtype=object)
    for i in range(size):
        for j in range(size):
            minor = np.delete(np.delete(matrix, j, axis=0), i, axis=1)
            cofactor = determinant(pool, minor) if size > 1 else pool.number(1)
            result[i, j] = pool.multiply([pool.number((-1) ** (i + j)), cofactor, scale])
    return result
