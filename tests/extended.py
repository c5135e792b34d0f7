"""Values of array expressions as complex numbers of extended precision, for many points at once.

Maxima and the like choose their branch by the real part, so that the imaginary part after a step of 1e-30 i is a
derivative, without any subtraction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symmetries.expression import Node, walk

Array = Any
REAL = np.longdouble
COMPLEX = np.clongdouble
PI = REAL("3.14159265358979323846264338327950288")


def erf(x: Array) -> Array:
    """The error function: its series near 0, its continued fraction far away."""
    close = np.abs(x.real) <= 3
    near = np.where(close, x, 0)
    term, total = near, near.copy()
    for k in range(1, 90):
        term = -term * near * near / k
        total = total + term / (2 * k + 1)
    far = np.where(close, 3, x * np.sign(x.real))
    fraction = far.copy()
    for k in range(120, 0, -1):
        fraction = far + REAL(k) / 2 / fraction
    tail = 1 - np.exp(-far * far) / fraction / np.sqrt(PI)
    return np.where(close, 2 / np.sqrt(PI) * total, np.sign(x.real) * tail)


def normal_cdf(x: Array) -> Array:
    return (1 + erf(x / np.sqrt(REAL(2)))) / 2


def positive(x: Array) -> Array:
    """The value where it is positive, else NaN."""
    return np.where(x.real > 0, x, np.nan)


FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {
    "exp": np.exp,
    "log": lambda x: np.log(positive(x)),
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "abs": lambda x: x * np.sign(x.real),
    "sign": lambda x: np.sign(x.real) + 0 * x,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "relu": lambda x: np.where(x.real > 0, x, 0),
    "gelu": lambda x: x * normal_cdf(x),
    "normal_cdf": normal_cdf,
    "erf": erf,
    "atan": np.arctan,
}
RELATIONS = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


def exact(values: Any) -> Array:
    return np.array([REAL(str(value.numerator)) / REAL(str(value.denominator)) for value in values]).astype(COMPLEX)


def determinant(matrix: Array) -> Array:
    """By expansion along the first row."""
    size = matrix.shape[-1]
    if size == 1:
        return matrix[..., 0, 0]
    parts = (
        (-1) ** k * matrix[..., 0, k] * determinant(np.delete(matrix[..., 1:, :], k, axis=-1)) for k in range(size)
    )
    return sum(parts)


def inverse(matrix: Array) -> Array:
    """By cofactors."""
    size = matrix.shape[-1]
    result = np.empty_like(matrix)
    for i in range(size):
        for j in range(size):
            minor = np.delete(np.delete(matrix, i, axis=-2), j, axis=-1)
            result[..., j, i] = (-1) ** (i + j) * (determinant(minor) if size > 1 else 1)
    return result / determinant(matrix)[..., None, None]


def aligned(values: Sequence[Array]) -> list[Array]:
    """Values with the batch in front, their other axes aligned at the end."""
    axes = max(value.ndim for value in values)
    return [value.reshape(value.shape[0], *(1,) * (axes - value.ndim), *value.shape[1:]) for value in values]


def evaluate(root: Node, inputs: Mapping[str, Array]) -> Array:
    """Values of an expression; every input has the batch as its first axis."""
    batch = len(next(iter(inputs.values())))
    done: dict[int, Array] = {}
    with np.errstate(all="ignore"):
        for node in walk(root):
            value = operate(node, [done[id(argument)] for argument in node.arguments], inputs)
            done[id(node)] = np.broadcast_to(value, (batch if value.shape[0] == batch else 1, *node.shape))
    return np.broadcast_to(done[id(root)], (batch, *root.shape))


def operate(node: Node, x: list[Array], inputs: Mapping[str, Array]) -> Array:
    payload: Any = node.payload
    axes = tuple(axis + 1 for axis in payload) if node.operation in {"sum", "logsumexp", "softmax"} else ()
    match node.operation:
        case "number":
            return exact([payload])
        case "array":
            return exact(payload).reshape(1, *node.shape)
        case "pi":
            return np.array([PI], dtype=COMPLEX)
        case "symbol":
            return inputs[payload]
        case "add":
            return sum(aligned(x))
        case "multiply":
            return np.prod(np.broadcast_arrays(*aligned(x)), axis=0)
        case "power":
            return rational_power(x[0], payload)
        case "exponential":
            base, exponent = aligned(x)
            return np.exp(exponent * np.log(positive(base)))
        case "function":
            return FUNCTIONS[payload](x[0])
        case "leaky_relu":
            value, slope = aligned(x)
            return np.where(value.real > 0, value, slope * value)
        case "elu":
            value, slope = aligned(x)
            return np.where(value.real > 0, value, slope * (np.exp(np.where(value.real > 0, 0, value)) - 1))
        case "maximum":
            left, right = aligned(x)
            return np.where(left.real >= right.real, left, right)
        case "minimum":
            left, right = aligned(x)
            return np.where(left.real <= right.real, left, right)
        case "where":
            value, left, right = aligned(x)
            return np.where(RELATIONS[payload](value.real, 0), left, right)
        case "matmul":
            return product(node, x[0], x[1])
        case "transpose":
            return np.swapaxes(x[0], 1, 2)
        case "det":
            return determinant(x[0])
        case "inv":
            return inverse(x[0])
        case "reshape":
            return x[0].reshape(x[0].shape[0], *node.shape)
        case "gather":
            return x[0].reshape(x[0].shape[0], -1)[:, list(payload)].reshape(x[0].shape[0], *node.shape)
        case "concatenate":
            batch = max(value.shape[0] for value in x)
            return np.concatenate([np.broadcast_to(v, (batch, *v.shape[1:])) for v in x], axis=payload + 1)
        case "sum":
            return np.sum(x[0], axis=axes)
        case "logsumexp":
            return np.log(np.sum(np.exp(x[0]), axis=axes))
        case "softmax":
            power = np.exp(x[0])
            return power / np.sum(power, axis=axes, keepdims=True)
    raise AssertionError(node.operation)


def rational_power(base: Array, exponent: Any) -> Array:
    if exponent.denominator > 1:
        return np.exp(exact([exponent])[0] * np.log(positive(base)))
    return base ** int(exponent)


def product(node: Node, left: Array, right: Array) -> Array:
    """A matrix product over the batch."""
    left_axes, right_axes = (argument.ndim for argument in node.arguments)
    a = left[:, None, :] if left_axes == 1 else left
    b = right[:, :, None] if right_axes == 1 else right
    result = np.sum(a[..., :, :, None] * b[..., None, :, :], axis=-2)
    if right_axes == 1:
        result = result[..., 0]
    return result[..., 0, :] if left_axes == 1 and right_axes > 1 else result[..., 0] if left_axes == 1 else result
