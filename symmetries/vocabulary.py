"""The functions and constants of the formula language, each with its arguments and what it builds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial, reduce
from typing import Final, Literal, TypeAlias, final

from manifolds.errors import InputError
from symmetries import indexing, numbers, operations
from symmetries.expression import Node, Shape, number
from symmetries.refusal import Limits

Kind: TypeAlias = Literal["array", "arrays", "axis", "axes", "flag", "length", "shape"]
"""What an argument is: an expression, a list of them, one axis, axes or None, True or False, a length, a shape."""

REQUIRED: Final = object()
"""The default of an argument that must be given."""


@final
@dataclass(frozen=True)
class Argument:
    """One argument of a function of the language; the default of an expression is a fraction."""

    name: str
    kind: Kind = "array"
    default: object = REQUIRED


@final
@dataclass(frozen=True)
class Function:
    """One function of the language: its arguments and what it builds; ``variadic`` takes any number of expressions."""

    build: Callable[..., Node]
    arguments: tuple[Argument, ...]
    variadic: bool = False

    def usage(self, name: str) -> str:
        """How it is called.

        >>> FUNCTIONS["sum"].usage("sum")
        'sum(x, axis=None, keepdims=False)'
        """
        if self.variadic:
            return f"{name}(a, b, ...)"
        parts = [
            argument.name if argument.default is REQUIRED else f"{argument.name}={argument.default}"
            for argument in self.arguments
        ]
        return f"{name}({', '.join(parts)})"


def entrywise(name: str, x: Node) -> Node:
    """An entrywise function; on a number, the number where that is exact."""
    value = numbers.value_of(x)
    if value is not None:
        if name == "abs":
            return number(abs(value))
        if name == "sign":
            return number((value > 0) - (value < 0))
        if name == "relu":
            return number(max(value, Fraction(0)))
        if (name == "log" and value <= 0) or (name == "log1p" and value <= -1):
            raise InputError(f"{name}({value})", why="it is not a real number", cure="use an argument in its domain")
    return operations.function(name, x)


def sqrt(x: Node) -> Node:
    """Entrywise square root."""
    return numbers.power(x, Fraction(1, 2), Limits())


def largest(*values: Node) -> Node:
    """Entrywise largest of several."""
    return reduce(operations.maximum, values)


def smallest(*values: Node) -> Node:
    """Entrywise smallest of several."""
    return reduce(operations.minimum, values)


def heaviside(x: Node, middle: Node) -> Node:
    """The unit step: 0 below zero, ``middle`` at zero, 1 above."""
    if numbers.value_of(middle) == Fraction(1, 2):
        return operations.multiply(middle, operations.add(number(1), operations.function("sign", x)))
    below = operations.where(x, "<", number(0), number(0), middle)
    return operations.where(x, ">", number(0), number(1), below)


def norm(x: Node, axis: int | tuple[int, ...] | None, keepdims: bool) -> Node:
    """Euclidean norm over some axes."""
    return operations.power(operations.sum_(operations.square(x), axis, keepdims), Fraction(1, 2))


def square(x: Node) -> Node:
    """Entrywise square."""
    return numbers.power(x, Fraction(2), Limits())


def ones(shape: Shape) -> Node:
    """Array of ones."""
    return operations.full(shape, 1)


def zeros(shape: Shape) -> Node:
    """Array of zeros."""
    return operations.full(shape, 0)


X = Argument("x")
Y = Argument("y")
AXIS = Argument("axis", "axis", -1)
REDUCED = (X, Argument("axis", "axes", None), Argument("keepdims", "flag", False))
UNARY = ("exp", "log", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sigmoid", "softplus", "relu", "gelu")
MORE_UNARY = ("sign", "abs", "erf", "atan", "normal_cdf")

FUNCTIONS: Mapping[str, Function] = {
    **{name: Function(partial(entrywise, name), (X,)) for name in UNARY + MORE_UNARY},
    "Abs": Function(partial(entrywise, "abs"), (X,)),
    "sqrt": Function(sqrt, (X,)),
    "square": Function(square, (X,)),
    "leaky_relu": Function(operations.leaky_relu, (X, Argument("slope"))),
    "elu": Function(operations.elu, (X, Argument("slope", "array", Fraction(1)))),
    "maximum": Function(operations.maximum, (X, Y)),
    "minimum": Function(operations.minimum, (X, Y)),
    "Max": Function(largest, (X,), variadic=True),
    "Min": Function(smallest, (X,), variadic=True),
    "Heaviside": Function(heaviside, (X, Argument("middle", "array", Fraction(1, 2)))),
    "sum": Function(operations.sum_, REDUCED),
    "mean": Function(operations.mean, REDUCED),
    "logsumexp": Function(operations.logsumexp, REDUCED),
    "norm": Function(norm, REDUCED),
    "softmax": Function(operations.softmax, (X, AXIS)),
    "log_softmax": Function(operations.log_softmax, (X, AXIS)),
    "cross_entropy": Function(operations.cross_entropy, (Argument("logits"), Argument("target"), AXIS)),
    "trace": Function(operations.trace, (X,)),
    "det": Function(operations.det, (X,)),
    "inv": Function(operations.inv, (X,)),
    "diag": Function(operations.diag, (X,)),
    "dot": Function(operations.dot, (X, Y)),
    "outer": Function(operations.outer, (X, Y)),
    "kron": Function(operations.kron, (X, Y)),
    "eye": Function(operations.eye, (Argument("n", "length"), Argument("m", "length", None))),
    "ones": Function(ones, (Argument("shape", "shape"),)),
    "zeros": Function(zeros, (Argument("shape", "shape"),)),
    "reshape": Function(indexing.reshape, (X, Argument("shape", "shape"))),
    "concatenate": Function(indexing.concatenate, (Argument("arrays", "arrays"), Argument("axis", "axis", 0))),
}
"""Every function but ``where`` and ``Piecewise``, which take comparisons."""

CHOICES = ("where", "Piecewise")
CONSTANTS = ("pi", "e")
RESERVED = frozenset([*FUNCTIONS, *CHOICES, *CONSTANTS, "True", "False", "None"])
"""Names that a parameter, data or a constant may not have."""

REFUSED: Mapping[str, str] = {
    "ln": "write log(x)",
    "log2": "write log(x)/log(2)",
    "log10": "write log(x)/log(10)",
    "expm1": "write exp(x) - 1",
    "pow": "write x**y",
    "power": "write x**y",
    "Pow": "write x**y",
    "max": "write maximum(a, b) for the entrywise larger one",
    "min": "write minimum(a, b) for the entrywise smaller one",
    "amax": "write maximum(a, b) for the entrywise larger one",
    "transpose": "write x.T",
    "matmul": "write x @ y",
    "einsum": "write products with @, outer and sum",
    "arctan": "write atan(x)",
    "LeakyReLU": "write leaky_relu(x, 1/100), with its slope",
    "ReLU": "write relu(x)",
    "silu": "write x*sigmoid(x)",
    "SiLU": "write x*sigmoid(x)",
    "swish": "write x*sigmoid(x)",
    "logistic": "write sigmoid(x)",
    "mse": "write mean((y - f)**2)",
    "step": "write where(x > 0, 1, 0)",
    "Matrix": "write [[a, b], [c, d]]",
    "array": "write [[a, b], [c, d]]",
    "identity": "write eye(n)",
    "Trace": "write trace(x)",
    "Transpose": "write x.T",
    "Determinant": "write det(x)",
    "Inverse": "write inv(x)",
    "sech": "write 1/cosh(x)",
    "coth": "write 1/tanh(x)",
    "sec": "write 1/cos(x)",
    "cot": "write cos(x)/sin(x)",
    "csc": "write 1/sin(x)",
    "atanh": "write log((1 + x)/(1 - x))/2",
    "arctanh": "write log((1 + x)/(1 - x))/2",
    "asinh": "write log(x + sqrt(x**2 + 1))",
    "arcsinh": "write log(x + sqrt(x**2 + 1))",
    "acosh": "write log(x + sqrt(x**2 - 1))",
    "arccosh": "write log(x + sqrt(x**2 - 1))",
    "asin": "write atan(x/sqrt(1 - x**2))",
    "arcsin": "write atan(x/sqrt(1 - x**2))",
    "acos": "write pi/2 - atan(x/sqrt(1 - x**2))",
    "arccos": "write pi/2 - atan(x/sqrt(1 - x**2))",
    "stack": "write [a, b]",
    "prod": "write the product with *",
    "E": "write e for the base of the logarithm, or declare it",
    "I": "write real formulas, or declare it",
    "inf": "use a finite number",
    "nan": "use a number",
    "oo": "use a finite number",
}
"""Names from elsewhere and what to write instead."""
