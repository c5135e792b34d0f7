r"""Value, tangent, adjoint and tangent of the adjoint of every array operation, in double precision.

For :math:`y = f(x_1, \dots, x_k)` a rule gives the tangent :math:`\dot y = \sum_i D_i f\,\dot x_i`, the adjoints
:math:`\bar x_i = (D_i f)^\top \bar y` and their derivatives :math:`\dot{\bar x}_i` along the tangents.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias, final

import numpy as np

from symmetries.array_functions import FUNCTIONS, SEVERAL, FloatArray, Jet, power
from symmetries.expression import Node, Shape

Arrays: TypeAlias = list[FloatArray]
Tangents: TypeAlias = list[FloatArray | None]
"""Tangents of the arguments; None for an argument that does not move."""


def times(left: FloatArray, right: FloatArray) -> FloatArray:
    """Product in which 0 times anything is 0, so that a branch that is not taken contributes nothing."""
    result = np.asarray(left * right)
    if not np.isfinite(result).all():
        result = np.where((left == 0) | (right == 0), 0.0, result)
    return result


def fold(x: FloatArray, shape: Shape) -> FloatArray:
    """Sum over the axes along which an array of the given shape was broadcast."""
    if x.shape == shape:
        return x
    extra = x.ndim - len(shape)
    if extra:
        x = x.sum(axis=tuple(range(extra)))
    stretched = tuple(axis for axis, length in enumerate(shape) if length == 1 and x.shape[axis] != 1)
    return x.sum(axis=stretched, keepdims=True) if stretched else x


class Rule(ABC):
    """One operation with its derivatives; ``wanted`` tells which arguments need an adjoint."""

    @abstractmethod
    def value(self, node: Node, xs: Arrays) -> FloatArray:
        """Value."""

    @abstractmethod
    def tangent(self, node: Node, xs: Arrays, y: FloatArray, ts: Tangents) -> FloatArray:
        """Tangent of the value."""

    @abstractmethod
    def adjoint(self, node: Node, xs: Arrays, y: FloatArray, a: FloatArray, wanted: list[bool]) -> Tangents:
        """Adjoints of the arguments."""

    def bound(self, node: Node, xs: Arrays, y: FloatArray, a: FloatArray, wanted: list[bool]) -> Tangents:
        """Adjoints with every partial derivative replaced by its absolute value, for an adjoint a >= 0."""
        return [None if part is None else np.abs(part) for part in self.adjoint(node, xs, y, a, wanted)]

    @abstractmethod
    def adjoint_tangent(
        self,
        node: Node,
        xs: Arrays,
        ts: Tangents,
        y: FloatArray,
        yt: FloatArray,
        a: FloatArray,
        at: FloatArray,
        wanted: list[bool],
    ) -> Tangents:
        """Tangents of the adjoints."""


@final
class Linear(Rule):
    """An operation that is linear in all its arguments together."""

    def __init__(
        self, forward: Callable[[Node, Arrays], FloatArray], backward: Callable[[Node, FloatArray, int], FloatArray]
    ) -> None:
        self.forward = forward
        self.backward = backward

    def value(self, node: Node, xs: Arrays) -> FloatArray:
        """Value."""
        return self.forward(node, xs)

    def tangent(self, node: Node, xs: Arrays, y: FloatArray, ts: Tangents) -> FloatArray:
        """Tangent of the value."""
        full = [np.zeros(x.shape) if t is None else t for x, t in zip(xs, ts, strict=True)]
        return self.forward(node, full)

    def adjoint(self, node: Node, xs: Arrays, y: FloatArray, a: FloatArray, wanted: list[bool]) -> Tangents:
        """Adjoints of the arguments."""
        return [self.backward(node, a, k) if want else None for k, want in enumerate(wanted)]

    def adjoint_tangent(
        self,
        node: Node,
        xs: Arrays,
        ts: Tangents,
        y: FloatArray,
        yt: FloatArray,
        a: FloatArray,
        at: FloatArray,
        wanted: list[bool],
    ) -> Tangents:
        """Tangents of the adjoints."""
        return self.adjoint(node, xs, y, at, wanted)


class Entrywise(Rule):
    """An entrywise operation with broadcasting."""

    @abstractmethod
    def first(self, node: Node, xs: Arrays, k: int) -> FloatArray:
        """Partial derivative in argument k."""

    @abstractmethod
    def second(self, node: Node, xs: Arrays, k: int, j: int) -> FloatArray:
        """Second partial derivative in arguments k and j."""

    def tangent(self, node: Node, xs: Arrays, y: FloatArray, ts: Tangents) -> FloatArray:
        """Tangent of the value."""
        total = np.zeros(node.shape)
        for k, t in enumerate(ts):
            if t is not None:
                total = total + times(self.first(node, xs, k), t)
        return total

    def adjoint(self, node: Node, xs: Arrays, y: FloatArray, a: FloatArray, wanted: list[bool]) -> Tangents:
        """Adjoints of the arguments."""
        return [fold(times(a, self.first(node, xs, k)), xs[k].shape) if want else None for k, want in enumerate(wanted)]

    def bound(self, node: Node, xs: Arrays, y: FloatArray, a: FloatArray, wanted: list[bool]) -> Tangents:
        """Adjoints with every partial derivative replaced by its absolute value."""
        return [
            fold(times(a, np.abs(self.first(node, xs, k))), xs[k].shape) if want else None
            for k, want in enumerate(wanted)
        ]

    def adjoint_tangent(
        self,
        node: Node,
        xs: Arrays,
        ts: Tangents,
        y: FloatArray,
        yt: FloatArray,
        a: FloatArray,
        at: FloatArray,
        wanted: list[bool],
    ) -> Tangents:
        """Tangents of the adjoints."""
        result: Tangents = []
        for k, want in enumerate(wanted):
            if not want:
                result.append(None)
                continue
            total = times(at, self.first(node, xs, k))
            for j, t in enumerate(ts):
                if t is not None:
                    total = total + times(a, times(self.second(node, xs, k, j), t))
            result.append(fold(total, xs[k].shape))
        return result


@final
class OneArgument(Entrywise):
    """A function of one argument."""

    def jet(self, node: Node) -> Jet:
        """The function with its derivatives."""
        return power(float(node.payload)) if node.operation == "power" else FUNCTIONS[str(node.payload)]  # type: ignore[arg-type]

    def value(self, node: Node, xs: Arrays) -> FloatArray:
        """Value."""
        return self.jet(node).value(xs[0])

    def first(self, node: Node, xs: Arrays, k: int) -> FloatArray:
        """Partial derivative in argument k."""
        return self.jet(node).first(xs[0])

    def second(self, node: Node, xs: Arrays, k: int, j: int) -> FloatArray:
        """Second partial derivative in arguments k and j."""
        return self.jet(node).second(xs[0])


@final
class SeveralArguments(Entrywise):
    """A function of several arguments."""

    def value(self, node: Node, xs: Arrays) -> FloatArray:
        """Value."""
        return SEVERAL[node.operation].value(node.payload, xs)

    def first(self, node: Node, xs: Arrays, k: int) -> FloatArray:
        """Partial derivative in argument k."""
        return SEVERAL[node.operation].first(node.payload, xs)[k]

    def second(self, node: Node, xs: Arrays, k: int, j: int) -> FloatArray:
        """Second partial derivative in arguments k and j."""
        return SEVERAL[node.operation].second(node.payload, xs)[k][j]


@final
class Product(Entrywise):
    """The entrywise product of any number of factors."""

    def without(self, xs: Arrays, *left_out: int) -> FloatArray:
        """Product of the factors but some."""
        result = np.ones(())
        for k, x in enumerate(xs):
            if k not in left_out:
                result = result * x
        return result

    def value(self, node: Node, xs: Arrays) -> FloatArray:
        """Value."""
        return self.without(xs)

    def first(self, node: Node, xs: Arrays, k: int) -> FloatArray:
        """Partial derivative in argument k."""
        return self.without(xs, k)

    def second(self, node: Node, xs: Arrays, k: int, j: int) -> FloatArray:
        """Second partial derivative in arguments k and j."""
        return np.zeros(()) if k == j else self.without(xs, k, j)


def _spread(node: Node, a: FloatArray) -> FloatArray:
    """The adjoint of a reduction, broadcast over the axes that were summed."""
    axes: Any = node.payload
    kept = tuple(1 if axis in axes else length for axis, length in enumerate(node.arguments[0].shape))
    return np.broadcast_to(a.reshape(kept), node.arguments[0].shape)


@lru_cache(maxsize=1024)
def _positions(node: Node) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(node.payload, dtype=np.int64)


def _scatter(node: Node, a: FloatArray, k: int) -> FloatArray:
    size = node.arguments[0].size
    summed = np.bincount(_positions(node), weights=a.reshape(-1), minlength=size)
    return np.asarray(summed.reshape(node.arguments[0].shape), dtype=float)


def _gathered(node: Node, xs: Arrays) -> FloatArray:
    return np.asarray(xs[0].reshape(-1)[_positions(node)].reshape(node.shape))


def _part(node: Node, a: FloatArray, k: int) -> FloatArray:
    axis: Any = node.payload
    lengths = [argument.shape[axis] for argument in node.arguments]
    start = sum(lengths[:k])
    return a[(slice(None),) * axis + (slice(start, start + lengths[k]),)]


def _sum(xs: Arrays) -> FloatArray:
    total = xs[0]
    for x in xs[1:]:
        total = total + x
    return total


LINEAR: Mapping[str, Rule] = {
    "add": Linear(
        lambda node, xs: np.broadcast_to(_sum(xs), node.shape), lambda node, a, k: fold(a, node.arguments[k].shape)
    ),
    "transpose": Linear(lambda node, xs: xs[0].T, lambda node, a, k: a.T),
    "reshape": Linear(
        lambda node, xs: xs[0].reshape(node.shape), lambda node, a, k: a.reshape(node.arguments[0].shape)
    ),
    "gather": Linear(_gathered, _scatter),
    "concatenate": Linear(lambda node, xs: np.concatenate(xs, axis=node.payload), _part),  # type: ignore[arg-type]
    "sum": Linear(
        lambda node, xs: np.asarray(xs[0].sum(axis=node.payload)),  # type: ignore[arg-type]
        lambda node, a, k: _spread(node, a),
    ),
}
"""The operations that are linear."""
ENTRYWISE: Mapping[str, Rule] = {
    "function": OneArgument(),
    "power": OneArgument(),
    "multiply": Product(),
    **dict.fromkeys(SEVERAL, SeveralArguments()),
}
"""The entrywise operations."""
