"""Values, adjoints and tangents of array operations over a prime field, for many samples at once.

Every array has a first axis of samples; what is the same for all samples has length 1 there.
"""

from __future__ import annotations

from typing import Any, TypeAlias, final

import numpy as np
from flint import nmod_mat

from symmetries.expression import Node, Shape
from symmetries.large.moment_field import FloatArray, PrimeField
from symmetries.large.moment_functions import BENT_OPERATIONS, Entry, Functions, Signs, defined
from symmetries.modular import UnsuitablePrime

Arrays: TypeAlias = list[FloatArray]
Parts: TypeAlias = list[FloatArray | None]

ENTRYWISE = BENT_OPERATIONS | {"function", "power", "multiply", "exponential"}
MAX_DENSE = 200
"""Largest matrix whose determinant or inverse is taken."""


@final
class Rules:
    """The operations over one field."""

    def __init__(self, field: PrimeField) -> None:
        self.field = field
        self.functions = Functions(field)

    # entrywise operations

    def entry(self, node: Node, xs: Arrays, signs: Signs, good: Any) -> Entry:
        """Value and partial derivatives of an entrywise operation."""
        xs = [aligned(x, node) for x in xs]
        signs = None if signs is None else aligned(signs, node)
        if node.operation == "multiply":
            products = [
                self.field.multiply(*[x for j, x in enumerate(xs) if j != k]) if len(xs) > 1 else np.ones_like(xs[0])
                for k in range(len(xs))
            ]
            return self.field.multiply(products[-1], xs[-1]) if len(xs) > 1 else xs[0], products
        if node.operation == "function":
            return self.functions.one(str(node.payload), xs[0], signs, good)
        if node.operation == "power":
            return self.functions.power(xs[0], node.payload, good)  # type: ignore[arg-type]
        return self.functions.several(node, xs, signs, good)

    # other operations

    def value(self, node: Node, xs: Arrays, good: Any) -> FloatArray:
        """Value of an operation that is not entrywise."""
        field, x = self.field, xs[0]
        payload: Any = node.payload
        match node.operation:
            case "add":
                total = aligned(x, node)
                for other in xs[1:]:
                    total = total + aligned(other, node)
                return field.reduce(total)
            case "matmul":
                return self.matmul(node, xs[0], xs[1])
            case "transpose":
                return x.transpose(0, *range(x.ndim - 1, 0, -1))
            case "reshape":
                return x.reshape(len(x), *node.shape)
            case "gather":
                return x.reshape(len(x), -1)[:, _positions(node)].reshape(len(x), *node.shape)
            case "concatenate":
                samples = max(len(part) for part in xs)
                full = [np.broadcast_to(part, (samples, *part.shape[1:])) for part in xs]
                return np.concatenate(full, axis=payload + 1)
            case "sum":
                return field.reduce(x.sum(axis=_axes(node)))
            case "softmax":
                return self.shares(x, _axes(node), good)[0]
            case "logsumexp":
                total = self.shares(x, _axes(node), good)[1]
                return self.functions.log(total).reshape(len(x), *node.shape)
            case "det":
                return self._dense(x, good)[1]
            case "inv":
                return self._dense(x, good)[0]
        raise UnsuitablePrime

    def matmul(self, node: Node, left: FloatArray, right: FloatArray) -> FloatArray:
        """Product of vectors and matrices."""
        rows = left.reshape(len(left), -1, left.shape[-1])
        columns = right.reshape(len(right), right.shape[1], -1)
        product = self.field.matmul(rows, columns)
        return product.reshape(len(product), *node.shape)

    def shares(self, x: FloatArray, axes: tuple[int, ...], good: Any) -> tuple[FloatArray, FloatArray]:
        """exp(x) over its sum, and the sum with the axes kept."""
        power = self.functions.exp(x)
        total = self.field.reduce(power.sum(axis=axes, keepdims=True))
        defined(good, ~self.field.is_zero(total))
        return self.field.multiply(power, self.field.inverse(total)), total

    def _dense(self, x: FloatArray, good: Any) -> tuple[FloatArray, FloatArray]:
        """Inverses and determinants."""
        size, p = x.shape[-1], self.field.prime
        if size > MAX_DENSE:
            raise UnsuitablePrime
        inverses, determinants = np.zeros_like(x), np.zeros(len(x))
        for k, entries in enumerate(self.field.canonical(x).astype(np.int64)):
            matrix = nmod_mat(size, size, entries.ravel().tolist(), p)
            determinants[k] = int(matrix.det())
            if determinants[k]:
                inverse = [int(value) for value in matrix.inv().entries()]
                inverses[k] = np.array(inverse, dtype=float).reshape(size, size)
        defined(good, determinants != 0)
        return self.field.reduce(inverses), self.field.reduce(determinants)

    # derivatives

    def adjoint(self, node: Node, xs: Arrays, y: FloatArray, a: FloatArray, entry: Entry | None, k: int) -> FloatArray:
        """Adjoint of argument k."""
        field, shape = self.field, node.arguments[k].shape
        if entry is not None:
            return fold(field.reduce(a * entry[1][k]), shape, field)
        match node.operation:
            case "add":
                return fold(np.broadcast_to(a, (len(a), *node.shape)), shape, field)
            case "matmul":
                rows = xs[0].reshape(len(xs[0]), -1, xs[0].shape[-1])
                columns = xs[1].reshape(len(xs[1]), xs[1].shape[1], -1)
                middle = a.reshape(len(a), rows.shape[1], columns.shape[2])
                pulled = field.matmul(middle, columns.transpose(0, 2, 1)) if k == 0 else None
                pulled = field.matmul(rows.transpose(0, 2, 1), middle) if pulled is None else pulled
                return pulled.reshape(len(pulled), *shape)
            case "transpose":
                return a.transpose(0, *range(a.ndim - 1, 0, -1))
            case "reshape":
                return a.reshape(len(a), *shape)
            case "gather":
                return self._scatter(node, a)
            case "concatenate":
                axis: Any = node.payload
                start = sum(argument.shape[axis] for argument in node.arguments[:k])
                return a[(slice(None),) * (axis + 1) + (slice(start, start + shape[axis]),)]
            case "sum":
                return np.broadcast_to(a.reshape(len(a), *_kept(node)), (len(a), *shape))
            case "softmax":
                return self._centred(y, a, _axes(node))
            case "logsumexp":
                return field.multiply(self._shares_again(node, xs[0]), a.reshape(len(a), *_kept(node)))
            case "det":
                inverse = self._dense(xs[0], np.ones(len(xs[0]), dtype=bool))[0]
                return field.multiply(field.reduce(a * y)[:, None, None], inverse.transpose(0, 2, 1))
            case "inv":
                turned = y.transpose(0, 2, 1)
                return -field.matmul(field.matmul(turned, a), turned)
        raise UnsuitablePrime

    def tangent(self, node: Node, xs: Arrays, y: FloatArray, ts: Parts, entry: Entry | None) -> FloatArray:
        """Tangent of the value."""
        field = self.field
        if entry is not None:
            parts = [field.reduce(entry[1][k] * aligned(t, node)) for k, t in enumerate(ts) if t is not None]
            return field.reduce(np.broadcast_to(sum(parts), (len(sum(parts)), *node.shape)))  # type: ignore[arg-type]
        match node.operation:
            case "add" | "transpose" | "reshape" | "gather" | "concatenate" | "sum":
                full = [
                    np.zeros((1, *arg.shape)) if t is None else t for arg, t in zip(node.arguments, ts, strict=True)
                ]
                value = self.value(node, full, np.ones(1, dtype=bool))
                return np.broadcast_to(value, (len(value), *node.shape))
            case "matmul":
                left = 0.0 if ts[0] is None else self.matmul(node, ts[0], xs[1])
                right = 0.0 if ts[1] is None else self.matmul(node, xs[0], ts[1])
                return field.reduce(np.asarray(left + right))
        t = ts[0]
        assert t is not None
        match node.operation:
            case "softmax":
                return self._centred(y, t, _axes(node))
            case "logsumexp":
                return field.reduce(field.multiply(self._shares_again(node, xs[0]), t).sum(axis=_axes(node)))
            case "det":
                inverse = self._dense(xs[0], np.ones(len(xs[0]), dtype=bool))[0]
                trace = field.reduce(field.multiply(inverse.transpose(0, 2, 1), t).sum(axis=(1, 2)))
                return field.multiply(y, trace)
            case "inv":
                return -field.matmul(field.matmul(y, t), y)
        raise UnsuitablePrime

    def _shares_again(self, node: Node, x: FloatArray) -> FloatArray:
        return self.shares(x, _axes(node), np.ones(len(x), dtype=bool))[0]

    def _centred(self, s: FloatArray, t: FloatArray, axes: tuple[int, ...]) -> FloatArray:
        """s (t - <s, t>), the derivative of the shares s along t and the adjoint too."""
        mean = self.field.reduce(self.field.multiply(s, t).sum(axis=axes, keepdims=True))
        return self.field.multiply(s, self.field.reduce(t - mean))

    def _scatter(self, node: Node, a: FloatArray) -> FloatArray:
        positions, argument = _positions(node), node.arguments[0]
        rows = a.reshape(len(a), -1)
        result = np.zeros((len(a), argument.size))
        if len(np.unique(positions)) == len(positions):
            result[:, positions] = rows
        else:
            for k, row in enumerate(rows):
                result[k] = np.bincount(positions, weights=row, minlength=argument.size)
            result = self.field.reduce(result)
        return result.reshape(len(a), *argument.shape)


