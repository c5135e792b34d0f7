"""An evaluator of array expressions in NumPy, and NumPy's own meaning of the formula language: two oracles."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import special

from symmetries.expression import Node, walk

FUNCTIONS = {
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "abs": np.abs,
    "sign": np.sign,
    "sigmoid": special.expit,
    "softplus": lambda x: np.logaddexp(0, x),
    "relu": lambda x: np.maximum(0, x),
    "gelu": lambda x: x * special.ndtr(x),
    "normal_cdf": special.ndtr,
    "erf": special.erf,
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


def evaluate(root: Node, values: Mapping[str, Any]) -> np.ndarray:
    """The value of an expression, and a check of the shape of every node on the way."""
    done: dict[int, np.ndarray] = {}
    for node in walk(root):
        value = np.asarray(value_of(node, [done[id(argument)] for argument in node.arguments], values), dtype=float)
        assert value.shape == node.shape, f"{node.operation}: {value.shape} is not {node.shape}"
        done[id(node)] = value
    return done[id(root)]


def value_of(node: Node, x: list[np.ndarray], values: Mapping[str, Any]) -> Any:
    """The value of one operation."""
    payload: Any = node.payload
    match node.operation:
        case "number":
            return float(payload)
        case "array":
            return np.array([float(value) for value in payload]).reshape(node.shape)
        case "symbol":
            return values[payload]
        case "pi":
            return math.pi
        case "add":
            return sum(x[1:], x[0])
        case "multiply":
            return math.prod(x[1:], start=x[0])
        case "power":
            return x[0] ** float(payload)
        case "exponential":
            return x[0] ** x[1]
        case "function":
            return FUNCTIONS[payload](x[0])
        case "leaky_relu":
            return np.where(x[0] > 0, x[0], x[1] * x[0])
        case "elu":
            return np.where(x[0] > 0, x[0], x[1] * np.expm1(np.minimum(x[0], 0)))
        case "maximum":
            return np.maximum(*x)
        case "minimum":
            return np.minimum(*x)
        case "where":
            return np.where(RELATIONS[payload](x[0], 0), x[1], x[2])
        case "matmul":
            return x[0] @ x[1]
        case "transpose":
            return x[0].T
        case "det":
            return np.linalg.det(x[0])
        case "inv":
            return np.linalg.inv(x[0])
        case "reshape":
            return x[0].reshape(node.shape)
        case "gather":
            return x[0].ravel()[list(payload)].reshape(node.shape)
        case "concatenate":
            return np.concatenate(x, axis=payload)
        case "sum":
            return np.sum(x[0], axis=payload)
        case "logsumexp":
            return special.logsumexp(x[0], axis=payload) if x[0].ndim else x[0]
        case "softmax":
            return special.softmax(x[0], axis=payload)
    raise AssertionError(node.operation)


def cross_entropy(logits: Any, target: Any) -> Any:
    return np.mean(-np.sum(target * special.log_softmax(logits, axis=-1), axis=-1))


NUMPY: dict[str, Any] = {
    **FUNCTIONS,
    "Abs": np.abs,
    "sqrt": np.sqrt,
    "log1p": np.log1p,
    "square": np.square,
    "leaky_relu": lambda x, slope: np.where(x > 0, x, slope * x),
    "elu": lambda x, slope=1: np.where(x > 0, x, slope * np.expm1(np.minimum(x, 0))),
    "maximum": np.maximum,
    "minimum": np.minimum,
    "Max": lambda *x: np.max(np.stack(np.broadcast_arrays(*x)), axis=0),
    "Min": lambda *x: np.min(np.stack(np.broadcast_arrays(*x)), axis=0),
    "Heaviside": lambda x, middle=0.5: np.heaviside(x, middle),
    "Piecewise": lambda *cases: next(value for value, holds in cases if holds),
    "where": np.where,
    "sum": np.sum,
    "mean": np.mean,
    "logsumexp": special.logsumexp,
    "softmax": lambda x, axis=-1: special.softmax(x, axis=axis),
    "log_softmax": lambda x, axis=-1: special.log_softmax(x, axis=axis),
    "cross_entropy": cross_entropy,
    "norm": lambda x, axis=None, keepdims=False: np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims)),
    "trace": np.trace,
    "det": np.linalg.det,
    "inv": np.linalg.inv,
    "diag": np.diag,
    "dot": np.dot,
    "outer": np.outer,
    "kron": np.kron,
    "eye": np.eye,
    "ones": np.ones,
    "zeros": np.zeros,
    "reshape": np.reshape,
    "concatenate": np.concatenate,
    "pi": math.pi,
    "e": math.e,
}


def meaning(text: str, values: Mapping[str, Any]) -> np.ndarray:
    """What Python and NumPy say that a formula of a test means."""
    return np.asarray(eval(text, {"__builtins__": {}, **NUMPY}, dict(values)), dtype=float)  # noqa: S307
