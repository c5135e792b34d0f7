"""Rules of differentiation for NumPy's functions of jets; a jet is known by its first and second derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symmetries.actions.parameter_space import FloatArray


def is_jet(x: Any) -> bool:
    """Whether an operand carries derivatives.

    >>> is_jet(np.ones(2))
    False
    """
    return hasattr(x, "second")


def _entrywise(rule: Callable[[FloatArray], tuple[Any, Any, Any]]) -> Callable[[Any], Any]:
    """A function of one jet from its value, slope and bend."""
    return lambda jet: jet.apply(*rule(jet.value))


def _exponential(x: FloatArray) -> tuple[Any, Any, Any]:
    """Value, slope and bend of the exponential."""
    y = np.exp(x)
    return y, y, y


def _tanh(x: FloatArray) -> tuple[Any, Any, Any]:
    """Value, slope and bend of the hyperbolic tangent."""
    y = np.tanh(x)
    return y, 1 - y**2, -2 * y * (1 - y**2)


def _root(x: FloatArray) -> tuple[Any, Any, Any]:
    """Value, slope and bend of the square root."""
    y = np.sqrt(x)
    return y, 0.5 / y, -0.25 / y**3


def _tangent(x: FloatArray) -> tuple[Any, Any, Any]:
    """Value, slope and bend of the tangent."""
    y = np.tan(x)
    return y, 1 + y**2, 2 * y * (1 + y**2)


def _inverse_sine(x: FloatArray) -> tuple[Any, Any, Any]:
    """Value, slope and bend of the inverse sine."""
    r = 1 / np.sqrt(1 - x**2)
    return np.arcsin(x), r, x * r**3


def _bilinear(a: Any, b: Any, product: Callable[[Any, Any], Any]) -> Any:
    """The product rule for an operation that is linear in each of two operands and broadcasts over leading axes."""
    if not is_jet(b):
        return a.map(lambda part, _: product(part, b))
    if not is_jet(a):
        return b.map(lambda part, _: product(a, part))
    second = None
    if a.second is not None and b.second is not None:
        mixed = product(a.first[:, None], b.first[None, :])
        second = product(a.second, b.value) + product(a.value, b.second) + mixed + mixed.swapaxes(0, 1)
    return type(a)(product(a.value, b.value), product(a.first, b.value) + product(a.value, b.first), second)


def _aligned(a: Any, b: Any) -> tuple[Any, Any]:
    """Two operands with the same number of axes, each a jet or an array."""
    a, b = (one if is_jet(one) else np.asarray(one, dtype=float) for one in (a, b))
    ndim = max(a.ndim, b.ndim)
    return tuple(one.padded(ndim) if is_jet(one) else one for one in (a, b))


def _multiply(a: Any, b: Any) -> Any:
    """The product entry by entry."""
    return _bilinear(*_aligned(a, b), np.multiply)


def _add(a: Any, b: Any) -> Any:
    """The sum of two operands."""
    a, b = _aligned(a, b)
    if not is_jet(b):
        a, b = b, a
    if not is_jet(a):
        value = a + b.value
        return b.map(lambda part, lead: np.broadcast_to(part, part.shape[:lead] + value.shape) if lead else value)
    second = None if a.second is None or b.second is None else a.second + b.second
    return type(a)(a.value + b.value, a.first + b.first, second)


def _power(base: Any, exponent: Any) -> Any:
    """A power with a constant exponent, or with a positive base."""
    if is_jet(exponent):
        return np.exp(exponent * np.log(base))
    p = np.asarray(exponent, dtype=float)
    base = base.padded(max(base.ndim, p.ndim))
    x = base.value
    bend = np.where(p == 1, 0.0, p * (p - 1)) * x ** np.where((p == 1) | (p == 0), 1.0, p - 2)
    return base.apply(x**p, p * x ** np.where(p == 0, 1.0, p - 1), bend)


def _matmul(a: Any, b: Any) -> Any:
    """The product of matrices and vectors; vectors become matrices for the time of the product."""
    a, b = (one if is_jet(one) else np.asarray(one, dtype=float) for one in (a, b))
    row, column = a.ndim == 1, b.ndim == 1
    product = _bilinear(a.reshape(1, -1) if row else a, b.reshape(-1, 1) if column else b, np.matmul)
    shape = product.shape[: -2 if row else -1] if column else product.shape
    shape = shape if column or not row else (*product.shape[:-2], product.shape[-1])
    return product.reshape(shape) if row or column else product


def _outer(a: Any, b: Any) -> Any:
    """The outer product of two vectors."""
    return a.reshape(-1, 1) * b.reshape(1, -1)


def _choose(larger: bool) -> Callable[[Any, Any], Any]:
    """The larger or the smaller of two operands, entry by entry."""

    def chosen(a: Any, b: Any) -> Any:
        """Both operands, weighted by which one it is."""
        first = _value(a) >= _value(b) if larger else _value(a) <= _value(b)
        return a * np.where(first, 1.0, 0.0) + b * np.where(first, 0.0, 1.0)

    return chosen


def _angle(y: Any, x: Any) -> Any:
    """The angle of (x, y); its derivatives are those of the inverse tangent on its own branch."""
    square = _value(x) ** 2 + _value(y) ** 2
    jet = x if is_jet(x) else y
    derived = np.arctan(y / x) if np.all(np.abs(_value(x)) ** 2 >= square / 2) else -np.arctan(x / y)
    return type(jet)(np.arctan2(_value(y), _value(x)), derived.first, derived.second) if is_jet(jet) else derived


def _inverse(a: Any) -> Any:
    """The inverse of a matrix: dA⁻¹ = -A⁻¹ dA A⁻¹."""
    inverse = np.linalg.inv(a.value)
    first = -inverse @ a.first @ inverse
    second = None
    if a.second is not None:
        mixed = -(first[:, None] @ a.first[None, :]) @ inverse
        second = mixed + mixed.swapaxes(0, 1) - inverse @ a.second @ inverse
    return type(a)(inverse, first, second)


def _solve(a: Any, b: Any) -> Any:
    """The solution of linear equations."""
    return (_inverse(a) if is_jet(a) else np.linalg.inv(a)) @ b


def _join(parts: Sequence[Any], axis: int = 0, *, new: bool) -> Any:
    """Several operands along one axis, a new one when they are stacked."""
    like = next(part for part in parts if is_jet(part))
    jets = [part if is_jet(part) else _constant(part, like) for part in parts]
    ndim = jets[0].ndim + new
    back = axis - ndim if axis >= 0 else axis
    join: Any = np.stack if new else np.concatenate
    second = None if like.second is None else join([jet.second for jet in jets], axis=back)
    return type(like)(
        join([jet.value for jet in jets], axis=back), join([jet.first for jet in jets], axis=back), second
    )


def _constant(value: Any, like: Any) -> Any:
    """A constant as a jet of the same parameters as another."""
    array, size = np.asarray(value, dtype=float), len(like.first)
    second = None if like.second is None else np.zeros((size, size, *array.shape))
    return type(like)(array, np.zeros((size, *array.shape)), second)


def _value(x: Any) -> FloatArray:
    """The value of a jet or an array."""
    return x.value if is_jet(x) else np.asarray(x, dtype=float)


def _norm(x: Any, axis: Any = None) -> Any:
    """The Euclidean norm."""
    return np.sqrt((x * x).sum(axis))


UFUNCS: Mapping[Any, Callable[..., Any]] = {
    np.add: _add,
    np.subtract: lambda a, b: _add(a, -b),
    np.multiply: _multiply,
    np.divide: lambda a, b: _multiply(a, np.reciprocal(b) if is_jet(b) else 1 / np.asarray(b, dtype=float)),
    np.power: _power,
    np.float_power: _power,
    np.matmul: _matmul,
    np.maximum: _choose(True),
    np.minimum: _choose(False),
    np.arctan2: _angle,
    np.negative: lambda a: a.map(lambda part, _: -part),
    np.positive: lambda a: a,
    np.square: lambda a: a * a,
    np.reciprocal: _entrywise(lambda x: (1 / x, -1 / x**2, 2 / x**3)),
    np.absolute: _entrywise(lambda x: (np.abs(x), np.sign(x), 0 * x)),
    np.exp: _entrywise(_exponential),
    np.expm1: _entrywise(lambda x: (np.expm1(x), np.exp(x), np.exp(x))),
    np.log: _entrywise(lambda x: (np.log(x), 1 / x, -1 / x**2)),
    np.log1p: _entrywise(lambda x: (np.log1p(x), 1 / (1 + x), -1 / (1 + x) ** 2)),
    np.sqrt: _entrywise(_root),
    np.sin: _entrywise(lambda x: (np.sin(x), np.cos(x), -np.sin(x))),
    np.cos: _entrywise(lambda x: (np.cos(x), -np.sin(x), -np.cos(x))),
    np.tan: _entrywise(_tangent),
    np.tanh: _entrywise(_tanh),
    np.sinh: _entrywise(lambda x: (np.sinh(x), np.cosh(x), np.sinh(x))),
    np.cosh: _entrywise(lambda x: (np.cosh(x), np.sinh(x), np.cosh(x))),
    np.arctan: _entrywise(lambda x: (np.arctan(x), 1 / (1 + x**2), -2 * x / (1 + x**2) ** 2)),
    np.arcsin: _entrywise(_inverse_sine),
    np.arcsinh: _entrywise(lambda x: (np.arcsinh(x), (1 + x**2) ** -0.5, -x * (1 + x**2) ** -1.5)),
    np.arctanh: _entrywise(lambda x: (np.arctanh(x), 1 / (1 - x**2), 2 * x / (1 - x**2) ** 2)),
}
"""Rules for ufuncs."""

FUNCTIONS: Mapping[Any, Callable[..., Any]] = {
    np.sum: lambda a, axis=None, keepdims=False: a.sum(axis, keepdims),
    np.mean: lambda a, axis=None, keepdims=False: a.mean(axis, keepdims),
    np.trace: lambda a: a.trace(),
    np.reshape: lambda a, shape: a.reshape(shape),
    np.ravel: lambda a: a.reshape(-1),
    np.transpose: lambda a: a.T,
    np.dot: lambda a, b: np.matmul(a, b) if len(np.shape(a)) and len(np.shape(b)) else a * b,
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: a.size,
    np.outer: _outer,
    np.concatenate: lambda parts, axis=0: _join(parts, axis, new=False),
    np.stack: lambda parts, axis=0: _join(parts, axis, new=True),
    np.linalg.inv: _inverse,
    np.linalg.solve: _solve,
    np.linalg.norm: _norm,
}
"""Rules for functions that are no ufuncs."""