def aligned(x: FloatArray, node: Node) -> FloatArray:
    """An argument with as many axes as the result, for broadcasting behind the axis of samples."""
    missing = node.ndim - (x.ndim - 1)
    return x.reshape(len(x), *(1,) * missing, *x.shape[1:]) if missing > 0 else x


def fold(x: FloatArray, shape: Shape, field: PrimeField) -> FloatArray:
    """Sum over the axes, samples excepted, along which an array of the given shape was broadcast."""
    if x.shape[1:] == shape:
        return x
    extra = x.ndim - 1 - len(shape)
    if extra > 0:
        x = x.sum(axis=tuple(range(1, extra + 1)))
    stretched = tuple(k + 1 for k, length in enumerate(shape) if length == 1 and x.shape[k + 1] != 1)
    x = x.sum(axis=stretched, keepdims=True) if stretched else x
    return field.reduce(np.broadcast_to(x, (len(x), *shape)))


def _axes(node: Node) -> tuple[int, ...]:
    axes: Any = node.payload
    return tuple(axis + 1 for axis in axes)


def _kept(node: Node) -> Shape:
    axes: Any = node.payload
    return tuple(1 if axis in axes else length for axis, length in enumerate(node.arguments[0].shape))


def _positions(node: Node) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(node.payload, dtype=np.int64)
