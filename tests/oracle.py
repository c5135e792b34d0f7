"""Symmetries by numbers alone: an evaluator, numeric gradients and a singular value decomposition.

It shares with the engine the array expression that the reader makes and nothing of the derivation.  Values are complex
numbers of extended precision, for many points at once; a derivative is the imaginary part after a step of 1e-30 i,
without any subtraction; maxima and the like choose their branch by the real part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symmetries import Loss, VectorField
from symmetries.ansatz import Affine, Ansatz, Diagonal, Linear, Polynomial
from symmetries.expression import Node, entry_names, walk

Array = Any
REAL = np.longdouble
COMPLEX = np.clongdouble
STEP = REAL("1e-30")
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


class Sampler:
    """Random points of a loss and its gradients there."""

    def __init__(self, loss: Loss, *, positive: bool = False, seed: int = 0) -> None:
        self.loss = loss
        self.positive = positive
        self.rng = np.random.default_rng(seed)
        self.coordinates = (*loss.entries, *loss.moving_entries)
        self.constants = {name: REAL(self.rng.uniform(0.5, 2)) for name in loss.constants}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        free = {name: item.shape for name, item in self.loss.data.items() if item.values is None}
        return {**self.loss.parameters, **free}

    def points(self, count: int) -> dict[str, Array]:
        """Random values of all parameters and free data."""
        result = {}
        for name, shape in self.shapes().items():
            drawn = self.rng.uniform(0.2, 1.1, (count, *shape))
            signs = 1 if self.positive else self.rng.choice([-1, 1], (count, *shape))
            result[name] = (drawn * signs).astype(COMPLEX)
        return result | {name: np.full(count, value, dtype=COMPLEX) for name, value in self.constants.items()}

    def entries(self, points: Mapping[str, Array]) -> Array:
        """Values of the coordinates, shape (coordinates, count)."""
        columns: dict[str, Array] = {}
        for name, shape in self.shapes().items():
            flat = points[name].reshape(len(points[name]), -1)
            columns |= {entry: flat[:, k] for k, entry in enumerate(entry_names(name, shape))}
        return np.array([columns[entry].real for entry in self.coordinates])

    def moved(self, points: Mapping[str, Array], shift: Mapping[str, Array]) -> dict[str, Array]:
        """The points with coordinates shifted."""
        result = dict(points)
        for name, shape in self.shapes().items():
            names = entry_names(name, shape)
            if not any(entry in shift for entry in names):
                continue
            zero = np.zeros(len(points[name]), dtype=COMPLEX)
            delta = np.stack([np.broadcast_to(shift.get(entry, zero), zero.shape) for entry in names], axis=1)
            result[name] = points[name] + delta.reshape(points[name].shape)
        return result

    def slope(self, points: Mapping[str, Array], direction: Mapping[str, Array]) -> Array:
        """Directional derivative."""
        shift = {entry: 1j * STEP * value for entry, value in direction.items()}
        return evaluate(self.loss.expression, self.moved(points, shift)).imag / STEP

    def gradient(self, points: Mapping[str, Array]) -> Array:
        """Gradient in the coordinates, shape (coordinates, count)."""
        return np.array([self.slope(points, {entry: REAL(1)}) for entry in self.coordinates])


def monomials(ansatz: Ansatz, values: Array) -> list[list[Array]]:
    """For each coordinate, the values of the monomials that an ansatz allows in its component."""
    size = len(values)
    if isinstance(ansatz, Diagonal):
        return [[values[i]] for i in range(size)]
    if isinstance(ansatz, Linear):
        degrees = [1]
    elif isinstance(ansatz, Affine):
        degrees = [0, 1]
    else:
        assert isinstance(ansatz, Polynomial)
        degrees = list(range(ansatz.degree + 1))
    family: list[Array] = []
    for degree in degrees:
        family += powers(values, degree)
    return [family] * size


def powers(values: Array, degree: int) -> list[Array]:
    """All monomials of one degree."""
    if degree == 0:
        return [np.ones_like(values[0])]
    if len(values) == 1:
        return [values[0] ** degree]
    return [values[0] ** k * rest for k in range(degree + 1) for rest in powers(values[1:], degree - k)]


def nullity(loss: Loss, ansatz: Ansatz, *, positive: bool = False, seed: int = 0, tolerance: float = 1e-9) -> int:
    """Dimension of the symmetries that singular values show; a missing gap is an error."""
    sampler = Sampler(loss, positive=positive, seed=seed)
    size = len(sampler.coordinates)
    unknowns = ansatz.count(size)
    count = 2 * unknowns + 40
    points = sampler.points(count)
    gradient = sampler.gradient(points)
    family = monomials(ansatz, sampler.entries(points))
    columns = [value * gradient[i] for i in range(size) for value in family[i]]
    matrix = np.array(columns, dtype=REAL).T
    matrix = matrix[np.isfinite(matrix).all(axis=1)]
    assert len(matrix) > unknowns, "the loss is defined at too few of the sampled points"
    norms = np.sqrt(np.sum(gradient[:, np.isfinite(gradient).all(axis=0)] ** 2))
    scale = np.sqrt(np.sum(matrix**2, axis=0))
    still = int(np.sum(scale <= 1e-10 * norms))
    rest = (matrix / np.maximum(scale, REAL("1e-300")))[:, scale > 1e-10 * norms]
    rows = np.sqrt(np.sum(rest**2, axis=1))
    rest = rest[rows > 0] / rows[rows > 0][:, None]
    singular = np.linalg.svd(rest.astype(float), compute_uv=False) if rest.size else np.zeros(0)
    small = singular <= tolerance * (singular[0] if len(singular) else 1)
    values = np.sort(singular)
    gap = int(small.sum())
    if 0 < gap < len(values):
        assert values[gap] > 1e3 * values[gap - 1], f"no gap: {values[gap - 1]:.1e}, {values[gap]:.1e}"
    return still + gap + max(rest.shape[1] - len(singular), 0)


def residual(loss: Loss, field: VectorField, *, positive: bool = False, seed: int = 1, count: int = 12) -> float:
    """Largest |X L| at random points, over |X| |grad L| there."""
    sampler = Sampler(loss, positive=positive, seed=seed)
    points = sampler.points(count)
    direction = {entry: evaluate(loss.read(text), points).real for entry, text in field.components.items()}
    length = np.sqrt(sum(value**2 for value in direction.values()))
    direction = {entry: value / length for entry, value in direction.items()}
    slope = sampler.slope(points, direction)
    size = np.sqrt(np.sum(sampler.gradient(points) ** 2, axis=0))
    good = np.isfinite(slope) & np.isfinite(size) & (size > 0)
    assert good.any(), "the loss is defined at no sampled point"
    return float(np.max(np.abs(slope[good]) / size[good]))
