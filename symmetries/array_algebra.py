"""Derivatives of the operations of linear algebra and of the softmax family, in double precision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from symmetries.array_functions import FloatArray
from symmetries.array_rules import ENTRYWISE, LINEAR, Arrays, Rule, Tangents
from symmetries.expression import Node


@final
class Matmul(Rule):
    """The product of vectors and matrices."""

    def value(self, node: Node, xs: Arrays) -> FloatArray:
        """Value."""
        return np.asarray(xs[0] @ xs[1])

    def tangent(self, node: Node, xs: Arrays, y: FloatArray, ts: Tangents) -> FloatArray:
        """Tangent of the value."""
        total = np.zeros(node.shape)
        if ts[0] is not None:
            total = total + ts[0] @ xs[1]
        if ts[1] is not None:
            total = total + xs[0] @ ts[1]
        return np.asarray(total)

    def pulled(self, xs: Arrays, a: FloatArray, k: int) -> FloatArray:
        """Adjoint of argument k."""
        left = xs[0].reshape(-1, xs[0].shape[-1])
        right = xs[1].reshape(xs[1].shape[0], -1)
        middle = a.reshape(left.shape[0], right.shape[1])
        return (middle @ right.T if k == 0 else left.T @ middle).reshape(xs[k].shape)

    def adjoint(self, node: Node, xs: Arrays, y: FloatArray, a: FloatArray, wanted: list[bool]) -> Tangents:
        """Adjoints of the arguments."""
        return [self.pulled(xs, a, k) if want else None for k, want in enumerate(wanted)]

    def bound(self, node: Node, xs: Arrays, y: FloatArray, a: FloatArray, wanted: list[bool]) -> Tangents:
        """Adjoints with every partial derivative replaced by its absolute value."""
        return self.adjoint(node, [np.abs(x) for x in xs], y, a, wanted)

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
            total = self.pulled(xs, at, k)
            other = ts[1 - k]
            if other is not None:
                moved = [xs[0], other] if k == 0 else [other, xs[1]]
                total = total + self.pulled(moved, a, k)
            result.append(total)
        return result


@final
class Determinant(Rule):
    """The determinant; its derivatives are polynomials in the singular values, so a singular matrix is no exception."""

    def parts(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, float]:
        """Singular value decomposition and the sign of the orthogonal factors."""
        if not np.isfinite(x).all():
            x = np.full_like(x, np.nan)
            return x, x[0], x, np.nan
        u, s, vt = np.linalg.svd(x)
        return u, s, vt, float(np.linalg.det(u) * np.linalg.det(vt))

    def value(self, node: Node, xs: Arrays) -> FloatArray:
        """Value."""
        return np.asarray(np.linalg.det(xs[0]))

    def cofactors(self, x: FloatArray) -> FloatArray:
        """Matrix of cofactors, the gradient of the determinant."""
        u, s, vt, sign = self.parts(x)
        products = np.array([np.prod(np.delete(s, i)) for i in range(len(s))])
        return sign * (u * products) @ vt

    def moved_cofactors(self, x: FloatArray, t: FloatArray) -> FloatArray:
        """Derivative of the matrix of cofactors along t."""
        u, s, vt, sign = self.parts(x)
        size = len(s)
        pairs = np.array([[np.prod(np.delete(s, [i, j])) if i != j else 0.0 for j in range(size)] for i in range(size)])
        inner = u.T @ t @ vt.T
        change = -pairs * inner.T
        change[np.diag_indices(size)] = pairs @ np.diag(inner)
        return sign * u @ change @ vt

    def tangent(self, node: Node, xs: Arrays, y: FloatArray, ts: Tangents) -> FloatArray:
        """Tangent of the value."""
        assert ts[0] is not None
        return np.asarray((self.cofactors(xs[0]) * ts[0]).sum())

    def adjoint(self, node: Node, xs: Arrays, y: FloatArray, a: FloatArray, wanted: list[bool]) -> Tangents:
        """Adjoints of the arguments."""
        return [a * self.cofactors(xs[0])]

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
        total = at * self.cofactors(xs[0])
        return [total if ts[0] is None else total + a * self.moved_cofactors(xs[0], ts[0])]


@final
class Inverse(Rule):
    """The inverse matrix; NaN where there is none."""

    def value(self, node: Node, xs: Arrays) -> FloatArray:
        """Value."""
        try:
            return np.asarray(np.linalg.inv(xs[0]), dtype=float)
        except np.linalg.LinAlgError:
            return np.full(node.shape, np.nan)

    def tangent(self, node: Node, xs: Arrays, y: FloatArray, ts: Tangents) -> FloatArray:
        """Tangent of the value."""
        assert ts[0] is not None
        return -y @ ts[0] @ y

    def adjoint(self, node: Node, xs: Arrays, y: FloatArray, a: FloatArray, wanted: list[bool]) -> Tangents:
        """Adjoints of the arguments."""
        return [-y.T @ a @ y.T]

    def bound(self, node: Node, xs: Arrays, y: FloatArray, a: FloatArray, wanted: list[bool]) -> Tangents:
        """Adjoints with every partial derivative replaced by its absolute value."""
        return [np.abs(y).T @ a @ np.abs(y).T]

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
        return [-(yt.T @ a @ y.T + y.T @ at @ y.T + y.T @ a @ yt.T)]


def _axes(node: Node) -> tuple[int, ...]:
    axes: Any = node.payload
    return tuple(axes)


def _shares(x: FloatArray, axes: tuple[int, ...]) -> FloatArray:
    """exp(x) over its sum, without overflow."""
    shifted = np.exp(x - x.max(axis=axes, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=axes, keepdims=True))


def _centred(s: FloatArray, t: FloatArray, axes: tuple[int, ...]) -> FloatArray:
    """s (t - <s, t>), the derivative of the shares s along t and the adjoint too."""
    return np.asarray(s * (t - (s * t).sum(axis=axes, keepdims=True)))


@final
class Softmax(Rule):
    """exp(x) / sum exp(x)."""

    def value(self, node: Node, xs: Arrays) -> FloatArray:
        """Value."""
        return _shares(xs[0], _axes(node))

    def tangent(self, node: Node, xs: Arrays, y: FloatArray, ts: Tangents) -> FloatArray:
        """Tangent of the value."""
        assert ts[0] is not None
        return _centred(y, ts[0], _axes(node))

    def adjoint(self, node: Node, xs: Arrays, y: FloatArray, a: FloatArray, wanted: list[bool]) -> Tangents:
        """Adjoints of the arguments."""
        return [_centred(y, a, _axes(node))]

    def bound(self, node: Node, xs: Arrays, y: FloatArray, a: FloatArray, wanted: list[bool]) -> Tangents:
        """Adjoints with every partial derivative replaced by its absolute value."""
        return [np.asarray(y * (a + (y * a).sum(axis=_axes(node), keepdims=True)))]

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
        axes = _axes(node)
        mean = (y * a).sum(axis=axes, keepdims=True)
        change = (yt * a + y * at).sum(axis=axes, keepdims=True)
        return [yt * (a - mean) + y * (at - change)]


@final
class LogSumExp(Rule):
    """log sum exp(x), without overflow."""

    def value(self, node: Node, xs: Arrays) -> FloatArray:
        """Value."""
        axes = _axes(node)
        top = xs[0].max(axis=axes, keepdims=True)
        total = np.log(np.exp(xs[0] - top).sum(axis=axes, keepdims=True)) + top
        return np.asarray(total.reshape(node.shape))

    def spread(self, node: Node, a: FloatArray) -> FloatArray:
        """An adjoint with the axes that were reduced."""
        axes = _axes(node)
        return a.reshape([1 if axis in axes else length for axis, length in enumerate(node.arguments[0].shape)])

    def tangent(self, node: Node, xs: Arrays, y: FloatArray, ts: Tangents) -> FloatArray:
        """Tangent of the value."""
        assert ts[0] is not None
        return np.asarray((_shares(xs[0], _axes(node)) * ts[0]).sum(axis=_axes(node)))

    def adjoint(self, node: Node, xs: Arrays, y: FloatArray, a: FloatArray, wanted: list[bool]) -> Tangents:
        """Adjoints of the arguments."""
        return [_shares(xs[0], _axes(node)) * self.spread(node, a)]

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
        axes = _axes(node)
        shares = _shares(xs[0], axes)
        total = shares * self.spread(node, at)
        return [total if ts[0] is None else total + self.spread(node, a) * _centred(shares, ts[0], axes)]


RULES: Mapping[str, Rule] = {
    **LINEAR,
    **ENTRYWISE,
    "matmul": Matmul(),
    "det": Determinant(),
    "inv": Inverse(),
    "softmax": Softmax(),
    "logsumexp": LogSumExp(),
}
"""The rule of every operation that is no leaf."""
